/*
 * http_negotiate: which coding of an answer a client wants, and what an answer must say once it is
 * sent in another coding than its node chose: Vary, and a validator of its own (RFC 9110 8.8.3, 12.5).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_NEGOTIATE_H
#define WEIR_HTTP_NEGOTIATE_H

#include "http/http_coding.h"

/*
 * The coding of gzip and, if `may_brotli`, br that Accept-Encoding gives the most weight: br of two
 * that are equal, but gzip where only "*" stands for both, which programs say that know no br. NONE
 * when it takes neither, likes the body as it is better, or is not there. Items that are malformed
 * count for nothing; of a name that is there twice the lower weight holds.
 */
enum http_coding http_negotiate_coding(const struct http_fields *request, bool may_brotli);

/* Is this directive among those of Cache-Control? */
bool http_negotiate_has_directive(const struct http_fields *f, struct slice directive);

/*
 * Is `value` of Content-Type, its parameters aside, this type? A pattern may end in "*"; case does
 * not matter.
 */
bool http_negotiate_is_type(struct slice value, struct slice pattern);

/* Adds the name to Vary, unless it or "*" is there. */
void http_negotiate_vary(struct http_fields *f, struct arena *arena, struct slice name);

/*
 * The entity tag as a weak one, and as the weak one of that coding: W/"x;gzip" for "x". Absent when it
 * is malformed.
 */
struct slice http_negotiate_weaken(struct slice tag, struct arena *arena);
struct slice http_negotiate_wrap(struct slice tag, enum http_coding coding, struct arena *arena);

/*
 * A list of entity tags (of If-None-Match, If-Match) with those that http_negotiate_wrap made for that
 * coding as they were before; NONE: for any. The list itself when there are none, or it is malformed.
 */
struct slice http_negotiate_unwrap(struct slice tags, enum http_coding coding, struct arena *arena);

/* Is just that tag in the list? */
bool http_negotiate_has_tag(struct slice tags, struct slice tag);

/* The name of gzip or br. */
struct slice http_negotiate_name(enum http_coding coding);

#endif
