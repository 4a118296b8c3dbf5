/*
 * datagram: UDP on a socket: several datagrams read by one system call, each with where it came from
 * and where it was headed, and sent whole or not at all. All sockets of a process read into one shared
 * buffer. Knows nothing of sessions.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_DATAGRAM_H
#define WEIR_NET_DATAGRAM_H

#include "net/addr.h"

#include <stdbool.h>

/* What one read brings at most: others wait for their turn meanwhile. */
#define DATAGRAM_BATCH 32

/* The longest that IPv4 has. */
#define DATAGRAM_MOST 65507

struct datagram {
	struct addr from;
	struct addr to;    /* where it was headed; ADDR_NONE: to the socket's own address */
	struct addr local; /* the address of this machine that got it: not `to` for a broadcast */
	struct slice bytes;
};

/* Where to, and from which address; NULL: as the socket is connected and bound. */
struct datagram_way {
	const struct addr *to, *from;
	struct slice head; /* stands before the bytes in the datagram; mostly empty */
};

/*
 * A socket for clients is to tell where each datagram was headed: with `is_captured` its address and
 * port as they were before TPROXY, else the address (the port is the socket's). Before it is bound.
 */
bool datagram_ask_destination(int fd, uint8_t family, bool is_captured);

/*
 * Reads what waits, at most `most` (up to DATAGRAM_BATCH) datagrams, and gives their number. They stay
 * valid until the next read of any socket. 0: nothing waits, or *error says what the kernel reported
 * instead, such as a node's ICMP answer to what was sent.
 */
unsigned datagram_read(int fd, unsigned most, const struct datagram **list, int *error);

/* Sends it. False: it was not sent, for the reason *error; EAGAIN when there is no room for it now. */
bool datagram_send(int fd, struct slice bytes, const struct datagram_way *way, int *error);

#endif
