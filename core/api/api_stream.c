/*
 * request.* and response.* where they read and write the bytes of a session of TCP, or the first datagram
 * and the first answer of one of UDP. On HTTP messages have
 * a framing that such a function would break, so there each is an error that names the http.* function.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/check.h"
#include "net/datagram.h"
#include "text/regex.h"
#include "txn/txn_rules.h"
#include "txn/txn_tcp.h"
#include "txn/txn_tcp_turn.h"

#define BYTES_MOST ((int64_t)1 << 53)

/* ---- asking for bytes ------------------------------------------------------------------------------ */

/* What a function wants to know of the request or the response, kept while it waits for that. */
struct question {
	enum rule_answer (*answer)(struct rule_call *call, struct question *q);
	bool is_response;
	size_t count;         /* bytes, or where a line begins, from 0 */
	size_t seen;          /* bytes in which no line end is */
	struct slice pattern; /* absent: the end of a line */
};

static struct txn_look *look_of(const struct txn *t, const struct question *q)
{
	return q->is_response ? t->response_look : t->request_look;
}

/* Bytes come in the phase of their own; later rules see what was read then. */
static bool can_read(struct rule_call *call, const struct question *q)
{
	return rule_call_phase(call) == (q->is_response ? RULE_RESPONSE : RULE_REQUEST);
}

static enum rule_answer go_on(struct rule_call *call)
{
	struct txn_wait *w = txn_rules_waited(api_txn(call));
	struct question *q = container_of(w, struct txn_look, wait)->question;
	return q->answer(call, q);
}

/* Are the first `count` bytes there, or all there will be? False: the rule waits. */
static bool has_bytes(struct rule_call *call, struct question *q, size_t count)
{
	struct txn *t = api_txn(call);
	struct txn_look *look = look_of(t, q);
	if (!can_read(call, q))
		return true;
	switch (txn_look_ask(look, count)) {
	case TXN_LOOK_READY:
		return true;
	case TXN_LOOK_LONG:
		rule_error(call, "the %s has more than rules.buffer (%zu bytes)",
			   q->is_response ? "response" : "request", look->limit);
	case TXN_LOOK_WAIT:
		break;
	}
	if (look->question == NULL)
		look->question = arena_alloc(&t->arena, sizeof *q);
	if (look->question != q) { /* its pattern lies on Lua's stack */
		struct slice pattern = arena_copy(api_arena(call), q->pattern);
		*(struct question *)look->question = *q;
		((struct question *)look->question)->pattern = pattern;
	}
	txn_look_wait(t, look, count);
	rule_wait(call, go_on);
	return false;
}

static struct slice text_of(struct rule_call *call, const struct question *q)
{
	return txn_look_text(look_of(api_txn(call), q));
}

static enum rule_answer push_text(struct rule_call *call, struct slice text)
{
	rule_spend(call, text.len);
	rule_push_string(call, text);
	return RULE_RETURN;
}

/* ---- get ---------------------------------------------------------------------------------------------- */

static enum rule_answer answer_get(struct rule_call *call, struct question *q)
{
	if (!has_bytes(call, q, q->count))
		return RULE_WAIT;
	struct slice text = text_of(call, q);
	if (q->count > 0 && q->count < text.len)
		text.len = q->count;
	return push_text(call, text);
}

static enum rule_answer get(struct rule_call *call, bool is_response)
{
	struct question q = { .answer = answer_get, .is_response = is_response };
	if (!rule_argument_is_absent(call, 1))
		q.count = (size_t)rule_argument_integer(call, 1, 0, BYTES_MOST);
	return answer_get(call, &q);
}

static enum rule_answer get_request(struct rule_call *call)
{
	return get(call, false);
}

static enum rule_answer get_response(struct rule_call *call)
{
	return get(call, true);
}

/* ---- lines -------------------------------------------------------------------------------------------- */

/* Where the first match behind `from` ends; 0: there is none. */
static size_t find_end(struct rule_call *call, const struct question *q, struct slice text,
		       size_t from)
{
	if (slice_is_absent(q->pattern)) {
		size_t start = q->seen > from ? q->seen : from;
		rule_spend(call, text.len - start);
		size_t at = start + slice_find(slice_skip(text, start), '\n');
		return at < text.len ? at + 1 : 0;
	}
	const struct regex *regex = api_regex_find(call, 1, q->pattern, 0);
	if (!api_regex_match(call, regex, text, from))
		return 0;
	struct slice found = regex_group(regex, text, 0);
	return (size_t)(found.at - text.at) + found.len;
}

