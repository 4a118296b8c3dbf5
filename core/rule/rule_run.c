/*
 * Runs: a pooled coroutine each. A run that ends by itself goes back to the pool as it is; one that
 * was given up inside (verdict in a function, error, cancel) leaves its coroutine to the collector
 * and gets a new one when it is used next.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>

#define IDLE_MOST 256

/*
 * The bottom of a run's stack. The chunk is called by Lua's own xpcall, so that an error is looked
 * at where it is raised: later its frames, and with them the values of its locals, are gone.
 */
enum { BOTTOM_XPCALL = 1, BOTTOM_CATCH, BOTTOM_IS_FINE };

/* ---- the pool -------------------------------------------------------------------------------- */

static void new_thread(struct rule_run *run)
{
	lua_State *lua = run->vm->lua;
	run->thread = lua_newthread(lua);
	/* they stay at the bottom of its stack: each run begins with a copy of them */
	rule_vm_push_anchored(run->vm, run->thread, RULE_ANCHOR_XPCALL);
	rule_vm_push_anchored(run->vm, run->thread, RULE_ANCHOR_CATCH);
	if (run->thread_ref == LUA_NOREF)
		run->thread_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
	else
		lua_rawseti(lua, LUA_REGISTRYINDEX, run->thread_ref);
}

static struct rule_run *run_new(struct rule_vm *vm)
{
	struct rule_run *run = memory_new(1, sizeof *run);
	run->vm = vm;
	run->thread_ref = LUA_NOREF;
	run->next_run = vm->runs;
	if (vm->runs != NULL)
		vm->runs->previous_run = run;
	vm->runs = run;
	return run;
}

static struct rule_run *run_take(struct rule_vm *vm)
{
	struct rule_run *run = vm->idle;
	if (run == NULL) {
		run = run_new(vm);
	} else {
		vm->idle = run->next;
		vm->idle_count--;
	}
	if (run->thread == NULL)
		new_thread(run);
	return run;
}

static void run_free(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	luaL_unref(vm->lua, LUA_REGISTRYINDEX, run->thread_ref);
	if (run->next_run != NULL)
		run->next_run->previous_run = run->previous_run;
	if (run->previous_run != NULL)
		run->previous_run->next_run = run->next_run;
	else
		vm->runs = run->next_run;
	free(run);
}

/* The run is over. `is_clean`: its coroutine ended by itself and can serve again. */
static void run_give_back(struct rule_run *run, bool is_clean)
{
	struct rule_vm *vm = run->vm;
	if (is_clean) {
		lua_settop(run->thread, BOTTOM_CATCH);
	} else {
		run->thread = NULL;
		lua_pushboolean(vm->lua, 0); /* not nil: luaL_ref would take the place */
		lua_rawseti(vm->lua, LUA_REGISTRYINDEX, run->thread_ref);
	}
	run->subject = NULL;
	run->is_waiting = false;
	rule_work_end(run);
	rule_memory_over(vm, run);
	if (vm->idle_count >= IDLE_MOST) {
		run_free(run);
		return;
	}
	run->next = vm->idle;
	vm->idle = run;
	vm->idle_count++;
}

/* ---- one stretch ----------------------------------------------------------------------------- */

static void stretch_begin(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	check(vm->running == NULL);
	vm->verdict_line = 0;
	vm->is_caught = false;
	if (vm->shown != run->rule->set)
		rule_set_show(run->rule->set);
	rule_memory_begin(vm, run);
	if (run->is_put_off)
		rule_budget_go_on(vm, run);
	else
		rule_budget_begin(vm, run);
	run->is_put_off = false;
	vm->running = run;
}

static void stretch_end(struct rule_run *run)
{
	run->vm->running = NULL;
	rule_budget_end(run->vm, run);
	rule_memory_end(run->vm, run);
}

static void note_verdict(struct rule_vm *vm, const char *path, unsigned line)
{
	vm->verdict_line = line;
	vm->verdict_path[sizeof vm->verdict_path - 1] = '\0';
	memccpy(vm->verdict_path, path, '\0', sizeof vm->verdict_path - 1);
}

static enum rule_result end_verdict(struct rule_run *run, bool is_parked)
{
	struct rule_vm *vm = run->vm;
	if (is_parked) {
		lua_Debug frame;
		if (run->line != 0)
			note_verdict(vm, run->path, run->line);
		else if (rule_call_where(run->thread, 0, &frame))
			note_verdict(vm, frame.source + 1, (unsigned)frame.currentline);
		else
			note_verdict(vm, run->rule->path, 0);
	} else {
		note_verdict(vm, run->rule->path, (unsigned)lua_tointeger(run->thread, -1));
	}
	run_give_back(run, !is_parked);
	return RULE_RESULT_VERDICT;
}

