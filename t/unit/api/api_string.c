/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_string, .init = api_unit_open, .fini = api_unit_close);
TestSuite(api_string_encode_in_pieces, .init = api_unit_open, .fini = api_unit_close);

Test(api_string, contains_and_its_sisters)
{
	api_unit_passes(
		"assert(string.contains('abc', 'bc') == true)\n"
		"assert(string.contains('abc', 'BC') == false)\n"
		"assert(string.contains('abc', '') and string.contains('', ''))\n"
		"assert(not string.contains('', 'a') and not string.contains('a', 'aa'))\n"
		"assert(string.contains('a\\0b', '\\0b'))\n"
		"assert(string.contains('a.c', '.') and not string.contains('abc', '.'))\n"
		"assert(string.containsI('aBc', 'bC') and not string.containsI('abc', 'x'))\n"
		"assert(not string.containsI('\\192', '\\224'))\n"
		"assert(('abc'):contains('b'))\n"
		"assert(string.contains(123, 23))\n");
}

Test(api_string, both_ends)
{
	api_unit_passes("assert(string.startsWith('/api/x', '/api/') == true)\n"
			"assert(string.startsWith('/api', '/api/') == false)\n"
			"assert(string.startsWith('/API/', '/api/') == false)\n"
			"assert(string.startsWith('a', ''))\n"
			"assert(string.startsWithI('/API/', '/api/') == true)\n"
			"assert(string.startsWithI('/ap', '/api/') == false)\n"
			"assert(string.endsWith('a.png', '.png') == true)\n"
			"assert(string.endsWith('a.PNG', '.png') == false)\n"
			"assert(string.endsWith('png', '.png') == false)\n"
			"assert(string.endsWith('png', '') and string.endsWith('png', 'png'))\n"
			"assert(string.endsWithI('a.PNG', '.png') == true)\n"
			"assert(string.endsWithI('a.PNGx', '.png') == false)\n");
}

Test(api_string, icmp_orders_without_case)
{
	api_unit_passes("assert(string.icmp('Abc', 'aBC') == 0)\n"
			"assert(string.icmp('a', 'B') == -1 and string.icmp('B', 'a') == 1)\n"
			"assert(string.icmp('ab', 'A') == 1 and string.icmp('A', 'ab') == -1)\n"
			"assert(string.icmp('', '') == 0)\n"
			"assert(string.icmp('a', '\\255') == -1)\n");
}

static const char places[] = "local function at(wanted, first, last)\n"
			     "  local got = tostring(first) .. ',' .. tostring(last)\n"
			     "  assert(got == wanted, got .. ' is not ' .. wanted)\n"
			     "end\n";

static void passes_with_places(const char *text)
{
	char whole[2048];
	snprintf(whole, sizeof whole, "%s%s", places, text);
	api_unit_passes(whole);
}

Test(api_string, find_without_case_is_as_find)
{
	passes_with_places("at('2,3', string.findI('aBcbc', 'bC'))\n"
			   "at('4,5', string.findI('aBcbc', 'bC', 3))\n"
			   "at('4,5', string.findI('aBcbc', 'bC', -2))\n"
			   "at('2,3', string.findI('aBcbc', 'bC', -100))\n"
			   "at('2,3', string.findI('aBcbc', 'bC', 0))\n"
			   "at('nil,nil', string.findI('aBcbc', 'bC', 5))\n"
			   "at('nil,nil', string.findI('aBcbc', 'bC', 100))\n"
			   "at('nil,nil', string.findI('abc', 'x'))\n"
			   "at('nil,nil', string.findI('', 'x'))\n"
			   "at('1,0', string.findI('abc', ''))\n"
			   "at('4,3', string.findI('abc', '', 4))\n"
			   "at('nil,nil', string.findI('abc', '', 5))\n"
			   "at('1,0', string.findI('', ''))\n");
}

Test(api_string, findr_is_the_last_one)
{
	passes_with_places("at('4,5', string.findr('abcbc', 'bc'))\n"
			   "at('4,5', string.findr('abcbc', 'bc', -1))\n"
			   "at('2,3', string.findr('abcbc', 'bc', -2))\n"
			   "at('2,3', string.findr('abcbc', 'bc', 4))\n"
			   "at('2,3', string.findr('abcbc', 'bc', 3))\n"
			   "at('nil,nil', string.findr('abcbc', 'bc', 2))\n"
			   "at('nil,nil', string.findr('abcbc', 'bc', -100))\n"
			   "at('4,5', string.findr('abcbc', 'bc', 100))\n"
			   "at('nil,nil', string.findr('abcbc', 'BC'))\n"
			   "at('3,4', string.findr('aaaa', 'aa'))\n"
			   "at('4,3', string.findr('abc', ''))\n"
			   "at('1,0', string.findr('', ''))\n"
			   "at('nil,nil', string.findr('a', 'aa'))\n");
}

