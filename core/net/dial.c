/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dial.h"

#include "base/clock.h"
#include "base/memory.h"
#include "net/timer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

const char *dial_words(enum dial_result result)
{
	static const char *const words[] = {
#define X(name, text) text,
		DIAL_RESULTS(X)
#undef X
	};
	return words[result];
}

/* ---- the addresses of this machine ------------------------------------------------------------- */

enum own_kind { OWN_NONE, OWN_ADDRESS, OWN_BROADCAST };

struct own_address {
	struct addr ip;
	enum own_kind kind;
};

static struct {
	struct own_address *list;
	size_t count;
	uint64_t read_at; /* milliseconds; 0: never */
} own;

static void add_own_address(const struct sockaddr *found, enum own_kind kind)
{
	struct sockaddr_storage copy = { 0 };
	if (found == NULL || (found->sa_family != AF_INET && found->sa_family != AF_INET6))
		return;
	memcpy(&copy, found,
	       found->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					   : sizeof(struct sockaddr_in6));
	own.list = memory_resize(own.list, (own.count + 1) * sizeof *own.list);
	struct own_address *added = &own.list[own.count++];
	*added = (struct own_address){ addr_from_sockaddr(&copy), kind };
	added->ip.port = 0;
	added->ip.scope = 0;
}

/* The last address of the network, as the kernel routes it: often nobody set it on the interface. */
static void add_broadcast(const struct ifaddrs *i)
{
	if (!(i->ifa_flags & IFF_BROADCAST) || i->ifa_addr == NULL || i->ifa_netmask == NULL ||
	    i->ifa_addr->sa_family != AF_INET)
		return;
	struct sockaddr_in last = *(const struct sockaddr_in *)(const void *)i->ifa_addr;
	uint32_t mask = ((const struct sockaddr_in *)(const void *)i->ifa_netmask)->sin_addr.s_addr;
	last.sin_addr.s_addr |= ~mask;
	if (ntohl(~mask) >= 3) /* networks of one or two hosts have none (RFC 3021) */
		add_own_address((const struct sockaddr *)&last, OWN_BROADCAST);
}

static void read_own_addresses(void)
{
	struct ifaddrs *all;
	if (getifaddrs(&all) == -1)
		return; /* what was known a second ago still is */
	own.count = 0;
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		add_own_address(i->ifa_addr, OWN_ADDRESS);
		add_broadcast(i);
	}
	freeifaddrs(all);
}

static void (*learn_own_addresses)(void) = read_own_addresses;

static enum own_kind own_kind(const struct addr *a)
{
	uint64_t now = clock_milliseconds();
	if (own.read_at == 0 || now - own.read_at >= 1000) {
		own.read_at = now;
		learn_own_addresses();
	}
	struct addr wanted = addr_without_port(a);
	wanted.scope = 0;
	for (size_t i = 0; i < own.count; i++)
		if (addr_is_same_ip(&own.list[i].ip, &wanted))
			return own.list[i].kind;
	return OWN_NONE;
}

bool dial_is_own_address(const struct addr *a)
{
	return own_kind(a) == OWN_ADDRESS;
}

/* ---- connecting --------------------------------------------------------------------------------- */

enum dial_result dial_may_spoof(const struct addr *source, const struct addr *to)
{
	switch (addr_kind(source)) {
	case ADDR_UNSPECIFIED:
		return DIAL_SPOOF_UNSPECIFIED;
	case ADDR_LOOPBACK:
		return DIAL_SPOOF_LOOPBACK;
	case ADDR_MULTICAST:
		return DIAL_SPOOF_MULTICAST;
	case ADDR_BROADCAST:
		return DIAL_SPOOF_BROADCAST;
	case ADDR_MAPPED:
		return DIAL_SPOOF_MAPPED;
	case ADDR_UNICAST:
		break;
	}
	if (source->family != to->family)
		return DIAL_SPOOF_FAMILY;
	switch (own_kind(source)) {
	case OWN_ADDRESS:
		return DIAL_SPOOF_OWN;
	case OWN_BROADCAST:
		return DIAL_SPOOF_BROADCAST;
	case OWN_NONE:
		break;
	}
	return DIAL_OK;
}

static bool set_flag(int fd, int level, int option)
{
	const int on = 1;
	return setsockopt(fd, level, option, &on, sizeof on) == 0;
}

/*
 * BIND_ADDRESS_NO_PORT leaves the choice of the port to connect(), where only the whole 4-tuple must
 * be free; bind() alone would reserve the port against every other source and every ordinary
 * connect of this machine. Never IP_FREEBIND: it turns a missing capability into a puzzling error.
 */
