/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include "base/check.h"
#include "net/loop_private.h"
#include "net/stream_private.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Pieces of so few bytes are put together: the kernel takes longer to go through a list of them. */
#define GATHER_BYTES 1024

static void on_event(struct ev_loop *ev, ev_io *watcher, int events)
{
	(void)ev;
	struct stream *s = container_of(watcher, struct stream, watcher);
	if (events & EV_READ)
		s->is_readable = true;
	s->on_ready(s);
}

void stream_open(struct stream *s, int fd, void (*on_ready)(struct stream *))
{
	*s = (struct stream){ .fd = fd, .on_ready = on_ready };
	ev_io_init(&s->watcher, on_event, fd, 0);
}

int stream_leave(struct stream *s)
{
	int fd = s->fd;
	ev_io_stop(loop_ev(), &s->watcher);
	s->fd = -1;
	buf_release(&s->out);
	return fd;
}

void stream_close(struct stream *s)
{
	if (s->fd != -1)
		close(stream_leave(s));
}

void stream_reset(struct stream *s)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	if (s->fd != -1)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	stream_close(s);
}

/* What waits is lost: kept, it would make the owner ask for writes that can only fail, for ever. */
static enum io failed(struct stream *s)
{
	s->error = errno;
	buf_release(&s->out);
	return IO_FAIL;
}

enum io stream_read_result(struct stream *s, ssize_t got)
{
	if (got != -1)
		s->is_connecting = false;
	if (got > 0)
		return IO_OK;
	/*
	 * The kernel tells a reset once, and a write may have heard it. EPIPE is no reset of what we
	 * read: the other side had ended in good order before.
	 */
	if (got == 0 && s->error != 0 && s->error != EPIPE)
		return IO_FAIL;
	if (got == 0) {
		s->is_eof = true;
		s->is_readable = false;
		return IO_EOF;
	}
	if (errno != EAGAIN && errno != EINTR)
		return failed(s);
	s->is_readable = false;
	return IO_WAIT;
}

enum io stream_read(struct stream *s, char *into, size_t size, size_t *got)
{
	check(size > 0); /* the kernel's answer to 0 looks like an end */
	if (s->is_eof)
		return IO_EOF;
	ssize_t count = recv(s->fd, into, size, 0);
	enum io result = stream_read_result(s, count);
	if (result != IO_OK)
		return result;
	*got = (size_t)count;
	s->bytes_in += *got;
	s->is_readable = *got == size; /* a short read emptied it: no second call to hear EAGAIN */
	return IO_OK;
}

/* Tells an end or a reset from bytes, without reading them. */
static enum io peek(struct stream *s)
{
	char byte;
	if (s->is_eof)
		return IO_EOF;
	return stream_read_result(s, recv(s->fd, &byte, 1, MSG_PEEK));
}

void stream_before_write(struct stream *s)
{
	const int on = 1;
	if (!s->has_nagle || s->bytes_out == 0)
		return;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	s->has_nagle = false;
}

enum io stream_write_result(struct stream *s, ssize_t put)
{
	if (put == -1)
		return errno == EAGAIN || errno == EINTR ? IO_WAIT : failed(s);
	s->is_connecting = false;
	s->bytes_out += (size_t)put;
	return IO_OK;
}

static ssize_t send_pieces(int fd, const struct iovec *pieces, unsigned count, int flags)
{
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)pieces,
				  .msg_iovlen = count };
	char together[GATHER_BYTES];
	size_t len = 0;
	if (count == 1)
		return send(fd, pieces->iov_base, pieces->iov_len, flags);
	for (unsigned i = 0; i < count; i++) {
		if (pieces[i].iov_len > sizeof together - len)
			return sendmsg(fd, &message, flags);
		memcpy(together + len, pieces[i].iov_base, pieces[i].iov_len);
		len += pieces[i].iov_len;
	}
	return send(fd, together, len, flags);
}

static enum io try_write(struct stream *s, const struct iovec *pieces, unsigned count, int flags,
			 size_t *put)
{
	stream_before_write(s);
	ssize_t written = send_pieces(s->fd, pieces, count, flags | MSG_NOSIGNAL);
	enum io result = stream_write_result(s, written);
	*put = result == IO_OK ? (size_t)written : 0;
	return result;
}

/* Keeps what lies behind the first `done` bytes of the pieces. */
static void keep_rest(struct stream *s, const struct iovec *pieces, unsigned count, size_t done)
{
	for (unsigned i = 0; i < count; i++) {
		struct slice piece = slice_of(pieces[i].iov_base, pieces[i].iov_len);
		if (done < piece.len)
			buf_append(&s->out, slice_skip(piece, done), SIZE_MAX);
		done -= done < piece.len ? done : piece.len;
	}
}

static enum io write_pieces(struct stream *s, const struct iovec *pieces, unsigned count, int flags)
{
	size_t put = 0;
	if (s->error != 0)
		return IO_FAIL;
	if (stream_is_flushed(s) && try_write(s, pieces, count, flags, &put) == IO_FAIL)
		return IO_FAIL;
	if (s->is_connecting)
		return IO_WAIT;
	keep_rest(s, pieces, count, put);
	return IO_OK;
}

