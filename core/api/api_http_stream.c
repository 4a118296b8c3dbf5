/* http.stream.*: an answer piece by piece, maybe out of what a node says, with bounded memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_http.h"

#include "base/check.h"
#include "txn/txn_hold.h"
#include "txn/txn_out.h"
#include "txn/txn_rules.h"

/* ---- writing ------------------------------------------------------------------------------------------ */

static enum rule_answer start_response(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct http_fields fields = { 0 };
	struct slice reason;
	uint64_t length = UINT64_MAX;
	unsigned status = api_http_code(call, 1, &reason);
	struct slice type = api_http_type(call, 2);
	if (!rule_argument_is_absent(call, 3))
		length = (uint64_t)rule_argument_integer(call, 3, 0, (int64_t)1 << 53);
	if (!slice_is_absent(type))
		http_fields_add(&fields, api_arena(call), SLICE("Content-Type"), type);
	api_http_add_lines(call, 4, type, &fields);
	if (t->out != NULL)
		rule_error(call, "a response was started already");
	if (t->has_response && t->response.body == HTTP_BODY_TUNNEL)
		rule_error(call, "the response switches protocols: no other one can be sent");
	const struct http_fields *cookies = &t->wishes.cookies;
	for (unsigned i = 0; i < cookies->count; i++)
		http_fields_add(&fields, api_arena(call), cookies->at[i].name,
				cookies->at[i].value);
	txn_out_start(t, status, reason, &fields, length);
	return RULE_RETURN;
}

/* The response under way, with argument 1 added to it, if it is there. False: the client is slow. */
static bool write_argument(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct slice data = SLICE("");
	if (!rule_argument_is_absent(call, 1))
		data = api_text(call, 1);
	if (t->out == NULL)
		rule_error(call, "no response was started: http.stream.startResponse comes first");
	if (!txn_out_fits(t, data.len))
		rule_error(call, "expected at most %llu bytes more, as announced, got %zu",
			   (unsigned long long)t->out->left, data.len);
	return txn_out_write(t, data);
}

static enum rule_answer has_written(struct rule_call *call)
{
	txn_rules_waited(api_txn(call));
	return RULE_RETURN;
}

static enum rule_answer write_response(struct rule_call *call)
{
	rule_argument_string(call, 1);
	if (write_argument(call))
		return RULE_RETURN;
	txn_out_wait(api_txn(call));
	rule_wait(call, has_written);
	return RULE_WAIT;
}

static enum rule_answer finish_response(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	write_argument(call);
	if (txn_out_is_short(t))
		rule_error(call, "expected %llu bytes more, as announced",
			   (unsigned long long)t->out->left);
	txn_out_end(t);
	t->rule_end = TXN_END_ANSWERED;
	t->verdict = arena_print(&t->arena, "http.stream.finishResponse %u", t->answer_status);
	return RULE_VERDICT;
}

