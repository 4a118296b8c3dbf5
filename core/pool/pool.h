/*
 * pool: the pools of the configuration as this worker runs them, and the choice of a node.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_H
#define WEIR_POOL_H

#include "base/arena.h"
#include "conf/conf.h"
#include "pool/node.h"
#include "pool/pool_queue.h"
#include "pool/turns.h"

struct pool {
	const struct conf_pool *conf;
	const struct share *share;
	unsigned number; /* in conf.pools */
	unsigned worker; /* whose it is */
	bool has_limits; /* of connections or transactions; then somebody may wait in the queue */
	struct pool_queue queue;
	struct node *nodes;       /* conf->node_count of them, in the file's order */
	struct node **by_address; /* the same, sorted */
	struct turns turns;
	struct node
		others; /* stands for addresses that the pool does not list: `conf` and `state` are NULL */
};

/* Nodes that a transaction has tried. */
struct pool_tried {
	const struct node **list; /* in the transaction's arena */
	size_t count, capacity;
};

/* Addresses that a transaction would rather not go to. */
struct pool_avoided {
	struct addr *list;
	size_t count;
};

/* The pools, in the order of the configuration; freed with pools_free. */
struct pool *pools_open(const struct conf *conf, const struct share *share, unsigned worker);
void pools_free(struct pool *pools, const struct conf *conf);

/*
 * The node for one more transaction by the pool's algorithm, among usable nodes not yet tried; of
 * the highest priority that has one. If every node has failed, failed ones are tried too: better a
 * try than a sure refusal. NULL when none is left. Nodes to be avoided (NULL: there are none) are
 * taken when the pool has no other that is as good. A pool with a failure_pool gives no failed ones.
 *
 * A node with as much as the pool's limits allow is passed over: *is_full says that it would have been
 * one otherwise, and that waiting for it is better than what is left.
 */
struct node *pool_choose(struct pool *p, const struct pool_tried *tried,
			 const struct pool_avoided *avoided, bool *is_full);

/* Has every node that could be used as much as the limits allow? */
bool pool_is_full(const struct pool *p);

/* Notes a node that pool_choose must not give again. */
void pool_add_tried(struct pool_tried *tried, struct arena *arena, const struct node *n);

/* The node of that address, or NULL. */
struct node *pool_find_node(struct pool *p, const struct addr *address);

/*
 * The same, but where no node has the address, or it has no port, one of those with its IP, always the
 * same: so that services on several ports of a host can share sessions.
 */
struct node *pool_find_host(struct pool *p, const struct addr *address);

/* Why a node cannot be used for a session that is held at it. */
enum pool_hold { POOL_HOLD_GOOD, POOL_HOLD_TRIED, POOL_HOLD_DISABLED, POOL_HOLD_FAILED };

/*
 * May one more transaction of such a session go there? A draining node goes on with what it has begun.
 * POOL_HOLD_GOOD takes the one attempt that a failed node gets when its retry time is over.
 */
enum pool_hold pool_may_hold(struct node *n, const struct pool_tried *tried);

#endif
