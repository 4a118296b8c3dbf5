/*
 * admin_server: HTTP/1.1 for whoever administers weir, on the control socket. One request per
 * connection. All is bounded: connections, bytes of a request, and the time for all of it, so that
 * nobody who connects can keep others out or fill our memory.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_SERVER_H
#define WEIR_ADMIN_SERVER_H

#include "conf/conf.h"
#include "net/listener.h"
#include "share/segment.h"

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/types.h>

/* What can be asked about and changed. Owned by whoever serves; outlives the server. */
struct admin {
	const struct conf *conf;
	const struct share *share;
	bool is_stopping; /* weir ends when its transactions have */
	/* tells who can that weir shall stop; false when he cannot be told. Set from above. */
	bool (*on_stop)(struct admin *a);
	/* the same for reading the rules again; the question has its number already (share/reload.h) */
	bool (*on_reload)(struct admin *a, uid_t user, pid_t process);
};

struct admin_visit;

struct admin_server {
	struct admin *admin;
	struct listener listener;
	TAILQ_HEAD(, admin_visit) visits; /* oldest first */
	unsigned visit_count;
};

/* Serves the listening unix socket `fd`, which stays the caller's. */
void admin_server_start(struct admin_server *s, struct admin *admin, int fd);

/* Closes every connection. */
void admin_server_stop(struct admin_server *s);

#endif
