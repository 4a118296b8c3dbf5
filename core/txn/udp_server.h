/*
 * udp_server: a virtual server of UDP in one worker: its sockets, and its sessions by the client's
 * address and the one that it wrote to. A datagram goes to its session or begins one; what may not is
 * dropped, counted and, once a second, logged. The kernel gives all datagrams of one client and
 * destination to the same worker's socket.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_UDP_SERVER_H
#define WEIR_TXN_UDP_SERVER_H

#include "net/datagram.h"
#include "net/loop.h"
#include "net/proxy_header.h"
#include "txn/refusal.h"
#include "txn/session.h"
#include "txn/world.h"

struct udp_session;

/* One address that it listens on. */
struct udp_listener {
	struct loop_io io;
	int fd; /* of the supervisor; our own when we are stopping */
	struct udp_server *server;
	struct addr address;
	int unreachable_fd; /* for ICMP to clients; -1: not permitted */
	bool answers_from_any; /* datagrams tell where they were headed, and answers where they come from */
};

/* A datagram as it came. */
struct udp_arrival {
	const struct addr *peer;      /* who sent it */
	struct session_origin origin; /* as the kernel says, whatever a header does */
	struct proxy_header header;   /* zeroed: it has none */
	struct slice bytes;           /* without that */
};

/* Owned by its vserver. */
struct udp_server {
	struct vserver *vserver;
	struct udp_listener *listeners; /* as many as conf.listen_count */
	struct table sessions;          /* struct udp_key -> struct udp_session */
	bool is_stopping;
};

/*
 * Begins to take datagrams from these sockets, one per address, which stay open when we close. Called
 * before privileges are given up.
 */
struct udp_server *udp_server_open(struct vserver *v, const int *fds);

/* No new sessions: what comes for one that has not ended is still taken, and answered. */
void udp_server_stop(struct udp_server *server);

/* Its sessions have ended. NULL is fine. */
void udp_server_close(struct udp_server *server);

/* A datagram that came by this listener, or by a session's own socket in its place. */
void udp_server_take(struct udp_listener *l, const struct datagram *d);

/* Lists a session, so that its client's datagrams find it; and takes it off. */
void udp_server_list(struct udp_server *server, struct udp_session *s);
void udp_server_forget(struct udp_server *server, struct udp_session *s);

/* Counts a datagram that is dropped. */
void udp_server_refuse(const struct udp_server *server, enum refusal why, const struct addr *from);

#endif
