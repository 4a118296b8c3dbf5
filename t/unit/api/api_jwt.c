/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>

/* In front of each rule: tokens with a shared secret are made by the rule itself. */
static const char helpers[] =
	"local function url(s)\n"
	"\treturn (string.base64encode(s):gsub('[+/=]', { ['+'] = '-', ['/'] = '_', ['='] = '' }))\n"
	"end\n"
	"local function sign(claims, alg, secret, extra)\n"
	"\tlocal text = url('{\"alg\":\"' .. alg .. '\"' .. (extra or '') .. '}') .. '.' .. url(claims)\n"
	"\tlocal hash = string['hmacSHA' .. alg:sub(3)]\n"
	"\treturn text .. '.' .. url(hash(text, secret))\n"
	"end\n"
	"local HS = { algorithms = { 'HS256', 'HS384', 'HS512' } }\n"
	"local function refused(wanted, token, key, options)\n"
	"\tlocal claims, why = jwt.verify(token, key, options or HS)\n"
	"\tassert(claims == nil and why == wanted, tostring(why))\n"
	"end\n"
	"local now = sys.time()\n";

static void passes(const char *text)
{
	char *rule;
	cr_assert(asprintf(&rule, "%s%s", helpers, text) > 0);
	api_unit_passes(rule);
	free(rule);
}

TestSuite(api_jwt, .init = api_unit_open, .fini = api_unit_close);

Test(api_jwt, a_token_is_bounded)
{
	api_unit_passes(
		"local long = ('x'):rep(65536)\n"
		"local claims, why = jwt.verify(long .. '.x.x', 'k', {algorithms = {'HS256'}})\n"
		"assert(claims == nil and why == 'no token: longer than 65,536 bytes', why)\n"
		"claims, why = jwt.verify(long:sub(5) .. '.x.x', 'k', {algorithms = {'HS256'}})\n"
		"assert(claims == nil and why ~= 'no token: longer than 65,536 bytes', why)\n");
}

/* RFC 7515 A.1: HS256, expired in 2011 */
Test(api_jwt, the_standards_own_token)
{
	passes("local token = 'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9'\n"
	       "\t.. '.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt'\n"
	       "\t.. 'cGxlLmNvbS9pc19yb290Ijp0cnVlfQ'\n"
	       "\t.. '.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'\n"
	       "local key = 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i'\n"
	       "\t.. 'PS4hcgUuTwjAzZr1Z9CAow'\n"
	       "key = string.base64decode((key:gsub('[-_]', { ['-'] = '+', _ = '/' })))\n"
	       "refused('the token has expired', token, key)\n"
	       "refused('wrong signature', token, key .. 'x')\n"
	       "local header = jwt.parseheader(token)\n"
	       "assert(header.typ == 'JWT' and header.alg == 'HS256')\n");
}

Test(api_jwt, secrets)
{
	passes("for _, alg in ipairs(HS.algorithms) do\n"
	       "\tlocal claims, header = jwt.verify(sign('{\"sub\":\"a\",\"n\":[1,null]}', alg, 's'), 's', HS)\n"
	       "\tassert(claims.sub == 'a' and claims.n[2] == json.null and header.alg == alg)\n"
	       "end\n"
	       "local token = sign('{}', 'HS256', 's')\n"
	       "refused('wrong signature', token, 'S')\n"
	       "refused('wrong signature', token:sub(1, -4), 's')\n"
	       "refused('wrong signature', token:gsub('%.[^.]*$', '.'), 's')\n"
	       "refused('header: an algorithm that is not allowed', token, 's', { algorithms = { 'HS512' } })\n"
	       "refused('header: an algorithm that is not allowed', token, 's', { algorithms = 'RS256' })\n"
	       "assert(jwt.verify(token, 's', { algorithms = 'HS256' }))\n");
}

Test(api_jwt, none_is_never_allowed)
{
	passes("for _, alg in ipairs({ 'none', 'None', '', 'HS', 'hs256', 'HS1024' }) do\n"
	       "\tlocal text = url('{\"alg\":\"' .. alg .. '\"}') .. '.' .. url('{}') .. '.'\n"
	       "\trefused('header: an algorithm that is not allowed', text, 's')\n"
	       "end\n"
	       "refused('header: an algorithm that is not allowed', url('{}') .. '.' .. url('{}') .. '.', 's')\n"
	       "refused('header: an algorithm that is not allowed', url('{\"alg\":256}') .. '.e30.', 's')\n"
	       "refused('header: an algorithm that is not allowed', url('{\"x\":{\"alg\":\"HS256\"}}') .. '.e30.', 's')\n");
}

