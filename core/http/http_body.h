/*
 * http_body: finds where a body ends, and re-frames it for the other side. The bytes of the body
 * are never copied: the pieces to write point into what was read.
 * What leaves is always in one canonical form: chunks without extensions, or a counted length.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_BODY_H
#define WEIR_HTTP_BODY_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/http_head.h"

#include <stdint.h>
#include <sys/uio.h>

/* A decoder; zero-cost to copy. */
struct http_body {
	enum http_body_kind kind;
	int state;                   /* of the chunk parser */
	uint64_t left;               /* bytes of the length or of the current chunk still to come */
	uint64_t total;              /* body bytes seen so far, framing not counted */
	size_t line_extension_bytes; /* of the chunk that begins */
	uint64_t extension_bytes;    /* of all chunks so far */
	unsigned size_digits;        /* of the chunk size being read */
	bool is_done;
	struct http_head_scan trailer_scan;
	struct buf trailer_held; /* a trailer section that came in pieces; empty mostly */
	struct http_fields
		trailers; /* when done; only those that may be forwarded (no framing, routing, credentials) */
};

/*
 * Chunk extensions mean nothing to anybody we know, and one byte of body may hide behind many of
 * theirs. So a chunk's are bounded by http_limits, and those of a whole body by this many times as
 * much and one byte more for each byte of the body itself.
 */
#define HTTP_CHUNK_EXTENSIONS_FACTOR 16

/* Begins a body; `length` counts for HTTP_BODY_LENGTH only. Release when done with it. */
void http_body_init(struct http_body *b, enum http_body_kind kind, uint64_t length);
void http_body_release(struct http_body *b);

/*
 * Takes bytes from the start of `in`: *used of them are consumed, *data is the next run of body
 * bytes in them (may be empty). Call again with the rest until HTTP_DONE, or HTTP_MORE with all used.
 */
enum http_parse http_body_take(struct http_body *b, struct slice in,
			       const struct http_limits *limits, struct arena *arena, size_t *used,
			       struct slice *data, enum http_reason *why);

/* The sender closed: HTTP_DONE when that ends the body (until close), else HTTP_BAD. */
enum http_parse http_body_end(struct http_body *b);

/*
 * Back to where it stood when `before` was copied from it: what was taken since is to be taken again.
 * False, and nothing has changed, when it stood in the trailers: pieces of those are not to be had twice.
 */
bool http_body_go_back(struct http_body *b, const struct http_body *before);

/* Somebody who sees what a body is made of as it goes by: its bytes, unframed, and that it is whole. */
struct http_tap {
	void (*on_data)(struct http_tap *tap, struct slice data);
	void (*on_end)(struct http_tap *tap);
};

/* A body on its way from one connection to the other. */
struct http_relay {
	struct http_body in;
	enum http_body_kind out; /* LENGTH, CHUNKED or UNTIL_CLOSE; NONE swallows */
	bool send_trailers;
	bool is_ended; /* the last chunk has been put out */
	const struct http_limits *limits;
	struct arena *arena; /* for trailers */
	enum http_reason why;
	struct http_tap *tap; /* on what http_relay_take takes; NULL mostly */
};

#define HTTP_PIECES_MOST 64

/*
 * What to write, in order; points into the input, the relay's arena, `scratch` and constants. To
 * start anew set count and bytes to 0. Other pieces (a head) may stand before a body's.
 */
struct http_pieces {
	struct iovec at[HTTP_PIECES_MOST];
	unsigned count;
	size_t bytes; /* sum over `at` */
	char scratch[64];
};

/* Begins a relay; `limits` and `arena` must live as long. Release when done with it. */
void http_relay_init(struct http_relay *r, enum http_body_kind in, uint64_t length,
		     enum http_body_kind out, const struct http_limits *limits,
		     struct arena *arena);
void http_relay_release(struct http_relay *r);

/*
 * Re-frames from the start of `in` as much as fits in the pieces (appended to `out`, one chunk for
 * the whole batch when chunked): *used input bytes are consumed. HTTP_DONE: the body ended, its end
 * is in the pieces. HTTP_MORE: call again with new bytes, or, if *used < in.len, with the rest and
 * with pieces that have room: write these first. HTTP_BAD: the pieces are as before the call.
 */
enum http_parse http_relay_take(struct http_relay *r, struct slice in, size_t *used,
				struct http_pieces *out);

/*
 * Bytes that come next and pass as they are, whatever they are: of a body that is counted on both
 * sides. They may be moved past the relay, which is then told how many it was.
 */
static inline uint64_t http_relay_may_pass(const struct http_relay *r)
{
	bool is_counted = r->in.kind == HTTP_BODY_LENGTH && r->out == HTTP_BODY_LENGTH;
	return is_counted ? r->in.left : 0;
}

/* HTTP_DONE when that ended the body, else HTTP_MORE. */
enum http_parse http_relay_pass(struct http_relay *r, uint64_t count);

/*
 * Puts bytes out that come from memory: taken from r->in before, or in place of what it has. With
 * `is_last` they end the body. Takes up to 3 pieces.
 */
void http_relay_put(struct http_relay *r, struct slice data, bool is_last, struct http_pieces *out);

/*
 * The sender closed: as http_body_end; the last chunk is added to `out` when that ends the body.
 * HTTP_MORE when all pieces are taken: write these and call again.
 */
enum http_parse http_relay_end(struct http_relay *r, struct http_pieces *out);

#endif
