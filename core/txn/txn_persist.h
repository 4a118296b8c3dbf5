/*
 * txn_persist: which node has the client's session, by the persistence class of the pool or of a rule.
 * A transaction without a class pays a look at a number before its node is chosen, and one at a
 * pointer when the answer is there.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_PERSIST_H
#define WEIR_TXN_PERSIST_H

#include "txn/txn.h"

/* What became of a transaction's look for its session. */
enum txn_persist_outcome {
	TXN_PERSIST_WITHOUT, /* nothing tells a session */
	TXN_PERSIST_BEGUN,   /* no node has it yet */
	TXN_PERSIST_KEPT,    /* its node is used */
	TXN_PERSIST_LOST,    /* its node cannot be used */
};

/* In the transaction's arena. */
struct txn_persist {
	const struct conf_persistence_class *class;
	uint64_t name; /* of the session in its table; 0: it has none */
	uint32_t row;  /* where the table holds it; PERSIST_NO_ROW: nowhere */
	enum txn_persist_outcome outcome;
	bool is_own;      /* this very transaction began it: nobody else's session can be lost */
	const char *loss; /* why it is lost, in words */
};

/* The number of the class in force, from 1: a rule's, or that of the pool; 0: none. */
static inline uint32_t txn_persist_class(const struct txn *t, const struct pool *p)
{
	if (t->orders != NULL && t->orders->persistence != 0)
		return t->orders->persistence;
	return p->conf->persistence;
}

/*
 * The node of the transaction's session, where the class (not 0) finds one that can be used. NULL:
 * choose one, or the transaction has been ended, as the class wants it where a session is lost.
 */
struct node *txn_persist_find(struct txn *t, uint32_t class_number);

/* This node was chosen for a session that txn_persist_find found none for; gives the one to use. */
struct node *txn_persist_hold(struct txn *t, struct node *chosen);

/* The node's answer is here, as the node sent it: what it says of the session, and what the client hears. */
void txn_persist_answer(struct txn *t);

/* Why this node, in words, for who follows the transaction. */
const char *txn_persist_words(struct txn *t, const char *otherwise);

#endif
