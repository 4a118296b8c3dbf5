/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>

TestSuite(rule_check, .init = fixture_open, .fini = fixture_close);

static const struct {
	const char *text, *complaint; /* "" for none */
} rows[] = {
	/* unknown names */
	{ "foo()", "1:1: unknown global 'foo'; declare it local" },
	{ "local x = y", "1:11: unknown global 'y'; declare it local" },
	{ "local x = piars({})", "1:11: unknown global 'piars'; did you mean 'pairs'?" },
	{ "\n  http.getHeadr('x')",
	  "2:3: unknown name 'http.getHeadr'; did you mean 'http.getHeader'?" },
	{ "http.getheader('x')",
	  "1:1: unknown name 'http.getheader'; did you mean 'http.getHeader'?" },
	{ "htpt.getHeader('x')",
	  "1:1: unknown name 'htpt.getHeader'; did you mean 'http.getHeader'?" },
	{ "local f = http.getHeadr",
	  "1:11: unknown name 'http.getHeadr'; did you mean 'http.getHeader'?" },
	{ "http['getHeadr']('x')",
	  "1:1: unknown name 'http.getHeadr'; did you mean 'http.getHeader'?" },
	{ "local t = {http.getHeadr}",
	  "1:12: unknown name 'http.getHeadr'; did you mean 'http.getHeader'?" },
	{ "data.local_.gett('x')",
	  "1:1: unknown name 'data.local_.gett'; did you mean 'data.local_.get'?" },
	{ "table.pack()", "1:1: unknown name 'table.pack'" },
	{ "http.wildmatch('x')",
	  "1:1: unknown name 'http.wildmatch'; did you mean 'string.wildmatch'?" },
	{ "http.zzzzzzzzzzzzzz()", "1:1: unknown name 'http.zzzzzzzzzzzzzz'" },
	{ "local function f() return zz end", "1:27: unknown global 'zz'; declare it local" },
	/* what is written in another way */
	{ "print('x')", "1:1: 'print' does not exist here; write log.info(text)" },
	{ "local n = string.length('x')", "1:11: 'string.length' does not exist here; write #s" },
	{ "io.open('x')",
	  "1:1: 'io.open' does not exist here; write log.info(text) to say something; a rule reads no files" },
	{ "array.push(t, 1)", "1:1: 'array.push' does not exist here; write table.insert(t, v)" },
	{ "local x = loadstring('x')", "1:11: 'loadstring' does not exist here; write load(text)" },
	{ "local x = math.ln(2)", "1:11: 'math.ln' does not exist here; write math.log(x)" },
	{ "os.getenv('x')",
	  "1:1: 'os.getenv' does not exist here; write nothing: a rule does not see the process's environment" },
	/* assignments */
	{ "x = 1", "1:1: assignment to global 'x'; declare it local" },
	{ "local a a, b = 1, 2", "1:12: assignment to global 'b'; declare it local" },
	{ "function f() end", "1:10: assignment to global 'f'; declare it local" },
	{ "for i = 1, 2 do n = i end", "1:17: assignment to global 'n'; declare it local" },
	{ "string = 1", "1:1: cannot assign to 'string': it is given to all rules" },
	{ "pairs = 1", "1:1: cannot assign to 'pairs': it is given to all rules" },
	{ "string.format = 1",
	  "1:1: cannot change 'string.format': what rules are given is read-only" },
	{ "function string.trim(s) end",
	  "1:10: cannot change 'string.trim': what rules are given is read-only" },
	{ "function http:x() end",
	  "1:10: cannot change 'http.x': what rules are given is read-only" },
	{ "_G.x = 1", "1:1: cannot change '_G.x': what rules are given is read-only" },
	/* kinds */
	{ "http('x')", "1:1: 'http' is not a function" },
	{ "local x = math.pi()", "1:11: 'math.pi' is not a function" },
	{ "http:getHeader('x')", "1:1: write 'http.getHeader' with a dot" },
	{ "test.wait.zzz()", "1:1: unknown name 'test.wait.zzz'" },
	{ "rtsp.getMethod()", "1:1: weir does not have 'rtsp.getMethod' yet" },
	{ "local b = xml.xslt.transform('x')",
	  "1:11: weir does not have 'xml.xslt.transform' yet" },
	/* phases */
	{ "local c = http.getResponseCode()",
	  "1:11: 'http.getResponseCode' makes no sense in a request rule" },
	{ "local f = http.getResponseCode",
	  "1:11: 'http.getResponseCode' makes no sense in a request rule" },
	/* fine */
	{ "local foo = 1 local x = foo", "" },
	{ "local function f(http) return http.anything end", "" },
	{ "local t = {} t.x.y = 1 t.z = 2", "" },
	{ "for k, v in pairs({}) do local x = k .. v end", "" },
	{ "local t = {x = 1, y = function() end} function t.f() end function t:g() return self.x end",
	  "" },
	{ "local function f() return f end", "" },
	{ "local s = ('x'):upper():sub(1) local w = s:wildmatch('x')", "" },
	{ "test.wait() test.wait.many() local w = test.wait", "" },
	{ "local x <const> = 1", "1:9: unexpected symbol near '<'" },
	{ "repeat local x = 1 until x", "" },
	{ "local v = _VERSION local p = math.pi local g = _G", "" },
	{ "goto done ::done::", "" },
	{ "local x = x", "1:11: unknown global 'x'; declare it local" },
	{ "do local x = 1 end local y = x", "1:30: unknown global 'x'; declare it local" },
	{ "for i = 1, 2 do end local x = i", "1:31: unknown global 'i'; declare it local" },
	{ "repeat local x until x local y = x", "1:34: unknown global 'x'; declare it local" },
	{ "if true then local a elseif a then end", "1:29: unknown global 'a'; declare it local" },
	{ "while true do local a end local b = a", "1:37: unknown global 'a'; declare it local" },
	{ "local function f(a) end local b = a", "1:35: unknown global 'a'; declare it local" },
};

