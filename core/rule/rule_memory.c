/*
 * The Lua state's memory: counted, capped for the run that executes, and charged to its budget
 * where a single piece is big (copying costs time that no loop counter sees).
 *
 * The allocator itself never refuses. LuaJIT's error for that looks at a frame that compiled code
 * has not written yet, and the process dies (seen with 2.1.0-beta3 of 2022-03-20, in a compiled
 * table.concat). So the cap is kept by looking at it: with every slice of steps, in everything
 * that makes big strings before it makes them (`make_room`), and behind every `..` (`·fit`). What
 * can be made between two looks is bounded by what there is already. A run is told that there is
 * no memory only after a full collection.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include <stdio.h>
#include <stdlib.h>

#define BIG_BYTES 4096

void *rule_memory_allocate(void *owner, void *old, size_t old_size, size_t size)
{
	struct rule_vm *vm = owner;
	if (size == 0) {
		vm->used -= old_size;
		free(old);
		return NULL;
	}
	void *memory = realloc(old, size);
	if (memory == NULL) {
		/* As base/memory does. */
		fprintf(stderr, "weir: cannot allocate %zu bytes for rules\n", size);
		abort();
	}
	vm->allocations++;
	vm->used += size - old_size;
	if (vm->running != NULL && size >= BIG_BYTES && size > old_size)
		vm->running->charged += size / RULE_BYTES_PER_STEP;
	return memory;
}

bool rule_memory_fits(struct rule_vm *vm, lua_State *lua, size_t more)
{
	if (more > RULE_STRING_MOST || more > vm->cap)
		return false;
	if (vm->used + more <= vm->ceiling)
		return true;
	/* Something must be left after it, or the next collection would come with the next step. */
	lua_gc(lua, LUA_GCCOLLECT, 0);
	return vm->used + more <= vm->ceiling - vm->cap / 16;
}

void rule_memory_begin(struct rule_vm *vm, struct rule_run *run)
{
	vm->cap = run->limits->memory > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)run->limits->memory;
	vm->base = vm->used > run->memory ? vm->used - run->memory : 0;
	vm->ceiling = vm->base + vm->cap;
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
