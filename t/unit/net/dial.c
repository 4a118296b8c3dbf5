/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dial.h"

#include "base/clock.h"
#include "net/loop.h"
#include "net_unit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- what may be spoofed ----------------------------------------------------------------------- */

static enum dial_result may_spoof(const char *source, const char *to)
{
	struct addr from = unit_address(source), node = unit_address(to);
	clock_update();
	return dial_may_spoof(&from, &node);
}

Test(dial, refuses_to_spoof_what_no_client_can_be)
{
	static const struct {
		const char *source;
		enum dial_result result;
	} rows[] = {
		{ "0.0.0.0", DIAL_SPOOF_UNSPECIFIED },
		{ "0.1.2.3", DIAL_SPOOF_UNSPECIFIED },
		{ "::", DIAL_SPOOF_UNSPECIFIED },
		{ "127.0.0.1", DIAL_SPOOF_LOOPBACK },
		{ "127.255.0.9", DIAL_SPOOF_LOOPBACK },
		{ "::1", DIAL_SPOOF_LOOPBACK },
		{ "224.0.0.1", DIAL_SPOOF_MULTICAST },
		{ "239.255.255.255", DIAL_SPOOF_MULTICAST },
		{ "ff02::1", DIAL_SPOOF_MULTICAST },
		{ "255.255.255.255", DIAL_SPOOF_BROADCAST },
		{ "::ffff:198.51.100.1", DIAL_SPOOF_MAPPED },
		{ "198.51.100.1", DIAL_OK },
		{ "2001:db8::1", DIAL_SPOOF_FAMILY },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(may_spoof(rows[i].source, "192.0.2.1:80"), rows[i].result, "%s",
			     rows[i].source);
	cr_expect_eq(may_spoof("2001:db8::1", "[2001:db8::2]:80"), DIAL_OK);
	cr_expect_eq(may_spoof("198.51.100.1", "[2001:db8::2]:80"), DIAL_SPOOF_FAMILY);
}

Test(dial, no_source_at_all_is_refused)
{
	struct addr none = { 0 }, node = unit_address("192.0.2.1:80");
	cr_expect_eq(dial_may_spoof(&none, &node), DIAL_SPOOF_UNSPECIFIED);
}

Test(dial, every_result_has_its_words)
{
	cr_expect_str_eq(dial_words(DIAL_OK), "connecting");
	cr_expect_str_eq(dial_words(DIAL_SPOOF_FAMILY),
			 "client and node are of different address families");
}

/* ---- plain ------------------------------------------------------------------------------------- */

static struct addr bound; /* where the other side listens */
static int listen_fd;

static void listen_at(const char *text)
{
	struct addr at = unit_address(text);
	listen_fd = unit_listen(&at, 16, &bound);
}

static enum dial_result open_to(const struct addr *to, const struct addr *source,
				bool is_transparent, int *fd, int *error)
{
	struct dial d = { .to = *to, .is_transparent = is_transparent };
	if (source != NULL)
		d.source = *source;
	clock_update();
	return dial_open(&d, fd, error);
}

/* Whom the listening side sees. */
static struct addr accept_peer(void)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	int fd = accept(listen_fd, (struct sockaddr *)&peer, &len);
	cr_assert_neq(fd, -1, "%s", strerror(errno));
	close(fd);
	return addr_from_sockaddr(&peer);
}

static void check_plain(const char *at)
{
	int fd, error;
	listen_at(at);
	cr_assert_eq(open_to(&bound, NULL, false, &fd, &error), DIAL_OK);
	cr_expect_eq(error, 0);
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	struct addr peer = accept_peer(), local = dial_local(fd);
	cr_expect(addr_is_equal(&peer, &local));
	cr_expect_neq(local.port, 0);
	close(fd);
	close(listen_fd);
}

Test(dial, plain)
{
	check_plain("127.0.0.1");
	check_plain("::1");
}

/* ---- sockets that have served ------------------------------------------------------------------ */

static struct stream served;
static int served_fd;

