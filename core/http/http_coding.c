/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_coding.h"

#include "base/check.h"
#include "base/memory.h"

#include <brotli/decode.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

/* What is made at a time. */
#define STEP_BYTES 16384

/* For inflateInit2: the largest window; and 16 more for gzip, negative for no wrapper at all. */
#define WINDOW_BITS 15

struct http_decoder {
	enum http_coding coding;
	bool is_begun; /* zlib is set up */
	bool is_done;
	unsigned char
		first; /* of "deflate": the first of the two bytes that say which form it has */
	bool has_first;
	z_stream zlib;
	BrotliDecoderState *brotli;
};

static enum http_coding coding_named(struct slice name)
{
	if (slice_is_equal_nocase(name, SLICE("gzip")) ||
	    slice_is_equal_nocase(name, SLICE("x-gzip")))
		return HTTP_CODING_GZIP;
	if (slice_is_equal_nocase(name, SLICE("deflate")))
		return HTTP_CODING_DEFLATE;
	if (slice_is_equal_nocase(name, SLICE("br")))
		return HTTP_CODING_BR;
	return HTTP_CODING_UNKNOWN;
}

enum http_coding http_coding_of(const struct http_fields *f)
{
	enum http_coding found = HTTP_CODING_NONE;
	const struct http_field *field = http_fields_find_id(f, HTTP_FIELD_CONTENT_ENCODING);
	for (; field != NULL; field = http_fields_find_next(f, field)) {
		struct slice rest = field->value, item;
		while (slice_next_item(&rest, ',', &item)) {
			if (item.len == 0 || slice_is_equal_nocase(item, SLICE("identity")))
				continue;
			if (found != HTTP_CODING_NONE)
				return HTTP_CODING_UNKNOWN;
			found = coding_named(item);
		}
	}
	return found;
}

struct http_decoder *http_decoder_new(enum http_coding coding)
{
	struct http_decoder *d = memory_new(1, sizeof *d);
	check(coding != HTTP_CODING_NONE && coding != HTTP_CODING_UNKNOWN);
	d->coding = coding;
	if (coding == HTTP_CODING_BR) {
		d->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		if (d->brotli == NULL)
			abort(); /* as base/memory does */
	}
	return d;
}

void http_decoder_free(struct http_decoder *d)
{
	if (d == NULL)
		return;
	if (d->is_begun)
		inflateEnd(&d->zlib);
	if (d->brotli != NULL)
		BrotliDecoderDestroyInstance(d->brotli);
	free(d);
}

static void begin_zlib(struct http_decoder *d, int bits)
{
	if (inflateInit2(&d->zlib, bits) != Z_OK)
		abort(); /* as base/memory does */
	d->is_begun = true;
}

/* One call of zlib. */
static enum http_parse inflate_once(struct http_decoder *d, struct slice in, size_t *used,
				    char *room, size_t size, size_t *made)
{
	uInt most = in.len > UINT32_MAX ? UINT32_MAX : (uInt)in.len;
	d->zlib.next_in = (Bytef *)(uintptr_t)in.at;
	d->zlib.avail_in = most;
	d->zlib.next_out = (Bytef *)room;
	d->zlib.avail_out = (uInt)size;
	int result = inflate(&d->zlib, Z_NO_FLUSH);
	*used = most - d->zlib.avail_in;
	*made = size - d->zlib.avail_out;
	if (result == Z_STREAM_END)
		return HTTP_DONE;
	return result == Z_OK || result == Z_BUF_ERROR ? HTTP_MORE : HTTP_BAD;
}

/*
 * "deflate" is the zlib format, but some send its contents bare. Two bytes tell: the first names the
 * method, and both as a number are divisible by 31 (RFC 1950 2.2).
 */
static enum http_parse choose_deflate(struct http_decoder *d, struct slice in, size_t *used)
{
	if (!d->has_first) {
		d->first = (unsigned char)in.at[0];
		d->has_first = true;
		*used = 1;
		return HTTP_MORE;
	}
	unsigned second = (unsigned char)in.at[0];
	bool is_wrapped = (d->first & 0x0f) == Z_DEFLATED &&
			  ((unsigned)d->first << 8 | second) % 31 == 0;
	begin_zlib(d, is_wrapped ? WINDOW_BITS : -WINDOW_BITS);
	char none;
	size_t taken, made;
	/* one byte makes nothing yet */
	return inflate_once(d, slice_of((const char *)&d->first, 1), &taken, &none, 0, &made);
}

/* A gzip file may have several members in a row (RFC 1952 2.2). */
static enum http_parse inflate_some(struct http_decoder *d, struct slice in, size_t *used,
				    char *room, size_t size, size_t *made)
{
	if (!d->is_begun && d->coding == HTTP_CODING_DEFLATE)
		return choose_deflate(d, in, used);
	if (!d->is_begun)
		begin_zlib(d, WINDOW_BITS + 16);
	enum http_parse result = inflate_once(d, in, used, room, size, made);
	bool has_next = result == HTTP_DONE && d->coding == HTTP_CODING_GZIP && *used < in.len &&
			in.at[*used] == 0x1f;
	if (!has_next)
		return result;
	inflateReset(&d->zlib);
	return HTTP_MORE;
}

static enum http_parse unbrotli_some(struct http_decoder *d, struct slice in, size_t *used,
				     char *room, size_t size, size_t *made)
{
	size_t left = in.len, room_left = size;
	const uint8_t *next_in = (const uint8_t *)in.at;
	uint8_t *next_out = (uint8_t *)room;
	BrotliDecoderResult result = BrotliDecoderDecompressStream(d->brotli, &left, &next_in,
								   &room_left, &next_out, NULL);
	*used = in.len - left;
	*made = size - room_left;
	if (result == BROTLI_DECODER_RESULT_SUCCESS)
		return HTTP_DONE;
	return result == BROTLI_DECODER_RESULT_ERROR ? HTTP_BAD : HTTP_MORE;
}

enum http_parse http_decoder_take(struct http_decoder *d, struct slice in, size_t *used,
				  struct buf *out, size_t limit)
{
	*used = 0;
	while (!d->is_done) {
		char *room;
		size_t taken = 0, made = 0, size = limit - buf_len(out);
		struct slice rest = slice_skip(in, *used);
		size = size < STEP_BYTES ? size : STEP_BYTES;
		bool was_begun = d->is_begun || d->brotli != NULL;
		if (size == 0 || (rest.len == 0 && !was_begun))
			return HTTP_MORE;
		buf_reserve(out, size, limit, &room);
		enum http_parse result = d->coding == HTTP_CODING_BR
						 ? unbrotli_some(d, rest, &taken, room, size, &made)
						 : inflate_some(d, rest, &taken, room, size, &made);
		buf_grow(out, made);
		*used += taken;
		if (result == HTTP_BAD)
			return HTTP_BAD;
		d->is_done = result == HTTP_DONE;
		if (was_begun && !d->is_done && taken == 0 && made == 0)
			return HTTP_MORE;
	}
	*used = in.len;
	return HTTP_DONE;
}
