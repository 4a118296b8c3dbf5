/*
 * api_body: how functions for rules get at a body: one asks for some of it with a question, and its
 * answer is made when that much is there, at once or after a wait.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_BODY_H
#define WEIR_API_BODY_H

#include "api/api_private.h"
#include "txn/txn_hold.h"

/* What a function wants to know; the rest is its own. Its slices live in the transaction's arena. */
struct api_body_question {
	/*
	 * Makes the answer from the body, which may have more or less than was wanted. It is absent when
	 * it cannot be had any more: the phase in which it is read is over.
	 */
	enum rule_answer (*answer)(struct rule_call *call, const struct api_body_question *q,
				   struct slice body);
	bool is_response;
	size_t wanted; /* bytes, or TXN_HOLD_ALL */
	struct slice name, separator;
	uint64_t number;
};

/*
 * Answers now, or answers RULE_WAIT. More than rules.buffer raises an error; a content coding that
 * cannot be undone gives nil and the reason.
 */
enum rule_answer api_body_ask(struct rule_call *call, const struct api_body_question *q);

/* Argument `n`, a number of bytes: 0 or nothing are all. */
size_t api_body_count(struct rule_call *call, unsigned n);

#endif
