/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/listeners.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "base/table.h"
#include "net/datagram.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The kernel lowers it to net.core.somaxconn, which is the machine's owner's to set. */
#define BACKLOG 65535
/* A client that connects and says nothing wakes no worker for so long. */
#define DEFER_SECONDS 1
#define PATIENCE_MICROSECONDS 1000000

/* What one socket is to be. */
struct wish {
	const struct conf_vserver *vserver;
	const struct addr *address;
	bool is_exclusive; /* fail when anybody listens there already */
	bool is_shared;    /* UDP: others of our sockets may have the same port at one address */
};

static bool is_datagram(const struct wish *w)
{
	return w->vserver->protocol == CONF_PROTOCOL_UDP;
}

static bool set_option(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Where clients may write to any address of ours, or of others, they want the answer from there. */
static bool set_datagram_options(int fd, const struct wish *w)
{
	bool is_captured = w->vserver->capture == CONF_CAPTURE_TPROXY;
	return (!is_captured && addr_kind(w->address) != ADDR_UNSPECIFIED) ||
	       datagram_ask_destination(fd, w->address->family, is_captured);
}

static bool set_stream_options(int fd, const struct wish *w)
{
	return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
	       set_option(fd, IPPROTO_TCP, TCP_NODELAY, w->vserver->nagle ? 0 : 1);
}

static bool set_options(int fd, const struct wish *w)
{
	bool is_v6 = w->address->family == ADDR_IPV6;
	bool is_done = (w->is_exclusive || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
		       (!is_v6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) &&
		       (is_datagram(w) ? set_datagram_options(fd, w) : set_stream_options(fd, w));
	if (is_done && w->vserver->capture == CONF_CAPTURE_TPROXY)
		is_done = is_v6 ? set_option(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
				: set_option(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	const char *interface = w->vserver->capture_interface;
	if (is_done && interface != NULL)
		is_done = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
				     (socklen_t)strlen(interface)) == 0;
	/* only where the client speaks first; a gain, not a need */
	if (is_done && (w->vserver->protocol == CONF_PROTOCOL_HTTP ||
			w->vserver->protocol == CONF_PROTOCOL_CLIENT_FIRST))
		set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_SECONDS);
	return is_done;
}

/*
 * It listens. SO_REUSEADDR lets UDP share a port with whoever takes it too, so only where our own
 * sockets need that, and not before we know that nobody else is there: a socket with a client's address
 * and port towards a node, when that port is also the one that we listen on at all addresses.
 */
static bool open_to_others(int fd, const struct wish *w)
{
	return (!w->is_exclusive || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
	       (!w->is_shared || set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1));
}

/* Puts errno back: close may change it. */
static void close_kept(int fd)
{
	int kept = errno;
	close(fd);
	errno = kept;
}

/*
 * A listening socket; -1 with errno. Exclusive: while we listen without SO_REUSEPORT nobody else
 * can be there, whatever options he took, and no race can be lost; only then do we open the
 * address to our own further sockets.
 */
static int open_socket(const struct wish *w)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(w->address, &name);
	int type = is_datagram(w) ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(name.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (!set_options(fd, w) || bind(fd, (struct sockaddr *)&name, len) == -1 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) == -1) || !open_to_others(fd, w)) {
		close_kept(fd);
		return -1;
	}
	return fd;
}

/* The children of a weir that was killed need a moment to see it and let go. */
static int open_socket_patiently(const struct wish *w, uint64_t give_up_at)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int fd;
	while ((fd = open_socket(w)) == -1 && errno == EADDRINUSE &&
	       clock_read_microseconds() < give_up_at)
		nanosleep(&pause, NULL);
	return fd;
}

static const char *cure(int error, const struct wish *w)
{
	switch (error) {
	case EACCES:
		return " (ports below net.ipv4.ip_unprivileged_port_start want root or CAP_NET_BIND_SERVICE)";
	case EPERM:
		return w->vserver->capture == CONF_CAPTURE_TPROXY
			       ? " (capture: tproxy wants root or CAP_NET_RAW, such as by"
				 " 'setcap cap_net_raw+ep' on the weir program)"
			       : "";
	case EADDRINUSE:
		return is_datagram(w) ? " (another process listens there: 'ss -lunp' shows which)"
				      : " (another process listens there: 'ss -ltnp' shows which)";
	case EADDRNOTAVAIL:
		return " (no interface of this machine has that address: 'ip address' shows which there are)";
	case EMFILE:
		return " (the limit of open files is too low: 'ulimit -Hn', or LimitNOFILE= in the unit)";
	default:
		return "";
	}
}

/* While listeners_open works. */
struct opening {
	struct listeners *l;
	const struct conf *conf;
	uint64_t give_up_at;
	struct table anywhere; /* the unspecified addresses, with port, that are open for TCP */
	struct table anywhere_udp;
	bool has_foreign; /* sockets with other addresses than ours will be opened */
};

