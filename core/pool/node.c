/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/node.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "pool/idle.h"
#include "pool/pool.h"

#include <stdlib.h>

struct share_failing node_failing(const struct node *n)
{
	return (struct share_failing){
		.attempts = (uint32_t)n->pool->conf->node_connection_attempts,
		.retry_ms = n->pool->conf->retry_fail_milliseconds,
	};
}

void node_failed(struct node *n)
{
	if (n->state == NULL)
		return;
	stats_add(&n->stats->failures, 1);
	struct share_failing failing = node_failing(n);
	if (n->pool->conf->passive_monitoring &&
	    share_node_failed(n->state, clock_milliseconds(), &failing))
		log_warn(
			"node '%s' of pool '%s' has failed: %u attempts in a row; no more for %llu s",
			n->conf->text, n->pool->conf->name, failing.attempts,
			(unsigned long long)failing.retry_ms / 1000);
}

void node_succeeded(struct node *n)
{
	if (n->state != NULL && share_node_succeeded(n->state))
		log_info("node '%s' of pool '%s' works again", n->conf->text, n->pool->conf->name);
}

/* ---- limits --------------------------------------------------------------------------------------- */

static bool is_within(uint64_t count, uint64_t most)
{
	return most == 0 || count <= most;
}

static bool has_transaction(const struct node *n, uint64_t more)
{
	uint64_t most = n->pool->conf->max_transactions_per_node;
	return most == 0 || is_within(node_sessions(n) + more, most);
}

static bool has_connection(const struct node *n, uint64_t more)
{
	uint64_t most = n->pool->conf->max_connections_per_node;
	return most == 0 || is_within(stats_node_connections(n->share, n->row) + more, most);
}

bool node_has_place(const struct node *n)
{
	return n->stats == NULL || has_connection(n, 1);
}

bool node_has_room(const struct node *n)
{
	return n->stats == NULL ||
	       (has_transaction(n, 1) && (n->idle_count > 0 || has_connection(n, 1)));
}

bool node_reserve(struct node *n, bool needs_connection)
{
	if (n->stats == NULL)
		return true;
	stats_add(&n->stats->transactions_current, 1);
	stats_add(&n->stats->sessions_current, needs_connection);
	/* ours is seen before we look at those of the others: else two workers could miss each other */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bool has_both = has_transaction(n, 0) && (!needs_connection || has_connection(n, 0));
	if (!has_both && has_transaction(n, 0) && n->idle_count > 0) {
		idle_close_oldest(n);
		has_both = has_connection(n, 0);
	}
	if (!has_both)
		node_unreserve(n, needs_connection);
	return has_both;
}

void node_unreserve(struct node *n, bool needs_connection)
{
	if (n->stats == NULL)
		return;
	stats_subtract(&n->stats->transactions_current, 1);
	stats_subtract(&n->stats->sessions_current, needs_connection);
}

/* There may be room now that somebody waits for. */
static void tell_of_room(struct pool *p)
{
	if (p->has_limits)
		pool_queue_wake(p);
}

/* ---- use ------------------------------------------------------------------------------------------ */

void node_begin(struct node *n)
{
	if (n->stats == NULL)
		return;
	stats_add(&n->stats->transactions, 1);
	stats_add(&n->stats->transactions_current, 1);
}

void node_end(struct node *n, uint64_t to_bytes, uint64_t from_bytes)
{
	if (n->stats == NULL)
		return;
	stats_subtract(&n->stats->transactions_current, 1);
	stats_add(&n->stats->to_bytes, to_bytes);
	stats_add(&n->stats->from_bytes, from_bytes);
	tell_of_room(n->pool);
}

struct node_connection *node_connect(struct node *n, const struct addr *to,
				     const struct addr *source, void (*on_ready)(struct stream *),
				     enum dial_result *result, int *error)
{
	struct dial d = {
		.to = *to,
		.source = *source,
		.is_transparent = source->family != ADDR_NONE,
	};
	int fd;
	*result = dial_open(&d, &fd, error);
	if (*result != DIAL_OK)
		return NULL;
	struct node_connection *c = memory_new(1, sizeof *c);
	c->node = n;
	c->opened = clock_milliseconds();
	c->to = *to;
	c->source = *source;
	stream_open(&c->stream, fd, on_ready);
	c->stream.is_connecting = true;
	c->stream.has_nagle = !n->pool->conf->nagle;
	inbox_init(&c->inbox);
	timer_init(&c->timer, NULL);
	if (n->stats != NULL) {
		stats_add(&n->stats->sessions, 1);
		stats_add(&n->stats->sessions_current, 1);
	}
	return c;
}

void node_disconnect(struct node_connection *c)
{
	if (c->node->stats != NULL)
		stats_subtract(&c->node->stats->sessions_current, 1);
	tell_of_room(c->node->pool);
	timer_release(&c->timer);
	inbox_release(&c->inbox);
	stream_close(&c->stream);
	free(c);
}

/* Is its socket as dial_open left it? */
static bool is_plain(const struct node_connection *c)
{
	bool has_nodelay = !c->stream.has_nagle && !c->node->pool->conf->nagle;
	return c->source.family == ADDR_NONE && c->dscp == 0 && !has_nodelay;
}

void node_finish(struct node_connection *c)
{
	/* where the node ended first there is nothing to gain: it has the waiting end */
	bool ends = !c->stream.is_eof && stream_is_open(&c->stream);
	if (ends && is_plain(c))
		dial_recycle(&c->stream, &c->to);
	else if (ends)
		stream_reset(&c->stream);
	node_disconnect(c);
}

const struct addr *node_connection_local(struct node_connection *c)
{
	if (c->local.family == ADDR_NONE && stream_is_open(&c->stream))
		c->local = dial_local(c->stream.fd);
	return &c->local;
}
