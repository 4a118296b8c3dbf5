/*
 * stats: counters, one slot per worker. Only its worker writes a slot, with plain stores and no
 * lock; readers in any process add all slots up. A slot outlives its worker, so totals never go
 * back; what a dead worker had open at that moment is given back by the supervisor.
 *
 * Hot path: fetch the row once (stats_vserver_row, stats_node_row), then stats_add on its fields.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_STATS_H
#define WEIR_SHARE_STATS_H

#include "share/segment.h"

#include <stdint.h>

/* Each struct holds nothing but uint64_t: they are added up field by field. */

#define STATS_USER_COUNTERS 10

struct stats_worker {
	uint64_t log_lines_dropped;
	uint64_t rule_failures;
	uint64_t sessions_refused;                   /* of all virtual servers, for any reason */
	uint64_t sessions_current;                   /* of all virtual servers, open now */
	uint64_t user_counters[STATS_USER_COUNTERS]; /* counter.*: 32 bits of them count */
	uint64_t user_counters_64[STATS_USER_COUNTERS];
};

struct stats_vserver {
	uint64_t sessions;         /* accepted so far */
	uint64_t sessions_current; /* open now */
	uint64_t transactions_current;
	uint64_t from_client_bytes, to_client_bytes;
	uint64_t from_node_bytes, to_node_bytes;
	uint64_t rule_failures;
	uint64_t cache_lookups; /* requests that a stored answer could have been for */
	uint64_t cache_hits;    /* those that got one, without a node or in place of its error */
	uint64_t cache_updates; /* those that got one which its node had confirmed */
	/* answers that were compressed, and the bytes of their bodies before and after */
	uint64_t compressed, compressed_from_bytes, compressed_to_bytes;
	/* transactions that ended in each way: share_counts.outcomes of them; behind them what
	 * stats_refusals gives */
	uint64_t outcomes[];
};

/* How a run of a rule ended. */
enum stats_rule_end {
	STATS_RULE_FINISHED, /* without a verdict */
	STATS_RULE_VERDICT,
	STATS_RULE_ERROR,
	STATS_RULE_BUDGET,
	STATS_RULE_MEMORY,
	STATS_RULE_WALL_TIME,
	STATS_RULE_GIVEN_UP, /* its transaction ended while it waited */
	STATS_RULE_ENDS
};

/* A time of n nanoseconds is in the first place i where n < 256 << i, or in the last. */
#define STATS_RULE_TIMES 24
#define STATS_RULE_SHORTEST_BITS 8

/* A rule as one virtual server uses it in one phase. */
struct stats_rule {
	uint64_t ends[STATS_RULE_ENDS];
	uint64_t waits;
	uint64_t nanoseconds;             /* that it ran, all its runs together, waits left out */
	uint64_t waited_nanoseconds;      /* that it was parked */
	uint64_t times[STATS_RULE_TIMES]; /* how many runs ran how long */
};

struct stats_node {
	uint64_t sessions;             /* connections made so far */
	uint64_t sessions_current;     /* open now, idle ones too */
	uint64_t transactions;         /* begun so far */
	uint64_t transactions_current; /* that use it now */
	uint64_t failures;             /* to connect, or to answer */
	uint64_t from_bytes, to_bytes;
};

/* Who waits for a node of a pool (pool/pool_queue.h). */
struct stats_pool {
	uint64_t waiting; /* now */
	uint64_t
		waiting_since; /* milliseconds: the first of them; 0: nobody waits; no use as a sum */
	uint64_t queued;       /* so far */
	uint64_t waited_microseconds;
	uint64_t refused; /* too many waited */
	uint64_t timed_out;
};

/* ---- for the worker that owns the slot ---------------------------------------------------------- */

static inline struct stats_worker *stats_worker_row(const struct share *s, unsigned worker)
{
	return (void *)(s->slots + worker * s->slot_bytes);
}

/* The rows of one worker; valid as long as the segment. */
static inline struct stats_vserver *stats_vserver_row(const struct share *s, unsigned worker,
						      unsigned vserver)
{
	return (void *)(s->slots + worker * s->slot_bytes + sizeof(struct stats_worker) +
			vserver * s->vserver_bytes);
}

