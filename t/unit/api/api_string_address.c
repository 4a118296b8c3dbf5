/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_string_address, .init = api_unit_open, .fini = api_unit_close);

Test(api_string_address, ipmaskmatch_takes_blocks_in_four_forms)
{
	api_unit_passes(
		"local match = string.ipmaskmatch\n"
		"assert(match('10.1.2.3', '10.0.0.0/8') == true)\n"
		"assert(match('11.1.2.3', '10.0.0.0/8') == false)\n"
		"assert(match('11.1.2.3', '0.0.0.0/0'))\n"
		"assert(match('10.1.2.3', '10.1.0.0/255.255.0.0'))\n"
		"assert(not match('10.2.2.3', '10.1.0.0/255.255.0.0'))\n"
		"assert(match('10.0.1.9', '10.0.1.') and not match('10.0.10.9', '10.0.1.'))\n"
		"assert(match('10.9.9.9', '10.') and match('10.1.9.9', '10.1.'))\n"
		"assert(match('10.0.0.1', '10.0.0.1') and not match('10.0.0.2', '10.0.0.1'))\n"
		"assert(match('10.0.0.1', '10.0.0.0/31') and not match('10.0.0.2', '10.0.0.0/31'))\n");
}

Test(api_string_address, ipmaskmatch_knows_ipv6)
{
	api_unit_passes(
		"local match = string.ipmaskmatch\n"
		"assert(match('fd00::1', 'fd00::/8') and not match('fe80::1', 'fd00::/8'))\n"
		"assert(match('fd00::1', 'fd00::/ffff::') and match('fd00::1', 'FD00:0::1'))\n"
		"assert(not match('fd00::1', '0.0.0.0/0') and not match('1.2.3.4', '::/0'))\n"
		"assert(match('::ffff:10.0.0.1', '10.0.0.0/8'))\n"
		"assert(match('::ffff:10.0.0.1', '::ffff:0:0/96'))\n"
		"assert(match('::1', '::/127') and not match('::2', '::/127'))\n");
}

Test(api_string_address, ipmaskmatch_of_no_address_is_false_and_of_no_block_an_error)
{
	api_unit_passes("assert(string.ipmaskmatch('', '10.0.0.0/8') == false)\n"
			"assert(string.ipmaskmatch('example.com', '10.0.0.0/8') == false)\n"
			"assert(string.ipmaskmatch('10.0.0.1:80', '10.0.0.0/8') == false)\n");
	static const char *const bad[] = { "",           "10.0.0.0/33", "10.0.0.0/",
					   "10",         "10.0.0",      "10.0.0.0/0.255.0.0",
					   "fd00::/129", "fd00:",       "10.0.0.0.",
					   ".",          "10..",        "10.0.0.0/ffff::",
					   "256.",       "/8",          "10.0.0.0/8/8" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char rule[128];
		snprintf(rule, sizeof rule, "string.ipmaskmatch('10.0.0.1', '%s')", bad[i]);
		api_unit_fails(rule,
			       "string.ipmaskmatch: argument 2 (block): expected a block such as");
	}
}

Test(api_string_address, valid_and_normal_addresses)
{
	api_unit_passes(
		"local valid, normal = string.validIPAddress, string.normalizeIPAddress\n"
		"assert(valid('10.0.0.1') == 4 and valid('::1') == 6)\n"
		"assert(valid('::ffff:10.0.0.1') == 6)\n"
		"for _, s in ipairs{'', '10.0.0', '10.0.0.256', '010.0.0.1', '10.0.0.1 ', '[::1]',\n"
		"                   '10.0.0.1:80', ':::', '1.2.3.4\\0', 'localhost'} do\n"
		"  assert(valid(s) == nil, s)\n"
		"  local text, reason = normal(s)\n"
		"  assert(text == nil and reason == 'not an IP address', s)\n"
		"end\n"
		"assert(normal('2001:DB8:0:0:0:0:0:1') == '2001:db8::1')\n"
		"assert(normal('0:0::0') == '::' and normal('10.0.0.1') == '10.0.0.1')\n");
}

Test(api_string_address, addresses_as_bytes)
{
	api_unit_passes("local bytes, dotted = string.dottedToBytes, string.bytesToDotted\n"
			"assert(bytes('10.0.1.255') == '\\10\\0\\1\\255')\n"
			"assert(bytes('::1') == ('\\0'):rep(15) .. '\\1')\n"
			"assert(dotted('\\10\\0\\1\\255') == '10.0.1.255')\n"
			"assert(dotted(bytes('fd00::1')) == 'fd00::1')\n"
			"local text, reason = bytes('10.0.1')\n"
			"assert(text == nil and reason == 'not an IP address')\n"
			"text, reason = dotted('abc')\n"
			"assert(text == nil and reason == 'not 4 or 16 bytes')\n"
			"assert(dotted('') == nil)\n");
}

Test(api_string_address, host_and_port)
{
	api_unit_passes(
		"local function apart(s)\n"
		"  return tostring(string.extractHost(s)) .. ' ' .. tostring(string.extractPort(s))\n"
		"end\n"
		"assert(apart('example.com:8080') == 'example.com 8080')\n"
		"assert(apart('example.com') == 'example.com nil')\n"
		"assert(apart('10.0.0.1:80') == '10.0.0.1 80')\n"
		"assert(apart('[fd00::1]:80') == 'fd00::1 80')\n"
		"assert(apart('[fd00::1]') == 'fd00::1 nil')\n"
		"assert(apart('fd00::1') == 'fd00::1 nil')\n"
		"assert(apart('host:') == 'host nil')\n"
		"assert(apart('host:0') == 'host nil' and apart('host:65536') == 'host nil')\n"
		"assert(apart('host:65535') == 'host 65535' and apart('host:8x') == 'host nil')\n"
		"assert(apart('host:+80') == 'host nil')\n"
		"assert(apart('') == 'nil nil' and apart(':80') == 'nil 80')\n"
		"assert(apart('[::1') == 'nil nil' and apart('[::1]x') == 'nil nil')\n"
		"assert(apart('a:b:80') == 'nil nil' and apart('[]:80') == 'nil 80')\n");
}

Test(api_string_address, wants_text)
{
	api_unit_fails("string.ipmaskmatch('10.0.0.1')", "argument 2 (block): expected a string");
	api_unit_fails("string.validIPAddress()", "argument 1 (s): expected a string");
	api_unit_fails("string.normalizeIPAddress(nil)",
		       "argument 1 (ip): expected a string, got nil");
	api_unit_fails("string.dottedToBytes({})", "argument 1 (ip): expected a string, got table");
	api_unit_fails("string.bytesToDotted(false)", "argument 1 (bytes): expected a string");
	api_unit_fails("string.extractHost()", "argument 1 (s): expected a string");
	api_unit_fails("string.extractPort()", "argument 1 (s): expected a string");
}
