/*
 * Values that outlive the call that gave them, and the run: the engine holds them by a number, for
 * callbacks and for what is kept beside a connection.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

bool rule_may_keep(struct rule_call *call)
{
	return rule_memory_may_keep(call->run->vm, call->lua);
}

size_t rule_kept_bytes(struct rule_vm *vm, int handle)
{
	if (handle == 0)
		return 0;
	lua_rawgeti(vm->anchor, LUA_REGISTRYINDEX, handle);
	size_t bytes = lua_type(vm->anchor, -1) == LUA_TSTRING ? lua_objlen(vm->anchor, -1) : 0;
	lua_pop(vm->anchor, 1);
	return bytes;
}

int rule_keep_argument(struct rule_call *call, unsigned n)
{
	if (rule_argument_is_absent(call, n))
		return 0;
	luaL_checkstack(call->lua, 1, "too many arguments");
	lua_pushvalue(call->lua, (int)n);
	return luaL_ref(call->lua, LUA_REGISTRYINDEX);
}

void rule_push_kept(struct rule_call *call, int handle)
{
	luaL_checkstack(call->lua, 1, "too many results");
	if (handle == 0)
		lua_pushnil(call->lua);
	else
		lua_rawgeti(call->lua, LUA_REGISTRYINDEX, handle);
}

void rule_drop_kept(struct rule_vm *vm, int handle)
{
	if (handle != 0)
		luaL_unref(vm->lua, LUA_REGISTRYINDEX, handle);
}
