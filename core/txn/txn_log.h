/* txn_log: the access line of a transaction, and its counters. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_LOG_H
#define WEIR_TXN_LOG_H

#include "txn/txn.h"

/* Counts the transaction's end; writes its line when the access log is on. */
void txn_log_write(struct txn *t);

/* The status that the client got; 0: none. The bytes that were read from it. */
unsigned txn_log_status(const struct txn *t);
uint64_t txn_log_bytes_in(const struct txn *t);

#endif
