/*
 * txn_tcp_turn: the turns of a TCP session: where rules see what the client says, and what the node
 * answers to it. A session that is one stream both ways has one.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_TXN_TCP_TURN_H
#define WEIR_TXN_TXN_TCP_TURN_H

#include "txn/txn.h"

/* Steps. */
enum txn_next txn_tcp_turn_request_rules(struct txn *t);
enum txn_next txn_tcp_turn_response_rules(struct txn *t);

/* Begins the first turn, or the next one. */
void txn_tcp_turn_begin(struct txn *t);

/* Are there rules of this phase for turns behind the first one? */
bool txn_tcp_turn_has_rules(const struct txn *t, enum rule_phase phase);

/* Does the session go on in turns behind this one? Else nobody will look at it any more. */
bool txn_tcp_turn_has_more(const struct txn *t);

/* A rule waits until the client has taken what was written to it. In `finish`: txn_rules_waited. */
void txn_tcp_turn_wait_flushed(struct txn *t);

#endif
