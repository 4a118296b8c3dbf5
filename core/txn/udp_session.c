/*
 * The life of a session of UDP, in reading order: the table of steps is in udp_session.h. It is long
 * because all of it stands here on one page, but for its sockets (udp_node.c, udp_reply.c) and what
 * rules look at (udp_looks.c).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/udp_session.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "txn/session_limit.h"
#include "txn/session_proxy.h"
#include "txn/txn_log.h"
#include "txn/txn_node.h"
#include "txn/txn_rules.h"
#include "txn/txn_trace.h"
#include "txn/udp_looks.h"
#include "txn/udp_node.h"
#include "txn/udp_reply.h"

#include <stdlib.h>
#include <string.h>

static const struct conf_vserver *conf_of(const struct udp_session *s)
{
	return s->session.vserver->conf;
}

static void refuse(const struct udp_session *s, enum refusal why)
{
	udp_server_refuse(s->listener->server, why, &s->session.remote);
}

/* ---- how long ------------------------------------------------------------------------------------------- */

/* The answers that its datagrams ask for; UINT64_MAX: any number. */
static uint64_t expected(const struct udp_session *s)
{
	int64_t each = conf_of(s)->response_datagrams;
	return each == -1 ? UINT64_MAX : s->asked * (uint64_t)each;
}

static bool is_complete(const struct udp_session *s)
{
	return s->answered >= expected(s);
}

/* Would an end now cost the client an answer? */
static bool owes_answer(const struct udp_session *s)
{
	return expected(s) == UINT64_MAX ? s->answered == 0 : !is_complete(s);
}

unsigned udp_session_wants(const struct udp_session *s)
{
	uint64_t most = expected(s);
	/* one too many is read, and dropped: the loop would call for it again and again */
	uint64_t left = s->received < most ? most - s->received : 1;
	return left < DATAGRAM_BATCH ? (unsigned)left : DATAGRAM_BATCH;
}

static uint64_t until_rules(const struct txn *t)
{
	return t->run == NULL ? TIMER_NEVER
			      : t->step_since + t->vserver->conf->rules.wall_milliseconds;
}

/* When its node counts as failed unless it has answered. */
static uint64_t until_late(const struct txn *t)
{
	const struct udp_session *s = udp_session_of(t);
	const struct txn_orders *o = t->orders;
	uint64_t limit = o != NULL && o->reply.is_given ? o->reply.value
							: t->pool->conf->response_milliseconds;
	if (limit == 0 || t->has_response || s->is_late)
		return TIMER_NEVER;
	return s->asked_at + limit;
}

static uint64_t until_idle(const struct txn *t)
{
	uint64_t idle = udp_session_of(t)->moved_at + t->vserver->conf->udp_milliseconds;
	uint64_t late = until_late(t);
	return idle < late ? idle : late;
}

static enum txn_next on_idle(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	uint64_t now = clock_milliseconds();
	if (until_late(t) <= now) {
		s->is_late = true;
		node_failed(t->node);
	}
	if (s->moved_at + t->vserver->conf->udp_milliseconds <= now)
		txn_end(t, owes_answer(s) ? TXN_END_REPLY_TIMEOUT : TXN_END_OK, NULL);
	return TXN_GO_ON;
}

/* ---- the node --------------------------------------------------------------------------------------------- */

/* Is there another node that the first datagram could go to? */
static bool may_try_another(const struct txn *t)
{
	const struct conf_pool *conf = t->pool->conf;
	return !t->has_response && conf->passive_monitoring && conf->node_count > 1 &&
	       t->forced.family == ADDR_NONE;
}

static void lose(struct udp_session *s, int error)
{
	struct txn *t = s->session.txn;
	node_failed(t->node);
	udp_node_release(s);
	s->error = error;
	if (t->step == UDP_RESPONSE_RULES)
		return; /* its answer is here */
	if (may_try_another(t) && udp_looks_has_first(s))
		txn_node_try_another(t, TXN_END_CONNECT_FAILED, strerror(error));
	else
		txn_end(t, t->has_response ? TXN_END_NODE_CUT : TXN_END_CONNECT_FAILED,
			strerror(error));
}

static void send_to_node(struct udp_session *s, struct slice bytes)
{
	int error;
	if (s->node_fd != -1 && !udp_node_send(s, bytes, &error))
		lose(s, error);
}

