/*
 * turns: whose turn it is among the nodes of a pool, by round robin or at random, at a cost that
 * does not grow with the pool. Every node has a moment at which it is due, and moves on by a stride
 * of 1/weight when it was; the earliest is next (a heap). With equal weights that is plain turns;
 * with 3:1 it gives a a b a, not a a a b. A node that may not be taken when it is due loses that
 * turn: one that was away for an hour has not saved up for all of the next.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_TURNS_H
#define WEIR_POOL_TURNS_H

#include "pool/node.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct turn {
	uint64_t due; /* wraps around: compared by differences */
	struct node *node;
};

/* The nodes of one priority. */
struct turn_group {
	struct turn *heap;
	size_t count;
};

struct turns {
	struct turn *list;         /* all nodes, group by group */
	struct turn_group *groups; /* highest priority first */
	size_t group_count;
};

/* `nodes` must outlive the turns; their `conf` is set. */
void turns_open(struct turns *t, struct node *nodes, size_t count);
void turns_release(struct turns *t);

/*
 * The next node that `may_take` says yes to, of the highest priority that has one; NULL when there
 * is none. Looks at few nodes, unless most of a group may not be taken.
 */
struct node *turns_take(struct turns *t, bool is_random,
			bool (*may_take)(const struct node *n, const void *extra),
			const void *extra);

#endif