Test(rule_check, says_what_cannot_be_meant)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *said = fixture_complaint(rows[i].text);
		cr_expect_str_eq(said, rows[i].complaint, "%s: %s", rows[i].text, said);
	}
}

Test(rule_check, says_all_of_it_at_once)
{
	fixture_complaint("a = 1\nb()\nhttp.getheader('x')\nprint('x')");
	cr_assert_eq(complaints.errors, 4);
	for (unsigned i = 0; i < 4; i++)
		cr_assert_eq(complaints.list[i].line, i + 1);
}

Test(rule_check, each_phase_where_it_is_attached)
{
	struct complaints said = { 0 };
	struct slice text = SLICE("http.getHeader('x')\nhttp.getResponseCode()");
	cr_assert_not_null(rule_load_text(vm, "t", "t.lua", text, RULE_IN_RESPONSE, &said));
	cr_assert_null(rule_load_text(vm, "t", "t.lua", text, RULE_IN_RESPONSE | RULE_IN_COMPLETION,
				      &said));
	cr_assert_eq(said.count, 2);
	cr_assert_str_eq(said.list[0].text, "'http.getHeader' makes no sense in a completion rule");
	complaints_release(&said);
}

/* What the check cannot see is caught when it happens. */
static const struct {
	const char *text, *message;
} hidden[] = {
	{ "local h = http h.getHeadr('x')", "t.lua:1: unknown name 'http.getHeadr'" },
	{ "local h = http\nh.x = 1",
	  "t.lua:2: cannot change 'http.x': what rules are given is read-only" },
	{ "local h = http h.getHeader = 1",
	  "t.lua:1: cannot change 'http.getHeader': what rules are given is read-only" },
	{ "local s = string s.format = 1",
	  "t.lua:1: cannot change 'string.format': what rules are given is read-only" },
	{ "local x = _G['y']", "t.lua:1: unknown name 'y'" },
	{ "local g = _G g.y = 1", "t.lua:1: cannot change 'y': what rules are given is read-only" },
	{ "local g = _G g.pairs = 1",
	  "t.lua:1: cannot change 'pairs': what rules are given is read-only" },
	{ "rawset(http, 'x', 1)", "t.lua:1: cannot change 'x': what rules are given is read-only" },
	{ "rawset(_G, 'x', 1)", "t.lua:1: cannot change 'x': what rules are given is read-only" },
	{ "setmetatable(string, {})", "t.lua:1: cannot change a protected metatable" },
	{ "setmetatable(_G, {})", "t.lua:1: cannot change a protected metatable" },
	{ "local h = http h.getResponseCode()",
	  "t.lua:1: http.getResponseCode: makes no sense in a request rule" },
};

Test(rule_check, hidden_uses_fail_when_they_run)
{
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
		cr_expect_eq(fixture_run(hidden[i].text), RULE_RESULT_FAILED, "%s", hidden[i].text);
		cr_expect_str_eq(rule_failure_message(vm), hidden[i].message, "%s: %s",
				 hidden[i].text, rule_failure_message(vm));
	}
}
