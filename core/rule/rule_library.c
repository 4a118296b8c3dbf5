/*
 * The C half of lua/sandbox.lua: what Lua cannot do itself, or must not be able to do.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* Compiling (twice, with the checks between) costs so many steps, and one for so many bytes. */
#define LOAD_STEPS 120
#define LOAD_BYTES_PER_STEP 4

/* spend(steps) */
static int spend(lua_State *lua)
{
	lua_Number steps = lua_tonumber(lua, 1);
	if (steps > 0)
		rule_budget_spend(rule_vm_of(lua), lua,
				  steps < 1e15 ? (uint64_t)steps : (uint64_t)1e15);
	return 0;
}

/* make_room(bytes): before something makes a string of that size. */
static int make_room(lua_State *lua)
{
	struct rule_vm *vm = rule_vm_of(lua);
	lua_Number bytes = lua_tonumber(lua, 1);
	if (bytes > 0 && !rule_memory_fits(vm, lua, bytes < 1e15 ? (size_t)bytes : (size_t)1e15))
		rule_budget_fail(vm, lua, RULE_FAILURE_MEMORY);
	return 0;
}

/* check(bytes): a string of that size has been made. */
static int check_made(lua_State *lua)
{
	struct rule_vm *vm = rule_vm_of(lua);
	lua_Number bytes = lua_tonumber(lua, 1);
	if (bytes > RULE_STRING_MOST)
		rule_budget_fail(vm, lua, RULE_FAILURE_MEMORY);
	/* It was copied, even if there was such a string already and nothing was allocated. */
	rule_budget_spend(vm, lua, (uint64_t)bytes / RULE_BYTES_PER_STEP);
	return 0;
}

/* The text at the top of the stack and how long it is; `index` is where it came from. */
static struct slice item_on_top(lua_State *lua, int index)
{
	int type = lua_type(lua, -1);
	if (type != LUA_TSTRING && type != LUA_TNUMBER) {
		lua_pushfstring(lua, "invalid value (%s) at index %d in table for 'concat'",
				lua_typename(lua, type), index);
		rule_call_fail(lua, lua_tostring(lua, -1));
	}
	size_t len;
	const char *at = lua_tolstring(lua, -1, &len);
	return slice_of(at, len);
}

/* Where a text is put together: one block for the process, so that an error leaves nothing behind. */
static char *scratch;
static size_t scratch_size;
#define SCRATCH_KEPT 65536

static char *take_scratch(size_t size)
{
	if (size > scratch_size) {
		free(scratch);
		scratch_size = size > SCRATCH_KEPT ? size : SCRATCH_KEPT;
		scratch = memory_new(1, scratch_size);
	}
	return scratch;
}

static void give_scratch_back(void)
{
	if (scratch_size <= SCRATCH_KEPT)
		return;
	free(scratch);
	scratch = NULL;
	scratch_size = 0;
}

/*
 * concat(t, separator, i, j): as table.concat, but it knows what it will need before it starts.
 * Two passes over values that nobody can change between them: there are no metamethods here.
 */
static int concat(lua_State *lua)
{
	struct rule_vm *vm = rule_vm_of(lua);
	luaL_checktype(lua, 1, LUA_TTABLE);
	size_t separator_len;
	const char *separator = luaL_optlstring(lua, 2, "", &separator_len);
	int first = luaL_optint(lua, 3, 1);
	int last = lua_isnoneornil(lua, 4) ? (int)lua_objlen(lua, 1) : luaL_checkint(lua, 4);
	size_t total = 0;
	if (first <= last)
		rule_budget_spend(vm, lua, ((uint64_t)last - (uint64_t)first) / 4);
	for (int64_t i = first; i <= last; i++) {
		lua_rawgeti(lua, 1, (int)i);
		total += item_on_top(lua, (int)i).len + (i < last ? separator_len : 0);
		lua_pop(lua, 1);
	}
	if (total > RULE_BYTES_PER_STEP && !rule_memory_fits(vm, lua, total))
		rule_budget_fail(vm, lua, RULE_FAILURE_MEMORY);
	char *to = take_scratch(total + 1);
	size_t used = 0;
	for (int64_t i = first; i <= last; i++) {
		lua_rawgeti(lua, 1, (int)i);
		struct slice item = item_on_top(lua, (int)i);
		memcpy(to + used, item.at, item.len);
		used += item.len;
		if (i < last && separator_len > 0)
			memcpy(to + used, separator, separator_len);
		used += i < last ? separator_len : 0;
		lua_pop(lua, 1);
	}
	lua_pushlstring(lua, to, total);
	give_scratch_back();
	return 1;
}

/* yield(...): as coroutine.yield, but a run itself cannot be yielded by its rule. */
static int yield(lua_State *lua)
{
	if (lua == rule_vm_of(lua)->running->thread)
		return luaL_error(lua, "attempt to yield from outside a coroutine");
	if (!lua_isyieldable(lua))
		return luaL_error(lua, "attempt to yield across C-call boundary");
	return lua_yield(lua, lua_gettop(lua));
}

