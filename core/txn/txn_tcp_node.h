/* txn_tcp_node: the part of a TCP session that reaches a node, tells it the request, and hears its first bytes. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_TXN_TCP_NODE_H
#define WEIR_TXN_TXN_TCP_NODE_H

#include "txn/txn.h"

/* Steps. */
enum txn_next txn_tcp_node_reach(struct txn *t);
enum txn_next txn_tcp_node_await_greeting(struct txn *t);
enum txn_next txn_tcp_node_send_request(struct txn *t);
enum txn_next txn_tcp_node_await_response(struct txn *t);

/* The request begins to go to the node: what rules have looked at, and unless it ends there all that comes. */
void txn_tcp_node_start_up(struct txn *t);

/* The response begins to go to the client, and all that follows it. */
void txn_tcp_node_start_down(struct txn *t);

/* Has the connection carried anything of the client's? */
bool txn_tcp_node_was_sent(const struct txn *t);

/* Lets go of the connection; nothing moves any more. */
void txn_tcp_node_drop(struct txn *t);

#endif
