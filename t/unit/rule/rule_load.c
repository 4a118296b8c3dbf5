/*
 * What the loader writes must mean what was read: programs compute the same as in a plain LuaJIT
 * state, and errors stand on the same lines. It is long because of its tables of programs.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-rule-XXXXXX";

static void open_with_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
	fixture_set_rules_dir(folder);
	fixture_open();
}

static void write_module(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *to = fopen(path, "w");
	cr_assert_not_null(to);
	fputs(text, to);
	fclose(to);
}

static void close_with_folder(void)
{
	fixture_close();
	char command[256];
	snprintf(command, sizeof command, "rm -r %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(rule_load, .init = open_with_folder, .fini = close_with_folder);

/* Programs that say what they compute. */
static const char *const programs[] = {
	"local s = 0 for i = 1, 10 do s = s + i end test.say(s)",
	"local s = 0 for i = 10, 1, -3 do s = s + i end test.say(s)",
	"local s = '' for k, v in ipairs({'a', 'b', 'c'}) do s = s .. k .. v end test.say(s)",
	"local n = 0 while n < 10 do n = n + 1 if n == 5 then break end end test.say(n)",
	"local n = 0 repeat local done = n == 3 n = n + 1 until done test.say(n)",
	"repeat local x = 5 until x == 5 test.say('end')",
	"local t = {} for i = 1, 3 do t[i] = function() return i end end test.say(t[1](), t[2](), t[3]())",
	"for i = 1, 5 do if i % 2 == 0 then goto continue end test.say(i) ::continue:: end",
	"for i = 1, 3 do local x = i if x == 2 then goto continue end test.say(x) ::continue:: end",
	"local i = 1 ::top:: test.say(i) i = i + 1 if i < 4 then goto top end",
	"do local i = 1 ::again:: if i < 3 then i = i + 1 goto again end test.say(i) end",
	"for i = 1, 2 do for j = 1, 2 do if j == 2 then goto next end test.say(i, j) end ::next:: end",
	"local function f(...) return select('#', ...), ... end test.say(f(1, 'a', 2))",
	"local function f(...) local t = {...} return #t end test.say(f(), f(1), f(1, 2))",
	"local t = {a = {b = {}}} function t.a.b.c(x) return x * 2 end function t.a.b:d(x) return self == t.a.b and x end "
	"test.say(t.a.b.c(4), t.a.b:d(5))",
	"local t = {f = function(self, x) return x.n end} test.say(t:f{n = 3}, t.f(t, {n = 4}))",
	"local function f(s) return s .. '!' end test.say(f'x', f\"y\", f[[z]], f[==[]]]==])",
	"local s = 'do while true end -- function()' test.say(s) -- for i = 1, 2 do",
	"local s = [[\nfunction f() while]] test.say(s) --[[ repeat\nuntil ]] test.say('ok') --[==[ ]] ]==]",
	"test.say('a\\\nb', 'a\\z   \n  b', '\\'', \"\\\"\", '\\\\', '\\65\\x41\\u{41}')",
	"local a, b, c = (function() return 1, 2, 3 end)() test.say(a, b, c)",
	"local x = (function(...) return ... end)(7, 8) test.say(x)",
	"local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end test.say(fib(15))",
	"local function even(n) if n == 0 then return true end return (function() return not (n % 2 == 1) end)() end "
	"test.say(tostring(even(4)))",
	"local t = {1, 2, 3; n = 3, ['k'] = 'v', [10] = 'ten', function() return 'f' end} test.say(#t, t.n, t.k, t[10], t[4]())",
	"test.say(1 .. 2, 'a' .. 'b' .. 'c' .. 'd' .. 'e' .. 'f' .. 'g' .. 'h' .. 'i' .. 'j')",
	"local a = 'x' test.say(a .. 1 + 2 .. -a:len() .. #a * 3 ^ 2 .. a .. a .. a)",
	"local a, b = 'x', 'y' test.say(tostring(a .. b == 'xy' and a .. 'z' < b .. 'a' or a .. b))",
	"test.say(tostring(not ('a' .. 'b')), -('1' .. '2') .. '3', #('ab' .. 'c') .. '')",
	"local t = {'a' .. 'b', x = 'c' .. 'd', ['e' .. 'f'] = 'g' .. 'h'} test.say(t[1], t.x, t.ef)",
	"local t = setmetatable({}, {__concat = function(a, b) return type(a) .. type(b) end}) "
	"test.say(t .. 'x', 'x' .. t, 'a' .. 'b' .. t .. 'c' .. 'd')",
	"local log = '' local t = setmetatable({}, {__concat = function(a, b) log = log .. '(' .. tostring(a == nil) return 'r' end}) "
	"local x = 'a' .. 'b' .. 'c' .. 'd' .. 'e' .. 'f' .. t test.say(x, log)",
	"local function f() return 'a' .. 'b', 'c' .. 'd' end test.say(f()) test.say((f()))",
	"local f = function(a) return function(b) return a .. b end end test.say(f'x''y')",
	"test.say(0x10, 1e2, .5, 3., 0xA.8p1, 1e-2, 2^-3)",
	"local t = {} t.x, t.y = 1, 2 t['z'] = t.x + t.y test.say(t.z)",
	"local t = {{{}}} t[1][1].x = 'deep' test.say(t[1][1].x)",
	"do local string = {format = function() return 'mine' end} test.say(string.format('x')) end test.say(string.format('%d', 3))",
	"local test = test test.say('shadowed')",
	"local function f(test) return test end test.say(f('arg'))",
	"for string = 1, 2 do test.say(string) end",
	"local table = table local t = {3, 1, 2} table.sort(t) test.say(table.concat(t, '-'))",
	"local goto_ = 1 test.say(goto_)",
	"if false then elseif nil then else test.say('else') end",
	"local x if x then test.say('no') elseif not x then test.say('elseif') end",
	"do end do do end end test.say('blocks');",
	"local t = {n = 0} function t:add(x) self.n = self.n + x return self end test.say(t:add(1):add(2):add(3).n)",
	"test.say((('x'):rep(3)), (('abc'):sub(2)))",
	"local function f() return end test.say(select('#', f()), tostring((f())))",
	"local a <const> = 1",
	"local s = 0 for _, t in ipairs{{1, 2}, {3}} do for _, v in ipairs(t) do s = s + v end end test.say(s)",
	"local r = {} for w in ('one two three'):gmatch('%a+') do r[#r + 1] = w end test.say(unpack(r))",
	"test.say(('hello world'):gsub('o', '0'), ('abc'):gsub('%w', '%0%0'), ('abc'):gsub('', '-'))",
	"test.say((('abc'):gsub('%w', {a = '1', b = false})), (('abc'):gsub('(%w)(%w)', function(a, b) return b .. a end)))",
	"test.say(select(2, pcall(error, 'x', 0))) test.say(select(2, pcall(error, {n = 1})).n)",
	"test.say(tostring(pcall(function() local x = nil; return x.y end)))",
	"test.say(select(2, xpcall(function() error('e', 0) end, function(m) return m .. '!' end)))",
	"local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) test.say(co(1), co(10))",
	"local co = coroutine.create(function() error('in', 0) end) test.say(tostring(coroutine.resume(co)), coroutine.status(co))",
	"local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) test.say(co(), co(), co())",
	"test.say(tostring(coroutine.running()))",
	"test.say(load('return 1 + ...')(2))",
	"local t = {5, 2, 8, 1, 9, 3, 7, 4, 6, 10, 15, 12, 18, 11, 19, 13, 17, 14, 16, 20} table.sort(t, function(a, b) return a > b end) "
	"test.say(table.concat(t, ' '))",
	"local t = {'b', 'a', 'c'} table.sort(t) table.insert(t, 'd') table.insert(t, 1, 'z') test.say(table.remove(t), table.remove(t, 1), "
	"table.concat(t), table.maxn(t))",
	"test.say(table.concat({}), table.concat({1, 2, 3}, ', '), table.concat({1, 2, 3}, ', ', 2), table.concat({'a', 'b', 'c'}, '', 2, 3))",
	"test.say(string.format('%5.2f|%d|%s|%q|%x|%-5s|%05d|%c', 1.5, 42, 'str', 'q\"', 255, 'ab', 7, 65))",
	"test.say(string.format('%s', setmetatable({}, {__tostring = function() return 'T' end})))",
	"test.say(('x'):byte(), ('abc'):byte(1, -1), string.char(72, 105), ('abc'):upper(), ('ABC'):lower(), ('abc'):reverse(), ('ab'):rep(3))",
	"test.say(bit.band(12, 10), bit.bor(1, 2), bit.lshift(1, 4), math.max(1, 5, 3), math.floor(2.7), math.huge)",
	"test.say(unpack({1, 2, 3}, 2)) test.say(select(-1, 1, 2, 3)) test.say(rawequal('a', 'a') and 'eq')",
	"test.say(tonumber('0x1F'), tonumber('10', 2), tonumber('z', 36), tostring(tonumber('1LL')), tostring(tonumber('x')))",
	"local t = setmetatable({}, {__index = function(_, k) return k * 2 end, __call = function(_, a) return a end, "
	"__len = function() return 9 end, __unm = function() return 'unm' end, __lt = function() return true end}) "
	"test.say(t[4], t('c'), -t, tostring(t < t))",
	"local t = {} for i = 1, 300 do t[i] = 'local v' .. i .. ' = ' .. i end "
	"local f = load(table.concat(t, '\\n', 1, 150) .. ' return v1 + v150') test.say(f())",
};

