/* The life of a TCP session, from its beginning to its end: the table of steps is in txn_tcp.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_tcp.h"

#include "base/log.h"
#include "tls/client_hello.h"
#include "txn/txn_node.h"
#include "txn/txn_queue.h"
#include "txn/txn_rules.h"
#include "txn/txn_tcp_node.h"
#include "txn/txn_tcp_relay.h"
#include "txn/txn_tcp_time.h"
#include "txn/txn_tcp_turn.h"

/* ---- the beginning -------------------------------------------------------------------------------- */

static void begin(struct txn *t)
{
	enum conf_protocol protocol = t->vserver->conf->protocol;
	t->tcp = arena_new(&t->arena, sizeof *t->tcp);
	t->request_look = &t->tcp->request;
	t->response_look = &t->tcp->response;
	t->has_request = true;
	t->keep_client = false;
	t->tcp->has_turns = protocol != CONF_PROTOCOL_TCP &&
			    t->rules[RULE_REQUEST].count + t->rules[RULE_RESPONSE].count > 0;
	/* most clients speak first, and what they say is often here already */
	if (protocol == CONF_PROTOCOL_TCP)
		t->session->client.is_readable = true;
	txn_tcp_turn_begin(t);
	/* who speaks behind the server has said nothing yet: what comes is the next request */
	if (protocol == CONF_PROTOCOL_SERVER_FIRST && t->vserver->conf->banner == NULL &&
	    t->tcp->has_turns)
		t->tcp->request.end = 0;
}

static enum txn_next txn_tcp_greet(struct txn *t)
{
	struct slice banner = slice_of_string(t->vserver->conf->banner);
	if (stream_write_slice(txn_tcp_client(t), banner) == IO_FAIL)
		return txn_end(t, TXN_END_CLIENT_GONE, NULL);
	txn_go(t, TXN_TCP_AWAIT_CLIENT);
	return TXN_GO_ON;
}

/* The client's first bytes: those of a session that begins with them are here already. */
static enum txn_next txn_tcp_await_client(struct txn *t)
{
	struct session *s = t->session;
	enum io result = IO_OK;
	if (inbox_slice(&s->inbox).len == 0) {
		if (!s->client.is_readable && !s->client.is_eof)
			return TXN_WAIT;
		size_t most = (size_t)t->vserver->conf->max_client_buffer;
		result = inbox_read(&s->inbox, &s->client, most, most);
	}
	switch (result) {
	case IO_OK:
		txn_go(t, TXN_TCP_REQUEST_RULES);
		return TXN_GO_ON;
	case IO_WAIT:
		return TXN_WAIT;
	case IO_EOF:
	case IO_FAIL:
		break;
	}
	return txn_end(t, TXN_END_CLIENT_GONE, NULL);
}

/* ---- an answer of our own ---------------------------------------------------------------------------- */

static enum txn_next txn_tcp_answer(struct txn *t)
{
	if (!slice_is_absent(t->answer)) {
		stream_write_slice(txn_tcp_client(t), t->answer);
		t->answer = SLICE_ABSENT;
	}
	if (stream_flush(txn_tcp_client(t)) == IO_WAIT)
		return TXN_WAIT;
	txn_go(t, TXN_TCP_COMPLETION_RULES);
	return TXN_GO_ON;
}

/* ---- the end ------------------------------------------------------------------------------------------- */

/* Is it an end that neither side asked for, and that neither must take for an orderly one? */
static bool is_break(const struct txn *t)
{
	switch (t->end) {
	case TXN_END_REQUEST_TIMEOUT:
	case TXN_END_IDLE_TIMEOUT:
	case TXN_END_TRANSACTION_TIMEOUT:
	case TXN_END_SHUTDOWN:
		return false;
	default:
		return txn_end_is_failure(t->end);
	}
}

/* What one side broke off breaks off for the other. */
static unsigned step_after_end(struct txn *t)
{
	bool resets = is_break(t) && t->vserver->conf->pass_resets;
	t->is_cut = resets;
	if (t->connection != NULL) {
		bool is_untaken = !stream_is_flushed(txn_tcp_node(t)) || t->up.head.len > 0;
		if (resets || is_untaken) {
			txn_source(t); /* which nobody knows of what is closed */
			stream_reset(txn_tcp_node(t));
		}
		txn_release_node(t, false);
	}
	return slice_is_absent(t->answer) ? TXN_TCP_COMPLETION_RULES : TXN_TCP_ANSWER;
}

