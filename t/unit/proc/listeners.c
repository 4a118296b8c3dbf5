/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/listeners.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct conf_vserver vservers[2];
static struct addr listens[2][2];
static struct conf_place places[2] = { { 3, 9 }, { 4, 9 } };
static struct conf conf = { .path = "none.yaml", .vservers = vservers };
static struct complaints complaints;
static struct listeners l;

static struct addr address(const char *text, uint16_t port)
{
	struct addr a;
	cr_assert(addr_parse_ip(slice_of_string(text), &a));
	return addr_with_port(&a, port);
}

/* A port that nobody has: the kernel names one, and it is let go. */
static uint16_t free_port(void)
{
	struct sockaddr_storage name;
	struct addr any = address("0.0.0.0", 0);
	socklen_t len = addr_to_sockaddr(&any, &name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	close(fd);
	return addr_from_sockaddr(&name).port;
}

static void add_vserver(const char *name, const struct addr *first, const struct addr *second)
{
	size_t i = conf.vserver_count++;
	listens[i][0] = *first;
	if (second != NULL)
		listens[i][1] = *second;
	vservers[i] = (struct conf_vserver){ .name = (char *)(uintptr_t)name,
					     .listens = listens[i],
					     .listen_places = places,
					     .listen_count = second == NULL ? 1 : 2,
					     .protocol = CONF_PROTOCOL_HTTP,
					     .enabled = true };
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;
	cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static int dial(const struct addr *to)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(to, &name);
	int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&name, len) == 0)
		return fd;
	close(fd);
	return -1;
}

Test(listeners, every_worker_has_a_socket_of_its_own)
{
	uint16_t port = free_port();
	struct addr v4 = address("0.0.0.0", port), v6 = address("::", port);
	add_vserver("shop", &v4, &v6);
	cr_assert(listeners_open(&l, &conf, 3, &complaints));
	cr_assert_eq(l.count, 2);
	for (size_t i = 0; i < 2; i++)
		for (unsigned w = 0; w < 3; w++) {
			int fd = l.list[i].fds[w];
			cr_expect_eq(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
			cr_expect_eq(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
			cr_expect_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
			cr_expect_gt(option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
			cr_expect_neq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
			cr_expect_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
		}
	listeners_close(&l);
	cr_expect_eq(dial(&listens[0][0]), -1);
}

Test(listeners, the_kernel_spreads_connections)
{
	struct addr at = address("127.0.0.1", free_port());
	add_vserver("shop", &at, NULL);
	vservers[0].protocol = CONF_PROTOCOL_TCP; /* no deferring: a connection is there at once */
	cr_assert(listeners_open(&l, &conf, 2, &complaints));
	unsigned taken[2] = { 0, 0 };
	for (int i = 0; i < 100; i++) {
		int client = dial(&at);
		cr_assert_neq(client, -1);
		struct pollfd fds[2] = { { .fd = l.list[0].fds[0], .events = POLLIN },
					 { .fd = l.list[0].fds[1], .events = POLLIN } };
		cr_assert_eq(poll(fds, 2, 10000), 1);
		unsigned w = fds[0].revents != 0 ? 0 : 1;
		close(accept(fds[w].fd, NULL, NULL));
		taken[w]++;
		close(client);
	}
	/* a fair coin falls below 20 of 100 once in a thousand million times */
	cr_expect_gt(taken[0], 20);
	cr_expect_gt(taken[1], 20);
	listeners_close(&l);
}

Test(listeners, a_worker_closes_what_is_anothers)
{
	struct addr at = address("127.0.0.1", free_port());
	add_vserver("shop", &at, NULL);
	cr_assert(listeners_open(&l, &conf, 3, &complaints));
	int other = l.list[0].fds[0];
	listeners_keep(&l, 1);
	cr_expect_eq(l.list[0].fds[0], -1);
	cr_expect_neq(l.list[0].fds[1], -1);
	cr_expect_eq(l.list[0].fds[2], -1);
	cr_expect_eq(fcntl(other, F_GETFD), -1);
	listeners_close(&l);
}

Test(listeners, an_address_inside_another_of_ours_is_fine)
{
	uint16_t port = free_port();
	struct addr one = address("127.0.0.1", port), all = address("0.0.0.0", port);
	add_vserver("one", &one, NULL);
	add_vserver("all", &all, NULL);
	cr_assert(listeners_open(&l, &conf, 2, &complaints));
	cr_assert_eq(l.count, 2);
	for (size_t i = 0; i < 2; i++)
		cr_expect(addr_is_equal(&l.list[i].address, &listens[l.list[i].vserver][0]));
	listeners_close(&l);
}

Test(listeners, what_is_not_enabled_is_not_opened)
{
	struct addr at = address("127.0.0.1", free_port());
	add_vserver("off", &at, NULL);
	vservers[0].enabled = false;
	cr_assert(listeners_open(&l, &conf, 2, &complaints));
	cr_assert_eq(l.count, 1, "it keeps its place in the order");
	cr_expect_eq(l.list[0].fds[0], -1);
	listeners_close(&l);
}

/* SO_REUSEPORT by the same user would let us in and halve the other's traffic. */
Test(listeners, a_port_that_another_shares_is_refused)
{
	struct addr at = address("127.0.0.1", free_port());
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&at, &name);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, len), 0);
	cr_assert_eq(listen(fd, 5), 0);
	add_vserver("shop", &at, NULL);
	cr_assert_not(listeners_open(&l, &conf, 2, &complaints));
	cr_assert_eq(complaints.count, 1);
	const struct complaint *c = &complaints.list[0];
	cr_expect(c->line == 3 && c->column == 9);
	cr_expect_not_null(strstr(c->text, "for virtual server 'shop': Address already in use"),
			   "%s", c->text);
	cr_expect_eq(l.count, 0, "nothing stays open");
}

