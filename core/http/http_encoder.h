/*
 * http_encoder: makes the content codings gzip and br of bodies, piece by piece (RFC 9110 8.4.1): the
 * other way round from http_coding.h. What a coder holds back is bounded by its window, and given out
 * when that is asked for.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_ENCODER_H
#define WEIR_HTTP_ENCODER_H

#include "http/http_coding.h"

struct http_encoder;

/* For HTTP_CODING_GZIP or HTTP_CODING_BR; `level` is from 1, quick, to 9, small. */
struct http_encoder *http_encoder_new(enum http_coding coding, unsigned level);
void http_encoder_free(struct http_encoder *e); /* NULL is fine */

/* What is to happen behind these bytes. */
enum http_encoder_then {
	HTTP_ENCODER_GO_ON,  /* more come soon: as little as possible is given out */
	HTTP_ENCODER_FLUSH,  /* who has all that was given out can read every byte so far */
	HTTP_ENCODER_FINISH, /* they were the last: nothing may be put in any more */
};

/* Puts in all of `in`, at most 4 GiB, and appends what comes out to `out`. */
void http_encoder_put(struct http_encoder *e, struct slice in, enum http_encoder_then then,
		      struct buf *out);

/* Frees what is kept for the next coders of the process: for leak checkers, at exit. */
void http_encoder_drop_spares(void);

#endif
