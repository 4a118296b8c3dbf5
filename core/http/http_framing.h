/*
 * http_framing: what the headers of a message say about its connection and the end of its body
 * (RFC 9112 6 and 9). Private to this room: requests and responses share it. Whatever could be
 * read in two ways is refused.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_FRAMING_H
#define WEIR_HTTP_FRAMING_H

#include "http/http_fields.h"
#include "http/http_parse.h"

#include <stdint.h>

struct http_framing {
	struct http_field *host; /* the last one */
	unsigned hosts;
	bool has_length;
	uint64_t length;
	bool is_chunked;
	bool close; /* options of Connection */
	bool keep_alive;
	bool upgrade;
	bool has_upgrade;   /* an Upgrade header */
	bool upgrades_http; /* one that names HTTP itself, or TLS */
	bool has_trailers;  /* TE: trailers */
	bool has_continue;  /* Expect: 100-continue */
	bool is_unexpected; /* Expect: anything else */
};

/*
 * Reads them all, and marks the headers that Connection names as hop-by-hop. Known names that are
 * for the node too (Host, Content-Length, Cookie, X-Forwarded-For ...) are refused there: a client
 * would choose what a node gets to see of what was checked or set here.
 */
bool http_framing_read(struct http_fields *f, unsigned version_minor, struct http_framing *framing,
		       enum http_reason *why);

#endif
