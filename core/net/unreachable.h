/*
 * unreachable: tells the sender of a datagram that nobody takes it, as the kernel itself does for a
 * closed port: by ICMP (RFC 792, RFC 4443), on a raw socket, which only CAP_NET_RAW may open.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_UNREACHABLE_H
#define WEIR_NET_UNREACHABLE_H

#include "net/addr.h"

#include <stdbool.h>

/* What all of a process tell in a second at most; who asks for more is told nothing. */
#define UNREACHABLE_MOST 1000

/* The type, eight bytes with it, and the quoted heads of IPv6 and UDP. */
#define UNREACHABLE_BYTES (8 + 40 + 8)

/* A socket for clients of that family, which takes nothing in; -1: not permitted. */
int unreachable_open(uint8_t family);

/*
 * "Port unreachable", for a datagram from `client` to `dest`, of the same family. False: not sent, as
 * there were too many, or the system would not.
 */
bool unreachable_send(int fd, const struct addr *client, const struct addr *dest);

/* What it sends, and its length; the kernel adds the checksum of IPv6. */
size_t unreachable_write(const struct addr *client, const struct addr *dest,
			 uint8_t out[UNREACHABLE_BYTES]);

#endif
