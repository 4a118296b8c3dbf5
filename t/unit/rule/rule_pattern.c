/*
 * Our patterns against LuaJIT's own: each pattern on each subject, by find, match, gmatch and gsub.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(rule_pattern, .init = fixture_open, .fini = fixture_close);

static const char *const patterns[] = {
	"",
	"a",
	"b",
	".",
	"..",
	"a*",
	"a+",
	"a-",
	"a?",
	".*",
	".+",
	".-",
	"^a",
	"a$",
	"^a$",
	"^",
	"$",
	"^$",
	"a*$",
	"^a*b",
	"%a",
	"%a+",
	"%d+",
	"%s*",
	"%w+",
	"%W",
	"%u",
	"%l+",
	"%p",
	"%c",
	"%x+",
	"%z",
	"%g+",
	"%%",
	"%.",
	"%-",
	"%a-b",
	"[abc]",
	"[^abc]",
	"[a-c]+",
	"[^a-c]*",
	"[%a_][%w_]*",
	"[%d.]+",
	"[]]",
	"[^]]",
	"[a-]",
	"[-a]",
	"[a%-z]",
	"[%]]",
	"[%a-z]",
	"[+--]",
	"(a)",
	"(a)(b)",
	"(a*(b)(c)*)",
	"()",
	"a()b",
	"()%1",
	"a()(%1)",
	"(%a+)%s*=%s*(%a+)",
	"(.-)=(.*)",
	"((a)(b))",
	"(a?)(b?)",
	"(%w+)%1",
	"(.)%1",
	"(.)(.)%2%1",
	"%b()",
	"%b[]x",
	"%bxy",
	"%baa",
	"%f[%a]%a+",
	"%f[%A]",
	"%f[%w]%w+%f[%W]",
	"%f[%z]",
	"a.-b",
	"a.*b",
	"^(.-)%s*$",
	"^%s*(.-)%s*$",
	"x*y*z*",
	"(x*)(y*)",
	"a**",
	"*a",
	"+",
	"?",
	"-",
	"a-$",
	"a|b",
	"{1}",
	"[",
	"[a",
	"[^",
	"[%",
	"%",
	"(",
	")",
	"(()",
	"a)",
	"%1",
	"(a%1)",
	"%b",
	"%bx",
	"%f",
	"%fa",
	"%9",
	"[]",
	"[^]",
	"a%",
	"(a",
	"$a",
	"a$b",
	"^^a",
	"%0",
	"[a-%%]",
	"\\0",
	"[%z]",
	"(a-)(a-)(a-)b",
	"(a*)*",
	"a.b.c",
	"[\200-\377]+",
	"h[aeiou]llo",
	"^/legacy/",
	"%.html?$",
	"([^/]+)/?$",
};

static const char *const subjects[] = {
	"",
	"a",
	"b",
	"ab",
	"aab",
	"aaa",
	"abc",
	"abcabc",
	"key = value",
	"  trimmed  ",
	"hello world",
	"hello hello",
	"a(b(c)d)e",
	"[x]x",
	"xaby",
	"THE (quick) fox",
	"12.5 + 0x1F",
	"under_score-dash",
	"abba",
	"a]b-c^d",
	"caf\303\251",
	"a.b,c;d%e",
	"\tx\ny\r",
	"/legacy/index.html",
	"xyzzy",
	"aXbXc",
	"((()))",
	"tail$",
	"-1",
	"\001\177",
};

/* (A lone "%" at the end makes a NUL of LuaJIT's; here it stays what it is.) */
static const char *const replacements[] = { "", "-", "<%0>", "%1", "%%", "%0%0", "%2", "%a" };

