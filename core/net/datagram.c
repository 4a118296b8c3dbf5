/* SPDX-License-Identifier: Apache-2.0 */
#include "net/datagram.h"

#include "base/check.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The longest there is has 65,507 bytes (65,527 in IPv6): nothing is ever cut off. */
#define LONGEST 65536
/* Of all that we ask the kernel to tell of one. */
#define CONTROL_BYTES 128

/* Touched only as far as it is used. */
static char shared_buffer[DATAGRAM_BATCH][LONGEST];

static struct {
	struct mmsghdr headers[DATAGRAM_BATCH];
	struct iovec pieces[DATAGRAM_BATCH];
	struct sockaddr_storage names[DATAGRAM_BATCH];
	_Alignas(struct cmsghdr) char controls[DATAGRAM_BATCH][CONTROL_BYTES];
	struct datagram list[DATAGRAM_BATCH];
	unsigned used; /* headers that the last read may have written to */
} batch = { .used = DATAGRAM_BATCH };

bool datagram_ask_destination(int fd, uint8_t family, bool is_captured)
{
	const int on = 1;
	bool is_v6 = family == ADDR_IPV6;
	int option = is_captured ? (is_v6 ? IPV6_RECVORIGDSTADDR : IP_RECVORIGDSTADDR)
				 : (is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO);
	return setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, option, &on, sizeof on) == 0;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void prepare(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		batch.pieces[i] = (struct iovec){ shared_buffer[i], LONGEST };
		batch.headers[i].msg_hdr = (struct msghdr){ .msg_name = &batch.names[i],
							    .msg_namelen = sizeof batch.names[i],
							    .msg_iov = &batch.pieces[i],
							    .msg_iovlen = 1,
							    .msg_control = batch.controls[i],
							    .msg_controllen = CONTROL_BYTES };
	}
}

static struct addr address_of(const void *ip, size_t bytes, uint8_t family)
{
	struct addr a = { .family = family };
	memcpy(a.ip, ip, bytes);
	return a;
}

static void note_packet_info_v4(struct datagram *d, const struct cmsghdr *c)
{
	struct in_pktinfo info;
	memcpy(&info, CMSG_DATA(c), sizeof info);
	d->to = address_of(&info.ipi_addr, sizeof info.ipi_addr, ADDR_IPV4);
	d->local = address_of(&info.ipi_spec_dst, sizeof info.ipi_spec_dst, ADDR_IPV4);
}

static void note_packet_info_v6(struct datagram *d, const struct cmsghdr *c)
{
	struct in6_pktinfo info;
	memcpy(&info, CMSG_DATA(c), sizeof info);
	d->to = address_of(&info.ipi6_addr, sizeof info.ipi6_addr, ADDR_IPV6);
	if (addr_is_link_local(&d->to))
		d->to.scope = info.ipi6_ifindex;
	d->local = d->to;
}

static void note_original(struct datagram *d, const struct cmsghdr *c)
{
	struct sockaddr_storage name = { 0 };
	size_t bytes = c->cmsg_len - CMSG_LEN(0);
	memcpy(&name, CMSG_DATA(c), bytes < sizeof name ? bytes : sizeof name);
	d->to = d->local = addr_from_sockaddr(&name);
}

static void note_control(struct datagram *d, const struct cmsghdr *c)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		note_packet_info_v4(d, c);
	else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
		note_packet_info_v6(d, c);
	else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_ORIGDSTADDR) ||
		 (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR))
		note_original(d, c);
}

static void take(unsigned i)
{
	struct msghdr *m = &batch.headers[i].msg_hdr;
	struct datagram *d = &batch.list[i];
	*d = (struct datagram){ .from = addr_from_sockaddr(&batch.names[i]),
				.bytes = slice_of(shared_buffer[i], batch.headers[i].msg_len) };
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		note_control(d, c);
}

/* What IP_RECVERR has queued: the loop would call for it again and again. */
static void drop_reports(int fd)
{
	char control[512];
	for (unsigned i = 0; i < DATAGRAM_BATCH; i++) {
		struct msghdr m = { .msg_control = control, .msg_controllen = sizeof control };
		if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
			return;
	}
}

unsigned datagram_read(int fd, unsigned most, const struct datagram **list, int *error)
{
	check(most > 0 && most <= DATAGRAM_BATCH);
	prepare(0, batch.used < most ? most : batch.used);
	int got = recvmmsg(fd, batch.headers, most, MSG_DONTWAIT, NULL);
	*error = got == -1 && errno != EAGAIN && errno != EINTR ? errno : 0;
	*list = batch.list;
	batch.used = got == -1 ? 1 : (unsigned)got;
	if (got == -1) {
		drop_reports(fd);
		return 0;
	}
	for (unsigned i = 0; i < batch.used; i++)
		take(i);
	return batch.used;
}

/* ---- sending ------------------------------------------------------------------------------------- */

/* Makes the kernel send from that address, which need not be one of ours on a transparent socket. */
static void put_source(struct msghdr *m, const struct addr *from)
{
	struct cmsghdr *c = m->msg_control;
	if (from->family == ADDR_IPV4) {
		struct in_pktinfo info = { 0 };
		memcpy(&info.ipi_spec_dst, from->ip, sizeof info.ipi_spec_dst);
		*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
				       .cmsg_type = IP_PKTINFO,
				       .cmsg_len = CMSG_LEN(sizeof info) };
		memcpy(CMSG_DATA(c), &info, sizeof info);
		m->msg_controllen = CMSG_SPACE(sizeof info);
		return;
	}
	struct in6_pktinfo info = { .ipi6_ifindex = from->scope };
	memcpy(&info.ipi6_addr, from->ip, sizeof info.ipi6_addr);
	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6,
			       .cmsg_type = IPV6_PKTINFO,
			       .cmsg_len = CMSG_LEN(sizeof info) };
	memcpy(CMSG_DATA(c), &info, sizeof info);
	m->msg_controllen = CMSG_SPACE(sizeof info);
}

static struct iovec piece_of(struct slice bytes)
{
	return (struct iovec){ (void *)(uintptr_t)bytes.at, bytes.len };
}

bool datagram_send(int fd, struct slice bytes, const struct datagram_way *way, int *error)
{
	_Alignas(struct cmsghdr) char control[CONTROL_BYTES];
	struct sockaddr_storage name;
	struct iovec pieces[] = { piece_of(way->head), piece_of(bytes) };
	struct msghdr m = { .msg_iov = pieces, .msg_iovlen = 2 };
	if (way->head.len == 0)
		m = (struct msghdr){ .msg_iov = pieces + 1, .msg_iovlen = 1 };
	if (way->to != NULL) {
		m.msg_namelen = addr_to_sockaddr(way->to, &name);
		m.msg_name = &name;
	}
	if (way->from != NULL) {
		m.msg_control = control;
		put_source(&m, way->from);
	}
	bool is_sent = sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
	*error = is_sent ? 0 : errno;
	return is_sent;
}