/* Lets the coroutine go on with the `count` values on its stack, and judges how it stopped. */
static enum rule_result go_on(struct rule_run *run, int count)
{
	run->is_waiting = false;
	int status = lua_resume(run->thread, count);
	stretch_end(run);
	if (status == 0 && !lua_toboolean(run->thread, BOTTOM_IS_FINE))
		status = LUA_ERRRUN;
	if (status > LUA_YIELD || run->has_failed) {
		rule_failure_note(run, status);
		run_give_back(run, false);
		return RULE_RESULT_FAILED;
	}
	if (run->has_verdict)
		return end_verdict(run, status == LUA_YIELD);
	if (status == LUA_YIELD) {
		check(run->is_waiting);
		lua_settop(run->thread, 0);
		return RULE_RESULT_WAITING;
	}
	run_give_back(run, true);
	return RULE_RESULT_FINISHED;
}

enum rule_result rule_start(struct rule_vm *vm, struct rule *rule, enum rule_phase phase,
			    const struct rule_limits *limits, void *subject,
			    struct rule_run **result)
{
	struct rule_run *run = run_take(vm);
	*result = run;
	run->rule = rule;
	run->subject = subject;
	run->limits = limits;
	run->phase = phase;
	run->place = 1u << phase | RULE_OF(limits->protocol);
	run->number = ++vm->run_count;
	run->total_left = limits->total_budget;
	run->charged = 0;
	run->memory = 0;
	run->line = 0;
	run->room_at = 0;
	run->has_failed = run->has_verdict = run->is_slow = false;
	run->is_put_off = run->has_no_room = false;
	stretch_begin(run);
	lua_pushvalue(run->thread, BOTTOM_XPCALL);
	lua_rawgeti(run->thread, LUA_REGISTRYINDEX, rule->chunk);
	lua_pushvalue(run->thread, BOTTOM_CATCH);
	return go_on(run, 2);
}

/* `finish` raised an error: the wrapper of the function raises it in the rule, if there is one. */
static enum rule_result finish_failed(struct rule_run *run, int status)
{
	struct rule_vm *vm = run->vm;
	lua_State *lua = vm->lua;
	if (status == LUA_ERRRUN && (run->function->phases & RULE_WAITS) != 0 && !run->has_failed) {
		lua_pushlightuserdata(run->thread, rule_call_raise_mark());
		lua_xmove(lua, run->thread, 1);
		return go_on(run, 2);
	}
	stretch_end(run);
	lua_xmove(lua, run->thread, 1);
	rule_failure_note(run, status);
	run_give_back(run, false);
	return RULE_RESULT_FAILED;
}

enum rule_result rule_resume(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	lua_State *lua = vm->lua;
	bool is_put_off = run->is_put_off;
	check(run->is_waiting);
	if (is_put_off && run->rest > 0) {
		run->rest--;
		return RULE_RESULT_WAITING;
	}
	if (is_put_off && !rule_memory_has_room(run))
		return RULE_RESULT_WAITING;
	stretch_begin(run);
	if (is_put_off)
		return go_on(run, 0);
	rule_vm_push_anchored(vm, lua, RULE_ANCHOR_FINISH);
	lua_pushlightuserdata(lua, run);
	int status = lua_pcall(lua, 1, LUA_MULTRET, 0);
	if (status != 0)
		return finish_failed(run, status);
	int count = lua_gettop(lua);
	if (run->is_waiting || run->has_verdict) {
		lua_settop(lua, 0);
		stretch_end(run);
		return run->has_verdict ? end_verdict(run, true) : RULE_RESULT_WAITING;
	}
	if (!lua_checkstack(run->thread, count)) {
		lua_settop(lua, 0);
		lua_pushliteral(lua, "too many results");
		return finish_failed(run, LUA_ERRRUN);
	}
	lua_xmove(lua, run->thread, count);
	run->line = 0;
	return go_on(run, count);
}

void rule_cancel(struct rule_run *run)
{
	check(run->is_waiting);
	run_give_back(run, false);
}

bool rule_is_put_off(const struct rule_run *run)
{
	return run->is_put_off;
}

const char *rule_wait_function(const struct rule_run *run)
{
	return run->function->name;
}

const char *rule_wait_path(const struct rule_run *run)
{
	return run->path;
}

unsigned rule_wait_line(const struct rule_run *run)
{
	return run->line;
}

const char *rule_verdict_path(const struct rule_vm *vm)
{
	return vm->verdict_path;
}

unsigned rule_verdict_line(const struct rule_vm *vm)
{
	return vm->verdict_line;
}
