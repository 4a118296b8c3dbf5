/*
 * jwt.*: signed tokens (RFC 7515, 7519) are verified. The rule names the algorithms; the token may
 * only choose among them, and the key must be of the algorithm's kind: a public key is never taken
 * for a secret, which is how such checks were got around elsewhere.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "api/jwt.h"
#include "base/clock.h"
#include "text/base64.h"
#include "text/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NAMES_MOST 16 /* issuers, or audiences, that a rule may name */
#define LEEWAY_MOST 86400
#define TOKEN_BYTES 65536

struct names {
	struct slice list[NAMES_MOST];
	size_t count;
};

/* What the rule asks for: its third argument. */
struct wanted {
	unsigned algorithms; /* bits by enum jwt_algorithm */
	struct names issuers, audiences;
	double leeway;
};

/* A token in its three parts, decoded; NUL behind each. `room` is for strings in them. */
struct token {
	struct slice signed_text; /* header and claims as they were sent */
	struct slice header, claims, signature;
	char *room;
};

/* What is looked at in a header or in claims, found in a first pass over the text. */
struct found {
	const struct wanted *wanted;
	bool is_header; /* else claims: each knows names that mean nothing in the other */
	unsigned depth;
	bool is_array;     /* the text is no object */
	struct slice name; /* of the member of the outermost object, in `name_bytes` */
	char name_bytes[16];
	bool in_audience; /* an array of them */
	enum jwt_algorithm algorithm;
	bool has_issuer, has_audience;
	double expires, not_before, issued; /* NaN: not there */
};

/* ---- what the rule asks for ------------------------------------------------------------------------- */

static void add_name(struct rule_call *call, struct names *names, struct slice value)
{
	if (names->count == NAMES_MOST)
		rule_argument_error(call, 3, "expected at most %d names", NAMES_MOST);
	names->list[names->count++] = value;
}

static void read_leeway(struct rule_call *call, struct wanted *wanted, struct slice value)
{
	char text[32], *end;
	snprintf(text, sizeof text, "%.*s", SLICE_PRINT(value));
	wanted->leeway = strtod(text, &end);
	if (*end != '\0' || end == text || !(wanted->leeway >= 0) || wanted->leeway > LEEWAY_MOST)
		rule_argument_error(call, 3, "expected a leeway from 0 to %d seconds, got '%s'",
				    LEEWAY_MOST, text);
}

static void read_option(struct rule_call *call, struct slice key, struct slice value, void *extra)
{
	struct wanted *wanted = extra;
	enum jwt_algorithm algorithm = jwt_algorithm_of(value);
	if (slice_is_equal(key, SLICE("algorithms"))) {
		if (algorithm == JWT_NONE)
			rule_argument_error(
				call, 3, "expected algorithms as HS256, RS384 or ES512, got '%.*s'",
				SLICE_PRINT(value));
		wanted->algorithms |= 1u << algorithm;
	} else if (slice_is_equal(key, SLICE("issuer"))) {
		add_name(call, &wanted->issuers, value);
	} else if (slice_is_equal(key, SLICE("audience"))) {
		add_name(call, &wanted->audiences, value);
	} else if (slice_is_equal(key, SLICE("leeway"))) {
		read_leeway(call, wanted, value);
	} else {
		rule_argument_error(call, 3,
				    "expected algorithms, issuer, audience or leeway, got '%.*s'",
				    SLICE_PRINT(key));
	}
}

static struct wanted read_wanted(struct rule_call *call)
{
	struct wanted wanted = { 0 };
	rule_argument_pairs(call, 3, read_option, &wanted);
	if (wanted.algorithms == 0)
		rule_argument_error(call, 3, "expected algorithms to be named, as {\"RS256\"}");
	return wanted;
}

/* ---- what the token says ---------------------------------------------------------------------------- */

static bool is_at(const struct found *f, const char *name)
{
	return f->depth == 1 && slice_is_equal(f->name, slice_of_string(name));
}

static bool is_time(const struct found *f)
{
	return !f->is_header && (is_at(f, "exp") || is_at(f, "nbf") || is_at(f, "iat"));
}

static bool is_named(const struct names *names, struct slice value)
{
	for (size_t i = 0; i < names->count; i++)
		if (slice_is_equal(names->list[i], value))
			return true;
	return false;
}

