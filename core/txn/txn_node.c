/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_node.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/proxy_header.h"
#include "pool/idle.h"
#include "txn/session_proxy.h"
#include "txn/txn_cache.h"
#include "txn/txn_hold.h"
#include "txn/txn_persist.h"
#include "txn/txn_queue.h"
#include "txn/txn_trace.h"

#include <string.h>

/* ---- which node ------------------------------------------------------------------------------------ */

/* A host's address that may be connected to because a client was headed there. */
static enum txn_next check_destination(struct txn *t, const struct addr *dest)
{
	if (world_is_own_listener(t->vserver->world, dest, t->protocol->is_datagram))
		return txn_end(t, TXN_END_LOOP, NULL);
	enum addr_kind kind = addr_kind(dest);
	/* a PROXY header from elsewhere makes nobody local */
	bool is_local_both = kind == ADDR_LOOPBACK &&
			     addr_kind(session_peer(t->session)) == ADDR_LOOPBACK &&
			     addr_kind(&t->session->remote) == ADDR_LOOPBACK;
	/* what one link alone knows is no place for strangers: clouds hand out credentials there */
	bool is_host = kind == ADDR_UNICAST && !addr_is_link_local(dest);
	if (!is_host && !is_local_both)
		return txn_end(t, TXN_END_BAD_DESTINATION, NULL);
	return TXN_GO_ON;
}

static enum txn_next choose_address(struct txn *t, const struct addr *address)
{
	t->persist = NULL;
	if (t->tried.count > 0)
		return txn_end(t, t->attempt_end, t->end_detail);
	struct node *listed = pool_find_node(t->pool, address);
	if (t->pool->has_limits && listed != NULL &&
	    (txn_queue_is_behind(t) || !node_has_room(listed)))
		return txn_queue_enter(t);
	t->node = listed != NULL ? listed : &t->pool->others;
	t->node_address = *address;
	if (check_destination(t, address) != TXN_GO_ON || t->end != TXN_END_NONE)
		return TXN_GO_ON;
	txn_go(t, t->protocol->connect_node);
	return TXN_GO_ON;
}

/* One that nobody's session asks for. */
static struct node *choose_any(struct txn *t, bool *is_full)
{
	return pool_choose(t->pool, &t->tried, t->orders == NULL ? NULL : &t->orders->avoided,
			   is_full);
}

/*
 * By the session of the client; NULL when there is no node, or the transaction has been ended. A
 * session's node that is full is waited for.
 */
static struct node *choose_for_session(struct txn *t, uint32_t class_number, bool *is_full)
{
	struct node *n = txn_persist_find(t, class_number);
	if (n == NULL && t->end == TXN_END_NONE)
		n = choose_any(t, is_full);
	else
		return n;
	return n == NULL ? NULL : txn_persist_hold(t, n);
}

static struct node *choose_node(struct txn *t, bool *is_full)
{
	uint32_t class_number = txn_persist_class(t, t->pool);
	if (class_number != 0)
		return choose_for_session(t, class_number, is_full);
	t->persist = NULL;
	return choose_any(t, is_full);
}

/* Every node of the pool has failed, or was tried in vain: is there another pool for that? Once more, then. */
static bool fail_over(struct txn *t)
{
	uint32_t number = t->pool->conf->failure_pool;
	if (number == 0)
		return false;
	if (t->queue != NULL)
		txn_queue_leave(t);
	t->stands_in_for = t->pool;
	t->is_discarded_pool = number == CONF_POOL_DISCARD;
	t->pool = t->is_discarded_pool ? NULL : &t->vserver->world->pools[number - 1];
	t->tried.count = 0;
	return true;
}

static enum txn_next choose_listed(struct txn *t)
{
	bool has_limits = t->pool->has_limits;
	bool is_full = has_limits && txn_queue_is_behind(t);
	struct node *n = is_full ? NULL : choose_node(t, &is_full);
	if (t->end != TXN_END_NONE)
		return TXN_GO_ON;
	if (is_full || (has_limits && n != NULL && !node_has_room(n)))
		return txn_queue_enter(t);
	if (n == NULL && fail_over(t))
		return TXN_GO_ON;
	if (n == NULL)
		return txn_end(t, t->attempts > 0 ? t->attempt_end : TXN_END_NO_NODE,
			       t->end_detail);
	t->node = n;
	t->node_address = n->conf->address;
	txn_go(t, t->protocol->connect_node);
	return TXN_GO_ON;
}

