/*
 * The state: Lua's libraries, the functions for rules as families of read-only tables (made by
 * lua/sandbox.lua), and the table of all names that a rule may use.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/check.h"
#include "base/memory.h"

#include <luajit.h>
#include <lualib.h>
#include <stdlib.h>
#include <sys/random.h>

/*
 * lua/sandbox.lua as it stands, part of the program: nothing to install, nothing to be changed. The
 * names are global, because an optimiser of the whole program may put them in another object.
 */
__asm__(".pushsection .rodata\n"
	".globl rule_sandbox_start, rule_sandbox_end\n"
	".hidden rule_sandbox_start, rule_sandbox_end\n"
	"rule_sandbox_start: .incbin \"lua/sandbox.lua\"\n"
	"rule_sandbox_end: .byte 0\n"
	".popsection\n");
extern const char rule_sandbox_start[], rule_sandbox_end[];

static int panic(lua_State *lua)
{
	(void)lua;
	check(!"an error outside of a protected call");
	return 0;
}

struct rule_vm *rule_vm_of(lua_State *lua)
{
	void *owner;
	lua_getallocf(lua, &owner);
	return owner;
}

void rule_vm_push_anchored(struct rule_vm *vm, lua_State *lua, int position)
{
	lua_pushvalue(vm->anchor, position);
	lua_xmove(vm->anchor, lua, 1);
}

/* ---- names ----------------------------------------------------------------------------------- */

static struct rule_known *know(struct rule_vm *vm, struct slice name)
{
	struct rule_known *known = table_get(&vm->names, name);
	if (known != NULL)
		return known;
	known = memory_new(1, sizeof *known + name.len + 1);
	memcpy(known->name, name.at, name.len);
	table_set(&vm->names, name, known);
	vm->name_list = memory_resize(vm->name_list, (vm->name_count + 1) * sizeof *vm->name_list);
	vm->name_list[vm->name_count++] = known->name;
	return known;
}

/* Knows "a.b.c" and its families "a" and "a.b". */
static struct rule_known *know_path(struct rule_vm *vm, const char *name)
{
	struct slice path = slice_of_string(name);
	for (size_t at = 0; at < path.len; at++)
		if (path.at[at] == '.')
			know(vm, slice_of(path.at, at))->is_family = true;
	return know(vm, path);
}

struct rule_known *rule_vm_known(const struct rule_vm *vm, const char *name)
{
	return table_get(&vm->names, slice_of_string(name));
}

/* Lua: know(name, is_function), for Lua's own. */
static int know_lua(lua_State *lua)
{
	struct rule_known *known = know_path(rule_vm_of(lua), luaL_checkstring(lua, 1));
	known->is_function = known->is_function || lua_toboolean(lua, 2);
	return 0;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static void open_libraries(lua_State *lua)
{
	static const luaL_Reg libraries[] = {
		{ "", luaopen_base },
		{ LUA_TABLIBNAME, luaopen_table },
		{ LUA_STRLIBNAME, luaopen_string },
		{ LUA_MATHLIBNAME, luaopen_math },
		{ LUA_OSLIBNAME, luaopen_os },
		{ LUA_BITLIBNAME, luaopen_bit },
		{ LUA_JITLIBNAME, luaopen_jit },
	};
	for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
		lua_pushcfunction(lua, libraries[i].func);
		lua_pushstring(lua, libraries[i].name);
		lua_call(lua, 1, 0);
	}
}

/* Pushes {{name, function, as a statement, may wait, works in pieces}, ...}. */
static void push_functions(struct rule_vm *vm, lua_State *lua)
{
	lua_newtable(lua);
	for (size_t i = 0; i < vm->function_count; i++) {
		vm->bindings[i] = (struct rule_binding){ vm, &vm->functions[i] };
		struct rule_known *known = know_path(vm, vm->functions[i].name);
		known->function = &vm->functions[i];
		known->is_function = true;
		lua_createtable(lua, 5, 0);
		lua_pushstring(lua, vm->functions[i].name);
		lua_rawseti(lua, -2, 1);
		for (int is_statement = 0; is_statement < 2; is_statement++) {
			lua_pushlightuserdata(lua, &vm->bindings[i]);
			lua_pushboolean(lua, is_statement);
			lua_pushcclosure(lua, rule_call_enter, 2);
			lua_rawseti(lua, -2, 2 + is_statement);
		}
		lua_pushboolean(lua, (vm->functions[i].phases & RULE_WAITS) != 0);
		lua_rawseti(lua, -2, 4);
		lua_pushboolean(lua, (vm->functions[i].phases & RULE_IN_PIECES) != 0);
		lua_rawseti(lua, -2, 5);
		lua_rawseti(lua, -2, (int)i + 1);
	}
}

