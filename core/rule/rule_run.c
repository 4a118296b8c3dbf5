/*
 * Runs: a pooled coroutine each. A run that ends by itself goes back to the pool as it is; one that
 * was given up inside (verdict in a function, error, cancel) leaves its coroutine to the collector
 * and gets a new one when it is used next.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define IDLE_MOST 256
#define FRAMES_MOST 24
#define LEVELS_MOST 200

/* ---- the pool -------------------------------------------------------------------------------- */

static void new_thread(struct rule_run *run)
{
	lua_State *lua = run->vm->lua;
	run->thread = lua_newthread(lua);
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
		lua_settop(run->thread, 0);
	} else {
		run->thread = NULL;
		lua_pushboolean(vm->lua, 0); /* not nil: luaL_ref would take the place */
		lua_rawseti(vm->lua, LUA_REGISTRYINDEX, run->thread_ref);
	}
	run->subject = NULL;
	run->is_waiting = false;
	rule_memory_over(vm, run);
	if (vm->idle_count >= IDLE_MOST) {
		run_free(run);
		return;
	}
	run->next = vm->idle;
	vm->idle = run;
	vm->idle_count++;
}

/* ---- failures -------------------------------------------------------------------------------- */

/* The line that a message "path:line: ..." of `source` ("@path") names; 0 if it names none. */
static int line_in_message(const char *message, const char *source)
{
	struct slice text = slice_of_string(message), path = slice_of_string(source + 1);
	if (!slice_has_prefix(text, path) || message[path.len] != ':')
		return 0;
	return (int)strtol(message + path.len + 1, NULL, 10);
}

/*
 * One line per frame that is the rule's own. Where the innermost stood is forgotten when an error
 * of Lua's own ends it; the message knows.
 */
static void write_traceback(struct rule_vm *vm, lua_State *lua)
{
	lua_Debug frame;
	size_t used = 0;
	vm->traceback[0] = '\0';
	for (int level = 0, shown = 0; shown < FRAMES_MOST && level < LEVELS_MOST; level++) {
		if (!lua_getstack(lua, level, &frame))
			break;
		lua_getinfo(lua, "nSl", &frame);
		if (level == 0 && frame.currentline <= 0 && *frame.what != 'C')
			frame.currentline = line_in_message(vm->message, frame.source);
		if (frame.currentline <= 0 || strcmp(frame.source, RULE_SANDBOX) == 0)
			continue;
		const char *in = *frame.what == 'm'   ? "main chunk"
				 : frame.name != NULL ? frame.name
						      : "a function";
		int len = snprintf(vm->traceback + used, sizeof vm->traceback - used,
				   "%s%s:%d: in %s", shown > 0 ? "\n" : "", frame.source + 1,
				   frame.currentline, in);
		used += (size_t)len;
		if (used >= sizeof vm->traceback)
			break;
		shown++;
	}
}

/* "rules/x.lua:3: " of the innermost frame of the rule, else its file alone. */
static void write_place(const struct rule_run *run, char *to, size_t size)
{
	lua_Debug frame;
	if (rule_call_where(run->thread, 0, &frame))
		snprintf(to, size, "%s:%d: ", frame.source + 1, frame.currentline);
	else
		snprintf(to, size, "%s: ", run->rule->path);
}

static void write_limit_message(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	const struct rule_limits *limits = run->limits;
	char place[512];
	write_place(run, place, sizeof place);
	if (run->is_slow)
		snprintf(vm->message, sizeof vm->message,
			 "%sbudget exhausted: more than %llu ms of processor time", place,
			 (unsigned long long)rule_budget_guard_ns(limits) / 1000000);
	else if (run->failure == RULE_FAILURE_BUDGET)
		snprintf(
			vm->message, sizeof vm->message,
			"%sbudget exhausted: more than %llu steps between two waits or %llu in all",
			place, (unsigned long long)limits->budget,
			(unsigned long long)limits->total_budget);
	else
		snprintf(vm->message, sizeof vm->message,
			 "%smemory exhausted: more than %llu bytes", place,
			 (unsigned long long)limits->memory);
}

static void write_error_message(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	char place[512];
	const char *message = lua_tostring(run->thread, -1);
	if (message == NULL) {
		write_place(run, place, sizeof place);
		snprintf(vm->message, sizeof vm->message, "%serror value is a %s", place,
			 luaL_typename(run->thread, -1));
	} else if (!rule_call_show_names(message, vm->message, sizeof vm->message)) {
		snprintf(vm->message, sizeof vm->message, "%s", message);
	}
}

/* What lua_resume left on the thread becomes the failure of the vm. */
static void note_failure(struct rule_run *run, int status)
{
	struct rule_vm *vm = run->vm;
	if (!run->has_failed && status == LUA_ERRMEM) {
		run->has_failed = true;
		run->failure = RULE_FAILURE_MEMORY;
	}
	vm->failure = run->has_failed ? run->failure : RULE_FAILURE_ERROR;
	if (run->has_failed)
		write_limit_message(run);
	else
		write_error_message(run);
	write_traceback(vm, run->thread);
}

/* ---- one stretch ----------------------------------------------------------------------------- */

static void stretch_begin(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	check(vm->running == NULL);
	vm->verdict_line = 0;
	rule_memory_begin(vm, run);
	rule_budget_begin(vm, run);
	vm->running = run;
}

static void stretch_end(struct rule_run *run)
{
	run->vm->running = NULL;
	rule_budget_end(run->vm, run);
	rule_memory_end(run->vm, run);
}

static enum rule_result end_verdict(struct rule_run *run, bool is_parked)
{
	struct rule_vm *vm = run->vm;
	if (is_parked) {
		lua_Debug frame;
		vm->verdict_line = run->line;
		if (vm->verdict_line == 0 && rule_call_where(run->thread, 0, &frame))
			vm->verdict_line = (unsigned)frame.currentline;
	} else {
		vm->verdict_line = (unsigned)lua_tointeger(run->thread, -1);
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
	if (status > LUA_YIELD || run->has_failed) {
		note_failure(run, status);
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
	run->number = ++vm->run_count;
	run->total_left = limits->total_budget;
	run->charged = 0;
	run->memory = 0;
	run->line = 0;
	run->has_failed = run->has_verdict = run->is_slow = false;
	stretch_begin(run);
	lua_rawgeti(run->thread, LUA_REGISTRYINDEX, rule->chunk);
	return go_on(run, 0);
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
	note_failure(run, status);
	run_give_back(run, false);
	return RULE_RESULT_FAILED;
}

enum rule_result rule_resume(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	lua_State *lua = vm->lua;
	check(run->is_waiting);
	stretch_begin(run);
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

enum rule_failure rule_failure_kind(const struct rule_vm *vm)
{
	return vm->failure;
}

const char *rule_failure_message(const struct rule_vm *vm)
{
	return vm->message;
}

const char *rule_failure_traceback(const struct rule_vm *vm)
{
	return vm->traceback;
}

unsigned rule_verdict_line(const struct rule_vm *vm)
{
	return vm->verdict_line;
}
