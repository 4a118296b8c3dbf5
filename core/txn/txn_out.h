/*
 * txn_out: an answer that a rule writes piece by piece. Its head and bytes are collected and leave when
 * the rule waits or enough of them are together; a client that does not take them parks the rule. How
 * the end is told was decided with the head: t->down.relay.out.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_OUT_H
#define WEIR_TXN_OUT_H

#include "txn/txn.h"

/* Bytes that leave without a wait. */
#define TXN_OUT_BYTES (16 * 1024)

/* In the transaction's arena. */
struct txn_out {
	struct txn_wait wait;
	struct slice head; /* not yet written */
	struct buf data;   /* the same */
	size_t unbroken;   /* bytes written since the last wait */
	bool has_length;
	uint64_t left; /* of that length */
	bool is_ended; /* nothing will be written any more */
};

/*
 * Begins an answer with this status line and these lines. `length` is UINT64_MAX when it is not known.
 * No other answer is possible from now on.
 */
void txn_out_start(struct txn *t, unsigned status, struct slice reason,
		   const struct http_fields *fields, uint64_t length);

/* Does so much more fit into the length that was announced? */
bool txn_out_fits(const struct txn *t, size_t len);

/* Is something missing in it? */
bool txn_out_is_short(const struct txn *t);

/* Adds bytes that fit. False: call txn_out_wait before more is written. */
bool txn_out_write(struct txn *t, struct slice data);

/* The rule waits until the client has taken what was written, and a bandwidth class allows more. */
void txn_out_wait(struct txn *t);

/* Does it do so? */
bool txn_out_waits(const struct txn *t);

/* The answer is whole: the rest leaves, and is_ended is set. Nothing must be missing in its length. */
void txn_out_end(struct txn *t);

/* Writes what was collected. */
void txn_out_flush(struct txn *t);

/* Before each step: has the client taken it? */
void txn_out_move(struct txn *t);

/* Frees what it owns. */
void txn_out_release(struct txn_out *o);

#endif
