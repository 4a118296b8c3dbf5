/*
 * json: a JSON text (RFC 8259) taken apart into events, strictly. Nothing is allocated and nothing
 * is kept, so whoever listens may give up at any event. Knows nothing of what is built from them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEXT_JSON_H
#define WEIR_TEXT_JSON_H

#include "base/slice.h"

#include <stdbool.h>

/*
 * What is found, in order. A slice is valid until the event returns. Each answers NULL to go on, or
 * why the text is refused. `open` and `close` of an array or an object stand around what is in it.
 */
struct json_events {
	const char *(*open)(void *extra, bool is_array);
	const char *(*key)(void *extra, struct slice key);
	const char *(*string)(void *extra, struct slice value);
	const char *(*number)(void *extra, double value);
	const char *(*boolean)(void *extra, bool value);
	const char *(*null)(void *extra);
	const char *(*close)(void *extra, bool is_array);
};

/* Arrays and objects in each other. */
#define JSON_DEPTH 100

/* A text that is parsed piece by piece. Its start, and where it stands. */
struct json_parser {
	const char *start, *at, *end;
	char *room;
	const struct json_events *events;
	void *extra;
	bool is_done;
	enum { JSON_VALUE, JSON_FIRST, JSON_NAME, JSON_COLON, JSON_BEHIND } expects;
	unsigned depth;
	bool is_array[JSON_DEPTH]; /* of those that are open */
};

/*
 * As json_parse, in pieces of about so many bytes (one string is never cut): json_go_on gives NULL,
 * or why the text is refused, until the parser is done.
 */
void json_open(struct json_parser *p, struct slice text, char *room,
	       const struct json_events *events, void *extra);
const char *json_go_on(struct json_parser *p, size_t bytes);

/*
 * Parses the whole of `text`: one value, nothing but white space around it. `room` holds text.len
 * bytes, for strings with escapes. NULL when it is done; else why not, and *at is where (an offset).
 * Refused: invalid UTF-8, half a surrogate pair, numbers beyond a double's range or of more than
 * 1,000 characters, more than JSON_DEPTH arrays and objects in each other.
 */
const char *json_parse(struct slice text, char *room, const struct json_events *events, void *extra,
		       size_t *at);

#endif
