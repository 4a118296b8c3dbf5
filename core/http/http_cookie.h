/* http_cookie: cookies in Cookie and Set-Cookie lines (RFC 6265), values as sent, never decoded. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_COOKIE_H
#define WEIR_HTTP_COOKIE_H

#include "http/http_fields.h"

struct http_cookie_position {
	unsigned line; /* index of the header */
	size_t offset; /* in its value */
};
/*
 * The next name=value of the Cookie lines from *position (start with 0); false at the end. Pieces
 * without "=" are passed over.
 */
bool http_cookie_next(const struct http_fields *f, struct http_cookie_position *position,
		      struct slice *name, struct slice *value);

/* The first of that name, or absent. Names compare exactly. */
struct slice http_cookie_get(const struct http_fields *f, struct slice name);

/*
 * Replaces the first of that name (further ones go) or adds one; the Cookie lines become one.
 * Removing takes out all of that name and tells how many. What is not named stays, in its order.
 */
void http_cookie_set(struct http_fields *f, struct arena *arena, struct slice name,
		     struct slice value);
unsigned http_cookie_remove(struct http_fields *f, struct arena *arena, struct slice name);

/* The next cookie of the Set-Cookie lines: its name, value, and attributes (behind the ";", absent without). */
bool http_set_cookie_next(const struct http_fields *f, struct http_cookie_position *position,
			  struct slice *name, struct slice *value, struct slice *attributes);

/*
 * Sets a response cookie, in the place of the first of that name (further ones go) or as a new
 * line; absent `attributes` keeps the old ones. Removing tells how many there were.
 */
void http_set_cookie_set(struct http_fields *f, struct arena *arena, struct slice name,
			 struct slice value, struct slice attributes);
unsigned http_set_cookie_remove(struct http_fields *f, struct slice name);

/* May these stand in a cookie: name a token, value without controls, blanks, quotes inside, comma, semicolon, backslash? */
bool http_cookie_name_is_valid(struct slice name);
bool http_cookie_value_is_valid(struct slice value);

#endif
