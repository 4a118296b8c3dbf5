/*
 * What the families of this room share: how a function reaches its transaction, and the memory for
 * what it makes. Private to this room.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_PRIVATE_H
#define WEIR_API_PRIVATE_H

#include "api/api.h"
#include "base/check.h"
#include "txn/txn.h"

/* A family of the rows in an array. */
#define API_FAMILY(rows) ((struct api_family){ (rows), sizeof(rows) / sizeof((rows)[0]) })

/* The transaction that the rule runs for. */
static inline struct txn *api_txn(const struct rule_call *call)
{
	struct txn *t = rule_call_subject(call);
	check(t->magic == TXN_MAGIC);
	return t;
}

/*
 * The transaction's arena, for what a function makes. A rule that calls it in a loop fills it and
 * nothing is given back before the transaction ends, so `rules.memory` holds here, too: beyond
 * it an error is raised.
 */
static inline struct arena *api_arena(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	if (t->arena.total > t->vserver->rule_limits.memory)
		rule_error(call, "the transaction holds more than rules.memory (%llu bytes)",
			   (unsigned long long)t->vserver->rule_limits.memory);
	return &t->arena;
}

#endif
