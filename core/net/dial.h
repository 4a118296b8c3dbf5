/*
 * dial: connects to a node, from our own address or from a client's (IP transparency), by TCP or UDP.
 * A refusal to spoof has a reason of its own; there is never a silent fall-back to our address.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_DIAL_H
#define WEIR_NET_DIAL_H

#include "net/addr.h"
#include "net/stream.h"

/* name, words for the log */
#define DIAL_RESULTS(X) \
	X(OK, "connecting") \
	X(FAILED, "cannot connect") \
	X(NO_PORT, "no free port for this source address") \
	X(NO_ROOM, "no descriptor or memory for one more connection") \
	X(NOT_PERMITTED, "not permitted to use a foreign source address (CAP_NET_RAW)") \
	X(PORT_NOT_PERMITTED, "not permitted to use a source port below 1024") \
	X(SPOOF_UNSPECIFIED, "will not spoof an unspecified address") \
	X(SPOOF_LOOPBACK, "will not spoof a loopback address") \
	X(SPOOF_MULTICAST, "will not spoof a multicast address") \
	X(SPOOF_BROADCAST, "will not spoof a broadcast address") \
	X(SPOOF_MAPPED, "will not spoof an IPv4-mapped IPv6 address") \
	X(SPOOF_OWN, "will not spoof an address of this machine") \
	X(SPOOF_FAMILY, "client and node are of different address families")

enum dial_result {
#define X(name, words) DIAL_##name,
	DIAL_RESULTS(X)
#undef X
};

const char *dial_words(enum dial_result result);

struct dial {
	struct addr to;
	struct addr source;  /* ADDR_NONE: the kernel chooses; port 0: any port */
	bool is_transparent; /* `source` is not ours */
	bool is_datagram;    /* UDP: the socket tells of ICMP errors; nothing leaves yet */
	bool takes_any;      /* UDP: not connected, what others than `to` send arrives too */
};

/* May `source` be used as a foreign source towards `to`? DIAL_OK or the refusal. No system call for most. */
enum dial_result dial_may_spoof(const struct addr *source, const struct addr *to);

/*
 * Begins to connect: DIAL_OK and *fd (non-blocking, close-on-exec; the answer comes with the first
 * write), otherwise *error is the errno or 0 and *fd is -1. Only DIAL_FAILED may be the node's
 * fault; all others are ours or the source's.
 */
enum dial_result dial_open(const struct dial *d, int *fd, int *error);

/*
 * Closes with a reset, as stream_reset does, a connection to `to` that dial_open made: by TCP, not
 * from a given source, and without an option set since. The socket waits a moment for the next such
 * dial_open, which saves the kernel to free one and to make another.
 */
void dial_recycle(struct stream *s, const struct addr *to);

/*
 * From now on `open` makes the connections, with the arguments and results of dial_open and after its
 * checks, and this machine counts as having no address: for rules that are tried without a network.
 */
void dial_offline(enum dial_result (*open)(const struct dial *d, int *fd, int *error));

/* The address that the kernel gave our end; ADDR_NONE when the connection is gone. */
struct addr dial_local(int fd);

/* Is it an address of this machine? Looked up at most once a second. */
bool dial_is_own_address(const struct addr *a);

#endif