static void on_served(struct stream *s)
{
	cr_assert_eq(s, &served);
}

static bool is_served_readable(void)
{
	return served.is_readable;
}

static int accept_one(void)
{
	int fd = accept(listen_fd, NULL, NULL);
	cr_assert_neq(fd, -1, "%s", strerror(errno));
	return fd;
}

/* A connection that the loop watches, and that is recycled then. Gives the other side's end. */
static int recycle(const char *at)
{
	int error;
	unit_set_limit();
	loop_open();
	listen_at(at);
	cr_assert_eq(open_to(&bound, NULL, false, &served_fd, &error), DIAL_OK);
	int theirs = accept_one();
	stream_open(&served, served_fd, on_served);
	stream_watch(&served, true, false);
	unit_turns(1);
	dial_recycle(&served, &bound);
	cr_expect(!stream_is_open(&served));
	return theirs;
}

static bool is_closed(void)
{
	return fcntl(served_fd, F_GETFD) == -1;
}

static void expect_reset(int theirs)
{
	char byte;
	cr_expect_eq(recv(theirs, &byte, 1, 0), -1);
	cr_expect_eq(errno, ECONNRESET);
	close(theirs);
}

Test(dial, a_socket_that_has_served_serves_the_next_connection)
{
	int fd, error;
	char text[8] = "";
	expect_reset(recycle("127.0.0.1"));
	unit_turns(1); /* the loop may have heard that it hung up */
	cr_assert_eq(open_to(&bound, NULL, false, &fd, &error), DIAL_OK);
	cr_expect_eq(fd, served_fd);
	int theirs = accept_one();
	stream_open(&served, fd, on_served);
	stream_watch(&served, true, false);
	cr_expect_eq(stream_write_slice(&served, SLICE("again")), IO_OK);
	cr_expect_eq(recv(theirs, text, sizeof text, 0), 5);
	cr_expect_str_eq(text, "again");
	cr_assert_eq(send(theirs, "x", 1, 0), 1);
	unit_turn_until(is_served_readable);
	stream_close(&served);
}

Test(dial, a_socket_that_nobody_needs_goes_soon_and_keeps_nobody_awake)
{
	expect_reset(recycle("127.0.0.1"));
	cr_expect(!is_closed());
	cr_expect_lt(unit_turns(50), 10);
	unit_turn_until(is_closed);
}

Test(dial, a_socket_that_has_served_is_for_none_but_the_like)
{
	struct addr source = unit_address("127.0.0.9");
	struct dial datagram = { .is_datagram = true };
	int fd, error;
	expect_reset(recycle("127.0.0.1"));
	datagram.to = bound;
	cr_expect_eq(dial_open(&datagram, &fd, &error), DIAL_OK);
	cr_expect_neq(fd, served_fd);
	cr_expect_eq(open_to(&bound, &source, false, &fd, &error), DIAL_OK);
	cr_expect_neq(fd, served_fd);
	listen_at("::1");
	cr_expect_eq(open_to(&bound, NULL, false, &fd, &error), DIAL_OK);
	cr_expect_neq(fd, served_fd);
}

Test(dial, sockets_of_ipv6_are_not_used_again)
{
	expect_reset(recycle("::1"));
	cr_expect(is_closed());
}

/* ---- from where ---------------------------------------------------------------------------------- */

Test(dial, from_an_address_of_ours)
{
	struct addr source = unit_address("127.0.0.9");
	int fd, error;
	listen_at("127.0.0.1");
	cr_assert_eq(open_to(&bound, &source, false, &fd, &error), DIAL_OK);
	struct addr peer = accept_peer();
	cr_expect(addr_is_same_ip(&peer, &source));
}

Test(dial, from_a_port_that_is_taken)
{
	struct addr source;
	int fd = 7, error = 0, first;
	listen_at("127.0.0.1");
	cr_assert_eq(open_to(&bound, NULL, false, &first, &error), DIAL_OK);
	source = dial_local(first);
	cr_expect_eq(open_to(&bound, &source, false, &fd, &error), DIAL_NO_PORT);
	cr_expect_eq(fd, -1);
}

