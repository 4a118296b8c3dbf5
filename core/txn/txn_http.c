/*
 * One HTTP transaction, in reading order: the table of steps is in txn_http.h. It is long because
 * the whole life of a request stands here on one page, but for the node (txn_node.c) and the rules
 * (txn_rules.c).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_http.h"

#include "base/check.h"
#include "base/clock.h"
#include "http/http_cookie.h"
#include "http/http_write.h"
#include "txn/session_limit.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_cache.h"
#include "txn/txn_compress.h"
#include "txn/txn_hold.h"
#include "txn/txn_node.h"
#include "txn/txn_out.h"
#include "txn/txn_persist.h"
#include "txn/txn_queue.h"
#include "txn/txn_rules.h"
#include "txn/txn_trace.h"

/* How much of a refused request's first line is logged. */
#define REFUSED_LOG_BYTES 200

/* ---- how long a step may wait ------------------------------------------------------------------- */

static uint64_t after(uint64_t since, uint64_t milliseconds)
{
	return milliseconds == 0 ? TIMER_NEVER : since + milliseconds;
}

static uint64_t until_request(const struct txn *t)
{
	return after(t->step_since, t->vserver->conf->connect_milliseconds);
}

static uint64_t nearer(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* A client that keeps us waiting has a deadline of its own. */
static uint64_t until_client(const struct txn *t)
{
	if (t->up.state != TXN_BODY_MOVING && t->up.state != TXN_BODY_HELD && !t->waits_for_client)
		return TIMER_NEVER;
	return txn_pace_deadline(t);
}

/* So it has while a rule waits for its body, or for its taking more of the answer. */
static uint64_t until_rules(const struct txn *t)
{
	uint64_t wall = after(t->step_since, t->vserver->conf->rules.wall_milliseconds);
	return t->end == TXN_END_NONE ? nearer(wall, until_client(t)) : wall;
}

static uint64_t until_idle(const struct txn *t)
{
	uint64_t since = t->moved_at > t->step_since ? t->moved_at : t->step_since;
	return nearer(after(since, t->vserver->conf->idle_milliseconds), until_client(t));
}

static uint64_t until_connected(const struct txn *t)
{
	return after(t->step_since, t->pool->conf->connect_milliseconds);
}

static uint64_t until_head(const struct txn *t)
{
	uint64_t since = t->sent_at > t->step_since ? t->sent_at : t->step_since;
	return after(since, txn_orders_reply_milliseconds(t));
}

/*
 * The node's time to reply runs once it has the whole request; until then the client may be slow.
 * It is for all of the head, with the 1xx before it: a node could send these for ever.
 */
static uint64_t until_reply(const struct txn *t)
{
	if (t->up.state == TXN_BODY_MOVING)
		return until_idle(t);
	return nearer(until_head(t), until_client(t));
}

static enum txn_next on_request_timeout(struct txn *t)
{
	return txn_end(t, TXN_END_REQUEST_TIMEOUT, NULL);
}

static enum txn_next give_up(struct txn *t, enum txn_end end)
{
	t->is_untaken = !stream_is_flushed(&t->session->client);
	if (t->end != TXN_END_NONE) { /* an answer of ours that the client does not take */
		t->is_cut = true;
		txn_go(t, TXN_HTTP_COMPLETION_RULES);
		return TXN_GO_ON;
	}
	return txn_end(t, end, NULL);
}

/* Ends it when the client is to blame. TXN_WAIT: it is not. */
static enum txn_next check_pace(struct txn *t)
{
	static const enum txn_end ends[] = {
		[TXN_PACE_BODY_LATE] = TXN_END_BODY_TIMEOUT,
		[TXN_PACE_UPLOAD_SLOW] = TXN_END_SLOW_UPLOAD,
		[TXN_PACE_DOWNLOAD_SLOW] = TXN_END_SLOW_DOWNLOAD,
	};
	enum txn_pace_result result = txn_pace_check(t);
	return result == TXN_PACE_FINE ? TXN_WAIT : give_up(t, ends[result]);
}

static enum txn_next on_rules_timeout(struct txn *t)
{
	if (t->end == TXN_END_NONE && check_pace(t) == TXN_GO_ON)
		return TXN_GO_ON;
	return until_rules(t) > clock_milliseconds() ? TXN_WAIT : txn_rules_timeout(t);
}

static enum txn_next on_idle_timeout(struct txn *t)
{
	if (check_pace(t) == TXN_GO_ON)
		return TXN_GO_ON;
	/* the client may just have earned more time */
	return until_idle(t) > clock_milliseconds() ? TXN_WAIT : give_up(t, TXN_END_IDLE_TIMEOUT);
}

/* A request that does not get on waits for whoever does not take or bring its next byte. */
static enum txn_next on_reply_timeout(struct txn *t)
{
	bool waits_for_client = t->up.state == TXN_BODY_MOVING &&
				stream_is_flushed(&t->connection->stream);
	if (waits_for_client)
		return on_idle_timeout(t);
	if (check_pace(t) == TXN_GO_ON)
		return TXN_GO_ON;
	return until_reply(t) > clock_milliseconds() ? TXN_WAIT : txn_node_reply_timeout(t);
}

/* Our line in Via: the version in which the message came to us, and our name (RFC 9110 7.6.3). */
static struct slice via(const struct txn *t, unsigned version_minor)
{
	if (!t->vserver->conf->add_via)
		return SLICE_ABSENT;
	return version_minor == 0 ? SLICE("1.0 weir") : SLICE("1.1 weir");
}

/* ---- what became of the bodies ---------------------------------------------------------------------- */

/* What the request body met with, while the answer is still to come. TXN_WAIT: nothing bad. */
static enum txn_next check_up(struct txn *t)
{
	switch (t->up.state) {
	case TXN_BODY_FROM_BROKEN:
		return txn_end(t, TXN_END_CLIENT_GONE, NULL);
	case TXN_BODY_FROM_CUT:
		return txn_end(t, TXN_END_CLIENT_CUT, NULL);
	case TXN_BODY_BAD:
		t->keep_client = false;
		if (!t->is_answer_begun)
			t->answer_status = http_reason_status(t->up.relay.why);
		return txn_refuse(t, TXN_END_BODY_BAD, refusal_of_request(t->up.relay.why));
	case TXN_BODY_TO_BROKEN: /* the node may have answered before it closed: read on */
	case TXN_BODY_OFF:
	case TXN_BODY_HELD:
	case TXN_BODY_MOVING:
	case TXN_BODY_DONE:
		break;
	}
	return TXN_WAIT;
}

static enum txn_next node_is_refused(struct txn *t, enum http_reason why)
{
	node_failed(t->node);
	return txn_refuse(t, t->is_answer_begun ? TXN_END_NODE_CUT : TXN_END_NODE_BAD,
			  refusal_of_answer(why));
}

/* Bad news from the answer's way to the client. TXN_WAIT: none. */
static enum txn_next check_down(struct txn *t)
{
	switch (t->down.state) {
	case TXN_BODY_FROM_BROKEN:
	case TXN_BODY_FROM_CUT:
		node_failed(t->node);
		if (!t->is_answer_begun) /* there is still time for an answer of our own */
			t->answer_status = 502;
		return txn_end(t, TXN_END_NODE_CUT, NULL);
	case TXN_BODY_BAD:
		return node_is_refused(t, t->down.relay.why);
	case TXN_BODY_TO_BROKEN:
		return txn_end(t, TXN_END_CLIENT_GONE, NULL);
	case TXN_BODY_OFF:
	case TXN_BODY_HELD:
	case TXN_BODY_MOVING:
	case TXN_BODY_DONE:
		break;
	}
	return TXN_WAIT;
}

/* ---- the request ---------------------------------------------------------------------------------- */

static enum txn_next request_is_read(struct txn *t, size_t used)
{
	inbox_use(&t->session->inbox, used);
	t->scan = (struct http_head_scan){ 0 };
	t->has_request = true;
	t->wants_head_only = t->request.method_id == HTTP_METHOD_HEAD;
	t->keep_client = t->request.keep_alive && t->vserver->conf->keepalive &&
			 !t->vserver->world->is_stopping;
	t->times.request = clock_microseconds();
	if (t->vserver->conf->compress.enabled)
		txn_compress_for(t);
	txn_trace_request(t);
	txn_go(t, TXN_HTTP_REQUEST_RULES);
	return TXN_GO_ON;
}

static enum txn_next request_is_refused(struct txn *t, enum http_reason why)
{
	/* for the log: what it was that we refused */
	struct slice line = inbox_slice(&t->session->inbox);
	line.len = slice_find(line, '\r') < REFUSED_LOG_BYTES ? slice_find(line, '\r')
							      : REFUSED_LOG_BYTES;
	t->refused_line = arena_copy(&t->arena, line);
	t->answer_status = http_reason_status(why);
	t->keep_client = false;
	return txn_refuse(t, TXN_END_BAD_REQUEST, refusal_of_request(why));
}

/* The client ended or broke before its request was whole. */
static enum txn_next request_is_cut(struct txn *t)
{
	t->keep_client = false;
	return txn_end(t, TXN_END_CLIENT_GONE, NULL);
}

static enum txn_next txn_http_read_request(struct txn *t)
{
	const struct conf_vserver *conf = t->vserver->conf;
	struct session *s = t->session;
	for (;;) {
		size_t used = 0;
		enum http_reason why = HTTP_REASON_NONE;
		switch (http_request_parse(inbox_slice(&s->inbox), &t->vserver->http_limits,
					   &t->arena, &t->scan, &t->request, &used, &why)) {
		case HTTP_DONE:
			return request_is_read(t, used);
		case HTTP_BAD:
			return request_is_refused(t, why);
		case HTTP_MORE:
			break;
		}
		if (!s->client.is_readable && !s->client.is_eof)
			return TXN_WAIT;
		/* the parser refuses a head that is too large, so there is always room for more */
		switch (inbox_read(&s->inbox, &s->client, (size_t)conf->max_client_buffer,
				   (size_t)(conf->max_head + conf->max_client_buffer))) {
		case IO_OK:
			break;
		case IO_WAIT:
			return TXN_WAIT;
		case IO_EOF:
		case IO_FAIL:
			return request_is_cut(t);
		}
	}
}

/*
 * OPTIONS and TRACE go as far as Max-Forwards says (RFC 9110 7.6.2). At the end of their way OPTIONS
 * gets an empty answer; TRACE is not reflected: what it would show, credentials and what proxies
 * added, is not for whoever can make a browser send it.
 */
static void count_hop(struct txn *t)
{
	unsigned hops;
	struct http_fields *fields = &t->request.fields;
	struct slice name = SLICE("Max-Forwards");
	/* a rule may have written what is no number: the node gets what the rule decided */
	if (http_fields_find(fields, name) == NULL || !http_max_forwards(fields, &hops))
		return;
	if (hops > 0) {
		http_fields_set(fields, &t->arena, name, arena_print(&t->arena, "%u", hops - 1));
		return;
	}
	if (t->request.method_id == HTTP_METHOD_OPTIONS)
		txn_http_set_answer(t, 200, SLICE_ABSENT, SLICE_ABSENT, SLICE(""), SLICE(""));
	else
		t->answer_status = 501;
	txn_end(t, TXN_END_LAST_HOP, NULL);
}

/* A rule is parked, maybe for a body. */
static __attribute__((noinline)) enum txn_next wait_in_rules(struct txn *t)
{
	if (t->end != TXN_END_NONE || check_up(t) == TXN_GO_ON)
		return TXN_GO_ON;
	if (t->out != NULL) {
		txn_out_flush(t);
		if (t->session->client.error != 0)
			return txn_end(t, TXN_END_CLIENT_GONE, NULL);
	}
	return check_down(t);
}

/* All rules have run, and one of them began an answer that goes no further by itself. */
static __attribute__((noinline)) enum txn_next end_started_answer(struct txn *t)
{
	if (!t->out->is_ended && txn_out_is_short(t))
		return txn_end(t, TXN_END_RULE_FAILED, "an answer is shorter than it announced");
	if (!t->out->is_ended)
		txn_out_end(t);
	return txn_end(t, TXN_END_ANSWERED, NULL);
}

static enum txn_next txn_http_request_rules(struct txn *t)
{
	if (!txn_rules_run(t, RULE_REQUEST))
		return wait_in_rules(t);
	if (t->out != NULL)
		return end_started_answer(t);
	t->times.rules = clock_microseconds();
	if (http_method_counts_hops(t->request.method_id))
		count_hop(t);
	if (txn_cache_is_used(t) && txn_cache_look(t))
		return TXN_GO_ON;
	txn_go(t, TXN_HTTP_CHOOSE_NODE);
	return TXN_GO_ON;
}

/* ---- to the node ------------------------------------------------------------------------------------ */

static struct slice client_ip(struct txn *t)
{
	char *text = arena_alloc(&t->arena, ADDR_TEXT_BYTES);
	return slice_of_string(addr_format_ip(&t->remote, text));
}

struct slice txn_http_destination(struct txn *t)
{
	char text[ADDR_TEXT_BYTES];
	return arena_copy(&t->arena, slice_of_string(addr_format(session_dest(t->session), text)));
}

static struct slice request_head(struct txn *t)
{
	const struct conf_vserver *conf = t->vserver->conf;
	struct slice ip = conf->add_cluster_ip || conf->add_x_forwarded_for ? client_ip(t)
									    : SLICE_ABSENT;
	/* a request with a body is not switched: its body and the tunnel could be confused */
	bool upgrade = t->request.wants_upgrade && t->request.body == HTTP_BODY_NONE;
	struct http_additions add = {
		.body = t->request.body,
		.content_length = t->request.content_length,
		.upgrade = upgrade,
		.close = !t->pool->conf->keepalive && !upgrade,
		.trailers = t->request.accepts_trailers,
		.expect = t->request.expects_continue,
		.via = via(t, t->request.version_minor),
		.cluster_client_ip = conf->add_cluster_ip ? ip : SLICE_ABSENT,
		.forwarded_for = conf->add_x_forwarded_for ? ip : SLICE_ABSENT,
		.forwarded_proto = conf->add_x_forwarded_proto ? SLICE("http") : SLICE_ABSENT,
		.strip_forwarded_proto = conf->strip_x_forwarded_proto,
	};
	bool is_as_received = !slice_is_absent(t->request.authority) && t->cache == NULL;
	if (is_as_received)
		return http_write_request(&t->arena, &t->request, &add);
	struct http_request request = t->request;
	if (slice_is_absent(request.authority))
		request.authority = txn_http_destination(t);
	if (t->cache != NULL)
		txn_cache_ask(t, &request);
	return http_write_request(&t->arena, &request, &add);
}

static void start_up(struct txn *t)
{
	if (t->body_since == 0) /* else the request is sent once more */
		t->body_since = clock_milliseconds();
	if (t->up.hold == NULL)
		http_relay_init(&t->up.relay, t->request.body, t->request.content_length,
				t->request.body, &t->vserver->http_limits, &t->arena);
	t->up.relay.out = t->request.body;
	t->up.relay.send_trailers = true;
	txn_body_start(&t->up, &t->session->client, &t->session->inbox, &t->connection->stream,
		       txn_node_announce(t, request_head(t)),
		       (size_t)t->vserver->conf->max_client_buffer);
	txn_bandwidth_of_request(t);
	if (t->up.hold != NULL)
		txn_hold_start(&t->up);
}

static enum txn_next txn_http_send_request(struct txn *t)
{
	if (t->up.state == TXN_BODY_OFF || t->up.state == TXN_BODY_HELD)
		start_up(t);
	txn_body_move(&t->up);
	/* a body that is broken where it begins keeps the head back too */
	if (check_up(t) == TXN_GO_ON)
		return TXN_GO_ON;
	if (t->up.state == TXN_BODY_TO_BROKEN && t->up.head.len > 0)
		return txn_node_lost(t);
	if (t->up.head.len > 0)
		return TXN_WAIT;
	t->times.sent = clock_microseconds();
	txn_go(t, TXN_HTTP_READ_RESPONSE);
	return TXN_GO_ON;
}

/* ---- from the node ---------------------------------------------------------------------------------- */

/* 100 to 199: passed on as they come, but not to a client of HTTP/1.0, which does not know them. */
static enum txn_next pass_informational(struct txn *t)
{
	if (++t->informational > t->vserver->conf->max_informational)
		return node_is_refused(t, HTTP_REASON_INFORMATIONAL_MOST);
	if (t->request.version_minor == 0)
		return TXN_GO_ON;
	struct http_additions add = { .body = HTTP_BODY_NONE,
				      .via = via(t, t->response.version_minor) };
	if (stream_write_slice(&t->session->client,
			       http_write_response(&t->arena, &t->response, &add)) == IO_FAIL)
		return txn_end(t, TXN_END_CLIENT_GONE, NULL);
	return TXN_GO_ON;
}

/* What request rules said about the answer before there was one. */
static void apply_wishes(struct txn *t)
{
	struct http_cookie_position position = { 0 };
	struct slice name, value, attributes;
	while (http_set_cookie_next(&t->wishes.cookies, &position, &name, &value, &attributes))
		http_set_cookie_set(&t->response.fields, &t->arena, name, value, attributes);
	if (t->wishes.status == 0 || t->response.body == HTTP_BODY_TUNNEL)
		return;
	t->response.status = t->wishes.status;
	t->response.reason = t->wishes.reason;
}

void txn_http_has_answer(struct txn *t)
{
	t->has_response = true;
	apply_wishes(t);
	t->times.response = clock_microseconds();
	txn_go(t, TXN_HTTP_RESPONSE_RULES);
}

static enum txn_next response_is_read(struct txn *t, size_t used)
{
	inbox_use(&t->connection->inbox, used);
	t->scan = (struct http_head_scan){ 0 };
	bool is_switch = t->response.status == 101;
	if (t->response.status < 200 && !is_switch)
		return pass_informational(t);
	bool is_asked = t->request.wants_upgrade && t->request.body == HTTP_BODY_NONE &&
			http_upgrade_is_offered(&t->request.fields, &t->response.fields);
	if (is_switch && !is_asked)
		return node_is_refused(t, HTTP_REASON_SWITCH_UNASKED);
	txn_trace_response(t);
	node_succeeded(t->node);
	if (t->cache != NULL && !txn_cache_take(t))
		return TXN_GO_ON;
	t->has_response = true;
	if (t->persist != NULL && t->down.stored == NULL)
		txn_persist_answer(t);
	txn_http_has_answer(t);
	return TXN_GO_ON;
}

static enum txn_next txn_http_read_response(struct txn *t)
{
	struct node_connection *c = t->connection;
	if (check_up(t) == TXN_GO_ON)
		return TXN_GO_ON;
	for (;;) {
		size_t used = 0;
		enum http_reason why = HTTP_REASON_NONE;
		struct slice received = inbox_slice(&c->inbox);
		switch (received.len == 0
				? HTTP_MORE
				: http_response_parse(received, &t->vserver->http_limits, &t->arena,
						      &t->scan, t->request.method_id, &t->response,
						      &used, &why)) {
		case HTTP_DONE:
			return response_is_read(t, used);
		case HTTP_BAD:
			return node_is_refused(t, why);
		case HTTP_MORE:
			break;
		}
		if (!c->stream.is_readable && !c->stream.is_eof &&
		    t->up.state != TXN_BODY_TO_BROKEN)
			return TXN_WAIT;
		switch (inbox_read(&c->inbox, &c->stream,
				   (size_t)t->vserver->conf->max_server_buffer,
				   INBOX_SHARED_BYTES)) {
		case IO_OK:
			break;
		case IO_WAIT:
			return TXN_WAIT;
		case IO_EOF:
		case IO_FAIL:
			return txn_node_lost(t);
		}
	}
}

/* Rules have read the body, or begun to answer. TXN_WAIT: nothing came of it. */
static __attribute__((noinline)) enum txn_next end_looked_into(struct txn *t)
{
	if (t->out == NULL && t->down.hold != NULL && t->down.hold->is_stream)
		return txn_end(t, TXN_END_RULE_FAILED,
			       "a body was read by http.stream for nothing");
	if (t->out != NULL && !t->down.pumps)
		return end_started_answer(t);
	if (t->out != NULL) { /* what follows comes from the node again */
		t->down.state = TXN_BODY_MOVING;
		txn_go(t, TXN_HTTP_RELAY);
		if (t->cache != NULL)
			txn_cache_send(t);
		txn_body_move(&t->down);
		return TXN_GO_ON;
	}
	return TXN_WAIT;
}

static enum txn_next txn_http_response_rules(struct txn *t)
{
	if (!txn_rules_run(t, RULE_RESPONSE))
		return wait_in_rules(t);
	if (t->orders != NULL && t->orders->wants_retry)
		return txn_node_retry(t);
	bool is_looked_into = t->out != NULL || t->down.hold != NULL;
	if (is_looked_into && end_looked_into(t) == TXN_GO_ON)
		return TXN_GO_ON;
	txn_go(t, TXN_HTTP_SEND_RESPONSE);
	return TXN_GO_ON;
}

/* ---- to the client ---------------------------------------------------------------------------------- */

/*
 * Whether the client expects a body depends on what it asked and on the status that it gets, which
 * rules may have changed since the node saw the method or said its own status (RFC 9112 6.3).
 */
static bool client_expects_body(const struct txn *t)
{
	return !t->wants_head_only && t->response.status != 204 && t->response.status != 304;
}

/* How the end of the answer is told to this client. A body that it does not expect is swallowed. */
static enum http_body_kind framing_for_client(const struct txn *t, bool is_compressed)
{
	if (t->response.body == HTTP_BODY_TUNNEL)
		return HTTP_BODY_UNTIL_CLOSE;
	if (!client_expects_body(t))
		return HTTP_BODY_NONE;
	bool is_counted = t->response.body == HTTP_BODY_NONE ||
			  t->response.body == HTTP_BODY_LENGTH;
	if (is_counted && !is_compressed)
		return HTTP_BODY_LENGTH;
	return t->request.version_minor == 0 ? HTTP_BODY_UNTIL_CLOSE : HTTP_BODY_CHUNKED;
}

bool txn_http_is_last(const struct txn *t)
{
	return t->vserver->world->is_stopping || session_limit_is_reached(t->session);
}

/* A 426 has to say which protocol it wants, on every hop (RFC 9110 15.5.22). */
static bool names_upgrade(const struct txn *t)
{
	return t->response.status == 426 &&
	       http_fields_find_id(&t->response.fields, HTTP_FIELD_UPGRADE) != NULL;
}

static struct slice response_head(struct txn *t, enum http_body_kind framing, bool is_compressed)
{
	bool is_tunnel = t->response.body == HTTP_BODY_TUNNEL;
	struct http_additions add = {
		.body = is_tunnel ? HTTP_BODY_NONE : framing,
		.content_length = t->response.body == HTTP_BODY_LENGTH ? t->response.content_length
								       : 0,
		.upgrade = is_tunnel || names_upgrade(t),
		.close = !t->keep_client && !is_tunnel,
		.keep_alive = t->keep_client && t->request.version_minor == 0,
		.announce_length = framing == HTTP_BODY_NONE && t->response.status != 204 &&
				   !is_compressed,
		.via = via(t, t->response.version_minor),
	};
	return http_write_response(&t->arena, &t->response, &add);
}

/* Is the answer's coding to be another one than the node's? */
static __attribute__((noinline)) bool begin_to_compress(struct txn *t)
{
	const struct http_response *r = &t->response;
	/* what the node says to HEAD, it says of what it would send */
	bool is_counted = r->body == HTTP_BODY_LENGTH ||
			  (r->body == HTTP_BODY_NONE && r->content_length > 0);
	return r->body != HTTP_BODY_TUNNEL &&
	       txn_compress_begin(t, &t->response, is_counted ? r->content_length : UINT64_MAX);
}

/* Does the client's connection close as soon as all of the answer is written? */
static bool ends_at_once(const struct txn *t)
{
	return !t->keep_client && t->vserver->rules[RULE_COMPLETION].count == 0;
}

static void start_tunnel(struct txn *t)
{
	txn_body_release(&t->up);
	http_relay_init(&t->up.relay, HTTP_BODY_UNTIL_CLOSE, 0, HTTP_BODY_UNTIL_CLOSE,
			&t->vserver->http_limits, &t->arena);
	txn_body_start(&t->up, &t->session->client, &t->session->inbox, &t->connection->stream,
		       (struct slice){ 0 }, (size_t)t->vserver->conf->max_client_buffer);
	t->up.is_tunnel = t->down.is_tunnel = true;
	t->up.is_last = t->down.is_last = false; /* one side may go on behind the other's end */
	t->up.ends_held = false;                 /* a rule may have said so of the request's body */
}

static enum txn_next txn_http_send_response(struct txn *t)
{
	bool is_tunnel = t->response.body == HTTP_BODY_TUNNEL;
	bool is_compressed = t->compress != NULL && begin_to_compress(t);
	enum http_body_kind framing = framing_for_client(t, is_compressed);
	/* a client that asked first and got its answer now will not send the body: no next request */
	bool owes_body = t->request.expects_continue && t->up.state == TXN_BODY_MOVING &&
			 !t->up.has_consumed;
	/* nor can one be found behind a body that a rule replaced before all of it had come */
	bool has_rest = t->up.ends_held && !txn_took_request(t);
	if (framing == HTTP_BODY_UNTIL_CLOSE || owes_body || has_rest || txn_http_is_last(t))
		t->keep_client = false;
	struct slice head = response_head(t, framing, is_compressed);
	if (t->down.hold == NULL)
		http_relay_init(
			&t->down.relay, is_tunnel ? HTTP_BODY_UNTIL_CLOSE : t->response.body,
			t->response.content_length, framing, &t->vserver->http_limits, &t->arena);
	t->down.relay.out = framing;
	t->down.relay.send_trailers = t->request.accepts_trailers;
	bool is_stored = t->down.stored != NULL;
	txn_body_start(&t->down, is_stored ? NULL : &t->connection->stream,
		       is_stored ? NULL : &t->connection->inbox, &t->session->client, head,
		       (size_t)t->vserver->conf->max_server_buffer);
	if (t->cache != NULL)
		txn_cache_send(t);
	txn_bandwidth_of_response(t);
	t->down.is_last = ends_at_once(t);
	if (t->down.hold != NULL)
		txn_hold_start(&t->down);
	if (t->down.compress != NULL)
		txn_compress_start(&t->down);
	if (is_tunnel)
		start_tunnel(t);
	txn_body_move(&t->up);
	txn_body_move(&t->down);
	txn_go(t, TXN_HTTP_RELAY);
	return TXN_GO_ON;
}

/* ---- both ways --------------------------------------------------------------------------------------- */

static enum txn_next relay_tunnel(struct txn *t)
{
	bool up_is_over = t->up.state != TXN_BODY_MOVING,
	     down_is_over = t->down.state != TXN_BODY_MOVING;
	bool is_broken = (up_is_over && t->up.state != TXN_BODY_DONE) ||
			 (down_is_over && t->down.state != TXN_BODY_DONE);
	if (!is_broken && !(up_is_over && down_is_over))
		return TXN_WAIT;
	t->keep_client = false;
	if (stream_flush(&t->session->client) == IO_WAIT && !is_broken)
		return TXN_WAIT;
	t->is_cut = is_broken;
	return txn_end(t, TXN_END_TUNNELLED, NULL);
}

static enum txn_next txn_http_relay(struct txn *t)
{
	if (t->down.head.len == 0)
		txn_answer_begins(t);
	if (t->down.is_tunnel)
		return relay_tunnel(t);
	if (check_down(t) == TXN_GO_ON || check_up(t) == TXN_GO_ON)
		return TXN_GO_ON;
	if (t->down.state == TXN_BODY_MOVING)
		return TXN_WAIT;
	/* the node has said all; a node that will not be asked again need not hear the rest either */
	bool up_goes_on = t->up.state == TXN_BODY_MOVING && t->response.keep_alive &&
			  t->keep_client;
	if (!up_goes_on)
		txn_release_node(t, t->up.state == TXN_BODY_DONE && t->response.keep_alive);
	if (up_goes_on)
		return TXN_WAIT;
	switch (stream_flush(&t->session->client)) {
	case IO_OK:
		break;
	case IO_WAIT:
	case IO_EOF:
		return TXN_WAIT;
	case IO_FAIL:
		return txn_end(t, TXN_END_CLIENT_GONE, NULL);
	}
	return txn_end(t, t->down.stored != NULL ? TXN_END_CACHED : TXN_END_OK, NULL);
}

/* ---- an answer of our own ---------------------------------------------------------------------------- */

void txn_http_set_answer(struct txn *t, unsigned status, struct slice reason,
			 struct slice content_type, struct slice body, struct slice extra)
{
	bool took_all = t->has_request && txn_took_request(t);
	t->keep_client = t->keep_client && took_all && !txn_http_is_last(t);
	t->answer_status = status;
	/* such a client waits for the end of the connection unless it is told that there is none */
	if (t->keep_client && t->request.version_minor == 0)
		extra = arena_print(&t->arena, "%.*sConnection: keep-alive\r\n",
				    SLICE_PRINT(extra));
	t->answer = http_write_answer(&t->arena, status, reason, content_type, body, extra,
				      t->wants_head_only, !t->keep_client);
}

/* Short, correct, and silent about which part of weir failed: that is in the log. */
static void set_default_answer(struct txn *t)
{
	unsigned status = t->answer_status != 0 ? t->answer_status : txn_end_status(t->end);
	struct slice body = arena_print(&t->arena, "%u %s\n", status, http_status_words(status));
	txn_http_set_answer(t, status, SLICE_ABSENT, SLICE("text/plain"), body, SLICE(""));
}

static enum txn_next txn_http_answer(struct txn *t)
{
	if (!t->is_answer_begun) {
		txn_answer_begins(t);
		if (slice_is_absent(t->answer))
			set_default_answer(t);
		struct iovec piece = { (void *)(uintptr_t)t->answer.at, t->answer.len };
		if (t->answer.len > 0 && ends_at_once(t))
			stream_write_last(&t->session->client, &piece, 1);
		else if (t->answer.len > 0)
			stream_write(&t->session->client, &piece, 1);
	}
	switch (stream_flush(&t->session->client)) {
	case IO_WAIT:
		return TXN_WAIT;
	case IO_OK:
	case IO_EOF:
	case IO_FAIL:
		break;
	}
	txn_go(t, TXN_HTTP_COMPLETION_RULES);
	return TXN_GO_ON;
}

/* Have both sides said all to each other, although the answer is the rule's? */
static bool may_reuse_node(const struct txn *t)
{
	return t->has_response && t->response.keep_alive && t->up.state == TXN_BODY_DONE &&
	       t->down.hold != NULL && t->down.relay.in.is_done && t->down.state == TXN_BODY_HELD;
}

/* After txn_end: an answer while there is time for one, else the connection tells that it broke. */
static unsigned step_after_end(struct txn *t)
{
	bool has_answer = !slice_is_absent(t->answer) || t->answer_status != 0 ||
			  txn_end_status(t->end) != 0;
	if (t->end == TXN_END_OK || t->end == TXN_END_CACHED || t->end == TXN_END_TUNNELLED)
		return TXN_HTTP_COMPLETION_RULES;
	bool is_written = t->end == TXN_END_ANSWERED && t->out != NULL && t->out->is_ended;
	txn_release_node(t, is_written && may_reuse_node(t));
	if (is_written)
		return TXN_HTTP_ANSWER;
	if (!t->is_answer_begun && has_answer)
		return TXN_HTTP_ANSWER;
	t->keep_client = false;
	t->is_cut = t->is_answer_begun;
	return TXN_HTTP_COMPLETION_RULES;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

/* A client that waits for the end of its connection need not wait for our rules. */
static void end_client(struct txn *t)
{
	if (!t->keep_client && !t->is_cut && t->end != TXN_END_CLIENT_TIMEOUT)
		stream_shut(&t->session->client);
}

static enum txn_next txn_http_completion_rules(struct txn *t)
{
	if (t->has_request && !txn_rules_run(t, RULE_COMPLETION)) {
		end_client(t);
		return TXN_WAIT;
	}
	txn_go(t, TXN_HTTP_FINISH);
	return TXN_GO_ON;
}

static enum txn_next txn_http_finish(struct txn *t)
{
	(void)t;
	return TXN_DONE;
}

/* ---- beside the steps ---------------------------------------------------------------------------------- */

static bool is_idempotent(const struct txn *t)
{
	if (t->repeat == TXN_REPEAT_BY_METHOD)
		return http_method_is_idempotent(t->request.method_id);
	return t->repeat == TXN_REPEAT_ALLOWED;
}

static bool is_whole(const struct txn *t)
{
	return t->request.body == HTTP_BODY_NONE || !t->up.has_consumed;
}

/* Only when both sides agree on where this message ended. */
static bool may_keep_client(const struct txn *t)
{
	const struct stream *client = &t->session->client;
	return t->keep_client && txn_took_request(t) && t->end != TXN_END_DISCARDED &&
	       client->error == 0 && !client->is_shut &&
	       (!client->is_eof || inbox_slice(&t->session->inbox).len > 0);
}

static enum txn_parting part(const struct txn *t)
{
	/* where the framing shows that something is missing an orderly end does, and delivers the rest */
	bool keep = may_keep_client(t) && !t->is_cut;
	/* whatever follows what was refused has no certain beginning: it must never be parsed */
	check(!keep || (t->end != TXN_END_BAD_REQUEST && t->end != TXN_END_BODY_BAD));
	bool cut = (t->is_cut && t->down.relay.out == HTTP_BODY_UNTIL_CLOSE) ||
		   (t->is_untaken && !stream_is_flushed(&t->session->client)) ||
		   t->end == TXN_END_CLIENT_TIMEOUT;
	if (cut)
		return TXN_PARTING_CUT;
	if (keep)
		return TXN_PARTING_KEEP;
	/* a client that said good-bye itself sends nothing more (RFC 9112 9.6) */
	bool linger = t->end == TXN_END_BAD_REQUEST ||
		      (t->has_request && (t->request.keep_alive || !txn_took_request(t)));
	return linger ? TXN_PARTING_LINGER : TXN_PARTING_END;
}

static const struct txn_step steps[] = {
#define X(name, run, until, then) [TXN_HTTP_##name] = { #name, run, until, then },
	TXN_HTTP_STEPS(X)
#undef X
};

const struct txn_protocol txn_http = {
	.steps = steps,
	.first_step = TXN_HTTP_READ_REQUEST,
	.choose_node = TXN_HTTP_CHOOSE_NODE,
	.queue = TXN_HTTP_QUEUE,
	.connect_node = TXN_HTTP_CONNECT_NODE,
	.connected = TXN_HTTP_SEND_REQUEST,
	.reuses_nodes = true,
	.step_after_end = step_after_end,
	.is_idempotent = is_idempotent,
	.is_whole = is_whole,
	.part = part,
};
