/* txn_node: the part of a transaction that finds a node, reaches it, and tries another one. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_NODE_H
#define WEIR_TXN_NODE_H

#include "txn/txn.h"

/* Steps. */
enum txn_next txn_node_choose(struct txn *t);
enum txn_next txn_node_connect(struct txn *t);

/*
 * What leaves first on the node's connection, in the arena: `first`, and before it, where the pool has
 * `proxy_protocol` and the connection is new, the header that says whose it is.
 */
struct slice txn_node_announce(struct txn *t, struct slice first);

/* The pool that the request goes to as things are; NULL: none. And the same, from now on decided. */
struct pool *txn_node_pool(const struct txn *t);
struct pool *txn_node_settle_pool(struct txn *t);

/* The answer says nothing of use, but for that its node works: asks again, maybe another one. */
void txn_node_ask_again(struct txn *t);

/* For protocols that connect in a way of their own. */

/* Sets t->source: the client's address, or none; or ends it. */
enum txn_next txn_node_choose_source(struct txn *t);

/* Another node, unless enough were tried: then `end`. */
enum txn_next txn_node_try_another(struct txn *t, enum txn_end end, const char *detail);

/* What becomes of it when dial_open has failed. */
enum txn_next txn_node_dial_failed(struct txn *t, enum dial_result result, int error);

/* ---- when it does not work ---- */

/* connect() was not answered in time. */
enum txn_next txn_node_connect_timeout(struct txn *t);

/* The node did not begin to answer in time. */
enum txn_next txn_node_reply_timeout(struct txn *t);

/*
 * A response rule wants another answer: drops this one and chooses anew, as if no node had been tried,
 * in the pool that the rule selected for it. Response rules run again on what comes then.
 */
enum txn_next txn_node_retry(struct txn *t);

/* The connection to the node ended before an answer began: again where that is safe, or the end. */
enum txn_next txn_node_lost(struct txn *t);

#endif
