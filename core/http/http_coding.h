/*
 * http_coding: undoes the content codings of bodies, gzip, deflate and br (RFC 9110 8.4.1), piece by
 * piece. What comes out is bounded by the caller: a few bytes may stand for gigabytes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_CODING_H
#define WEIR_HTTP_CODING_H

#include "base/buf.h"
#include "http/http_fields.h"
#include "http/http_parse.h"

enum http_coding {
	HTTP_CODING_NONE,
	HTTP_CODING_GZIP,
	HTTP_CODING_DEFLATE,
	HTTP_CODING_BR,
	HTTP_CODING_UNKNOWN, /* one that we cannot undo, or several */
};

/* What Content-Encoding says. */
enum http_coding http_coding_of(const struct http_fields *f);

struct http_decoder;

/* For one of the codings that can be undone. */
struct http_decoder *http_decoder_new(enum http_coding coding);
void http_decoder_free(struct http_decoder *d); /* NULL is fine */

/*
 * Takes bytes from the start of `in`, *used of them, and appends what they stand for to `out`, which
 * holds `limit` bytes at most: HTTP_MORE with *used < in.len, or with a full `out`, means that there is
 * no room for more. HTTP_DONE: the coded body is over; what follows it is taken and ignored.
 * HTTP_BAD: malformed.
 */
enum http_parse http_decoder_take(struct http_decoder *d, struct slice in, size_t *used,
				  struct buf *out, size_t limit);

#endif
