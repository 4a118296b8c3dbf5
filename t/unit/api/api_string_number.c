/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_string_number, .init = api_unit_open, .fini = api_unit_close);

Test(api_string_number, bytes_in_network_order)
{
	api_unit_passes("assert(string.bytesToInt('\\1\\2') == 258)\n"
			"assert(string.bytesToInt('\\255\\255\\255\\255') == 4294967295)\n"
			"assert(string.bytesToInt('\\0') == 0)\n"
			"assert(string.intToBytes(258) == '\\0\\0\\1\\2')\n"
			"assert(string.intToBytes(258, 2) == '\\1\\2')\n"
			"assert(string.intToBytes(255, 1) == '\\255')\n"
			"assert(string.intToBytes(4294967295) == '\\255\\255\\255\\255')\n"
			"assert(string.bytesToInt(string.intToBytes(2^48 - 1, 6)) == 2^48 - 1)\n"
			"local number, reason = string.bytesToInt('')\n"
			"assert(number == nil and reason == 'not 1 to 6 bytes')\n"
			"assert(string.bytesToInt('1234567') == nil)\n");
	api_unit_fails("string.intToBytes(256, 1)",
		       "argument 1 (number): expected a number from 0 to 255, got 256");
	api_unit_fails("string.intToBytes(-1)", "argument 1 (number): expected a number from 0");
	api_unit_fails("string.intToBytes(2^32)", "argument 1 (number): expected a number from 0");
	api_unit_fails("string.intToBytes(1, 7)",
		       "argument 2 (width): expected a number from 1 to 6");
	api_unit_fails("string.intToBytes(1, 0)",
		       "argument 2 (width): expected a number from 1 to 6");
	api_unit_fails("string.intToBytes(1.5)", "argument 1 (number): expected a whole number");
}

Test(api_string_number, ber)
{
	api_unit_passes(
		"local known = {[0] = '00', [127] = '7f', [128] = '0080', [256] = '0100',\n"
		"  [-1] = 'ff', [-128] = '80', [-129] = 'ff7f', [32767] = '7fff', [32768] = '008000',\n"
		"  [-32768] = '8000', [2^53] = '20000000000000', [-2^53] = 'e0000000000000'}\n"
		"for number, code in pairs(known) do\n"
		"  assert(string.hexencode(string.intToBER(number)) == code, code)\n"
		"  assert(string.BERToInt(string.hexdecode(code)) == number, code)\n"
		"end\n"
		"for _, code in ipairs{'', '0000', '007f', 'ffff', 'ff80', '20000000000001',\n"
		"                      'dfffffffffffff', '0100000000000000'} do\n"
		"  local number, reason = string.BERToInt(string.hexdecode(code))\n"
		"  assert(number == nil and type(reason) == 'string', code)\n"
		"end\n");
	api_unit_fails("string.intToBER(2^53 + 2)", "argument 1 (number): expected a number from");
	api_unit_fails("string.intToBER(0.5)", "argument 1 (number): expected a whole number");
	api_unit_fails("string.intToBER(0/0)", "argument 1 (number): expected a whole number");
}

Test(api_string_number, hexadecimal)
{
	api_unit_passes(
		"assert(string.hexToInt('ff') == 255 and string.hexToInt('0xFF') == 255)\n"
		"assert(string.hexToInt('0') == 0 and string.hexToInt('00000000000000000001') == 1)\n"
		"assert(string.hexToInt('20000000000000') == 2^53)\n"
		"for _, s in ipairs{'', '0x', 'g', '-1', ' 1', '1 ', '20000000000001',\n"
		"                   'ffffffffffffffffffffffff', '1.5', '0x0x1'} do\n"
		"  local number, reason = string.hexToInt(s)\n"
		"  assert(number == nil and type(reason) == 'string', s)\n"
		"end\n"
		"assert(string.intToHex(255) == 'ff' and string.intToHex(0) == '0')\n"
		"assert(string.intToHex(2^53) == '20000000000000')\n");
	api_unit_fails("string.intToHex(-1)", "argument 1 (number): expected a number from 0");
	api_unit_fails("string.intToHex('x')", "argument 1 (number): expected a number");
}

Test(api_string_number, dates_in_three_forms)
{
	api_unit_passes("local parse = string.gmtime.parse\n"
			"assert(parse('Sun, 06 Nov 1994 08:49:37 GMT') == 784111777)\n"
			"assert(parse('Sunday, 06-Nov-94 08:49:37 GMT') == 784111777)\n"
			"assert(parse('Sun Nov  6 08:49:37 1994') == 784111777)\n"
			"assert(parse('') == nil and parse('yesterday') == nil)\n"
			"assert(parse('Sun, 06 Nov 1994 08:49:37 CET') == nil)\n");
	api_unit_fails("string.gmtime.parse()",
		       "string.gmtime.parse: argument 1 (date): expected a string, got nothing");
}

Test(api_string_number, wants_text)
{
	api_unit_fails("string.bytesToInt()", "argument 1 (bytes): expected a string");
	api_unit_fails("string.BERToInt({})", "argument 1 (bytes): expected a string, got table");
	api_unit_fails("string.hexToInt(nil)", "argument 1 (digits): expected a string, got nil");
}
