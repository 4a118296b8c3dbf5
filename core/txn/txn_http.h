/* txn_http: the steps of an HTTP transaction; the table is at the top of the .c file. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_HTTP_H
#define WEIR_TXN_HTTP_H

#include "txn/txn.h"

/* name of the step, function, what bounds its wait, what happens then */
#define TXN_HTTP_STEPS(X) \
	X(READ_REQUEST, txn_http_read_request, until_request, on_request_timeout) \
	X(REQUEST_RULES, txn_http_request_rules, until_rules, on_rules_timeout) \
	X(CHOOSE_NODE, txn_node_choose, NULL, NULL) \
	X(QUEUE, txn_queue_wait, txn_queue_deadline, txn_queue_timeout) \
	X(CONNECT_NODE, txn_node_connect, NULL, NULL) \
	X(SEND_REQUEST, txn_http_send_request, until_connected, txn_node_connect_timeout) \
	X(READ_RESPONSE, txn_http_read_response, until_reply, on_reply_timeout) \
	X(RESPONSE_RULES, txn_http_response_rules, until_rules, on_rules_timeout) \
	X(SEND_RESPONSE, txn_http_send_response, NULL, NULL) \
	X(RELAY, txn_http_relay, until_idle, on_idle_timeout) \
	X(ANSWER, txn_http_answer, until_idle, on_idle_timeout) \
	X(COMPLETION_RULES, txn_http_completion_rules, until_rules, on_rules_timeout) \
	X(FINISH, txn_http_finish, NULL, NULL)

enum txn_http_step {
#define X(name, run, until, then) TXN_HTTP_##name,
	TXN_HTTP_STEPS(X)
#undef X
};

extern const struct txn_protocol txn_http;

/*
 * A client of HTTP/1.0 may name no host; a node of HTTP/1.1 wants one: this is where the client was
 * headed, as text, in the arena.
 */
struct slice txn_http_destination(struct txn *t);

/* The connection ends behind this answer whatever the two sides would like. */
bool txn_http_is_last(const struct txn *t);

/* t->response is what the client gets, unless response rules want something else: they run next. */
void txn_http_has_answer(struct txn *t);

/*
 * Puts an answer of our own in place of whatever else the client would get. `extra` are whole header
 * lines; reason absent: the standard's words. It leaves when the transaction ends.
 */
void txn_http_set_answer(struct txn *t, unsigned status, struct slice reason,
			 struct slice content_type, struct slice body, struct slice extra);

#endif