Test(api_jwt, times)
{
	passes("local function verify(claims, leeway)\n"
	       "\tlocal got, why = jwt.verify(sign(claims, 'HS256', 's'), 's',\n"
	       "\t\t{ algorithms = 'HS256', leeway = leeway })\n"
	       "\treturn got and 'fine' or why\n"
	       "end\n"
	       "local function is(got, wanted) assert(got == wanted, got) end\n"
	       "is(verify('{\"exp\":' .. now + 100 .. '}'), 'fine')\n"
	       "is(verify('{\"exp\":' .. now - 1 .. '}'), 'the token has expired')\n"
	       "is(verify('{\"exp\":' .. now .. '}'), 'the token has expired')\n"
	       "is(verify('{\"exp\":' .. now - 50 .. '}', 100), 'fine')\n"
	       "is(verify('{\"exp\":' .. now - 200 .. '}', 100), 'the token has expired')\n"
	       "is(verify('{\"nbf\":' .. now + 100 .. '}'), 'the token is not valid yet')\n"
	       "is(verify('{\"nbf\":' .. now + 100 .. '}', 200), 'fine')\n"
	       "is(verify('{\"nbf\":' .. now - 1 .. '}'), 'fine')\n"
	       "is(verify('{\"iat\":' .. now + 100 .. '}'), 'the token is from the future')\n"
	       "is(verify('{\"iat\":' .. now .. '}'), 'fine')\n"
	       "is(verify('{\"exp\":1e300}'), 'fine')\n"
	       "for _, name in ipairs({ 'exp', 'nbf', 'iat' }) do\n"
	       "\tfor _, value in ipairs({ 'null', 'true', '\"1\"' }) do\n"
	       "\t\tis(verify('{\"' .. name .. '\":' .. value .. '}'), 'claims: a time that is no number')\n"
	       "\tend\n"
	       "end\n"
	       "is(verify('{\"x\":{\"exp\":1}}'), 'fine')\n");
}

Test(api_jwt, issuer_and_audience)
{
	passes("local function verify(claims, options)\n"
	       "\toptions.algorithms = 'HS256'\n"
	       "\tlocal got, why = jwt.verify(sign(claims, 'HS256', 's'), 's', options)\n"
	       "\treturn got and 'fine' or why\n"
	       "end\n"
	       "local function is(got, wanted) assert(got == wanted, got) end\n"
	       "is(verify('{\"iss\":\"a\"}', {}), 'fine')\n"
	       "is(verify('{\"iss\":\"a\"}', { issuer = 'a' }), 'fine')\n"
	       "is(verify('{\"iss\":\"b\"}', { issuer = { 'a', 'b' } }), 'fine')\n"
	       "is(verify('{\"iss\":\"c\"}', { issuer = { 'a', 'b' } }), 'another issuer')\n"
	       "is(verify('{}', { issuer = 'a' }), 'another issuer')\n"
	       "is(verify('{\"iss\":[\"a\"]}', { issuer = 'a' }), 'another issuer')\n"
	       "is(verify('{\"x\":{\"iss\":\"a\"}}', { issuer = 'a' }), 'another issuer')\n"
	       "is(verify('{\"aud\":\"a\"}', { audience = 'a' }), 'fine')\n"
	       "is(verify('{\"aud\":[\"x\",\"a\"]}', { audience = 'a' }), 'fine')\n"
	       "is(verify('{\"aud\":[\"a\",\"x\"]}', { audience = 'a' }), 'fine')\n"
	       "is(verify('{\"aud\":[\"x\",[\"a\"]]}', { audience = 'a' }), 'another audience')\n"
	       "is(verify('{\"aud\":[\"x\"],\"y\":[\"a\"]}', { audience = 'a' }), 'another audience')\n"
	       "is(verify('{\"aud\":[],\"z\":\"a\"}', { audience = 'a' }), 'another audience')\n"
	       "is(verify('{}', { audience = 'a' }), 'another audience')\n");
}

