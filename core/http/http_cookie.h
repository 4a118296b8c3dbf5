/* http_cookie: cookies in Cookie and Set-Cookie lines (RFC 6265), values as sent, never decoded. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_COOKIE_H
#define WEIR_HTTP_COOKIE_H

#include "http/http_fields.h"

/* The next name=value of the Cookie lines from *position (start with 0); false at the end. */
struct http_cookie_position { unsigned line; size_t offset; };
bool http_cookie_next(const struct http_fields *f, struct http_cookie_position *position,
		      struct slice *name, struct slice *value);

/* The first of that name, or absent. Names compare exactly. */
struct slice http_cookie_get(const struct http_fields *f, struct slice name);

/* Replaces or adds; the Cookie lines become one. */
void http_cookie_set(struct http_fields *f, struct arena *arena, struct slice name, struct slice value);
unsigned http_cookie_remove(struct http_fields *f, struct arena *arena, struct slice name);

/* The next cookie of the Set-Cookie lines: its name, value, and attributes (";" stripped off the front). */
bool http_set_cookie_next(const struct http_fields *f, struct http_cookie_position *position,
			  struct slice *name, struct slice *value, struct slice *attributes);

/* Sets a response cookie; absent `attributes` keeps the old ones. */
void http_set_cookie_set(struct http_fields *f, struct arena *arena, struct slice name,
			 struct slice value, struct slice attributes);
unsigned http_set_cookie_remove(struct http_fields *f, struct slice name);

/* May these stand in a cookie: name a token, value without controls, blanks, quotes inside, comma, semicolon, backslash? */
bool http_cookie_name_is_valid(struct slice name);
bool http_cookie_value_is_valid(struct slice value);

#endif
