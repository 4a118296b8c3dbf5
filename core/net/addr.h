/*
 * addr: an IP address, and an IP address with a port. IPv4-mapped IPv6 addresses are kept as what
 * they are on the wire; addr_unmap turns them into IPv4 where a dual-stack socket hands them out.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_ADDR_H
#define WEIR_NET_ADDR_H

#include "base/slice.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum addr_family { ADDR_NONE = 0, ADDR_IPV4 = 4, ADDR_IPV6 = 6 };

/* Pure data; all bytes that the family does not use are zero, so memcmp and hashing work. */
struct addr {
	uint8_t ip[16]; /* network order; IPv4 in the first 4 */
	uint32_t scope; /* IPv6 link-local interface, else 0 */
	uint16_t port;  /* host order */
	uint8_t family; /* enum addr_family */
	uint8_t unused;
};

/* Longest text with NUL: "[ffff:...:255.255.255.255%4294967295]:65535". */
#define ADDR_TEXT_BYTES 72

/* An IP address, with or without brackets, no port. False if it is none. */
bool addr_parse_ip(struct slice text, struct addr *a);

/* "1.2.3.4:80" or "[::1]:80"; the port is required, 1 to 65535. */
bool addr_parse(struct slice text, struct addr *a);

/* The IP without port, no brackets; returns `out`. "" for ADDR_NONE. */
const char *addr_format_ip(const struct addr *a, char out[ADDR_TEXT_BYTES]);

/* "1.2.3.4:80" or "[::1]:80"; returns `out`. "" for ADDR_NONE. */
const char *addr_format(const struct addr *a, char out[ADDR_TEXT_BYTES]);

bool addr_is_equal(const struct addr *a, const struct addr *b);
bool addr_is_same_ip(const struct addr *a, const struct addr *b);

/* All its bytes, as a key. */
static inline struct slice addr_key(const struct addr *a)
{
	return slice_of((const char *)a, sizeof *a);
}

struct addr addr_without_port(const struct addr *a);
struct addr addr_with_port(const struct addr *a, uint16_t port);

/* ::ffff:1.2.3.4 becomes 1.2.3.4; anything else stays. */
struct addr addr_unmap(const struct addr *a);

/* To and from the kernel's form; addr_from_sockaddr gives ADDR_NONE for other families. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
struct addr addr_from_sockaddr(const struct sockaddr_storage *in);

/* Is `a` inside base/prefix_bits? Families must be the same. */
bool addr_is_within(const struct addr *a, const struct addr *base, unsigned prefix_bits);

/* The first address of the network of `a` with so many bits; the port stays. */
struct addr addr_network(const struct addr *a, unsigned prefix_bits);

/* "10.0.0.0/8", "fe80::/10", or one address. False if it is none. */
bool addr_parse_network(struct slice text, struct addr *base, unsigned *prefix_bits);

/* Why an address can never be the source towards a node. */
enum addr_kind {
	ADDR_UNICAST,
	ADDR_UNSPECIFIED,
	ADDR_LOOPBACK,
	ADDR_MULTICAST,
	ADDR_BROADCAST,
	ADDR_MAPPED
};
enum addr_kind addr_kind(const struct addr *a);

/* Is it good on one link only: 169.254.0.0/16 or fe80::/10 (RFC 3927, RFC 4291 2.5.6)? */
bool addr_is_link_local(const struct addr *a);

#endif
