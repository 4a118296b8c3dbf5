/*
 * Round robin is the smooth weighted kind: each candidate's balance grows by its weight, the
 * richest is chosen and pays the sum of all. With equal weights that is plain turns; with 3:1 it
 * gives a a b a, not a a a b.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/balance.h"

#include <stdint.h>
#include <stdlib.h>

void balance_init(struct balance *b, enum conf_algorithm algorithm)
{
	*b = (struct balance){ .algorithm = algorithm };
}

static bool is_weighted(enum conf_algorithm algorithm)
{
	return algorithm != CONF_ALGORITHM_LEAST_CONNECTIONS && algorithm != CONF_ALGORITHM_RANDOM;
}

static long weight_of(const struct balance *b, const struct node *n)
{
	return is_weighted(b->algorithm) ? (long)n->conf->weight : 1;
}

/* Fewest sessions for its weight; in turns among equals, or the first would get all of a quiet pool. */
static bool is_less_loaded(const struct balance *b, const struct node *n)
{
	long left = (long)n->sessions * weight_of(b, b->best),
	     right = (long)b->best->sessions * weight_of(b, n);
	return left != right ? left < right : n->balance > b->best->balance;
}

static bool is_better(const struct balance *b, const struct node *n)
{
	switch (b->algorithm) {
	case CONF_ALGORITHM_LEAST_CONNECTIONS:
	case CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS:
		return is_less_loaded(b, n);
	case CONF_ALGORITHM_RANDOM:
		/* each of k offered so far is kept with the same chance: 1/k */
		return random() % b->total_weight == 0;
	case CONF_ALGORITHM_ROUND_ROBIN:
	case CONF_ALGORITHM_WEIGHTED_ROUND_ROBIN:
		return n->balance > b->best->balance;
	}
	return false;
}

void balance_offer(struct balance *b, struct node *n)
{
	b->total_weight += weight_of(b, n);
	n->balance += weight_of(b, n);
	if (b->best == NULL || is_better(b, n))
		b->best = n;
}

struct node *balance_end(struct balance *b)
{
	if (b->best != NULL)
		b->best->balance -= b->total_weight;
	return b->best;
}
