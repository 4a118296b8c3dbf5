/* SPDX-License-Identifier: Apache-2.0 */
#include "rewrite.h"

#include "../fuzz.h"

#include <string.h>

/* The numbers in rewrite.lua and rewrite_answer.lua. */
enum {
	REQUEST_AS_IT_IS,
	REQUEST_EMPTY,
	REQUEST_OTHER,
	REQUEST_LONG,
	REQUEST_CAPITALS,
	REQUEST_START,
	ANSWER_IN_PIECES,
	ANSWER_ECHO,
	REQUEST_WAYS,
};

enum {
	RESPONSE_AS_IT_IS,
	RESPONSE_OTHER,
	RESPONSE_CAPITALS,
	RESPONSE_STREAM,
	RESPONSE_CONTINUE,
	RESPONSE_COUNTED,
	RESPONSE_BULKS,
	RESPONSE_WAYS,
};

static char made[MODEL_BODY_MOST + 4096];
static size_t made_len;

static void put(struct slice text)
{
	fuzz_expect(text.len <= sizeof made - made_len);
	if (text.len > 0)
		memcpy(made + made_len, text.at, text.len);
	made_len += text.len;
}

static void put_times(const char *text, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		put(slice_of_string(text));
}

static void put_capitals(struct slice text)
{
	size_t from = made_len;
	put(text);
	for (size_t i = from; i < made_len; i++)
		if (made[i] >= 'a' && made[i] <= 'z')
			made[i] = (char)(made[i] - 'a' + 'A');
}

static struct slice start_of(struct slice body, size_t most)
{
	return slice_of(body.at, body.len < most ? body.len : most);
}

static void put_request(unsigned op, struct slice body)
{
	switch (op) {
	case REQUEST_OTHER:
		put(SLICE("another body"));
		break;
	case REQUEST_LONG:
		put_times("a long one ", 200);
		break;
	case REQUEST_CAPITALS:
		put_capitals(body);
		break;
	case REQUEST_START:
		put(start_of(body, 3));
		put(SLICE("!"));
		break;
	case ANSWER_IN_PIECES:
		put_times("piece by piece ", 150);
		put(SLICE("the end"));
		break;
	case ANSWER_ECHO:
		put(body);
		break;
	default:
		break;
	}
}

static void put_response(unsigned op, struct slice body)
{
	switch (op) {
	case RESPONSE_OTHER:
		put(SLICE("another answer"));
		break;
	case RESPONSE_CONTINUE:
		put(SLICE("<"));
		put(start_of(body, 5));
		put(SLICE(">"));
		put(slice_skip(body, start_of(body, 5).len));
		break;
	default:
		put_capitals(body);
		break;
	}
}

struct slice rewrite_body(enum rewrite_way way, unsigned op, struct slice body)
{
	made_len = 0;
	if (rewrite_leaves(op))
		return body;
	if (way == REWRITE_REQUEST)
		put_request(op, body);
	else
		put_response(op, body);
	return slice_of(made, made_len);
}

bool rewrite_leaves(unsigned op)
{
	return op == REQUEST_AS_IT_IS; /* and RESPONSE_AS_IT_IS */
}

bool rewrite_answers(unsigned op)
{
	return op == ANSWER_IN_PIECES || op == ANSWER_ECHO;
}

bool rewrite_reads(enum rewrite_way way, unsigned op)
{
	if (way == REWRITE_REQUEST)
		return op == REQUEST_CAPITALS || op == REQUEST_START || op == ANSWER_ECHO;
	return op >= RESPONSE_CAPITALS;
}

bool rewrite_begins_anew(unsigned op)
{
	return op >= RESPONSE_STREAM;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

unsigned rewrite_op_of(enum rewrite_way way, struct slice target)
{
	struct slice path = slice_of(target.at, slice_find(target, '?'));
	unsigned number = 0;
	if (path.len >= 1 && is_digit(path.at[path.len - 1]))
		number = (unsigned)(path.at[path.len - 1] - '0');
	if (path.len >= 2 && is_digit(path.at[path.len - 1]) && is_digit(path.at[path.len - 2]))
		number += 10 * (unsigned)(path.at[path.len - 2] - '0');
	return number % (way == REWRITE_REQUEST ? REQUEST_WAYS : RESPONSE_WAYS);
}

unsigned rewrite_op(enum rewrite_way way, const struct model_message *got)
{
	fuzz_expect(!slice_is_absent(got->op) && got->op.len == 1 && is_digit(got->op.at[0]));
	unsigned op = (unsigned)(got->op.at[0] - '0');
	fuzz_expect(op < (way == REWRITE_REQUEST ? REQUEST_WAYS : RESPONSE_WAYS));
	return op;
}
