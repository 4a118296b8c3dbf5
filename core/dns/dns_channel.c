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
	bool is_open;
	LIST_HEAD(, channel_socket) sockets;
	struct timer timer;
} channel;

/* ---- its sockets and clock -------------------------------------------------------------------------- */

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

/* c-ares wants to know when its socket can be read or written; neither: it closes it. */
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

/* ---- life --------------------------------------------------------------------------------------------- */

/* The servers as c-ares takes them: "10.0.0.1:53,[fd00::1]:53". Freed by the caller. */
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
	channel.is_open = set_servers(options);
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
	timer_release(&channel.timer);
	ares_library_cleanup();
}

/* ---- questions ---------------------------------------------------------------------------------------- */

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

static void on_name(void *extra, int status, int timeouts, struct hostent *found)
{
	(void)timeouts;
	struct dns_answer *a = extra;
	if (status == ARES_SUCCESS && found->h_name != NULL &&
	    dns_is_host_name(slice_of_string(found->h_name)))
		snprintf(a->name, sizeof a->name, "%s", found->h_name);
	answer(a, status);
}

void dns_channel_find(struct dns_answer *a, const char *name, enum dns_kind kind)
{
	static const int families[] = {
		[DNS_IPV4] = AF_INET, [DNS_IPV6] = AF_INET6, [DNS_ANY] = AF_UNSPEC
	};
	/* the servers turn the order themselves, and what is reachable shows when it is tried */
	const struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT,
						   .ai_family = families[kind] };
	ares_getaddrinfo(channel.ares, name, NULL, &hints, on_addresses, a);
	set_timer();
}

void dns_channel_find_name(struct dns_answer *a, const struct addr *address)
{
	bool is_v4 = address->family == ADDR_IPV4;
	ares_gethostbyaddr(channel.ares, address->ip, is_v4 ? 4 : 16, is_v4 ? AF_INET : AF_INET6,
			   on_name, a);
	set_timer();
}
