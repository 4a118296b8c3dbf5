/*
 * http_fields: the header lines of one message, in the order received, names as received.
 * Names and values are slices: of the received head, or of the arena when a rule made them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_FIELDS_H
#define WEIR_HTTP_FIELDS_H

#include "base/arena.h"
#include "base/slice.h"

#include <stdbool.h>

/* The names that the proxy itself looks at; all others are HTTP_FIELD_OTHER. */
#define HTTP_FIELDS_KNOWN(X) \
	X(HOST, "Host") \
	X(CONNECTION, "Connection") \
	X(CONTENT_LENGTH, "Content-Length") \
	X(TRANSFER_ENCODING, "Transfer-Encoding") \
	X(KEEP_ALIVE, "Keep-Alive") \
	X(PROXY_CONNECTION, "Proxy-Connection") \
	X(TE, "TE") \
	X(TRAILER, "Trailer") \
	X(UPGRADE, "Upgrade") \
	X(EXPECT, "Expect") \
	X(VIA, "Via") \
	X(COOKIE, "Cookie") \
	X(SET_COOKIE, "Set-Cookie") \
	X(DATE, "Date") \
	X(SERVER, "Server") \
	X(LOCATION, "Location") \
	X(CONTENT_TYPE, "Content-Type") \
	X(CONTENT_ENCODING, "Content-Encoding") \
	X(AUTHORIZATION, "Authorization") \
	X(PROXY_AUTHENTICATE, "Proxy-Authenticate") \
	X(PROXY_AUTHORIZATION, "Proxy-Authorization") \
	X(USER_AGENT, "User-Agent") \
	X(REFERER, "Referer") \
	X(X_FORWARDED_FOR, "X-Forwarded-For") \
	X(X_FORWARDED_PROTO, "X-Forwarded-Proto") \
	X(X_CLUSTER_CLIENT_IP, "X-Cluster-Client-Ip")

enum http_field_id {
	HTTP_FIELD_OTHER,
#define X(name, text) HTTP_FIELD_##name,
	HTTP_FIELDS_KNOWN(X)
#undef X
		HTTP_FIELD_ID_COUNT
};

struct http_field {
	struct slice name;
	struct slice value; /* without blanks at its ends */
	enum http_field_id id;
	bool is_hop_by_hop; /* for this connection only (RFC 9110 7.6.1): not forwarded */
};

struct http_fields {
	struct http_field *at; /* in the arena */
	unsigned count;
	unsigned capacity;
};

/* The id of a name, any case; the standard spelling of an id. */
enum http_field_id http_field_id(struct slice name);
struct slice http_field_name(enum http_field_id id);

/*
 * Is it a known name but for "_", "." or the like in the place of "-"? CGI and its heirs cannot tell
 * these apart, so Content_Length or X_Forwarded_For could pass for what we have checked or set.
 */
bool http_field_is_lookalike(struct slice name);

/* Framing and connection headers (Content-Length, Transfer-Encoding, Connection, ...): the proxy's own. */
bool http_field_is_framing(enum http_field_id id);

/* For one connection only, whatever Connection says (RFC 9110 7.6.1, and the Proxy-Auth* pair). */
bool http_field_is_hop_by_hop(enum http_field_id id);

/* May `name` be a header name (token), `value` a header value (no CR, LF, NUL, other controls but tab)? */
bool http_field_name_is_valid(struct slice name);
bool http_field_value_is_valid(struct slice value);

/* First line of that name, or NULL. Absent lines cost nothing: ids are compared before bytes. */
const struct http_field *http_fields_find(const struct http_fields *f, struct slice name);
const struct http_field *http_fields_find_id(const struct http_fields *f, enum http_field_id id);

/* Next line of the same name behind `after`, or NULL. */
const struct http_field *http_fields_find_next(const struct http_fields *f,
					       const struct http_field *after);

/*
 * All lines of that name as one value: joined by ", ", Cookie by "; "; Set-Cookie is never joined,
 * the first is given. One line is given as it is, without a copy. Absent when there is none.
 */
struct slice http_fields_joined(const struct http_fields *f, struct slice name,
				struct arena *arena);

/* Adds a line; replaces all lines of the name by one (in the place of the first); removes all
 * lines of the name and tells how many. Name and value are kept as given: they live in the arena. */
void http_fields_add(struct http_fields *f, struct arena *arena, struct slice name,
		     struct slice value);
void http_fields_set(struct http_fields *f, struct arena *arena, struct slice name,
		     struct slice value);
unsigned http_fields_remove(struct http_fields *f, struct slice name);

/* Removes lines whose names are `name` but for such a sign, and not `name` itself. */
void http_fields_remove_lookalikes(struct http_fields *f, struct slice name);

#endif
