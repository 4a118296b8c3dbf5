/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_MOST 64
#define REST_MOST 4096
#define PAUSE_MILLISECONDS 100
/* Clients that have come first must not wait for ever: new ones bring rules that may compute. */
#define BATCH_MICROSECONDS 500

/* One descriptor in reserve: without it, a full table would leave connections in the queue and the
 * listening socket readable for ever, and the loop would spin. */
static int reserve_fd = -1;

/* Takes one connection off the queue and closes it. False when not even that works. */
static bool shed_one(int listen_fd)
{
	if (reserve_fd != -1)
		close(reserve_fd);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	bool is_gone = fd != -1 || errno == EAGAIN;
	if (fd != -1)
		close(fd);
	reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return is_gone;
}

static void on_readable(struct loop_io *io);

static void on_pause_over(struct timer *timer)
{
	struct listener *l = container_of(timer, struct listener, pause);
	loop_io_start(&l->io, l->fd, on_readable);
}

/* Accepting does not work: sheds, or looks again later, so that the loop does not spin. */
static bool accept_failed(struct listener *l)
{
	static struct log_limit limit = { .most = 1 };
	unsigned left_out;
	int error = errno;
	bool was_shed = shed_one(l->fd);
	if (log_limit_allows(&limit, &left_out))
		log_error("cannot accept a connection: %s; %s (%u more before)", strerror(error),
			  was_shed ? "it was closed" : "it has to wait", left_out);
	if (was_shed)
		return true;
	loop_io_stop(&l->io);
	timer_set(&l->pause, PAUSE_MILLISECONDS);
	return false;
}

/* Returns false when nothing more waits, or nothing more can be taken now. */
static bool accept_one(struct listener *l)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		struct addr peer = addr_from_sockaddr(&from);
		l->on_accept(l, fd, &peer);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EINVAL: /* somebody has shut the listening socket down */
	case EBADF:
		return accept_failed(l);
	default: /* the network errors of accept(2) concern one connection that is gone */
		return true;
	}
}

/*
 * A trailing accept that only hears EAGAIN is a system call per connection for nothing: under light
 * load we take one and let the loop call again; a batch that was full doubles the next one.
 */
static void on_readable(struct loop_io *io)
{
	struct listener *l = container_of(io, struct listener, io);
	uint64_t began = l->batch > 1 ? clock_read_microseconds() : 0;
	for (unsigned i = 0; i < l->batch; i++) {
		if (i > 0 && clock_read_microseconds() - began > BATCH_MICROSECONDS)
			return;
		if (!accept_one(l)) {
			l->batch = 1;
			return;
		}
		if (!loop_io_is_on(io))
			return; /* on_accept has stopped us */
	}
	l->batch = l->batch * 2 > BATCH_MOST ? BATCH_MOST : l->batch * 2;
}

void listener_start(struct listener *l, int fd,
		    void (*on_accept)(struct listener *, int, const struct addr *))
{
	if (reserve_fd == -1)
		reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*l = (struct listener){ .fd = fd, .batch = 1, .on_accept = on_accept };
	timer_init(&l->pause, on_pause_over);
	loop_io_start(&l->io, fd, on_readable);
}

void listener_accept_rest(struct listener *l)
{
	/* without descriptors accept_one ends it by a pause */
	for (unsigned i = 0; i < REST_MOST && loop_io_is_on(&l->io) && accept_one(l); i++)
		;
}

void listener_stop(struct listener *l)
{
	loop_io_stop(&l->io);
	timer_release(&l->pause);
}