struct pool *txn_node_pool(const struct txn *t)
{
	uint32_t by_default = t->vserver->conf->pool;
	if (t->pool != NULL || t->is_discarded_pool || by_default == CONF_POOL_DISCARD)
		return t->pool;
	return &t->vserver->world->pools[by_default];
}

struct pool *txn_node_settle_pool(struct txn *t)
{
	bool is_open = t->pool == NULL;
	t->pool = txn_node_pool(t);
	if (is_open && t->pool != NULL)
		t->is_pool_default = true;
	return t->pool;
}

static enum txn_next choose(struct txn *t)
{
	if (txn_node_settle_pool(t) == NULL)
		return txn_end(t, TXN_END_DISCARDED, NULL);
	if (t->forced.family != ADDR_NONE)
		return choose_address(t, &t->forced);
	if (t->pool->conf->original_destination && t->tried.count > 0 && fail_over(t))
		return TXN_GO_ON;
	if (t->pool->conf->original_destination)
		return choose_address(t, session_dest(t->session));
	return choose_listed(t);
}

enum txn_next txn_node_choose(struct txn *t)
{
	enum txn_next next = choose(t);
	/* not while it waits, or looks once more */
	if (t->end != TXN_END_NONE || t->step == t->protocol->connect_node)
		txn_trace_node(t);
	return next;
}

/* ---- from which address ------------------------------------------------------------------------------- */

enum txn_next txn_node_choose_source(struct txn *t)
{
	const struct conf_pool *conf = t->pool->conf;
	memset(&t->source, 0, sizeof t->source);
	if (!conf->transparent)
		return TXN_GO_ON;
	struct addr wanted = addr_without_port(&t->remote);
	if (conf->transparent_port == CONF_TRANSPARENT_PORT_CLIENT || t->protocol->is_datagram)
		wanted.port = t->session->remote.port;
	enum dial_result allowed = dial_may_spoof(&wanted, &t->node_address);
	if (allowed == DIAL_OK) {
		t->source = wanted;
		return TXN_GO_ON;
	}
	if (conf->on_spoof_failure == CONF_ON_SPOOF_FAILURE_PLAIN) {
		t->end_detail = dial_words(
			allowed); /* said in the log although the transaction goes on */
		return TXN_GO_ON;
	}
	return txn_end(t, TXN_END_SPOOF_REFUSED, dial_words(allowed));
}

/* ---- once more --------------------------------------------------------------------------------- */

/* Drops the connection and makes ready to send the request from its beginning. */
static enum txn_next again(struct txn *t, unsigned step)
{
	txn_release_node(t, false);
	txn_body_rewind(&t->up);
	t->scan = (struct http_head_scan){ 0 };
	txn_go(t, step);
	return TXN_GO_ON;
}

enum txn_next txn_node_try_another(struct txn *t, enum txn_end end, const char *detail)
{
	uint64_t most = txn_orders_connection_attempts(t);
	pool_add_tried(&t->tried, &t->arena, t->node);
	t->attempts++;
	t->attempt_end = end;
	t->end_detail = detail;
	bool is_enough = most != 0 && t->attempts >= most;
	if (is_enough || !t->pool->conf->passive_monitoring)
		return txn_end(t, end, detail);
	return again(t, t->protocol->choose_node);
}

/*
 * What the node still has to say of an answer that nobody wants: when all of it is here, nothing is
 * left on the connection, and it may serve again. Reading on for that would make the client wait.
 */