Test(api_string, count_does_not_overlap)
{
	api_unit_passes("assert(string.count('abcabc', 'bc') == 2)\n"
			"assert(string.count('aaaa', 'aa') == 2)\n"
			"assert(string.count('aaaaa', 'aa', 2) == 2)\n"
			"assert(string.count('aaaa', 'aa', -3) == 1)\n"
			"assert(string.count('aaaa', 'aa', 9) == 0)\n"
			"assert(string.count('', 'a') == 0 and string.count('Aa', 'a') == 1)\n");
	api_unit_fails("string.count('a', '')",
		       "string.count: argument 2 (part): expected some text");
}

Test(api_string, replacing)
{
	api_unit_passes("assert(string.replace('a.b.c', '.', '%1') == 'a%1b.c')\n"
			"assert(string.replace('abc', 'x', 'y') == 'abc')\n"
			"assert(string.replace('abc', 'B', 'y') == 'abc')\n"
			"assert(string.replace('', 'x', 'y') == '')\n"
			"assert(string.replaceI('aBc', 'Bc', '') == 'a')\n"
			"assert(string.replaceI('xABab', 'ab', '-') == 'x-ab')\n"
			"assert(string.replaceAll('a.b.c', '.', '--') == 'a--b--c')\n"
			"assert(string.replaceAll('aaa', 'a', '') == '')\n"
			"assert(string.replaceAll('aaa', 'aa', 'b') == 'ba')\n"
			"assert(string.replaceAll('aaa', 'A', 'b') == 'aaa')\n"
			"assert(string.replaceAll('a\\0a', '\\0', '0') == 'a0a')\n"
			"assert(string.replaceAllI('XaBxAbX', 'AB', 'ab!') == 'Xab!xab!X')\n"
			"assert(string.replaceAllI('', 'AB', 'ab!') == '')\n");
	api_unit_fails("string.replace('a', '', 'b')", "argument 2 (part): expected some text");
	api_unit_fails("string.replaceAllI('a', 'b')",
		       "argument 3 (new): expected a string, got nothing");
}

Test(api_string, bytes_by_position)
{
	api_unit_passes("assert(string.insertBytes('abc', 'XY', 1) == 'XYabc')\n"
			"assert(string.insertBytes('abc', 'XY', 3) == 'abXYc')\n"
			"assert(string.insertBytes('abc', 'XY', 4) == 'abcXY')\n"
			"assert(string.insertBytes('abc', 'XY', -1) == 'abXYc')\n"
			"assert(string.insertBytes('abc', 'XY', -3) == 'XYabc')\n"
			"assert(string.insertBytes('', 'XY', 1) == 'XY')\n"
			"assert(string.replaceBytes('abcd', 'XY', 2) == 'aXYd')\n"
			"assert(string.replaceBytes('abcd', 'XY', 4) == 'abcXY')\n"
			"assert(string.replaceBytes('abcd', 'XY', 5) == 'abcdXY')\n"
			"assert(string.replaceBytes('abcd', 'XY', -2) == 'abXY')\n"
			"assert(string.replaceBytes('abcd', '', 2) == 'abcd')\n");
	api_unit_fails("string.insertBytes('abc', 'x', 0)",
		       "argument 3 (position): expected a position");
	api_unit_fails("string.insertBytes('abc', 'x', 5)",
		       "argument 3 (position): expected a number from -3 to 4, got 5");
	api_unit_fails("string.replaceBytes('abc', 'x', -4)",
		       "argument 3 (position): expected a number");
}

Test(api_string, trim_takes_white_space_off_both_ends)
{
	api_unit_passes("assert(string.trim(' \\t\\r\\n\\v\\fa b\\n ') == 'a b')\n"
			"assert(string.trim('  ') == '' and string.trim('') == '')\n"
			"assert(string.trim('\\0a') == '\\0a')\n");
}

Test(api_string, split_keeps_empty_pieces)
{
	api_unit_passes("local function pieces(...)\n"
			"  local list = string.split(...)\n"
			"  return #list .. ':' .. table.concat(list, '|')\n"
			"end\n"
			"assert(pieces('a b  c') == '4:a|b||c')\n"
			"assert(pieces('a,b,', ',') == '3:a|b|')\n"
			"assert(pieces('a.b', '.') == '2:a|b')\n"
			"assert(pieces('aXXbXXX', 'XX') == '3:a|b|X')\n"
			"assert(pieces('', ',') == '1:')\n");
	api_unit_fails("string.split('a', '')", "argument 2 (separator): expected some text");
}

Test(api_string, wildmatch_matches_the_whole)
{
	api_unit_passes(
		"local match = string.wildmatch\n"
		"assert(match('www.example.com', '*.example.com') == true)\n"
		"assert(match('www.example.com', '*.example') == false)\n"
		"assert(match('abc', 'a?c') and match('abc', \"???\") and match('abc', '*'))\n"
		"assert(not match('abc', \"??\") and not match('abc', \"????\"))\n"
		"assert(match('', '') and match('', '*') and not match('', '?'))\n"
		"assert(match('aXbXc', 'a*b*c') and match('ababc', '*abc'))\n"
		"assert(not match('ABC', 'abc') and not match('abc', ''))\n"
		"assert(match('a.c', 'a.c') and not match('abc', 'a.c'))\n"
		"assert(match('abc', 'abc***') and match('a\\0c', 'a?c'))\n");
}

