/*
 * privilege: what a process may do. Started as root, the supervisor stays root and its children
 * become an ordinary user who keeps nothing, but for CAP_NET_RAW in workers when a node shall see
 * the client's address (it suffices for IP_TRANSPARENT), and for UDP ports below 1024 beside it. Not started as root, we stay who we are.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_PRIVILEGE_H
#define WEIR_PROC_PRIVILEGE_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Decided once by the supervisor; pure data. */
struct privilege {
	bool changes_user;
	uid_t user;
	gid_t group;
	bool keeps_net_raw;   /* in workers */
	bool keeps_low_ports; /* the same: CAP_NET_BIND_SERVICE */
};

/*
 * Decides. `user` is the name to become when we are root, or NULL to stay. `net_raw_for` says what
 * needs CAP_NET_RAW, such as "transparent pool 'web'", or is NULL. False: no such user, or no
 * such capability; `e` has what is missing and the cure.
 */
bool privilege_plan(struct privilege *p, const char *user, const char *net_raw_for, struct err *e);

/*
 * Workers that keep CAP_NET_RAW keep CAP_NET_BIND_SERVICE too, if we have it: answers by UDP leave from
 * the port that a captured client wrote to, and go to a node from the port that a client has.
 */
void privilege_keep_low_ports(struct privilege *p);

/* In a child: gives up, for good, all that it will not need. False: it must not go on. */
bool privilege_drop(const struct privilege *p, bool is_worker, struct err *e);

/* Raises the limit of open files to what we are allowed; it is inherited. */
void privilege_raise_files(void);

#endif