enum io stream_write(struct stream *s, const struct iovec *pieces, unsigned count)
{
	return write_pieces(s, pieces, count, 0);
}

enum io stream_write_last(struct stream *s, const struct iovec *pieces, unsigned count)
{
	return write_pieces(s, pieces, count, MSG_MORE);
}

enum io stream_write_slice(struct stream *s, struct slice bytes)
{
	struct iovec piece = { .iov_base = (void *)(uintptr_t)bytes.at, .iov_len = bytes.len };
	return stream_write(s, &piece, 1);
}

enum io stream_await(struct stream *s)
{
	struct iovec nothing = { .iov_base = "", .iov_len = 0 };
	size_t put;
	if (s->error != 0)
		return IO_FAIL;
	if (!s->is_connecting)
		return IO_OK;
	enum io result = try_write(s, &nothing, 1, 0, &put);
	return result == IO_OK && s->is_connecting ? IO_WAIT : result;
}

enum io stream_flush_rest(struct stream *s)
{
	if (s->error != 0)
		return IO_FAIL;
	/* with nothing to write, the write only asks for the answer to connect() */
	bool must_wait = s->is_connecting && s->must_shut;
	if (!stream_is_flushed(s) || must_wait) {
		struct slice rest = buf_slice(&s->out);
		struct iovec piece = { .iov_base = (void *)(uintptr_t)rest.at,
				       .iov_len = rest.len };
		size_t put;
		enum io result = try_write(s, &piece, 1, 0, &put);
		if (result == IO_FAIL)
			return result;
		buf_take(&s->out, put);
		must_wait = s->is_connecting && s->must_shut;
	}
	if (!stream_is_flushed(s) || must_wait)
		return IO_WAIT;
	if (s->must_shut)
		stream_shut(s);
	return IO_OK;
}

size_t stream_unconfirmed(const struct stream *s)
{
	int held = 0;
	return ioctl(s->fd, SIOCOUTQ, &held) == -1 ? 0 : (size_t)held;
}

void stream_shut(struct stream *s)
{
	s->must_shut = true;
	/* shutdown() before the answer would break the connection off */
	if (s->is_shut || s->is_connecting || !stream_is_flushed(s))
		return;
	s->is_shut = true;
	s->must_shut = false;
	shutdown(s->fd, SHUT_WR);
}

static void watch(struct stream *s, int events)
{
	bool is_on = ev_is_active(&s->watcher);
	if (is_on == (events != 0) && (s->watcher.events & (EV_READ | EV_WRITE)) == events)
		return;
	if (is_on)
		ev_io_stop(loop_ev(), &s->watcher);
	ev_io_set(&s->watcher, s->fd, events);
	if (events != 0)
		ev_io_start(loop_ev(), &s->watcher);
}

bool stream_watch(struct stream *s, bool want_read, bool want_write)
{
	bool is_surprise = !want_read && s->is_readable && (s->watcher.events & EV_READ);
	if (is_surprise && peek(s) == IO_FAIL) {
		/* told once: whoever reads later hears it then, and until then it must not wake us */
		watch(s, 0);
		return false;
	}
	/* an unwanted read that is ready would wake us at every turn, and so would an ended stream */
	bool reads = want_read || !s->is_readable;
	watch(s, (reads && !s->is_eof ? EV_READ : 0) | (want_write ? EV_WRITE : 0));
	return true;
}

void stream_peek(struct stream *s)
{
	if (s->is_readable)
		peek(s);
}

bool stream_has_news(const struct stream *s)
{
	return ev_is_pending(&s->watcher);
}

/* ---- keepalive probes ----------------------------------------------------------------------------- */

void stream_probe(struct stream *s, unsigned seconds)
{
	const int on = 1, most = 4, idle = (int)seconds, pause = seconds < 4 ? 1 : (int)seconds / 4;
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPINTVL, &pause, sizeof pause);
	setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPCNT, &most, sizeof most);
	setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
}

/* ---- DSCP ---------------------------------------------------------------------------------------- */

/* The upper six bits of an octet; the kernel keeps the lower two, ECN, to itself. An IPv6 socket may carry IPv4. */
bool stream_set_dscp(struct stream *s, unsigned dscp)
{
	int octet = (int)(dscp << 2);
	bool is_set = setsockopt(s->fd, IPPROTO_IP, IP_TOS, &octet, sizeof octet) == 0;
	return setsockopt(s->fd, IPPROTO_IPV6, IPV6_TCLASS, &octet, sizeof octet) == 0 || is_set;
}

int stream_dscp(const struct stream *s)
{
	int octet, domain;
	socklen_t size = sizeof octet, domain_size = sizeof domain;
	if (s->fd == -1 || getsockopt(s->fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) == -1)
		return -1;
	bool is_v6 = domain == AF_INET6;
	if (getsockopt(s->fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TCLASS : IP_TOS,
		       &octet, &size) == -1)
		return -1;
	return octet >> 2;
}
