/*
 * proxy_header: the PROXY protocol, by which a proxy in front of a server tells whose connection it
 * passes on: version 1, a line of text, and version 2, binary with further values (TLVs). Bytes in,
 * a struct out, and back. Knows no socket, and not who may be believed: its owner decides that.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_PROXY_HEADER_H
#define WEIR_NET_PROXY_HEADER_H

#include "net/addr.h"

#include <stdbool.h>

/* The longest that is taken: version 1 as the protocol has it, version 2 by our own bound. */
#define PROXY_HEADER_LINE_MOST 107
#define PROXY_HEADER_BINARY_MOST 4096

/* The longest that is written, of both versions. */
#define PROXY_HEADER_WRITE_BYTES 107

enum proxy_parse {
	PROXY_DONE,
	PROXY_MORE, /* so far it may become a header: read on */
	PROXY_BAD,
};

/* What is wrong with it. */
enum proxy_fault {
	PROXY_FAULT_NONE,
	PROXY_FAULT_MISSING, /* it begins as no header does */
	PROXY_FAULT_MALFORMED,
	PROXY_FAULT_LONG,
	PROXY_FAULT_CHECKSUM,
	PROXY_FAULT_CUT, /* a datagram that ends within it */
};

/* Pure data. */
struct proxy_header {
	struct addr source,
		dest;      /* ADDR_NONE: it names none, the connection's own addresses hold */
	struct slice tlvs; /* well-formed, within the text that was parsed; empty: none */
};

/*
 * Parses the header at the beginning of `text`. PROXY_DONE: *h, and *used bytes belong to it, what
 * follows is the protocol behind it. PROXY_MORE: never for a text of PROXY_HEADER_BINARY_MOST bytes.
 * PROXY_BAD: *why. A LOCAL header, one for UNKNOWN, and families other than IPv4 and IPv6 over TCP or
 * UDP name no addresses; what LOCAL and families without a known length bring along is not looked at.
 */
enum proxy_parse proxy_header_parse(struct slice text, struct proxy_header *h, size_t *used,
				    enum proxy_fault *why);

/*
 * The same for a datagram, which is whole and begins with a header of version 2 (version 1 has no word
 * for UDP). False: *why.
 */
bool proxy_header_parse_datagram(struct slice text, struct proxy_header *h, size_t *used,
				 enum proxy_fault *why);

/* The value of the first TLV of that type; absent when there is none. */
struct slice proxy_header_find_tlv(struct slice tlvs, uint8_t type);

/*
 * Writes a header of version 1 or 2 for a TCP connection; its length. Where one address is IPv4 and
 * the other IPv6, both are written as IPv6; where one is ADDR_NONE, that the addresses are unknown.
 */
size_t proxy_header_write(unsigned version, const struct addr *source, const struct addr *dest,
			  char out[PROXY_HEADER_WRITE_BYTES]);

/* The same of version 2 for a datagram. */
size_t proxy_header_write_datagram(const struct addr *source, const struct addr *dest,
				   char out[PROXY_HEADER_WRITE_BYTES]);

#endif
