/* SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include "net_unit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MOST 300

static struct listener l;
static int listen_fd;
static struct addr bound;
static int clients[CLIENTS_MOST];
static unsigned client_count, accepted, batch_most;
static struct addr last_peer;

static void on_accept(struct listener *listener, int fd, const struct addr *peer)
{
	cr_assert_eq(listener, &l);
	accepted++;
	batch_most = listener->batch > batch_most ? listener->batch : batch_most;
	last_peer = *peer;
	close(fd);
}

static bool are_all_accepted(void)
{
	return accepted == client_count;
}

static void open_listener(void)
{
	struct addr any = unit_address("127.0.0.1");
	unit_set_limit();
	loop_open();
	listen_fd = unit_listen(&any, CLIENTS_MOST, &bound);
	listener_start(&l, listen_fd, on_accept);
}

static void close_listener(void)
{
	listener_stop(&l);
	loop_close();
}

TestSuite(listener, .init = open_listener, .fini = close_listener);

static void add_clients(unsigned count)
{
	while (count-- > 0)
		clients[client_count++] = unit_dial(&bound);
}

Test(listener, hands_out_the_connection_and_its_client)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;
	add_clients(1);
	unit_turn_until(are_all_accepted);
	getsockname(clients[0], (struct sockaddr *)&name, &len);
	struct addr client = addr_from_sockaddr(&name);
	cr_expect(addr_is_equal(&client, &last_peer));
}

Test(listener, the_batch_follows_the_load)
{
	add_clients(CLIENTS_MOST);
	unit_turn_until(are_all_accepted);
	cr_expect_eq(batch_most, 64);
	cr_expect_lt(unit_turns(20), 4);
	cr_expect_eq(l.batch, 1);
}

static void accept_and_stop(struct listener *listener, int fd, const struct addr *peer)
{
	on_accept(listener, fd, peer);
	if (accepted == 2)
		listener_stop(listener);
}

static bool has_stopped(void)
{
	return !loop_io_is_on(&l.io);
}

Test(listener, stops_in_the_middle_of_a_batch)
{
	l.on_accept = accept_and_stop;
	add_clients(10);
	unit_turn_until(has_stopped);
	unit_turns(20);
	/* the second batch has two */
	cr_expect_eq(accepted, 2);
}

static void set_descriptors(rlim_t most)
{
	struct rlimit limit;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = most;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static bool are_all_closed(void)
{
	char byte;
	for (unsigned i = 0; i < client_count; i++)
		if (recv(clients[i], &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN)
			return false;
	return true;
}

Test(listener, without_descriptors_connections_are_closed)
{
	add_clients(50);
	set_descriptors((rlim_t)clients[49] + 1); /* the reserve lies below */
	unit_turn_until(are_all_closed);
	cr_expect_eq(accepted, 0);
	cr_expect_lt(unit_turns(20), 4);
	/* and the next one is taken when there is room again */
	set_descriptors(1000);
	add_clients(1);
	client_count -= 50;
	unit_turn_until(are_all_accepted);
}

/* Fails under valgrind, which accepts before it looks at the limit, and so loses the connection. */
Test(listener, what_cannot_even_be_closed_waits_and_the_loop_sleeps)
{
	add_clients(5);
	set_descriptors(3);
	cr_expect_lt(unit_turns(50), 6);
	cr_expect_eq(accepted, 0);
	set_descriptors(1000);
	unit_turn_until(are_all_accepted);
}

Test(listener, a_pause_ends_with_the_listener)
{
	add_clients(1);
	set_descriptors(3);
	unit_turns(20);
	set_descriptors(1000);
	listener_stop(&l);
	unit_turns(150);
	cr_expect_eq(accepted, 0);
}

Test(listener, a_socket_that_was_shut_down_does_not_spin)
{
	shutdown(listen_fd, SHUT_RDWR);
	cr_expect_lt(unit_turns(50), 6);
}

Test(listener, what_waits_is_accepted_before_the_end)
{
	add_clients(100);
	listener_accept_rest(&l);
	listener_stop(&l);
	cr_expect_eq(accepted, 100);
}

Test(listener, accepting_the_rest_ends_without_descriptors)
{
	add_clients(5);
	set_descriptors(3);
	listener_accept_rest(&l);
	listener_stop(&l);
	set_descriptors(1000);
	unit_turns(150);
	cr_expect_eq(accepted, 0);
}
