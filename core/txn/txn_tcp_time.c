/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_tcp_time.h"

#include "base/clock.h"
#include "txn/txn_node.h"
#include "txn/txn_rules.h"
#include "txn/txn_tcp.h"

static uint64_t after(uint64_t since, uint64_t milliseconds)
{
	return milliseconds == 0 ? TIMER_NEVER : since + milliseconds;
}

static uint64_t nearer(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* The client's bytes, for the first time and in each turn. */
uint64_t txn_tcp_time_until_client(const struct txn *t)
{
	return after(t->tcp->turn_since, t->vserver->conf->connect_milliseconds);
}

uint64_t txn_tcp_time_until_rules(const struct txn *t)
{
	return after(t->step_since, t->vserver->conf->rules.wall_milliseconds);
}

uint64_t txn_tcp_time_until_request_rules(const struct txn *t)
{
	bool waits_for_client = txn_look_wants_read(&t->tcp->request);
	return waits_for_client ? nearer(txn_tcp_time_until_rules(t), txn_tcp_time_until_client(t))
				: txn_tcp_time_until_rules(t);
}

uint64_t txn_tcp_time_until_idle(const struct txn *t)
{
	uint64_t since = t->moved_at > t->step_since ? t->moved_at : t->step_since;
	return after(since, t->vserver->conf->idle_milliseconds);
}

/* Most sessions are never quiet for so long, and pay nothing for the probes. */
uint64_t txn_tcp_time_until_probed(const struct txn *t)
{
	uint64_t quiet = t->vserver->conf->probe_milliseconds;
	uint64_t since = t->moved_at > t->step_since ? t->moved_at : t->step_since;
	return t->tcp->is_probed ? txn_tcp_time_until_idle(t)
				 : nearer(txn_tcp_time_until_idle(t), after(since, quiet));
}

uint64_t txn_tcp_time_until_connected(const struct txn *t)
{
	return after(t->step_since, t->pool->conf->connect_milliseconds);
}

uint64_t txn_tcp_time_until_reply(const struct txn *t)
{
	uint64_t since = t->sent_at > t->step_since ? t->sent_at : t->step_since;
	return after(since, txn_orders_reply_milliseconds(t));
}

uint64_t txn_tcp_time_until_response(const struct txn *t)
{
	return txn_tcp_is_request_ended(t) ? txn_tcp_time_until_reply(t)
					   : txn_tcp_time_until_idle(t);
}

enum txn_next txn_tcp_time_on_client(struct txn *t)
{
	return txn_end(t, TXN_END_REQUEST_TIMEOUT, NULL);
}

enum txn_next txn_tcp_time_on_rules(struct txn *t)
{
	return txn_rules_timeout(t);
}

enum txn_next txn_tcp_time_on_request_rules(struct txn *t)
{
	bool waits_for_client = txn_look_wants_read(&t->tcp->request);
	if (waits_for_client && txn_tcp_time_until_client(t) <= clock_milliseconds())
		return txn_tcp_time_on_client(t);
	return txn_rules_timeout(t);
}

enum txn_next txn_tcp_time_on_idle(struct txn *t)
{
	t->is_untaken = !stream_is_flushed(&t->session->client);
	if (t->end == TXN_END_NONE)
		return txn_end(t, TXN_END_IDLE_TIMEOUT, NULL);
	txn_go(t, TXN_TCP_COMPLETION_RULES); /* an answer of ours that the client does not take */
	return TXN_GO_ON;
}

enum txn_next txn_tcp_time_on_relay(struct txn *t)
{
	unsigned seconds = (unsigned)((t->vserver->conf->probe_milliseconds + 999) / 1000);
	if (txn_tcp_time_until_idle(t) <= clock_milliseconds())
		return txn_tcp_time_on_idle(t);
	t->tcp->is_probed = true;
	stream_probe(&t->session->client, seconds);
	if (t->connection != NULL)
		stream_probe(&t->connection->stream, seconds);
	return TXN_WAIT;
}

enum txn_next txn_tcp_time_on_response(struct txn *t)
{
	return txn_tcp_is_request_ended(t) ? txn_node_reply_timeout(t) : txn_tcp_time_on_idle(t);
}
