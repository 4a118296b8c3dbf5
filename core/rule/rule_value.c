/*
 * Values of any depth, in and out: a walk through an argument that may be tables of tables, and the
 * building of such a result. What a rule hands in is as hostile as the rule: every entry is paid
 * for, depth is bounded, and a table in itself is refused.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/check.h"

#include <math.h>

/* Slots of Lua's stack that one level of a walk or of a building needs. */
#define STACK_SLOTS 6
/* Going on to the next entry takes about as long as going through so many bytes. */
#define ENTRY_BYTES 256

static const char array_key;

/* ---- the mark of an array ---------------------------------------------------------------------- */

/* Pushes the metatable that marks arrays. */
static void push_array_mark(lua_State *lua)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&array_key);
	lua_rawget(lua, LUA_REGISTRYINDEX);
	if (!lua_isnil(lua, -1))
		return;
	lua_pop(lua, 1);
	lua_createtable(lua, 0, 1);
	lua_pushboolean(lua, false);
	lua_setfield(lua, -2, "__metatable");
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&array_key);
	lua_pushvalue(lua, -2);
	lua_rawset(lua, LUA_REGISTRYINDEX);
}

static bool is_marked_array(lua_State *lua, int table)
{
	if (!lua_getmetatable(lua, table))
		return false;
	push_array_mark(lua);
	bool is_marked = lua_rawequal(lua, -1, -2);
	lua_pop(lua, 2);
	return is_marked;
}

void rule_argument_mark_array(struct rule_call *call, unsigned n)
{
	lua_State *lua = call->lua;
	luaL_checkstack(lua, STACK_SLOTS, NULL);
	if (!rule_argument_is_table(call, n))
		rule_argument_error(call, n, "expected a table, got %s",
				    n > call->argument_count ? "nothing"
							     : luaL_typename(lua, (int)n));
	lua_pushvalue(lua, (int)n);
	if (lua_getmetatable(lua, -1)) {
		lua_pop(lua, 1);
		if (is_marked_array(lua, lua_gettop(lua)))
			return;
		rule_argument_error(call, n, "expected a table without a metatable");
	}
	push_array_mark(lua);
	lua_setmetatable(lua, -2);
}

/* ---- walking through an argument ---------------------------------------------------------------- */

/* Counts an entry, which costs a step. */
static void count_entry(struct rule_walk *w)
{
	if (++w->entries > w->visitor->most_entries)
		rule_argument_error(w->call, w->argument, "expected at most %zu entries",
				    w->visitor->most_entries);
	rule_budget_spend(w->call->run->vm, w->call->lua, 1);
}

/* True, and the value at `index`, when it is a string, a number or a boolean. */
static bool read_value(lua_State *lua, int index, struct rule_value *value)
{
	*value = (struct rule_value){ 0 };
	switch (lua_type(lua, index)) {
	case LUA_TSTRING:
		value->type = RULE_VALUE_STRING;
		value->string.at = lua_tolstring(lua, index, &value->string.len);
		return true;
	case LUA_TNUMBER:
		value->type = RULE_VALUE_NUMBER;
		value->number = lua_tonumber(lua, index);
		return true;
	case LUA_TBOOLEAN:
		value->type = RULE_VALUE_BOOLEAN;
		value->boolean = lua_toboolean(lua, index);
		return true;
	default:
		return false;
	}
}

static void refuse(struct rule_walk *w, int index, const char *what)
{
	rule_argument_error(w->call, w->argument,
			    "expected strings, numbers, booleans and tables of them, got %s%s",
			    luaL_typename(w->call->lua, index), what);
}

/* Calls `function` of the visitor if what lies at `index` is a function for rules. */
static bool visit_function(struct rule_walk *w, int index)
{
	lua_State *lua = w->call->lua;
	if (w->visitor->function == NULL || lua_tocfunction(lua, index) != rule_call_enter)
		return false;
	lua_getupvalue(lua, index, 1);
	const struct rule_binding *binding = lua_touserdata(lua, -1);
	lua_pop(lua, 1);
	w->visitor->function(w->call, binding->function->name, w->extra);
	return true;
}

/*
 * What lies on the stack: of each level its table; above it the key that it has come to, where it
 * looks or is in a hash; and above that the value: the table of the next level.
 */
