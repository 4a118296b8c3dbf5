/*
 * session_proxy: the PROXY header with which connections, or datagrams, of a virtual server with
 * `proxy_protocol` begin. Who it names is the session's client from then on, wherever one is spoken of: to rules, to
 * nodes, in the log, and where clients are counted.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_SESSION_PROXY_H
#define WEIR_TXN_SESSION_PROXY_H

#include "net/proxy_header.h"
#include "txn/refusal.h"
#include "txn/session.h"

/* What a header said. Owned by its session, freed with it. */
struct session_proxy {
	struct addr peer; /* who sent it: the other end of the connection */
	size_t tlv_bytes;
	char tlvs[];
};

/* May the other end of the connection say for whom it is? If not, that is counted and logged. */
bool session_proxy_is_trusted(struct session *s);

enum session_proxy_result {
	SESSION_PROXY_DONE,    /* the header is taken; what lies behind it is in the inbox */
	SESSION_PROXY_WAIT,    /* for more of it */
	SESSION_PROXY_GONE,    /* the connection ended before it said anything */
	SESSION_PROXY_REFUSED, /* counted and logged */
};

/* What a fault of it is refused for. */
enum refusal session_proxy_refusal(enum proxy_fault fault);

/* The session is whose it says from now on. */
void session_proxy_take(struct session *s, const struct proxy_header *h);

/* Reads what there is of the header. */
enum session_proxy_result session_proxy_read(struct session *s);

/* The other end of the connection, whoever the client may be. */
static inline const struct addr *session_peer(const struct session *s)
{
	return s->proxy == NULL ? &s->remote : &s->proxy->peer;
}

#endif
