/*
 * txn_trace: what a transaction says of itself while somebody follows it. While nobody does it costs a
 * look at one word when a transaction begins; then `trace` stays NULL, and every place that would
 * say something sees that.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_TRACE_H
#define WEIR_TXN_TRACE_H

#include "share/trace.h"
#include "txn/txn.h"

/* A new transaction: does somebody want to see it? What it says before that is known is kept. */
void txn_trace_begin(struct txn *t);

/* Adds a line. Only while t->trace is not NULL: use the macro. */
void txn_trace_say(struct txn *t, enum trace_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define TXN_TRACE(t, ...) \
	do { \
		if ((t)->trace != NULL) \
			txn_trace_say(t, __VA_ARGS__); \
	} while (0)

/* Each is a moment of a transaction; nothing happens while t->trace is NULL. */
void txn_trace_request(struct txn *t);
void txn_trace_rule(struct txn *t, enum rule_result result);
void txn_trace_node(struct txn *t);
void txn_trace_connection(struct txn *t);
void txn_trace_response(struct txn *t);
void txn_trace_end(struct txn *t);

#endif