Test(api_jwt, what_is_no_token)
{
	passes("refused('no token: not three parts', '', 's')\n"
	       "refused('no token: not three parts', 'a.b', 's')\n"
	       "refused('no token: not three parts', 'a.b.c.d', 's')\n"
	       "refused('no token: not the length of base64', 'e.e30.', 's')\n"
	       "refused('no token: not a digit of base64', 'e30=.e30.', 's')\n"
	       "refused('no token: base64 with bits left over', 'e31.e30.', 's')\n"
	       "refused('header: no object', url('[]') .. '.e30.', 's')\n"
	       "refused('header: no object', url(' 1') .. '.e30.', 's')\n"
	       "refused('header: the text ends too early', '.e30.', 's')\n"
	       "refused('claims: no object', sign('[1]', 'HS256', 's'), 's')\n"
	       "refused('claims: a name that is there already', sign('{\"a\":1,\"a\":2}', 'HS256', 's'), 's')\n"
	       "refused('header: a name that is there already', sign('{}', 'HS256', 's', ',\"alg\":\"HS256\"'), 's')\n"
	       "refused('header: an extension that must be understood, and is not',\n"
	       "\tsign('{}', 'HS256', 's', ',\"crit\":[\"b64\"],\"b64\":false'), 's')\n"
	       "local header, why = jwt.parseheader('e30')\n"
	       "assert(header == nil and why == 'no token: not three parts')\n"
	       "assert(jwt.parseheader('e30.!.') == nil and next(jwt.parseheader('e30..')) == nil)\n");
}

Test(api_jwt, names_of_one_part_mean_nothing_in_the_other)
{
	passes("assert(jwt.verify(sign('{\"crit\":[\"b64\"],\"alg\":\"none\"}', 'HS256', 's'), 's', HS))\n"
	       "assert(jwt.verify(sign('{}', 'HS256', 's', ',\"exp\":1,\"nbf\":\"x\",\"iat\":null'), 's', HS))\n"
	       "local options = { algorithms = 'HS256', issuer = 'a', audience = 'b' }\n"
	       "refused('another issuer', sign('{}', 'HS256', 's', ',\"iss\":\"a\",\"aud\":\"b\"'), 's', options)\n");
}

/* ---- keys in pairs ---- */

static char *pem_of(EVP_PKEY *key)
{
	char *text;
	BIO *out = BIO_new(BIO_s_mem());
	cr_assert_eq(PEM_write_bio_PUBKEY(out, key), 1);
	long len = BIO_get_mem_data(out, &text);
	char *copy = strndup(text, (size_t)len);
	BIO_free(out);
	return copy;
}

/* The signature as a token has it, in hexadecimal. */
static void sign_hex(EVP_PKEY *key, const char *digest, size_t half, const char *text, char *hex)
{
	unsigned char bytes[1024];
	size_t len = sizeof bytes;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	cr_assert_eq(EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, key, NULL), 1);
	cr_assert_eq(
		EVP_DigestSign(context, bytes, &len, (const unsigned char *)text, strlen(text)), 1);
	EVP_MD_CTX_free(context);
	if (half > 0) {
		const unsigned char *at = bytes;
		ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
		cr_assert_not_null(pair);
		BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, (int)half);
		BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + half, (int)half);
		ECDSA_SIG_free(pair);
		len = 2 * half;
	}
	for (size_t i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
}

static const struct {
	const char *name, *digest, *curve, *header; /* {"alg":"..."} in base64 */
	size_t half;
} pairs[] = {
	{ "RS256", "SHA256", NULL, "eyJhbGciOiJSUzI1NiJ9", 0 },
	{ "RS384", "SHA384", NULL, "eyJhbGciOiJSUzM4NCJ9", 0 },
	{ "RS512", "SHA512", NULL, "eyJhbGciOiJSUzUxMiJ9", 0 },
	{ "ES256", "SHA256", "P-256", "eyJhbGciOiJFUzI1NiJ9", 32 },
	{ "ES384", "SHA384", "P-384", "eyJhbGciOiJFUzM4NCJ9", 48 },
	{ "ES512", "SHA512", "P-521", "eyJhbGciOiJFUzUxMiJ9", 66 },
};
#define PAIR_COUNT (sizeof pairs / sizeof *pairs)

static EVP_PKEY *new_key(size_t i, unsigned bits)
{
	EVP_PKEY *key = pairs[i].curve == NULL ? EVP_RSA_gen(bits) : EVP_EC_gen(pairs[i].curve);
	cr_assert_not_null(key);
	return key;
}

/* Runs `text` with `token`, `key` (PEM) and `alg` set, for a token signed by `signer`. */
static void with_pair(size_t i, EVP_PKEY *signer, EVP_PKEY *key, const char *text)
{
	char signed_text[64], hex[2100], *pem = pem_of(key), *rule;
	snprintf(signed_text, sizeof signed_text, "%s.e30", pairs[i].header);
	sign_hex(signer, pairs[i].digest, pairs[i].half, signed_text, hex);
	cr_assert(asprintf(&rule,
			   "local key, alg = [[\n%s]], '%s'\n"
			   "local token = '%s.' .. url(string.hexdecode('%s'))\n"
			   "local options = { algorithms = { alg } }\n%s",
			   pem, pairs[i].name, signed_text, hex, text) > 0);
	passes(rule);
	free(rule);
	free(pem);
}

