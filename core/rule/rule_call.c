/*
 * The seam between rules and the functions that are given to them: arguments, results, waits and
 * verdicts. A wrong argument is raised from here as a Lua error and unwinds the function that
 * asked for it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/check.h"
#include "rule/rule_check.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const char wait_mark, raise_mark;

void *rule_call_wait_mark(void)
{
	return (void *)(uintptr_t)&wait_mark;
}

void *rule_call_raise_mark(void)
{
	return (void *)(uintptr_t)&raise_mark;
}

bool rule_call_where(lua_State *lua, int level, lua_Debug *frame)
{
	/* Bounded: finding a frame takes longer the deeper it lies. */
	for (int last = level + 50; level < last && lua_getstack(lua, level, frame); level++) {
		lua_getinfo(lua, "Sl", frame);
		if (frame->currentline > 0 && strcmp(frame->source, RULE_SANDBOX) != 0)
			return true;
	}
	return false;
}

void rule_call_fail(lua_State *lua, const char *what)
{
	lua_Debug frame;
	if (rule_call_where(lua, 1, &frame))
		lua_pushfstring(lua, "%s:%d: %s", frame.source + 1, frame.currentline, what);
	else
		lua_pushstring(lua, what);
	lua_error(lua);
	__builtin_unreachable();
}

bool rule_call_show_names(const char *message, char *to, size_t size)
{
	/* "bad argument #1 to 'string·rep' (...)", "attempt to index global 'http·getPath'" */
	const char *name = strstr(message, "bad argument #");
	name = strstr(name == NULL ? message : name, name == NULL ? " global '" : " to '");
	name = name == NULL ? NULL : strchr(name, '\'');
	const char *end = name == NULL ? NULL : strchr(name + 1, '\'');
	const char *dot = name == NULL ? NULL : strstr(name, RULE_DOT);
	if (end == NULL || dot == NULL || dot > end)
		return false;
	size_t used = 0;
	for (; *message != '\0' && used + 1 < size; message++)
		if (message < end && strncmp(message, RULE_DOT, strlen(RULE_DOT)) == 0) {
			to[used++] = '.';
			message += strlen(RULE_DOT) - 1;
		} else {
			to[used++] = *message;
		}
	to[used] = '\0';
	return true;
}

void *rule_call_subject(const struct rule_call *call)
{
	return call->run->subject;
}

const struct rule_function *rule_call_function(const struct rule_call *call)
{
	return call->function;
}

void rule_call_place(const struct rule_call *call, char *to, size_t size)
{
	lua_Debug frame;
	if (call->is_finishing)
		snprintf(to, size, "%s:%u", call->run->path, call->run->line);
	else if (rule_call_where(call->lua, 1, &frame))
		snprintf(to, size, "%s:%d", frame.source + 1, frame.currentline);
	else
		snprintf(to, size, "%s", call->run->rule->path);
}

enum rule_phase rule_call_phase(const struct rule_call *call)
{
	return call->run->phase;
}

const char *rule_call_rule_name(const struct rule_call *call)
{
	return call->run->rule->name;
}

unsigned rule_call_line(const struct rule_call *call)
{
	lua_Debug frame;
	if (call->is_finishing)
		return call->run->line;
	return rule_call_where(call->lua, 1, &frame) ? (unsigned)frame.currentline : 0;
}

/* ---- errors ---------------------------------------------------------------------------------- */

/* Pushes "rules/x.lua:3: http.setHeader: ". */
static void push_place(struct rule_call *call)
{
	lua_Debug frame;
	luaL_checkstack(call->lua, 4, NULL);
	if (call->is_finishing)
		lua_pushfstring(call->lua, "%s:%d: %s: ", call->run->rule->path,
				(int)call->run->line, call->function->name);
	else if (rule_call_where(call->lua, 1, &frame))
		lua_pushfstring(call->lua, "%s:%d: %s: ", frame.source + 1, frame.currentline,
				call->function->name);
	else
		lua_pushfstring(call->lua, "%s: %s: ", call->run->rule->path, call->function->name);
}

