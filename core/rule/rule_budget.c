/*
 * The budget of a run: how many steps (loop turns, calls) it may take. The instrumented code
 * counts `·left` down and calls `·more()` below zero; this side hands steps out in slices, so
 * that it can look at the clock now and then: what a single step costs is bounded by charges for
 * everything big that is known, and by the clock for what is not.
 *
 * The clock is a last guard and far beyond what counted steps cost (50 ms and a quarter of a
 * microsecond a step); whether a rule ends by its budget is the same on every machine.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include <time.h>

/* Unwinding an error takes about a microsecond. */
#define CATCH_STEPS 10

#define GUARD_NS 50000000u
#define GUARD_NS_PER_STEP 250u

uint64_t rule_budget_guard_ns(const struct rule_limits *limits)
{
	if (limits->budget > UINT64_MAX / 2 / GUARD_NS_PER_STEP)
		return UINT64_MAX;
	return GUARD_NS + limits->budget * GUARD_NS_PER_STEP;
}

/* The least part of a turn that a run gets. */
#define TURN_PARTS 8
/* A run that took more than its turn lets so many pass for it, at most. */
#define REST_MOST 100

/* Between two looks at the clock, about, in a rule whose steps may take long. */
#define LOOK_NS 30000u
/* Steps until the next look when the rule has begun to handle something big. */
#define CAREFUL_PACE 16

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void set_left(struct rule_vm *vm, lua_Number left)
{
	lua_State *anchor = vm->anchor;
	lua_pushvalue(anchor, RULE_ANCHOR_LEFT);
	lua_pushnumber(anchor, left);
	lua_rawset(anchor, RULE_ANCHOR_ENV);
}

static lua_Number get_left(struct rule_vm *vm)
{
	lua_State *anchor = vm->anchor;
	lua_pushvalue(anchor, RULE_ANCHOR_LEFT);
	lua_rawget(anchor, RULE_ANCHOR_ENV);
	lua_Number left = lua_tonumber(anchor, -1);
	lua_pop(anchor, 1);
	return left;
}

static void start_clocks(struct rule_run *run)
{
	run->wall_start_ns = clock_ns(CLOCK_MONOTONIC);
	run->cpu_start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	run->looked_ns = 0;
}

/* Since the stretch had its second slice, or since it goes on after it was put off. */
static uint64_t wall_ns(struct rule_run *run)
{
	if (run->wall_start_ns == 0)
		start_clocks(run);
	return clock_ns(CLOCK_MONOTONIC) - run->wall_start_ns;
}

/* One step can take long: a text of megabytes compared, or `next` in a table that was emptied. */
static void set_pace(struct rule_run *run, uint64_t wall)
{
	uint64_t took = wall - run->looked_ns;
	run->looked_ns = wall;
	if (took > LOOK_NS)
		run->pace = run->pace < 4 ? 1 : run->pace / 4;
	else if (took < LOOK_NS / 4 && run->pace < RULE_SLICE)
		run->pace *= 2;
}

/* True when this stretch has used far more time than its steps explain. */
static bool is_too_slow(struct rule_run *run, uint64_t wall)
{
	/* The wall's clock is the cheap one; but the machine may have been busy with others. */
	uint64_t guard = rule_budget_guard_ns(run->limits);
	run->is_slow = wall + run->wall_before_ns > guard &&
		       clock_ns(CLOCK_THREAD_CPUTIME_ID) - run->cpu_start_ns + run->cpu_before_ns >
			       guard;
	return run->is_slow;
}

/* What `run` has computed so far is what the turn's other runs have less. */
static void use_turn(struct rule_run *run, uint64_t wall)
{
	struct rule_vm *vm = run->vm;
	vm->turn_used_ns = wall + (vm->turn == loop_turn() ? vm->turn_used_ns : 0);
	vm->turn = loop_turn();
}

/*
 * All runs of a turn share its time, so that many that compute hold up nobody for longer than one
 * does; but each may do enough in it to be worth the change.
 */
static bool is_turn_over(const struct rule_run *run, uint64_t wall)
{
	const struct rule_vm *vm = run->vm;
	uint64_t others = vm->turn == loop_turn() ? vm->turn_used_ns : 0;
	return vm->turn_ns != 0 && wall + others > vm->turn_ns && wall > vm->turn_ns / TURN_PARTS;
}

/* Lets others have a turn. Steps are counted as if it had not been: the budget is the same. */
static int put_off(struct rule_run *run, lua_State *lua, uint64_t wall)
{
	/* for the way out of the rule's coroutines, which is ours */
	set_left(run->vm, 1e6);
	use_turn(run, wall);
	run->wall_before_ns += wall;
	run->cpu_before_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - run->cpu_start_ns;
	run->is_waiting = run->is_put_off = true;
	run->rest = (unsigned)least(wall / run->vm->turn_ns, REST_MOST + 1);
	run->rest -= run->rest > 0; /* its own */
	run->slice = 0;
	lua_settop(lua, 0);
	lua_pushlightuserdata(lua, rule_call_wait_mark());
	return lua_yield(lua, 1);
}

/* Takes the next slice out of what is left. */
static uint64_t take_slice(struct rule_run *run)
{
	run->slice = least(run->pace, least(run->wait_left, run->total_left));
	run->wait_left -= run->slice;
	run->total_left -= run->slice;
	return run->slice;
}

void rule_budget_begin(struct rule_vm *vm, struct rule_run *run)
{
	run->wait_left = run->limits->budget;
	run->wall_start_ns = run->wall_before_ns = run->cpu_before_ns = 0;
	run->pace = RULE_SLICE;
	set_left(vm, (lua_Number)take_slice(run));
}

