/*
 * listener: a listening socket in a worker. Accepts in batches that adapt to the load and hands
 * each connection to on_accept. The socket itself belongs to the supervisor and outlives us.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_LISTENER_H
#define WEIR_NET_LISTENER_H

#include "net/addr.h"
#include "net/loop.h"
#include "net/timer.h"

struct listener {
	struct loop_io io;
	int fd;
	unsigned batch;     /* how many connections the next event may bring */
	struct timer pause; /* set while accepting is put off */
	/* takes the descriptor (non-blocking, close-on-exec) over */
	void (*on_accept)(struct listener *l, int fd, const struct addr *peer);
};

/* Begins to accept from the listening socket `fd`, which stays open when we stop. */
void listener_start(struct listener *l, int fd,
		    void (*on_accept)(struct listener *l, int fd, const struct addr *peer));

/*
 * Accepts what waits now, but no more than a burst: the kernel resets what is in the queue when the
 * last copy of the socket closes. Call it before listener_stop; never from within on_accept.
 */
void listener_accept_rest(struct listener *l);

/* Stops accepting; also from within on_accept. */
void listener_stop(struct listener *l);

#endif
