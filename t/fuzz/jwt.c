/*
 * Tokens: the first byte says how the rest is taken. Either it is a header and claims, a line each, that are
 * signed here: jwt.verify must accept what a second reading by jansson accepts, and nothing once a byte was
 * changed. Or it is a whole token by somebody who has no key: it is never accepted, and only those two that were
 * signed long ago are refused for their age alone.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "txn/txn.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

FUZZ_HOLDS_LUA

#define TOKEN_BYTES 8192
#define NOW 1767225600 /* seconds since 1970, all the time */

static const char rule_text[] =
	"local options = { algorithms = { 'HS256', 'HS512', 'RS256', 'ES256' } }\n"
	"if t.wants() then options.issuer = 'joe' options.audience = { 'a', 'b' } end\n"
	"local claims, header = jwt.verify(t.token(), t.key(), options)\n"
	"t.say(claims == nil and header or nil, jwt.parseheader(t.token()) ~= nil)\n";

static const char rsa_key[] = "-----BEGIN PUBLIC KEY-----\n"
			      "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA5Nm6fOghxU6WZ9cpwnhP\n"
			      "f43JEXVhiXGVppbslNI7SQo5LCRHJCOlI8Jo3vuIlk8vfLiOgDhp+8sBmvkSRNJ3\n"
			      "ErjxGUWuwvB4E0sU4CCu2aAT4IxTGQGV+JkUYOkHue5uyxCmGMUUdMlAOgdcqy7G\n"
			      "iOrMTdy92G1CP6h/6DCADLj6cmCE3efmv50VU2VHfE47hEiQZ86+tvVREk+gwuYf\n"
			      "kjAlaMcV9MZzK2XnvNzOlWnu8MFsclniBROtMm88JzLLSv7YItdNoMsfykpVWMV0\n"
			      "PIZWnSCQqtmnnxZTQVLSXAHr+xKs0hMQot+ye7R+0qoe6z/mI//2rH/UP7mtgNmN\n"
			      "GQIDAQAB\n"
			      "-----END PUBLIC KEY-----\n";
static const char ec_key[] = "-----BEGIN PUBLIC KEY-----\n"
			     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdMPWphMIdFHpuEO61OYYee6rgS9y\n"
			     "k4/H6QrQnbksX3D7sFup4Adhct/lAiXVk3fbTZztvHBJzgE4CCcoHxejtg==\n"
			     "-----END PUBLIC KEY-----\n";
/* What their owners signed: {"sub":"fuzz","exp":1300819380}. */
#define SIGNED_RS256 "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJmdXp6IiwiZXhwIjoxMzAwODE5MzgwfQ"
#define SIGNED_ES256 "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJmdXp6IiwiZXhwIjoxMzAwODE5MzgwfQ"

static struct {
	struct slice token, key;
	bool wants;
	bool is_accepted, is_header; /* what the rule was told */
	char why[200];
} run;

/* ---- weir's ------------------------------------------------------------------------------------------------ */

static enum rule_answer give_token(struct rule_call *call)
{
	rule_push_string(call, run.token);
	return RULE_RETURN;
}

static enum rule_answer give_key(struct rule_call *call)
{
	rule_push_string(call, run.key);
	return RULE_RETURN;
}

static enum rule_answer give_wants(struct rule_call *call)
{
	rule_push_boolean(call, run.wants);
	return RULE_RETURN;
}

static enum rule_answer say(struct rule_call *call)
{
	run.is_accepted = rule_argument_is_absent(call, 1);
	run.is_header = rule_argument_boolean(call, 2);
	struct slice why = run.is_accepted ? SLICE("") : rule_argument_string(call, 1);
	snprintf(run.why, sizeof run.why, "%.*s", SLICE_PRINT(why));
	return RULE_RETURN;
}

static const struct rule_function own[] = {
	{ "t.token", give_token, RULE_IN_ANY, "", "string", "", "weir" },
	{ "t.key", give_key, RULE_IN_ANY, "", "string", "", "weir" },
	{ "t.wants", give_wants, RULE_IN_ANY, "", "boolean", "", "weir" },
	{ "t.say", say, RULE_IN_ANY, "why?: string, is_header: boolean", "", "", "weir" },
};
#define OWN (sizeof own / sizeof own[0])

static struct rule_vm *vm;
static struct rule *rule;

static void load(void)
{
	static struct rule_function all[512];
	struct complaints complaints = { 0 };
	size_t count;
	const struct rule_function *functions = api_functions(&count);
	fuzz_expect(count + OWN <= sizeof all / sizeof all[0]);
	memcpy(all, functions, count * sizeof *all);
	memcpy(all + count, own, sizeof own);
	log_open(LOG_AUDIT, LOG_TEXT);
	clock_stop_wall((uint64_t)NOW * 1000000);
	vm = rule_vm_new("t/fuzz", all, count + OWN);
	rule = rule_load_text(vm, "jwt", "jwt.lua", slice_of_string(rule_text), RULE_IN_ANY,
			      &complaints);
	complaints_print(&complaints, stderr);
	fuzz_expect(rule != NULL);
}

static void verify(void)
{
	static const struct rule_limits limits = { 1u << 30, 1u << 30, 16u << 20 };
	struct vserver vserver = { .rule_limits = limits };
	struct txn txn = { .vserver = &vserver };
	struct rule_run *waiting;
	if (vm == NULL)
		load();
	fuzz_expect(rule_start(vm, rule, RULE_REQUEST, &limits, &txn, &waiting) ==
		    RULE_RESULT_FINISHED);
	fuzz_expect(!run.is_accepted || run.is_header);
}

