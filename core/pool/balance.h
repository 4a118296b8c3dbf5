/*
 * balance: the load-balancing algorithms. Candidates are offered one by one and compared as they
 * come: no list is built.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_BALANCE_H
#define WEIR_POOL_BALANCE_H

#include "pool/node.h"

struct balance {
	enum conf_algorithm algorithm;
	struct node *best;
	long total_weight; /* of all candidates so far */
};

void balance_init(struct balance *b, enum conf_algorithm algorithm);
void balance_offer(struct balance *b, struct node *n);

/* The winner, charged for being chosen; NULL when nobody was offered. */
struct node *balance_end(struct balance *b);

#endif
