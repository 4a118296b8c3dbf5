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

/* Moments of a transaction that somebody follows; for txn_trace_request and its sisters below. */
void txn_trace_say_request(struct txn *t);
void txn_trace_say_datagram(struct txn *t, size_t bytes);
void txn_trace_say_turn(struct txn *t, unsigned turn, size_t bytes);
void txn_trace_say_server_name(struct txn *t, struct slice name);
void txn_trace_say_rule(struct txn *t, enum rule_result result);
void txn_trace_say_node(struct txn *t);
void txn_trace_say_connection(struct txn *t);
void txn_trace_say_response(struct txn *t);
void txn_trace_say_end(struct txn *t);

/* Each says what has just become so; nothing while nobody follows. */
static inline void txn_trace_request(struct txn *t)
{
	if (t->trace != NULL)
		txn_trace_say_request(t);
}

/* The same for a session of UDP. */
static inline void txn_trace_datagram(struct txn *t, size_t bytes)
{
	if (t->trace != NULL)
		txn_trace_say_datagram(t, bytes);
}

static inline void txn_trace_rule(struct txn *t, enum rule_result result)
{
	if (t->trace != NULL)
		txn_trace_say_rule(t, result);
}

static inline void txn_trace_node(struct txn *t)
{
	if (t->trace != NULL)
		txn_trace_say_node(t);
}

static inline void txn_trace_connection(struct txn *t)
{
	if (t->trace != NULL)
		txn_trace_say_connection(t);
}

static inline void txn_trace_response(struct txn *t)
{
	if (t->trace != NULL)
		txn_trace_say_response(t);
}

static inline void txn_trace_end(struct txn *t)
{
	if (t->trace != NULL)
		txn_trace_say_end(t);
}

#endif
