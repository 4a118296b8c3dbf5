/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_string_cipher, .init = api_unit_open, .fini = api_unit_close);

Test(api_string_cipher, there_and_back)
{
	api_unit_passes("for _, text in ipairs({ '', 'a', 'a\\0\\255', ('x'):rep(100000) }) do\n"
			"\tlocal sealed = string.encrypt(text, 'secret')\n"
			"\tassert(#sealed == #text + 45)\n"
			"\tassert(string.decrypt(sealed, 'secret') == text)\n"
			"\tassert(select('#', string.decrypt(sealed, 'secret')) == 1)\n"
			"end\n");
}

/* What was sealed once must be read for ever. */
Test(api_string_cipher, the_format_stays)
{
	api_unit_passes(
		"local sealed = string.hexdecode('01abfe66616c351d41008aab36c0fc941aae0d486e6f4c8f'\n"
		"\t.. 'dd55caeddd2689abbd0cc3655f57a9dbf98ab7da1c6a4b5928e2c3cd6c')\n"
		"assert(string.decrypt(sealed, 'a passphrase') == 'a secret')\n"
		"assert(string.decrypt(sealed, 'a passphrasf') == nil)\n");
}

Test(api_string_cipher, no_two_are_the_same)
{
	api_unit_passes("local seen = {}\n"
			"for i = 1, 100 do\n"
			"\tlocal sealed = string.encrypt('x', 'secret')\n"
			"\tassert(not seen[sealed:sub(2, 17)] and not seen[sealed:sub(18, 29)])\n"
			"\tseen[sealed:sub(2, 17)], seen[sealed:sub(18, 29)] = true, true\n"
			"end\n");
}

/* Each byte of it counts: version, salt, nonce, text, tag. */
Test(api_string_cipher, tampering_is_noticed)
{
	api_unit_passes(
		"local sealed = string.encrypt('some text', 'secret')\n"
		"for i = 1, #sealed do\n"
		"\tlocal byte = string.char(bit.bxor(sealed:byte(i), 1))\n"
		"\tlocal text, why = string.decrypt(sealed:sub(1, i - 1) .. byte .. sealed:sub(i + 1),\n"
		"\t\t'secret')\n"
		"\tassert(text == nil and #why > 0)\n"
		"end\n"
		"for len = 0, #sealed - 1 do assert(string.decrypt(sealed:sub(1, len), 's') == nil) end\n"
		"local text, why = string.decrypt(sealed, 'Secret')\n"
		"assert(text == nil and why == 'another passphrase, or it was tampered with')\n"
		"text, why = string.decrypt('', 'secret')\n"
		"assert(text == nil and why == 'not what string.encrypt made')\n"
		"assert(string.decrypt(sealed .. 'x', 'secret') == nil)\n");
}

/* More than are kept; and the key of one is not taken for another's. */
Test(api_string_cipher, many_passphrases)
{
	api_unit_passes("local sealed = {}\n"
			"for i = 1, 20 do sealed[i] = string.encrypt('t' .. i, 'p' .. i) end\n"
			"for i = 1, 5 do\n"
			"\tassert(string.decrypt(sealed[i], 'p' .. i) == 't' .. i)\n"
			"\tassert(string.decrypt(sealed[i], 'p' .. i + 1) == nil)\n"
			"end\n");
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "string.encrypt()", "string.encrypt: argument 1 (s): expected a string, got nothing" },
	{ "string.encrypt('a')", "argument 2 (passphrase): expected a string, got nothing" },
	{ "string.encrypt('a', '')", "argument 2 (passphrase): expected 1 to 1024 bytes, got 0" },
	{ "string.encrypt('a', ('p'):rep(1025))", "expected 1 to 1024 bytes, got 1025" },
	{ "string.decrypt({}, 'p')",
	  "string.decrypt: argument 1 (s): expected a string, got table" },
	{ "string.decrypt('', '')", "argument 2 (passphrase): expected 1 to 1024 bytes, got 0" },
	{ "string.decrypt('')", "argument 2 (passphrase): expected a string, got nothing" },
};

Test(api_string_cipher, wrong_arguments)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		api_unit_fails(wrong[i].text, wrong[i].message);
	/* a derivation takes milliseconds */
	api_unit_fails("for i = 1, 1000 do string.encrypt('', 'p' .. i) end", "budget exhausted");
}
