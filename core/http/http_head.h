/*
 * http_head: the request line or status line and the headers of one message, strict (RFC 9112).
 * In doubt, refused: no bare LF, no folding, no blank before a colon, no second meaning of where
 * a message ends. Parsing is incremental and linear: however the bytes are split, each is looked
 * at a bounded number of times.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_HEAD_H
#define WEIR_HTTP_HEAD_H

#include "base/arena.h"
#include "base/slice.h"
#include "http/http_fields.h"
#include "http/http_parse.h"

#include <stdbool.h>
#include <stdint.h>

enum http_method {
	HTTP_METHOD_OTHER,
	HTTP_METHOD_GET,
	HTTP_METHOD_HEAD,
	HTTP_METHOD_POST,
	HTTP_METHOD_PUT,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_TRACE,
	HTTP_METHOD_PATCH,
	HTTP_METHOD_CONNECT,
};

/* How the end of a body is told (RFC 9112 6.3). */
enum http_body_kind {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE, /* responses only */
	HTTP_BODY_TUNNEL,      /* behind a 101: not HTTP any more */
};

struct http_request {
	enum http_method method_id;
	struct slice method;
	struct slice target; /* as received */
	struct slice scheme; /* of an absolute-form target, else absent */
	struct slice
		authority; /* host[:port]: of the target if absolute, else of Host; absent in HTTP/1.0 without Host */
	struct slice
		path; /* in normal form (http_path.h), begins with "/", or "*"; without query */
	struct slice query;     /* raw, behind "?"; absent without "?" */
	unsigned version_minor; /* HTTP/1.x: 0 or 1 */
	struct http_fields fields;
	enum http_body_kind body;
	uint64_t content_length; /* for HTTP_BODY_LENGTH */
	bool keep_alive;         /* what the client wishes for its connection */
	bool expects_continue;   /* Expect: 100-continue, and there is a body to ask for */
	bool wants_upgrade; /* Connection: upgrade with an Upgrade header, HTTP/1.1; not to another HTTP */
	bool accepts_trailers; /* TE: trailers */
};

struct http_response {
	unsigned status;
	struct slice reason; /* may be empty */
	unsigned version_minor;
	struct http_fields fields;
	enum http_body_kind body;
	uint64_t content_length;
	bool keep_alive; /* may the node's connection be used again after this message */
};

/* Where parsing of one head stands between two calls. Zero-initialise for each message. */
struct http_head_scan {
	size_t scanned;          /* bytes of `in` known to hold no end of head */
	unsigned empty_lines;    /* tolerated before a request line (RFC 9112 2.2) */
	unsigned lines;          /* whole lines so far, the first included, the empty one not */
	size_t line_start;       /* of the line that is unfinished */
	size_t first_line_end;   /* behind the CRLF of the first line; 0 while it is unfinished */
	bool is_first_line_good; /* it was parsed already, in an earlier call */
};

/*
 * Parses a request head at the start of `in`; each call gets all bytes since the head's start.
 * HTTP_DONE: *used bytes were the head; it is copied into `arena`, because it is needed longer than
 * the buffer it came in, and there all slices of `r` point; a path that had to get its normal form
 * lies there as well.
 * HTTP_BAD: *why says it. An over-long head is refused as soon as the limit is passed, a malformed
 * request line as soon as it is whole.
 */
enum http_parse http_request_parse(struct slice in, const struct http_limits *limits,
				   struct arena *arena, struct http_head_scan *scan,
				   struct http_request *r, size_t *used, enum http_reason *why);

/*
 * The same for a response; the kind of its body depends on the request's method (RFC 9112 6.3):
 * none for HEAD, 1xx, 204, 304; a tunnel for 101.
 */
enum http_parse http_response_parse(struct slice in, const struct http_limits *limits,
				    struct arena *arena, struct http_head_scan *scan,
				    enum http_method request_method, struct http_response *r,
				    size_t *used, enum http_reason *why);

/* May the request be sent twice without harm (RFC 9110 9.2.2)? */
bool http_method_is_idempotent(enum http_method m);
enum http_method http_method_id(struct slice method);

/* For OPTIONS and TRACE Max-Forwards says how many hops there may be (RFC 9110 7.6.2). */
static inline bool http_method_counts_hops(enum http_method m)
{
	return m == HTTP_METHOD_OPTIONS || m == HTTP_METHOD_TRACE;
}

/*
 * What Max-Forwards says: HTTP_HOPS_MOST without it, and for more than that. False when it is not
 * one line with a number.
 */
#define HTTP_HOPS_MOST 1000000000u
bool http_max_forwards(const struct http_fields *f, unsigned *hops);

/* Does a 101 switch to a protocol that the request offered, and to none else (RFC 9110 7.8)? */
bool http_upgrade_is_offered(const struct http_fields *request, const struct http_fields *response);

/* Is `text` a token (RFC 9110 5.6.2)? */
bool http_is_token(struct slice text);

/* The standard's words for a status code; "Unknown" for others (RFC 9110 15). */
const char *http_status_words(unsigned status);

/* Splits host[:port] or [v6][:port]; port 0 when absent. False if malformed (RFC 3986 3.2.2). */
bool http_authority_parse(struct slice authority, struct slice *host, unsigned *port);

#endif