Test(dial, a_refusal_leaves_no_descriptor)
{
	struct addr loopback = unit_address("127.0.0.1"), node = unit_address("192.0.2.1:80");
	int fd = 7, error = 7;
	cr_expect_eq(open_to(&node, &loopback, true, &fd, &error), DIAL_SPOOF_LOOPBACK);
	cr_expect_eq(fd, -1);
	cr_expect_eq(error, 0);
}

Test(dial, a_full_descriptor_table_is_not_the_nodes_fault)
{
	struct rlimit before, none;
	struct addr node = unit_address("127.0.0.1:9");
	int fd, error;
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){ 0, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	enum dial_result result = open_to(&node, NULL, false, &fd, &error);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_expect_eq(result, DIAL_NO_ROOM);
	cr_expect_eq(error, EMFILE);
	cr_expect_eq(fd, -1);
}

Test(dial, a_connection_that_is_gone_has_no_address)
{
	struct addr a = dial_local(-1);
	cr_expect_eq(a.family, ADDR_NONE);
}

static enum dial_result open_nothing(const struct dial *d, int *fd, int *error)
{
	(void)d;
	cr_assert_eq(*fd, -1);
	*error = ECONNREFUSED;
	return DIAL_FAILED;
}

Test(dial, offline_nobody_is_asked_but_the_opener)
{
	struct addr here = unit_address("127.0.0.1"), loopback = unit_address("127.0.0.1");
	int fd = 7, error = 0;
	listen_at("127.0.0.1");
	cr_assert(dial_is_own_address(&here));
	dial_offline(open_nothing);
	cr_expect_eq(open_to(&bound, NULL, false, &fd, &error), DIAL_FAILED);
	cr_expect_eq(error, ECONNREFUSED);
	cr_expect_eq(open_to(&bound, &loopback, true, &fd, &error), DIAL_SPOOF_LOOPBACK);
	cr_expect_not(dial_is_own_address(&here));
}

Test(dial, knows_the_addresses_of_this_machine)
{
	struct addr own = unit_address("127.0.0.1:80"), foreign = unit_address("198.51.100.7");
	clock_update();
	cr_expect(dial_is_own_address(&own));
	cr_expect(!dial_is_own_address(&foreign));
}

/* ---- as somebody else, in network namespaces of our own ---------------------------------------- */

static int node_net, weir_net; /* both joined by one cable; they vanish with this process */

static void run(const char *format, int number)
{
	char command[256];
	snprintf(command, sizeof command, format, number);
	cr_assert_eq(system(command), 0, "%s", command);
}

static int new_net(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "%s", strerror(errno));
	run("ip link set lo up", 0);
	return open("/proc/self/ns/net", O_RDONLY); /* inherited, for the names below */
}

static void enter(int net)
{
	cr_assert_eq(setns(net, CLONE_NEWNET), 0);
}

/*
 * weir's side takes in what comes over the cable for anybody, but owns one address of it: so only
 * a transparent socket can be bound to another.
 */
static void build_nets(void)
{
	if (geteuid() != 0)
		cr_skip_test("only root can make network namespaces");
	unit_set_limit();
	node_net = new_net();
	weir_net = new_net();
	run("ip link add cable0 type veth peer name cable1 netns /proc/$PPID/fd/%d", node_net);
	run("ip addr add 192.0.2.1/24 dev cable0", 0);
	run("ip addr add 2001:db8:2::1/64 dev cable0 nodad", 0);
	run("ip link set cable0 up", 0);
	run("ip rule add iif cable0 lookup 100", 0);
	run("ip -6 rule add iif cable0 lookup 100", 0);
	run("ip route add local default dev lo table 100", 0);
	run("ip -6 route add local default dev lo table 100", 0);
	enter(node_net);
	run("ip addr add 192.0.2.2/24 dev cable1", 0);
	run("ip addr add 2001:db8:2::2/64 dev cable1 nodad", 0);
	run("ip link set cable1 up", 0);
	run("ip route add default via 192.0.2.1", 0);
	run("ip -6 route add default via 2001:db8:2::1", 0);
}