static lua_State *plain;
static char plain_said[65536];

static int plain_say(lua_State *lua)
{
	size_t used = strlen(plain_said);
	for (int i = 1; i <= lua_gettop(lua); i++)
		used += (size_t)snprintf(plain_said + used, sizeof plain_said - used, "%s%s",
					 i > 1 ? " " : "", luaL_checkstring(lua, i));
	snprintf(plain_said + used, sizeof plain_said - used, "\n");
	return 0;
}

/* Runs the text in a plain state; returns its error message or NULL. */
static const char *run_plain(const char *text)
{
	if (plain == NULL) {
		plain = luaL_newstate();
		luaL_openlibs(plain);
		lua_newtable(plain);
		lua_pushcfunction(plain, plain_say);
		lua_setfield(plain, -2, "say");
		lua_setglobal(plain, "test");
	}
	plain_said[0] = '\0';
	lua_settop(plain, 0);
	if (luaL_loadbuffer(plain, text, strlen(text), "@t.lua") != 0 ||
	    lua_pcall(plain, 0, 0, 0) != 0)
		return lua_tostring(plain, -1);
	return NULL;
}

Test(rule_load, programs_compute_the_same)
{
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		if (run_plain(programs[i]) != NULL) {
			/* what LuaJIT does not take is not taken here either */
			cr_expect_str_neq(fixture_complaint(programs[i]), "", "%s", programs[i]);
			continue;
		}
		cr_expect_str_eq(fixture_say(programs[i]), plain_said, "%s: got %s, plain %s",
				 programs[i], subject.said, plain_said);
	}
}

