/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_queue.h"

#include "base/check.h"
#include "base/clock.h"
#include "txn/txn_tcp.h"
#include "txn/txn_trace.h"

static struct stats_pool *stats_of(const struct pool *p)
{
	return stats_pool_row(p->share, p->worker, p->number);
}

static void on_turn(struct pool_waiter *w)
{
	struct txn_queue *q = container_of(w, struct txn_queue, waiter);
	q->has_turn = true;
	txn_run(q->txn);
}

static enum txn_next refuse(struct txn *t)
{
	stats_add(&stats_of(t->pool)->refused, 1);
	return txn_refuse(t, TXN_END_QUEUE_FULL, REFUSAL_QUEUE_FULL);
}

enum txn_next txn_queue_enter(struct txn *t)
{
	if (t->queue == NULL) {
		t->queue = arena_new(&t->arena, sizeof *t->queue);
		t->queue->txn = t;
		t->queue->waiter.on_turn = on_turn;
	}
	struct txn_queue *q = t->queue;
	if (!txn_queue_is_waiting(t)) {
		/* a datagram's sender tries again, or not, by itself */
		if (t->protocol->is_datagram || t->pool->conf->queue_milliseconds == 0 ||
		    !pool_queue_enter(t->pool, &q->waiter))
			return refuse(t);
		q->began = clock_microseconds();
		stats_add(&stats_of(t->pool)->queued, 1);
		TXN_TRACE(t, TRACE_NODE,
			  "all of pool '%s' have as much as it allows: waits, with %llu others",
			  t->pool->conf->name, (unsigned long long)pool_queue_length(t->pool) - 1);
	}
	q->has_turn = false;
	txn_go(t, t->protocol->queue);
	return TXN_GO_ON;
}

bool txn_queue_is_behind(const struct txn *t)
{
	return !txn_queue_is_waiting(t) && pool_queue_is_ahead(t->pool);
}

void txn_queue_leave(struct txn *t)
{
	struct txn_queue *q = t->queue;
	if (!txn_queue_is_waiting(t))
		return;
	uint64_t waited = clock_microseconds() - q->began;
	q->waited += waited;
	stats_add(&stats_of(q->waiter.pool)->waited_microseconds, waited);
	pool_queue_leave(&q->waiter);
	TXN_TRACE(t, TRACE_NODE, "it has waited for %llu us", (unsigned long long)waited);
}

/*
 * Whoever says good-bye here is not kept a place, although that could be the end of one direction
 * only: under such a load too many have gone for good, and nodes would work for nobody. A client of
 * TCP may have ended because it has said all: that one is kept.
 */
static bool is_client_gone(struct txn *t)
{
	struct stream *client = &t->session->client;
	stream_peek(client);
	bool has_spoken = t->tcp != NULL && (txn_look_text(&t->tcp->request).len > 0 ||
					     inbox_slice(&t->session->inbox).len > 0);
	return client->error != 0 || (client->is_eof && !has_spoken);
}

enum txn_next txn_queue_wait(struct txn *t)
{
	if (is_client_gone(t)) {
		t->keep_client = false;
		return txn_end(t, TXN_END_CLIENT_GONE, NULL);
	}
	if (!t->queue->has_turn)
		return TXN_WAIT;
	txn_go(t, t->protocol->choose_node);
	return TXN_GO_ON;
}

uint64_t txn_queue_deadline(const struct txn *t)
{
	return t->queue->waiter.since + t->pool->conf->queue_milliseconds;
}

enum txn_next txn_queue_timeout(struct txn *t)
{
	stats_add(&stats_of(t->pool)->timed_out, 1);
	return txn_refuse(t, TXN_END_QUEUE_TIMEOUT, REFUSAL_QUEUE_TIMEOUT);
}