Test(api_jwt, public_keys)
{
	for (size_t i = 0; i < PAIR_COUNT; i++) {
		EVP_PKEY *key = new_key(i, 2048), *other = new_key(i, 2048);
		with_pair(
			i, key, key,
			"local claims, header = jwt.verify(token, key, options)\n"
			"assert(claims and header.alg == alg and next(claims) == nil, header)\n"
			"assert(jwt.verify(token, key, options))\n"
			"refused('wrong signature', token:gsub('%.e30%.', '.e30K.'):gsub('e30K', url('{} ')), key, options)\n"
			"refused('wrong signature', token:gsub('[^.]*$', ''), key, options)\n"
			"refused('header: an algorithm that is not allowed', token, key)\n");
		with_pair(i, other, key, "refused('wrong signature', token, key, options)");
		EVP_PKEY_free(key);
		EVP_PKEY_free(other);
	}
}

/* A key of another kind; and RSA that is too short. */
Test(api_jwt, a_key_must_fit_the_algorithm)
{
	EVP_PKEY *rsa = new_key(0, 2048), *short_rsa = new_key(0, 1024);
	EVP_PKEY *p256 = new_key(3, 0), *p384 = new_key(4, 0);
	static const char unfit[] =
		"refused('a key that is none for: ' .. alg, token, key, options)";
	with_pair(0, rsa, p256, unfit);
	with_pair(0, short_rsa, short_rsa, unfit);
	with_pair(3, p256, rsa, unfit);
	with_pair(3, p256, p384, unfit);
	with_pair(4, p384, p256, unfit);
	with_pair(0, rsa, rsa,
		  "refused('a key that is none for: RS256', token, 'no PEM', options)\n"
		  "refused('a key that is none for: RS256', token, key:sub(1, 100), options)\n"
		  "refused('a key that is none for: RS256', token, '', options)\n");
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(short_rsa);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
}

/* Whoever knows the public key must not be able to sign with it as a secret. */
Test(api_jwt, a_public_key_is_no_secret)
{
	EVP_PKEY *rsa = new_key(0, 2048);
	with_pair(0, rsa, rsa,
		  "refused('a key that is none for: HS256', sign('{}', 'HS256', key), key,\n"
		  "\t{ algorithms = { 'RS256', 'HS256' } })\n"
		  "refused('a key that is none for: HS256', sign('{}', 'HS256', ''), '')\n");
	EVP_PKEY_free(rsa);
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "jwt.verify()", "jwt.verify: argument 2 (key): expected a string, got nothing" },
	{ "jwt.verify('a', 'k')",
	  "jwt.verify: argument 3 (options): expected a table, got nothing" },
	{ "jwt.verify({}, 'k', { algorithms = 'HS256' })",
	  "argument 1 (token): expected a string, got table" },
	{ "jwt.verify('a', 'k', {})", "argument 3 (options): expected algorithms to be named" },
	{ "jwt.verify('a', 'k', { algorithms = {} })", "expected algorithms to be named" },
	{ "jwt.verify('a', 'k', { algorithms = 'none' })",
	  "expected algorithms as HS256, RS384 or ES512, got 'none'" },
	{ "jwt.verify('a', 'k', { algorithms = { 'HS256', 'PS256' } })", "got 'PS256'" },
	{ "jwt.verify('a', 'k', { algorithm = 'HS256' })",
	  "expected algorithms, issuer, audience or leeway, got 'algorithm'" },
	{ "jwt.verify('a', 'k', { algorithms = 'HS256', leeway = -1 })",
	  "expected a leeway from 0 to 86400 seconds, got '-1'" },
	{ "jwt.verify('a', 'k', { algorithms = 'HS256', leeway = 'x' })", "expected a leeway" },
	{ "jwt.verify('a', 'k', { algorithms = 'HS256', leeway = 0/0 })", "expected a leeway" },
	{ "jwt.verify('a', 'k', { algorithms = 'HS256', issuer = true })",
	  "expected text as a value, got boolean" },
	{ "local t = {} for i = 1, 17 do t[i] = i end jwt.verify('a', 'k', { audience = t })",
	  "expected at most 16 names" },
	{ "jwt.parseheader()",
	  "jwt.parseheader: argument 1 (token): expected a string, got nothing" },
};

Test(api_jwt, wrong_arguments)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		api_unit_fails(wrong[i].text, wrong[i].message);
}