static enum dial_result bind_source(int fd, const struct dial *d)
{
	bool is_v6 = d->source.family == ADDR_IPV6;
	if (d->is_transparent && !set_flag(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
					   is_v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT))
		return errno == EPERM ? DIAL_NOT_PERMITTED : DIAL_FAILED;
	if (d->source.port == 0)
		set_flag(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	else
		set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
	struct sockaddr_storage from;
	socklen_t len = addr_to_sockaddr(&d->source, &from);
	if (bind(fd, (struct sockaddr *)&from, len) == 0)
		return DIAL_OK;
	if (errno == EACCES)
		return DIAL_PORT_NOT_PERMITTED;
	return errno == EADDRINUSE ? DIAL_NO_PORT : DIAL_FAILED;
}

static enum dial_result connect_from(int fd, const struct dial *d)
{
	if (d->source.family != ADDR_NONE) {
		enum dial_result bound = bind_source(fd, d);
		if (bound != DIAL_OK)
			return bound;
	}
	if (d->takes_any)
		return DIAL_OK;
	struct sockaddr_storage to;
	socklen_t len = addr_to_sockaddr(&d->to, &to);
	if (connect(fd, (struct sockaddr *)&to, len) == 0 || errno == EINPROGRESS)
		return DIAL_OK;
	/* EAGAIN is what UDP says without a free port */
	bool is_no_port = errno == EADDRNOTAVAIL || errno == EADDRINUSE || errno == EAGAIN;
	return is_no_port ? DIAL_NO_PORT : DIAL_FAILED;
}

/* ---- sockets that have served ------------------------------------------------------------------- */

/* As many as a busy turn opens; they go when none was needed for so long. */
#define SPARES_MOST 64
#define SPARES_MILLISECONDS 200

static struct {
	int fds[SPARES_MOST];
	unsigned count;
	struct timer timer;
} spares = { .timer.due = TIMER_NEVER };

static void close_spares(struct timer *timer)
{
	(void)timer;
	while (spares.count > 0)
		close(spares.fds[--spares.count]);
}

/*
 * Not of IPv6: once connected to a mapped address, such a socket stays one of IPv4 inside. libev hears
 * once that a spare hangs up, which nobody watches, and takes it out of its epoll set itself.
 */
void dial_recycle(struct stream *s, const struct addr *to)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	bool may_keep = to->family == ADDR_IPV4 && spares.count < SPARES_MOST;
	if (!may_keep || connect(s->fd, &nobody, sizeof nobody) == -1) {
		stream_reset(s);
		return;
	}
	spares.fds[spares.count++] = stream_leave(s);
	spares.timer.on_fire = close_spares;
	timer_set(&spares.timer, SPARES_MILLISECONDS);
}

static bool may_take_spare(const struct dial *d)
{
	return spares.count > 0 && d->to.family == ADDR_IPV4 && d->source.family == ADDR_NONE &&
	       !d->is_datagram;
}

static int new_socket(const struct dial *d)
{
	if (may_take_spare(d))
		return spares.fds[--spares.count];
	return socket(d->to.family == ADDR_IPV6 ? AF_INET6 : AF_INET,
		      (d->is_datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
		      0);
}

/* ---- opening ------------------------------------------------------------------------------------- */

static bool is_no_room(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static enum dial_result open_socket(const struct dial *d, int *fd, int *error)
{
	bool is_v6 = d->to.family == ADDR_IPV6;
	*fd = new_socket(d);
	if (*fd == -1) {
		*error = errno;
		return is_no_room(*error) ? DIAL_NO_ROOM : DIAL_FAILED;
	}
	if (d->is_datagram)
		set_flag(*fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_RECVERR : IP_RECVERR);
	enum dial_result result = connect_from(*fd, d);
	if (result != DIAL_OK) {
		*error = errno;
		close(*fd);
		*fd = -1;
	}
	return result;
}

static enum dial_result (*opener)(const struct dial *d, int *fd, int *error) = open_socket;

enum dial_result dial_open(const struct dial *d, int *fd, int *error)
{
	*error = 0;
	*fd = -1;
	if (d->is_transparent) {
		enum dial_result allowed = dial_may_spoof(&d->source, &d->to);
		if (allowed != DIAL_OK)
			return allowed;
	}
	return opener(d, fd, error);
}

static void learn_nothing(void)
{
	own.count = 0;
}

void dial_offline(enum dial_result (*open)(const struct dial *d, int *fd, int *error))
{
	opener = open;
	learn_own_addresses = learn_nothing;
	learn_nothing();
}

struct addr dial_local(int fd)
{
	struct sockaddr_storage own_end;
	socklen_t len = sizeof own_end;
	if (getsockname(fd, (struct sockaddr *)&own_end, &len) == -1)
		return (struct addr){ 0 };
	return addr_from_sockaddr(&own_end);
}
