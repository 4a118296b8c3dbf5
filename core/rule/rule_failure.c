/*
 * What is known of a run that failed: where, in which source line, the frames above it and the
 * values of the locals there. Looked at when the error is raised, because unwinding forgets it;
 * an error that the rule catches itself is never looked at.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_file.h"
#include "rule/rule_private.h"

#include <stdarg.h>
#include <stdio.h>

#define FRAMES_MOST 24
#define LEVELS_MOST 200
#define LOCALS_MOST 24
#define VALUE_BYTES 64 /* of a text that are shown */

/* ---- values ---------------------------------------------------------------------------------- */

/* A text that grows in a buffer and stops at its end. */
struct note {
	char *text;
	size_t size, used;
};

static void put(struct note *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct note *n, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(n->text + n->used, n->size - n->used, format, arguments);
	va_end(arguments);
	n->used += (size_t)len;
	if (n->used >= n->size)
		n->used = n->size - 1;
}

/* In quotes, as Lua would read it; bytes beyond ASCII are the log's to judge. */
static void put_text(struct note *n, struct slice text)
{
	put(n, "\"");
	for (size_t i = 0; i < text.len && i < VALUE_BYTES; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if (c == '"' || c == '\\')
			put(n, "\\%c", c);
		else if (c == '\n')
			put(n, "\\n");
		else if (c < ' ' || c == 0x7f)
			put(n, "\\%03u", c);
		else
			put(n, "%c", c);
	}
	if (text.len > VALUE_BYTES)
		put(n, "...\" (%zu bytes)", text.len);
	else
		put(n, "\"");
}

static void put_value(struct note *n, lua_State *lua)
{
	size_t len;
	const char *at;
	switch (lua_type(lua, -1)) {
	case LUA_TNIL:
		put(n, "nil");
		break;
	case LUA_TBOOLEAN:
		put(n, lua_toboolean(lua, -1) ? "true" : "false");
		break;
	case LUA_TNUMBER:
		put(n, "%.14g", lua_tonumber(lua, -1));
		break;
	case LUA_TSTRING:
		at = lua_tolstring(lua, -1, &len);
		put_text(n, slice_of(at, len));
		break;
	case LUA_TTABLE:
		put(n, "a table of %zu", lua_objlen(lua, -1));
		break;
	default:
		put(n, "a %s", luaL_typename(lua, -1));
	}
}

/* The value on top of the stack, which it pops. What the language keeps has names in brackets. */
static void put_local(struct note *n, lua_State *lua, const char *name)
{
	if (*name != '(') {
		put(n, "%s%s = ", n->used > 0 ? ", " : "", name);
		put_value(n, lua);
	}
	lua_pop(lua, 1);
}

