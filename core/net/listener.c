/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include "base/check.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_MOST 64

/* One descriptor in reserve: without it, a full table would leave connections in the queue and the
 * listening socket readable for ever, and the loop would spin. */
static int reserve_fd = -1;

static void shed_one(int listen_fd)
{
	static struct log_limit limit = { .most = 1 };
	unsigned left_out;
	int error = errno;
	close(reserve_fd);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd != -1)
		close(fd);
	reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (log_limit_allows(&limit, &left_out))
		log_error("cannot accept a connection: %s; it was closed (%u more before)",
			  strerror(error), left_out);
}

/* Returns false when nothing more waits. */
static bool accept_one(struct listener *l)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			shed_one(l->fd);
		/* ECONNABORTED and the network errors of accept(2) concern one connection that is gone */
		return errno != EAGAIN;
	}
	struct addr peer = addr_from_sockaddr(&from);
	l->on_accept(l, fd, &peer);
	return true;
}

/*
 * A trailing accept that only hears EAGAIN is a system call per connection for nothing: under light
 * load we take one and let the loop call again; a batch that was full doubles the next one.
 */
static void on_readable(struct loop_io *io)
{
	struct listener *l = container_of(io, struct listener, io);
	for (unsigned i = 0; i < l->batch; i++)
		if (!accept_one(l)) {
			l->batch = 1;
			return;
		}
	l->batch = l->batch * 2 > BATCH_MOST ? BATCH_MOST : l->batch * 2;
}

void listener_start(struct listener *l, int fd,
		    void (*on_accept)(struct listener *, int, const struct addr *))
{
	if (reserve_fd == -1)
		reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*l = (struct listener){ .fd = fd, .batch = 1, .on_accept = on_accept };
	loop_io_start(&l->io, fd, on_readable);
}

void listener_stop(struct listener *l)
{
	loop_io_stop(&l->io);
}
