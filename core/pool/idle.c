/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/idle.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/table.h"
#include "net/loop.h"
#include "pool/pool.h"

#include <stdint.h>
#include <stdlib.h>

/* Chains of idle connections by the hash of their key; grows with what is idle, never shrinks. */
static struct {
	struct idle_chain *chains;
	size_t chain_count; /* a power of two */
	size_t count;
	struct idle_chain returned; /* came back in `turn`, and is in no chain yet */
	uint64_t turn;
} table;

/* The common case needs no hash: a listed node, from our own address, for whoever comes. */
static bool is_plain(const struct node *n, const struct addr *source,
		     const struct node_announced *announced)
{
	return n->conf != NULL && source->family == ADDR_NONE &&
	       announced->client.family == ADDR_NONE;
}

/*
 * Addresses of clients are theirs to choose, so the hash is keyed (base/table.h). The pool and a
 * listed node are not: they only move a client's chain.
 */
static uint64_t hash_of(const struct node *n, const struct addr *to, const struct addr *source,
			const struct node_announced *announced)
{
	struct addr key[4] = { *source };
	size_t count = 1;
	if (n->conf == NULL)
		key[count++] = *to;
	if (announced->client.family != ADDR_NONE) {
		key[count++] = announced->client;
		key[count++] = announced->dest;
	}
	uint64_t hash = table_hash(slice_of((const char *)key, count * sizeof *key));
	return hash + (uintptr_t)n / sizeof *n;
}

static struct idle_chain *chain_at(uint64_t hash)
{
	return &table.chains[hash & (table.chain_count - 1)];
}

/* Where a connection belongs that becomes idle. Its key never changes, so it is hashed once. */
static struct idle_chain *chain_of(struct node_connection *c)
{
	if (is_plain(c->node, &c->source, &c->announced))
		return &c->node->plain;
	if (c->key_hash == 0)
		c->key_hash = hash_of(c->node, &c->to, &c->source, &c->announced);
	return chain_at(c->key_hash);
}

static void grow(void)
{
	size_t before = table.chain_count;
	struct idle_chain *old = table.chains;
	table.chain_count = before == 0 ? 64 : before * 2;
	table.chains = memory_new(table.chain_count, sizeof *table.chains);
	for (size_t i = 0; i < before; i++) {
		/* turned over twice, so that the latest stay first */
		struct node_connection *c;
		struct idle_chain turned = LIST_HEAD_INITIALIZER(turned);
		while ((c = LIST_FIRST(&old[i])) != NULL) {
			LIST_REMOVE(c, same_key);
			LIST_INSERT_HEAD(&turned, c, same_key);
		}
		while ((c = LIST_FIRST(&turned)) != NULL) {
			LIST_REMOVE(c, same_key);
			LIST_INSERT_HEAD(chain_of(c), c, same_key);
		}
	}
	free(old);
}

static void take_out(struct node_connection *c)
{
	LIST_REMOVE(c, same_key);
	TAILQ_REMOVE(&c->node->idle, c, in_node);
	c->node->idle_count--;
	table.count--;
}

static void close_idle(struct node_connection *c)
{
	take_out(c);
	node_disconnect(c);
}

/*
 * Whatever comes now belongs to no request: the node ended, broke, or speaks out of turn. Nothing may
 * have come at all: an event for bytes that were read in the same turn, before the connection came back.
 */
static void on_idle_ready(struct stream *s)
{
	stream_peek(s);
	if (s->is_readable || s->is_eof || s->error != 0)
		close_idle(container_of(s, struct node_connection, stream));
}

static void on_idle_timeout(struct timer *timer)
{
	close_idle(container_of(timer, struct node_connection, timer));
}

static bool is_same_announced(const struct node_announced *one, const struct node_announced *other)
{
	if (one->client.family == ADDR_NONE)
		return other->client.family == ADDR_NONE;
	return addr_is_equal(&one->client, &other->client) &&
	       addr_is_equal(&one->dest, &other->dest);
}