static enum txn_next txn_tcp_completion_rules(struct txn *t)
{
	if (!txn_rules_run(t, RULE_COMPLETION))
		return TXN_WAIT;
	txn_go(t, TXN_TCP_FINISH);
	return TXN_GO_ON;
}

static enum txn_next txn_tcp_finish(struct txn *t)
{
	(void)t;
	return TXN_DONE;
}

void txn_tcp_release(struct txn *t)
{
	txn_look_release(&t->tcp->request);
	txn_look_release(&t->tcp->response);
}

/* ---- beside the steps ---------------------------------------------------------------------------------- */

static bool reads_client(const struct txn *t)
{
	switch (t->step) {
	case TXN_TCP_AWAIT_CLIENT:
		return true;
	case TXN_TCP_REQUEST_RULES:
		return txn_look_wants_read(&t->tcp->request);
	case TXN_TCP_RELAY:
		return t->tcp->has_turns && t->up.state != TXN_BODY_MOVING &&
		       !t->tcp->is_client_over && stream_is_flushed(txn_tcp_client(t));
	default:
		return false;
	}
}

static bool reads_node(const struct txn *t)
{
	switch (t->step) {
	case TXN_TCP_AWAIT_GREETING:
	case TXN_TCP_AWAIT_RESPONSE:
		return true;
	case TXN_TCP_RESPONSE_RULES:
		return txn_look_wants_read(&t->tcp->response);
	default:
		return false;
	}
}

/* Nothing that has been sent on this connection can do harm when it is sent again. */
static bool is_idempotent(const struct txn *t)
{
	bool is_unsent = t->connection == NULL || !txn_tcp_node_was_sent(t);
	return is_unsent || (t->repeat != TXN_REPEAT_FORBIDDEN && txn_tcp_is_request_ended(t));
}

static bool is_whole(const struct txn *t)
{
	return !t->up.has_consumed;
}

static enum txn_parting part(const struct txn *t)
{
	bool is_untaken = t->is_untaken && !stream_is_flushed(txn_tcp_client(t));
	if (t->is_cut || is_untaken || t->end == TXN_END_CLIENT_TIMEOUT)
		return TXN_PARTING_CUT;
	return t->end == TXN_END_OK ? TXN_PARTING_END : TXN_PARTING_LINGER;
}

static void log_session(struct log_line *l, const struct txn *t)
{
	log_line_string(l, "protocol", SLICE("tcp"));
	if (t->tcp->has_hello)
		log_line_string(l, "server_name", t->tcp->hello->server_name);
	if (t->tcp->has_turns)
		log_line_number(l, "turns", t->tcp->turn);
}

static const struct txn_step steps[] = {
#define X(name, run, until, then) [TXN_TCP_##name] = { #name, run, until, then },
	TXN_TCP_STEPS(X)
#undef X
};

#define PROTOCOL(first, at_once) \
	{ \
		.steps = steps, .first_step = (first), .choose_node = TXN_TCP_CHOOSE_NODE, \
		.queue = TXN_TCP_QUEUE, .connect_node = TXN_TCP_CONNECT_NODE, \
		.connected = TXN_TCP_REACH_NODE, .begins_at_once = (at_once), .begin = begin, \
		.step_after_end = step_after_end, .reads_client = reads_client, \
		.reads_node = reads_node, .is_idempotent = is_idempotent, .is_whole = is_whole, \
		.part = part, .log = log_session, \
	}

const struct txn_protocol *txn_tcp_protocol(const struct conf_vserver *conf)
{
	static const struct txn_protocol at_once = PROTOCOL(TXN_TCP_REQUEST_RULES, true);
	static const struct txn_protocol client_first = PROTOCOL(TXN_TCP_AWAIT_CLIENT, false);
	static const struct txn_protocol with_banner = PROTOCOL(TXN_TCP_GREET, true);
	if (conf->protocol == CONF_PROTOCOL_CLIENT_FIRST)
		return &client_first;
	return conf->banner == NULL ? &at_once : &with_banner;
}