/* What was refused for each reason, share_counts.refusals of them; `v` may be a sum. */
static inline uint64_t *stats_refusals(const struct share *s, struct stats_vserver *v)
{
	return v->outcomes + s->outcomes;
}

/* `row` as segment_node_row gives it. */
static inline struct stats_node *stats_node_row(const struct share *s, unsigned worker,
						unsigned row)
{
	return (void *)(s->slots + worker * s->slot_bytes + sizeof(struct stats_worker) +
			s->vservers * s->vserver_bytes + row * sizeof(struct stats_node));
}

/* `row` numbers all uses of rules (conf_rule_use). */
static inline struct stats_rule *stats_rule_row(const struct share *s, unsigned worker,
						unsigned row)
{
	return (void *)(s->slots + worker * s->slot_bytes + sizeof(struct stats_worker) +
			s->vservers * s->vserver_bytes + s->nodes * sizeof(struct stats_node) +
			row * sizeof(struct stats_rule));
}

/* `pool` as in the configuration. */
static inline struct stats_pool *stats_pool_row(const struct share *s, unsigned worker,
						unsigned pool)
{
	return (void *)(s->slots + worker * s->slot_bytes + sizeof(struct stats_worker) +
			s->vservers * s->vserver_bytes + s->nodes * sizeof(struct stats_node) +
			s->rules * sizeof(struct stats_rule) + pool * sizeof(struct stats_pool));
}

/* One writer, so no atomic addition: only the store must be whole for those who read. */
static inline void stats_add(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

/* Only for the `_current` ones. */
static inline void stats_subtract(uint64_t *counter, uint64_t less)
{
	__atomic_store_n(counter, *counter - less, __ATOMIC_RELAXED);
}

/* A run of the rule is over, after it ran for so long. */
static inline void stats_rule_ended(struct stats_rule *r, enum stats_rule_end end,
				    uint64_t nanoseconds)
{
	uint64_t units = nanoseconds >> STATS_RULE_SHORTEST_BITS;
	unsigned at = units == 0 ? 0 : 64 - (unsigned)__builtin_clzll(units);
	stats_add(&r->ends[end], 1);
	stats_add(&r->nanoseconds, nanoseconds);
	stats_add(&r->times[at < STATS_RULE_TIMES ? at : STATS_RULE_TIMES - 1], 1);
}

/* ---- for readers ---------------------------------------------------------------------------------- */

/* Sums over all workers. */
void stats_sum_workers(const struct share *s, struct stats_worker *sum);
void stats_sum_node(const struct share *s, unsigned row, struct stats_node *sum);
void stats_sum_pool(const struct share *s, unsigned pool, struct stats_pool *sum);
void stats_sum_rule(const struct share *s, unsigned row, struct stats_rule *sum);

/* `sum` has room for s->vserver_bytes. */
void stats_sum_vserver(const struct share *s, unsigned vserver, struct stats_vserver *sum);

/* Sessions of all workers that are open now: of one virtual server, and of all. */
uint64_t stats_vserver_sessions(const struct share *s, unsigned vserver);
uint64_t stats_sessions(const struct share *s);

/* Transactions of all workers that use one node, for balancing: cheaper than a whole sum. */
static inline uint64_t stats_node_current(const struct share *s, unsigned row)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->workers; i++)
		sum += __atomic_load_n(&stats_node_row(s, i, row)->transactions_current,
				       __ATOMIC_RELAXED);
	return sum;
}

/* The same for connections, idle ones too. */
static inline uint64_t stats_node_connections(const struct share *s, unsigned row)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->workers; i++)
		sum += __atomic_load_n(&stats_node_row(s, i, row)->sessions_current,
				       __ATOMIC_RELAXED);
	return sum;
}

/* ---- for the supervisor ----------------------------------------------------------------------------- */

/* The worker is dead: what it had open is not open any more. Its totals stay. */
void stats_give_back(struct share *s, unsigned worker);

#endif
