/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_tcp_turn.h"

#include "base/clock.h"
#include "txn/txn_node.h"
#include "txn/txn_rules.h"
#include "txn/txn_tcp.h"
#include "txn/txn_tcp_node.h"
#include "txn/txn_tcp_relay.h"
#include "txn/txn_trace.h"

/* ---- turns ------------------------------------------------------------------------------------ */

/* Are there rules of this phase for turns behind the first one? */
bool txn_tcp_turn_has_rules(const struct txn *t, enum rule_phase phase)
{
	for (size_t i = 0; i < t->rules[phase].count; i++)
		if (!t->rules[phase].list[i].once_per_connection)
			return true;
	return false;
}

/* Does the session go on in turns behind this one? Else nobody will look at it any more. */
bool txn_tcp_turn_has_more(const struct txn *t)
{
	return t->tcp->has_turns && (txn_tcp_turn_has_rules(t, RULE_REQUEST) ||
				     txn_tcp_turn_has_rules(t, RULE_RESPONSE));
}

void txn_tcp_turn_begin(struct txn *t)
{
	struct txn_tcp *tcp = t->tcp;
	tcp->turn++;
	tcp->turn_since = clock_milliseconds();
	tcp->has_answered = false;
	t->rule_answer = SLICE_ABSENT;
	txn_look_open(&tcp->request, txn_tcp_client(t), &t->session->inbox,
		      (size_t)t->vserver->conf->rules.buffer);
	t->times.request = clock_microseconds();
	t->is_answer_begun = false;
	t->is_later_turn = tcp->turn > 1;
	t->phase = RULE_REQUEST;
	t->rule_index = 0;
	if (t->trace != NULL)
		txn_trace_say_turn(t, tcp->turn, inbox_slice(&t->session->inbox).len);
}

/* ---- request rules ---------------------------------------------------------------------------- */

/* A rule is parked, or has ended the session. */
static enum txn_next wait_in_rules(struct txn *t)
{
	if (t->end != TXN_END_NONE)
		return TXN_GO_ON;
	return txn_tcp_client(t)->error != 0 ? txn_end(t, TXN_END_CLIENT_RESET, NULL) : TXN_WAIT;
}

/* The connection of the last turn serves this one too, unless a rule wants to go elsewhere. */
static bool may_keep_node(const struct txn *t)
{
	const struct txn_tcp *tcp = t->tcp;
	return t->connection != NULL && !t->is_discarded_pool && t->pool == tcp->pool &&
	       addr_is_equal(&t->forced, &tcp->forced);
}

static void choose_anew(struct txn *t)
{
	if (t->connection != NULL)
		txn_tcp_node_drop(t);
	t->tried.count = 0;
	t->attempts = t->timed_out_attempts = 0;
	t->attempt_end = TXN_END_NONE;
	txn_go(t, TXN_TCP_CHOOSE_NODE);
}

/* A rule answers in the node's place: the request goes nowhere. */
static enum txn_next answer_turn(struct txn *t)
{
	t->verdict = SLICE("request.sendResponse");
	txn_answer_begins(t);
	if (!txn_tcp_turn_has_more(t)) {
		t->answer = t->rule_answer;
		return txn_end(t, TXN_END_ANSWERED, NULL);
	}
	if (stream_write_slice(txn_tcp_client(t), t->rule_answer) == IO_FAIL)
		return txn_end(t, TXN_END_CLIENT_RESET, NULL);
	txn_go(t, TXN_TCP_RELAY);
	return TXN_GO_ON;
}

enum txn_next txn_tcp_turn_request_rules(struct txn *t)
{
	struct txn_tcp *tcp = t->tcp;
	if (t->connection != NULL && txn_tcp_relay_check(t) == TXN_GO_ON)
		return TXN_GO_ON;
	txn_look_move(t, &tcp->request);
	if (txn_tcp_client(t)->error != 0)
		return txn_end(t, TXN_END_CLIENT_RESET, NULL);
	if (!txn_rules_run(t, RULE_REQUEST))
		return wait_in_rules(t);
	t->times.rules = clock_microseconds();
	if (!slice_is_absent(t->rule_answer))
		return answer_turn(t);
	if (may_keep_node(t))
		txn_go(t, TXN_TCP_SEND_REQUEST);
	else
		choose_anew(t);
	return TXN_GO_ON;
}

/* ---- response rules --------------------------------------------------------------------------- */

enum txn_next txn_tcp_turn_response_rules(struct txn *t)
{
	struct txn_tcp *tcp = t->tcp;
	if (tcp->must_flush && stream_is_flushed(txn_tcp_client(t))) {
		tcp->must_flush = false;
		txn_rules_ready(&tcp->flush);
	}
	txn_look_move(t, &tcp->response);
	if (!txn_rules_run(t, RULE_RESPONSE))
		return wait_in_rules(t);
	if (t->orders != NULL && t->orders->wants_retry)
		return txn_node_retry(t);
	txn_tcp_node_start_down(t);
	if (tcp->drops_node)
		t->down.ends_held = true;
	txn_body_move(&t->down);
	txn_go(t, TXN_TCP_RELAY);
	return TXN_GO_ON;
}

static void stop_flushing(struct txn_wait *w)
{
	w->txn->tcp->must_flush = false;
}

void txn_tcp_turn_wait_flushed(struct txn *t)
{
	t->tcp->must_flush = true;
	txn_rules_wait(t, &t->tcp->flush, stop_flushing);
}
