/*
 * txn_bandwidth: a body that may only be written so fast. It is written in bites, each of which may
 * pass the rate for its moment; then the body rests until that has evened out, and a timer tells it to
 * go on. It knows no protocol.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_BANDWIDTH_H
#define WEIR_TXN_BANDWIDTH_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct txn;
struct txn_body;

/* One direction of a transaction, in its arena. */
struct txn_bandwidth {
	const struct conf_bandwidth_class *conf;
	uint64_t *bucket;
	uint64_t resume_at; /* milliseconds: the body rests until then; 0: it does not */
};

/*
 * The body, which has been started, is one of these from now on: of what the rules or else the pool
 * (towards a node) or the virtual server (towards the client) say.
 */
void txn_bandwidth_of_request(struct txn *t);
void txn_bandwidth_of_response(struct txn *t);

/* The number of the class that holds for each direction; 0: none. */
uint32_t txn_bandwidth_class_of_request(const struct txn *t);
uint32_t txn_bandwidth_class_of_response(const struct txn *t);

/* May some of it be written now? If not it rests. */
bool txn_bandwidth_may_move(struct txn_bandwidth *w);

/* So much was written. */
void txn_bandwidth_spend(struct txn_bandwidth *w, uint64_t bytes);

#endif