/* Runs in both worlds: everything that the four functions say, as one text. */
static const char program[] =
	"local s, p, r = ... "
	"local function show(...) local t = {} for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end "
	"return table.concat(t, '|') end "
	"local function strip(ok, e, ...) if ok then return show(ok, e, ...) end "
	"return (tostring(e):match('[^:]*$'):gsub('^ ', '')) end "
	"local out = {} "
	"out[1] = strip(pcall(string.find, s, p)) out[2] = strip(pcall(string.find, s, p, 2)) out[3] = strip(pcall(string.find, s, p, -2)) "
	"out[4] = strip(pcall(string.match, s, p)) out[5] = strip(pcall(string.match, s, p, 3)) "
	"out[6] = strip(pcall(string.gsub, s, p, r)) out[7] = strip(pcall(string.gsub, s, p, r, 1)) "
	"out[8] = strip(pcall(string.gsub, s, p, function(...) return '<' .. show(...) .. '>' end)) "
	"out[9] = strip(pcall(string.gsub, s, p, {a = 'A', ab = 'AB', b = false})) "
	"out[10] = strip(pcall(function() local t = {} for a, b in string.gmatch(s, p) do t[#t + 1] = tostring(a) .. ',' .. tostring(b) end "
	"return table.concat(t, ';') end)) "
	"out[11] = strip(pcall(string.find, s, p, 1, true)) out[12] = strip(pcall(string.find, s, p, 100)) "
	"out[13] = strip(pcall(string.find, s, p, -0.5)) out[14] = strip(pcall(string.find, s, p, 2 ^ 45)) "
	"return table.concat(out, '\\n')";

static lua_State *plain;

static const char *run_plain(const char *s, const char *p, const char *r)
{
	lua_settop(plain, 1);
	lua_pushvalue(plain, 1);
	lua_pushstring(plain, s);
	lua_pushstring(plain, p);
	lua_pushstring(plain, r);
	cr_assert_eq(lua_pcall(plain, 3, 1, 0), 0, "%s", lua_tostring(plain, -1));
	return lua_tostring(plain, -1);
}

/* "%q" of Lua is not enough for every byte in a C literal, but is for these. */
static void quote(char *to, const char *text)
{
	to += sprintf(to, "'");
	for (; *text != '\0'; text++)
		to += sprintf(to, "\\%03u", (unsigned char)*text);
	sprintf(to, "'");
}

Test(rule_pattern, agrees_with_lua)
{
	static char text[8192];
	char s[512], p[512], r[64];
	plain = luaL_newstate();
	luaL_openlibs(plain);
	cr_assert_eq(luaL_loadstring(plain, program), 0);
	snprintf(text, sizeof text, "test.keep(function(...) %s end)", program);
	fixture_run(text);
	int kept = subject.kept;
	struct rule *rule;
	size_t compared = 0;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		/* all subjects of a pattern in one rule, so that few rules are compiled */
		size_t used = (size_t)sprintf(text, "local f = test.kept() ");
		const char *with = replacements[i % (sizeof replacements / sizeof *replacements)];
		quote(p, patterns[i]);
		quote(r, with);
		used += (size_t)sprintf(text + used, "local p, r = %s, %s ", p, r);
		for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
			quote(s, subjects[k]);
			used += (size_t)sprintf(text + used, "test.say(f(%s, p, r), '\\n--') ", s);
		}
		rule = fixture_load(text);
		subject = (struct subject){ .kept = kept };
		struct rule_run *run;
		cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
			     RULE_RESULT_FINISHED, "%s", rule_failure_message(vm));
		const char *ours = subject.said;
		for (size_t k = 0; k < sizeof subjects / sizeof *subjects; k++) {
			const char *theirs = run_plain(subjects[k], patterns[i], with);
			const char *end = strstr(ours, " \n--\n");
			cr_assert_not_null(end);
			cr_expect(strlen(theirs) == (size_t)(end - ours) &&
					  memcmp(theirs, ours, strlen(theirs)) == 0,
				  "pattern %s subject %s replacement %s\nours:\n%.*s\nplain:\n%s",
				  patterns[i], subjects[k], with, (int)(end - ours), ours, theirs);
			ours = end + 5;
			compared++;
		}
	}
	cr_assert_gt(compared, 3000);
	lua_close(plain);
}

Test(rule_pattern, takes_nul_bytes)
{
	cr_assert_str_eq(
		fixture_say(
			"test.say(('a\\0b'):find('\\0'), ('a\\0b'):find('%z'), ('a\\0b'):match('[%z]b') == '\\0b' and 'y', "
			"#('a\\0b'):gsub('\\0', '--'), ('a\\0b'):find('b', 1, true))"),
		"2 2 y 4 3 3\n");
}

Test(rule_pattern, depth_is_bounded)
{
	cr_assert_str_eq(
		fixture_say(
			"local p = ('a?'):rep(300) local ok, e = pcall(string.find, ('a'):rep(300), p) test.say(e)"),
		"t.lua:1: pattern too complex\n");
}
