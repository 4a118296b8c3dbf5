/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_encoder.h"

#include "base/check.h"
#include "base/memory.h"

#include <brotli/encode.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <zlib.h>

/* What is made at a time. */
#define STEP_BYTES 16384

/* For deflateInit2: the largest window, 16 more for gzip; the memory that zlib takes by default. */
#define GZIP_WINDOW_BITS (15 + 16)
#define GZIP_MEMORY_LEVEL 8

/* Of brotli: 256 KiB. Its own choice, 4 MiB, would be for each answer under way. */
#define BROTLI_WINDOW_BITS 18

/* Coders of gzip are kept for the next: each is 256 KiB that would have to be had from the kernel. */
#define SPARES_MOST 4

struct http_encoder {
	unsigned level;
	z_stream zlib;
	BrotliEncoderState *brotli; /* NULL: it is gzip */
	SLIST_ENTRY(http_encoder) spare;
};

static SLIST_HEAD(, http_encoder) spares = SLIST_HEAD_INITIALIZER(spares);
static unsigned spare_count;

static struct http_encoder *take_spare(unsigned level)
{
	struct http_encoder *e;
	SLIST_FOREACH (e, &spares, spare) {
		if (e->level != level)
			continue;
		SLIST_REMOVE(&spares, e, http_encoder, spare);
		spare_count--;
		deflateReset(&e->zlib);
		return e;
	}
	return NULL;
}

static void release(struct http_encoder *e)
{
	if (e->brotli != NULL)
		BrotliEncoderDestroyInstance(e->brotli);
	else
		deflateEnd(&e->zlib);
	free(e);
}

static void begin_brotli(struct http_encoder *e)
{
	e->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
	if (e->brotli == NULL)
		abort(); /* as base/memory does */
	BrotliEncoderSetParameter(e->brotli, BROTLI_PARAM_QUALITY, e->level);
	BrotliEncoderSetParameter(e->brotli, BROTLI_PARAM_LGWIN, BROTLI_WINDOW_BITS);
}

struct http_encoder *http_encoder_new(enum http_coding coding, unsigned level)
{
	check(level >= 1 && level <= 9 && (coding == HTTP_CODING_GZIP || coding == HTTP_CODING_BR));
	struct http_encoder *e = coding == HTTP_CODING_GZIP ? take_spare(level) : NULL;
	if (e != NULL)
		return e;
	e = memory_new(1, sizeof *e);
	e->level = level;
	if (coding == HTTP_CODING_BR)
		begin_brotli(e);
	else if (deflateInit2(&e->zlib, (int)level, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
			      Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	return e;
}

void http_encoder_free(struct http_encoder *e)
{
	if (e == NULL)
		return;
	if (e->brotli != NULL || spare_count == SPARES_MOST) {
		release(e);
		return;
	}
	SLIST_INSERT_HEAD(&spares, e, spare);
	spare_count++;
}

void http_encoder_drop_spares(void)
{
	struct http_encoder *e;
	while ((e = SLIST_FIRST(&spares)) != NULL) {
		SLIST_REMOVE_HEAD(&spares, spare);
		release(e);
	}
	spare_count = 0;
}

static void put_gzip(struct http_encoder *e, struct slice in, enum http_encoder_then then,
		     struct buf *out)
{
	static const int flushes[] = { [HTTP_ENCODER_GO_ON] = Z_NO_FLUSH,
				       [HTTP_ENCODER_FLUSH] = Z_SYNC_FLUSH,
				       [HTTP_ENCODER_FINISH] = Z_FINISH };
	char room[STEP_BYTES];
	check(in.len <= UINT32_MAX);
	e->zlib.next_in = (Bytef *)(uintptr_t)in.at;
	e->zlib.avail_in = (uInt)in.len;
	do {
		e->zlib.next_out = (Bytef *)room;
		e->zlib.avail_out = sizeof room;
		check(deflate(&e->zlib, flushes[then]) != Z_STREAM_ERROR);
		buf_append(out, slice_of(room, sizeof room - e->zlib.avail_out), SIZE_MAX);
	} while (e->zlib.avail_out == 0);
}

static void put_brotli(struct http_encoder *e, struct slice in, enum http_encoder_then then,
		       struct buf *out)
{
	static const BrotliEncoderOperation operations[] = {
		[HTTP_ENCODER_GO_ON] = BROTLI_OPERATION_PROCESS,
		[HTTP_ENCODER_FLUSH] = BROTLI_OPERATION_FLUSH,
		[HTTP_ENCODER_FINISH] = BROTLI_OPERATION_FINISH,
	};
	size_t left = in.len;
	const uint8_t *next = (const uint8_t *)in.at;
	do {
		size_t no_room = 0, made = 0;
		check(BrotliEncoderCompressStream(e->brotli, operations[then], &left, &next,
						  &no_room, NULL, NULL));
		const uint8_t *bytes = BrotliEncoderTakeOutput(e->brotli, &made);
		buf_append(out, slice_of((const char *)bytes, made), SIZE_MAX);
	} while (left > 0 || BrotliEncoderHasMoreOutput(e->brotli));
}

void http_encoder_put(struct http_encoder *e, struct slice in, enum http_encoder_then then,
		      struct buf *out)
{
	if (e->brotli != NULL)
		put_brotli(e, in, then, out);
	else
		put_gzip(e, in, then, out);
}
