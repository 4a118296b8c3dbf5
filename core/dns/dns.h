/*
 * dns: names to addresses and back, by c-ares on our loop: /etc/hosts first, then the servers. What
 * was answered is kept for its time to live; who asks for the same at one time shares a question.
 * Addresses that are no answer of a server (time to live 0, /etc/hosts, failures) are not kept.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DNS_H
#define WEIR_DNS_H

#include "net/addr.h"
#include "net/loop.h"
#include "net/timer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More addresses of one name are left out. */
#define DNS_ADDRESSES_MOST 16
/* A name as text, with NUL (RFC 1035 2.3.4). */
#define DNS_NAME_BYTES 256

struct dns_options {
	const struct addr *servers;
	size_t server_count; /* 0: those of /etc/resolv.conf */
	uint64_t timeout_milliseconds;
};

/* What to look for. */
enum dns_kind {
	DNS_IPV4,
	DNS_IPV6,
	DNS_ANY,  /* both; IPv4 first */
	DNS_NAME, /* of an address */
};

enum dns_result { DNS_FOUND, DNS_NO_SUCH, DNS_FAILED };

struct dns_entry;

/* One question. Embedded in whoever asks, in memory that stays where it is until it is over. */
struct dns_lookup {
	void (*on_done)(struct dns_lookup *l);
	enum dns_result result;
	const char *reason;                        /* when it is not DNS_FOUND; a constant */
	struct addr addresses[DNS_ADDRESSES_MOST]; /* without port */
	unsigned count;
	char name[DNS_NAME_BYTES]; /* for DNS_NAME */

	/* private */
	struct dns_entry *entry; /* whose answer it waits for; NULL: it has come */
	struct loop_task done;
	struct timer timer;
	TAILQ_ENTRY(dns_lookup) link;
};

/*
 * Says what will be used when somebody asks first; `options` is copied, its servers are not. Nothing
 * is opened or read before. Close it when no lookup is under way any more.
 */
void dns_open(const struct dns_options *options);
void dns_close(void);

/* May it be the name of a host: letters, digits, "-", "_", in labels of 1 to 63 bytes? */
bool dns_is_host_name(struct slice text);

/*
 * Looks for the addresses of `host`: a name as dns_is_host_name has it, or an address, which is its own
 * answer. `on_done` is called once, in a later turn of the loop, unless it is given up before.
 */
void dns_find(struct dns_lookup *l, struct slice host, enum dns_kind kind,
	      void (*on_done)(struct dns_lookup *l));

/* The same for the name of an address; DNS_NO_SUCH when it has none. */
void dns_find_name(struct dns_lookup *l, const struct addr *a,
		   void (*on_done)(struct dns_lookup *l));

/* Gives it up: on_done is not called any more. Also for one that is over. */
void dns_cancel(struct dns_lookup *l);

/* Answers that are kept, for tests. */
size_t dns_cached(void);

#endif
