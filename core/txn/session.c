/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/session.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "fetch/wire.h"
#include "net/capture.h"
#include "txn/session_limit.h"
#include "txn/session_proxy.h"
#include "txn/txn.h"

#include <stdint.h>
#include <stdlib.h>

/*
 * How long, and for how many bytes, we listen to a client whose answer said good-bye; so many times as
 * long while it has yet to take all of that.
 */
#define LINGER_MILLISECONDS 2000
#define LINGER_TIMES_MOST 15
#define LINGER_BYTES (1024 * 1024)
/* Bytes of a request that are read before it is known to be one. */
#define FIRST_READ_BYTES (64 * 1024)

/* Lua values of connection.data are held by handles. */
static bool drop_kept(struct slice key, void *value, void *vm)
{
	(void)key;
	rule_drop_kept(vm, (int)(intptr_t)value);
	return true;
}

void session_close(struct session *s)
{
	struct vserver *v = s->vserver;
	struct world *w = v->world;
	check(s->txn == NULL);
	if (s->data != NULL)
		table_each(s->data, drop_kept, w->vm);
	TAILQ_REMOVE(&w->sessions, s, in_world);
	w->session_count--;
	session_limit_leave(s);
	stats_add(&v->stats->from_client_bytes, s->client.bytes_in);
	stats_add(&v->stats->to_client_bytes, s->client.bytes_out);
	timer_release(&s->timer);
	loop_forget(&s->next);
	inbox_release(&s->inbox);
	stream_close(&s->client);
	if (s->data != NULL)
		table_release(s->data, NULL);
	wires_free(s->wires);
	free(s->data);
	free(s->origin);
	free(s->proxy);
	free(s);
	if (w->on_empty != NULL && w->session_count == 0)
		w->on_empty(w);
}

void session_cut(struct session *s)
{
	stream_reset(&s->client);
	session_close(s);
}

/* Learns it if it is not known yet; false when the connection is gone. */
static bool learn_origin(struct session *s, enum capture how)
{
	if (s->origin != NULL)
		return true;
	s->origin = memory_new(1, sizeof *s->origin);
	return stream_is_open(&s->client) &&
	       capture_origin(s->client.fd, how, &s->origin->local, &s->origin->dest);
}

const struct addr *session_local(struct session *s)
{
	learn_origin(s, CAPTURE_NONE);
	return &s->origin->local;
}

const struct addr *session_dest(struct session *s)
{
	learn_origin(s, CAPTURE_NONE);
	return &s->origin->dest;
}

void session_set_dest(struct session *s, struct addr dest)
{
	learn_origin(s, CAPTURE_NONE);
	s->origin->dest = dest;
}

/* ---- between two requests -------------------------------------------------------------------------- */

/*
 * The last answer may still be on its way to a slow reader, and a request that comes behind the end
 * would make the kernel destroy it: so we linger, once.
 */
static void on_quiet_timeout(struct timer *timer)
{
	struct session *s = container_of(timer, struct session, timer);
	if (s->transactions == 0)
		session_close(s);
	else
		session_end(s, true);
}

static void wait_for_request(struct session *s, uint64_t milliseconds)
{
	s->pipelined = 0;
	s->timer.on_fire = on_quiet_timeout;
	timer_set(&s->timer, session_limit_wait(s, milliseconds));
	if (!stream_watch(&s->client, true, !stream_is_flushed(&s->client)))
		session_close(s);
}

/* Bytes may be here: the first ones of a request, or the end of the connection. */
static void begin_request(struct session *s)
{
	if (inbox_slice(&s->inbox).len > 0) {
		txn_start(s);
		return;
	}
	switch (inbox_read(&s->inbox, &s->client, FIRST_READ_BYTES, FIRST_READ_BYTES)) {
	case IO_OK:
		txn_start(s);
		return;
	case IO_WAIT:
		wait_for_request(s, s->transactions == 0
					    ? s->vserver->conf->connect_milliseconds
					    : s->vserver->conf->keepalive_milliseconds);
		return;
	case IO_EOF:
	case IO_FAIL:
		session_close(s);
		return;
	}
}

static void on_next(struct loop_task *task)
{
	struct session *s = container_of(task, struct session, next);
	s->pipelined++;
	begin_request(s);
}

void session_go_on(struct session *s)
{
	/* the timer was the transaction's until now */
	s->timer.on_fire = on_quiet_timeout;
	timer_stop(&s->timer);
	if (s->vserver->world->is_stopping) {
		session_end(s, false);
		return;
	}
	if (inbox_slice(&s->inbox).len > 0 || s->client.is_readable)
		loop_later(&s->next); /* a pipelined request: never by recursion */
	else
		wait_for_request(s, s->vserver->conf->keepalive_milliseconds);
}

/* ---- good-bye ----------------------------------------------------------------------------------------- */

/* Reads what still comes, and throws it away. False: nothing more will. */
static bool throw_away(struct session *s)
{
	enum io result = IO_OK;
	while (result == IO_OK && s->lingered < LINGER_BYTES) {
		inbox_use(&s->inbox, inbox_slice(&s->inbox).len);
		result = inbox_read(&s->inbox, &s->client, FIRST_READ_BYTES, FIRST_READ_BYTES);
		s->lingered += inbox_slice(&s->inbox).len;
		if (!s->client.is_readable)
			break;
	}
	inbox_use(&s->inbox, inbox_slice(&s->inbox).len);
	return result == IO_OK || result == IO_WAIT;
}

/*
 * Who has sent too much is not read any more, but not cut either before its time: it may be reading
 * the answer still.
 */