void rule_budget_go_on(struct rule_vm *vm, struct rule_run *run)
{
	start_clocks(run);
	if (run->has_no_room)
		set_left(vm, 0); /* and so to rule_budget_more */
	else
		set_left(vm, (lua_Number)take_slice(run) -
				     1); /* the step at which it was put off is one */
}

void rule_budget_end(struct rule_vm *vm, struct rule_run *run)
{
	lua_Number left = run->is_put_off ? 0 : get_left(vm);
	run->total_left += left > 0 ? (uint64_t)left : 0;
	run->total_left -= least(run->total_left, run->charged);
	run->charged = 0;
	if (run->wall_start_ns != 0 && !run->is_put_off)
		use_turn(run, wall_ns(run));
}

uint64_t rule_budget_left(const struct rule_vm *vm)
{
	const struct rule_run *run = vm->running;
	return least(run->wait_left, run->total_left) + run->slice;
}

int rule_budget_fail(struct rule_vm *vm, lua_State *lua, enum rule_failure failure)
{
	struct rule_run *run = vm->running;
	if (!run->has_failed) {
		run->has_failed = true;
		run->failure = failure;
		rule_failure_look(vm, lua, 1);
	}
	/* From now on every step comes here again. */
	set_left(vm, -1);
	lua_Debug frame;
	if (rule_call_where(lua, 1, &frame))
		lua_pushfstring(lua, "%s:%d: ", frame.source + 1, frame.currentline);
	else
		lua_pushliteral(lua, "");
	if (run->failure == RULE_FAILURE_MEMORY)
		lua_pushliteral(lua, "out of memory");
	else
		lua_pushliteral(lua, "out of budget");
	lua_concat(lua, 2);
	return lua_error(lua);
}

void rule_budget_check(struct rule_vm *vm, lua_State *lua)
{
	struct rule_run *run = vm->running;
	if (run == NULL)
		return;
	if (run->has_failed || run->charged > rule_budget_left(vm))
		rule_budget_fail(vm, lua, RULE_FAILURE_BUDGET);
	if (vm->used > vm->ceiling && !rule_memory_fits(vm, lua, 0))
		rule_budget_fail(vm, lua, RULE_FAILURE_MEMORY);
}

/* The next step is one for the slow path, where time is looked at; what is left is not lost. */
static void end_slice(struct rule_vm *vm, struct rule_run *run)
{
	lua_Number left = get_left(vm);
	if (left <= 0)
		return;
	run->slice -= (uint64_t)left;
	run->wait_left += (uint64_t)left;
	run->total_left += (uint64_t)left;
	set_left(vm, 0);
}

void rule_budget_spend(struct rule_vm *vm, lua_State *lua, uint64_t steps)
{
	if (vm->running == NULL)
		return;
	vm->running->charged += steps;
	rule_budget_check(vm, lua);
	if (vm->running->charged > RULE_SLICE) {
		vm->running->pace = least(vm->running->pace, CAREFUL_PACE);
		end_slice(vm, vm->running);
	}
}

void rule_budget_look(struct rule_vm *vm)
{
	end_slice(vm, vm->running);
}

bool rule_budget_is_turn_over(struct rule_run *run, lua_State *lua)
{
	const struct rule_vm *vm = run->vm;
	if (vm->turn_ns == 0 || run->has_failed || !lua_isyieldable(lua))
		return false;
	return vm->used > vm->ceiling || is_turn_over(run, wall_ns(run));
}

void rule_budget_return_step(struct rule_run *run)
{
	run->wait_left++;
	run->total_left++;
}

int rule_budget_more(lua_State *lua)
{
	struct rule_vm *vm = rule_vm_of(lua);
	struct rule_run *run = vm->running;
	if (run == NULL)
		return luaL_error(lua, "no rule is running");
	if (run->is_waiting || run->has_verdict) {
		/* On the way out of its coroutines: what has begun can neither fail nor be put off. */
		set_left(vm, 0);
		return 0;
	}
	if (run->has_no_room)
		rule_budget_fail(vm, lua, RULE_FAILURE_MEMORY);
	bool can_be_put_off = !run->has_failed && lua_isyieldable(lua);
	bool wants_room = can_be_put_off && rule_memory_wants_room(run);
	if (!wants_room)
		rule_budget_check(vm, lua);
	/* It may be more than was left without the slice that is used up now. */
	uint64_t owed = run->charged;
	run->charged = 0;
	run->wait_left -= least(run->wait_left, owed);
	run->total_left -= least(run->total_left, owed);
	uint64_t wall = wall_ns(run);
	if (is_too_slow(run, wall) || least(run->wait_left, run->total_left) == 0)
		return rule_budget_fail(vm, lua, RULE_FAILURE_BUDGET);
	if (wants_room || (can_be_put_off && is_turn_over(run, wall)))
		return put_off(run, lua, wall);
	set_pace(run, wall);
	take_slice(run);
	set_left(vm, (lua_Number)run->slice - 1); /* the step that came here is one */
	return 0;
}

int rule_budget_settle(lua_State *lua)
{
	char shown[512];
	rule_budget_spend(rule_vm_of(lua), lua, CATCH_STEPS);
	lua_settop(lua, 1);
	if (lua_type(lua, 1) == LUA_TSTRING &&
	    rule_call_show_names(lua_tostring(lua, 1), shown, sizeof shown))
		lua_pushstring(lua, shown);
	return 1;
}
