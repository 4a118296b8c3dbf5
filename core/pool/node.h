/*
 * node: one back end of a pool as this worker knows it, and a connection to one. A connection
 * belongs to whoever leased it, or to the idle list (idle.h). Nodes that no pool lists (the
 * original destination, an address that a rule named) have connections but no struct node.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_NODE_H
#define WEIR_POOL_NODE_H

#include "conf/conf.h"
#include "net/dial.h"
#include "net/inbox.h"
#include "net/stream.h"
#include "net/timer.h"
#include "share/state.h"
#include "share/stats.h"

#include <stdbool.h>
#include <sys/queue.h>

struct pool;

TAILQ_HEAD(node_connections, node_connection);
LIST_HEAD(idle_chain, node_connection); /* of one key, or of keys with the same hash */

struct node {
	const struct conf_node *conf;
	struct pool *pool;
	struct share_node *state;     /* what all workers agree on; NULL for the pool's `others` */
	struct stats_node *stats;     /* this worker's counters; NULL for `others` */
	long balance;                 /* running weight among the least loaded */
	STAILQ_ENTRY(node) equal;     /* while balance.h chooses */
	const struct share *share;    /* where all workers' counters are */
	unsigned row;                 /* its row there */
	struct node_connections idle; /* longest idle first */
	struct idle_chain plain; /* those from our own address to the node itself, latest first */
	unsigned idle_count;
};

/* For whom a connection is, as its PROXY header told the node; ADDR_NONE: there was none. */
struct node_announced {
	struct addr client, dest;
};

/* Owned by one transaction or by its node's idle list. */
struct node_connection {
	struct stream stream;
	struct inbox inbox;
	struct node *node; /* of the pool, or the pool's `others` */
	struct addr to;
	struct addr source;              /* the foreign address we use; ADDR_NONE when plain */
	struct addr local;               /* our end, known once asked for */
	struct node_announced announced; /* written by who opened it, before anything else */
	unsigned uses;                   /* transactions that began on it */
	unsigned dscp;                   /* that it was given; 0: as the system has it */
	uint64_t opened;                 /* milliseconds */
	struct timer timer;              /* idle only */
	uint64_t key_hash;               /* of a key that is hashed (idle.c); 0: not yet */
	LIST_ENTRY(node_connection) same_key;
	TAILQ_ENTRY(node_connection) in_node;
	void *user; /* of the transaction that leased it */
};

/*
 * Tells all workers how an attempt went (passive monitoring): a node that fails often enough in a
 * row is left alone for a while, and both turns are logged. Nothing for nodes that no pool lists.
 */
void node_failed(struct node *n);
void node_succeeded(struct node *n);

/* How the pool takes failures. */
struct share_failing node_failing(const struct node *n);

/*
 * What the pool's limits say, counted over all workers. Is there a place for one connection more? And
 * for one transaction more, with its connection: a new one, or an idle one in whose place it comes?
 */
bool node_has_place(const struct node *n);
bool node_has_room(const struct node *n);

/*
 * Holds room for one transaction more, and a place if it needs a new connection, for which an idle one
 * may be closed. False: there is none, nothing is held. Between two workers that do so at the same
 * moment both may hear that, but no limit is ever passed. To be given back once node_connect and
 * node_begin have counted. For pools that have limits.
 */
bool node_reserve(struct node *n, bool needs_connection);
void node_unreserve(struct node *n, bool needs_connection);

/* Begins and ends one transaction's use of the node, for balancing and counting. */
void node_begin(struct node *n);
void node_end(struct node *n, uint64_t to_bytes, uint64_t from_bytes);

/* Transactions of all workers that use it now. */
static inline unsigned long node_sessions(const struct node *n)
{
	return stats_node_current(n->share, n->row);
}

/*
 * Opens a connection from `source` (ADDR_NONE: ours). *result says how; NULL unless DIAL_OK, then
 * *error may hold an errno. The answer of the other side comes with the first write.
 */
struct node_connection *node_connect(struct node *n, const struct addr *to,
				     const struct addr *source, void (*on_ready)(struct stream *s),
				     enum dial_result *result, int *error);

/* Closes and frees. */
void node_disconnect(struct node_connection *c);

/*
 * The same for a connection on which each side has received all that the other had to say, and knows
 * that it is the end: by a reset, which frees our port at once and spares both sides the good-byes.
 * Never where the node may still have to read something: a reset may destroy it.
 */
void node_finish(struct node_connection *c);

/* Our end of the connection. */
const struct addr *node_connection_local(struct node_connection *c);

#endif