/* Behind what is there no more will come. */
static bool is_all(struct rule_call *call, const struct question *q)
{
	const struct txn_look *look = look_of(api_txn(call), q);
	return !can_read(call, q) || look->is_over || look->from == NULL ||
	       look->end <= buf_len(&look->held);
}

static enum rule_answer answer_line(struct rule_call *call, struct question *q)
{
	if (!has_bytes(call, q, q->count + 1))
		return RULE_WAIT;
	for (;;) {
		struct slice text = text_of(call, q);
		if (q->count >= text.len) {
			rule_push_nil(call);
			return RULE_RETURN;
		}
		size_t end = find_end(call, q, text, q->count);
		if (end == 0 && is_all(call, q))
			end = text.len;
		if (end > 0) {
			push_text(call, slice_of(text.at + q->count, end - q->count));
			rule_push_integer(call, (int64_t)end + 1);
			return RULE_RETURN;
		}
		q->seen = text.len;
		if (!has_bytes(call, q, text.len + 1))
			return RULE_WAIT;
	}
}

static struct slice pattern_argument(struct rule_call *call, unsigned n)
{
	return rule_argument_is_absent(call, n) ? SLICE_ABSENT : rule_argument_string(call, n);
}

static enum rule_answer get_line(struct rule_call *call, bool is_response)
{
	struct question q = { .answer = answer_line,
			      .is_response = is_response,
			      .pattern = pattern_argument(call, 1) };
	if (!rule_argument_is_absent(call, 2))
		q.count = (size_t)rule_argument_integer(call, 2, 1, BYTES_MOST) - 1;
	if (!slice_is_absent(q.pattern))
		api_regex_find(call, 1, q.pattern, 0);
	return answer_line(call, &q);
}

static enum rule_answer get_request_line(struct rule_call *call)
{
	return get_line(call, false);
}

static enum rule_answer get_response_line(struct rule_call *call)
{
	return get_line(call, true);
}

/* ---- where the request ends ----------------------------------------------------------------------------- */

static enum rule_answer end_request(struct rule_call *call, size_t end)
{
	struct txn_look *look = api_txn(call)->request_look;
	size_t held = buf_len(&look->held);
	look->end = end < held ? end : held;
	return push_text(call, txn_look_text(look));
}

static enum rule_answer answer_ends_at(struct rule_call *call, struct question *q)
{
	return has_bytes(call, q, q->count) ? end_request(call, q->count) : RULE_WAIT;
}

static enum rule_answer ends_at(struct rule_call *call)
{
	struct question q = { .answer = answer_ends_at };
	q.count = (size_t)rule_argument_integer(call, 1, 1, BYTES_MOST);
	api_txn(call)->request_look->end = TXN_LOOK_NO_END;
	return answer_ends_at(call, &q);
}

static enum rule_answer answer_ends_with(struct rule_call *call, struct question *q)
{
	if (!has_bytes(call, q, 1))
		return RULE_WAIT;
	for (;;) {
		struct slice text = text_of(call, q);
		size_t end = find_end(call, q, text, 0);
		if (end > 0 || is_all(call, q))
			return end_request(call, end > 0 ? end : text.len);
		if (!has_bytes(call, q, text.len + 1))
			return RULE_WAIT;
	}
}

static enum rule_answer ends_with(struct rule_call *call)
{
	struct question q = { .answer = answer_ends_with,
			      .pattern = rule_argument_string(call, 1) };
	api_regex_find(call, 1, q.pattern, 0);
	api_txn(call)->request_look->end = TXN_LOOK_NO_END;
	return answer_ends_with(call, &q);
}

/* ---- other bytes in their place --------------------------------------------------------------------------- */

static void check_room(struct rule_call *call, size_t len)
{
	const struct txn *t = api_txn(call);
	size_t most = t->vserver->rule_limits.memory;
	if (len > most)
		rule_error(call, "the bytes are more than rules.memory (%zu)", most);
	if (t->protocol->is_datagram && len > DATAGRAM_MOST)
		rule_error(call, "%zu bytes are more than a datagram can have (%d)", len,
			   DATAGRAM_MOST);
}

