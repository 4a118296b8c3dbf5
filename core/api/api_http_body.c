/* http.*, bodies: reading them, which may wait for bytes, and putting others in their place. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_body.h"
#include "api/api_http.h"

#include "base/check.h"
#include "txn/txn_rules.h"

/* Bytes that one line more costs, beside its own: a value and its place in a table. */
#define LINE_COST 64

/* ---- asking ------------------------------------------------------------------------------------------- */

static enum rule_answer go_on(struct rule_call *call)
{
	struct txn_wait *w = txn_rules_waited(api_txn(call));
	return api_body_ask(call, container_of(w, struct txn_hold, wait)->question);
}

static enum rule_answer wait_for_more(struct rule_call *call, struct txn_hold *h,
				      const struct api_body_question *q)
{
	if (h->question != q) {
		struct api_body_question *copy = arena_alloc(api_arena(call), sizeof *copy);
		*copy = *q;
		h->question = copy;
	}
	txn_hold_wait(api_txn(call), h);
	rule_wait(call, go_on);
	return RULE_WAIT;
}

/* What was read of it while it could be read; absent when that is not enough. */
static struct slice what_was_read(const struct txn_hold *h, enum http_body_kind kind, size_t wanted)
{
	if (h == NULL)
		return kind == HTTP_BODY_NONE ? SLICE("") : SLICE_ABSENT;
	struct slice text = txn_hold_text(h);
	return h->is_whole || text.len >= wanted ? text : SLICE_ABSENT;
}

static enum rule_answer ask_later(struct rule_call *call, const struct api_body_question *q)
{
	const struct txn *t = api_txn(call);
	const struct txn_hold *h = q->is_response ? t->down.hold : t->up.hold;
	if (q->is_response && !t->has_response)
		return q->answer(call, q, SLICE_ABSENT);
	if (h != NULL && h->trouble != NULL)
		return api_fail(call, h->trouble);
	if (h != NULL && h->is_stream)
		return q->answer(call, q, SLICE_ABSENT);
	return q->answer(
		call, q,
		what_was_read(h, q->is_response ? t->response.body : t->request.body, q->wanted));
}

enum rule_answer api_body_ask(struct rule_call *call, const struct api_body_question *q)
{
	struct txn *t = api_txn(call);
	if (rule_call_phase(call) != (q->is_response ? RULE_RESPONSE : RULE_REQUEST))
		return ask_later(call, q);
	if (q->is_response && t->response.body == HTTP_BODY_TUNNEL)
		rule_error(call, "the response switches protocols: it has no body");
	if (q->is_response && t->down.hold != NULL && t->down.hold->is_stream)
		rule_error(call, "the body is being read by http.stream");
	enum txn_hold_result result = q->is_response ? txn_hold_response(t, q->wanted)
						     : txn_hold_request(t, q->wanted);
	struct txn_hold *h = q->is_response ? t->down.hold : t->up.hold;
	switch (result) {
	case TXN_HOLD_WAIT:
		return wait_for_more(call, h, q);
	case TXN_HOLD_LONG:
		rule_error(call, "the body has more than rules.buffer (%zu bytes)", h->limit);
	case TXN_HOLD_READY:
		break;
	}
	if (h->trouble != NULL)
		return api_fail(call, h->trouble);
	return q->answer(call, q, txn_hold_text(h));
}

size_t api_body_count(struct rule_call *call, unsigned n)
{
	if (rule_argument_is_absent(call, n))
		return TXN_HOLD_ALL;
	int64_t count = rule_argument_integer(call, n, 0, (int64_t)1 << 53);
	return count == 0 ? TXN_HOLD_ALL : (size_t)count;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static enum rule_answer answer_text(struct rule_call *call, const struct api_body_question *q,
				    struct slice body)
{
	if (body.len > q->wanted)
		body.len = q->wanted;
	rule_spend(call, body.len);
	rule_push_string(call, body);
	return RULE_RETURN;
}

static enum rule_answer answer_lines(struct rule_call *call, const struct api_body_question *q,
				     struct slice body)
{
	if (slice_is_absent(body))
		return answer_text(call, q, body);
	if (body.len > q->wanted)
		body.len = q->wanted;
	rule_push_table(call);
	while (body.len > 0) {
		struct slice line = slice_of(body.at, slice_find(body, '\n'));
		body = slice_skip(body, line.len < body.len ? line.len + 1 : line.len);
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		rule_spend(call, line.len + LINE_COST);
		rule_table_append(call, line);
	}
	return RULE_RETURN;
}

static enum rule_answer get_body(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_text, .wanted = api_body_count(call, 1) };
	return api_body_ask(call, &q);
}

static enum rule_answer get_body_lines(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_lines, .wanted = api_body_count(call, 1) };
	return api_body_ask(call, &q);
}

static enum rule_answer get_response_body(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_text,
				       .is_response = true,
				       .wanted = api_body_count(call, 1) };
	return api_body_ask(call, &q);
}

