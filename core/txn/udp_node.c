/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/udp_node.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/proxy_header.h"
#include "txn/txn_node.h"
#include "txn/txn_queue.h"
#include "txn/txn_trace.h"

#include <errno.h>
#include <unistd.h>

/* ---- one socket for each client's port and node ------------------------------------------------------ */

/*
 * Two sockets with the same four numbers would take each other's answers: two sessions of one client
 * port, which wrote to two addresses, with one node. The second has another port then, unless
 * transparent_port: client forbids it.
 */
struct source_key {
	struct addr source, node;
};

static struct slice slice_of_key(const struct source_key *key)
{
	return slice_of((const char *)key, sizeof *key);
}

static bool is_taken(struct txn *t)
{
	const struct source_key key = { t->source, t->node_address };
	return table_get(&t->vserver->world->udp_sources, slice_of_key(&key)) != NULL;
}

static void take_source(struct udp_session *s, const struct addr *source)
{
	struct txn *t = s->session.txn;
	const struct source_key key = { *source, t->node_address };
	if (source->family == ADDR_NONE || source->port == 0)
		return;
	s->taken_source = *source;
	table_set(&t->vserver->world->udp_sources, slice_of_key(&key), s);
}

static void give_source_back(struct udp_session *s)
{
	struct txn *t = s->session.txn;
	const struct source_key key = { s->taken_source, t->node_address };
	if (s->taken_source.family != ADDR_NONE)
		table_remove(&t->vserver->world->udp_sources, slice_of_key(&key));
	s->taken_source = (struct addr){ 0 };
}

/* ---- connecting ------------------------------------------------------------------------------------------ */

static bool takes_others(const struct txn *t)
{
	return t->pool->conf->accept_from != CONF_ACCEPT_FROM_DEST_ONLY;
}

static enum dial_result open_from(struct udp_session *s, const struct addr *source, int *error)
{
	const struct txn *t = s->session.txn;
	const struct dial d = { .to = t->node_address,
				.source = *source,
				.is_transparent = source->family != ADDR_NONE,
				.is_datagram = true,
				.takes_any = takes_others(t) };
	return dial_open(&d, &s->node_fd, error);
}

/* With the client's port where that is free; the port may also be one that only root can have. */
static enum dial_result open_socket(struct udp_session *s, int *error)
{
	struct txn *t = s->session.txn;
	bool may_change = t->pool->conf->transparent_port == CONF_TRANSPARENT_PORT_ANY;
	bool has_port = t->source.family != ADDR_NONE && t->source.port != 0;
	enum dial_result result = DIAL_NO_PORT;
	*error = 0;
	if (!has_port || !is_taken(t))
		result = open_from(s, &t->source, error);
	bool is_refused = result == DIAL_NO_PORT || result == DIAL_PORT_NOT_PERMITTED;
	if (has_port && is_refused && may_change) {
		t->source = addr_without_port(&t->source);
		result = open_from(s, &t->source, error);
	}
	return result;
}

/* Where the pool has `proxy_protocol`: each datagram says for whom it is. */
static void announce(struct udp_session *s)
{
	struct txn *t = s->session.txn;
	s->announcement = SLICE_ABSENT;
	if (t->pool->conf->proxy_protocol == CONF_PROXY_PROTOCOL_NONE)
		return;
	char *header = arena_alloc(&t->arena, PROXY_HEADER_WRITE_BYTES);
	s->announcement = slice_of(
		header, proxy_header_write_datagram(&t->remote, session_dest(&s->session), header));
}

static void on_readable(struct loop_io *io);