/* running(): the coroutine, nil for the run itself. */
static int running(lua_State *lua)
{
	if (lua == rule_vm_of(lua)->running->thread)
		lua_pushnil(lua);
	else
		lua_pushthread(lua);
	return 1;
}

/* run_number(): which run this is. */
static int run_number(lua_State *lua)
{
	lua_pushnumber(lua, (lua_Number)rule_vm_of(lua)->running->number);
	return 1;
}

/* now(): seconds since 1970. */
static int now(lua_State *lua)
{
	uint64_t seconds = clock_read_wall_microseconds() / 1000000;
	lua_pushnumber(lua, (lua_Number)seconds);
	return 1;
}

/*
 * Compiles outside of the run's memory: nothing may be raised while C memory is held. What it
 * makes counts from the next allocation on, and the text was paid for in steps.
 */
static bool load_aside(lua_State *lua, const struct rule_source *source,
		       struct complaints *complaints)
{
	struct rule_vm *vm = rule_vm_of(lua);
	struct rule_run *run = vm->running;
	vm->running = NULL;
	bool is_fine = rule_load_chunk(vm, lua, source, complaints);
	vm->running = run;
	return is_fine;
}

/* The first complaint as "file:line: text", and forgets them. */
static void say_first(struct complaints *complaints, char *to, size_t size)
{
	const struct complaint *first = complaints->list;
	if (first->line > 0)
		snprintf(to, size, "%s:%u: %s", first->file, first->line, first->text);
	else
		snprintf(to, size, "%s%s%s", first->file, *first->file == '\0' ? "" : ": ",
			 first->text);
	complaints_release(complaints);
}

/* load(text, name): the function, or nil and what is wrong. */
static int load(lua_State *lua)
{
	size_t len;
	char message[512], name[64];
	struct complaints complaints = { 0 };
	const char *text = luaL_checklstring(lua, 1, &len);
	snprintf(name, sizeof name, "%s", luaL_checkstring(lua, 2));
	rule_budget_spend(rule_vm_of(lua), lua, LOAD_STEPS + len / LOAD_BYTES_PER_STEP);
	struct rule_source source = { .set = rule_vm_of(lua)->running->rule->set,
				      .path = name,
				      .text = slice_of(text, len) };
	if (load_aside(lua, &source, &complaints))
		return 1;
	say_first(&complaints, message, sizeof message);
	lua_pushnil(lua);
	lua_pushstring(lua, message);
	return 2;
}

/* module(name): its chunk, or nil and what is wrong. */
static int module(lua_State *lua)
{
	char message[512];
	struct complaints complaints = { 0 };
	struct rule_vm *vm = rule_vm_of(lua);
	struct rule_run *run = vm->running;
	size_t len;
	const char *name = luaL_checklstring(lua, 1, &len);
	if (strlen(name) != len)
		return luaL_error(lua, "a module name holds no NUL");
	rule_budget_spend(vm, lua, LOAD_STEPS);
	vm->running = NULL;
	struct rule_module *found = rule_load_module(run->rule->set, lua, NULL, name, &complaints);
	vm->running = run;
	if (found != NULL && found->chunk != LUA_NOREF) {
		lua_rawgeti(lua, LUA_REGISTRYINDEX, found->chunk);
		return 1;
	}
	say_first(&complaints, message, sizeof message);
	lua_pushnil(lua);
	lua_pushstring(lua, message);
	return 2;
}

void rule_library_push(struct rule_vm *vm, lua_State *lua)
{
	static const luaL_Reg functions[] = {
		{ "spend", spend },
		{ "make_room", make_room },
		{ "check", check_made },
		{ "concat", concat },
		{ "settle", rule_budget_settle },
		{ "yield", yield },
		{ "running", running },
		{ "run_number", run_number },
		{ "now", now },
		{ "load", load },
		{ "module", module },
		{ "go_on", rule_work_go_on },
		{ "find", rule_pattern_find },
		{ "match", rule_pattern_match },
		{ "scan", rule_pattern_scan },
		{ "gsub_text", rule_pattern_gsub_text },
	};
	lua_newtable(lua);
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		lua_pushcfunction(lua, functions[i].func);
		lua_setfield(lua, -2, functions[i].name);
	}
	rule_vm_push_anchored(vm, lua, RULE_ANCHOR_MODULES);
	lua_setfield(lua, -2, "modules");
	lua_pushlightuserdata(lua, rule_call_wait_mark());
	lua_setfield(lua, -2, "WAIT");
	lua_pushlightuserdata(lua, rule_call_raise_mark());
	lua_setfield(lua, -2, "RAISE");
	lua_pushlightuserdata(lua, rule_work_mark());
	lua_setfield(lua, -2, "GO_ON");
}
