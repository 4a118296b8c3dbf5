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
		{ "", false, true },       { "/", true, true },      { "/a%zz[]|^~", true, true },
		{ "a", false, true },      { "/a?b", false, true },  { "/a#b", false, false },
		{ "/a b", false, false },  { "/a\\", false, true },  { "/\x7f", false, false },
		{ "/\xc3", false, false }, { "/a\r", false, false }, { "/a\"", false, true },
		{ "/<", false, true },     { "/{}`>", false, true },
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
	const char *path, *kept, *merged; /* with "//" as two characters and as one */
} normal[] = {
	{ "/", "/", "/" },
	{ "/a", "/a", "/a" },
	{ "/a/", "/a/", "/a/" },
	{ "//", "//", "/" },
	{ "/a//b///c//", "/a//b///c//", "/a/b/c/" },
	{ "/.", "/", "/" },
	{ "/./", "/", "/" },
	{ "/a/.", "/a/", "/a/" },
	{ "/a/./b", "/a/b", "/a/b" },
	{ "/a/..", "/", "/" },
	{ "/a/../", "/", "/" },
	{ "/a/b/../c", "/a/c", "/a/c" },
	{ "/a/b/../../c", "/c", "/c" },
	{ "/a//../b", "/a/b", "/b" },
	{ "//..", "/", NULL },
	{ "/a//../../b", "/b", NULL },
	{ "/.//a", "//a", "/a" },
	{ "/a/%2e%2E/b", "/b", "/b" },
	{ "/a/.%2e/b", "/b", "/b" },
	{ "/a/%2e/b", "/a/b", "/a/b" },
	{ "/...", "/...", "/..." },
	{ "/..a/.b/c..", "/..a/.b/c..", "/..a/.b/c.." },
	{ "/%41%7e%2d", "/A~-", "/A~-" },
	{ "/%2f%5c%c3%a4%20", "/%2F%5C%C3%A4%20", "/%2F%5C%C3%A4%20" },
	{ "/%252e%252e/", "/%252e%252e/", "/%252e%252e/" },
	{ "/a;b=c/.../d", "/a;b=c/.../d", "/a;b=c/.../d" },
	{ "/a;b=../d;..", "/a;b=../d;..", "/a;b=../d;.." },
	{ "/a..;/.b;/...;", "/a..;/.b;/...;", "/a..;/.b;/...;" },
	{ "/%3b../a%2fb..%2f..c", "/%3B../a%2Fb..%2F..c", "/%3B../a%2Fb..%2F..c" },
	{ "/[a]|^!$&'()*+,;=:@", "/[a]|^!$&'()*+,;=:@", "/[a]|^!$&'()*+,;=:@" },
	/* Latin-1 and UTF-8 of each length are an application's own business */
	{ "/%c0%20propos/%e9/%c3%a9%e2%82%ac%f0%9f%98%80%e0%a0%80",
	  "/%C0%20propos/%E9/%C3%A9%E2%82%AC%F0%9F%98%80%E0%A0%80",
	  "/%C0%20propos/%E9/%C3%A9%E2%82%AC%F0%9F%98%80%E0%A0%80" },
};