static enum rule_answer get_response_body_lines(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_lines,
				       .is_response = true,
				       .wanted = api_body_count(call, 1) };
	return api_body_ask(call, &q);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static enum rule_answer answer_nothing(struct rule_call *call, const struct api_body_question *q,
				       struct slice body)
{
	(void)call;
	(void)q;
	(void)body;
	return RULE_RETURN;
}

static enum rule_answer set_body(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct slice body = api_text(call, 1);
	if (t->request.method_id == HTTP_METHOD_TRACE)
		rule_error(call, "a TRACE request has no body");
	txn_hold_replace_request(t, body);
	if (body.len > 0 || t->request.body != HTTP_BODY_NONE)
		t->request.body = HTTP_BODY_LENGTH;
	t->request.content_length = body.len;
	http_fields_remove(&t->request.fields, SLICE("Content-Encoding"));
	/* what the client still sends has to be read, or nobody knew where its next request begins */
	struct api_body_question q = { .answer = answer_nothing, .wanted = TXN_HOLD_ALL };
	return api_body_ask(call, &q);
}

/* Argument 2: how the end of the body is told. True: by chunks. */
static bool is_to_be_chunked(struct rule_call *call)
{
	struct slice coding = SLICE("");
	if (!rule_argument_is_absent(call, 2))
		coding = rule_argument_string(call, 2);
	if (slice_is_equal_nocase(coding, SLICE("chunked")))
		return true;
	if (coding.len > 0 && !slice_is_equal_nocase(coding, SLICE("identity")))
		rule_argument_error(call, 2, "expected 'chunked' or 'identity', got '%.*s'",
				    API_HTTP_PRINT(coding));
	return false;
}

static enum rule_answer set_response_body(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct http_fields *f = &t->response.fields;
	struct slice body = api_text(call, 1), length = SLICE("Content-Length");
	bool is_chunked = is_to_be_chunked(call);
	if (t->response.body == HTTP_BODY_TUNNEL)
		rule_error(call, "the response switches protocols: it has no body");
	if (t->out != NULL)
		rule_error(call, "a response was started already");
	struct slice digits = arena_print(api_arena(call), "%zu", body.len);
	txn_hold_replace_response(t, body);
	t->response.body = is_chunked ? HTTP_BODY_CHUNKED : HTTP_BODY_LENGTH;
	t->response.content_length = body.len;
	http_fields_remove(f, SLICE("Content-Encoding"));
	/* this line is what a client gets that asked with HEAD */
	if (is_chunked)
		http_fields_remove(f, length);
	else
		http_fields_set(f, &t->arena, length, digits);
	return RULE_RETURN;
}

#define LATER " In later rules: what was read of it before, `nil` when that is not enough."
#define UNDONE \
	"Chunks and the content codings gzip, deflate and br are undone; for another one, or a malformed " \
	"one: `nil` and the reason. Waits until so much has come; more than `rules: {buffer}` is an error."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.getBody", get_body, RULE_IN_ANY | RULE_WAITS, "count?: integer", "string|nil, string|nil",
	  "The first `count` bytes of the request's body, all without it or with 0; less if it has less. " UNDONE
	  " The node gets the body as it was sent." LATER, "http.getBody" },
	{ "http.getBodyLines", get_body_lines, RULE_IN_ANY | RULE_WAITS, "count?: integer", "string[]|nil, string|nil",
	  "The same as an array of lines, without their ends (LF or CRLF).", "http.getBodyLines" },
	{ "http.setBody", set_body, RULE_IN_REQUEST | RULE_WAITS, "body: string", "",
	  "Puts another body in the place of the request's, which may have had none. Content-Length is made to "
	  "fit, Content-Encoding goes. Waits until what the client still sends has been read and thrown away.",
	  "http.setBody" },
	{ "http.getResponseBody", get_response_body, RULE_IN_RESPONSE | RULE_IN_COMPLETION | RULE_WAITS,
	  "count?: integer", "string|nil, string|nil",
	  "The first `count` bytes of the response's body, all without it or with 0; less if it has less, \"\" "
	  "if there is none (HEAD, 204, 304). " UNDONE " Without http.setResponseBody the client gets the body as "
	  "the node sent it." LATER, "http.getResponseBody" },
	{ "http.getResponseBodyLines", get_response_body_lines, RULE_IN_RESPONSE | RULE_IN_COMPLETION | RULE_WAITS,
	  "count?: integer", "string[]|nil, string|nil",
	  "The same as an array of lines, without their ends (LF or CRLF).", "http.getResponseBodyLines" },
	{ "http.setResponseBody", set_response_body, RULE_IN_RESPONSE, "body: string, coding?: string", "",
	  "Puts another body in the place of the response's. Content-Encoding goes; Content-Length is made to fit, "
	  "or with \"chunked\" the body is sent in chunks where the client knows them. Where a response has no body "
	  "(HEAD, 204, 304) none is sent. What the node still sends is dropped: its connection is used again only if "
	  "all of that has come already, for instance because http.getResponseBody has read it.",
	  "http.setResponseBody" },
};
/* clang-format on */

API_FAMILY(api_http_body, functions);
