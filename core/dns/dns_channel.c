/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/dns_channel.h"

#include "base/check.h"
#include "base/memory.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

/* Each server is asked so often, with twice the patience the second time. */
#define TRIES 2

/* A socket of c-ares. */
struct channel_socket {
	struct loop_poll poll;
	int fd;
	LIST_ENTRY(channel_socket) link;
};

static struct {
	ares_channel ares;
	ares_channel hosts; /* looks into /etc/hosts only, at once */
	bool is_open;
	LIST_HEAD(, channel_socket) sockets;
	struct timer timer;
} channel;

/* ---- its sockets and clock
 * -------------------------------------------------------------------------- */

static void set_timer(void)
{
	struct timeval wait;
	if (!channel.is_open)
		return;
	if (ares_timeout(channel.ares, NULL, &wait) == NULL)
		timer_stop(&channel.timer);
	else
		timer_set(&channel.timer,
			  (uint64_t)wait.tv_sec * 1000 + (uint64_t)wait.tv_usec / 1000 + 1);
}

static void on_timer(struct timer *timer)
{
	(void)timer;
	ares_process_fd(channel.ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer();
}

static void on_ready(struct loop_poll *p, bool is_readable, bool is_writable)
{
	int fd = container_of(p, struct channel_socket, poll)->fd;
	ares_process_fd(channel.ares, is_readable ? fd : ARES_SOCKET_BAD,
			is_writable ? fd : ARES_SOCKET_BAD);
	set_timer();
}

/* c-ares wants to know when its socket can be read or written; neither: it
 * closes it. */
static void on_socket(void *extra, ares_socket_t fd, int wants_read, int wants_write)
{
	(void)extra;
	struct channel_socket *s;
	LIST_FOREACH (s, &channel.sockets, link)
		if (s->fd == fd)
			break;
	if (s == NULL) {
		s = memory_new(1, sizeof *s);
		s->fd = fd;
		s->poll.on_ready = on_ready;
		LIST_INSERT_HEAD(&channel.sockets, s, link);
	}
	loop_poll_set(&s->poll, fd, wants_read != 0, wants_write != 0);
	if (wants_read || wants_write)
		return;
	LIST_REMOVE(s, link);
	free(s);
}

/* ---- life
 * ---------------------------------------------------------------------------------------------
 */

/* The servers as c-ares takes them: "10.0.0.1:53,[fd00::1]:53". Freed by the
 * caller. */
static char *list_servers(const struct dns_options *options)
{
	char *text = memory_new(options->server_count, ADDR_TEXT_BYTES + 1), *at = text;
	for (size_t i = 0; i < options->server_count; i++) {
		char one[ADDR_TEXT_BYTES];
		at += sprintf(at, "%s%s", i > 0 ? "," : "", addr_format(&options->servers[i], one));
	}
	return text;
}

static bool set_servers(const struct dns_options *options)
{
	if (options->server_count == 0)
		return true;
	char *list = list_servers(options);
	int status = ares_set_servers_ports_csv(channel.ares, list);
	free(list);
	return status == ARES_SUCCESS;
}

bool dns_channel_open(const struct dns_options *options)
{
	struct ares_options wanted = {
		.timeout = (int)(options->timeout_milliseconds / 3) + 1,
		.tries = TRIES,
		.lookups = "fb",
		.sock_state_cb = on_socket,
	};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
	if (channel.is_open)
		return true;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return false;
	if (ares_init_options(&channel.ares, &wanted, mask) != ARES_SUCCESS)
		return false;
	timer_init(&channel.timer, on_timer);
	wanted.lookups = "f";
	channel.is_open = set_servers(options) &&
			  ares_init_options(&channel.hosts, &wanted, ARES_OPT_LOOKUPS) ==
				  ARES_SUCCESS;
	if (!channel.is_open)
		ares_destroy(channel.ares);
	return channel.is_open;
}

void dns_channel_close(void)
{
	if (!channel.is_open)
		return;
	channel.is_open = false;
	ares_destroy(channel.ares);
	ares_destroy(channel.hosts);
	timer_release(&channel.timer);
	ares_library_cleanup();
}

/* ---- questions
 * ----------------------------------------------------------------------------------------
 */

static void answer(struct dns_answer *a, int status)
{
	bool has_any = a->count > 0 || a->name[0] != '\0';
	switch (status) {
	case ARES_SUCCESS:
		a->result = has_any ? DNS_FOUND : DNS_NO_SUCH;
		a->reason = "there is no such name";
		break;
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
		a->result = DNS_NO_SUCH;
		a->reason = status == ARES_ENODATA ? "the name has no such address"
						   : "there is no such name";
		break;
	default:
		a->result = DNS_FAILED;
		a->reason = status == ARES_ETIMEOUT ? "no answer in time" : ares_strerror(status);
	}
	a->on_answer(a);
}

static void add_addresses(struct dns_answer *a, const struct ares_addrinfo *found, int family)
{
	for (const struct ares_addrinfo_node *node = found->nodes;
	     node != NULL && a->count < DNS_ADDRESSES_MOST; node = node->ai_next) {
		struct sockaddr_storage copy = { 0 };
		if (node->ai_family != family || (size_t)node->ai_addrlen > sizeof copy)
			continue;
		memcpy(&copy, node->ai_addr, (size_t)node->ai_addrlen);
		struct addr address = addr_from_sockaddr(&copy);
		a->addresses[a->count++] = addr_without_port(&address);
	}
}

/* How long all of it may be kept: no longer than any part of it. */
static uint64_t least_ttl(const struct ares_addrinfo *found)
{
	int ttl = INT32_MAX;
	for (const struct ares_addrinfo_node *node = found->nodes; node != NULL;
	     node = node->ai_next)
		ttl = node->ai_ttl < ttl ? node->ai_ttl : ttl;
	for (const struct ares_addrinfo_cname *c = found->cnames; c != NULL; c = c->next)
		ttl = c->ttl < ttl ? c->ttl : ttl;
	return ttl > 0 ? (uint64_t)ttl : 0;
}

static void on_addresses(void *extra, int status, int timeouts, struct ares_addrinfo *found)
{
	(void)timeouts;
	struct dns_answer *a = extra;
	if (status == ARES_SUCCESS) {
		add_addresses(a, found, AF_INET);
		add_addresses(a, found, AF_INET6);
		a->ttl = least_ttl(found);
	}
	if (found != NULL)
		ares_freeaddrinfo(found);
	answer(a, status);
}

/* ---- names of addresses
 * ------------------------------------------------------------------------------
 */

static void take_name(struct dns_answer *a, const struct hostent *found)
{
	if (found->h_name != NULL && dns_is_host_name(slice_of_string(found->h_name)))
		snprintf(a->name, sizeof a->name, "%s", found->h_name);
}

/* Moves behind a name in the message; false when it is none. */
static bool skip_name(const unsigned char **at, const unsigned char *message, int len)
{
	char *name;
	long used;
	if (*at >= message + len ||
	    ares_expand_name(*at, message, len, &name, &used) != ARES_SUCCESS)
		return false;
	ares_free_string(name);
	*at += used;
	return true;
}

static unsigned number_at(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/*
 * How long all answers of a message may be kept (RFC 1035 4.1); c-ares does not
 * tell it of names. 0 when the message is malformed.
 */
static uint64_t ttl_of(const unsigned char *message, int len)
{
	uint64_t least = UINT32_MAX;
	const unsigned char *at = message + 12, *end = message + len;
	if (len < 12)
		return 0;
	for (unsigned left = number_at(message + 4); left > 0; left--) {
		if (!skip_name(&at, message, len) || end - at < 4)
			return 0;
		at += 4;
	}
	for (unsigned left = number_at(message + 6); left > 0; left--) {
		if (!skip_name(&at, message, len) || end - at < 10)
			return 0;
		uint64_t ttl = (uint64_t)number_at(at + 4) << 16 | number_at(at + 6);
		unsigned size = number_at(at + 8);
		least = ttl < least ? ttl : least;
		at += 10;
		if (size > (size_t)(end - at))
			return 0;
		at += size;
	}
	return least > INT32_MAX ? 0 : least; /* as RFC 2181 8 has it */
}

static void on_name(void *extra, int status, int timeouts, unsigned char *message, int len)
{
	(void)timeouts;
	struct dns_answer *a = extra;
	struct hostent *found = NULL;
	if (status == ARES_SUCCESS)
		status = ares_parse_ptr_reply(message, len, NULL, 0, AF_INET, &found);
	if (found != NULL) {
		take_name(a, found);
		a->ttl = ttl_of(message, len);
		ares_free_hostent(found);
	}
	answer(a, status);
}

static void on_host(void *extra, int status, int timeouts, struct hostent *found)
{
	(void)timeouts;
	if (status == ARES_SUCCESS)
		take_name(extra, found);
}

/* RFC 1035 3.5, RFC 3596 2.5. */
static void write_reverse_name(const struct addr *a, char out[DNS_NAME_BYTES])
{
	char *at = out;
	if (a->family == ADDR_IPV4) {
		sprintf(at, "%u.%u.%u.%u.in-addr.arpa", a->ip[3], a->ip[2], a->ip[1], a->ip[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		at += sprintf(at, "%x.%x.", a->ip[i] & 15u, a->ip[i] >> 4);
	sprintf(at, "ip6.arpa");
}

void dns_channel_find(struct dns_answer *a, const char *name, enum dns_kind kind)
{
	static const int families[] = {
		[DNS_IPV4] = AF_INET, [DNS_IPV6] = AF_INET6, [DNS_ANY] = AF_UNSPEC
	};
	/* the servers turn the order themselves, and what is reachable shows when it
   * is tried */
	const struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT,
						   .ai_family = families[kind] };
	ares_getaddrinfo(channel.ares, name, NULL, &hints, on_addresses, a);
	set_timer();
}

void dns_channel_find_name(struct dns_answer *a, const struct addr *address)
{
	bool is_v4 = address->family == ADDR_IPV4;
	char name[DNS_NAME_BYTES];
	ares_gethostbyaddr(channel.hosts, address->ip, is_v4 ? 4 : 16, is_v4 ? AF_INET : AF_INET6,
			   on_host, a);
	if (a->name[0] != '\0') {
		answer(a, ARES_SUCCESS);
		return;
	}
	write_reverse_name(address, name);
	ares_query(channel.ares, name, 1, 12, on_name, a); /* IN, PTR */
	set_timer();
}