/* Programs that fail: message and line must be those of the plain state. */
static const char *const failures[] = {
	"error('x')",
	"\n\nerror('x')",
	"local x = nil\nx.y = 1",
	"local x = {}\n\nx.y.z = 1",
	"local s = 'a'\nlocal t = s ..\n{}",
	"local s = 'a'\nlocal t = s\n..\nnil\n..\n'b'",
	"local a = {}\nlocal s = 'a' .. 'b' .. 'c' ..\n'd' .. 'e' .. 'f' .. a",
	"return 'a' ..\n{}",
	"for i = 1, 10 do\n\nif i == 5 then\nerror('five') end end",
	"for i = 1,\n'x' do end",
	"local n\nwhile\nn.x do end",
	"local y\nlocal function f()\n\nlocal x = y.z end\nf()",
	"local t = {}\nt:m()",
	"local t = {}\nt.a.b(\n1)",
	"local f\nf(\n1,\n2)",
	"local f = 1\nf'x'",
	"local f = 1\nf{\n}",
	"repeat\nlocal x = 1\nuntil x.y.z",
	"local i = 0\n::a::\ni = i + 1\nif i < 5 then\ngoto a\nend\nerror('goto')",
	"local t = setmetatable({}, {__index = function(t, k)\nerror('in index') end})\n\nlocal x = t.y",
	"--[[ long\ncomment\n]] error('after')",
	"local s = [[\nlong\nstring]] error('after')",
	"local s = 'a\\\nb' error('after')",
	"local s = 'a\\z\n\n  b' error('after')",
	"#!/usr/bin/lua\nerror('shebang')",
	"\xef\xbb\xbf"
	"error('bom')",
	"\r\n\r\nerror('crlf')",
	"\n\r\n\rerror('lfcr')",
	"\rerror('cr')",
	"test.say(\n'a',\nnil + 1)",
	"assert(false,\n'msg')",
	"assert(nil)",
	"\ntable.concat({{}})",
	"\ntable.concat({1, nil, 3}, ',', 1, 3)",
	"\ntable.sort(1)",
	"\nlocal f = table.insert f(nil, 1)",
	"\ntable.insert({}, 1, 2, 3)",
	"\nlocal f = string.rep f('x', {})",
	"\nlocal f = string.format f('%d', 'x')",
	"\nlocal f = string.format f('%d')",
	"\nlocal f = string.format f('%s')",
	"\nlocal f = string.format f('%y', 1)",
	"\nlocal f = string.char f(256)",
	"\n('x'):bad()",
	"\n('x'):find()",
	"\n('x'):find('[')",
	"\n('x'):find('%')",
	"\n('x'):find('(')",
	"\n('x'):match('x)')",
	"\n('x'):match('%1')",
	"\n('x'):gsub('x', '%1%2')",
	"\n('x'):gsub('x')",
	"\n('x'):gsub('(', 'x')",
	"\nfor w in ('x'):gmatch('[a') do end",
	"\nlocal f = math.floor f('x')",
	"\nsetmetatable(1, {})",
	"\nsetmetatable({})",
	"\nipairs()",
	"\nselect(0)",
	"\nunpack({}, 1, 1e7)",
	"\ntonumber('1', 99)",
	"\nrawset({}, nil, 1)",
	"local t = {}\nt[nil] = 1",
	"\nlocal x = 1 < 'x'",
	"\nlocal x = {} < {}",
	"\nlocal x = #nil",
	"\nlocal x = -{}",
	"\nlocal f = bit.band f('x')",
	"local co = coroutine.wrap(function() end)\nco()\nco()",
	"\ncoroutine.resume(1)",
	"\nlocal f = coroutine.create f(1)",
	"\ncoroutine.wrap(1)",
	"local ok, e = pcall(function()\nerror('in') end)\nerror(e, 0)",
	"local f = load('\\nerror(\"in load\")', '@l')\nf()",
	"error('level two', 2)",
	"local function f() error('level two', 2) end\n\nf()",
};

