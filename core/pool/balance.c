/*
 * Least connections takes turns among the least loaded: each candidate's balance grows by its
 * weight, the richest is chosen and pays the sum of all. Only the least loaded gain, so a node that
 * was busy for an hour has not saved up for all of the next.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/balance.h"

#include <stdint.h>

void balance_init(struct balance *b, bool uses_weight)
{
	*b = (struct balance){ .uses_weight = uses_weight };
	STAILQ_INIT(&b->equals);
}

static long weight_of(const struct balance *b, const struct node *n)
{
	return b->uses_weight ? (long)n->conf->weight : 1;
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
	unsigned long sessions = node_sessions(n);
	int order = b->is_offered ? compare_load(b, n, sessions) : -1;
	if (order > 0)
		return;
	if (order < 0) {
		STAILQ_INIT(&b->equals);
		b->sessions = sessions;
	}
	STAILQ_INSERT_TAIL(&b->equals, n, equal);
	b->is_offered = true;
}

struct node *balance_end(struct balance *b)
{
	if (!b->is_offered)
		return NULL;
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