static enum rule_answer continue_from_backend(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	write_argument(call);
	if (t->out->has_length)
		rule_error(
			call,
			"how much the node sends is not known: start the response without a length");
	txn_out_flush(t);
	txn_hold_pump(t);
	t->verdict = arena_print(&t->arena, "http.stream.continueFromBackend %u", t->answer_status);
	return RULE_VERDICT;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* In the transaction's arena while it waits. */
struct question {
	size_t count;
	struct slice delimiter; /* empty: none */
	bool is_bulk;           /* up to the last delimiter rather than the first */
	size_t searched;        /* bytes that hold no whole delimiter */
};

/* How far the answer goes, behind a delimiter; 0: there is none yet. */
static size_t find(struct rule_call *call, struct question *q, struct slice text)
{
	size_t overlap = q->delimiter.len - 1, end = 0;
	size_t from = q->searched > overlap ? q->searched - overlap : 0;
	rule_spend(call, text.len - from);
	do {
		const char *found = memmem(text.at + from, text.len - from, q->delimiter.at,
					   q->delimiter.len);
		if (found == NULL)
			break;
		from = end = (size_t)(found - text.at) + q->delimiter.len;
	} while (q->is_bulk);
	q->searched = text.len;
	return end;
}

static enum rule_answer give(struct rule_call *call, struct txn_hold *h, size_t len)
{
	rule_spend(call, len);
	rule_push_string(call, slice_of(txn_hold_text(h).at, len));
	txn_hold_consume(h, len);
	return RULE_RETURN;
}

static enum rule_answer go_on(struct rule_call *call);

static enum rule_answer wait_for_more(struct rule_call *call, struct txn_hold *h,
				      struct question *q)
{
	if (h->question != q) {
		struct question *copy = arena_alloc(api_arena(call), sizeof *copy);
		*copy = *q;
		copy->delimiter = arena_copy(api_arena(call), q->delimiter);
		h->question = copy;
	}
	txn_hold_wait(api_txn(call), h);
	rule_wait(call, go_on);
	return RULE_WAIT;
}

static enum rule_answer answer(struct rule_call *call, struct question *q)
{
	struct txn *t = api_txn(call);
	size_t wanted = q->delimiter.len > 0 ? 1 : q->count;
	for (;;) {
		enum txn_hold_result result = txn_hold_stream(t, wanted);
		struct txn_hold *h = t->down.hold;
		struct slice text = txn_hold_text(h);
		if (text.len > q->count)
			text.len = q->count;
		size_t found = q->delimiter.len == 0 ? 0 : find(call, q, text);
		if (found > 0)
			return give(call, h, found);
		bool is_broken = h->trouble != NULL;
		if (is_broken && text.len == 0)
			return api_fail(call, h->trouble);
		if (text.len == q->count || txn_hold_is_over(h) || is_broken)
			return give(call, h, text.len);
		if (result == TXN_HOLD_WAIT)
			return wait_for_more(call, h, q);
		wanted = text.len + 1;
	}
}

static enum rule_answer go_on(struct rule_call *call)
{
	struct txn_wait *w = txn_rules_waited(api_txn(call));
	return answer(call, container_of(w, struct txn_hold, wait)->question);
}

static enum rule_answer read_some(struct rule_call *call, bool is_bulk)
{
	struct txn *t = api_txn(call);
	struct question q = { .is_bulk = is_bulk };
	uint64_t most = t->vserver->conf->rules.buffer;
	q.count = (size_t)rule_argument_integer(call, 1, 1, (int64_t)most);
	if (!rule_argument_is_absent(call, 2)) {
		q.delimiter = rule_argument_string(call, 2);
		if (q.delimiter.len == 0)
			rule_argument_error(call, 2, "expected at least one byte");
	}
	if (t->response.body == HTTP_BODY_TUNNEL)
		rule_error(call, "the response switches protocols: it has no body");
	return answer(call, &q);
}

static enum rule_answer read_response(struct rule_call *call)
{
	return read_some(call, false);
}

static enum rule_answer read_bulk_response(struct rule_call *call)
{
	return read_some(call, true);
}

#define PHASES (RULE_IN_REQUEST | RULE_IN_RESPONSE)
#define READ \
	" Chunks and the content codings gzip, deflate and br are undone. What was read is gone from the " \
	"response, so it has to be answered by http.stream.startResponse or http.setResponseBody. \"\" at its end; " \
	"for a coding that cannot be undone `nil` and the reason."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.stream.startResponse", start_response, PHASES,
	  "code: integer|string, type: string|nil, length?: integer, headers?: string|table", "",
	  "Begins an answer to the client that is written piece by piece; code and headers as in "
	  "http.sendResponse. Without a length it is sent in chunks, or to an HTTP/1.0 client up to the end of the "
	  "connection. No node is asked, or its response is dropped, but for what the rule reads of it. When all rules "
	  "have run an answer that is not finished is.", "http.stream.startResponse" },
	{ "http.stream.writeResponse", write_response, PHASES | RULE_WAITS, "data: string", "",
	  "Adds to the answer. It leaves at the next wait or when 16 KiB are together; a client that does not take it "
	  "makes the rule wait. More than the length that was announced is an error.",
	  "http.stream.writeResponse" },
	{ "http.stream.finishResponse", finish_response, PHASES, "data?: string", "",
	  "Adds to the answer and ends it. Less than the length that was announced is an error. A verdict: it does not "
	  "return, and response rules do not run.", "http.stream.finishResponse" },
	{ "http.stream.continueFromBackend", continue_from_backend, RULE_IN_RESPONSE, "data?: string", "",
	  "Adds to the answer, and lets what is left of the node's body follow, its content coding undone. Only for an "
	  "answer that announced no length. A verdict: it does not return.", "http.stream.continueFromBackend" },
	{ "http.stream.readResponse", read_response, RULE_IN_RESPONSE | RULE_WAITS,
	  "count: integer, delimiter?: string", "string|nil, string|nil",
	  "Takes the next bytes of the node's body: `count` of them, at most `rules: {buffer}`, or up to and with the "
	  "first delimiter if that comes earlier." READ, "http.stream.readResponse" },
	{ "http.stream.readBulkResponse", read_bulk_response, RULE_IN_RESPONSE | RULE_WAITS,
	  "count: integer, delimiter?: string", "string|nil, string|nil",
	  "The same, but up to the last delimiter in what has come: it waits until there is one, or `count` bytes." READ,
	  "http.stream.readBulkResponse" },
};
/* clang-format on */

API_FAMILY(api_http_stream, functions);
