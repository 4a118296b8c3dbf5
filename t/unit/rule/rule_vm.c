/*
 * What a rule sees of the world, and what it does not.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(rule_vm, .init = fixture_open, .fini = fixture_close);

Test(rule_vm, has_what_stays_lua)
{
	static const char *const there[] = {
		"pcall",
		"xpcall",
		"error",
		"assert",
		"select",
		"type",
		"tostring",
		"tonumber",
		"pairs",
		"ipairs",
		"next",
		"unpack",
		"setmetatable",
		"getmetatable",
		"rawget",
		"rawset",
		"rawequal",
		"require",
		"load",
		"string.format",
		"string.find",
		"string.gmatch",
		"string.byte",
		"string.char",
		"string.len",
		"table.insert",
		"table.remove",
		"table.concat",
		"table.sort",
		"table.maxn",
		"math.floor",
		"math.random",
		"math.randomseed",
		"bit.band",
		"bit.tohex",
		"coroutine.create",
		"coroutine.wrap",
		"coroutine.resume",
		"coroutine.yield",
		"coroutine.status",
		"coroutine.running",
		"os.time",
		"os.date",
		"os.clock",
		"os.difftime",
	};
	char text[128];
	for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
		snprintf(text, sizeof text, "test.say(type(%s))", there[i]);
		cr_expect_str_eq(fixture_say(text), "function\n", "%s", there[i]);
	}
}

Test(rule_vm, has_nothing_that_reaches_outside)
{
	static const char *const absent[] = {
		"io",
		"debug",
		"ffi",
		"jit",
		"package",
		"os.execute",
		"os.exit",
		"os.remove",
		"os.rename",
		"os.tmpname",
		"os.getenv",
		"os.setlocale",
		"dofile",
		"loadfile",
		"loadstring",
		"module",
		"setfenv",
		"getfenv",
		"collectgarbage",
		"gcinfo",
		"newproxy",
		"print",
		"string.dump",
		"table.foreach",
		"table.foreachi",
		"table.getn",
		"arg",
	};
	char text[160];
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
		snprintf(text, sizeof text, "local x = %s", absent[i]);
		cr_expect_str_neq(fixture_complaint(text), "", "%s", absent[i]);
		/* nor behind a name that the check cannot follow */
		const char *dot = strchr(absent[i], '.');
		if (dot == NULL)
			snprintf(
				text, sizeof text,
				"local g = _G test.say(tostring(pcall(function() return g['%s'] end)))",
				absent[i]);
		else
			snprintf(
				text, sizeof text,
				"local g = %.*s test.say(tostring(pcall(function() return g['%s'] end)))",
				(int)(dot - absent[i]), absent[i], dot + 1);
		cr_expect_str_eq(fixture_say(text), "false\n", "%s", absent[i]);
	}
}