static bool swallow_answer(struct txn *t)
{
	struct http_relay *relay = &t->down.relay;
	struct http_pieces pieces = { .count = 0 };
	size_t used = 0;
	if (t->response.body == HTTP_BODY_TUNNEL || t->response.body == HTTP_BODY_UNTIL_CLOSE)
		return false;
	if (t->down.hold == NULL) /* else rules have taken some of it already */
		http_relay_init(relay, t->response.body, t->response.content_length, HTTP_BODY_NONE,
				&t->vserver->http_limits, &t->arena);
	relay->out = HTTP_BODY_NONE;
	bool is_whole = relay->in.is_done ||
			http_relay_take(relay, inbox_slice(&t->connection->inbox), &used,
					&pieces) == HTTP_DONE;
	if (is_whole && used > 0)
		inbox_use(&t->connection->inbox, used);
	return is_whole;
}

void txn_node_ask_again(struct txn *t)
{
	txn_release_node(t, t->response.keep_alive && t->up.state == TXN_BODY_DONE);
	t->response = (struct http_response){ 0 };
	again(t, t->protocol->choose_node);
}

enum txn_next txn_node_retry(struct txn *t)
{
	struct txn_orders *o = t->orders;
	if (t->cache != NULL)
		txn_cache_forget(t);
	o->wants_retry = false;
	o->retries++;
	/* a rule that put another body in the answer's may have cost it the connection */
	bool is_free = t->connection != NULL && t->up.state == TXN_BODY_DONE &&
		       t->response.keep_alive && swallow_answer(t);
	txn_release_node(t, is_free);
	if (o->has_next_pool) {
		t->pool = o->next_pool;
		t->forced = o->next_forced;
		t->is_discarded_pool = t->pool == NULL;
		t->is_pool_default = false;
		t->stands_in_for = NULL;
		o->has_next_pool = false;
	}
	t->tried.count = 0;
	t->attempts = t->timed_out_attempts = 0;
	t->attempt_end = TXN_END_NONE;
	t->end_detail = NULL;
	t->has_retried_stale = t->has_response = false;
	t->response = (struct http_response){ 0 };
	t->rule_index = 0;
	txn_body_release(&t->down);
	t->down = (struct txn_body){ 0 };
	return again(t, t->protocol->choose_node);
}

/* ---- connecting ------------------------------------------------------------------------------------------ */

static void on_node_ready(struct stream *s)
{
	txn_run(container_of(s, struct node_connection, stream)->user);
}

/*
 * May a connection that has served before carry this request? It may turn out to be stale, and then
 * the request must be sent again: a body that has left our hands cannot be.
 */
static bool may_reuse(const struct txn *t)
{
	const struct conf_pool *conf = t->pool->conf;
	bool stays_whole = t->request.body == HTTP_BODY_NONE ||
			   (t->up.hold != NULL && t->up.hold->is_whole);
	bool can_repeat = txn_is_idempotent(t) && stays_whole;
	return t->protocol->reuses_nodes && conf->keepalive && !t->has_retried_stale &&
	       (conf->keepalive_non_idempotent || can_repeat);
}

/* Whom the node is told that the connection is for, in `room`; nobody for most. */
static const struct node_announced *announced(struct txn *t, struct node_announced *room)
{
	static const struct node_announced nobody;
	if (t->pool->conf->proxy_protocol == CONF_PROXY_PROTOCOL_NONE)
		return &nobody;
	*room = (struct node_announced){ t->remote, *session_dest(t->session) };
	return room;
}

struct slice txn_node_announce(struct txn *t, struct slice first)
{
	const struct node_announced *whom = &t->connection->announced;
	if (whom->client.family == ADDR_NONE || t->is_reused)
		return first;
	char *both = arena_alloc(&t->arena, PROXY_HEADER_WRITE_BYTES + first.len);
	unsigned version = t->pool->conf->proxy_protocol == CONF_PROXY_PROTOCOL_V1 ? 1 : 2;
	size_t len = proxy_header_write(version, &whom->client, &whom->dest, both);
	memcpy(both + len, first.at, first.len);
	return slice_of(both, len + first.len);
}

enum txn_next txn_node_dial_failed(struct txn *t, enum dial_result result, int error)
{
	const char *why = error != 0 ? strerror(error) : dial_words(result);
	switch (result) {
	case DIAL_NO_PORT: /* the client's ports towards this node are used up: no fault of the node */
		return txn_node_try_another(t, TXN_END_NO_PORT, dial_words(result));
	case DIAL_NO_ROOM: /* our own trouble: no node is to blame, and none would fare better */
		return txn_end(t, TXN_END_CONNECT_FAILED, why);
	case DIAL_FAILED:
		node_failed(t->node);
		return txn_node_try_another(t, TXN_END_CONNECT_FAILED, why);
	default:
		return txn_end(t, TXN_END_SPOOF_REFUSED, dial_words(result));
	}
}