Test(rule_load, errors_stand_on_their_lines)
{
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		const char *theirs = run_plain(failures[i]);
		if (theirs == NULL) {
			cr_expect_eq(fixture_run(failures[i]), RULE_RESULT_FINISHED, "%s",
				     failures[i]);
			continue;
		}
		if (fixture_complaint(failures[i])[0] != '\0')
			continue; /* found at load: all the better */
		cr_expect_eq(fixture_run(failures[i]), RULE_RESULT_FAILED, "%s", failures[i]);
		cr_expect_str_eq(rule_failure_message(vm), theirs, "%s\n  ours:  %s\n  plain: %s",
				 failures[i], rule_failure_message(vm), theirs);
	}
}

/* Where we say more than Lua does, or must say it ourselves. */
static const struct {
	const char *text, *message;
} own_failures[] = {
	{ "test.say('a')\ntest.say(\n{}\n)",
	  "t.lua:2: test.say: argument 1 (...): expected a string, got table" },
	{ "\nstring.rep('x', {})",
	  "t.lua:2: bad argument #2 to 'string.rep' (number expected, got table)" },
	{ "\nlocal ok, e = pcall(function() string.rep('x', {}) end) error(e, 0)",
	  "t.lua:2: bad argument #2 to 'string.rep' (number expected, got table)" },
	{ "\nstring.format('%d')", "t.lua:2: bad argument #2 to 'string.format' (value expected)" },
	{ "\nmath.floor('x')",
	  "t.lua:2: bad argument #1 to 'math.floor' (number expected, got string)" },
	{ "\nstring.gsub()",
	  "t.lua:2: bad argument #1 to 'string.gsub' (string expected, got nil)" },
	{ "\nlocal t = {3, 'x', 1}\ntable.sort(t)",
	  "t.lua:3: attempt to compare number with string" },
	{ "local co = coroutine.wrap(function()\nerror('in co') end)\nco()", "t.lua:2: in co" },
	{ "\nerror('bad argument #1 to \xc2\xb7')", "t.lua:2: bad argument #1 to \xc2\xb7" },
	{ "\nload(1)", "t.lua:2: bad argument #1 to 'load' (string expected, got number)" },
	{ "\nload('x', nil, nil, {})",
	  "t.lua:2: bad argument #4 to 'load' (rules have one environment)" },
};

