/*
 * balance: the load-balancing algorithms. Candidates are offered one by one; those that are as good
 * as the best so far stay, linked through struct node, and the end takes turns among them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_BALANCE_H
#define WEIR_POOL_BALANCE_H

#include "pool/node.h"

struct balance {
	enum conf_algorithm algorithm;
	STAILQ_HEAD(, node) equals; /* the best so far, in the order of the offers */
	unsigned count;             /* of equals */
	unsigned long sessions;     /* of the first of equals, when the algorithm looks at it */
};

void balance_init(struct balance *b, enum conf_algorithm algorithm);

/* Offers a candidate, once. */
void balance_offer(struct balance *b, struct node *n);

/* The winner, charged for being chosen; NULL when nobody was offered. */
struct node *balance_end(struct balance *b);

#endif