/* Pushes the name of argument `n` as the table of functions has it: "argument 1 (name): ". */
static void push_argument_name(struct rule_call *call, unsigned n)
{
	struct slice rest = slice_of_string(call->function->arguments), item = SLICE_ABSENT;
	for (unsigned i = 0; i < n; i++)
		if (!slice_next_item(&rest, ',', &item))
			item = SLICE_ABSENT;
	size_t len = 0;
	while (len < item.len && item.at[len] != ':' && item.at[len] != '?')
		len++;
	if (len == 0) {
		lua_pushfstring(call->lua, "argument %d: ", (int)n);
		return;
	}
	lua_pushfstring(call->lua, "argument %d (", (int)n);
	lua_pushlstring(call->lua, item.at, len);
	lua_pushliteral(call->lua, "): ");
	lua_concat(call->lua, 3);
}

/* The pushed pieces and the formatted text, as one error. */
static _Noreturn void raise_in_rule(struct rule_call *call, int pieces, const char *format,
				    va_list arguments) __attribute__((format(printf, 3, 0)));
static _Noreturn void raise_in_rule(struct rule_call *call, int pieces, const char *format,
				    va_list arguments)
{
	char text[512];
	vsnprintf(text, sizeof text, format, arguments);
	lua_pushstring(call->lua, text);
	lua_concat(call->lua, pieces + 1);
	lua_error(call->lua);
	__builtin_unreachable();
}

void rule_argument_error(struct rule_call *call, unsigned n, const char *format, ...)
{
	va_list arguments;
	push_place(call);
	push_argument_name(call, n);
	va_start(arguments, format);
	raise_in_rule(call, 2, format, arguments);
}

