/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include "../fuzz.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RUNS_PER_VM 300

struct slice pair_inputs[PAIR_INPUTS] = { { "", 0 }, { "", 0 }, { "", 0 }, { "", 0 } };

/* ---- saying it ---------------------------------------------------------------------------------------------- */

static void put(struct pair_said *said, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void put(struct pair_said *said, const char *format, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	int len = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (said->len + (size_t)len >= sizeof said->text)
		return;
	memcpy(said->text + said->len, text, (size_t)len);
	said->len += (size_t)len;
}

static void put_number(struct pair_said *said, double number)
{
	if (isnan(number))
		put(said, "nan\n"); /* its sign is nobody's promise */
	else
		put(said, "%.14g\n", number);
}

static void put_string(struct pair_said *said, struct slice s)
{
	put(said, "%zu:", s.len);
	for (size_t i = 0; i < s.len && i < 100; i++)
		put(said, "%02x", (unsigned char)s.at[i]);
	put(said, "\n");
}

/* ---- weir's ------------------------------------------------------------------------------------------------- */

static enum rule_answer weir_say(struct rule_call *call)
{
	struct pair_said *said = rule_call_subject(call);
	for (unsigned i = 1; i <= rule_argument_count(call); i++)
		if (rule_argument_is_absent(call, i))
			put(said, "nil\n");
		else if (rule_argument_is_boolean(call, i))
			put(said, "%s\n", rule_argument_boolean(call, i) ? "true" : "false");
		else if (rule_argument_is_number(call, i))
			put_number(said, rule_argument_number(call, i));
		else if (rule_argument_is_table(call, i))
			put(said, "table\n");
		else
			put_string(said, rule_argument_string(call, i));
	return RULE_RETURN;
}

static enum rule_answer weir_input(struct rule_call *call)
{
	rule_push_string(call, pair_inputs[rule_argument_integer(call, 1, 1, PAIR_INPUTS) - 1]);
	return RULE_RETURN;
}

static enum rule_answer weir_get(struct rule_call *call)
{
	rule_push_string(call, rule_argument_string(call, 1));
	rule_push_integer(call, 7);
	return RULE_RETURN;
}

static enum rule_answer weir_waited(struct rule_call *call)
{
	rule_push_string(call, SLICE("waited"));
	return RULE_RETURN;
}

static enum rule_answer weir_wait(struct rule_call *call)
{
	rule_wait(call, weir_waited);
	return RULE_WAIT;
}

static enum rule_answer weir_decide(struct rule_call *call)
{
	(void)call;
	return RULE_VERDICT;
}

static const struct rule_function functions[] = {
	{ "t.say", weir_say, RULE_IN_ANY, "...", "", "", "weir" },
	{ "t.input", weir_input, RULE_IN_ANY, "n: integer", "string", "", "weir" },
	{ "t.get", weir_get, RULE_IN_ANY, "s: string", "string, integer", "", "weir" },
	{ "t.get.deep", weir_get, RULE_IN_REQUEST, "s: string", "string, integer", "", "weir" },
	{ "t.wait", weir_wait, RULE_IN_ANY | RULE_WAITS, "", "string", "", "weir" },
	{ "t.wait_quietly", weir_wait, RULE_IN_ANY, "", "string", "", "weir" },
	{ "t.decide", weir_decide, RULE_IN_ANY, "", "", "", "weir" },
};

static struct {
	struct rule_vm *vm;
	unsigned runs; /* since it was made */
	unsigned generation;
} made;

struct rule_vm *pair_vm(void)
{
	if (made.vm == NULL || made.runs == RUNS_PER_VM) {
		rule_vm_free(made.vm);
		made.vm = rule_vm_new("t/fuzz/rule", functions,
				      sizeof functions / sizeof functions[0]);
		made.runs = 0;
		made.generation++;
	}
	made.runs++;
	return made.vm;
}

unsigned pair_generation(void)
{
	return made.generation;
}

enum rule_result pair_run(struct rule *rule, enum rule_phase phase,
			  const struct rule_limits *limits, unsigned resumes,
			  struct pair_said *said)
{
	struct rule_run *run;
	said->len = 0;
	enum rule_result result = rule_start(made.vm, rule, phase, limits, said, &run);
	while (result == RULE_RESULT_WAITING && (resumes > 0 || rule_is_put_off(run))) {
		resumes -= rule_is_put_off(run) ? 0 : 1;
		result = rule_resume(run);
	}
	if (result == RULE_RESULT_WAITING)
		rule_cancel(run);
	return result;
}

/* ---- plain ---------------------------------------------------------------------------------------------------- */

static struct pair_said *plain_said;
static bool is_decided;

static int plain_say(lua_State *lua)
{
	for (int i = 1; i <= lua_gettop(lua); i++)
		switch (lua_type(lua, i)) {
		case LUA_TNIL:
			put(plain_said, "nil\n");
			break;
		case LUA_TBOOLEAN:
			put(plain_said, "%s\n", lua_toboolean(lua, i) ? "true" : "false");
			break;
		case LUA_TNUMBER:
			put_number(plain_said, lua_tonumber(lua, i));
			break;
		case LUA_TTABLE:
			put(plain_said, "table\n");
			break;
		default: {
			size_t len;
			const char *at = luaL_checklstring(lua, i, &len);
			put_string(plain_said, slice_of(at, len));
		}
		}
	return 0;
}

static int plain_input(lua_State *lua)
{
	int n = luaL_checkint(lua, 1);
	luaL_argcheck(lua, n >= 1 && n <= PAIR_INPUTS, 1, "out of range");
	lua_pushlstring(lua, pair_inputs[n - 1].at, pair_inputs[n - 1].len);
	return 1;
}

static int plain_get(lua_State *lua)
{
	luaL_checkstring(lua, 1);
	lua_settop(lua, 1);
	lua_pushinteger(lua, 7);
	return 2;
}

/* t.get is a function and a family: a table that can be called. */
static int plain_call_get(lua_State *lua)
{
	lua_remove(lua, 1);
	return plain_get(lua);
}

static void push_get(lua_State *lua)
{
	lua_newtable(lua);
	lua_newtable(lua);
	lua_pushcfunction(lua, plain_call_get);
	lua_setfield(lua, -2, "__call");
	lua_setmetatable(lua, -2);
}

static int plain_wait(lua_State *lua)
{
	lua_pushliteral(lua, "waited");
	return 1;
}

static int plain_decide(lua_State *lua)
{
	is_decided = true;
	return luaL_error(lua, "decided");
}

bool pair_run_plain(struct slice text, struct pair_said *said)
{
	static const luaL_Reg plain[] = {
		{ "say", plain_say },           { "input", plain_input },   { "wait", plain_wait },
		{ "wait_quietly", plain_wait }, { "decide", plain_decide }, { NULL, NULL },
	};
	lua_State *lua = luaL_newstate();
	luaL_openlibs(lua);
	lua_newtable(lua);
	luaL_register(lua, NULL, plain);
	push_get(lua);
	lua_setfield(lua, -2, "get");
	lua_setglobal(lua, "t");
	plain_said = said;
	said->len = 0;
	is_decided = false;
	bool is_good = luaL_loadbuffer(lua, text.at, text.len, "@fuzz.lua") == 0 &&
		       lua_pcall(lua, 0, 0, 0) == 0;
	lua_close(lua);
	return is_good || is_decided;
}

bool pair_is_same(const struct pair_said *weir, const struct pair_said *plain)
{
	if (weir->len == plain->len && memcmp(weir->text, plain->text, weir->len) == 0)
		return true;
	fprintf(stderr, "weir:\n%.*splain:\n%.*s", (int)weir->len, weir->text, (int)plain->len,
		plain->text);
	return false;
}