enum txn_next udp_node_connect(struct txn *t)
{
	struct udp_session *s = udp_session_of(t);
	int error;
	if (t->pool->conf->proxy_protocol == CONF_PROXY_PROTOCOL_V1) /* a rule chose it */
		return txn_end(t, TXN_END_CONNECT_FAILED, "its pool has proxy_protocol: v1");
	if (txn_node_choose_source(t) == TXN_GO_ON && t->end != TXN_END_NONE)
		return TXN_GO_ON;
	t->tries++;
	bool has_limits = t->pool->has_limits;
	if (has_limits && !node_reserve(t->node, true)) /* another worker was quicker */
		return txn_queue_enter(t);
	t->times.connect = clock_microseconds();
	enum dial_result result = open_socket(s, &error);
	if (result != DIAL_OK && has_limits)
		node_unreserve(t->node, true);
	if (result == DIAL_FAILED)
		s->error = error;
	if (result != DIAL_OK)
		return txn_node_dial_failed(t, result, error);
	take_source(s, &t->source);
	loop_io_start(&s->node_io, s->node_fd, on_readable);
	announce(s);
	s->node_bytes = 0;
	t->node_received = 0;
	t->is_node_begun = true;
	node_begin(t->node);
	if (t->node->stats != NULL) {
		stats_add(&t->node->stats->sessions, 1);
		stats_add(&t->node->stats->sessions_current, 1);
	}
	if (has_limits)
		node_unreserve(t->node, true);
	txn_trace_connection(t);
	txn_go(t, UDP_SEND_REQUEST);
	return TXN_GO_ON;
}

void udp_node_release(struct udp_session *s)
{
	struct txn *t = s->session.txn;
	if (s->node_fd == -1)
		return;
	if (log_access_is_on() || t->vserver->rules[RULE_COMPLETION].count > 0)
		t->source_local = udp_node_source(t);
	loop_io_stop(&s->node_io);
	close(s->node_fd);
	s->node_fd = -1;
	give_source_back(s);
	t->is_node_begun = false;
	node_end(t->node, s->node_bytes, t->node_received);
	if (t->node->stats != NULL)
		stats_subtract(&t->node->stats->sessions_current, 1);
	stats_add(&t->vserver->stats->to_node_bytes, s->node_bytes);
	stats_add(&t->vserver->stats->from_node_bytes, t->node_received);
}

struct addr udp_node_source(const struct txn *t)
{
	const struct udp_session *s = udp_session_of(t);
	if (s->node_fd == -1)
		return t->source_local;
	return s->taken_source.family != ADDR_NONE ? s->taken_source : dial_local(s->node_fd);
}

/* ---- both ways ------------------------------------------------------------------------------------------- */

bool udp_node_send(struct udp_session *s, struct slice bytes, int *error)
{
	struct txn *t = s->session.txn;
	const struct datagram_way way = { .to = takes_others(t) ? &t->node_address : NULL,
					  .head = s->announcement };
	s->asked++;
	if (datagram_send(s->node_fd, bytes, &way, error)) {
		s->node_bytes += s->announcement.len + bytes.len;
		return true;
	}
	switch (*error) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
	case EMSGSIZE: /* the way there takes less at a time: the kernel knows it now, and divides the next */
		udp_server_refuse(s->listener->server, REFUSAL_DATAGRAM_UNSENT, &s->session.remote);
		return true;
	default:
		return false;
	}
}

static bool is_accepted(const struct txn *t, const struct addr *from)
{
	const struct conf_pool *conf = t->pool->conf;
	switch (conf->accept_from) {
	case CONF_ACCEPT_FROM_DEST_ONLY:
		/* what came between bind and connect is from anybody */
		return addr_is_equal(from, &t->node_address);
	case CONF_ACCEPT_FROM_DEST_IP_ONLY:
		return addr_is_same_ip(from, &t->node_address);
	case CONF_ACCEPT_FROM_IP_MASK:
		return addr_is_within(from, &conf->accept_from_mask.base,
				      conf->accept_from_mask.prefix_bits);
	case CONF_ACCEPT_FROM_ALL:
		break;
	}
	return true;
}

/* Leaves those that are accepted, in their order. */
static unsigned sift(struct udp_session *s, struct datagram *to, const struct datagram *list,
		     unsigned count)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++)
		if (is_accepted(s->session.txn, &list[i].from))
			to[kept++] = list[i];
		else
			udp_server_refuse(s->listener->server, REFUSAL_DATAGRAM_STRANGER,
					  &list[i].from);
	return kept;
}

static void on_readable(struct loop_io *io)
{
	struct udp_session *s = container_of(io, struct udp_session, node_io);
	const struct datagram *list;
	struct datagram answers[DATAGRAM_BATCH];
	int error;
	unsigned count = datagram_read(s->node_fd, udp_session_wants(s), &list, &error);
	if (error != 0) {
		if (error != EMSGSIZE)
			udp_session_lost(s, error);
		return;
	}
	unsigned kept = sift(s, answers, list, count);
	if (kept > 0)
		udp_session_answers(s, answers, kept);
}
