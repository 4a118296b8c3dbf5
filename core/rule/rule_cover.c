/*
 * Which lines of rules run: a line hook, for those who test rules. LuaJIT's hooks do not see
 * compiled code, so nothing is compiled while one is set.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include <luajit.h>

/* A function in a function in a function: nobody nests deeper, and the walk is recursive. */
#define NESTED_MOST 100

static void on_line(lua_State *lua, lua_Debug *frame)
{
	const struct rule_cover *cover = rule_vm_of(lua)->cover;
	lua_getinfo(lua, "Sl", frame);
	if (strcmp(frame->source, RULE_SANDBOX) != 0 && frame->currentline > 0)
		cover->has_run(cover->extra, frame->source + 1, (unsigned)frame->currentline);
}

/* The number `key` of the table on top. */
static int number_of(lua_State *lua, const char *key)
{
	lua_getfield(lua, -1, key);
	int value = (int)lua_tointeger(lua, -1);
	lua_pop(lua, 1);
	return value;
}

/* Pushes what jit.util's `name` says of the function at `function`, about `which` (0: about all). */
static void ask(lua_State *lua, int util, int function, const char *name, int which)
{
	lua_getfield(lua, util, name);
	lua_pushvalue(lua, function);
	if (which != 0)
		lua_pushinteger(lua, which);
	lua_call(lua, which == 0 ? 1 : 2, 1);
}

/*
 * Each function has its instructions with their lines, and those inside of it among its constants.
 * The first instruction is its entry, the last a return that stands for its `end`.
 */
static void tell_lines(struct rule_vm *vm, int util, int function, int depth)
{
	lua_State *lua = vm->lua;
	char path[4200];
	luaL_checkstack(lua, 8, NULL);
	ask(lua, util, function, "funcinfo", 0);
	int count = number_of(lua, "bytecodes");
	lua_getfield(lua, -1, "source");
	snprintf(path, sizeof path, "%s", lua_tostring(lua, -1) + 1);
	lua_pop(lua, 2);
	for (int i = 1; i + 1 < count; i++) {
		ask(lua, util, function, "funcinfo", i);
		int line = number_of(lua, "currentline");
		lua_pop(lua, 1);
		if (line > 0)
			vm->cover->can_run(vm->cover->extra, path, (unsigned)line);
	}
	for (int i = -1;; i--) {
		ask(lua, util, function, "funck", i);
		bool is_end = lua_isnil(lua, -1);
		if (!is_end && depth < NESTED_MOST && strcmp(luaL_typename(lua, -1), "proto") == 0)
			tell_lines(vm, util, lua_gettop(lua), depth + 1);
		lua_pop(lua, 1);
		if (is_end)
			return;
	}
}

static void tell_chunk(struct rule_vm *vm, int util, int chunk)
{
	lua_rawgeti(vm->lua, LUA_REGISTRYINDEX, chunk);
	if (lua_isfunction(vm->lua, -1))
		tell_lines(vm, util, lua_gettop(vm->lua), 0);
	lua_pop(vm->lua, 1);
}

static bool tell_module(struct slice name, void *value, void *extra)
{
	struct rule_vm *vm = extra;
	const struct rule_module *module = value;
	(void)name;
	if (module->chunk != LUA_NOREF)
		tell_chunk(vm, lua_gettop(vm->lua), module->chunk);
	return true;
}

/* Lua: tell(): jit.util is not part of the libraries that rules are given. */
static int tell(lua_State *lua)
{
	struct rule_vm *vm = rule_vm_of(lua);
	lua_getfield(lua, LUA_REGISTRYINDEX, "_PRELOAD");
	lua_getfield(lua, -1, "jit.util");
	lua_call(lua, 0, 1);
	int util = lua_gettop(lua);
	for (const struct rule_set *set = vm->sets; set != NULL; set = set->next) {
		for (const struct rule *rule = set->rules; rule != NULL; rule = rule->next)
			tell_chunk(vm, util, rule->chunk);
		table_each(&set->modules, tell_module, vm);
	}
	return 0;
}

void rule_vm_cover(struct rule_vm *vm, const struct rule_cover *cover)
{
	vm->cover = cover;
	luaJIT_setmode(vm->lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	lua_pushcfunction(vm->lua, tell);
	if (lua_pcall(vm->lua, 0, 0, 0) != 0)
		lua_pop(vm->lua, 1); /* lines that nobody knows of are not missed */
	lua_sethook(vm->lua, on_line, LUA_MASKLINE, 0);
}
