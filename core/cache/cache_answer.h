/*
 * cache_answer: the head of a stored answer: how it is written down and read again, brought up to date
 * by a 304, asked about at its node, and turned into what a client wants of it: nothing new (RFC 9110
 * 13), or a part (14). Bytes and structs only.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CACHE_ANSWER_H
#define WEIR_CACHE_ANSWER_H

#include "base/arena.h"
#include "http/http_head.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Reason and header lines as text, in the arena: without what is for one connection, what frames the
 * body, and Age; with the date of now where it has none.
 */
struct slice cache_answer_write(const struct http_response *answer, int64_t now,
				struct arena *arena);

/* Reads that again: an answer whose body is counted; slices point into `text`. */
void cache_answer_read(struct slice text, unsigned status, uint64_t body_bytes, struct arena *arena,
		       struct http_response *answer);

/* The answer as its node has confirmed it by this 304 (RFC 9111 3.2). */
void cache_answer_update(struct http_response *answer, const struct http_response *confirmed,
			 struct arena *arena);

/* Is the 304 about this answer: does it name the same version, if any (RFC 9111 4.3.4)? */
bool cache_answer_is_meant(const struct http_fields *answer, const struct http_fields *confirmed);

/*
 * Asks by the validators of the stored answer in place of the client's own conditions, and for the
 * whole: `request` gets lines of its own. False when it has none.
 */
bool cache_answer_ask(const struct http_fields *answer, struct http_fields *request,
		      struct arena *arena);

/* Does the request leave what its condition needs to whoever has the original (RFC 9111 4.3.2)? */
bool cache_answer_is_for_node(const struct http_fields *request);

/* Does the client have the answer already? Then it is made its 304. */
bool cache_answer_is_known(const struct http_fields *request, struct http_response *answer);

/*
 * What of the body the request wants: `from` and `bytes` of it. One range is served, and several, or
 * what is no range of bytes, as the whole. The answer becomes its 206 or 416.
 */
void cache_answer_cut(const struct http_fields *request, struct http_response *answer,
		      struct arena *arena, uint64_t *from, uint64_t *bytes);

#endif
