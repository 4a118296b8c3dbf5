/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_string_regex, .init = api_unit_open, .fini = api_unit_close);

Test(api_string_regex, match_gives_what_groups_took)
{
	api_unit_passes(
		"assert(string.regexmatch('abc', 'b') == true)\n"
		"assert(string.regexmatch('abc', '^b') == false)\n"
		"assert(select('#', string.regexmatch('abc', 'b')) == 1)\n"
		"assert(select('#', string.regexmatch('abc', '(x)')) == 1)\n"
		"local ok, a, b, c = string.regexmatch('key=value', '(\\\\w+)=(x)?(\\\\w*)')\n"
		"assert(ok and a == 'key' and b == nil and c == 'value')\n"
		"local n = select('#', string.regexmatch('abcdefghijkl', ('(.)'):rep(12)))\n"
		"assert(n == 13)\n"
		"assert(select(2, string.regexmatch('', '()')) == '')\n"
		"assert(select('#', string.regexmatch('a', '(a)|(b)')) == 3)\n"
		"assert(string.regexmatch('a\\0b', 'a\\\\x00b') and ('xy'):regexmatch('Y', 'i'))\n");
}

Test(api_string_regex, flags)
{
	api_unit_passes("local m = string.regexmatch\n"
			"assert(not m('ABC', 'abc') and m('ABC', 'abc', 'i'))\n"
			"assert(not m('a\\nb', '^b') and m('a\\nb', '^b', 'm'))\n"
			"assert(not m('a\\nb', 'a.b') and m('a\\nb', 'a.b', 's'))\n"
			"assert(not m('ab', 'a b') and m('ab', 'a b # c', 'x'))\n"
			"assert(m('A\\nB', 'a . b', 'isx') and m('a', 'a', ''))\n"
			"assert(not m('\\195\\164', '^.$') and m('\\195\\164', '^.$', 'u'))\n"
			"assert(m('\\195\\132', '^\\195\\164$', 'iu'))\n");
}

/* What a client sends must not raise an error in the rule. */
Test(api_string_regex, what_is_no_utf_8_matches_nothing)
{
	api_unit_passes("assert(string.regexmatch('\\255a', 'a', 'u'))\n"
			"assert(not string.regexmatch('\\255', '.', 'u'))\n"
			"assert(string.regexmatch('\\255', '.'))\n"
			"assert(string.regexsub('\\255a\\255', 'a', 'b', 'gu') == '\\255b\\255')\n"
			"assert(string.regexsub('\\255', 'x*', '-', 'gu') ~= nil)\n");
}

Test(api_string_regex, sub_replaces_the_first_or_all)
{
	api_unit_passes("local function is(wanted, count, ...)\n"
			"\tlocal text, n = string.regexsub(...)\n"
			"\tassert(text == wanted and n == count, text)\n"
			"end\n"
			"is('Xbab', 1, 'abab', 'a', 'X')\n"
			"is('XbXb', 2, 'abab', 'a', 'X', 'g')\n"
			"is('XbXB', 2, 'abAB', 'a', 'X', 'gi')\n"
			"is('abc', 0, 'abc', 'x', 'y', 'g')\n"
			"is('b-a', 1, 'a-b', '(\\\\w)-(\\\\w)', '$2-$1')\n"
			"is('[a]1', 1, 'a', '(?<name>a)', '[${name}]1')\n"
			"is('a2', 1, 'a', '(a)', '${1}2')\n"
			"is('$1', 1, 'a', '(a)', '$$1')\n"
			"is('<a><b>', 2, 'ab', '.', '<$0>', 'g')\n"
			"is('', 1, 'b', '(a)?b', '$1')\n"
			"is('-a-b-', 3, 'ab', '', '-', 'g')\n"
			"is('--', 2, 'aa', 'a*', '-', 'g')\n"
			"is('--b-', 3, 'aab', 'a*', '-', 'g')\n"
			"is('-\\195\\164-', 2, '\\195\\164', '', '-', 'gu')\n"
			"is('-', 1, '', '', '-', 'g')\n"
			"is('a', 1, 'a', '$', '')\n");
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "string.regexmatch()",
	  "string.regexmatch: argument 1 (s): expected a string, got nothing" },
	{ "string.regexmatch('a')", "argument 2 (re): expected a string, got nothing" },
	{ "string.regexmatch('a', {})", "argument 2 (re): expected a string, got table" },
	{ "string.regexmatch('a', 'a', 1.5)",
	  "argument 3 (flags): expected flags out of \"imsxu\", got '1.5'" },
	{ "string.regexmatch('a', 'a', 'ig')",
	  "argument 3 (flags): expected flags out of \"imsxu\", got 'ig'" },
	{ "string.regexmatch('a', '(a')",
	  "argument 2 (re): expected a regular expression: missing closing parenthesis at position 3" },
	{ "string.regexmatch('a', '*')",
	  "argument 2 (re): expected a regular expression: quantifier" },
	{ "string.regexmatch('a', '\\255', 'u')",
	  "argument 2 (re): expected a regular expression: UTF-8" },
	{ "string.regexmatch('a', '(*UTF)a')",
	  "argument 2 (re): expected a regular expression: using UTF" },
	{ "string.regexmatch('a', '\\\\C')", "argument 2 (re): expected a regular expression:" },
	{ "string.regexmatch('a', ('a'):rep(16385))",
	  "expected a regular expression: longer than 16384 bytes" },
	{ "string.regexmatch('a', ('('):rep(101) .. (')'):rep(101))",
	  "parentheses are too deeply nested" },
	{ "string.regexmatch('a', '((a{1000}){100}){100}')",
	  "expected a regular expression: regular expression is too large" },
	{ "string.regexsub('a', 'a')",
	  "string.regexsub: argument 3 (new): expected a string, got nothing" },
	{ "string.regexsub('a', 'a', '$')",
	  "argument 3 (new): expected $1, ${name} or $$ where a $ stands" },
	{ "string.regexsub('a', 'a', '$x')",
	  "argument 3 (new): expected $1, ${name} or $$ where a $ stands" },
	{ "string.regexsub('a', 'a', '$1')",
	  "argument 3 (new): expected a group of the expression, got '1'" },
	{ "string.regexsub('b', '(a)', '${2}')",
	  "argument 3 (new): expected a group of the expression, got '2'" },
	{ "string.regexsub('a', 'a', '${x}')",
	  "argument 3 (new): expected a group of the expression, got 'x'" },
	{ "string.regexsub('a', '(a)', '${1')",
	  "argument 3 (new): expected a group of the expression, got '1'" },
	{ "string.regexsub('a', 'a', '', 'q')",
	  "argument 4 (flags): expected flags out of \"imsxug\", got 'q'" },
};

