/*
 * Sets: rules that were loaded together, and the modules that they require. A set is replaced while
 * runs of the old one still wait, in the same state: its functions, its compiled code and what
 * rules keep for a connection stay.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>

#define COLLECT_AT_ONCE ((size_t)8 << 20)

struct rule_set *rule_set_new(struct rule_vm *vm)
{
	struct rule_set *set = memory_new(1, sizeof *set);
	set->vm = vm;
	table_init(&set->modules);
	lua_newtable(vm->lua);
	set->loaded = luaL_ref(vm->lua, LUA_REGISTRYINDEX);
	lua_newtable(vm->lua);
	set->loading = luaL_ref(vm->lua, LUA_REGISTRYINDEX);
	set->next = vm->sets;
	vm->sets = set;
	return set;
}

void rule_set_show(struct rule_set *set)
{
	lua_State *anchor = set->vm->anchor;
	lua_rawgeti(anchor, LUA_REGISTRYINDEX, set->loaded);
	lua_setfield(anchor, RULE_ANCHOR_MODULES, "loaded");
	lua_rawgeti(anchor, LUA_REGISTRYINDEX, set->loading);
	lua_setfield(anchor, RULE_ANCHOR_MODULES, "loading");
	set->vm->shown = set;
}

static void free_rules(struct rule_set *set)
{
	while (set->rules != NULL) {
		struct rule *rule = set->rules;
		set->rules = rule->next;
		luaL_unref(set->vm->lua, LUA_REGISTRYINDEX, rule->chunk);
		rule_free(rule);
	}
}

/* Their chunks are given back too. */
static bool forget_module(struct slice name, void *value, void *extra)
{
	struct rule_module *module = value;
	struct rule_set *set = extra;
	(void)name;
	luaL_unref(set->vm->lua, LUA_REGISTRYINDEX, module->chunk);
	return true;
}

void rule_set_free(struct rule_set *set)
{
	struct rule_vm *vm = set->vm;
	struct rule_set **link = &vm->sets;
	check(vm->running == NULL);
	while (*link != set)
		link = &(*link)->next;
	*link = set->next;
	free_rules(set);
	table_each(&set->modules, forget_module, set);
	table_release(&set->modules, free);
	luaL_unref(vm->lua, LUA_REGISTRYINDEX, set->loaded);
	luaL_unref(vm->lua, LUA_REGISTRYINDEX, set->loading);
	if (vm->shown == set) /* what it loaded must not be held by being shown */
		vm->shown = NULL;
	free(set);
	if (vm->shown == NULL && vm->sets != NULL)
		rule_set_show(vm->sets);
	/* a large heap takes long to look through: there it goes bit by bit, as all garbage does */
	if (vm->used < COLLECT_AT_ONCE)
		lua_gc(vm->lua, LUA_GCCOLLECT, 0);
}
