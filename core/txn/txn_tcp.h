/*
 * txn_tcp: a TCP session as a transaction of the engine, from the client's connection to the end of
 * both sides. Bytes go both ways as they come (txn_body.h, tunnels). Where rules are to see requests
 * and responses the session goes in turns: the client's bytes, request rules, the node, its first
 * bytes, response rules, and again with the client's next bytes; where a message ends only the rules
 * can say. In reading order: txn_tcp.c, txn_tcp_turn.c, txn_tcp_node.c, txn_tcp_relay.c; how long each
 * step may wait is in txn_tcp_time.c.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_TCP_H
#define WEIR_TXN_TCP_H

#include "txn/txn.h"
#include "txn/txn_look.h"

/* name of the step, function, what bounds its wait, what happens then */
#define TXN_TCP_STEPS(X) \
	X(GREET, txn_tcp_greet, NULL, NULL) \
	X(AWAIT_CLIENT, txn_tcp_await_client, txn_tcp_time_until_client, txn_tcp_time_on_client) \
	X(REQUEST_RULES, txn_tcp_turn_request_rules, txn_tcp_time_until_request_rules, \
	  txn_tcp_time_on_request_rules) \
	X(CHOOSE_NODE, txn_node_choose, NULL, NULL) \
	X(QUEUE, txn_queue_wait, txn_queue_deadline, txn_queue_timeout) \
	X(CONNECT_NODE, txn_node_connect, NULL, NULL) \
	X(REACH_NODE, txn_tcp_node_reach, txn_tcp_time_until_connected, txn_node_connect_timeout) \
	X(AWAIT_GREETING, txn_tcp_node_await_greeting, txn_tcp_time_until_reply, \
	  txn_node_reply_timeout) \
	X(SEND_REQUEST, txn_tcp_node_send_request, NULL, NULL) \
	X(AWAIT_RESPONSE, txn_tcp_node_await_response, txn_tcp_time_until_response, \
	  txn_tcp_time_on_response) \
	X(RESPONSE_RULES, txn_tcp_turn_response_rules, txn_tcp_time_until_rules, \
	  txn_tcp_time_on_rules) \
	X(RELAY, txn_tcp_relay_both, txn_tcp_time_until_probed, txn_tcp_time_on_relay) \
	X(ANSWER, txn_tcp_answer, txn_tcp_time_until_idle, txn_tcp_time_on_idle) \
	X(COMPLETION_RULES, txn_tcp_completion_rules, txn_tcp_time_until_rules, \
	  txn_tcp_time_on_rules) \
	X(FINISH, txn_tcp_finish, NULL, NULL)

enum txn_tcp_step {
#define X(name, run, until, then) TXN_TCP_##name,
	TXN_TCP_STEPS(X)
#undef X
};

/* In the transaction's arena. */
struct txn_tcp {
	struct txn_look request, response;
	unsigned turn;     /* from 1 */
	bool has_turns;    /* there are rules for more than the session's beginning */
	bool has_answered; /* the node has begun to answer in this turn */
	bool is_probed; /* the kernel asks whether the sides of a quiet session are still there */
	bool is_client_over; /* the client has ended, and the node was told so */
	bool drops_node;     /* response.close: the next request gets a connection of its own */
	bool must_flush;     /* a rule waits until the client has taken what was written */
	struct txn_wait flush;
	struct client_hello *hello; /* ssl.getTLSServerName, once it is known what there is */
	bool has_hello;             /* and it is one */
	uint64_t turn_since;        /* milliseconds */
	size_t announced;  /* bytes of the PROXY header in front of all on the connection */
	struct pool *pool; /* the connection's, and the address that a rule said then */
	struct addr forced;
};

/* How a virtual server's TCP sessions begin and go on. */
const struct txn_protocol *txn_tcp_protocol(const struct conf_vserver *conf);

/* Has a rule said where the request ends? Only then is a reply due, and may it be sent once more. */
static inline bool txn_tcp_is_request_ended(const struct txn *t)
{
	return t->tcp->request.end != TXN_LOOK_NO_END;
}

static inline struct stream *txn_tcp_client(const struct txn *t)
{
	return &t->session->client;
}

/* While there is a connection. */
static inline struct stream *txn_tcp_node(const struct txn *t)
{
	return &t->connection->stream;
}

/* Frees what the session owns beside its arena. */
void txn_tcp_release(struct txn *t);

#endif
