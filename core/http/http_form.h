/*
 * http_form: forms as browsers send them: urlencoded pairs, in a query or a body, and the parts of a
 * multipart body (RFC 7578, RFC 2046 5.1). Nothing is copied: slices of what was given.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_FORM_H
#define WEIR_HTTP_FORM_H

#include "base/arena.h"
#include "http/http_fields.h"

/* Takes the next "name=value" off `rest`, both still encoded; the value is empty without "=". */
bool http_form_next(struct slice *rest, struct slice *name, struct slice *value);

/* Is `raw`, with "+" and %XX decoded, this name? */
bool http_form_is(struct slice raw, struct slice name);

/* Is the media type of a Content-Type `type` ("multipart/form-data", or "multipart/" for all of them)? */
bool http_media_is(struct slice content_type, struct slice type);

/* The parameter of a header value such as `form-data; name="x"`, without its quotes; absent if there is none. */
struct slice http_parameter(struct slice value, struct slice name);

/* Where one is in a multipart body. */
struct http_parts {
	struct slice boundary;
	struct slice rest;
};

struct http_part {
	struct http_fields fields;
	struct slice body;
	struct slice name;     /* of Content-Disposition; absent: none */
	struct slice filename; /* the same */
};

/* Begins; false when `content_type` is no multipart or names no boundary. */
bool http_parts_begin(struct http_parts *p, struct slice content_type, struct slice body);

/* The next part; its headers lie in the arena. False behind the last one, and where it is malformed. */
bool http_parts_next(struct http_parts *p, struct arena *arena, struct http_part *part);

#endif
