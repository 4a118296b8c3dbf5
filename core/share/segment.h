/*
 * segment: the memory that all processes of one weir see. The supervisor maps it once, before it
 * forks, so every child finds it at the same place; it goes when the last of them is gone. Its
 * size is fixed by the counts given here. What lies in it is for stats.h, life.h, state.h, clients.h and
 * store.h to say; this module does not know what a virtual server or a node is, only how many there are.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_SEGMENT_H
#define WEIR_SHARE_SEGMENT_H

#include "base/err.h"
#include "share/persist.h"
#include "share/slm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share_life;
struct share_node;
struct share_reload;
struct share_trace;
struct trace_ring;
struct share_store;
struct share_rates;

struct share_counts {
	unsigned workers;
	unsigned vservers;
	unsigned outcomes; /* ways in which a transaction can end */
	unsigned refusals; /* reasons for which something is refused */
	unsigned pools;
	const unsigned *pool_nodes; /* nodes of each pool; only read by segment_open */
	unsigned rules;             /* uses of rules, of all virtual servers */
	unsigned client_rows;       /* of each worker: a power of two; 0: clients are not counted */
	unsigned rate_classes, slm_classes;
	uint64_t data_size;           /* bytes of entries that rules share; 0: there is no store */
	unsigned buckets;             /* for what passes at a rate: bucket.h */
	unsigned persistence_classes; /* 0: no session is held */
	struct persist_table_plan sessions[PERSIST_TABLES_MOST];
	unsigned recent;      /* connections that each worker remembers: recent.h */
	uint64_t cache_bytes; /* of the web cache; 0: there is none */
};

/*
 * The places in the segment, the same in every process. Owned by whoever called segment_open.
 * A node's row is its pool's first row plus its position in the pool.
 */
struct share {
	char *memory;
	size_t bytes;
	unsigned workers, vservers, outcomes, refusals, pools, nodes, rules;
	unsigned *first_row;       /* of each pool, and behind the last pool; private memory */
	struct share_life *lives;  /* one per worker */
	struct share_node *states; /* one per node row */
	struct share_reload *reload;
	struct share_trace *trace;
	struct trace_ring *rings; /* one per worker */
	uint64_t *buckets;        /* see bucket.h */
	char *slots;              /* one per worker: see stats.h */
	size_t slot_bytes, vserver_bytes;
	char *clients; /* a table per worker: see clients.h */
	size_t clients_bytes;
	unsigned client_rows;
	struct share_rates *rates; /* NULL: there are no rate classes */
	struct share_slm slm;
	struct share_persist *persist; /* NULL: there are no persistence classes */
	uint64_t node_secret[2];       /* for node_token.h; private memory */
	struct share_store *data;      /* what rules share: see store.h; NULL: there is none */
	void *cache;  /* room for a web cache, which is not made here; NULL: none */
	char *recent; /* a ring per worker: see recent.h */
	unsigned recent_most;
};

/* Rows behind a client's own in which it may be counted; a table has so many more at its end. */
#define SEGMENT_CLIENT_WINDOW 32

/* Maps zeroed memory for these counts (workers at least 1). False with the reason in `e`. */
bool segment_open(struct share *s, const struct share_counts *counts, struct err *e);

/* Unmaps it in this process only. */
void segment_close(struct share *s);

/*
 * For the supervisor: the worker is dead. What it had open, and who waited in it, is counted no longer.
 */
void segment_give_back(struct share *s, unsigned worker);

/* The row of node number `node` (from 0) of pool number `pool`. */
static inline unsigned segment_node_row(const struct share *s, unsigned pool, unsigned node)
{
	return s->first_row[pool] + node;
}

#endif
