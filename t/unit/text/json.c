/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static char said[4096];

static const char *say(const char *text, struct slice s)
{
	size_t used = strlen(said);
	snprintf(said + used, sizeof said - used, text, SLICE_PRINT(s));
	return NULL;
}

static const char *on_open(void *extra, bool is_array)
{
	(void)extra;
	return say(is_array ? "[" : "{", SLICE_ABSENT);
}

static const char *on_key(void *extra, struct slice key)
{
	(void)extra;
	return slice_is_equal(key, SLICE("bad")) ? "not wanted" : say("%.*s:", key);
}

static const char *on_string(void *extra, struct slice value)
{
	(void)extra;
	return say("'%.*s' ", value);
}

static const char *on_number(void *extra, double value)
{
	char text[40];
	(void)extra;
	return say("%.*s ", slice_of(text, (size_t)snprintf(text, sizeof text, "%.17g", value)));
}

static const char *on_boolean(void *extra, bool value)
{
	(void)extra;
	return say(value ? "yes " : "no ", SLICE_ABSENT);
}

static const char *on_null(void *extra)
{
	(void)extra;
	return say("null ", SLICE_ABSENT);
}

static const char *on_close(void *extra, bool is_array)
{
	(void)extra;
	return say(is_array ? "]" : "}", SLICE_ABSENT);
}

/* The text ends at a page that cannot be read. */
static const char *parse(struct slice text, size_t *at)
{
	static const struct json_events events = { on_open,    on_key,  on_string, on_number,
						   on_boolean, on_null, on_close };
	static char *pages;
	static char room[8192];
	if (pages == NULL) {
		pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		cr_assert_eq(mprotect(pages + 2 * 4096, 4096, PROT_NONE), 0);
	}
	char *copy = pages + 2 * 4096 - text.len;
	memcpy(copy, text.at, text.len);
	said[0] = '\0';
	return json_parse(slice_of(copy, text.len), room, &events, NULL, at);
}

static const struct {
	const char *text, *said;
} good[] = {
	{ "{}", "{}" },
	{ " [ ] ", "[]" },
	{ "\t\r\n null \n", "null " },
	{ "true", "yes " },
	{ "false", "no " },
	{ "\"\"", "'' " },
	{ "0", "0 " },
	{ "-0", "-0 " },
	{ "-12.5e+2", "-1250 " },
	{ "1E-2", "0.01 " },
	{ "9007199254740993", "9007199254740992 " },
	{ "1e-999", "0 " },
	{ "[1,2,[3]]", "[1 2 [3 ]]" },
	{ "{\"a\":1,\"b\":{\"c\":[true,null]}}", "{a:1 b:{c:[yes null ]}}" },
	{ "{ \"a\" : 1 , \"a\" : 2 }", "{a:1 a:2 }" },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "'\"\\/\b\f\n\r\t' " },
	{ "\"a\\u00e4\\u20AC\\uD83D\\uDE00z\"", "'a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z' " },
	{ "\"\xc3\xa4\xf0\x9f\x98\x80\x7f\"", "'\xc3\xa4\xf0\x9f\x98\x80\x7f' " },
};

Test(json, takes_apart_what_is_json)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		size_t at;
		const char *why = parse(slice_of_string(good[i].text), &at);
		cr_expect_null(why, "%s: %s", good[i].text, why);
		cr_expect_str_eq(said, good[i].said, "%s: %s", good[i].text, said);
		cr_expect_eq(at, strlen(good[i].text));
	}
}

/* A number ends where the text does; everything else has an end of its own. */
Test(json, a_part_of_a_text_is_none)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct slice text = slice_trim(slice_of_string(good[i].text));
		size_t at;
		if ((text.at[0] >= '0' && text.at[0] <= '9') || text.at[0] == '-' ||
		    good[i].text[0] == '\t')
			continue;
		for (size_t len = 0; len < text.len; len++)
			cr_expect_not_null(parse(slice_of(text.at, len), &at), "%.*s", (int)len,
					   text.at);
	}
}

