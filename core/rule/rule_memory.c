/*
 * The Lua state's memory: counted, capped for the run that executes, and charged to its budget
 * where a single piece is big (copying costs time that no loop counter sees).
 *
 * LuaJIT has no emergency collection, and an allocator cannot start one. What it can do is set two
 * numbers of the collector, so that the next regular look at its debt does a whole cycle. This is
 * done from half of the cap on, and not again before an eighth of it has come on top of what was
 * left. A run that ends with much garbage has it collected at once, so that it does not pile up.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include <stdio.h>
#include <stdlib.h>

#define BIG_BYTES 4096
#define STEP_MULTIPLIER 200 /* LuaJIT's own default */

static bool is_collection_due(const struct rule_vm *vm, size_t used)
{
	return used > vm->collect_at && used - vm->lowest > vm->cap / 8;
}

static void collect_soon(struct rule_vm *vm, size_t used)
{
	vm->is_collecting = true;
	vm->lowest = used;
	lua_gc(vm->lua, LUA_GCSETSTEPMUL, 0); /* a step is a whole cycle */
	lua_gc(vm->lua, LUA_GCRESTART, 0);    /* and it is due */
}

static bool may_grow(struct rule_vm *vm, size_t grow, size_t size)
{
	struct rule_run *run = vm->running;
	size_t used = vm->used + grow;
	if (used > vm->ceiling || used < grow) {
		vm->was_refused = true;
		return false;
	}
	if (is_collection_due(vm, used))
		collect_soon(vm, used);
	if (size >= BIG_BYTES)
		run->charged += size / RULE_BYTES_PER_STEP;
	if (run->charged <= rule_budget_left(vm))
		return true;
	run->has_failed = true;
	run->failure = RULE_FAILURE_BUDGET;
	return false;
}

void *rule_memory_allocate(void *owner, void *old, size_t old_size, size_t size)
{
	struct rule_vm *vm = owner;
	if (size == 0) {
		vm->used -= old_size;
		vm->lowest = vm->used < vm->lowest ? vm->used : vm->lowest;
		free(old);
		return NULL;
	}
	vm->allocations++;
	if (vm->running != NULL && size > old_size && !may_grow(vm, size - old_size, size))
		return NULL;
	void *memory = realloc(old, size);
	if (memory == NULL) {
		if (vm->running != NULL) {
			vm->was_refused = true;
			return NULL;
		}
		/* Nobody could catch Lua's error here; base/memory ends the process the same way. */
		fprintf(stderr, "weir: cannot allocate %zu bytes for rules\n", size);
		abort();
	}
	vm->used += size - old_size;
	return memory;
}

bool rule_memory_prepare(struct rule_vm *vm, size_t grow)
{
	if (vm->running == NULL)
		return true;
	if (grow > vm->cap)
		return false;
	if (is_collection_due(vm, vm->used + grow)) {
		lua_gc(vm->lua, LUA_GCCOLLECT, 0);
		vm->lowest = vm->used;
	}
	return vm->used + grow <= vm->ceiling;
}

void rule_memory_begin(struct rule_vm *vm, struct rule_run *run)
{
	if (vm->is_collecting) {
		vm->is_collecting = false;
		lua_gc(vm->lua, LUA_GCSETSTEPMUL, STEP_MULTIPLIER);
	}
	vm->was_refused = false;
	vm->cap = run->limits->memory > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)run->limits->memory;
	vm->base = vm->used > run->memory ? vm->used - run->memory : 0;
	vm->ceiling = vm->base + vm->cap;
	vm->collect_at = vm->base + vm->cap / 2;
	vm->lowest = 0;
}

void rule_memory_end(struct rule_vm *vm, struct rule_run *run)
{
	run->memory = vm->used > vm->base ? vm->used - vm->base : 0;
}

void rule_memory_over(struct rule_vm *vm, struct rule_run *run)
{
	if (run->memory > vm->cap / 4)
		lua_gc(vm->lua, LUA_GCCOLLECT, 0);
}
