/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/node.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
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
	timer_release(&c->timer);
	inbox_release(&c->inbox);
	stream_close(&c->stream);
	free(c);
}

void node_finish(struct node_connection *c)
{
	/* where the node ended first there is nothing to gain: it has the waiting end */
	if (!c->stream.is_eof)
		stream_reset(&c->stream);
	node_disconnect(c);
}

const struct addr *node_connection_local(struct node_connection *c)
{
	if (c->local.family == ADDR_NONE && stream_is_open(&c->stream))
		c->local = dial_local(c->stream.fd);
	return &c->local;
}