static const char *on_open(void *extra, bool is_array)
{
	struct found *f = extra;
	f->is_array = f->is_array || (f->depth == 0 && is_array);
	f->in_audience = is_array && is_at(f, "aud");
	f->depth++;
	return NULL;
}

static const char *on_close(void *extra, bool is_array)
{
	struct found *f = extra;
	(void)is_array;
	f->depth--;
	f->in_audience = false;
	return NULL;
}

static const char *on_key(void *extra, struct slice key)
{
	struct found *f = extra;
	if (f->depth != 1)
		return NULL;
	/* what is longer is none of the names that we know */
	f->name = slice_of(f->name_bytes, key.len < sizeof f->name_bytes ? key.len : 0);
	memcpy(f->name_bytes, key.at, f->name.len);
	return f->is_header && is_at(f, "crit") ? "an extension that must be understood, and is not"
						: NULL;
}

static const char *on_string(void *extra, struct slice value)
{
	struct found *f = extra;
	if (is_at(f, "alg"))
		f->algorithm = jwt_algorithm_of(value);
	if (is_at(f, "iss"))
		f->has_issuer = is_named(&f->wanted->issuers, value);
	if (is_at(f, "aud") || (f->depth == 2 && f->in_audience))
		f->has_audience = f->has_audience || is_named(&f->wanted->audiences, value);
	return is_time(f) ? "a time that is no number" : NULL;
}

static const char *on_number(void *extra, double value)
{
	struct found *f = extra;
	if (is_at(f, "exp"))
		f->expires = value;
	if (is_at(f, "nbf"))
		f->not_before = value;
	if (is_at(f, "iat"))
		f->issued = value;
	return NULL;
}

static const char *on_other(void *extra)
{
	const struct found *f = extra;
	return is_time(f) ? "a time that is no number" : NULL;
}

static const char *on_boolean(void *extra, bool value)
{
	(void)value;
	return on_other(extra);
}

static const struct json_events events = { on_open,    on_key,   on_string, on_number,
					   on_boolean, on_other, on_close };

/* The first pass over a part: NULL when it is a JSON object, and *f what is of interest in it. */
static const char *look_into(const struct token *token, bool is_header, const struct wanted *wanted,
			     struct found *f)
{
	struct slice text = is_header ? token->header : token->claims;
	size_t at;
	*f = (struct found){ .wanted = wanted,
			     .is_header = is_header,
			     .expires = NAN,
			     .not_before = NAN,
			     .issued = NAN };
	const char *why = json_parse(text, token->room, &events, f, &at);
	if (why == NULL && (f->is_array || text.at[strspn(text.at, " \t\r\n")] != '{'))
		why = "no object";
	return why;
}

static const char *check_claims(const struct found *f)
{
	uint64_t seconds = clock_read_wall_microseconds() / 1000000;
	double now = (double)seconds, leeway = f->wanted->leeway;
	if (f->expires + leeway <= now)
		return "the token has expired";
	if (f->not_before - leeway > now)
		return "the token is not valid yet";
	if (f->issued - leeway > now)
		return "the token is from the future";
	if (f->wanted->issuers.count > 0 && !f->has_issuer)
		return "another issuer";
	if (f->wanted->audiences.count > 0 && !f->has_audience)
		return "another audience";
	return NULL;
}

/* ---- the functions --------------------------------------------------------------------------------- */

static const char *decode_part(struct slice text, char **to, struct slice *part)
{
	size_t len;
	const char *why = base64_decode(text, BASE64_URL, *to, &len);
	if (why != NULL)
		return why;
	*part = slice_of(*to, len);
	(*to)[len] = '\0';
	*to += len + 1;
	return NULL;
}

static const char *read_token(struct rule_call *call, struct token *token)
{
	struct slice text = api_text(call, 1);
	size_t first = slice_find(text, '.');
	if (text.len > TOKEN_BYTES)
		return "longer than 65,536 bytes";
	if (first == text.len)
		return "not three parts";
	size_t second = first + 1 + slice_find(slice_skip(text, first + 1), '.');
	if (second == text.len ||
	    slice_find(slice_skip(text, second + 1), '.') + second + 1 < text.len)
		return "not three parts";
	/* three parts, never longer than the text; and as much again for strings */
	char *to = api_scratch(call, 2 * BASE64_DECODED_BYTES(text.len) + 16);
	token->signed_text = slice_of(text.at, second);
	const char *why = decode_part(slice_of(text.at, first), &to, &token->header);
	if (why == NULL)
		why = decode_part(slice_of(text.at + first + 1, second - first - 1), &to,
				  &token->claims);
	if (why == NULL)
		why = decode_part(slice_skip(text, second + 1), &to, &token->signature);
	token->room = to;
	return why;
}

