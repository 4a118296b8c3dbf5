/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/udp_server.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/unreachable.h"
#include "txn/session_limit.h"
#include "txn/session_proxy.h"
#include "txn/udp_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- sessions by name ----------------------------------------------------------------------------- */

/* Behind a front one peer speaks for many clients, and one client may come by several. */
struct udp_key {
	struct addr client, dest;
	struct addr peer, local; /* only where there are fronts */
};

static struct slice slice_of_key(const struct udp_server *server, const struct udp_key *key)
{
	bool has_fronts = server->vserver->conf->proxy_from.count > 0;
	return slice_of((const char *)key,
			has_fronts ? sizeof *key : offsetof(struct udp_key, peer));
}

static struct udp_key key_of(struct udp_session *s)
{
	return (struct udp_key){ s->session.remote, *session_dest(&s->session),
				 *session_peer(&s->session), *session_local(&s->session) };
}

static struct udp_session *find_session(const struct udp_server *server,
					const struct udp_arrival *a)
{
	const struct proxy_header *h = &a->header;
	bool is_announced = h->source.family != ADDR_NONE;
	const struct udp_key key = { is_announced ? addr_unmap(&h->source) : *a->peer,
				     is_announced ? addr_unmap(&h->dest) : a->origin.dest, *a->peer,
				     a->origin.local };
	return table_get(&server->sessions, slice_of_key(server, &key));
}

void udp_server_list(struct udp_server *server, struct udp_session *s)
{
	struct udp_key key = key_of(s);
	table_set(&server->sessions, slice_of_key(server, &key), s);
	s->is_listed = true;
}

void udp_server_forget(struct udp_server *server, struct udp_session *s)
{
	struct udp_key key = key_of(s);
	if (s->is_listed)
		table_remove(&server->sessions, slice_of_key(server, &key));
	s->is_listed = false;
}

/* ---- what is not taken ---------------------------------------------------------------------------- */

void udp_server_refuse(const struct udp_server *server, enum refusal why, const struct addr *from)
{
	static struct log_limit limits[REFUSAL_COUNT];
	char text[ADDR_TEXT_BYTES];
	unsigned left_out;
	refusal_count(server->vserver, why);
	limits[why].most = 1;
	if (log_limit_allows(&limits[why], &left_out))
		log_warn("virtual server '%s' dropped a datagram of %s: %s (%u more before)",
			 server->vserver->conf->name, addr_format(from, text), refusal_words(why),
			 left_out);
}

/* The cheap part of session_limit_look: a flood pays for no more than this. */
static bool is_full(const struct vserver *v)
{
	unsigned index = (unsigned)(v->conf - v->world->conf->vservers);
	return stats_vserver_sessions(v->world->share, index) >= v->conf->max_sessions;
}

/* May a session begin with it? */
static enum refusal judge(const struct udp_server *server, const struct udp_arrival *a)
{
	const struct vserver *v = server->vserver;
	if (a->peer->port == 0 || world_is_own_listener(v->world, a->peer, true))
		return REFUSAL_DATAGRAM_LOOP;
	if (v->conf->capture != CONF_CAPTURE_NONE &&
	    !session_is_meant_for(v->conf, &a->origin.dest))
		return REFUSAL_NOT_CAPTURED;
	return is_full(v) ? REFUSAL_SESSIONS_MOST : REFUSAL_NONE;
}

/* ---- what is ----------------------------------------------------------------------------------------- */

static struct session_origin origin_of(const struct udp_listener *l, const struct datagram *d)
{
	struct session_origin origin = { .local = l->address, .dest = l->address };
	if (d->to.family == ADDR_NONE)
		return origin;
	origin.dest = d->to.port == 0 ? addr_with_port(&d->to, l->address.port) : d->to;
	origin.local = d->local.port == 0 ? addr_with_port(&d->local, l->address.port) : d->local;
	return origin;
}

/* Each datagram of a front says for whom it is: nobody else may say so, and none may say nothing. */
static enum refusal take_header(const struct udp_server *server, struct udp_arrival *a)
{
	const struct addr peer = addr_unmap(a->peer);
	enum proxy_fault fault;
	size_t used;
	if (!conf_networks_hold(&server->vserver->conf->proxy_from, &peer))
		return REFUSAL_PROXY_UNTRUSTED;
	if (!proxy_header_parse_datagram(a->bytes, &a->header, &used, &fault))
		return session_proxy_refusal(fault);
	a->bytes = slice_skip(a->bytes, used);
	return REFUSAL_NONE;
}

void udp_server_take(struct udp_listener *l, const struct datagram *d)
{
	struct udp_server *server = l->server;
	struct udp_arrival a = { .peer = &d->from, .origin = origin_of(l, d), .bytes = d->bytes };
	enum refusal why = REFUSAL_NONE;
	if (server->vserver->conf->proxy_from.count > 0)
		why = take_header(server, &a);
	struct udp_session *s = why == REFUSAL_NONE ? find_session(server, &a) : NULL;
	if (s != NULL) {
		udp_session_take(s, a.bytes);
		return;
	}
	if (server->is_stopping)
		return;
	if (why == REFUSAL_NONE)
		why = judge(server, &a);
	if (why != REFUSAL_NONE)
		udp_server_refuse(server, why, &d->from);
	else
		udp_session_open(l, &a);
}

/* One batch, then others have their turn: who floods us holds up nobody else for longer. */
static void on_readable(struct loop_io *io)
{
	struct udp_listener *l = container_of(io, struct udp_listener, io);
	const struct datagram *list;
	int error;
	unsigned count = datagram_read(l->fd, DATAGRAM_BATCH, &list, &error);
	for (unsigned i = 0; i < count; i++)
		udp_server_take(l, &list[i]);
}

/* ---- its life ------------------------------------------------------------------------------------------ */

struct udp_server *udp_server_open(struct vserver *v, const int *fds)
{
	struct udp_server *server = memory_new(1, sizeof *server);
	server->vserver = v;
	table_init(&server->sessions);
	server->listeners = memory_new(v->conf->listen_count, sizeof *server->listeners);
	for (size_t i = 0; i < v->conf->listen_count; i++) {
		struct udp_listener *l = &server->listeners[i];
		*l = (struct udp_listener){ .fd = fds[i],
					    .server = server,
					    .address = v->conf->listens[i] };
		l->answers_from_any = v->conf->capture == CONF_CAPTURE_TPROXY ||
				      addr_kind(&l->address) == ADDR_UNSPECIFIED;
		l->unreachable_fd = unreachable_open(l->address.family);
		loop_io_start(&l->io, l->fd, on_readable);
	}
	return server;
}

/* The supervisor's sockets close now; ours live on for the answers that are still to come. */
static void keep_socket(struct udp_listener *l)
{
	loop_io_stop(&l->io);
	l->fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
	if (l->fd != -1)
		loop_io_start(&l->io, l->fd, on_readable);
}

void udp_server_stop(struct udp_server *server)
{
	server->is_stopping = true;
	for (size_t i = 0; i < server->vserver->conf->listen_count; i++)
		keep_socket(&server->listeners[i]);
}

static void close_listener(struct udp_listener *l, bool is_ours)
{
	loop_io_stop(&l->io);
	if (is_ours && l->fd != -1)
		close(l->fd);
	if (l->unreachable_fd != -1)
		close(l->unreachable_fd);
}

void udp_server_close(struct udp_server *server)
{
	if (server == NULL)
		return;
	for (size_t i = 0; i < server->vserver->conf->listen_count; i++)
		close_listener(&server->listeners[i], server->is_stopping);
	table_release(&server->sessions, NULL);
	free(server->listeners);
	free(server);
}