static void open_table(struct rule_walk *w)
{
	lua_State *lua = w->call->lua;
	const void *self = lua_topointer(lua, -1);
	luaL_checkstack(lua, STACK_SLOTS, NULL);
	for (unsigned i = 0; i < w->depth; i++)
		if (w->levels[i].self == self)
			rule_argument_error(w->call, w->argument,
					    "expected tables that do not hold themselves");
	if (w->depth == RULE_VALUE_DEPTH)
		rule_argument_error(w->call, w->argument,
				    "expected at most %d tables in each other", RULE_VALUE_DEPTH);
	w->levels[w->depth++] = (struct rule_walk_level){ .self = self,
							  .phase = RULE_WALK_LOOKS,
							  .length = lua_objlen(lua, -1) };
	lua_pushnil(lua);
}

static void close_table(struct rule_walk *w, const struct rule_walk_level *level)
{
	w->visitor->close(w->call, level->table, w->extra);
	lua_pop(w->call->lua, 1);
	w->depth--;
}

/* The value on top is told, and goes; or it is a table, and opens a level. */
static void visit(struct rule_walk *w)
{
	struct rule_value value;
	lua_State *lua = w->call->lua;
	if (lua_istable(lua, -1)) {
		open_table(w);
		return;
	}
	int top = lua_gettop(lua);
	if (read_value(lua, top, &value))
		w->visitor->value(w->call, &value, w->extra);
	else if (!visit_function(w, top))
		refuse(w, top, "");
	check(lua_gettop(lua) == top); /* a callback pushes nothing: the walk stands on the stack */
	lua_pop(lua, 1);
}

/* What it is is known now; the table is on top. */
static void begin_table(struct rule_walk *w, struct rule_walk_level *level, enum rule_table table)
{
	level->table = table;
	level->phase = table == RULE_TABLE_ARRAY ? RULE_WALK_ARRAY : RULE_WALK_HASH;
	level->at = 0;
	w->visitor->open(w->call, table, w->extra);
	if (table != RULE_TABLE_ARRAY)
		lua_pushnil(w->call->lua);
}

/* An array has exactly the keys 1 to n. Looking at one costs a step. */
static void look(struct rule_walk *w, struct rule_walk_level *level)
{
	lua_State *lua = w->call->lua;
	if (!lua_next(lua, -2)) {
		if (level->at == 0)
			begin_table(w, level,
				    is_marked_array(lua, lua_gettop(lua)) ? RULE_TABLE_ARRAY
									  : RULE_TABLE_EMPTY);
		else
			begin_table(w, level,
				    level->at == level->length ? RULE_TABLE_ARRAY
							       : RULE_TABLE_HASH);
		return;
	}
	lua_pop(lua, 1);
	lua_Number key = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
	if (key != floor(key) || key < 1 || key > (lua_Number)level->length) {
		lua_pop(lua, 1);
		begin_table(w, level, RULE_TABLE_HASH);
		return;
	}
	level->at++;
	rule_budget_spend(w->call->run->vm, lua, 1);
}

static void walk_array(struct rule_walk *w, struct rule_walk_level *level)
{
	if (level->at == level->length) {
		close_table(w, level);
		return;
	}
	count_entry(w);
	lua_rawgeti(w->call->lua, -1, (int)++level->at);
	visit(w);
}

static void walk_hash(struct rule_walk *w, struct rule_walk_level *level)
{
	struct rule_value key;
	lua_State *lua = w->call->lua;
	if (!lua_next(lua, -2)) {
		close_table(w, level);
		return;
	}
	count_entry(w);
	int top = lua_gettop(lua);
	if (!read_value(lua, top - 1, &key))
		refuse(w, top - 1, " as a key");
	w->visitor->key(w->call, &key, w->extra);
	visit(w);
}

static void walk_step(struct rule_walk *w)
{
	struct rule_walk_level *level = &w->levels[w->depth - 1];
	switch (level->phase) {
	case RULE_WALK_LOOKS:
		look(w, level);
		return;
	case RULE_WALK_ARRAY:
		walk_array(w, level);
		return;
	case RULE_WALK_HASH:
		walk_hash(w, level);
		return;
	}
}

void rule_walk_start(struct rule_walk *walk, struct rule_call *call, unsigned n,
		     const struct rule_visitor *visitor, void *extra)
{
	walk->call = call;
	walk->argument = n;
	walk->visitor = visitor;
	walk->extra = extra;
	walk->entries = walk->depth = 0;
	luaL_checkstack(call->lua, STACK_SLOTS, NULL);
	if (n > call->argument_count)
		rule_argument_error(call, n, "expected a value, got nothing");
	lua_pushvalue(call->lua, (int)n);
	visit(walk);
}

