/* txn_rules: the part of a transaction that runs the rules of a phase, one after the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_RULES_H
#define WEIR_TXN_RULES_H

#include "txn/txn.h"

/* For txn_rules_run: the rules of t->phase, of which there are some. */
bool txn_rules_run_phase(struct txn *t);

/*
 * Runs the phase's rules from where they stand. True: the phase is over, go on. False: a rule waits
 * (the transaction has not ended), or a rule has ended the transaction.
 */
static inline bool txn_rules_run(struct txn *t, enum rule_phase phase)
{
	if (t->phase != phase) {
		t->phase = phase;
		t->rule_index = 0;
	}
	return t->rules[phase].count == 0 || txn_rules_run_phase(t);
}

/* The phase has taken longer than rules.wall_time. */
enum txn_next txn_rules_timeout(struct txn *t);

/* Gives up the parked run, if there is one, and what it waits for. */
void txn_rules_cancel(struct txn *t);

/* ---- for functions that wait ------------------------------------------------------------------ */

/*
 * Begins a wait: the function starts its operation, calls this and rule_wait, and answers RULE_WAIT.
 * `cancel` is called at most once, when the run is given up (the client has gone, rules.wall_time is
 * over) before txn_rules_waited took the operation: it stops and frees it, and calls nothing back.
 */
void txn_rules_wait(struct txn *t, struct txn_wait *w, void (*cancel)(struct txn_wait *w));

/* The operation is over: the rule goes on. The last thing an event does: all may be gone after it. */
void txn_rules_ready(struct txn_wait *w);

/* In the function's `finish`: takes the operation that has come; it is the caller's now. */
struct txn_wait *txn_rules_waited(struct txn *t);

/* The run goes on `milliseconds` from now, without an operation to take. */
void txn_rules_sleep(struct txn *t, uint64_t milliseconds);

/* For a new transaction. */
void txn_rules_init(struct txn *t);

#endif