Test(api_string_regex, wrong_arguments)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		api_unit_fails(wrong[i].text, wrong[i].message);
}

static const char *const hostile[] = {
	"string.regexmatch(('a'):rep(40) .. 'b', '^(a+)+$')",
	"string.regexmatch(('a'):rep(5000), '(a*)*[^a]')",
	"string.regexmatch(('a'):rep(65536), '.*.*.*[bc]')",
	"string.regexmatch(('a'):rep(65536), '(a+)\\\\1[bc]')",
	"string.regexmatch(('a'):rep(65536), '[^b]*+[cd]')",
	"string.regexmatch(('x'):rep(65536), '(x+x+)+[yz]')",
	"string.regexsub(('a'):rep(65536), 'a*?[bc]', '', 'g')",
};

/* A body of the size that a rule may ask for, and an expression as people write them. */
Test(api_string_regex, a_lazy_match_goes_through_a_whole_body)
{
	api_unit_passes("local body = ('x'):rep(1048576 - 15)\n"
			"local ok, got = string.regexmatch('<title>' .. body .. '</title>',\n"
			"\t'<title>(.*?)</title>')\n"
			"assert(ok and got == body)\n");
}

/* None holds the worker: the clock of the whole test is the fixture's alarm. */
Test(api_string_regex, a_match_is_bounded)
{
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
		api_unit_fails(hostile[i], "the expression takes more than 4000000 steps");
	api_unit_fails("for i = 1, 100 do\n"
		       "\tpcall(string.regexmatch, ('a'):rep(40) .. 'b', '^(a+)+$')\n"
		       "end\n",
		       "budget exhausted");
	api_unit_fails("for i = 1, 100000 do string.regexmatch('a', 'a' .. i) end",
		       "budget exhausted");
	api_unit_fails("string.regexsub(('a'):rep(1000000), 'a', ('b'):rep(1000), 'g')", "");
}

/* Both loops have as many turns; what the second one's matches take is far more than those. */
Test(api_string_regex, a_match_is_paid_for)
{
	api_unit_passes("for i = 1, 5000 do string.regexmatch(('a'):rep(12) .. 'b', '^(a+)b') end");
	api_unit_fails("for i = 1, 5000 do string.regexmatch(('a'):rep(12) .. 'b', '^(a+)+$') end",
		       "budget exhausted: more than 1000000 steps");
}

/* More than are kept, in turns: each is compiled again, and none is mistaken for another. */
Test(api_string_regex, many_expressions)
{
	api_unit_passes("for turn = 1, 2 do\n"
			"\tfor i = 1, 300 do\n"
			"\t\tassert(string.regexmatch('x' .. i, '^x' .. i .. '$'))\n"
			"\t\tassert(not string.regexmatch('X' .. i, '^x' .. i .. '$'))\n"
			"\t\tassert(string.regexmatch('X' .. i, '^x' .. i .. '$', 'i'))\n"
			"\tend\n"
			"end\n");
}

Test(api_string_regex, a_result_beyond_the_memory_of_a_rule)
{
	api_unit_fails("string.regexsub(('x'):rep(2000), 'x', ('y'):rep(10000), 'g')",
		       "bytes, more than a rule may use");
}
