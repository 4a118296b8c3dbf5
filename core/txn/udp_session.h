/*
 * udp_session: what one client and one address that it wrote to say to each other by UDP, from the
 * first datagram until the answers to all have come, or nothing has come for too long. It is one
 * transaction: request rules run on the first datagram, response rules on the first answer; what comes
 * while they wait is held, within bounds. udp_node.h is its other side.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_UDP_SESSION_H
#define WEIR_TXN_UDP_SESSION_H

#include "net/datagram.h"
#include "net/loop.h"
#include "txn/session.h"
#include "txn/txn.h"
#include "txn/txn_look.h"
#include "txn/udp_hold.h"
#include "txn/udp_server.h"

/* name of the step, function, what bounds its wait, what happens then */
#define UDP_STEPS(X) \
	X(REQUEST_RULES, udp_request_rules, until_rules, txn_rules_timeout) \
	X(CHOOSE_NODE, txn_node_choose, NULL, NULL) \
	X(CONNECT_NODE, udp_node_connect, NULL, NULL) \
	X(SEND_REQUEST, udp_send_request, NULL, NULL) \
	X(EXCHANGE, udp_exchange, until_idle, on_idle) \
	X(RESPONSE_RULES, udp_response_rules, until_rules, txn_rules_timeout) \
	X(ANSWER, udp_answer, NULL, NULL) \
	X(COMPLETION_RULES, udp_completion_rules, until_rules, txn_rules_timeout) \
	X(FINISH, udp_finish, NULL, NULL)

enum udp_step {
#define X(name, run, until, then) UDP_##name,
	UDP_STEPS(X)
#undef X
};

/* The first datagram and the first answer, as rules leave them. */
struct udp_looks {
	struct txn_look request, response;
	size_t counted; /* udp_hold_count */
};

struct udp_session {
	struct session session; /* the first member: freed as one; its stream is never open */
	struct udp_listener *listener;
	bool is_listed; /* by udp_server_list */

	/* to the node */
	struct loop_io node_io;
	int node_fd;               /* -1: none */
	struct addr taken_source;  /* listed in world.udp_sources; ADDR_NONE: nothing is */
	uint64_t node_bytes;       /* sent there */
	struct slice announcement; /* the PROXY header of all of them, in the arena; mostly empty */

	/* to the client, when answers cannot leave by the listener; -1: none */
	struct loop_io reply_io;
	int reply_fd;

	struct udp_kept first; /* datagram, where there are no rules */
	struct udp_looks *
		looks; /* and where there are, in the arena; NULL: nobody will look at it any more */
	struct udp_queue from_client, from_node; /* behind those, while rules wait */

	uint64_t came, answered;  /* datagrams of the client, and to it */
	uint64_t asked, received; /* to the node that it has now, and of it */
	uint64_t moved_at;        /* milliseconds, when one last came */
	uint64_t asked_at;        /* milliseconds, when the first went to this node */
	bool is_late;             /* the node has not answered within response_timeout */
	int error;                /* that its last node was lost by, or not reached; 0: none was */
};

extern const struct txn_protocol txn_udp;

static inline struct udp_session *udp_session_of(const struct txn *t)
{
	return (struct udp_session *)(void *)t->session;
}

/* Begins one with this datagram, which came by `l`. */
void udp_session_open(struct udp_listener *l, const struct udp_arrival *a);

/* Another one of its client. It may be gone after it. */
void udp_session_take(struct udp_session *s, struct slice bytes);

/* Weir stops: ends unless it owes its client something. It may be gone after it. */
void udp_session_stop(struct session *session);

/* The time for that is over. */
void udp_session_abort(struct session *session);

/* Its client takes no more. */
void udp_session_gone(struct udp_session *s);

/* ---- for udp_node.c: what its node does; it may be gone after each ---- */

/* These came from there. `list` does not outlive it. */
void udp_session_answers(struct udp_session *s, const struct datagram *list, unsigned count);

/* How many more answers it may have at once; at least one. */
unsigned udp_session_wants(const struct udp_session *s);

/* It cannot be reached: the kernel says why. */
void udp_session_lost(struct udp_session *s, int error);

#endif