/* `a = 1, b = nil`: the locals of that frame, then those of functions around it that it uses. */
static void write_locals(struct rule_vm *vm, lua_State *lua, lua_Debug *frame)
{
	struct note n = { vm->locals, sizeof vm->locals, 0 };
	const char *name;
	for (int i = 1; i <= LOCALS_MOST && (name = lua_getlocal(lua, frame, i)) != NULL; i++)
		put_local(&n, lua, name);
	lua_getinfo(lua, "f", frame);
	for (int i = 1; i <= LOCALS_MOST && (name = lua_getupvalue(lua, -1, i)) != NULL; i++)
		put_local(&n, lua, name);
	lua_pop(lua, 1);
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* One line per frame that is the rule's own, from `level`. */
static void write_traceback(struct rule_vm *vm, lua_State *lua, int level)
{
	lua_Debug frame;
	struct note n = { vm->traceback, sizeof vm->traceback, 0 };
	for (int shown = 0; shown < FRAMES_MOST && level < LEVELS_MOST; level++) {
		if (!lua_getstack(lua, level, &frame))
			break;
		lua_getinfo(lua, "nSl", &frame);
		if (frame.currentline <= 0 || strcmp(frame.source, RULE_SANDBOX) == 0)
			continue;
		const char *in = *frame.what == 'm'   ? "main chunk"
				 : frame.name != NULL ? frame.name
						      : "a function";
		put(&n, "%s%s:%d: in %s", shown > 0 ? "\n" : "", frame.source + 1,
		    frame.currentline, in);
		shown++;
	}
}

static void write_source_line(struct rule_vm *vm, const char *path, unsigned line)
{
	struct slice text = rule_file_line(path, line);
	snprintf(vm->source_line, sizeof vm->source_line, "%.*s", SLICE_PRINT(text));
}

void rule_failure_look(struct rule_vm *vm, lua_State *lua, int level)
{
	lua_Debug frame;
	vm->is_caught = true;
	vm->place[0] = vm->traceback[0] = vm->locals[0] = vm->source_line[0] = '\0';
	if (!rule_call_where(lua, level, &frame))
		return;
	snprintf(vm->place, sizeof vm->place, "%s:%d: ", frame.source + 1, frame.currentline);
	write_source_line(vm, frame.source + 1, (unsigned)frame.currentline);
	write_traceback(vm, lua, level);
	write_locals(vm, lua, &frame);
}

int rule_failure_catch(lua_State *lua)
{
	struct rule_vm *vm = rule_vm_of(lua);
	lua_settop(lua, 1);
	if (!vm->is_caught)
		rule_failure_look(vm, lua, 1);
	return 1;
}

/* ---- messages -------------------------------------------------------------------------------- */

static void write_limit_message(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	const struct rule_limits *limits = run->limits;
	if (run->is_slow)
		snprintf(vm->message, sizeof vm->message,
			 "%sbudget exhausted: more than %llu ms of processor time", vm->place,
			 (unsigned long long)rule_budget_guard_ns(limits) / 1000000);
	else if (run->failure == RULE_FAILURE_BUDGET)
		snprintf(
			vm->message, sizeof vm->message,
			"%sbudget exhausted: more than %llu steps between two waits or %llu in all",
			vm->place, (unsigned long long)limits->budget,
			(unsigned long long)limits->total_budget);
	else if (vm->base > vm->kept)
		snprintf(vm->message, sizeof vm->message,
			 "%smemory exhausted: all rules of the worker hold more than %zu bytes",
			 vm->place, vm->kept);
	else
		snprintf(vm->message, sizeof vm->message,
			 "%smemory exhausted: more than %llu bytes", vm->place,
			 (unsigned long long)limits->memory);
}

static void write_error_message(struct rule_run *run)
{
	struct rule_vm *vm = run->vm;
	const char *message = lua_tostring(run->thread, -1);
	if (message == NULL)
		snprintf(vm->message, sizeof vm->message, "%serror value is a %s", vm->place,
			 luaL_typename(run->thread, -1));
	else if (!rule_call_show_names(message, vm->message, sizeof vm->message))
		snprintf(vm->message, sizeof vm->message, "%s", message);
}

void rule_failure_note(struct rule_run *run, int status)
{
	struct rule_vm *vm = run->vm;
	if (!run->has_failed && status == LUA_ERRMEM) {
		run->has_failed = true;
		run->failure = RULE_FAILURE_MEMORY;
	}
	vm->failure = run->has_failed ? run->failure : RULE_FAILURE_ERROR;
	if (!vm->is_caught) /* raised behind a wait: the frames are still there */
		rule_failure_look(vm, run->thread, 0);
	if (vm->place[0] == '\0')
		snprintf(vm->place, sizeof vm->place, "%s: ", run->rule->path);
	if (run->has_failed)
		write_limit_message(run);
	else
		write_error_message(run);
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

const char *rule_failure_source_line(const struct rule_vm *vm)
{
	return vm->source_line;
}

const char *rule_failure_locals(const struct rule_vm *vm)
{
	return vm->locals;
}
