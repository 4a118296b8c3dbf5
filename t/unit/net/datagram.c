/* SPDX-License-Identifier: Apache-2.0 */
#include "net/datagram.h"

#include "net_unit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LONGEST 65507 /* of IPv4 */

/* A socket at that address, on a port of the kernel's choice, and which one. */
static int open_at(const char *ip, bool asks_destination, struct addr *bound)
{
	struct addr at;
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	cr_assert(addr_parse_ip(slice_of_string(ip), &at));
	int fd = socket(at.family == ADDR_IPV6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	cr_assert(!asks_destination || datagram_ask_destination(fd, at.family, false));
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, addr_to_sockaddr(&at, &name)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	*bound = addr_from_sockaddr(&name);
	return fd;
}

static void connect_to(int fd, const struct addr *to)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(to, &name);
	cr_assert_eq(connect(fd, (struct sockaddr *)&name, len), 0);
}

static void send_to(int fd, struct slice bytes, const struct addr *to)
{
	int error;
	cr_assert(datagram_send(fd, bytes, &(struct datagram_way){ .to = to }, &error));
	cr_assert_eq(error, 0);
}

/* Those that wait, of which there must be some. */
static unsigned read_some(int fd, unsigned most, const struct datagram **list)
{
	int error;
	unsigned count = datagram_read(fd, most, list, &error);
	cr_assert_eq(error, 0, "%s", strerror(error));
	cr_assert_gt(count, 0);
	return count;
}

static const struct datagram *read_one(int fd)
{
	const struct datagram *list;
	cr_assert_eq(read_some(fd, 1, &list), 1);
	return list;
}

Test(datagram, several_at_once)
{
	struct addr here, there;
	int ours = open_at("127.0.0.1", false, &here), theirs = open_at("127.0.0.1", false, &there);
	for (unsigned i = 0; i < DATAGRAM_BATCH + 8; i++) {
		char text[8] = { (char)i };
		send_to(theirs, slice_of(text, i % 8), &here);
	}
	unsigned seen = 0;
	for (unsigned most = 5; seen < DATAGRAM_BATCH + 8; most = DATAGRAM_BATCH) {
		const struct datagram *list;
		unsigned count = read_some(ours, most, &list);
		cr_assert_leq(count, most);
		for (unsigned i = 0; i < count; i++, seen++) {
			cr_expect(addr_is_equal(&list[i].from, &there));
			cr_expect_eq(list[i].to.family, ADDR_NONE);
			cr_expect_eq(list[i].bytes.len, seen % 8);
			cr_expect(seen % 8 == 0 || list[i].bytes.at[0] == (char)seen);
		}
	}
	const struct datagram *list;
	int error;
	cr_expect_eq(datagram_read(ours, 1, &list, &error), 0);
	cr_expect_eq(error, 0, "nothing waits");
	close(ours);
	close(theirs);
}

Test(datagram, longest)
{
	static char text[LONGEST + 1];
	struct addr here, there;
	int ours = open_at("127.0.0.1", false, &here), theirs = open_at("127.0.0.1", false, &there);
	memset(text, 'x', sizeof text);
	send_to(theirs, slice_of(text, LONGEST), &here);
	const struct datagram *d = read_one(ours);
	cr_expect(slice_is_equal(d->bytes, slice_of(text, LONGEST)));
	int error;
	const struct datagram_way way = { .to = &here };
	cr_expect(!datagram_send(theirs, slice_of(text, sizeof text), &way, &error));
	cr_expect_eq(error, EMSGSIZE);
	close(ours);
	close(theirs);
}

Test(datagram, head)
{
	struct addr here, there;
	int ours = open_at("127.0.0.1", false, &here), theirs = open_at("127.0.0.1", false, &there);
	int error;
	const struct datagram_way way = { .to = &here, .head = SLICE("head") };
	cr_assert(datagram_send(theirs, SLICE(" and bytes"), &way, &error));
	cr_assert(datagram_send(theirs, SLICE(""), &way, &error));
	cr_expect(slice_is_equal(read_one(ours)->bytes, SLICE("head and bytes")));
	cr_expect(slice_is_equal(read_one(ours)->bytes, SLICE("head")));
	close(ours);
	close(theirs);
}

/* On a socket for all addresses; what one read has learnt must not stay for the next socket's. */
Test(datagram, where_it_was_headed)
{
	static const struct {
		const char *anywhere, *one;
	} rows[] = { { "0.0.0.0", "127.0.0.3" }, { "::", "::1" } };
	for (unsigned i = 0; i < 2; i++) {
		struct addr here, there, other, headed;
		int ours = open_at(rows[i].anywhere, true, &here);
		int plain = open_at(rows[i].one, false, &other);
		int theirs = open_at(rows[i].one, false, &there);
		cr_assert(addr_parse_ip(slice_of_string(rows[i].one), &headed));
		struct addr to = addr_with_port(&headed, here.port);
		send_to(theirs, SLICE("x"), &to);
		send_to(theirs, SLICE("y"), &other);
		const struct datagram *d = read_one(ours);
		cr_expect(addr_is_same_ip(&d->to, &headed) && d->to.port == 0);
		cr_expect(addr_is_same_ip(&d->local, &headed));
		d = read_one(plain);
		cr_expect_eq(d->to.family, ADDR_NONE);
		cr_expect_eq(d->local.family, ADDR_NONE);
		close(ours);
		close(plain);
		close(theirs);
	}
}

Test(datagram, from_an_address_of_ours)
{
	static const struct {
		const char *anywhere, *from;
	} rows[] = { { "0.0.0.0", "127.0.0.7" }, { "::", "::1" } };
	for (unsigned i = 0; i < 2; i++) {
		struct addr here, there, from;
		int error, ours = open_at(rows[i].anywhere, false, &here);
		int theirs = open_at(rows[i].from, false, &there);
		cr_assert(addr_parse_ip(slice_of_string(rows[i].from), &from));
		const struct datagram_way way = { .to = &there, .from = &from };
		cr_assert(datagram_send(ours, SLICE("x"), &way, &error), "%s", strerror(error));
		struct addr expected = addr_with_port(&from, here.port);
		cr_expect(addr_is_equal(&read_one(theirs)->from, &expected));
		close(ours);
		close(theirs);
	}
}

/* It is told once, and what came before and comes behind it is read. */
Test(datagram, what_the_kernel_reports)
{
	struct addr here, gone;
	int ours = open_at("127.0.0.1", false, &here), dead = open_at("127.0.0.1", false, &gone);
	const int on = 1;
	int error = 0;
	const struct datagram *list;
	cr_assert_eq(setsockopt(ours, IPPROTO_IP, IP_RECVERR, &on, sizeof on), 0);
	close(dead);
	connect_to(ours, &gone);
	send_to(ours, SLICE("x"), NULL);
	cr_expect_eq(datagram_read(ours, 1, &list, &error), 0);
	cr_expect_eq(error, ECONNREFUSED);
	cr_expect_eq(datagram_read(ours, 1, &list, &error), 0);
	cr_expect_eq(error, 0, "%s", strerror(error));
	char report[512];
	struct msghdr m = { .msg_control = report, .msg_controllen = sizeof report };
	cr_expect_eq(recvmsg(ours, &m, MSG_ERRQUEUE | MSG_DONTWAIT), -1, "the queue is empty");
	close(ours);
}