static void pass_answer(struct udp_session *s, struct slice bytes)
{
	struct txn *t = s->session.txn;
	txn_answer_begins(t);
	s->answered++;
	if (!udp_reply_send(s, bytes))
		txn_end(t, TXN_END_CLIENT_GONE, NULL);
}

/* ---- steps ------------------------------------------------------------------------------------------------- */

static enum txn_next udp_request_rules(struct txn *t)
{
	if (!txn_rules_run(t, RULE_REQUEST))
		return t->end == TXN_END_NONE ? TXN_WAIT : TXN_GO_ON;
	t->times.rules = clock_microseconds();
	if (!slice_is_absent(t->rule_answer)) {
		t->answer = t->rule_answer;
		t->verdict = SLICE("request.sendResponse");
		return txn_end(t, TXN_END_ANSWERED, NULL);
	}
	txn_go(t, UDP_CHOOSE_NODE);
	return TXN_GO_ON;
}

/* The first datagram, and those that came while rules were waiting. */
static enum txn_next udp_send_request(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	struct udp_held *h;
	s->asked = 0;
	s->is_late = false;
	s->asked_at = s->moved_at = clock_milliseconds();
	txn_go(t, UDP_EXCHANGE);
	send_to_node(s, udp_looks_first(s));
	while (t->step == UDP_EXCHANGE && (h = udp_hold_take(&s->from_client)) != NULL) {
		send_to_node(s, slice_of(h->text, h->bytes));
		free(h);
	}
	t->times.sent = clock_microseconds();
	return TXN_GO_ON;
}

static enum txn_next udp_exchange(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	if (is_complete(s) || (s->listener->server->is_stopping && !owes_answer(s)))
		return txn_end(t, TXN_END_OK, NULL);
	if (s->node_fd == -1) /* it was lost while response rules ran */
		return txn_end(t, TXN_END_NODE_CUT, strerror(s->error));
	return TXN_WAIT;
}

/* A rule does not want this answer. */
static enum txn_next ask_again(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	udp_node_release(s);
	udp_hold_drop(&s->from_node);
	txn_look_drop(&s->looks->response, SIZE_MAX);
	s->received = 0;
	s->error = 0;
	return txn_node_retry(t);
}

/* Behind the rules: their answer, and what came meanwhile. */
static enum txn_next udp_response_rules(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	struct udp_held *h;
	if (!txn_rules_run(t, RULE_RESPONSE))
		return t->end == TXN_END_NONE ? TXN_WAIT : TXN_GO_ON;
	if (t->orders != NULL && t->orders->wants_retry)
		return ask_again(t);
	txn_go(t, UDP_EXCHANGE);
	pass_answer(s, txn_look_text(&s->looks->response));
	while ((h = udp_hold_take(&s->from_node)) != NULL) {
		if (t->end == TXN_END_NONE)
			pass_answer(s, slice_of(h->text, h->bytes));
		free(h);
	}
	return TXN_GO_ON;
}

/* One that a rule gave. */
static enum txn_next udp_answer(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	txn_answer_begins(t);
	s->answered++;
	udp_reply_send(s, t->answer);
	txn_go(t, UDP_COMPLETION_RULES);
	return TXN_GO_ON;
}

static enum txn_next udp_completion_rules(struct txn *t)
{
	if (!txn_rules_run(t, RULE_COMPLETION))
		return TXN_WAIT;
	txn_go(t, UDP_FINISH);
	return TXN_GO_ON;
}

static enum txn_next udp_finish(struct txn *t)
{
	(void)t;
	return TXN_DONE;
}

/* Is there nobody who takes what the client sends? */
static bool is_unreachable(const struct udp_session *s)
{
	switch (s->session.txn->end) {
	case TXN_END_NO_NODE:
		return true;
	case TXN_END_CONNECT_FAILED:
	case TXN_END_NODE_CUT:
		return s->error != 0;
	default:
		return false;
	}
}

/* From now on what its client sends begins another session. */
static unsigned step_after_end(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	bool is_ours = t->end == TXN_END_ANSWERED || t->end == TXN_END_CLOSED;
	udp_server_forget(s->listener->server, s);
	udp_node_release(s);
	if (is_unreachable(s))
		udp_reply_unreachable(s);
	bool is_given = !slice_is_absent(t->answer) &&
			(t->answer.len > 0 || t->end == TXN_END_ANSWERED);
	return is_ours && is_given ? UDP_ANSWER : UDP_COMPLETION_RULES;
}