Test(rule_load, own_errors_stand_on_their_lines)
{
	for (size_t i = 0; i < sizeof own_failures / sizeof *own_failures; i++) {
		cr_expect_eq(fixture_run(own_failures[i].text), RULE_RESULT_FAILED, "%s",
			     own_failures[i].text);
		cr_expect_str_eq(rule_failure_message(vm), own_failures[i].message, "%s: %s",
				 own_failures[i].text, rule_failure_message(vm));
	}
}

/* The limits of LuaJIT stay as far away as they are. */
Test(rule_load, big_functions_still_load)
{
	static char text[65536];
	size_t used = 0;
	for (int i = 0; i < 60; i++)
		used += (size_t)sprintf(text + used, "local u%d = %d\n", i, i);
	used += (size_t)sprintf(text + used, "local function f() for i = 1, 2 do end return 0");
	for (int i = 0; i < 60; i++)
		used += (size_t)sprintf(text + used, " + u%d", i);
	sprintf(text + used, " end test.say(f())");
	cr_assert_str_eq(fixture_say(text), "1770\n");

	used = 0;
	for (int i = 0; i < 190; i++)
		used += (size_t)sprintf(text + used, "local v%d = %d ", i, i);
	sprintf(text + used,
		"for i = 1, 2 do for k, v in pairs({a = 1}) do test.say(k .. v .. i) end end");
	cr_assert_str_eq(fixture_say(text), "a11\na12\n");

	used = 0;
	for (int i = 0; i < 90; i++)
		used += (size_t)sprintf(text + used, "for i = 1, 1 do ");
	used += (size_t)sprintf(text + used, "test.say('deep') ");
	for (int i = 0; i < 90; i++)
		used += (size_t)sprintf(text + used, "end ");
	const char *theirs = run_plain(text);
	if (theirs == NULL)
		cr_assert_str_eq(fixture_say(text), "deep\n");
	else
		cr_assert_str_neq(fixture_complaint(text), "");
}

static const struct {
	const char *text, *complaint;
} bad_texts[] = {
	{ "local x = = 1", "1:1: unexpected symbol near '='" },
	{ "\n\nif x then", "3:1: 'end' expected near '<eof>'" },
	{ "local \xc3\xa9 = 1", "1:7: a name may hold letters, digits and '_' only" },
	{ "\xc2\xb7left = 1e9", "1:1: a name may hold letters, digits and '_' only" },
	{ "local t = {} t.\xc2\xb7left = 1", "1:16: a name may hold letters, digits and '_' only" },
	{ "local x = 1LL", "1:11: number '1LL': 64-bit and imaginary numbers are not available" },
	{ "local x = 0xffULL",
	  "1:11: number '0xffULL': 64-bit and imaginary numbers are not available" },
	{ "local x = {3, 2i}",
	  "1:15: number '2i': 64-bit and imaginary numbers are not available" },
	{ "\x1bLJ\x02", "0:0: bytecode is never loaded" },
};

