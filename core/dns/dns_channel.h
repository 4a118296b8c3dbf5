/*
 * dns_channel: questions to c-ares, whose sockets and clock are our loop's. Private to this room.
 * Each question is answered once, perhaps before the function that asks returns.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DNS_CHANNEL_H
#define WEIR_DNS_CHANNEL_H

#include "dns/dns.h"

struct dns_answer {
	void (*on_answer)(struct dns_answer *a);
	enum dns_result result;
	const char *reason;
	uint64_t ttl; /* seconds */
	struct addr addresses[DNS_ADDRESSES_MOST];
	unsigned count;
	char name[DNS_NAME_BYTES];
};

/* Opens the channel if it is not open; reads /etc/resolv.conf then. False when that fails. */
bool dns_channel_open(const struct dns_options *options);

/* Answers what is under way as failed, and closes it. */
void dns_channel_close(void);

/* Asks for the addresses of a name; `a` lives until it is answered. */
void dns_channel_find(struct dns_answer *a, const char *name, enum dns_kind kind);
/* The name of an address. */
void dns_channel_find_name(struct dns_answer *a, const struct addr *address);

#endif