static void linger(struct session *s)
{
	bool goes_on = stream_flush(&s->client) != IO_FAIL && throw_away(s);
	bool wants_read = s->lingered < LINGER_BYTES;
	if (!goes_on || !stream_watch(&s->client, wants_read, !stream_is_flushed(&s->client)))
		session_close(s);
}

static void on_linger_timeout(struct timer *timer)
{
	struct session *s = container_of(timer, struct session, timer);
	bool has_taken_all = stream_unconfirmed(&s->client) == 0;
	if (has_taken_all || ++s->linger_times >= LINGER_TIMES_MOST)
		session_close(s);
	else
		timer_set(&s->timer, LINGER_MILLISECONDS);
}

void session_end(struct session *s, bool client_may_send)
{
	if (s->client.error != 0 || (s->client.is_eof && stream_is_flushed(&s->client))) {
		session_close(s);
		return;
	}
	bool bytes_wait = s->client.is_readable || inbox_slice(&s->inbox).len > 0 ||
			  !stream_is_flushed(&s->client);
	if (!client_may_send && !bytes_wait) {
		session_close(s);
		return;
	}
	stream_shut(&s->client);
	s->is_lingering = true;
	s->timer.on_fire = on_linger_timeout;
	timer_set(&s->timer, LINGER_MILLISECONDS);
	linger(s);
}

/* ---- the header in front of the first request ---------------------------------------------------------- */

/* The connection is the protocol's from here on. */
static void begin(struct session *s)
{
	if (s->vserver->protocol->begins_at_once)
		txn_start(s);
	else
		/* TCP_DEFER_ACCEPT means that the request is usually here already */
		begin_request(s);
}

static void on_proxy_timeout(struct timer *timer)
{
	struct session *s = container_of(timer, struct session, timer);
	session_limit_refuse(s, REFUSAL_PROXY_LATE);
	session_cut(s);
}

static void read_proxy(struct session *s)
{
	switch (session_proxy_read(s)) {
	case SESSION_PROXY_DONE:
		s->awaits_proxy = false;
		timer_stop(&s->timer);
		if (session_limit_enter_client(s))
			begin(s);
		else
			session_cut(s);
		return;
	case SESSION_PROXY_WAIT:
		if (!stream_watch(&s->client, true, false))
			session_close(s);
		return;
	case SESSION_PROXY_GONE:
		session_close(s);
		return;
	case SESSION_PROXY_REFUSED:
		session_cut(s);
		return;
	}
}

static void await_proxy(struct session *s)
{
	if (!session_proxy_is_trusted(s)) {
		session_cut(s);
		return;
	}
	s->awaits_proxy = true;
	s->timer.on_fire = on_proxy_timeout;
	timer_set(&s->timer, s->vserver->conf->connect_milliseconds);
	read_proxy(s);
}

/* ---- events ------------------------------------------------------------------------------------------- */

static void on_ready(struct stream *client)
{
	struct session *s = container_of(client, struct session, client);
	if (s->txn != NULL)
		txn_run(s->txn);
	else if (s->is_lingering)
		linger(s);
	else if (s->awaits_proxy)
		read_proxy(s);
	else if (!s->next.is_queued)
		begin_request(s);
}

bool session_is_meant_for(const struct conf_vserver *conf, const struct addr *dest)
{
	bool has_port = conf->capture_port_count == 0;
	for (size_t i = 0; i < conf->capture_port_count && !has_port; i++)
		has_port = conf->capture_ports[i] == dest->port;
	return has_port &&
	       (conf->capture_to.count == 0 || conf_networks_hold(&conf->capture_to, dest));
}

/* Learns where a captured client was headed. False when that was not to us, or it is gone already. */
static bool capture(struct session *s)
{
	const struct conf_vserver *conf = s->vserver->conf;
	enum capture how = conf->capture == CONF_CAPTURE_REDIRECT ? CAPTURE_REDIRECT
								  : CAPTURE_TPROXY;
	if (!learn_origin(s, how)) {
		session_close(s);
		return false;
	}
	if (session_is_meant_for(conf, session_dest(s)))
		return true;
	session_limit_refuse(s, REFUSAL_NOT_CAPTURED);
	session_cut(s);
	return false;
}

void session_add(struct session *s, struct vserver *v, int fd, const struct addr *peer)
{
	struct world *w = v->world;
	s->vserver = v;
	s->opened = clock_milliseconds();
	s->remote = *peer;
	s->service_level = v->conf->service_level;
	s->next.run = on_next;
	stream_open(&s->client, fd, on_ready);
	inbox_init(&s->inbox);
	timer_init(&s->timer, on_quiet_timeout);
	TAILQ_INSERT_TAIL(&w->sessions, s, in_world);
	w->session_count++;
}

static struct session *add_session(struct vserver *v, int fd, const struct addr *peer)
{
	struct session *s = memory_new(1, sizeof *s);
	session_add(s, v, fd, peer);
	return s;
}

/* Is it let in? If not, it is gone. */
static bool enter(struct session *s)
{
	if (!session_limit_enter(s)) {
		session_cut(s);
		return false;
	}
	return s->vserver->conf->capture == CONF_CAPTURE_NONE || capture(s);
}

void session_open(struct vserver *v, int fd, const struct addr *peer)
{
	struct session *s = add_session(v, fd, peer);
	if (!enter(s))
		return;
	/* TCP_DEFER_ACCEPT means that the request, or what stands before it, is usually here already */
	if (v->conf->proxy_from.count > 0)
		await_proxy(s);
	else
		begin(s);
}

void session_open_from(struct vserver *v, int fd, const struct addr *peer,
		       const struct session_origin *origin)
{
	struct session *s = add_session(v, fd, peer);
	s->origin = memory_new(1, sizeof *s->origin);
	*s->origin = *origin;
	if (enter(s))
		begin(s);
}
