/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_head.h"

#include <criterion/criterion.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

Test(http_head, methods)
{
	static const struct {
		const char *name;
		enum http_method id;
		bool is_idempotent;
	} rows[] = {
		{ "GET", HTTP_METHOD_GET, true },          { "HEAD", HTTP_METHOD_HEAD, true },
		{ "POST", HTTP_METHOD_POST, false },       { "PUT", HTTP_METHOD_PUT, true },
		{ "DELETE", HTTP_METHOD_DELETE, true },    { "OPTIONS", HTTP_METHOD_OPTIONS, true },
		{ "TRACE", HTTP_METHOD_TRACE, true },      { "PATCH", HTTP_METHOD_PATCH, false },
		{ "CONNECT", HTTP_METHOD_CONNECT, false }, { "get", HTTP_METHOD_OTHER, false },
		{ "GETS", HTTP_METHOD_OTHER, false },      { "", HTTP_METHOD_OTHER, false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum http_method id = http_method_id(slice_of_string(rows[i].name));
		cr_expect(id == rows[i].id, "%s", rows[i].name);
		cr_expect(http_method_is_idempotent(id) == rows[i].is_idempotent, "%s",
			  rows[i].name);
	}
}

Test(http_head, authorities)
{
	static const struct {
		const char *text, *host; /* host NULL: malformed */
		unsigned port;
	} rows[] = {
		{ "a", "a", 0 },
		{ "a:1", "a", 1 },
		{ "a:65535", "a", 65535 },
		{ "a:", "a", 0 },
		{ "A-b_c.d~:080", "A-b_c.d~", 80 },
		{ "127.0.0.1:80", "127.0.0.1", 80 },
		{ "[::1]", "[::1]", 0 },
		{ "[::ffff:1.2.3.4]:443", "[::ffff:1.2.3.4]", 443 },
		{ "", NULL, 0 },
		{ ":80", NULL, 0 },
		{ "a:0", NULL, 0 },
		{ "a:65536", NULL, 0 },
		{ "a:000080", NULL, 0 },
		{ "a:8x", NULL, 0 },
		{ "a:-1", NULL, 0 },
		{ "a:+1", NULL, 0 },
		{ "a:80:80", NULL, 0 },
		{ "a b", NULL, 0 },
		{ " a", NULL, 0 },
		{ "u@a", NULL, 0 },
		{ "a,b", NULL, 0 },
		{ "a%41", NULL, 0 },
		{ "a/", NULL, 0 },
		{ "\xc3\xa4", NULL, 0 },
		{ "::1", NULL, 0 },
		{ "[::1", NULL, 0 },
		{ "[]", NULL, 0 },
		{ "[", NULL, 0 },
		{ "[::1]80", NULL, 0 },
		{ "[1.2.3.4]", NULL, 0 },
		{ "[fe80::1%eth0]", NULL, 0 },
		{ "[v1.a]", NULL, 0 },
		{ "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", NULL, 0 },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice host = SLICE_ABSENT;
		unsigned port = 7;
		bool is_good = http_authority_parse(slice_of_string(rows[i].text), &host, &port);
		cr_expect(is_good == (rows[i].host != NULL), "%s", rows[i].text);
		if (rows[i].host != NULL)
			cr_expect(slice_is_equal(host, slice_of_string(rows[i].host)) &&
					  port == rows[i].port,
				  "%s", rows[i].text);
	}
	struct slice host;
	unsigned port;
	cr_expect(!http_authority_parse(SLICE("[::1\0]"), &host, &port));
}

Test(http_head, tokens)
{
	cr_expect(http_is_token(SLICE("abc-09_~")));
	cr_expect(!http_is_token(SLICE("")));
	cr_expect(!http_is_token(SLICE("a b")));
	cr_expect(!http_is_token(SLICE("a:")));
	cr_expect(!http_is_token(SLICE("a\0")));
}

Test(http_head, status_words)
{
	cr_expect_str_eq(http_status_words(200), "OK");
	cr_expect_str_eq(http_status_words(431), "Request Header Fields Too Large");
	cr_expect_str_eq(http_status_words(299), "Unknown");
}