Test(api_string, wants_text)
{
	api_unit_fails("string.contains('a')",
		       "string.contains: argument 2 (part): expected a string");
	api_unit_fails("string.startsWith(nil, 'a')", "argument 1 (s): expected a string, got nil");
	api_unit_fails("string.icmp('a', {})", "argument 2 (b): expected a string, got table");
	api_unit_fails("string.findI('a', 'a', 'x')", "argument 3 (init): expected a number");
	api_unit_fails("string.trim(true)", "argument 1 (s): expected a string, got boolean");
	api_unit_fails("string.wildmatch('a')", "argument 2 (pattern): expected a string");
}

/* A step pays for 256 bytes, so a million steps for 256 times a million bytes. */
Test(api_string, work_is_paid_for)
{
	api_unit_fails("local s = ('a'):rep(1000000)\n"
		       "for i = 1, 100000 do\n"
		       "  connection.data.set('turns', i)\n"
		       "  string.contains(s, 'b')\n"
		       "end\n",
		       "budget exhausted");
	api_unit_passes("local turns = connection.data.get('turns')\n"
			"assert(turns > 200 and turns < 300, turns)\n");
}

/* What would keep the worker busy for minutes. */
Test(api_string, matching_and_splitting_are_paid_for)
{
	api_unit_fails("string.wildmatch(('a'):rep(1000000), '*' .. ('a'):rep(400000) .. 'b')\n",
		       "budget exhausted");
	api_unit_fails("local s = (' '):rep(2000000) for i = 1, 10 do string.split(s) end",
		       "budget exhausted");
}

Test(api_string, results_are_bounded)
{
	api_unit_fails("string.replaceAll(('a'):rep(100000), 'a', ('b'):rep(100000))",
		       "string.replaceAll: the result would have more than 16");
	api_unit_fails("string.replaceAllI(('a'):rep(100000), 'A', ('b'):rep(100000))",
		       "string.replaceAllI: the result would have");
}

/* Longer than what is looked at in one go, with something to find at every seam. */
Test(api_string, long_texts_are_searched_as_short_ones)
{
	api_unit_passes(
		"for _, len in ipairs({ 1, 2, 3, 7, 100, 5000 }) do\n"
		"\tlocal part = ('aB'):rep(len):sub(1, len)\n"
		"\tfor at = 8192 - len - 2, 8192 + len + 2, math.ceil(len / 3) do\n"
		"\t\tlocal s = ('x'):rep(at) .. part .. ('y'):rep(20000)\n"
		"\t\tassert(string.findI(s, part:lower()) == at + 1)\n"
		"\t\tassert(string.findr(s, part) == at + 1)\n"
		"\t\tassert(string.contains(s, part) and not string.contains(s, part .. 'x'))\n"
		"\t\tassert(string.count(s .. part, part) == 2)\n"
		"\t\tassert(string.replaceAllI(s .. part, part:upper(), '-')\n"
		"\t\t\t== ('x'):rep(at) .. '-' .. ('y'):rep(20000) .. '-')\n"
		"\t\tlocal pieces = string.split(s, part)\n"
		"\t\tassert(#pieces == 2 and #pieces[1] == at and #pieces[2] == 20000)\n"
		"\t\tassert(string.findr(part .. ('y'):rep(at) .. part:sub(2), part) == 1)\n"
		"\tend\n"
		"end\n");
}

/* The same in all pieces: what stands across a seam, too. */
Test(api_string_encode_in_pieces, long_texts_are_encoded_as_short_ones)
{
	api_unit_passes(
		"local parts = {}\n"
		"for i = 1, 800 do parts[i] = '%4' .. string.char(48 + i % 10) .. '&amp;<' .. i end\n"
		"local s = table.concat(parts)\n"
		"for _, name in ipairs({ 'urlencode', 'escape', 'unescape', 'htmlencode', 'htmldecode',\n"
		"\t'hexencode', 'regexescape' }) do\n"
		"\tfor shift = 0, 9 do\n"
		"\t\tlocal text, short = ('-'):rep(shift) .. s, {}\n"
		"\t\tfor i = 1, 800 do short[i] = string[name](parts[i]) end\n"
		"\t\tassert(string[name](text) == string[name](('-'):rep(shift)) .. table.concat(short))\n"
		"\tend\n"
		"end\n"
		"assert(string.base64decode(string.base64encode(s)) == s)\n"
		"assert(string.hexdecode(string.hexencode(s)) == s)\n"
		"local text, why = string.base64decode(('QUJD'):rep(1535) .. 'QQ==' .. ('QUJD'):rep(2000))\n"
		"assert(text == nil and why == 'not a digit of base64')\n");
}

/* Folding and reversing keep the time linear where a plain loop's would be the product. */
Test(api_string, long_texts_are_searched_in_linear_time)
{
	api_unit_passes("local s, part = ('a'):rep(1000000), ('a'):rep(500000) .. 'b'\n"
			"assert(not string.containsI(s, part))\n"
			"assert(string.findr(s, 'b' .. part) == nil)\n"
			"assert(string.count(s, part) == 0)\n");
}