/* LuaJIT's generator starts alike in every worker; they must not all draw the same numbers. */
static void seed_random(lua_State *lua)
{
	uint32_t seed = 0;
	while (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		;
	lua_getglobal(lua, "math");
	lua_getfield(lua, -1, "randomseed");
	lua_pushnumber(lua, seed);
	lua_call(lua, 1, 0);
	lua_pop(lua, 1);
}

/* Runs lua/sandbox.lua, which fills the environment of rules. */
static void run_sandbox(struct rule_vm *vm, lua_State *lua)
{
	struct complaints complaints = { 0 };
	struct slice text = slice_of(rule_sandbox_start,
				     (size_t)(rule_sandbox_end - rule_sandbox_start));
	struct rule_source source = { .path = "lua/sandbox.lua", .text = text, .is_sandbox = true };
	if (!rule_load_chunk(vm, lua, &source, &complaints))
		complaints_print(&complaints, stderr);
	check(complaints.count == 0);
	rule_vm_push_anchored(vm, lua, RULE_ANCHOR_ENV);
	lua_pushvalue(lua, LUA_GLOBALSINDEX);
	rule_library_push(vm, lua);
	lua_pushcfunction(lua, know_lua);
	lua_setfield(lua, -2, "know");
	push_functions(vm, lua);
	lua_call(lua, 4, 0);
}

/* Protected, so that an error of ours shows itself instead of reaching panic. */
static int set_up(lua_State *lua)
{
	struct rule_vm *vm = rule_vm_of(lua);
	open_libraries(lua);
	luaJIT_setmode(lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
	seed_random(lua);
	lua_State *anchor = vm->anchor = lua_newthread(lua);
	luaL_ref(lua, LUA_REGISTRYINDEX);
	lua_newtable(anchor);
	lua_pushliteral(anchor, RULE_LEFT);
	lua_pushcfunction(anchor, rule_call_finish);
	lua_getglobal(anchor, "xpcall");
	lua_pushcfunction(anchor, rule_failure_catch);
	lua_newtable(anchor);
	lua_pushnumber(anchor, 1e15); /* steps of the sandbox's own start */
	lua_setfield(anchor, RULE_ANCHOR_ENV, RULE_LEFT);
	lua_pushcfunction(anchor, rule_budget_more);
	lua_setfield(anchor, RULE_ANCHOR_ENV, RULE_MORE);
	rule_set_show(rule_set_new(vm));
	run_sandbox(vm, lua);
	return 0;
}

struct rule_vm *rule_vm_new(const char *rules_dir, const struct rule_function *functions,
			    size_t count)
{
	struct rule_vm *vm = memory_new(1, sizeof *vm);
	vm->rules_dir = memory_copy_string(rules_dir, strlen(rules_dir));
	vm->functions = functions;
	vm->function_count = count;
	vm->bindings = memory_new(count + 1, sizeof *vm->bindings);
	table_init(&vm->names);
	rule_memory_init(vm);
	rule_vm_set_kept(vm, SIZE_MAX);
	vm->lua = lua_newstate(rule_memory_allocate, vm);
	check(vm->lua != NULL);
	lua_atpanic(vm->lua, panic);
	lua_pushcfunction(vm->lua, set_up);
	if (lua_pcall(vm->lua, 0, 0, 0) != 0) {
		fprintf(stderr, "weir: %s\n", lua_tostring(vm->lua, -1));
		check(!"the sandbox starts");
	}
	lua_settop(vm->lua, 0);
	return vm;
}

void rule_vm_free(struct rule_vm *vm)
{
	if (vm == NULL)
		return;
	check(vm->running == NULL);
	while (vm->sets != NULL)
		rule_set_free(vm->sets);
	rule_memory_release(vm);
	lua_close(vm->lua);
	while (vm->runs != NULL) {
		struct rule_run *run = vm->runs;
		vm->runs = run->next_run;
		rule_work_end(run);
		free(run);
	}
	table_release(&vm->names, free);
	free(vm->name_list);
	free(vm->bindings);
	free(vm->rules_dir);
	free(vm);
}

void rule_vm_set_turn(struct rule_vm *vm, uint64_t nanoseconds)
{
	vm->turn_ns = nanoseconds;
}

void rule_vm_set_kept(struct rule_vm *vm, size_t bytes)
{
	vm->kept = bytes < SIZE_MAX / 2 ? bytes : SIZE_MAX / 2;
}

size_t rule_vm_memory(const struct rule_vm *vm)
{
	return vm->used;
}

uint64_t rule_vm_allocations(const struct rule_vm *vm)
{
	return vm->allocations;
}
