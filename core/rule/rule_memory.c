/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Lua state's memory: counted, capped for the run that executes, and charged to its budget
 * where a single piece is big (copying costs time that no loop counter sees).
 *
 * The allocator itself never refuses. LuaJIT's error for that looks at a frame that compiled code
 * has not written yet, and the process dies (seen with 2.1.0-beta3 of 2022-03-20, in a compiled
 * table.concat). So the cap is kept by looking at it: with every slice of steps, in everything
 * that makes big strings before it makes them (`make_room`), and behind every `..` (`·fit`). What
 * can be made between two looks is bounded by what there is already. A run is told that there is
 * no memory only after a full collection: bit by bit, in turns of the loop, where it can be put off.
 * Where others hold all that there is, a collection finds nothing, and is not made for each run anew.
 */
#include "rule/rule_private.h"

#include "base/check.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define BIG_BYTES 4096

/* At once, in a turn of the loop. */
#define COLLECT_MICROSECONDS 100
/* What became garbage while a cycle was under way is found by the next one. */
#define COLLECT_CYCLES 2

/*
 * Where others hold all memory, the next collection comes after so many times as long as the last one
 * took; one that was made bit by bit counts as so many microseconds.
 */
#define FULL_TIMES 20
#define FULL_MICROSECONDS 50000

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

/* All was collected, which took so long: is it worth while to do so again soon? */
static void note_collection(struct rule_vm *vm, uint64_t now, uint64_t took)
{
	vm->full_until = vm->used > vm->kept ? now + took * FULL_TIMES : 0;
}

/* What is held is held by others, and was a moment ago. */
static bool is_full(const struct rule_vm *vm)
{
	return vm->full_until != 0 && vm->used > vm->kept &&
	       clock_read_microseconds() < vm->full_until;
}

static void collect_all(struct rule_vm *vm, lua_State *lua)
{
	uint64_t began = clock_read_microseconds();
	lua_gc(lua, LUA_GCCOLLECT, 0);
	uint64_t now = clock_read_microseconds();
	note_collection(vm, now, now - began);
}

bool rule_memory_fits(struct rule_vm *vm, lua_State *lua, size_t more)
{
	if (more > RULE_STRING_MOST || more > vm->cap)
		return false;
	if (vm->used + more <= vm->ceiling)
		return true;
	if (is_full(vm))
		return false;
	/* Something must be left after it, or the next collection would come with the next step. */
	collect_all(vm, lua);
	return vm->used + more <= vm->ceiling - vm->cap / 16;
}

void rule_memory_begin(struct rule_vm *vm, struct rule_run *run)
{
	vm->cap = run->limits->memory > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)run->limits->memory;
	vm->base = vm->used > run->memory ? vm->used - run->memory : 0;
	vm->ceiling = (vm->base < vm->kept ? vm->base : vm->kept) + vm->cap;
}

void rule_memory_end(struct rule_vm *vm, struct rule_run *run)
{
	run->memory = vm->used > vm->base ? vm->used - vm->base : 0;
}

/* ---- bit by bit ------------------------------------------------------------------------------ */

static void collect_some(struct rule_vm *vm, uint64_t last_cycle)
{
	uint64_t began = clock_read_microseconds();
	while (vm->cycles < last_cycle && clock_read_microseconds() - began < COLLECT_MICROSECONDS)
		vm->cycles += (uint64_t)lua_gc(vm->lua, LUA_GCSTEP, 0);
}

static void on_collect(struct loop_task *task)
{
	struct rule_vm *vm = container_of(task, struct rule_vm, collect);
	collect_some(vm, vm->collect_until);
	if (vm->cycles < vm->collect_until)
		loop_later(task);
}

static void collect_later(struct rule_vm *vm)
{
	vm->collect_until = vm->cycles + COLLECT_CYCLES;
	loop_later(&vm->collect);
}

void rule_memory_init(struct rule_vm *vm)
{
	vm->collect.run = on_collect;
}

void rule_memory_release(struct rule_vm *vm)
{
	loop_forget(&vm->collect);
}

void rule_memory_over(struct rule_vm *vm, struct rule_run *run)
{
	if (run->memory <= vm->cap / 4)
		return;
	if (vm->turn_ns == 0)
		lua_gc(vm->lua, LUA_GCCOLLECT, 0);
	else
		collect_later(vm);
}

bool rule_memory_wants_room(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	if (vm->used <= vm->ceiling || vm->turn_ns == 0 || is_full(vm))
		return false;
	run->room_base = vm->base;
	run->room_at = vm->cycles + COLLECT_CYCLES;
	return true;
}

bool rule_memory_has_room(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	if (run->room_at == 0)
		return true;
	collect_some(vm, run->room_at);
	if (vm->cycles < run->room_at)
		return false;
	run->room_at = 0;
	/* what others have come to hold meanwhile is not this one's */
	size_t held = vm->used > run->room_base ? vm->used - run->room_base : 0;
	if (held < run->memory)
		run->memory = held;
	note_collection(vm, clock_read_microseconds(), FULL_MICROSECONDS);
	run->has_no_room = run->memory > run->limits->memory - run->limits->memory / 16 ||
			   vm->used > vm->kept + run->limits->memory;
	return true;
}

bool rule_memory_may_keep(struct rule_vm *vm, lua_State *lua)
{
	if (vm->used <= vm->kept)
		return true;
	if (vm->turn_ns == 0)
		collect_all(vm, lua);
	else
		collect_later(vm);
	return vm->used <= vm->kept;
}
