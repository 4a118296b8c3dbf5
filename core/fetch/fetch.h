/*
 * fetch: one HTTP request of our own and its answer, whole: the name is looked up, a connection
 * opened or used again, TLS spoken, the answer read by the parser that nodes' answers go through.
 * Redirections are not followed. It knows no rule and no transaction.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FETCH_H
#define WEIR_FETCH_H

#include "base/buf.h"
#include "dns/dns.h"
#include "fetch/fetch_connection.h"
#include "fetch/fetch_url.h"
#include "http/http_body.h"
#include "http/http_head.h"

/* What is asked for. Copied, but for `limits`, which must live as long as the request. */
struct fetch_order {
	enum http_method method;
	struct slice method_name;
	const struct fetch_url *url;
	const struct http_fields *fields; /* checked: they are written as they are */
	struct slice body;                /* absent: none */
	struct tls_trust trust;
	bool takes_idle;  /* an idle connection will do; the answer's may become one */
	bool leaves_idle; /* the latter alone */
	uint64_t timeout_milliseconds;
	uint64_t idle_milliseconds;
	const struct http_limits *limits;
	size_t body_most;            /* bytes of the answer's body */
	unsigned informational_most; /* 1xx answers before the final one */
};

enum fetch_step { FETCH_RESOLVING, FETCH_CONNECTING, FETCH_SHAKING, FETCH_TALKING, FETCH_OVER };

struct fetch {
	void (*on_done)(struct fetch *f);
	void *user; /* of on_done */
	/* the answer, once it is over */
	const char *failure; /* NULL: there is one */
	struct http_response response;
	struct slice status_line; /* as received, without its end */
	struct slice headers;     /* lines as received, each with its end */
	struct buf body;

	/* private */
	enum fetch_step step;
	struct arena arena;
	struct fetch_url url;
	struct fetch_order order; /* its pointers lead into the arena, or nowhere any more */
	struct slice request;     /* head and body */
	size_t sent;
	struct dns_lookup lookup;
	unsigned tried; /* of its addresses */
	struct fetch_connection *connection;
	bool is_reused, is_answered; /* has served before; a byte of an answer came */
	bool is_write_broken;        /* what is left of the request cannot be sent any more */
	bool has_excess;             /* something came behind the answer */
	struct timer timer;
	uint64_t deadline;     /* milliseconds */
	struct loop_task task; /* it goes on, or is over, in a later turn */
	struct buf held;       /* a head that is not whole */
	struct http_head_scan scan;
	bool has_head;
	unsigned informational;
	struct http_body decoder;
	char reason[256];
	char key[FETCH_KEY_BYTES];
};

/*
 * Begins it. `on_done` is called once, in a later turn of the loop, unless fetch_free is called before;
 * the answer lives until fetch_free, which is the caller's to call in any case.
 */
struct fetch *fetch_start(const struct fetch_order *order, void (*on_done)(struct fetch *f),
			  void *user);

/* Gives it up, wherever it is, and frees it. */
void fetch_free(struct fetch *f);

#endif
