/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_parse.h"

#include "base/check.h"

static const struct {
	const char *word;
	unsigned status;
	const char *words;
} reasons[HTTP_REASON_COUNT] = {
#define X(name, word, status, words) [HTTP_REASON_##name] = { word, status, words },
	HTTP_REASONS(X)
#undef X
};

unsigned http_reason_status(enum http_reason reason)
{
	check((unsigned)reason < HTTP_REASON_COUNT);
	return reasons[reason].status;
}

const char *http_reason_word(enum http_reason reason)
{
	check((unsigned)reason < HTTP_REASON_COUNT);
	return reasons[reason].word;
}

const char *http_reason_words(enum http_reason reason)
{
	check((unsigned)reason < HTTP_REASON_COUNT);
	return reasons[reason].words;
}