/* ---- a second reading --------------------------------------------------------------------------------------- */

/* A JSON object; NULL when it is none. *is_unsure when jansson is not to be asked. */
static json_t *read_object(struct slice text, bool *is_unsure)
{
	json_error_t error;
	json_t *value = json_loadb(
		text.at, text.len,
		JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
	*is_unsure |= slice_find(text, '\0') < text.len;
	*is_unsure |= value == NULL && json_error_code(&error) == json_error_null_byte_in_key;
	if (json_is_object(value))
		return value;
	json_decref(value);
	return NULL;
}

static bool is_text(const json_t *value, const char *text)
{
	return json_is_string(value) && json_string_length(value) == strlen(text) &&
	       strcmp(json_string_value(value), text) == 0;
}

/* The digest of what the header names; NULL for none that is allowed. */
static const EVP_MD *digest_of(const json_t *header)
{
	const json_t *name = json_object_get(header, "alg");
	return is_text(name, "HS256") ? EVP_sha256() : is_text(name, "HS512") ? EVP_sha512() : NULL;
}

/* 1: is it a number that lies ahead; 0: behind; -1: it is not there; -2: none. */
static int is_ahead(const json_t *claims, const char *name)
{
	const json_t *value = json_object_get(claims, name);
	if (value == NULL)
		return -1;
	if (!json_is_number(value))
		return -2;
	return json_number_value(value) > NOW;
}

static bool is_audience(const json_t *value)
{
	size_t i;
	json_t *item;
	bool found = is_text(value, "a") || is_text(value, "b");
	json_array_foreach(value, i, item) found |= is_text(item, "a") || is_text(item, "b");
	return found;
}

static bool are_claims_good(const json_t *claims)
{
	int expires = is_ahead(claims, "exp"), begins = is_ahead(claims, "nbf"),
	    issued = is_ahead(claims, "iat");
	bool is_now = (expires == 1 || expires == -1) && (begins == 0 || begins == -1) &&
		      (issued == 0 || issued == -1);
	bool is_ours = !run.wants || (is_text(json_object_get(claims, "iss"), "joe") &&
				      is_audience(json_object_get(claims, "aud")));
	return is_now && is_ours;
}

/* ---- making a token ----------------------------------------------------------------------------------------- */

static void put_url(char *token, size_t *len, const unsigned char *bytes, size_t count)
{
	char text[TOKEN_BYTES];
	int made = EVP_EncodeBlock((unsigned char *)text, bytes, (int)count);
	for (int i = 0; i < made && text[i] != '='; i++)
		token[(*len)++] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
}

static struct slice sign(char *token, struct slice header, struct slice claims,
			 const EVP_MD *digest)
{
	unsigned char signature[EVP_MAX_MD_SIZE];
	unsigned signature_len;
	size_t len = 0;
	put_url(token, &len, (const unsigned char *)header.at, header.len);
	token[len++] = '.';
	put_url(token, &len, (const unsigned char *)claims.at, claims.len);
	HMAC(digest, run.key.at, (int)run.key.len, (const unsigned char *)token, len, signature,
	     &signature_len);
	token[len++] = '.';
	put_url(token, &len, signature, signature_len);
	return slice_of(token, len);
}

/* What weir alone refuses, and says so. */
static bool is_limit(void)
{
	return strstr(run.why, "too many arrays") != NULL ||
	       strstr(run.why, "a number of too many characters") != NULL;
}

static void check_signed(uint8_t choice, struct slice text)
{
	char token[TOKEN_BYTES];
	bool is_unsure = false;
	size_t line = slice_find(text, '\n');
	struct slice header = slice_of(text.at, line);
	struct slice claims = slice_skip(text, line < text.len ? line + 1 : line);
	json_t *read_header = read_object(header, &is_unsure),
	       *read_claims = read_object(claims, &is_unsure);
	const EVP_MD *digest = digest_of(read_header);
	bool is_good = digest != NULL && json_object_get(read_header, "crit") == NULL &&
		       read_claims != NULL && are_claims_good(read_claims);
	run.key = SLICE("a secret of nobody else");
	run.token = sign(token, header, claims, digest != NULL ? digest : EVP_sha256());
	if (choice & 4) {
		size_t at = (size_t)(choice >> 3) * 7 % run.token.len;
		token[at] = token[at] == 'A' ? 'B' : 'A';
		is_unsure = is_good = false;
	}
	verify();
	fuzz_expect(run.is_accepted == is_good || is_unsure || is_limit());
	json_decref(read_header);
	json_decref(read_claims);
}

static void check_strange(uint8_t choice, struct slice text)
{
	bool is_rsa = choice & 4, is_curve = choice & 8;
	run.token = text;
	run.key = is_rsa     ? slice_of_string(rsa_key)
		  : is_curve ? slice_of_string(ec_key)
			     : SLICE("a secret that nothing was signed with");
	verify();
	fuzz_expect(!run.is_accepted);
	if (strcmp(run.why, "the token has expired") == 0)
		fuzz_expect((is_rsa && slice_has_prefix(text, SLICE(SIGNED_RS256 "."))) ||
			    (is_curve && slice_has_prefix(text, SLICE(SIGNED_ES256 "."))));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len == 0 || len > TOKEN_BYTES / 4)
		return 0;
	struct slice text = fuzz_copy(bytes + 1, len - 1);
	run.wants = bytes[0] & 2;
	if (bytes[0] & 1)
		check_strange(bytes[0], text);
	else
		check_signed(bytes[0], text);
	free((char *)(uintptr_t)text.at);
	return 0;
}