enum txn_next txn_node_connect(struct txn *t)
{
	if (txn_node_choose_source(t) == TXN_GO_ON && t->end != TXN_END_NONE)
		return TXN_GO_ON;
	t->tries++;
	struct node_announced room;
	const struct node_announced *whom = announced(t, &room);
	struct node_connection *c = NULL;
	if (may_reuse(t))
		c = idle_lease(t->node, &t->node_address, &t->source, whom, on_node_ready);
	bool is_new = c == NULL;
	t->is_reused = !is_new;
	bool has_limits = t->pool->has_limits;
	if (has_limits && !node_reserve(t->node, is_new)) { /* another worker was quicker */
		if (!is_new)
			idle_give_back(c);
		t->tries--;
		return txn_queue_enter(t);
	}
	if (t->queue != NULL)
		txn_queue_leave(t);
	t->times.connect = clock_microseconds();
	if (c == NULL) {
		enum dial_result result;
		int error;
		c = node_connect(t->node, &t->node_address, &t->source, on_node_ready, &result,
				 &error);
		if (c == NULL) {
			if (has_limits)
				node_unreserve(t->node, is_new);
			return txn_node_dial_failed(t, result, error);
		}
		if (whom == &room)
			c->announced = room;
	}
	t->connection = c;
	c->user = t;
	txn_orders_mark(t);
	c->uses++;
	t->node_bytes_in = c->stream.bytes_in;
	t->node_bytes_out = c->stream.bytes_out;
	t->is_node_begun = true;
	node_begin(t->node);
	if (has_limits)
		node_unreserve(t->node, is_new);
	txn_trace_connection(t);
	txn_go(t, t->protocol->connected);
	return TXN_GO_ON;
}

/* ---- when it does not work ------------------------------------------------------------------------------- */

enum txn_next txn_node_connect_timeout(struct txn *t)
{
	/*
	 * Silence towards a foreign source says nothing of the node: the replies may just not come back
	 * through us. A client who can choose that address must not be able to eject the node.
	 */
	if (t->source.family == ADDR_NONE)
		node_failed(t->node);
	return txn_node_try_another(t, TXN_END_CONNECT_TIMEOUT, NULL);
}

enum txn_next txn_node_reply_timeout(struct txn *t)
{
	uint64_t most = txn_orders_timed_out_attempts(t);
	t->timed_out_attempts++;
	node_failed(t->node);
	bool is_enough = most != 0 && t->timed_out_attempts >= most;
	if (is_enough || !txn_is_whole(t) || !txn_is_idempotent(t))
		return txn_end(t, TXN_END_REPLY_TIMEOUT, NULL);
	return txn_node_try_another(t, TXN_END_REPLY_TIMEOUT, NULL);
}

enum txn_next txn_node_lost(struct txn *t)
{
	struct stream *s = &t->connection->stream;
	const char *why = s->error != 0 ? strerror(s->error) : NULL;
	if (s->is_connecting) {
		node_failed(t->node);
		return txn_node_try_another(t, TXN_END_CONNECT_FAILED, why);
	}
	enum txn_end end = s->error != 0 ? TXN_END_NODE_BROKEN : TXN_END_NODE_CLOSED;
	bool has_answered = inbox_slice(&t->connection->inbox).len > 0 || t->informational > 0;
	bool may_repeat = txn_is_whole(t) && !has_answered && txn_is_idempotent(t);
	if (t->is_reused && txn_is_whole(t) && !has_answered &&
	    (may_repeat || t->up.head.len > 0)) {
		/* the node closed it while it was idle: that says nothing of the node or the request */
		t->has_retried_stale = true;
		return again(t, t->protocol->connect_node);
	}
	node_failed(t->node);
	if (may_repeat)
		return txn_node_try_another(t, end, why);
	return txn_end(t, end, why);
}
