/*
 * state: what all workers must agree on about a node: whether a person wants it used, and whether
 * it answers. One worker's failed attempts count for all. Every field is changed by relaxed
 * atomics: a worker that sees a change a moment late makes one attempt more, nothing worse.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_STATE_H
#define WEIR_SHARE_STATE_H

#include "share/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* ACTIVE is 0, so that a fresh segment has every node active. */
enum share_node_state { SHARE_NODE_ACTIVE, SHARE_NODE_DRAINING, SHARE_NODE_DISABLED };

struct share_node {
	uint32_t state;           /* enum share_node_state */
	uint32_t failures;        /* in a row, all workers together */
	uint64_t failed_until_ms; /* CLOCK_MONOTONIC: no attempt before; 0: it has not failed */
	char apart[48];           /* a failing node's line is not its neighbours' */
};

/* How a pool takes failures. */
struct share_failing {
	uint32_t attempts; /* failures in a row that make a node failed; at least 1 */
	uint64_t retry_ms; /* for how long it is left alone then */
};

/* The node of that row (segment_node_row). */
static inline struct share_node *share_node(const struct share *s, unsigned row)
{
	return &s->states[row];
}

static inline enum share_node_state share_node_state(const struct share_node *n)
{
	return (enum share_node_state)__atomic_load_n(&n->state, __ATOMIC_RELAXED);
}

static inline void share_node_set_state(struct share_node *n, enum share_node_state state)
{
	__atomic_store_n(&n->state, (uint32_t)state, __ATOMIC_RELAXED);
}

/* It failed and has not been seen well since, whether or not its retry time is over. */
static inline bool share_node_is_failed(const struct share_node *n)
{
	return __atomic_load_n(&n->failed_until_ms, __ATOMIC_RELAXED) != 0;
}

/*
 * May a new transaction be sent there? Changes nothing. A failed node whose retry time is over
 * is usable: then share_node_claim decides who makes the one attempt.
 */
static inline bool share_node_is_usable(const struct share_node *n, uint64_t now_ms)
{
	return share_node_state(n) == SHARE_NODE_ACTIVE &&
	       __atomic_load_n(&n->failed_until_ms, __ATOMIC_RELAXED) <= now_ms;
}

/*
 * Call for the node that was chosen, before connecting. True: go on. False: it has failed and
 * the one attempt of this retry time is somebody else's; choose another node. A claim needs no
 * giving back: when nothing comes of it, the next is open after another retry_ms.
 */
bool share_node_claim(struct share_node *n, uint64_t now_ms, const struct share_failing *failing);

/* An attempt failed. True when just this one made the node failed: say so, once. */
bool share_node_failed(struct share_node *n, uint64_t now_ms, const struct share_failing *failing);

/* It answered. True when it had failed and is well again: say so, once. */
bool share_node_succeeded(struct share_node *n);

#endif