bool rule_walk_on(struct rule_walk *walk, struct rule_call *call)
{
	walk->call = call;
	luaL_checkstack(call->lua, STACK_SLOTS, NULL);
	while (walk->depth > 0) {
		walk_step(walk);
		if (rule_turn_is_over(call, ENTRY_BYTES))
			return walk->depth == 0;
	}
	return true;
}

void rule_argument_walk(struct rule_call *call, unsigned n, const struct rule_visitor *visitor,
			void *extra)
{
	struct rule_walk walk;
	rule_walk_start(&walk, call, n, visitor, extra);
	while (walk.depth > 0)
		walk_step(&walk);
}

/* ---- building a result ----------------------------------------------------------------------------- */

void rule_build_start(struct rule_build *build, struct rule_call *call)
{
	build->call = call;
	build->base = lua_gettop(call->lua);
	build->depth = 0;
}

/* Room on the stack for one more value, which costs a step; memory is looked at with it. */
static lua_State *begin_value(struct rule_build *build)
{
	lua_State *lua = build->call->lua;
	rule_budget_spend(build->call->run->vm, lua, 1);
	luaL_checkstack(lua, STACK_SLOTS, NULL);
	return lua;
}

/* The value on top goes where it belongs: into the table around it, or stays as the result. */
static void end_value(struct rule_build *build)
{
	lua_State *lua = build->call->lua;
	if (build->depth == 0)
		return;
	int *next = &build->next[build->depth - 1];
	if (*next > 0)
		lua_rawseti(lua, -2, (*next)++);
	else
		lua_rawset(lua, -3);
}

static void push_value(lua_State *lua, const struct rule_value *value)
{
	switch (value->type) {
	case RULE_VALUE_STRING:
		lua_pushlstring(lua, value->string.at, value->string.len);
		return;
	case RULE_VALUE_NUMBER:
		lua_pushnumber(lua, value->number);
		return;
	case RULE_VALUE_BOOLEAN:
		lua_pushboolean(lua, value->boolean);
		return;
	}
	check(!"a type of enum rule_value_type");
}

bool rule_build_open(struct rule_build *build, enum rule_table table)
{
	if (build->depth == RULE_VALUE_DEPTH)
		return false;
	lua_newtable(begin_value(build));
	build->next[build->depth++] = table == RULE_TABLE_ARRAY ? 1 : 0;
	return true;
}

void rule_build_key(struct rule_build *build, const struct rule_value *key)
{
	check(build->depth > 0 && build->next[build->depth - 1] == 0);
	check(key->type != RULE_VALUE_NUMBER || !isnan(key->number));
	push_value(begin_value(build), key);
}

void rule_build_value(struct rule_build *build, const struct rule_value *value)
{
	push_value(begin_value(build), value);
	end_value(build);
}

void rule_build_function(struct rule_build *build, const char *name)
{
	struct rule_vm *vm = build->call->run->vm;
	lua_State *lua = begin_value(build);
	check(rule_vm_known(vm, name) != NULL);
	rule_vm_push_anchored(vm, lua, RULE_ANCHOR_ENV);
	luaL_gsub(lua, name, ".", RULE_DOT);
	lua_rawget(lua, -2);
	lua_remove(lua, -2);
	end_value(build);
}

void rule_build_close(struct rule_build *build)
{
	check(build->depth > 0);
	build->depth--;
	end_value(build);
}

void rule_build_undo(struct rule_build *build)
{
	lua_settop(build->call->lua, build->base);
	build->depth = 0;
}

bool rule_build_has(struct rule_build *build, struct slice key)
{
	lua_State *lua = build->call->lua;
	check(build->depth > 0 && build->next[build->depth - 1] == 0);
	luaL_checkstack(lua, STACK_SLOTS, NULL);
	lua_pushlstring(lua, key.at, key.len);
	lua_rawget(lua, -2);
	bool has = !lua_isnil(lua, -1);
	lua_pop(lua, 1);
	return has;
}

void rule_build_mark_array(struct rule_build *build)
{
	lua_State *lua = build->call->lua;
	check(build->depth > 0 && build->next[build->depth - 1] > 0);
	luaL_checkstack(lua, STACK_SLOTS, NULL);
	push_array_mark(lua);
	lua_setmetatable(lua, -2);
}