static const struct {
	const char *text, *said;
} views[] = {
	{ "test.say(tostring(getmetatable('')), tostring(getmetatable(string)), tostring(getmetatable(_G)), tostring(getmetatable(http)))",
	  "false false false false\n" },
	{ "test.say(tostring(_G._G == _G), tostring(_G.string == string), tostring(_G.test == test))",
	  "true true true\n" },
	{ "local n = 0 for k in pairs(_G) do n = n + 1 if k:find('[\\128-\\255]') then test.say(k) end end test.say(tostring(n > 25))",
	  "true\n" },
	{ "local names = {} for k, v in pairs(http) do names[#names + 1] = k end table.sort(names) test.say(unpack(names))",
	  "getHeader getResponseCode\n" },
	{ "local _, t = pairs(http) test.say(tostring(t == http), tostring(next(t)), tostring(rawget(t, 'getHeader')))",
	  "true nil nil\n" },
	{ "test.say(('x'):wildmatch('y'), string.wildmatch('x', 'y'))", "value value\n" },
	{ "test.say(data.local_.get('x'), type(data), type(data.local_))", "value table table\n" },
	{ "test.say(test.wait(), type(test.wait), type(test.wait.many))",
	  "waited table function\n" },
	{ "local w = test.wait test.say(select('#', w.many()), (w()))", "300 waited\n" },
	{ "test.say(tostring(load('\\27LJ\\2')))", "nil\n" },
	{ "test.say(tostring(load('return 1', 'x', 'b')))", "nil\n" },
	{ "test.say(load('return 1', 'x', 't')(), load('return 2', '=x', 'bt')())", "1 2\n" },
	{ "local n = 0 test.say(load(function() n = n + 1 return ({'return ', '4', '2'})[n] end)())",
	  "42\n" },
	{ "test.say(select(2, load('foo = 1')))",
	  "load:1: assignment to global 'foo'; declare it local\n" },
	{ "test.say(select(2, load('x =', '@name.lua')))",
	  "name.lua:1: unexpected symbol near '<eof>'\n" },
	{ "test.say(select(2, load('return io')))",
	  "load:1: 'io' does not exist here; write log.info(text) to say something; a rule reads no files\n" },
	{ "test.say(select(2, load('return 1LL')))",
	  "load:1: number '1LL': 64-bit and imaginary numbers are not available\n" },
	{ "test.say(tostring(tonumber('1LL')), tostring(tonumber('1ULL')), tostring(tonumber('2i')))",
	  "nil nil nil\n" },
	{ "local ok = pcall(setmetatable, '', {}) test.say(tostring(ok))", "false\n" },
	{ "local t = setmetatable({}, {__metatable = 'mine'}) test.say(getmetatable(t), tostring(pcall(setmetatable, t, {})))",
	  "mine false\n" },
	{ "test.say(tostring(coroutine.isyieldable()), coroutine.wrap(function() return tostring(coroutine.isyieldable()) end)())",
	  "false true\n" },
	{ "test.say(type(os.time()), type(os.date()), os.time({year = 2020, month = 1, day = 1, hour = 12}) > 0 and 'ok')",
	  "number string ok\n" },
	{ "local a, b = xpcall(function(x, y) return x + y end, error, 1, 2) test.say(tostring(a), b)",
	  "true 3\n" },
	/* long texts and tables: in parts, and the same */
	{ "local s = ('aBc'):rep(50000) local parts = {} for i = 1, 50000 do parts[i] = 'aBc' end"
	  " test.say(tostring(s:upper() == ('ABC'):rep(50000)), tostring(s:lower() == ('abc'):rep(50000)),"
	  " tostring(s:reverse() == ('cBa'):rep(50000)), tostring(table.concat(parts) == s))",
	  "true true true true\n" },
	{ "for _, n in ipairs({65535, 65536, 65537, 131072, 131073}) do local s = ('x'):rep(n - 1) .. 'Y'"
	  " test.say(tostring(s:lower() == ('x'):rep(n - 1) .. 'y' and s:reverse() == 'Y' .. ('x'):rep(n - 1))) end",
	  "true\ntrue\ntrue\ntrue\ntrue\n" },
	{ "local t = {} for i = 1, 3000 do t[i] = i end local s = table.concat(t, ',')"
	  " local n = 0 for w in s:gmatch('%d+') do n = n + 1 if tonumber(w) ~= n then n = -1e9 end end"
	  " test.say(tostring(n), s:sub(1, 5), s:sub(-5), tostring(table.concat(t, '', 2, 1030) =="
	  " table.concat(t, '', 2, 1000) .. table.concat(t, '', 1001, 1030)), table.concat(t, ';', 2999))",
	  "3000 1,2,3 ,3000 true 2999;3000\n" },
	{ "test.say(tostring(tonumber(('1'):rep(1000))), tostring(tonumber(('1'):rep(1001))),"
	  " tostring(tonumber(('1'):rep(1001), 2)), tostring(pcall(tonumber)), tostring(tonumber(nil)), tonumber('z', 36))",
	  "inf nil nil false nil 35\n" },
	{ "local t = {} for i = 1, 2000 do t[i] = i end t[1500] = {}\n"
	  "test.say(select(2, pcall(function()\nlocal s = table.concat(t) end)))",
	  "t.lua:3: invalid value (table) at index 1500 in table for 'concat'\n" },
	{ "test.say(select(2, pcall(function() local s = string.format(('x'):rep(65537)) end)))",
	  "t.lua:1: bad argument #1 to 'format' (at most 65536 bytes expected)\n" },
	{ "test.say(select(2, pcall(function() local s = string.format('%5q', ('x'):rep(65537)) end)))",
	  "t.lua:1: bad argument to 'format' (at most 65536 bytes expected for %q)\n" },
	{ "test.say(tostring(#string.format('%%q%s', ('x'):rep(65537))), tostring(#('%q'):format(('x'):rep(60000))))",
	  "65539 60002\n" },
	{ "local co co = coroutine.create(function() return coroutine.resume(co) end) test.say(select(2, coroutine.resume(co)) and 'yes' or 'no')",
	  "no\n" },
};

Test(rule_vm, shows_views)
{
	for (size_t i = 0; i < sizeof views / sizeof *views; i++)
		cr_expect_str_eq(fixture_say(views[i].text), views[i].said, "%s: %s", views[i].text,
				 subject.said);
}

/* Workers must not all draw the same numbers. */
Test(rule_vm, random_differs_between_states)
{
	char first[64];
	snprintf(first, sizeof first, "%s",
		 fixture_say("test.say(math.random(1e9), math.random(1e9))"));
	fixture_close();
	complaints = (struct complaints){ 0 };
	fixture_open();
	cr_assert_str_neq(fixture_say("test.say(math.random(1e9), math.random(1e9))"), first);
}

Test(rule_vm, memory_is_counted)
{
	size_t before = rule_vm_memory(vm);
	cr_assert_gt(before, 10000);
	cr_assert_gt(rule_vm_allocations(vm), 100);
	fixture_say("test.keep(('x'):rep(100000))");
	cr_assert_gt(rule_vm_memory(vm), before + 100000);
}
