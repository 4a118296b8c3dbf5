/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_negotiate.h"

#include <criterion/criterion.h>

static struct arena arena;

static void start(void)
{
	arena_init(&arena);
}

static void end(void)
{
	arena_release(&arena);
	arena_drop_spares();
}

TestSuite(http_negotiate, .init = start, .fini = end);

static enum http_coding coding_for(const char *accept, bool may_brotli)
{
	struct http_fields fields = { 0 };
	http_fields_add(&fields, &arena, SLICE("accept-encoding"), slice_of_string(accept));
	return http_negotiate_coding(&fields, may_brotli);
}

Test(http_negotiate, the_weights_decide)
{
	static const struct {
		const char *accept;
		enum http_coding with_brotli, without;
	} rows[] = {
		{ "gzip", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "GZip", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "x-gzip", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "br", HTTP_CODING_BR, HTTP_CODING_NONE },
		{ "gzip, deflate, br", HTTP_CODING_BR, HTTP_CODING_GZIP },
		{ "br;q=0.5, gzip;q=0.8", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "br;q=0.801,gzip;q=0.8", HTTP_CODING_BR, HTTP_CODING_GZIP },
		{ "gzip ; q=0.001", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "gzip;Q=1.000", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "gzip;q=0", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=0.000, br;q=0.", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "*", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "*;q=0", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=0, *", HTTP_CODING_BR, HTTP_CODING_NONE },
		{ "gzip, *;q=0", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "identity", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "identity, gzip;q=0.5", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "identity;q=0.5, gzip", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "identity;q=0, *", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
		{ "", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "deflate, compress, zstd", HTTP_CODING_NONE, HTTP_CODING_NONE },
		/* twice: the lower weight; malformed: as if it were not there */
		{ "gzip, gzip;q=0", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=1.5", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=1.001", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=0.0001", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=.5", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=x", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;level=9", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ "gzip;q=-1", HTTP_CODING_NONE, HTTP_CODING_NONE },
		{ ";q=1, ,,gzip", HTTP_CODING_GZIP, HTTP_CODING_GZIP },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_expect_eq(coding_for(rows[i].accept, true), rows[i].with_brotli, "'%s'",
			     rows[i].accept);
		cr_expect_eq(coding_for(rows[i].accept, false), rows[i].without, "'%s'",
			     rows[i].accept);
	}
}

Test(http_negotiate, several_lines_are_one_list)
{
	struct http_fields fields = { 0 };
	cr_expect_eq(http_negotiate_coding(&fields, true), HTTP_CODING_NONE);
	http_fields_add(&fields, &arena, SLICE("Accept-Encoding"), SLICE("br;q=0"));
	http_fields_add(&fields, &arena, SLICE("Accept-Encoding"), SLICE("gzip;q=0.1"));
	cr_expect_eq(http_negotiate_coding(&fields, true), HTTP_CODING_GZIP);
}

Test(http_negotiate, types)
{
	cr_expect(http_negotiate_is_type(SLICE("text/html"), SLICE("text/html")));
	cr_expect(http_negotiate_is_type(SLICE("Text/HTML ; charset=x"), SLICE("text/html")));
	cr_expect(http_negotiate_is_type(SLICE("text/css"), SLICE("text/*")));
	cr_expect(http_negotiate_is_type(SLICE("text/css"), SLICE("*")));
	cr_expect(!http_negotiate_is_type(SLICE("text/htmlx"), SLICE("text/html")));
	cr_expect(!http_negotiate_is_type(SLICE("text"), SLICE("text/*")));
	cr_expect(!http_negotiate_is_type(SLICE("application/text/html"), SLICE("text/*")));
	cr_expect(!http_negotiate_is_type(SLICE(""), SLICE("text/html")));
}

static void expect_vary(const char *before, const char *after)
{
	struct http_fields fields = { 0 };
	if (before != NULL)
		http_fields_add(&fields, &arena, SLICE("vary"), slice_of_string(before));
	http_negotiate_vary(&fields, &arena, SLICE("Accept-Encoding"));
	struct slice joined = http_fields_joined(&fields, SLICE("Vary"), &arena);
	cr_expect(slice_is_equal(joined, slice_of_string(after)), "'%.*s'", SLICE_PRINT(joined));
}

Test(http_negotiate, vary_is_said_once)
{
	expect_vary(NULL, "Accept-Encoding");
	expect_vary("Cookie", "Cookie, Accept-Encoding");
	expect_vary("Cookie, accept-encoding", "Cookie, accept-encoding");
	expect_vary("*", "*");
	expect_vary("X-Accept-Encoding", "X-Accept-Encoding, Accept-Encoding");
}

Test(http_negotiate, directives)
{
	struct http_fields fields = { 0 };
	http_fields_add(&fields, &arena, SLICE("Cache-Control"), SLICE("private, max-age=3"));
	cr_expect(!http_negotiate_has_directive(&fields, SLICE("no-transform")));
	http_fields_add(&fields, &arena, SLICE("cache-control"), SLICE("x,No-Transform"));
	cr_expect(http_negotiate_has_directive(&fields, SLICE("no-transform")));
}

static void expect_tag(struct slice got, const char *expected)
{
	if (expected == NULL)
		cr_expect(slice_is_absent(got), "'%.*s'", SLICE_PRINT(got));
	else
		cr_expect(slice_is_equal(got, slice_of_string(expected)), "'%.*s' and not '%s'",
			  SLICE_PRINT(got), expected);
}

Test(http_negotiate, tags_are_rewritten)
{
	expect_tag(http_negotiate_weaken(SLICE("\"x\""), &arena), "W/\"x\"");
	expect_tag(http_negotiate_weaken(SLICE("W/\"x\""), &arena), "W/\"x\"");
	expect_tag(http_negotiate_weaken(SLICE("\"\""), &arena), "W/\"\"");
	expect_tag(http_negotiate_wrap(SLICE("\"x\""), HTTP_CODING_GZIP, &arena), "W/\"x;gzip\"");
	expect_tag(http_negotiate_wrap(SLICE("W/\"a,b\""), HTTP_CODING_BR, &arena), "W/\"a,b;br\"");
	static const char *const malformed[] = { "x", "\"x", "x\"", "w/\"x\"", "\"x\"y", "" };
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
		struct slice tag = slice_of_string(malformed[i]);
		expect_tag(http_negotiate_weaken(tag, &arena), NULL);
		expect_tag(http_negotiate_wrap(tag, HTTP_CODING_GZIP, &arena), NULL);
	}
}