static void listen_in_node_net(const char *text)
{
	enter(node_net);
	listen_at(text);
	fcntl(listen_fd, F_SETFL, 0); /* accept waits: the packets cross a cable */
	enter(weir_net);
}

TestSuite(dial_spoof, .init = build_nets);

static void check_spoof(const char *node, const char *client)
{
	struct addr source = unit_address(client);
	int fd, error;
	listen_in_node_net(node);
	cr_assert_eq(open_to(&bound, &source, true, &fd, &error), DIAL_OK, "%s", strerror(error));
	struct addr peer = accept_peer(), local = dial_local(fd);
	cr_expect(addr_is_same_ip(&peer, &source));
	cr_expect(addr_is_equal(&peer, &local));
	if (source.port != 0)
		cr_expect_eq(peer.port, source.port);
}

Test(dial_spoof, the_node_sees_the_client)
{
	check_spoof("192.0.2.2:80", "198.51.100.7");
	check_spoof("[2001:db8:2::2]:80", "2001:db8:9::7");
}

Test(dial_spoof, the_node_sees_the_clients_port_when_asked_for)
{
	check_spoof("192.0.2.2:80", "198.51.100.7:4321");
	check_spoof("[2001:db8:2::2]:80", "[2001:db8:9::7]:4321");
}

Test(dial_spoof, our_own_addresses_are_refused)
{
	enter(weir_net);
	cr_expect_eq(may_spoof("192.0.2.1", "192.0.2.2:80"), DIAL_SPOOF_OWN);
	cr_expect_eq(may_spoof("2001:db8:2::1", "[2001:db8:2::2]:80"), DIAL_SPOOF_OWN);
	cr_expect_eq(may_spoof("192.0.2.2", "192.0.2.2:80"), DIAL_OK);
}

/* With one port, a second node is reached from it only if bind() did not reserve it. */
static void check_port_is_not_reserved(const char *first, const char *second, const char *client)
{
	struct addr source = unit_address(client), nodes[2];
	int fd, error;
	listen_in_node_net(first);
	nodes[0] = bound;
	listen_in_node_net(second);
	nodes[1] = bound;
	cr_expect_eq(open_to(&nodes[0], &source, true, &fd, &error), DIAL_OK);
	cr_expect_eq(open_to(&nodes[1], &source, true, &fd, &error), DIAL_OK);
	cr_expect_eq(open_to(&nodes[1], &source, true, &fd, &error), DIAL_NO_PORT);
	cr_expect_eq(fd, -1);
}

Test(dial_spoof, a_source_port_serves_every_node)
{
	enter(weir_net);
	run("echo 40000 40000 >/proc/sys/net/ipv4/ip_local_port_range", 0);
	check_port_is_not_reserved("192.0.2.2:80", "192.0.2.2:81", "198.51.100.7");
	check_port_is_not_reserved("[2001:db8:2::2]:80", "[2001:db8:2::2]:81", "2001:db8:9::7");
}

Test(dial_spoof, without_the_capability_the_reason_is_said)
{
	struct addr node = unit_address("192.0.2.2:80"), client = unit_address("198.51.100.7");
	struct addr own = unit_address("192.0.2.1:99");
	int fd, error;
	enter(weir_net);
	cr_assert_eq(setuid(65534), 0);
	cr_expect_eq(open_to(&node, &client, true, &fd, &error), DIAL_NOT_PERMITTED);
	cr_expect_eq(error, EPERM);
	cr_expect_eq(open_to(&node, &own, false, &fd, &error), DIAL_PORT_NOT_PERMITTED);
}

Test(dial_spoof, an_unreachable_node_may_be_the_nodes_fault)
{
	struct addr node = unit_address("203.0.113.1:80");
	int fd, error;
	enter(weir_net);
	cr_expect_eq(open_to(&node, NULL, false, &fd, &error), DIAL_FAILED);
	cr_expect_eq(error, ENETUNREACH);
}