/* As when a weir was killed and its children are about to notice. */
Test(listeners, an_address_that_is_let_go_in_time_is_taken)
{
	struct addr at = address("127.0.0.1", free_port());
	add_vserver("shop", &at, NULL);
	cr_assert(listeners_open(&l, &conf, 1, &complaints));
	pid_t holder = fork();
	if (holder == 0) {
		poll(NULL, 0, 100); /* well within the second that is given */
		_exit(0);
	}
	listeners_close(&l);
	cr_assert(listeners_open(&l, &conf, 1, &complaints), "%s", complaints.list[0].text);
	listeners_close(&l);
	waitpid(holder, NULL, 0);
}

Test(listeners, all_failures_are_told_in_one_go)
{
	struct addr nobodys = address("192.0.2.1", free_port()),
		    other = address("198.51.100.1", free_port());
	struct addr fine = address("127.0.0.1", free_port());
	add_vserver("shop", &nobodys, &fine);
	add_vserver("mail", &other, NULL);
	cr_assert_not(listeners_open(&l, &conf, 2, &complaints));
	cr_assert_eq(complaints.count, 2);
	cr_expect_not_null(strstr(complaints.list[0].text, "cannot listen on '192.0.2.1:"));
	cr_expect_not_null(strstr(complaints.list[1].text, "for virtual server 'mail'"));
	cr_expect_eq(dial(&fine), -1, "what had been opened is closed again");
}

Test(listeners, a_port_that_wants_root_says_so)
{
	if (geteuid() == 0)
		cr_assert_eq(setuid(getpwnam("nobody")->pw_uid), 0);
	struct addr at = address("127.0.0.1", 79);
	add_vserver("shop", &at, NULL);
	if (listeners_open(&l, &conf, 1, &complaints))
		cr_skip_test("low ports are free for all here");
	cr_expect_not_null(strstr(complaints.list[0].text, "Permission denied (ports below "), "%s",
			   complaints.list[0].text);
}

Test(listeners, tproxy_makes_the_socket_transparent_or_says_what_is_missing)
{
	struct addr at = address("127.0.0.1", free_port());
	add_vserver("shop", &at, NULL);
	vservers[0].capture = CONF_CAPTURE_TPROXY;
	if (listeners_open(&l, &conf, 1, &complaints)) {
		cr_expect_eq(option(l.list[0].fds[0], IPPROTO_IP, IP_TRANSPARENT), 1);
		listeners_close(&l);
		if (geteuid() != 0 || setuid(getpwnam("nobody")->pw_uid) == -1)
			cr_skip_test("cannot get rid of the capability");
		cr_assert_not(listeners_open(&l, &conf, 1, &complaints));
	}
	cr_expect_not_null(strstr(complaints.list[0].text, "wants root or CAP_NET_RAW"), "%s",
			   complaints.list[0].text);
}
