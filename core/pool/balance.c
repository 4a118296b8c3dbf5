/*
 * Round robin is the smooth weighted kind: each candidate's balance grows by its weight, the
 * richest is chosen and pays the sum of all. With equal weights that is plain turns; with 3:1 it
 * gives a a b a, not a a a b. Least connections takes turns the same way among the least loaded,
 * and only they gain: a node that was busy for an hour has not saved up for all of the next.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/balance.h"

#include <stdint.h>
#include <stdlib.h>

void balance_init(struct balance *b, enum conf_algorithm algorithm)
{
	*b = (struct balance){ .algorithm = algorithm };
	STAILQ_INIT(&b->equals);
}

static bool looks_at_sessions(const struct balance *b)
{
	return b->algorithm == CONF_ALGORITHM_LEAST_CONNECTIONS ||
	       b->algorithm == CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS;
}

static long weight_of(const struct balance *b, const struct node *n)
{
	bool ignores_weight = b->algorithm == CONF_ALGORITHM_LEAST_CONNECTIONS;
	return ignores_weight ? 1 : (long)n->conf->weight;
}

/* How a node with `sessions` compares with the best so far: negative when it is less loaded. */
static int compare_load(const struct balance *b, const struct node *n, unsigned long sessions)
{
	unsigned long left = sessions * (unsigned long)weight_of(b, STAILQ_FIRST(&b->equals));
	unsigned long right = b->sessions * (unsigned long)weight_of(b, n);
	return (left > right) - (left < right);
}

void balance_offer(struct balance *b, struct node *n)
{
	unsigned long sessions = 0;
	if (looks_at_sessions(b)) {
		sessions = node_sessions(n);
		int order = b->count == 0 ? -1 : compare_load(b, n, sessions);
		if (order > 0)
			return;
		if (order < 0) {
			STAILQ_INIT(&b->equals);
			b->count = 0;
			b->sessions = sessions;
		}
	}
	STAILQ_INSERT_TAIL(&b->equals, n, equal);
	b->count++;
}

static struct node *choose_random(const struct balance *b)
{
	struct node *n = STAILQ_FIRST(&b->equals);
	for (long skip = random() % (long)b->count; skip > 0; skip--)
		n = STAILQ_NEXT(n, equal);
	return n;
}

static struct node *choose_in_turn(const struct balance *b)
{
	struct node *n, *best = STAILQ_FIRST(&b->equals);
	long total = 0;
	STAILQ_FOREACH (n, &b->equals, equal) {
		total += weight_of(b, n);
		n->balance += weight_of(b, n);
		if (n->balance > best->balance)
			best = n;
	}
	best->balance -= total;
	return best;
}

struct node *balance_end(struct balance *b)
{
	if (b->count == 0)
		return NULL;
	return b->algorithm == CONF_ALGORITHM_RANDOM ? choose_random(b) : choose_in_turn(b);
}