Test(http_negotiate, and_back)
{
	static const struct {
		const char *tags, *before;
	} rows[] = {
		{ "W/\"x;gzip\"", "\"x\"" },
		{ "W/\"x;br\", W/\"y;gzip\"", "\"x\", \"y\"" },
		{ "\"a\",W/\"b\" , W/\"c,d;gzip\"", "\"a\", W/\"b\", \"c,d\"" },
		/* nothing of ours, or not a list of tags: as it is */
		{ "*", "*" },
		{ "\"x;gzip\"", "\"x;gzip\"" },
		{ "W/\";gzip\"", "W/\";gzip\"" },
		{ "W/\"x\",\"y\"", "W/\"x\",\"y\"" },
		{ "W/\"x;gzip\", y", "W/\"x;gzip\", y" },
		{ "W/\"x;gzip", "W/\"x;gzip" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		expect_tag(http_negotiate_unwrap(slice_of_string(rows[i].tags), HTTP_CODING_NONE,
						 &arena),
			   rows[i].before);
}

Test(http_negotiate, and_back_for_one_coding)
{
	struct slice tags = SLICE("W/\"x;br\", W/\"y;gzip\"");
	expect_tag(http_negotiate_unwrap(tags, HTTP_CODING_BR, &arena), "\"x\", W/\"y;gzip\"");
	expect_tag(http_negotiate_unwrap(tags, HTTP_CODING_GZIP, &arena), "W/\"x;br\", \"y\"");
}

Test(http_negotiate, a_tag_in_a_list)
{
	struct slice tags = SLICE("\"a\", W/\"b,c\"");
	cr_expect(http_negotiate_has_tag(tags, SLICE("\"a\"")));
	cr_expect(http_negotiate_has_tag(tags, SLICE("W/\"b,c\"")));
	cr_expect(!http_negotiate_has_tag(tags, SLICE("\"b,c\"")));
	cr_expect(!http_negotiate_has_tag(tags, SLICE("W/\"a\"")));
	cr_expect(!http_negotiate_has_tag(SLICE("*"), SLICE("\"a\"")));
}