Test(rule_load, refuses)
{
	for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++) {
		const char *said = fixture_complaint(bad_texts[i].text);
		cr_expect_str_eq(said, bad_texts[i].complaint, "%s: %s", bad_texts[i].text, said);
	}
}

Test(rule_load, any_prefix_is_refused_or_runs)
{
	char text[512];
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i += 5)
		for (size_t len = 0; len < strlen(programs[i]) && len < sizeof text; len++) {
			snprintf(text, sizeof text, "%.*s", (int)len, programs[i]);
			if (fixture_complaint(text)[0] == '\0')
				fixture_run(text);
			else
				cr_expect_null(strstr(fixture_complaint(text), "cannot be read"),
					       "%s", text);
		}
}

/* ---- modules --------------------------------------------------------------------------------- */

Test(rule_load, modules_load_once)
{
	write_module(
		"m.lua",
		"test.say('loading', ...) local n = 0 return {count = function() n = n + 1 return n end}");
	cr_assert_str_eq(fixture_say("local m = require 'm' test.say(m.count())"),
			 "loading m\n1\n");
	cr_assert_str_eq(
		fixture_say(
			"local m = require('m') test.say(m.count(), tostring(require('m') == m))"),
		"2 true\n");
	write_module("nothing.lua", "");
	cr_assert_str_eq(fixture_say("test.say(tostring(require 'nothing'))"), "true\n");
	char path[256];
	snprintf(path, sizeof path, "%s/sub", folder);
	mkdir(path, 0700);
	write_module("sub/one.lua", "return require('sub.two') .. 1");
	write_module("sub/two.lua", "return 'two'");
	cr_assert_str_eq(fixture_say("test.say(require 'sub.one')"), "two1\n");
	cr_assert_str_eq(fixture_say("local r, name = require, 'sub.two' test.say(r(name))"),
			 "two\n");
}

Test(rule_load, modules_are_checked_with_the_rule)
{
	write_module("broken.lua", "local x =\n\n= 1");
	fixture_complaint("local m = require 'broken'");
	cr_assert_eq(complaints.errors, 1);
	cr_assert_eq(complaints.list[0].line, 3);
	cr_assert_not_null(strstr(complaints.list[0].file, "/broken.lua"));
	write_module("careless.lua", "foo = 1");
	cr_assert_not_null(strstr(fixture_complaint("local m = require 'careless'"),
				  "1:1: assignment to global 'foo'"));
	cr_assert_str_eq(fixture_complaint("\nlocal m = require 'absent'") +
				 strlen("2:11: cannot load module 'absent' from '") +
				 strlen(folder),
			 "/absent.lua': No such file or directory");
	/* the phase in which a module is called is not known at load */
	write_module("any.lua", "return function() return http.getResponseCode() end");
	cr_assert_str_eq(fixture_complaint("local m = require 'any'"), "");
	/* at run time, the same */
	cr_assert_not_null(strstr(
		fixture_say("local r, n = require, 'broken' test.say(select(2, pcall(r, n)))"),
		"/broken.lua:3: unexpected symbol near '='"));
}

Test(rule_load, module_names_stay_inside)
{
	static const char *const names[] = { "a/b", "..", "../x",        "a..b",  ".a",
					     "a.",  "",   "/etc/passwd", "a\\0b", "a b" };
	char text[256];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(text, sizeof text,
			 "local r, n = require, '%s' test.say(select(2, pcall(r, n)))", names[i]);
		const char *said = fixture_say(text);
		cr_expect(strstr(said, "no module name") != NULL ||
				  strstr(said, "holds no NUL") != NULL,
			  "%s: %s", names[i], said);
	}
	cr_assert_str_eq(fixture_say("test.say(tostring(pcall(require, 'string')))"), "false\n");
}

