/*
 * txn_orders: what rules ordered for one request over the settings of its pool and virtual server.
 * Most transactions have none, and pay a look at a pointer for it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_ORDERS_H
#define WEIR_TXN_ORDERS_H

#include "net/addr.h"
#include "pool/pool.h"

#include <stdbool.h>
#include <stdint.h>

struct txn;

/* A number in place of a key's. */
struct txn_order {
	bool is_given;
	uint64_t value;
};

/* In the transaction's arena. */
struct txn_orders {
	struct txn_order connection_attempts, timed_out_attempts; /* 0: every node */
	struct txn_order reply, transaction;                      /* milliseconds; 0: no limit */
	struct txn_order dscp;                                    /* towards the node */
	struct pool_avoided avoided;
	uint32_t
		persistence; /* number of a class in conf.persistence_classes, from 1; 0: the pool's */
	uint64_t persistence_key;     /* the hash of a session's key; 0: none */
	struct addr persistence_node; /* its node; a port of 0: any; ADDR_NONE: none */
	struct txn_order request_bandwidth, response_bandwidth; /* numbers of classes; 0: none */
	/* where request.retry would go; request rules set the transaction's own instead */
	bool has_next_pool;
	struct pool *next_pool; /* NULL: "discard" */
	struct addr next_forced;
	unsigned retries;           /* those that rules asked for */
	bool wants_retry;           /* the response rule that has just ended does */
	bool is_not_logged;         /* requestlog.exclude */
	struct txn_order is_recent; /* recentconns.include, recentconns.exclude: 1 or 0 */
};

/* Those of the transaction, made when it has none yet. */
struct txn_orders *txn_orders_for(struct txn *t);

/* Marks the connection to the node as rules ordered, or as the system has it. */
void txn_orders_mark(const struct txn *t);

/* What holds for this transaction. */
uint64_t txn_orders_connection_attempts(const struct txn *t);
uint64_t txn_orders_timed_out_attempts(const struct txn *t);
uint64_t txn_orders_reply_milliseconds(const struct txn *t);
uint64_t txn_orders_transaction_milliseconds(const struct txn *t);

#endif
