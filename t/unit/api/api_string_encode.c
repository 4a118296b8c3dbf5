/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_string_encode, .init = api_unit_open, .fini = api_unit_close);

Test(api_string_encode, percent_encodings_leave_different_bytes)
{
	api_unit_passes(
		"local s = 'aZ09-._~ /?&=%+\\0\\n\\127\\195\\164'\n"
		"assert(string.urlencode(s) ==\n"
		"  'aZ09-._~%20%2F%3F%26%3D%25%2B%00%0A%7F%C3%A4')\n"
		"assert(string.urlencodeexceptreserved(s) ==\n"
		"  'aZ09-._~%20/?&=%25+%00%0A%7F%C3%A4')\n"
		"assert(string.urlencodeexceptreserved(\":/?#[]@!$&'()*+,;=\") ==\n"
		"  \":/?#[]@!$&'()*+,;=\")\n"
		"assert(string.urlencode('<>\"{}|\\\\^`') == '%3C%3E%22%7B%7D%7C%5C%5E%60')\n"
		"assert(string.escape(s .. '<\"~') ==\n"
		"  'aZ09-._~%20/?&=%25+%00%0A%7F%C3%A4<\"~')\n"
		"assert(string.urlencode('') == '' and string.escape('') == '')\n");
}

Test(api_string_encode, unescape_undoes_and_leaves_the_rest)
{
	api_unit_passes("local all = {}\n"
			"for i = 0, 255 do all[#all + 1] = string.char(i) end\n"
			"all = table.concat(all)\n"
			"assert(string.unescape(string.escape(all)) == all)\n"
			"assert(string.unescape(string.urlencode(all)) == all)\n"
			"assert(string.unescape(string.urlencodeexceptreserved(all)) == all)\n"
			"assert(string.unescape('%41%4a%4J%') == 'AJ%4J%')\n"
			"assert(string.unescape('a+b%4') == 'a+b%4')\n"
			"assert(string.unescape('%%41') == '%A')\n"
			"assert(string.unescape('%00') == '\\0' and string.unescape('') == '')\n");
}

Test(api_string_encode, html)
{
	api_unit_passes(
		"assert(string.htmlencode('<a href=\"x\">&\\'\\0') ==\n"
		"  '&lt;a href=&quot;x&quot;&gt;&amp;&#39;\\0')\n"
		"assert(string.htmldecode('&lt;&gt;&amp;&quot;&#39;&apos;') == '<>&\"\\'\\'')\n"
		"assert(string.htmldecode('&amp;lt;') == '&lt;')\n"
		"assert(string.htmldecode('&#65;&#x42;&#X43;') == 'ABC')\n"
		"assert(string.htmldecode('&#228;') == '\\195\\164')\n"
		"assert(string.htmldecode('&#x20ac;') == '\\226\\130\\172')\n"
		"assert(string.htmldecode('&#x10ffff;') == '\\244\\143\\191\\191')\n"
		"for _, s in ipairs{'&', '&amp', '&nope;', '&#;', '&#x;', '&#65', '&#0;', '&#xd800;',\n"
		"                   '&#x110000;', '&#99999999999;', '&#6a;', '&AMP;'} do\n"
		"  assert(string.htmldecode(s) == s, s)\n"
		"end\n"
		"assert(string.htmlencode('') == '' and string.htmldecode('') == '')\n");
}

Test(api_string_encode, hexadecimal)
{
	api_unit_passes(
		"assert(string.hexencode('\\0\\1\\171\\255') == '0001abff')\n"
		"assert(string.hexdecode('0001ABff') == '\\0\\1\\171\\255')\n"
		"assert(string.hexencode('') == '' and string.hexdecode('') == '')\n"
		"local text, reason = string.hexdecode('abc')\n"
		"assert(text == nil and reason == 'an odd number of hexadecimal digits')\n"
		"text, reason = string.hexdecode('ag')\n"
		"assert(text == nil and reason == 'not a hexadecimal digit')\n"
		"assert(string.hexdecode('0x') == nil and string.hexdecode(' a') == nil)\n");
}

/* RFC 4648 10 */
Test(api_string_encode, base64_of_the_standard)
{
	api_unit_passes(
		"local known = {[''] = '', f = 'Zg==', fo = 'Zm8=', foo = 'Zm9v', foob = 'Zm9vYg==',\n"
		"  fooba = 'Zm9vYmE=', foobar = 'Zm9vYmFy', ['\\255\\254\\251\\240'] = '//778A=='}\n"
		"for text, code in pairs(known) do\n"
		"  assert(string.base64encode(text) == code, code)\n"
		"  assert(string.base64decode(code) == text, code)\n"
		"  assert(string.base64decode((code:gsub('=', ''))) == text, code)\n"
		"end\n");
}

Test(api_string_encode, base64_that_is_none)
{
	api_unit_passes(
		"for _, code in ipairs{'Z', 'Zm9vY', 'Zg=', 'Zg===', '=', '====', 'Z===', 'Zm9v=', 'Zm8==',\n"
		"                      'Zm9v\\n', 'Zm-_', 'Zm 9v', 'Zg==Zg==', 'Zh==', 'Zm9=', 'Zm\\0v'} do\n"
		"  local text, reason = string.base64decode(code)\n"
		"  assert(text == nil and type(reason) == 'string', code)\n"
		"end\n");
}

Test(api_string_encode, base64_of_every_length)
{
	api_unit_passes("for len = 0, 100 do\n"
			"  local text = string.randomBytes(len)\n"
			"  assert(string.base64decode(string.base64encode(text)) == text)\n"
			"  assert(string.hexdecode(string.hexencode(text)) == text)\n"
			"end\n");
}

Test(api_string_encode, regexescape_makes_a_text_of_a_pattern)
{
	api_unit_passes("assert(string.regexescape('a_9.b*(c)') == 'a_9\\\\.b\\\\*\\\\(c\\\\)')\n"
			"assert(string.regexescape('^$[]{}|+?\\\\-#') ==\n"
			"  '\\\\^\\\\$\\\\[\\\\]\\\\{\\\\}\\\\|\\\\+\\\\?\\\\\\\\\\\\-\\\\#')\n"
			"assert(string.regexescape('\\195\\164') == '\\195\\164')\n"
			"assert(string.regexescape('') == '')\n");
}

Test(api_string_encode, wants_text)
{
	static const char *const names[] = { "urlencode",    "urlencodeexceptreserved",
					     "escape",       "unescape",
					     "htmlencode",   "htmldecode",
					     "hexencode",    "hexdecode",
					     "base64encode", "base64decode",
					     "regexescape" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char rule[128], wanted[128];
		snprintf(rule, sizeof rule, "string.%s({})", names[i]);
		snprintf(wanted, sizeof wanted,
			 "string.%s: argument 1 (s): expected a string, got table", names[i]);
		api_unit_fails(rule, wanted);
	}
}

/* What one call makes is bounded as what a rule holds is: 16 MiB here. */
Test(api_string_encode, a_result_beyond_the_memory_of_a_rule)
{
	api_unit_fails("string.htmlencode(('\"'):rep(3000000))", "bytes, more than a rule may use");
}