static enum rule_answer set(struct rule_call *call, struct txn_look *look)
{
	struct slice data = api_text(call, 1);
	check_room(call, data.len);
	txn_look_ask(look, 0);
	txn_look_replace(look, data);
	return RULE_RETURN;
}

static enum rule_answer set_request(struct rule_call *call)
{
	return set(call, api_txn(call)->request_look);
}

static enum rule_answer set_response(struct rule_call *call)
{
	return set(call, api_txn(call)->response_look);
}

static enum rule_answer answer_skip(struct rule_call *call, struct question *q)
{
	if (!has_bytes(call, q, q->count))
		return RULE_WAIT;
	txn_look_drop(api_txn(call)->request_look, q->count);
	return RULE_RETURN;
}

static enum rule_answer skip(struct rule_call *call)
{
	struct question q = { .answer = answer_skip };
	q.count = (size_t)rule_argument_integer(call, 1, 0, BYTES_MOST);
	return answer_skip(call, &q);
}

static enum rule_answer send_response(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct slice data = api_text(call, 1);
	check_room(call, data.len);
	t->rule_answer = arena_copy(api_arena(call), data);
	return RULE_RETURN;
}

static enum rule_answer append(struct rule_call *call)
{
	struct txn_look *look = api_txn(call)->response_look;
	struct slice data = api_text(call, 1);
	txn_look_ask(look, 0);
	check_room(call, buf_len(&look->held) + data.len);
	buf_append(&look->held, data, SIZE_MAX);
	return RULE_RETURN;
}

/* ---- on its way ------------------------------------------------------------------------------------------- */

static enum rule_answer flushed(struct rule_call *call)
{
	txn_rules_waited(api_txn(call));
	return RULE_RETURN;
}

static enum rule_answer flush(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct txn_look *look = t->response_look;
	txn_look_ask(look, 0);
	struct slice text = txn_look_text(look);
	if (!rule_argument_is_absent(call, 1)) {
		size_t count = (size_t)rule_argument_integer(call, 1, 0, BYTES_MOST);
		text.len = count < text.len ? count : text.len;
	}
	rule_spend(call, text.len);
	if (text.len == 0)
		return RULE_RETURN;
	/* a client that breaks at it ends the session when the rule next waits or is done */
	stream_write_slice(&t->session->client, text);
	txn_answer_begins(t);
	txn_look_drop(look, text.len);
	if (stream_is_flushed(&t->session->client))
		return RULE_RETURN;
	txn_tcp_turn_wait_flushed(t);
	rule_wait(call, flushed);
	return RULE_WAIT;
}

static enum rule_answer close_node(struct rule_call *call)
{
	struct txn_tcp *tcp = api_txn(call)->tcp;
	txn_look_ask(&tcp->response, 0);
	tcp->response.from = NULL;
	tcp->drops_node = true;
	return RULE_RETURN;
}

#define ON_HTTP(instead) "for TCP and UDP; on HTTP write " instead ". "
#define ON_HTTP_OR_UDP(instead) "for TCP; on HTTP write " instead ". "
#define RAW RULE_NOT_ON(RULE_HTTP)
#define TCP (RULE_NOT_ON(RULE_HTTP) | RULE_NOT_ON(RULE_UDP))
#define TURNS (RULE_NOT_ON(RULE_HTTP) | RULE_NOT_ON(RULE_STREAM))
#define BOTH (RULE_IN_REQUEST | RULE_IN_RESPONSE)
#define BOUND "More than `rules: {buffer}` is an error."
#define CLIENT_WAIT "Waits for them, at most `timeouts: {connect}`; " BOUND
#define LINES \
	"from `offset` (by default 1) on, up to and with what matches the regular expression (PCRE2; by default " \
	"the end of a line), and the offset of the next line. Waits for it. When no more will come, the rest; nil " \
	"when there is none. " BOUND

