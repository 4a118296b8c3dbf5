/*
 * refusal: every reason for which weir refuses something, in one list: what is wrong with a request
 * or its body, with a node's answer, and with a connection. Each is counted per virtual server; the
 * log, `weir status` and docs/refusals.md call it by the same word.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_REFUSAL_H
#define WEIR_TXN_REFUSAL_H

#include "http/http_parse.h"
#include "txn/world.h"

#include <stdio.h>

/* Reasons of requests are enum http_reason as it is, those of answers the same behind them. */
enum refusal {
	REFUSAL_NONE = HTTP_REASON_NONE,
	REFUSAL_ANSWERS = HTTP_REASON_COUNT,
	REFUSAL_LAST_ANSWER = 2 * HTTP_REASON_COUNT - 1,
#define REFUSAL(name, word, status, words) REFUSAL_##name,
#include "txn/refusal.def"
#undef REFUSAL
	REFUSAL_COUNT,
	REFUSAL_FIRST_OF_DATAGRAMS = REFUSAL_SESSIONS_MOST,
};

/* What the fault of a request, its body included, or of an answer counts as. */
static inline enum refusal refusal_of_request(enum http_reason why)
{
	return (enum refusal)why;
}

static inline enum refusal refusal_of_answer(enum http_reason why)
{
	return (enum refusal)(REFUSAL_ANSWERS + (unsigned)why);
}

/* The one word of counters and logs ("node_" before it for answers); what it means, in words. */
const char *refusal_word(enum refusal refusal);
const char *refusal_words(enum refusal refusal);

void refusal_count(const struct vserver *v, enum refusal refusal);

/* Writes the reference of all of them in Markdown. */
void refusal_write_reference(FILE *to);

#endif