static void log_datagrams(struct log_line *l, const struct txn *t)
{
	const struct udp_session *s = udp_session_of(t);
	log_line_number(l, "datagrams_in", s->came);
	log_line_number(l, "datagrams_out", s->answered);
}

static const struct txn_step steps[] = {
#define X(name, run, until, then) [UDP_##name] = { #name, run, until, then },
	UDP_STEPS(X)
#undef X
};

/* ---- from one step to the next ----------------------------------------------------------------------------- */

/* Will a rule look at the first datagram, or the first answer, once more? */
static bool needs_looks(const struct txn *t)
{
	return t->rules[RULE_RESPONSE].count + t->rules[RULE_COMPLETION].count > 0;
}

/* What will be needed when others have read into the buffer where it lies. False: there is no room. */
static bool keep_datagrams(struct udp_session *s)
{
	const struct txn *t = s->session.txn;
	bool is_exchange = t->step == UDP_EXCHANGE, may_try = is_exchange && may_try_another(t);
	if (s->looks != NULL && (!is_exchange || needs_looks(t) || may_try))
		return udp_looks_count(s);
	udp_looks_close(s);
	if (may_try)
		udp_hold_keep(&s->first); /* without room it is not tried */
	else
		udp_hold_let_go(&s->first);
	return true;
}

static void arm(struct txn *t)
{
	const struct txn_step *step = &steps[t->step];
	uint64_t deadline = step->deadline == NULL ? TIMER_NEVER : step->deadline(t);
	uint64_t whole = t->end == TXN_END_NONE ? txn_deadline(t) : TIMER_NEVER;
	deadline = deadline < whole ? deadline : whole;
	if (t->session->close_at != 0 && t->session->close_at < deadline)
		deadline = t->session->close_at;
	timer_set_at(&t->session->timer, deadline);
}

static void finish(struct udp_session *s)
{
	struct txn *t = s->session.txn;
	t->times.ended = clock_microseconds();
	txn_log_write(t);
	udp_reply_release(s);
	udp_hold_let_go(&s->first);
	udp_looks_close(s);
	udp_hold_drop(&s->from_client);
	udp_hold_drop(&s->from_node);
	txn_free(t);
	session_close(&s->session);
}

static enum txn_next run_steps(struct txn *t)
{
	enum txn_next next;
	t->is_running = true;
	do {
		t->again = false;
		do
			next = steps[t->step].run(t);
		while (next == TXN_GO_ON);
	} while (next == TXN_WAIT && t->again);
	t->is_running = false;
	return next;
}

static void run(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	enum txn_next next = run_steps(t);
	if (next == TXN_WAIT && !keep_datagrams(s)) {
		refuse(s, REFUSAL_DATAGRAM_HELD);
		txn_end(t, TXN_END_NO_ROOM, NULL);
		next = run_steps(t);
	}
	if (next == TXN_DONE)
		finish(s);
	else
		arm(t);
}

static bool is_idempotent(const struct txn *t)
{
	return t->repeat != TXN_REPEAT_FORBIDDEN;
}

/* What the client sent after its first datagram is nowhere any more. */
static bool is_whole(const struct txn *t)
{
	const struct udp_session *s = udp_session_of(t);
	return udp_looks_has_first(s) && s->asked <= 1;
}

const struct txn_protocol txn_udp = {
	.steps = steps,
	.step_after_end = step_after_end,
	.first_step = UDP_REQUEST_RULES,
	.choose_node = UDP_CHOOSE_NODE,
	.connect_node = UDP_CONNECT_NODE,
	.is_datagram = true,
	.is_idempotent = is_idempotent,
	.is_whole = is_whole,
	.run = run,
	.log = log_datagrams,
	.source = udp_node_source,
};

static void on_timer(struct timer *timer)
{
	struct session *session = container_of(timer, struct session, timer);
	struct txn *t = session->txn;
	uint64_t now = clock_milliseconds();
	if (session_limit_is_over(session)) {
		session->close_at = 0;
		txn_rules_cancel(t);
		txn_end(t, TXN_END_CLIENT_TIMEOUT, NULL);
	} else if (t->end == TXN_END_NONE && txn_deadline(t) <= now)
		txn_end(t, TXN_END_TRANSACTION_TIMEOUT, NULL);
	else if (steps[t->step].deadline != NULL && steps[t->step].deadline(t) <= now)
		steps[t->step].on_deadline(t);
	txn_run(t);
}

