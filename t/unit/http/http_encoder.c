/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_encoder.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct buf coded, text;

static void start(void)
{
	buf_init(&coded);
	buf_init(&text);
}

static void end(void)
{
	buf_release(&coded);
	buf_release(&text);
	http_encoder_drop_spares();
}

TestSuite(http_encoder, .init = start, .fini = end);

static const enum http_coding codings[] = { HTTP_CODING_GZIP, HTTP_CODING_BR };

/* Numbers, so that there is something to be compressed, and no line is another. */
static struct slice lines(void)
{
	static char bytes[8 * 25000 + 1];
	for (size_t i = 0; i < 25000; i++)
		snprintf(bytes + 8 * i, 9, "%07u\n", (unsigned)(i % 10000000));
	return slice_of(bytes, sizeof bytes - 1);
}

/* What whoever got all of `coded` can read. */
static enum http_parse decode(enum http_coding coding)
{
	size_t used;
	struct http_decoder *d = http_decoder_new(coding);
	buf_release(&text);
	enum http_parse result = http_decoder_take(d, buf_slice(&coded), &used, &text,
						   SIZE_MAX / 2);
	http_decoder_free(d);
	return result;
}

Test(http_encoder, what_went_in_comes_out)
{
	struct slice in = lines();
	static const size_t steps[] = { 1000, 16384, 1000000 };
	for (size_t c = 0; c < 2; c++)
		for (unsigned level = 1; level <= 9; level += 4)
			for (size_t s = 0; s < sizeof steps / sizeof steps[0]; s++) {
				struct http_encoder *e = http_encoder_new(codings[c], level);
				buf_release(&coded);
				for (size_t at = 0; at < in.len; at += steps[s]) {
					struct slice rest = slice_skip(in, at);
					rest.len = rest.len < steps[s] ? rest.len : steps[s];
					http_encoder_put(e, rest, HTTP_ENCODER_GO_ON, &coded);
				}
				http_encoder_put(e, SLICE(""), HTTP_ENCODER_FINISH, &coded);
				http_encoder_free(e);
				cr_expect_eq(decode(codings[c]), HTTP_DONE);
				cr_expect(slice_is_equal(buf_slice(&text), in));
				cr_expect_lt(buf_len(&coded), in.len / 2);
			}
}

Test(http_encoder, a_flush_gives_every_byte)
{
	for (size_t c = 0; c < 2; c++) {
		struct http_encoder *e = http_encoder_new(codings[c], 1);
		buf_release(&coded);
		http_encoder_put(e, SLICE("hello "), HTTP_ENCODER_GO_ON, &coded);
		http_encoder_put(e, SLICE("world"), HTTP_ENCODER_FLUSH, &coded);
		cr_expect_eq(decode(codings[c]), HTTP_MORE);
		cr_expect(slice_is_equal(buf_slice(&text), SLICE("hello world")));
		http_encoder_put(e, SLICE("!"), HTTP_ENCODER_FINISH, &coded);
		cr_expect_eq(decode(codings[c]), HTTP_DONE);
		cr_expect(slice_is_equal(buf_slice(&text), SLICE("hello world!")));
		http_encoder_free(e);
	}
}

Test(http_encoder, nothing_of_one_body_is_in_the_next)
{
	for (int i = 0; i < 3; i++) {
		struct http_encoder *e = http_encoder_new(HTTP_CODING_GZIP, 6);
		buf_release(&coded);
		http_encoder_put(e, SLICE("one secret"), HTTP_ENCODER_GO_ON, &coded);
		if (i == 1) { /* cut in the middle */
			http_encoder_free(e);
			continue;
		}
		http_encoder_put(e, SLICE(""), HTTP_ENCODER_FINISH, &coded);
		http_encoder_free(e);
		cr_expect_eq(decode(HTTP_CODING_GZIP), HTTP_DONE);
		cr_expect(slice_is_equal(buf_slice(&text), SLICE("one secret")));
	}
}

Test(http_encoder, as_many_at_once_as_one_likes)
{
	struct http_encoder *many[10];
	for (int i = 0; i < 10; i++)
		many[i] = http_encoder_new(HTTP_CODING_GZIP, (unsigned)(1 + i % 9));
	for (int i = 0; i < 10; i++)
		http_encoder_free(many[i]);
	http_encoder_free(NULL);
}
