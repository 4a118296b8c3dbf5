/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_path.h"

#include "http_unit.h"

#include <criterion/criterion.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

Test(http_path, is_valid)
{
	static const struct {
		const char *text;
		bool path, query;
	} rows[] = {
		{ "", false, true },       { "/", true, true },      { "/a%zz\"<>~", true, true },
		{ "a", false, true },      { "/a?b", false, true },  { "/a#b", false, false },
		{ "/a b", false, false },  { "/a\\", false, true },  { "/\x7f", false, false },
		{ "/\xc3", false, false }, { "/a\r", false, false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice text = http_unit_at_edge(slice_of_string(rows[i].text));
		cr_expect_eq(http_path_is_valid(text), rows[i].path, "path %zu", i);
		cr_expect_eq(http_query_is_valid(text), rows[i].query, "query %zu", i);
	}
	cr_expect_not(http_path_is_valid(SLICE("/\0")));
	cr_expect_not(http_query_is_valid(SLICE("\0")));
}

Test(http_path, decode)
{
	static const struct {
		const char *raw, *wanted, *form;
	} rows[] = {
		{ "", "", "" },
		{ "/a%20b+c", "/a b+c", "/a b c" },
		{ "%41%7a%7A", "Azz", "Azz" },
		{ "%", "%", "%" },
		{ "%4", "%4", "%4" },
		{ "%4g%zz%%41", "%4g%zz%A", "%4g%zz%A" },
		{ "%2541", "%41", "%41" },
		{ "%2b", "+", "+" },
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice raw = http_unit_at_edge(slice_of_string(rows[i].raw));
		cr_expect_str_eq(http_path_decode(&arena, raw, false).at, rows[i].wanted);
		cr_expect_str_eq(http_path_decode(&arena, raw, true).at, rows[i].form);
	}
	cr_expect(slice_is_equal(http_path_decode(&arena, SLICE("a%00b"), false), SLICE("a\0b")));
	cr_expect(slice_is_absent(http_path_decode(&arena, SLICE_ABSENT, false)));
	arena_release(&arena);
}

Test(http_path, encode)
{
	static const struct {
		const char *text, *path, *query;
	} rows[] = {
		{ "", "", "" },
		{ "/a-z.~_:@!$&'()*+,;=", "/a-z.~_:@!$&'()*+,;=", "/a-z.~_:@!$&'()*+,;=" },
		{ "a b?c#d", "a%20b%3Fc%23d", "a%20b?c%23d" },
		{ "\r\n\x7f\xc3\xa4\\", "%0D%0A%7F%C3%A4%5C", "%0D%0A%7F%C3%A4%5C" },
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct slice text = http_unit_at_edge(slice_of_string(rows[i].text));
		cr_expect_str_eq(http_path_encode(&arena, text, true).at, rows[i].path);
		cr_expect_str_eq(http_query_encode(&arena, text, true).at, rows[i].query);
	}
	cr_expect_str_eq(http_path_encode(&arena, SLICE("%41%"), true).at, "%2541%25");
	cr_expect_str_eq(http_path_encode(&arena, SLICE("%41%"), false).at, "%41%");
	cr_expect_str_eq(http_query_encode(&arena, SLICE("%41?"), false).at, "%41?");
	cr_expect_str_eq(http_path_encode(&arena, SLICE("a\0b"), false).at, "a%00b");
	cr_expect(slice_is_absent(http_query_encode(&arena, SLICE_ABSENT, false)));
	arena_release(&arena);
}

static const struct {
	const char *path, *wanted; /* wanted NULL: refused */
} normal[] = {
	{ "/", "/" },
	{ "/a", "/a" },
	{ "/a/", "/a/" },
	{ "//", "/" },
	{ "/a//b///c//", "/a/b/c/" },
	{ "/.", "/" },
	{ "/./", "/" },
	{ "/a/.", "/a/" },
	{ "/a/./b", "/a/b" },
	{ "/a/..", "/" },
	{ "/a/../", "/" },
	{ "/a/b/../c", "/a/c" },
	{ "/a/b/../../c", "/c" },
	{ "/a//../b", "/b" },
	{ "/a/%2e%2E/b", "/b" },
	{ "/a/.%2e/b", "/b" },
	{ "/a/%2e/b", "/a/b" },
	{ "/...", "/..." },
	{ "/..a/.b/c..", "/..a/.b/c.." },
	{ "/%41%7e%2d", "/A~-" },
	{ "/%2f%5c%c3%a4%20", "/%2F%5C%C3%A4%20" },
	{ "/%252e%252e/", "/%252e%252e/" },
	{ "/a;b=c/..;/d", "/a;b=c/..;/d" },
	{ "/..", NULL },
	{ "/../a", NULL },
	{ "/a/../..", NULL },
	{ "/a/../../b/c", NULL },
	{ "/%2e%2e/a", NULL },
	{ "", NULL },
	{ "a", NULL },
	{ "*", NULL },
	{ "/%", NULL },
	{ "/%4", NULL },
	{ "/%4g", NULL },
	{ "/%u0041", NULL },
	{ "/%00", NULL },
	{ "/%0a", NULL },
	{ "/%7F", NULL },
	{ "/a\tb", NULL },
	{ "/a\x7f", NULL },
};

Test(http_path, normalize)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(normal); i++) {
		struct slice path = http_unit_at_edge(slice_of_string(normal[i].path));
		struct slice got = http_path_normalize(&arena, path);
		if (normal[i].wanted == NULL) {
			cr_expect(slice_is_absent(got), "%s: %.*s", normal[i].path,
				  SLICE_PRINT(got));
			continue;
		}
		cr_assert(!slice_is_absent(got), "%s", normal[i].path);
		cr_expect_str_eq(got.at, normal[i].wanted);
		/* The normal form is its own normal form. */
		cr_expect(slice_is_equal(http_path_normalize(&arena, got), got), "%s",
			  normal[i].path);
	}
	cr_expect(slice_is_absent(http_path_normalize(&arena, SLICE("/a\0"))));
	cr_expect(slice_is_absent(http_path_normalize(&arena, SLICE_ABSENT)));
	arena_release(&arena);
}
