/*
 * session: one client connection. Between two requests it is all that exists of the client: a
 * socket and two addresses, no buffer. It makes a transaction when bytes come.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_SESSION_H
#define WEIR_TXN_SESSION_H

#include "base/table.h"
#include "net/inbox.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"
#include "txn/world.h"

struct session_proxy;
struct txn;
struct wires;

/* What most sessions never need to know. */
struct session_origin {
	struct addr local; /* session_local */
	struct addr dest;  /* session_dest */
};

/* Owned by its world, from accept until session_close. */
struct session {
	struct stream client;
	struct inbox inbox;
	struct timer timer;
	struct loop_task next; /* the next request is here already */
	struct vserver *vserver;
	struct addr remote;            /* the client: the peer, or who its PROXY header names */
	struct session_proxy *proxy;   /* NULL: no header said anything */
	struct txn *txn;               /* NULL between requests */
	struct session_origin *origin; /* NULL until somebody wants to know it */
	struct wires *wires;           /* tcp.connect of rules; NULL: none yet */
	struct table *data;  /* connection.data: handles of kept Lua values; NULL: none yet */
	size_t data_bytes;   /* its keys and strings */
	uint64_t opened;     /* milliseconds */
	uint32_t client_row; /* where share/clients counts it */
	uint64_t written_to_node, written_to_client; /* buckets of share/bucket.h, its own */
	uint64_t close_at;     /* milliseconds: then a rule wants it closed; 0: never */
	unsigned transactions; /* begun so far */
	unsigned pipelined;    /* in a row that had come before the answer ahead of them was sent */
	bool awaits_proxy;     /* the PROXY header with which it begins is not whole yet */
	bool is_lingering;     /* our end is shut; what still comes is thrown away */
	uint8_t linger_times;  /* that its time was prolonged */
	size_t lingered;       /* bytes thrown away */
	uint32_t service_level; /* number of its class in conf.slm_classes, from 1; 0: none */
	TAILQ_ENTRY(session) in_world;
};

/*
 * A session of its own kind, which embeds `s`, as its first member (session_close frees it), zeroed:
 * `fd` is -1 when it has no connection. Not counted yet: session_limit.
 */
void session_add(struct session *s, struct vserver *v, int fd, const struct addr *peer);

/* `capture: {ports, to}` say what may be captured; what is headed elsewhere is not for us. */
bool session_is_meant_for(const struct conf_vserver *conf, const struct addr *dest);

/* Takes over an accepted descriptor. */
void session_open(struct vserver *v, int fd, const struct addr *peer);

/*
 * The same for a descriptor of which the kernel does not know where it was accepted and headed. No
 * PROXY header is awaited on it: what that could say is given.
 */
void session_open_from(struct vserver *v, int fd, const struct addr *peer,
		       const struct session_origin *origin);

/*
 * Where it was accepted, and where it was headed, by its PROXY header if it has one. A captured
 * connection knows from the beginning; of
 * others, where the two are one, the kernel is asked when somebody wants to know. ADDR_NONE when the
 * connection was closed before that.
 */
const struct addr *session_local(struct session *s);
const struct addr *session_dest(struct session *s);

/* It was headed for `dest`, whatever the kernel says. */
void session_set_dest(struct session *s, struct addr dest);

/* The transaction is over and gone; the connection may be used for another. */
void session_go_on(struct session *s);

/*
 * The transaction is over and gone, and so is the connection. With `linger`, the client may still
 * be sending: closing at once would make the kernel reset the connection and destroy our answer on
 * its way (RFC 9112 9.6), so our end is shut and the rest is read and thrown away for a while.
 */
void session_end(struct session *s, bool linger);

/* Closes by a reset: the client must not take what it got for the whole. */
void session_cut(struct session *s);

/* Closes at once and frees; the transaction, if any, must be gone. */
void session_close(struct session *s);

#endif
