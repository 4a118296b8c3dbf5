/*
 * txn_pace: does the client keep up? A body flows as fast as the slower of the two sides; this
 * bounds how long the client may be the one that is waited for. Each direction has a credit of
 * time: waiting for the client spends it, bytes that it brings or takes earn it back at the least
 * rate that is allowed, up to `connection: {min_rate_grace}`. Nothing counts while the node is the
 * slow side, between two messages of a long poll, or in a tunnel. It knows no protocol.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_PACE_H
#define WEIR_TXN_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct txn;

/* One direction; part of a transaction, zero at first. Milliseconds of clock_milliseconds. */
struct txn_pace {
	int64_t left;   /* credit when the clock was last looked at */
	uint64_t since; /* when that was; 0: we do not wait for the client */
	uint64_t bytes; /* that had moved then */
	bool has_begun;
};

/*
 * Starts and stops the clocks after each run of the transaction: cheap, bytes are only looked at in
 * txn_pace_check.
 */
void txn_pace_note(struct txn *t);

/* When to call txn_pace_check; TIMER_NEVER while the client has no deadline. */
uint64_t txn_pace_deadline(const struct txn *t);

/* What to hold against the client. */
enum txn_pace_result {
	TXN_PACE_FINE,
	TXN_PACE_BODY_LATE, /* the whole request body took longer than it may */
	TXN_PACE_UPLOAD_SLOW,
	TXN_PACE_DOWNLOAD_SLOW,
};

/* That the client took bytes out of the kernel's buffer is seen here, and counts as movement. */
enum txn_pace_result txn_pace_check(struct txn *t);

#endif
