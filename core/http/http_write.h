/*
 * http_write: heads as bytes. Order and spelling of the headers stay as received; hop-by-hop
 * headers are left out, framing headers are written anew from what was decided.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_WRITE_H
#define WEIR_HTTP_WRITE_H

#include "base/arena.h"
#include "http/http_date.h"
#include "http/http_head.h"

/* What the proxy adds to a head that it forwards; absent slices add nothing. */
struct http_additions {
	enum http_body_kind body; /* framing to announce */
	uint64_t content_length;
	bool close;      /* Connection: close */
	bool keep_alive; /* Connection: keep-alive, for HTTP/1.0 peers that asked for it */
	bool upgrade;    /* Connection: Upgrade, and the Upgrade header stays */
	bool trailers;   /* TE: trailers */
	bool expect;     /* Expect stays, as one 100-continue */
	bool announce_length; /* responses without body that may state a length (HEAD, 304): keep it as received */
	struct slice via;               /* appended as a Via line */
	struct slice cluster_client_ip; /* X-Cluster-Client-Ip, replaces what came */
	struct slice
		forwarded_for; /* appended to X-Forwarded-For: one line, joined with what came */
	struct slice forwarded_proto; /* X-Forwarded-Proto, replaces what came */
	bool strip_forwarded_proto;   /* drop X-Forwarded-Proto that came */
};

/* The request head for a node: origin-form target, HTTP/1.1, Host first if it was absent. In the arena. */
struct slice http_write_request(struct arena *arena, const struct http_request *r,
				const struct http_additions *add);

/* The response head for a client, always HTTP/1.1, with a Date if it had none. In the arena. */
struct slice http_write_response(struct arena *arena, const struct http_response *r,
				 const struct http_additions *add);

/*
 * A whole answer of our own: status line, Date, Content-Type, Content-Length, `extra` header lines
 * (each ending in CRLF, may be empty), Connection as told, the body unless `is_head`. An absent
 * `reason` is the standard's, an absent `content_type` is left out.
 */
struct slice http_write_answer(struct arena *arena, unsigned status, struct slice reason,
			       struct slice content_type, struct slice body, struct slice extra,
			       bool is_head, bool close);

#endif
