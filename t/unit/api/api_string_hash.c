/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_string_hash, .init = api_unit_open, .fini = api_unit_close);

static void expect_hex(const char *call, const char *wanted)
{
	char rule[1024];
	snprintf(rule, sizeof rule, "local got = string.hexencode(%s)\nassert(got == '%s', got)",
		 call, wanted);
	api_unit_passes(rule);
}

/* RFC 1321 A.5 */
Test(api_string_hash, md5)
{
	expect_hex("string.hashMD5('')", "d41d8cd98f00b204e9800998ecf8427e");
	expect_hex("string.hashMD5('message digest')", "f96b697d7cb7938d525a2f31aaf161d0");
}

/* RFC 6234 8.5, test 1 */
Test(api_string_hash, sha)
{
	expect_hex("string.hashSHA1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d");
	expect_hex("string.hashSHA256('abc')",
		   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	expect_hex("string.hashSHA384('abc')",
		   "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		   "8086072ba1e7cc2358baeca134c825a7");
	expect_hex("string.hashSHA512('abc')",
		   "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		   "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	expect_hex("string.hashSHA256('')",
		   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* RFC 2202 3, test 2; RFC 4231 4.3 */
Test(api_string_hash, hmac)
{
	expect_hex("string.hmacSHA1('what do ya want for nothing?', 'Jefe')",
		   "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	expect_hex("string.hmacSHA256('what do ya want for nothing?', 'Jefe')",
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	expect_hex("string.hmacSHA384('what do ya want for nothing?', 'Jefe')",
		   "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
		   "8e2240ca5e69e2c78b3239ecfab21649");
	expect_hex("string.hmacSHA512('what do ya want for nothing?', 'Jefe')",
		   "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		   "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

/* RFC 4231 4.7: a key longer than a block */
Test(api_string_hash, hmac_with_a_long_or_an_empty_key)
{
	expect_hex("string.hmacSHA256('Test Using Larger Than Block-Size Key - Hash Key First', "
		   "('\\170'):rep(131))",
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	expect_hex("string.hmacSHA256('', '')",
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
	api_unit_fails(
		"string.hmacSHA1('', ('k'):rep(65537))",
		"string.hmacSHA1: argument 2 (key): expected at most 65536 bytes, got 65537");
}

Test(api_string_hash, random_bytes_differ)
{
	api_unit_passes(
		"assert(#string.randomBytes(65536) == 65536 and string.randomBytes(0) == '')\n"
		"assert(string.randomBytes(16) ~= string.randomBytes(16))\n"
		"assert(string.randomBytes(64):sub(33) ~= ('\\0'):rep(32))\n");
	api_unit_fails("string.randomBytes(65537)",
		       "argument 1 (length): expected a number from 0");
	api_unit_fails("string.randomBytes(-1)", "argument 1 (length): expected a number from 0");
	api_unit_fails("string.randomBytes()",
		       "argument 1 (length): expected a number, got nothing");
}

Test(api_string_hash, wants_text)
{
	static const char *const names[] = { "hashMD5",    "hashSHA1",   "hashSHA256",
					     "hashSHA384", "hashSHA512", "hmacSHA1",
					     "hmacSHA256", "hmacSHA384", "hmacSHA512" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char rule[128];
		snprintf(rule, sizeof rule, "string.%s()", names[i]);
		api_unit_fails(rule, "argument 1 (s): expected a string, got nothing");
	}
	api_unit_fails("string.hmacSHA256('a')",
		       "argument 2 (key): expected a string, got nothing");
}

/* Hashing 16 GB would take most of a minute. */
Test(api_string_hash, work_is_paid_for)
{
	api_unit_fails("local s = ('a'):rep(1000000)\n"
		       "for i = 1, 16000 do string.hashSHA256(s) end\n",
		       "budget exhausted");
}