/* ---- events ----------------------------------------------------------------------------------------------- */

static struct udp_session *add(struct udp_listener *l, const struct udp_arrival *a)
{
	struct udp_session *s = memory_new(1, sizeof *s);
	s->listener = l;
	s->node_fd = s->reply_fd = -1;
	udp_hold_init(&s->from_client);
	udp_hold_init(&s->from_node);
	session_add(&s->session, l->server->vserver, -1, a->peer);
	s->session.origin = memory_new(1, sizeof a->origin);
	*s->session.origin = a->origin;
	session_proxy_take(&s->session, &a->header);
	return s;
}

void udp_session_open(struct udp_listener *l, const struct udp_arrival *a)
{
	struct udp_session *s = add(l, a);
	enum refusal why = session_limit_look(&s->session);
	if (why != REFUSAL_NONE) {
		refuse(s, why);
		session_close(&s->session);
		return;
	}
	if (conf_of(s)->end_point_persistence)
		udp_server_list(l->server, s);
	struct txn *t = txn_new(&s->session);
	s->session.timer.on_fire = on_timer;
	s->session.client.bytes_in = a->bytes.len;
	udp_looks_open(s, a->bytes);
	s->came = 1;
	s->moved_at = clock_milliseconds();
	t->has_request = true;
	t->times.request = t->times.began;
	txn_trace_datagram(t, a->bytes.len);
	txn_run(t);
}

/* What happens before end_turn is one turn: the session is still there between its events. */
static void begin_turn(struct udp_session *s)
{
	s->session.txn->is_running = true;
	s->moved_at = clock_milliseconds();
}

static void end_turn(struct udp_session *s)
{
	s->session.txn->is_running = false;
	txn_run(s->session.txn);
}

void udp_session_take(struct udp_session *s, struct slice bytes)
{
	s->came++;
	s->session.client.bytes_in += bytes.len;
	begin_turn(s);
	if (s->session.txn->step >= UDP_EXCHANGE)
		send_to_node(s, bytes);
	else if (!udp_hold_add(&s->from_client, bytes, (size_t)conf_of(s)->max_client_buffer))
		refuse(s, REFUSAL_DATAGRAM_HELD);
	end_turn(s);
}

static void take_answer(struct udp_session *s, struct slice bytes)
{
	struct txn *t = s->session.txn;
	t->node_received += bytes.len;
	if (t->end != TXN_END_NONE || s->received >= expected(s))
		return;
	s->received++;
	if (!t->has_response) {
		t->has_response = true;
		t->times.response = clock_microseconds();
		node_succeeded(t->node);
		if (t->rules[RULE_RESPONSE].count > 0) {
			buf_append(&s->looks->response.held, bytes, SIZE_MAX);
			txn_go(t, UDP_RESPONSE_RULES);
			return;
		}
	}
	if (t->step != UDP_RESPONSE_RULES)
		pass_answer(s, bytes);
	else if (!udp_hold_add(&s->from_node, bytes, (size_t)conf_of(s)->max_server_buffer))
		refuse(s, REFUSAL_DATAGRAM_HELD);
}

void udp_session_answers(struct udp_session *s, const struct datagram *list, unsigned count)
{
	begin_turn(s);
	for (unsigned i = 0; i < count; i++)
		take_answer(s, list[i].bytes);
	end_turn(s);
}

void udp_session_lost(struct udp_session *s, int error)
{
	begin_turn(s);
	lose(s, error);
	end_turn(s);
}

void udp_session_gone(struct udp_session *s)
{
	txn_end(s->session.txn, TXN_END_CLIENT_GONE, NULL);
	txn_run(s->session.txn);
}

void udp_session_stop(struct session *session)
{
	txn_run(session->txn);
}

void udp_session_abort(struct session *session)
{
	struct txn *t = session->txn;
	txn_end(t, TXN_END_SHUTDOWN, NULL);
	txn_rules_cancel(t); /* completion rules get no time either */
	finish(udp_session_of(t));
}
