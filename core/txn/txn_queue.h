/*
 * txn_queue: the part of a transaction that waits for a node, because all that it could use have as
 * many connections or transactions as the pool's limits allow (pool_queue.h).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_QUEUE_H
#define WEIR_TXN_QUEUE_H

#include "pool/pool_queue.h"
#include "txn/txn.h"

/* In the transaction's arena. */
struct txn_queue {
	struct pool_waiter waiter;
	struct txn *txn;
	bool has_turn;
	uint64_t began;  /* microseconds: the wait under way */
	uint64_t waited; /* microseconds: all that are over */
};

/* From choosing a node: there is none with room. Waits, or ends the transaction when too many do. */
enum txn_next txn_queue_enter(struct txn *t);

/* Must it wait before it looks for a node, because others do? */
bool txn_queue_is_behind(const struct txn *t);

/* It has a node, or ends. */
void txn_queue_leave(struct txn *t);

/* The step, until when it may wait, and what then. */
enum txn_next txn_queue_wait(struct txn *t);
uint64_t txn_queue_deadline(const struct txn *t);
enum txn_next txn_queue_timeout(struct txn *t);

/* Does it wait? */
static inline bool txn_queue_is_waiting(const struct txn *t)
{
	return t->queue != NULL && t->queue->waiter.pool != NULL;
}

#endif