Test(rule_load, circles_are_errors)
{
	write_module("a.lua", "return require 'b'");
	write_module("b.lua", "local a = require 'a' return a");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(fixture_run("require 'a'"), RULE_RESULT_FAILED);
		cr_assert_not_null(strstr(rule_failure_message(vm),
					  "/b.lua:1: module 'a' requires itself in a circle"),
				   "%s", rule_failure_message(vm));
	}
}

Test(rule_load, modules_run_under_the_budget_of_a_run)
{
	write_module("endless.lua", "while true do end");
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(fixture_run("pcall(require, 'endless') pcall(require, 'endless')"),
			     RULE_RESULT_FAILED);
		cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_BUDGET);
		cr_assert_not_null(strstr(rule_failure_message(vm), "budget"));
	}
	write_module("waits.lua", "test.wait() return 'waited'");
	cr_assert_str_eq(fixture_say("test.say(require 'waits')"), "waited\n");
}

/* A run that is parked in a module does not keep others from it. */
Test(rule_load, parked_module_does_not_block)
{
	write_module("slow.lua", "test.wait() return 'slow'");
	struct rule_run *first, *second;
	struct rule *rule = fixture_load("test.say(require 'slow')");
	cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &first),
		     RULE_RESULT_WAITING);
	cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &second),
		     RULE_RESULT_WAITING);
	cr_assert_eq(rule_resume(second), RULE_RESULT_FINISHED);
	cr_assert_eq(rule_resume(first), RULE_RESULT_FINISHED);
	cr_assert_str_eq(subject.said, "slow\nslow\n");
}

Test(rule_load, literals_are_given_out)
{
	const struct rule_literal *list;
	write_module("lit.lua", "return function()\n test.decide('from module') end");
	struct rule *rule = fixture_load(
		"local m = require 'lit'\nif m then test.decide('web', 1) end test.get 'x' test.get(m) "
		"test.get('a\\n') local test = {} test.get('local')");
	cr_assert_eq(rule_literals(rule, &list), 3);
	cr_assert_str_eq(list[0].text, "from module");
	cr_assert_eq(list[0].line, 2);
	cr_assert_str_eq(list[1].function, "test.decide");
	cr_assert_str_eq(list[1].text, "web");
	cr_assert_str_eq(list[1].path, "t.lua");
	cr_assert_eq(list[1].line, 2);
	cr_assert_eq(list[1].column, 11);
	cr_assert_str_eq(list[2].text, "x");
	cr_assert_str_eq(rule_name(rule), "t");
}

Test(rule_load, a_text_within_an_expression_is_no_literal)
{
	const struct rule_literal *list;
	struct rule *rule = fixture_load(
		"local x = 'x'\ntest.get('a' .. x) test.get('b' == x) test.get(x, 'c') test.get(('d') .. x) "
		"test.get('e'\n.. x) local y = test.get 'f' .. x test.get('g' , x) test.get(test.get('h') .. x)");
	cr_assert_eq(rule_literals(rule, &list), 3);
	cr_expect_str_eq(list[0].text, "f");
	cr_expect_str_eq(list[1].text, "g");
	cr_expect_str_eq(list[2].text, "h");
}

Test(rule_load, files_are_read)
{
	char path[256];
	struct complaints said = { 0 };
	write_module("file.lua", "test.say('from file')");
	snprintf(path, sizeof path, "%s/file.lua", folder);
	cr_assert_not_null(rule_load(vm, "file", path, RULE_IN_REQUEST, &said));
	snprintf(path, sizeof path, "%s/absent.lua", folder);
	cr_assert_null(rule_load(vm, "absent", path, RULE_IN_REQUEST, &said));
	cr_assert_str_eq(said.list[0].text, "cannot read rule 'absent': No such file or directory");
	cr_assert_null(rule_load(vm, "folder", folder, RULE_IN_REQUEST, &said));
	cr_assert_str_eq(said.list[1].text, "cannot read rule 'folder': not a file");
	complaints_release(&said);
}