static enum rule_answer fail_in(struct rule_call *call, const char *part, const char *why)
{
	char reason[128];
	snprintf(reason, sizeof reason, "%s: %s", part, why);
	return api_fail(call, reason);
}

/* Claims and header as tables: all that is not known of them yet is whether a name comes twice. */
static enum rule_answer answer_token(struct rule_call *call, const struct token *token)
{
	struct rule_build both;
	size_t at;
	rule_build_start(&both, call);
	const char *why = api_json_push(call, token->claims, token->room, &at);
	if (why != NULL)
		return fail_in(call, "claims", why);
	why = api_json_push(call, token->header, token->room, &at);
	if (why == NULL)
		return RULE_RETURN;
	rule_build_undo(&both);
	return fail_in(call, "header", why);
}

static enum rule_answer verify(struct rule_call *call)
{
	struct slice key = api_text(call, 2);
	const struct wanted wanted = read_wanted(call);
	struct token token;
	struct found found;
	const char *why = read_token(call, &token);
	if (why != NULL)
		return fail_in(call, "no token", why);
	why = look_into(&token, true, &wanted, &found);
	if (why != NULL)
		return fail_in(call, "header", why);
	if (found.algorithm == JWT_NONE || (wanted.algorithms & 1u << found.algorithm) == 0)
		return api_fail(call, "header: an algorithm that is not allowed");
	rule_spend(call, jwt_cost(found.algorithm));
	switch (jwt_signature_check(found.algorithm, key, token.signed_text, token.signature)) {
	case JWT_GOOD:
		break;
	case JWT_BAD:
		return api_fail(call, "wrong signature");
	case JWT_KEY_UNFIT:
		api_warn(call, "jwt.verify: the key is none for %s",
			 jwt_algorithm_name(found.algorithm));
		return fail_in(call, "a key that is none for", jwt_algorithm_name(found.algorithm));
	}
	why = look_into(&token, false, &wanted, &found);
	if (why != NULL)
		return fail_in(call, "claims", why);
	why = check_claims(&found);
	if (why != NULL)
		return api_fail(call, why);
	return answer_token(call, &token);
}

static enum rule_answer parse_header(struct rule_call *call)
{
	static const struct wanted nothing;
	struct token token;
	struct found found;
	size_t at;
	const char *why = read_token(call, &token);
	if (why != NULL)
		return fail_in(call, "no token", why);
	why = look_into(&token, true, &nothing, &found);
	if (why == NULL)
		why = api_json_push(call, token.header, token.room, &at);
	return why == NULL ? RULE_RETURN : fail_in(call, "header", why);
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "jwt.verify", verify, RULE_IN_ANY, "token: string, key: string, options: table",
	  "table|nil claims, table|string header_or_reason",
	  "The claims and the header of a signed token (RFC 7519, at most 65,536 bytes) whose signature is right and whose time "
	  "is now; nil and a reason for any other. `options.algorithms` names those that are allowed: HS256, "
	  "HS384 and HS512 (the key is a secret), RS256, RS384 and RS512 (a public key or certificate in PEM, "
	  "RSA of 2,048 to 8,192 bits), ES256, ES384 and ES512 (one on the curve P-256, P-384 or P-521). "
	  "A key of another kind fits none, also PEM as a secret. `exp`, `nbf` and `iat` are checked where "
	  "they are there, give or take `options.leeway` seconds (0). With `options.issuer` or "
	  "`options.audience` (text, or an array of which one will do) these must be there, too; without, "
	  "they are not looked at. A header with `crit` is refused, as is a name twice in an object.",
	  "weir" },
	{ "jwt.parseheader", parse_header, RULE_IN_ANY, "token: string", "table|nil, string|nil reason",
	  "The header of a token, of which nothing has been verified: to choose the key by its `kid`. nil "
	  "and a reason when it is no token.", "jwt.parseheader" },
};
/* clang-format on */

API_FAMILY(api_jwt, functions);
