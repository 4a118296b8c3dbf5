/* txn_rules: the part of a transaction that runs the rules of a phase, one after the other. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_RULES_H
#define WEIR_TXN_RULES_H

#include "txn/txn.h"

/*
 * Runs the phase's rules from where they stand. True: the phase is over, go on. False: a rule waits
 * (the transaction has not ended), or a rule has ended the transaction.
 */
bool txn_rules_run(struct txn *t, enum rule_phase phase);

/* The phase has taken longer than rules.wall_time. */
enum txn_next txn_rules_timeout(struct txn *t);

/* For functions that wait: the run goes on `milliseconds` from now. */
void txn_rules_sleep(struct txn *t, uint64_t milliseconds);

#endif