static const struct {
	const char *path;
	enum http_reason why;
} refused[] = {
	{ "/..", HTTP_REASON_PATH },
	{ "/../a", HTTP_REASON_PATH },
	{ "/a/../..", HTTP_REASON_PATH },
	{ "/a/../../b/c", HTTP_REASON_PATH },
	{ "/%2e%2e/a", HTTP_REASON_PATH },
	{ "/%", HTTP_REASON_PATH },
	{ "/%4", HTTP_REASON_PATH },
	{ "/%4g", HTTP_REASON_PATH },
	{ "/%zz", HTTP_REASON_PATH },
	{ "/%%41", HTTP_REASON_PATH },
	{ "/%u0041", HTTP_REASON_PATH },
	{ "/%00", HTTP_REASON_PATH },
	{ "/%0a", HTTP_REASON_PATH },
	{ "/%0D%0A", HTTP_REASON_PATH },
	{ "/%7F", HTTP_REASON_PATH },
	/* longer UTF-8 than need be, of "." and "/" in two to six bytes */
	{ "/%c0%ae%c0%ae/a", HTTP_REASON_PATH },
	{ "/%c0%af", HTTP_REASON_PATH },
	{ "/%C1%9C", HTTP_REASON_PATH },
	{ "/%e0%80%af", HTTP_REASON_PATH },
	{ "/%f0%80%80%af", HTTP_REASON_PATH },
	{ "/%f8%80%80%80%af", HTTP_REASON_PATH },
	{ "/%fc%80%80%80%80%af", HTTP_REASON_PATH },
	/* dots that show when somebody undoes "%2F" or "%5C", or cuts ";" off */
	{ "/a/..%2fb", HTTP_REASON_PATH },
	{ "/a/..%5Cb", HTTP_REASON_PATH },
	{ "/a%2f..", HTTP_REASON_PATH },
	{ "/a%2f../b", HTTP_REASON_PATH },
	{ "/a%2f%2e%2e%2fb", HTTP_REASON_PATH },
	{ "/a%5c.%5cb", HTTP_REASON_PATH },
	{ "/%2f.", HTTP_REASON_PATH },
	{ "/a/..;/b", HTTP_REASON_PATH },
	{ "/a/.;x=y/b", HTTP_REASON_PATH },
	{ "/a%2f..;b", HTTP_REASON_PATH },
	{ "/a;b%2f../c", HTTP_REASON_PATH },
	{ "", HTTP_REASON_TARGET },
	{ "a", HTTP_REASON_TARGET },
	{ "*", HTTP_REASON_TARGET },
	{ "/a\tb", HTTP_REASON_TARGET },
	{ "/a\x7f", HTTP_REASON_TARGET },
	{ "/\xc0\xae", HTTP_REASON_TARGET },
	{ "/a\\b", HTTP_REASON_TARGET },
	{ "/\"<>", HTTP_REASON_TARGET },
};

static void expect_normal(struct arena *arena, const char *text, bool merge, const char *wanted)
{
	struct slice path = http_unit_at_edge(slice_of_string(text)), got, again;
	enum http_reason why = http_path_normalize(arena, path, merge, &got);
	if (wanted == NULL) {
		cr_expect(why == HTTP_REASON_PATH, "%s: %s", text, http_reason_words(why));
		return;
	}
	cr_assert(why == HTTP_REASON_NONE, "%s: %s", text, http_reason_words(why));
	cr_expect(slice_is_equal(got, slice_of_string(wanted)), "%s: %.*s", text, SLICE_PRINT(got));
	/* what is normal stays where it is */
	cr_expect((got.at == path.at) == (strcmp(text, wanted) == 0), "%s", text);
	cr_assert(http_path_normalize(arena, got, merge, &again) == HTTP_REASON_NONE);
	cr_expect(again.at == got.at && again.len == got.len, "%s", text);
}

Test(http_path, normalize)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(normal); i++) {
		expect_normal(&arena, normal[i].path, false, normal[i].kept);
		expect_normal(&arena, normal[i].path, true, normal[i].merged);
	}
	arena_release(&arena);
}

Test(http_path, normalize_refuses_what_has_two_readings)
{
	struct slice normal_form;
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(refused); i++)
		for (int merge = 0; merge < 2; merge++) {
			struct slice path = http_unit_at_edge(slice_of_string(refused[i].path));
			enum http_reason why = http_path_normalize(&arena, path, merge == 1,
								   &normal_form);
			cr_expect(why == refused[i].why, "%s: %s", refused[i].path,
				  http_reason_words(why));
		}
	cr_expect(http_path_normalize(&arena, SLICE("/a\0"), false, &normal_form) ==
		  HTTP_REASON_TARGET);
	cr_expect(http_path_normalize(&arena, SLICE_ABSENT, false, &normal_form) ==
		  HTTP_REASON_TARGET);
	arena_release(&arena);
}