static const struct {
	const char *text, *why;
	size_t at;
} bad[] = {
	{ "", "the text ends too early", 0 },
	{ "nul", "not a value", 0 },
	{ "True", "not a value", 0 },
	{ "NaN", "not a value", 0 },
	{ "+1", "not a value", 0 },
	{ ".5", "not a value", 0 },
	{ "'a'", "not a value", 0 },
	{ "01", "something behind the value", 1 },
	{ "1.", "the text ends too early", 2 },
	{ "1.x", "a number without digits behind its point", 2 },
	{ "1ex", "a number without digits in its exponent", 2 },
	{ "-x", "not a value", 1 },
	{ "0x10", "something behind the value", 1 },
	{ "1e999", "a number out of range", 5 },
	{ "[1,]", "not a value", 3 },
	{ "[,1]", "not a value", 1 },
	{ "[1 2]", "no comma between items", 3 },
	{ "[1}", "no comma between items", 2 },
	{ "{\"a\":1]", "no comma between members", 6 },
	{ "{\"a\":1,}", "not a name", 7 },
	{ "{a:1}", "not a name", 1 },
	{ "{1:1}", "not a name", 1 },
	{ "{\"a\" 1}", "no colon behind a name", 5 },
	{ "{\"bad\":1}", "not wanted", 6 },
	{ "{} {}", "something behind the value", 3 },
	{ "[1]//", "something behind the value", 3 },
	{ "\xef\xbb\xbf{}", "not a value", 0 },
	{ "\"a", "the text ends too early", 2 },
	{ "\"\\", "the text ends too early", 2 },
	{ "\"a\nb\"", "a control character in a string", 2 },
	{ "\"\\x41\"", "an escape that there is not", 3 },
	{ "\"\\u12g4\"", "\\u without four hexadecimal digits", 6 },
	{ "\"\\u12", "\\u without four hexadecimal digits", 3 },
	{ "\"\\ud800\"", "half of a surrogate pair", 7 },
	{ "\"\\ud800\\u0041\"", "half of a surrogate pair", 13 },
	{ "\"\\udc00\\udc00\"", "half of a surrogate pair", 9 },
	{ "\"\xff\"", "invalid UTF-8", 1 },
	{ "\"\xc3\"", "invalid UTF-8", 1 },
	{ "\"\xc0\xaf\"", "invalid UTF-8", 1 },
	{ "\"\xed\xa0\x80\"", "invalid UTF-8", 1 },
	{ "\f1", "not a value", 0 },
	{ "\v1", "not a value", 0 },
};

Test(json, refuses_what_is_none_and_says_where)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		size_t at = 0;
		const char *why = parse(slice_of_string(bad[i].text), &at);
		cr_assert_not_null(why, "%s", bad[i].text);
		cr_expect_str_eq(why, bad[i].why, "%s: %s", bad[i].text, why);
		cr_expect_eq(at, bad[i].at, "%s: at %zu", bad[i].text, at);
	}
	size_t at;
	cr_expect_not_null(parse(SLICE("1\0"), &at));
	cr_expect_not_null(parse(SLICE("\"\0\""), &at));
	cr_expect_null(parse(SLICE("\"\\u0000\""), &at));
}

Test(json, depth_and_numbers_are_bounded)
{
	char text[1200];
	size_t at;
	memset(text, '[', 101);
	memset(text + 100, ']', 100);
	cr_expect_null(parse(slice_of(text, 200), &at));
	memset(text, '[', 101);
	cr_expect_str_eq(parse(slice_of(text, 101), &at),
			 "too many arrays and objects in each other");
	cr_expect_eq(at, 100);
	memset(text, '0', sizeof text);
	text[1] = '.';
	cr_expect_null(parse(slice_of(text, 1000), &at));
	cr_expect_str_eq(parse(slice_of(text, 1001), &at), "a number of too many characters");
}
