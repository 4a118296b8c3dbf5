/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/udp_reply.h"

#include "base/check.h"
#include "base/log.h"
#include "net/dial.h"
#include "net/unreachable.h"
#include "txn/session_proxy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool needs_own_socket(struct udp_session *s)
{
	return session_local(&s->session)->port != s->listener->address.port;
}

/* What the client sends after our first answer. */
static void on_readable(struct loop_io *io)
{
	struct udp_session *s = container_of(io, struct udp_session, reply_io);
	struct udp_listener *l = s->listener;
	const struct addr local = *session_local(&s->session);
	const struct datagram *list;
	int error;
	unsigned count = datagram_read(s->reply_fd, DATAGRAM_BATCH, &list, &error);
	if (error == ECONNREFUSED) {
		udp_session_gone(s);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		struct datagram d = list[i];
		/* by the usual way: what came between bind and connect may be another client's */
		d.to = d.local = local;
		udp_server_take(l, &d);
	}
}

static void tell_of_failure(struct udp_session *s, const char *why)
{
	static struct log_limit limit = { .most = 1 };
	char text[ADDR_TEXT_BYTES];
	unsigned left_out;
	if (log_limit_allows(&limit, &left_out))
		log_warn("virtual server '%s' cannot answer from '%s': %s (%u more before)",
			 s->session.vserver->conf->name,
			 addr_format(session_local(&s->session), text), why, left_out);
}

static bool open_own_socket(struct udp_session *s)
{
	const struct addr *local = session_local(&s->session);
	const struct dial d = { .to = *session_peer(&s->session),
				.source = *local,
				.is_transparent = !dial_is_own_address(local),
				.is_datagram = true };
	int error;
	if (s->reply_fd != -1)
		return true;
	enum dial_result result = dial_open(&d, &s->reply_fd, &error);
	if (result != DIAL_OK) {
		tell_of_failure(s, error != 0 ? strerror(error) : dial_words(result));
		return false;
	}
	loop_io_start(&s->reply_io, s->reply_fd, on_readable);
	return true;
}

bool udp_reply_send(struct udp_session *s, struct slice bytes)
{
	bool has_own = needs_own_socket(s), from_any = s->listener->answers_from_any;
	const struct datagram_way way = {
		.to = has_own ? NULL : session_peer(&s->session),
		.from = has_own || !from_any ? NULL : session_local(&s->session),
	};
	int error = EADDRNOTAVAIL;
	bool is_sent = (!has_own || open_own_socket(s)) &&
		       datagram_send(has_own ? s->reply_fd : s->listener->fd, bytes, &way, &error);
	if (has_own && error == ECONNREFUSED)
		return false;
	if (is_sent)
		s->session.client.bytes_out += bytes.len;
	else
		udp_server_refuse(s->listener->server, REFUSAL_DATAGRAM_UNSENT, &s->session.remote);
	return true;
}

void udp_reply_unreachable(struct udp_session *s)
{
	const struct addr *dest = session_dest(&s->session);
	bool is_for_one = addr_is_equal(dest, session_local(&s->session)) &&
			  addr_kind(dest) != ADDR_MULTICAST;
	if (s->listener->unreachable_fd != -1 && is_for_one &&
	    s->session.vserver->conf->proxy_from.count == 0)
		unreachable_send(s->listener->unreachable_fd, &s->session.remote, dest);
}

void udp_reply_release(struct udp_session *s)
{
	if (s->reply_fd == -1)
		return;
	loop_io_stop(&s->reply_io);
	close(s->reply_fd);
	s->reply_fd = -1;
}