/* clang-format off */
static const struct rule_function functions[] = {
	{ "request.get", get_request, BOTH | RULE_WAITS | RAW, "count?: integer", "string",
	  ON_HTTP("http.getBody(), http.getRequest() for the head")
	  "The first `count` bytes of the request; less if the client ends before. Without `count`, or with 0, "
	  "what has come so far, maybe nothing. " CLIENT_WAIT " In response rules: what was read of it before. On UDP: of the session's first datagram, which is whole.",
	  "request.get" },
	{ "request.getLine", get_request_line, RULE_IN_ANY | RULE_WAITS | TURNS,
	  "regex?: string, offset?: integer", "string|nil, integer", ON_HTTP("http.getBodyLines()")
	  "The line of the request " LINES " In later rules: of what was read before.", "request.getLine" },
	{ "request.endsAt", ends_at, RULE_IN_REQUEST | RULE_WAITS | TURNS | RULE_NOT_ON(RULE_UDP), "offset: integer", "string",
	  ON_HTTP_OR_UDP("nothing: the head says where a request ends")
	  "The request has so many bytes, and is given; what follows belongs to the next one, which waits until "
	  "the node has begun to answer. Only a request of which the end is known can be sent to another node, "
	  "and has to be answered within the pool's `timeouts: {reply}`. " CLIENT_WAIT, "request.endsAt" },
	{ "request.endsWith", ends_with, RULE_IN_REQUEST | RULE_WAITS | TURNS | RULE_NOT_ON(RULE_UDP), "regex: string", "string",
	  ON_HTTP_OR_UDP("nothing: the head says where a request ends")
	  "The same, but the request ends with the first match of the regular expression (PCRE2), or where the "
	  "client ends.", "request.endsWith" },
	{ "request.set", set_request, RULE_IN_REQUEST | RAW, "data: string", "",
	  ON_HTTP("http.setBody(body)")
	  "Puts other bytes in place of the request: of what has come of it so far, or of all of it where its end "
	  "was said. On UDP: of the first datagram, at most 65,507 bytes.", "request.set" },
	{ "request.skip", skip, RULE_IN_REQUEST | RULE_WAITS | RAW, "count: integer", "",
	  ON_HTTP("http.setBody(body)") "Drops the first bytes of the request. " CLIENT_WAIT, "request.skip" },
	{ "request.sendResponse", send_response, RULE_IN_REQUEST | RAW, "data: string", "",
	  ON_HTTP("http.sendResponse(code, type, body, headers)")
	  "Answers the request with these bytes when all request rules have run; nothing of it goes to a node. A "
	  "session in turns goes on with the client's next bytes, another one ends. On UDP: with one datagram, of at most 65,507 bytes.", "request.sendResponse" },
	{ "response.get", get_response, RULE_IN_RESPONSE | RULE_WAITS | RAW, "count?: integer", "string",
	  ON_HTTP("http.getResponseBody(), http.getResponse() for the head")
	  "The first `count` bytes of the response; less if the node ends before. Without `count`, or with 0, what "
	  "has come so far: there is no other sign of its end. Waits for them. On UDP: of the first answer, which "
	  "is whole. " BOUND, "response.get" },
	{ "response.getLine", get_response_line, RULE_IN_RESPONSE | RULE_IN_COMPLETION | RULE_WAITS | TURNS,
	  "regex?: string, offset?: integer", "string|nil, integer", ON_HTTP("http.getResponseBodyLines()")
	  "The line of the response " LINES, "response.getLine" },
	{ "response.set", set_response, RULE_IN_RESPONSE | RAW, "data: string", "",
	  ON_HTTP("http.setResponseBody(body)")
	  "Puts other bytes in place of what has come of the response so far. On UDP: of the first answer, at "
	  "most 65,507 bytes.", "response.set" },
	{ "response.append", append, RULE_IN_RESPONSE | RAW, "data: string", "",
	  ON_HTTP("http.setResponseBody(body)")
	  "Adds bytes behind what has come of the response so far. On UDP: to the first answer.", "response.append" },
	{ "response.flush", flush, RULE_IN_RESPONSE | RULE_WAITS | TCP, "count?: integer", "",
	  ON_HTTP_OR_UDP("http.stream.writeResponse(data)")
	  "Sends the first `count` bytes of the response to the client now, by default all that have come, and "
	  "waits until it has taken them. The response begins behind them then.", "response.flush" },
	{ "response.close", close_node, RULE_IN_RESPONSE | TCP, "", "",
	  ON_HTTP_OR_UDP("nothing: weir ends a node's connection when the answer says so")
	  "Ends the node's connection; what has come of the response goes to the client. A session in turns gets "
	  "another connection with the client's next request, another one ends.", "response.close" },
};
/* clang-format on */

API_FAMILY(api_stream, functions);
