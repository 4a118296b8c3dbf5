/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_coding.h"

#include <criterion/criterion.h>

/* "hello hello hello" */
#define TEXT "hello hello hello"
#define GZIP_TEXT \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x00\x80" \
	"\x88\xf9\xe5\x11\x00\x00\x00"
#define ZLIB_TEXT "\x78\x9c\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x00\x3a\x2e\x06\x7d"
#define BARE_TEXT "\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90\x00"

static struct arena arena;
static struct buf out;

static void start(void)
{
	arena_init(&arena);
	buf_init(&out);
}

static void end(void)
{
	buf_release(&out);
	arena_release(&arena);
	arena_drop_spares();
}

TestSuite(http_coding, .init = start, .fini = end);

static enum http_coding coding_of(const char *first, const char *second)
{
	struct http_fields fields = { 0 };
	http_fields_add(&fields, &arena, SLICE("Content-Encoding"), slice_of_string(first));
	if (second != NULL)
		http_fields_add(&fields, &arena, SLICE("content-encoding"),
				slice_of_string(second));
	return http_coding_of(&fields);
}

Test(http_coding, one_coding_is_known)
{
	struct http_fields none = { 0 };
	cr_expect_eq(http_coding_of(&none), HTTP_CODING_NONE);
	cr_expect_eq(coding_of("gzip", NULL), HTTP_CODING_GZIP);
	cr_expect_eq(coding_of("X-GZIP", NULL), HTTP_CODING_GZIP);
	cr_expect_eq(coding_of("deflate", NULL), HTTP_CODING_DEFLATE);
	cr_expect_eq(coding_of("identity, br", NULL), HTTP_CODING_BR);
	cr_expect_eq(coding_of("", "identity"), HTTP_CODING_NONE);
	cr_expect_eq(coding_of("compress", NULL), HTTP_CODING_UNKNOWN);
	cr_expect_eq(coding_of("gzip, br", NULL), HTTP_CODING_UNKNOWN);
	cr_expect_eq(coding_of("gzip", "gzip"), HTTP_CODING_UNKNOWN);
}

/* Gives it `step` bytes at a time, with room for so many bytes in all. */
static enum http_parse decode(enum http_coding coding, struct slice in, size_t step, size_t limit)
{
	struct http_decoder *d = http_decoder_new(coding);
	enum http_parse result = HTTP_MORE;
	buf_release(&out);
	while (in.len > 0 && result == HTTP_MORE) {
		size_t used, len = in.len < step ? in.len : step;
		result = http_decoder_take(d, slice_of(in.at, len), &used, &out, limit);
		in = slice_skip(in, used);
		if (used < len)
			break;
	}
	http_decoder_free(d);
	return result;
}

Test(http_coding, however_it_is_cut_the_same_comes_out)
{
	static const struct {
		enum http_coding coding;
		struct slice in;
	} rows[] = {
		{ HTTP_CODING_GZIP, SLICE_INIT(GZIP_TEXT) },
		{ HTTP_CODING_DEFLATE, SLICE_INIT(ZLIB_TEXT) },
		{ HTTP_CODING_DEFLATE, SLICE_INIT(BARE_TEXT) },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t step = 1; step <= rows[i].in.len; step++) {
			cr_expect_eq(decode(rows[i].coding, rows[i].in, step, 100), HTTP_DONE,
				     "row %zu in steps of %zu", i, step);
			cr_expect(slice_is_equal(buf_slice(&out), SLICE(TEXT)),
				  "row %zu in steps of %zu: '%.*s'", i, step,
				  SLICE_PRINT(buf_slice(&out)));
		}
}

Test(http_coding, members_of_gzip_follow_each_other)
{
	cr_expect_eq(decode(HTTP_CODING_GZIP, SLICE(GZIP_TEXT GZIP_TEXT), 1000, 100), HTTP_DONE);
	cr_expect(slice_is_equal(buf_slice(&out), SLICE(TEXT TEXT)));
}

Test(http_coding, the_limit_holds)
{
	cr_expect_eq(decode(HTTP_CODING_GZIP, SLICE(GZIP_TEXT), 1000, 5), HTTP_MORE);
	cr_expect(slice_is_equal(buf_slice(&out), SLICE("hello")));
}

Test(http_coding, what_is_malformed_is_refused)
{
	cr_expect_eq(decode(HTTP_CODING_GZIP, SLICE("no gzip at all"), 1, 100), HTTP_BAD);
	cr_expect_eq(decode(HTTP_CODING_DEFLATE, SLICE("\x78\x9c\xff\xff\xff\xff"), 1, 100),
		     HTTP_BAD);
	cr_expect_eq(decode(HTTP_CODING_BR, SLICE("\xff\xff\xff\xff\xff\xff"), 1, 100), HTTP_BAD);
	cr_expect_eq(decode(HTTP_CODING_GZIP, SLICE("\x1f\x8b\x08"), 1, 100), HTTP_MORE);
}
