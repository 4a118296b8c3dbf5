/*
 * listeners: the listening sockets. The supervisor opens them all before anything is given up and
 * before the first fork; for each address one socket per worker, so that the kernel spreads
 * connections evenly and a connection that waits is not lost when a worker dies: the socket stays
 * with the supervisor, and the next worker of that number finds it as it was.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_LISTENERS_H
#define WEIR_PROC_LISTENERS_H

#include "base/complaint.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One address of one virtual server. */
struct listeners_address {
	uint32_t vserver; /* index in conf.vservers */
	struct addr address;
	struct conf_place place;
	int *fds; /* one per worker; -1 where this process holds none, or the server is off */
};

struct listeners {
	struct listeners_address *list; /* in the order of the configuration */
	size_t count;
	unsigned workers;
};

/*
 * Opens what the enabled virtual servers listen on. Each that fails is in `complaints`, at its place in
 * the file; then false, and nothing is open. An address on which somebody else listens fails, even
 * if it would let us in: two weirs on one port would silently halve each other's traffic. One that
 * just stopped is given a second to let go.
 */
bool listeners_open(struct listeners *l, const struct conf *conf, unsigned workers,
		    struct complaints *complaints);

/* In a worker: closes every socket that is another worker's. */
void listeners_keep(struct listeners *l, unsigned worker);

/* Closes what this process holds; in other processes they stay open. */
void listeners_close(struct listeners *l);

#endif