static struct addr unspecified_of(const struct addr *a)
{
	return (struct addr){ .family = a->family, .port = a->port };
}

static bool open_address(struct opening *o, struct listeners_address *to)
{
	/* what covers this address has been taken already: then nobody else can be there */
	struct addr any = unspecified_of(&to->address);
	struct wish wish = { .vserver = &o->conf->vservers[to->vserver], .address = &to->address };
	struct table *anywhere = is_datagram(&wish) ? &o->anywhere_udp : &o->anywhere;
	wish.is_exclusive = table_get(anywhere, addr_key(&any)) == NULL;
	wish.is_shared = is_datagram(&wish) && o->has_foreign;
	unsigned workers = o->l->workers;
	to->fds[0] = open_socket_patiently(&wish, o->give_up_at);
	wish.is_exclusive = false;
	for (unsigned i = 1; i < workers && to->fds[i - 1] != -1; i++)
		to->fds[i] = open_socket(&wish);
	if (to->fds[workers - 1] != -1) {
		if (addr_kind(&to->address) == ADDR_UNSPECIFIED)
			table_set(anywhere, addr_key(&any), to);
		return true;
	}
	int kept = errno;
	for (unsigned i = 0; i < workers && to->fds[i] != -1; i++) {
		close(to->fds[i]);
		to->fds[i] = -1;
	}
	errno = kept;
	return false;
}

static void complain(const struct listeners_address *a, const struct conf *conf,
		     struct complaints *complaints)
{
	const struct conf_vserver *v = &conf->vservers[a->vserver];
	struct wish wish = { .vserver = v, .address = &a->address };
	int error = errno;
	char text[ADDR_TEXT_BYTES];
	complaints_add(complaints, conf->path, a->place.line, a->place.column,
		       "cannot listen on '%s' for virtual server '%s': %s%s",
		       addr_format(&a->address, text), v->name, strerror(error),
		       cure(error, &wish));
}

static void add_addresses(struct listeners *l, const struct conf *conf, uint32_t vserver)
{
	const struct conf_vserver *v = &conf->vservers[vserver];
	l->list = memory_resize(l->list, (l->count + v->listen_count + 1) * sizeof *l->list);
	for (size_t i = 0; i < v->listen_count; i++) {
		struct listeners_address *added = &l->list[l->count++];
		*added = (struct listeners_address){ .vserver = vserver,
						     .address = v->listens[i],
						     .place = v->listen_places[i],
						     .fds = memory_new(l->workers, sizeof(int)) };
		for (unsigned k = 0; k < l->workers; k++)
			added->fds[k] = -1;
	}
}

/* Addresses that stand for all go first: what they cover need not be looked at again. */
static bool is_turn(const struct addr *a, int round)
{
	return (addr_kind(a) == ADDR_UNSPECIFIED) == (round == 0);
}

static bool has_foreign(const struct conf *conf)
{
	for (size_t i = 0; i < conf->pool_count; i++)
		if (conf->pools[i].transparent)
			return true;
	for (size_t i = 0; i < conf->vserver_count; i++)
		if (conf->vservers[i].capture == CONF_CAPTURE_TPROXY)
			return true;
	return false;
}

bool listeners_open(struct listeners *l, const struct conf *conf, unsigned workers,
		    struct complaints *complaints)
{
	*l = (struct listeners){ .workers = workers };
	for (uint32_t i = 0; i < conf->vserver_count; i++)
		add_addresses(l, conf, i);

	struct opening o = { .l = l,
			     .conf = conf,
			     .has_foreign = has_foreign(conf),
			     .give_up_at = clock_read_microseconds() + PATIENCE_MICROSECONDS };
	bool is_whole = true;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < l->count; i++) {
			struct listeners_address *a = &l->list[i];
			if (!conf->vservers[a->vserver].enabled || !is_turn(&a->address, round) ||
			    open_address(&o, a))
				continue;
			complain(a, conf, complaints);
			is_whole = false;
		}
	table_release(&o.anywhere, NULL);
	table_release(&o.anywhere_udp, NULL);
	if (!is_whole)
		listeners_close(l);
	return is_whole;
}

static void close_where(struct listeners *l, unsigned but)
{
	for (size_t i = 0; i < l->count; i++)
		for (unsigned k = 0; k < l->workers; k++) {
			int *fd = &l->list[i].fds[k];
			if (k == but || *fd == -1)
				continue;
			close(*fd);
			*fd = -1;
		}
}

void listeners_keep(struct listeners *l, unsigned worker)
{
	close_where(l, worker);
}

void listeners_close(struct listeners *l)
{
	close_where(l, l->workers);
	for (size_t i = 0; i < l->count; i++)
		free(l->list[i].fds);
	free(l->list);
	*l = (struct listeners){ 0 };
}
