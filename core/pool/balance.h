/*
 * balance: the least loaded node. Candidates are offered one by one, all of them, because any
 * worker may have changed any of their loads; those that are as good as the best so far stay, linked
 * through struct node, and the end takes turns among them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_BALANCE_H
#define WEIR_POOL_BALANCE_H

#include "pool/node.h"

struct balance {
	bool uses_weight;
	bool is_offered;            /* somebody was */
	STAILQ_HEAD(, node) equals; /* the best so far, in the order of the offers */
	unsigned long sessions;     /* of the first of equals */
};

/* `uses_weight`: a node of weight 3 may have three times the load of one of weight 1. */
void balance_init(struct balance *b, bool uses_weight);

/* Offers a candidate, once. */
void balance_offer(struct balance *b, struct node *n);

/* The winner, charged for being chosen; NULL when nobody was offered. */
struct node *balance_end(struct balance *b);

#endif