static bool is_of_key(const struct node_connection *c, const struct node *n, const struct addr *to,
		      const struct addr *source, const struct node_announced *announced)
{
	return c->node == n && addr_is_equal(&c->to, to) && addr_is_equal(&c->source, source) &&
	       is_same_announced(&c->announced, announced);
}

/*
 * Puts what came back in an earlier turn where it can be found: the kernel has been asked since then
 * whether it stays quiet. So a lease looks at none of those that it must not give.
 */
static void settle(void)
{
	struct node_connection *c;
	if (table.turn == loop_turn())
		return;
	while ((c = LIST_FIRST(&table.returned)) != NULL) {
		LIST_REMOVE(c, same_key);
		LIST_INSERT_HEAD(chain_of(c), c, same_key);
	}
	table.turn = loop_turn();
}

struct node_connection *idle_lease(struct node *n, const struct addr *to, const struct addr *source,
				   const struct node_announced *announced,
				   void (*on_ready)(struct stream *))
{
	if (n->idle_count == 0)
		return NULL;
	struct node_connection *c;
	settle();
	struct idle_chain *chain = is_plain(n, source, announced)
					   ? &n->plain
					   : chain_at(hash_of(n, to, source, announced));
	LIST_FOREACH (c, chain, same_key)
		if (is_of_key(c, n, to, source, announced) && !stream_has_news(&c->stream))
			break;
	if (c == NULL)
		return NULL;
	take_out(c);
	timer_stop(&c->timer);
	c->stream.on_ready = on_ready;
	return c;
}

/* How long it may wait for its next use, milliseconds or TIMER_NEVER; 0: it has served long enough. */
static uint64_t may_wait(const struct node_connection *c)
{
	const struct conf_pool *conf = c->node->pool->conf;
	uint64_t most = conf->idle_milliseconds == 0 ? TIMER_NEVER : conf->idle_milliseconds;
	if (conf->max_requests != 0 && c->uses >= conf->max_requests)
		return 0;
	if (conf->age_milliseconds == 0)
		return most;
	uint64_t age = clock_milliseconds() - c->opened;
	uint64_t left = age < conf->age_milliseconds ? conf->age_milliseconds - age : 0;
	return left < most ? left : most;
}

static bool is_reusable(const struct node_connection *c)
{
	const struct stream *s = &c->stream;
	return stream_is_open(s) && s->error == 0 && !s->is_eof && !s->is_shut &&
	       stream_is_flushed(s) && !s->is_readable && inbox_slice(&c->inbox).len == 0;
}

void idle_give_back(struct node_connection *c)
{
	const struct conf_pool *conf = c->node->pool->conf;
	uint64_t milliseconds = may_wait(c);
	/* a last read that was full to the brim, or news of what was read since: maybe nothing is there */
	stream_peek(&c->stream);
	bool is_unwanted = !conf->keepalive || milliseconds == 0 || !is_reusable(c) ||
			   (c->node->pool->has_limits &&
			    pool_queue_wants_place(c->node->pool, c->node));
	if (is_unwanted) {
		node_disconnect(c);
		return;
	}
	uint64_t most = conf->max_idle_connections_pernode;
	if (most != 0 && c->node->idle_count >= most)
		idle_close_oldest(c->node);
	if (table.count >= table.chain_count)
		grow();
	settle();
	LIST_INSERT_HEAD(&table.returned, c, same_key);
	TAILQ_INSERT_TAIL(&c->node->idle, c, in_node);
	c->node->idle_count++;
	table.count++;
	c->user = NULL;
	c->stream.on_ready = on_idle_ready;
	c->timer.on_fire = on_idle_timeout;
	timer_set(&c->timer, milliseconds);
	stream_watch(&c->stream, true, false);
	if (c->node->pool->has_limits)
		pool_queue_wake(c->node->pool);
}

void idle_close_oldest(struct node *n)
{
	close_idle(TAILQ_FIRST(&n->idle));
}

void idle_close_all(struct node *n)
{
	struct node_connection *c;
	while ((c = TAILQ_FIRST(&n->idle)) != NULL)
		close_idle(c);
}