void rule_error(struct rule_call *call, const char *format, ...)
{
	va_list arguments;
	push_place(call);
	va_start(arguments, format);
	raise_in_rule(call, 1, format, arguments);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static const char *type_name(const struct rule_call *call, unsigned n)
{
	if (n > call->argument_count)
		return "nothing";
	return luaL_typename(call->lua, (int)n);
}

static bool is_given(const struct rule_call *call, unsigned n, int type)
{
	return n <= call->argument_count && lua_type(call->lua, (int)n) == type;
}

unsigned rule_argument_count(const struct rule_call *call)
{
	return call->argument_count;
}

bool rule_argument_is_absent(const struct rule_call *call, unsigned n)
{
	return n > call->argument_count || lua_isnil(call->lua, (int)n);
}

bool rule_argument_is_table(struct rule_call *call, unsigned n)
{
	return is_given(call, n, LUA_TTABLE);
}

bool rule_argument_is_boolean(struct rule_call *call, unsigned n)
{
	return is_given(call, n, LUA_TBOOLEAN);
}

bool rule_argument_is_number(struct rule_call *call, unsigned n)
{
	return is_given(call, n, LUA_TNUMBER);
}

struct slice rule_argument_string(struct rule_call *call, unsigned n)
{
	if (!is_given(call, n, LUA_TSTRING) && !is_given(call, n, LUA_TNUMBER))
		rule_argument_error(call, n, "expected a string, got %s", type_name(call, n));
	size_t len;
	const char *at = lua_tolstring(call->lua, (int)n, &len);
	return slice_of(at, len);
}

double rule_argument_number(struct rule_call *call, unsigned n)
{
	if (n > call->argument_count || !lua_isnumber(call->lua, (int)n))
		rule_argument_error(call, n, "expected a number, got %s", type_name(call, n));
	return lua_tonumber(call->lua, (int)n);
}

int64_t rule_argument_integer(struct rule_call *call, unsigned n, int64_t least, int64_t most)
{
	double value = rule_argument_number(call, n);
	if (value != floor(value) || !isfinite(value))
		rule_argument_error(call, n, "expected a whole number, got %.14g", value);
	/* A double beside INT64_MAX rounds up to 2^63, which no int64_t holds. */
	if (value < (double)least || value > (double)most || value >= 0x1p63)
		rule_argument_error(call, n, "expected a number from %lld to %lld, got %.14g",
				    (long long)least, (long long)most, value);
	return (int64_t)value;
}

bool rule_argument_boolean(struct rule_call *call, unsigned n)
{
	if (!is_given(call, n, LUA_TBOOLEAN))
		rule_argument_error(call, n, "expected a boolean, got %s", type_name(call, n));
	return lua_toboolean(call->lua, (int)n);
}

/* The text at the top of the stack; the value is the caller's to pop. */
static struct slice text_on_top(struct rule_call *call, unsigned n, const char *what)
{
	int type = lua_type(call->lua, -1);
	if (type != LUA_TSTRING && type != LUA_TNUMBER)
		rule_argument_error(call, n, "expected text as %s, got %s", what,
				    lua_typename(call->lua, type));
	size_t len;
	const char *at = lua_tolstring(call->lua, -1, &len);
	return slice_of(at, len);
}

void rule_argument_pairs(struct rule_call *call, unsigned n,
			 void (*each)(struct rule_call *call, struct slice key, struct slice value,
				      void *extra),
			 void *extra)
{
	lua_State *lua = call->lua;
	if (!rule_argument_is_table(call, n))
		rule_argument_error(call, n, "expected a table, got %s", type_name(call, n));
	luaL_checkstack(lua, 6, NULL);
	lua_pushnil(lua);
	while (lua_next(lua, (int)n)) {
		if (lua_type(lua, -2) != LUA_TSTRING)
			rule_argument_error(call, n, "expected names as keys, got %s",
					    luaL_typename(lua, -2));
		size_t len;
		const char *at = lua_tolstring(lua, -2, &len);
		struct slice key = slice_of(at, len);
		int value = lua_gettop(lua);
		if (!lua_istable(lua, value)) {
			each(call, key, text_on_top(call, n, "a value"), extra);
		} else {
			size_t count = lua_objlen(lua, value);
			rule_budget_spend(call->run->vm, lua, count);
			for (size_t i = 1; i <= count; i++) {
				lua_rawgeti(lua, value, (int)i);
				each(call, key, text_on_top(call, n, "an item of a value"), extra);
				lua_settop(lua, value);
			}
		}
		lua_settop(lua, value - 1);
		rule_budget_spend(call->run->vm, lua, 1);
	}
}

void rule_spend(struct rule_call *call, size_t bytes)
{
	if (bytes >= RULE_BYTES_PER_STEP)
		rule_budget_spend(call->run->vm, call->lua, bytes / RULE_BYTES_PER_STEP);
}

/* ---- results --------------------------------------------------------------------------------- */

static lua_State *room(struct rule_call *call)
{
	luaL_checkstack(call->lua, 4, "too many results");
	return call->lua;
}

void rule_push_string(struct rule_call *call, struct slice s)
{
	lua_State *lua = room(call);
	if (slice_is_absent(s)) {
		lua_pushnil(lua);
		return;
	}
	lua_pushlstring(lua, s.at, s.len);
}

void rule_push_integer(struct rule_call *call, int64_t value)
{
	lua_pushnumber(room(call), (lua_Number)value);
}

void rule_push_number(struct rule_call *call, double value)
{
	lua_pushnumber(room(call), value);
}

void rule_push_boolean(struct rule_call *call, bool value)
{
	lua_pushboolean(room(call), value);
}

void rule_push_nil(struct rule_call *call)
{
	lua_pushnil(room(call));
}

void rule_push_table(struct rule_call *call)
{
	lua_newtable(room(call));
}

void rule_table_set(struct rule_call *call, struct slice key, struct slice value)
{
	lua_State *lua = room(call);
	check(lua_istable(lua, -1));
	lua_pushlstring(lua, key.at, key.len);
	rule_push_string(call, value);
	lua_rawset(lua, -3);
}

void rule_table_append(struct rule_call *call, struct slice value)
{
	lua_State *lua = room(call);
	check(lua_istable(lua, -1));
	int at = (int)lua_objlen(lua, -1) + 1;
	rule_push_string(call, value);
	lua_rawseti(lua, -2, at);
}

/* ---- the call itself ------------------------------------------------------------------------- */

void rule_wait(struct rule_call *call, rule_function_run finish)
{
	call->run->finish = finish;
}

static int wait_now(struct rule_call *call, bool is_statement)
{
	struct rule_run *run = call->run;
	lua_State *lua = call->lua;
	/* An operation has been started: an error that Lua raises here would leave it alone. */
	check(run->finish != NULL && lua_isyieldable(lua));
	lua_Debug frame;
	bool is_known = rule_call_where(lua, 1, &frame);
	run->line = is_known ? (unsigned)frame.currentline : 0;
	run->path = is_known ? frame.source + 1 : run->rule->path;
	run->function = call->function;
	run->is_statement = is_statement;
	run->is_waiting = true;
	lua_settop(lua, 0);
	lua_pushlightuserdata(lua, rule_call_wait_mark());
	return lua_yield(lua, 1);
}

/*
 * A verdict parks the run for good: cheaper than an error (0.1 against 0.9 us, measured) and
 * nothing can catch it. A call that stands as a statement in the rule's main chunk need not even
 * that: the code around it returns when it gets `true` (see rule_load.c).
 */
static int decide(struct rule_call *call, bool is_statement)
{
	call->run->has_verdict = true;
	lua_settop(call->lua, 0);
	if (is_statement) {
		lua_pushboolean(call->lua, 1);
		return 1;
	}
	lua_pushlightuserdata(call->lua, rule_call_wait_mark());
	return lua_yield(call->lua, 1);
}

static const char *phase_name(enum rule_phase phase)
{
	static const char *const names[] = { "request", "response", "completion" };
	return names[phase];
}

int rule_call_answer(struct rule_call *call, enum rule_answer answer, bool is_statement)
{
	struct rule_vm *vm = call->run->vm;
	switch (answer) {
	case RULE_RETURN:
		if (call->run->work != NULL)
			rule_work_end(call->run);
		if (vm->used > vm->ceiling)
			rule_budget_check(vm, call->lua);
		/* As a statement its results go nowhere, and `true` would mean a verdict. */
		return is_statement ? 0 : lua_gettop(call->lua) - (int)call->argument_count;
	case RULE_WAIT:
		return wait_now(call, is_statement);
	case RULE_GO_ON:
		return rule_work_pause(call, is_statement);
	case RULE_VERDICT:
		return decide(call, is_statement);
	}
	check(!"an answer of enum rule_answer");
	return 0;
}

static _Noreturn void refuse_place(struct rule_call *call)
{
	enum rule_phase phase = call->run->phase;
	enum rule_protocol protocol = call->run->limits->protocol;
	if ((call->function->phases & RULE_NOT_ON(protocol)) != 0)
		rule_error(call, "%.*s",
			   SLICE_PRINT(rule_check_elsewhere(call->function, protocol)));
	rule_error(call, "makes no sense in a %s rule", phase_name(phase));
}

int rule_call_enter(lua_State *lua)
{
	const struct rule_binding *binding = lua_touserdata(lua, lua_upvalueindex(1));
	struct rule_run *run = binding->vm->running;
	bool is_statement = lua_toboolean(lua, lua_upvalueindex(2));
	struct rule_call call = { .lua = lua,
				  .run = run,
				  .function = binding->function,
				  .argument_count = (unsigned)lua_gettop(lua) };
	unsigned phases = binding->function->phases;
	if (((phases ^ RULE_OF_ANY) & run->place) != run->place)
		refuse_place(&call);
	if ((phases & RULE_WAITS) != 0 && !lua_isyieldable(lua))
		rule_error(&call, "cannot wait here");
	run->finish = NULL;
	return rule_call_answer(&call, binding->function->run(&call), is_statement);
}

int rule_call_finish(lua_State *lua)
{
	struct rule_run *run = lua_touserdata(lua, 1);
	rule_function_run finish = run->finish;
	struct rule_call call = {
		.lua = lua, .run = run, .function = run->function, .is_finishing = true
	};
	lua_settop(lua, 0);
	run->finish = NULL;
	run->is_waiting = false;
	switch (finish(&call)) {
	case RULE_RETURN:
		return run->is_statement ? 0 : lua_gettop(lua);
	case RULE_WAIT:
		check(run->finish != NULL);
		run->is_waiting = true;
		return 0;
	case RULE_VERDICT:
		run->has_verdict = true;
		return 0;
	case RULE_GO_ON:
		break; /* nothing of the rule is there that could go on */
	}
	check(!"an answer of enum rule_answer");
	return 0;
}
