/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/idle.h"

#include "pool_unit.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_fd;
static struct addr at;
static struct node *n, *second;
static const struct addr none;
static const struct node_announced nobody;

static void open_nodes(void)
{
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	listen_fd = unit_listen(&at);
	n = &unit_pool->nodes[0];
	second = &unit_pool->nodes[1];
}

TestSuite(idle, .init = open_nodes, .fini = unit_close);

static unsigned ready;

static void on_ready(struct stream *s)
{
	(void)s;
	ready++;
}

static struct node_connection *lease(struct node *of, const struct addr *source)
{
	return idle_lease(of, &at, source, &nobody, on_ready);
}

static struct node_connection *give(struct node *to, const struct addr *source, int *theirs)
{
	struct node_connection *c = unit_connect(to, listen_fd, &at, source, theirs);
	idle_give_back(c);
	unit_turn();
	return c;
}

static struct addr client(unsigned number)
{
	return (struct addr){ .ip = { 198, 51, (uint8_t)(number >> 8), (uint8_t)number },
			      .family = ADDR_IPV4 };
}

static bool is_closed(int theirs)
{
	char byte;
	return recv(theirs, &byte, 1, MSG_DONTWAIT) == 0;
}

/* ---- who gets which ---------------------------------------------------------------------------- */

Test(idle, the_latest_is_used_first)
{
	int theirs;
	struct node_connection *list[3];
	for (int i = 0; i < 3; i++)
		list[i] = give(n, NULL, &theirs);
	for (int i = 2; i >= 0; i--) {
		struct node_connection *c = lease(n, &none);
		cr_expect_eq(c, list[i]);
		node_disconnect(c);
	}
	cr_expect_null(lease(n, &none));
}

Test(idle, only_the_same_node_address_and_source)
{
	int theirs;
	struct addr first = client(1), other = client(2), other_port = first;
	struct addr elsewhere = addr_with_port(&at, (uint16_t)(at.port ^ 1));
	other_port.port = 7;
	struct node_connection *c = give(n, &first, &theirs);
	cr_expect_null(lease(n, &none));
	cr_expect_null(lease(n, &other));
	cr_expect_null(lease(n, &other_port));
	cr_expect_null(lease(second, &first));
	cr_expect_null(lease(&unit_pool->others, &first));
	cr_expect_null(idle_lease(n, &elsewhere, &first, &nobody, on_ready));
	cr_expect_eq(lease(n, &first), c);
	cr_expect_null(lease(n, &first));
	idle_give_back(c);
	c = give(n, NULL, &theirs);
	cr_expect_null(lease(n, &other));
	cr_expect_null(lease(second, &none));
	cr_expect_eq(lease(n, &none), c);
	node_disconnect(c);
}

Test(idle, only_for_whom_it_was_announced)
{
	int theirs;
	struct node_announced first = { client(1), client(2) }, other_port = first;
	struct node_announced other_client = { client(3), client(2) };
	struct node_announced other_dest = { client(1), client(3) };
	struct node *others = &unit_pool->others;
	struct node *const nodes[] = { n, others };
	other_port.client.port = 7;
	for (int i = 0; i < 2; i++) {
		struct node_connection *c = unit_connect(nodes[i], listen_fd, &at, NULL, &theirs);
		c->announced = first;
		idle_give_back(c);
		unit_turn();
		cr_expect_null(lease(nodes[i], &none));
		cr_expect_null(idle_lease(nodes[i], &at, &none, &other_client, on_ready));
		cr_expect_null(idle_lease(nodes[i], &at, &none, &other_dest, on_ready));
		cr_expect_null(idle_lease(nodes[i], &at, &none, &other_port, on_ready));
		cr_expect_eq(idle_lease(nodes[i], &at, &none, &first, on_ready), c);
		node_disconnect(c);
		c = give(nodes[i], NULL, &theirs);
		cr_expect_null(idle_lease(nodes[i], &at, &none, &first, on_ready));
		cr_expect_eq(lease(nodes[i], &none), c);
		node_disconnect(c);
	}
}

Test(idle, addresses_that_no_pool_lists_keep_connections_too)
{
	int theirs;
	struct node *others = &unit_pool->others;
	struct addr elsewhere = addr_with_port(&at, (uint16_t)(at.port ^ 1));
	struct node_connection *c = give(others, NULL, &theirs);
	cr_expect_null(idle_lease(others, &elsewhere, &none, &nobody, on_ready));
	cr_expect_null(lease(n, &none));
	cr_expect_eq(lease(others, &none), c);
	node_disconnect(c);
}

Test(idle, one_that_has_served_enough_requests_is_closed)
{
	int theirs;
	struct node_connection *c = unit_connect(n, listen_fd, &at, NULL, &theirs);
	unit_conf.max_requests = 2;
	c->uses = 1;
	idle_give_back(c);
	unit_turn();
	cr_assert_eq(lease(n, &none), c);
	c->uses = 2;
	idle_give_back(c);
	unit_turn();
	cr_expect_null(lease(n, &none));
	cr_expect(is_closed(theirs));
	unit_conf.max_requests = 0;
}

Test(idle, one_that_is_old_enough_is_closed)
{
	int theirs;
	struct node_connection *c = unit_connect(n, listen_fd, &at, NULL, &theirs);
	unit_conf.age_milliseconds = 60000;
	c->opened -= 59000;
	idle_give_back(c);
	unit_turn();
	cr_assert_eq(lease(n, &none), c);
	c->opened -= 1000;
	idle_give_back(c);
	unit_turn();
	cr_expect_null(lease(n, &none));
	cr_expect(is_closed(theirs));
	unit_conf.age_milliseconds = 0;
}

Test(idle, a_lease_goes_to_its_new_owner)
{
	int theirs;
	struct node_connection *c = give(n, NULL, &theirs);
	cr_expect_eq(lease(n, &none), c);
	cr_expect_eq(c->stream.on_ready, on_ready);
	cr_expect_eq(c->timer.deadline, TIMER_NEVER);
	node_disconnect(c);
}

Test(idle, one_that_nobody_has_listened_to_since_is_not_given)
{
	int theirs;
	struct node_connection *before = give(n, NULL, &theirs);
	struct node_connection *c = unit_connect(n, listen_fd, &at, NULL, &theirs);
	idle_give_back(c);
	cr_expect_eq(lease(n, &none), before, "there is an older one");
	cr_expect_null(lease(n, &none));
	unit_turn();
	cr_expect_eq(lease(n, &none), c);
	node_disconnect(c);
	node_disconnect(before);
}

/* ---- what is not kept -------------------------------------------------------------------------- */

Test(idle, nothing_is_kept_without_keepalive)
{
	int theirs;
	unit_conf.keepalive = false;
	give(n, NULL, &theirs);
	cr_expect(is_closed(theirs));
	cr_expect_eq(n->idle_count, 0);
}

Test(idle, connections_between_messages_only)
{
	int theirs[5];
	char byte;
	struct node_connection *c[5];
	for (int i = 0; i < 5; i++)
		c[i] = unit_connect(n, listen_fd, &at, NULL, &theirs[i]);
	cr_assert_eq(send(theirs[0], "a", 1, 0), 1);
	c[0]->stream.is_readable = true;
	c[1]->stream.is_eof = true;
	stream_shut(&c[2]->stream);
	cr_assert_eq(send(theirs[3], "ab", 2, 0), 2);
	cr_assert_eq(inbox_read(&c[3]->inbox, &c[3]->stream, 2, 2), IO_OK);
	inbox_use(&c[3]->inbox, 1);
	c[3]->stream.is_readable = false;
	c[4]->stream.error = 1;
	for (int i = 0; i < 5; i++) {
		idle_give_back(c[i]);
		cr_expect_leq(recv(theirs[i], &byte, 1, 0), 0);
	}
	cr_expect_eq(n->idle_count, 0);
	cr_expect_eq(unit_sessions(n), 0);
}

/* News of what has been read since they came, or a read that was full to the brim. */
Test(idle, one_that_only_seems_to_have_more_to_say_is_kept)
{
	int theirs;
	struct node_connection *c = unit_connect(n, listen_fd, &at, NULL, &theirs);
	c->stream.is_readable = true;
	idle_give_back(c);
	unit_turn();
	cr_expect_eq(lease(n, &none), c);
	node_disconnect(c);
}

Test(idle, one_too_many_closes_the_longest_idle)
{
	int theirs[4];
	struct addr first = client(1), other = client(2);
	unit_conf.max_idle_connections_pernode = 2;
	give(n, &first, &theirs[0]);
	give(n, &other, &theirs[1]);
	give(second, NULL, &theirs[2]);
	cr_expect(!is_closed(theirs[0]));
	give(n, NULL, &theirs[3]);
	cr_expect(is_closed(theirs[0]));
	cr_expect(!is_closed(theirs[1]));
	cr_expect(!is_closed(theirs[2]));
	cr_expect_eq(n->idle_count, 2);
	cr_expect_null(lease(n, &first));
}

/* ---- while it is idle -------------------------------------------------------------------------- */

static bool is_none_idle(void)
{
	return n->idle_count == 0;
}

Test(idle, one_that_the_node_ends_goes)
{
	int theirs;
	give(n, NULL, &theirs);
	close(theirs);
	unit_turn_until(is_none_idle);
	cr_expect_null(lease(n, &none));
	cr_expect_eq(unit_sessions(n), 0);
}

Test(idle, one_that_speaks_out_of_turn_goes)
{
	int theirs;
	char byte;
	give(n, NULL, &theirs);
	cr_assert_eq(send(theirs, "x", 1, 0), 1);
	unit_turn_until(is_none_idle);
	cr_expect_leq(recv(theirs, &byte, 1, 0), 0);
	cr_expect_eq(unit_sessions(n), 0);
}

static bool had_news;

static bool has_news_but_is_idle(void)
{
	had_news = n->idle_count == 1 && stream_has_news(&TAILQ_FIRST(&n->idle)->stream);
	/* its end has been seen, and on_ready not been called: nobody may have it now */
	if (had_news)
		cr_expect_null(lease(n, &none));
	return had_news;
}

Test(idle, one_whose_end_is_about_to_be_told_is_not_given)
{
	int theirs;
	give(n, NULL, &theirs);
	close(theirs);
	unit_turn_until(has_news_but_is_idle);
	cr_expect(had_news);
}

Test(idle, its_time_ends)
{
	int theirs;
	unit_conf.idle_milliseconds = 5;
	give(n, NULL, &theirs);
	unit_turn_until(is_none_idle);
	cr_expect(is_closed(theirs));
}

Test(idle, no_time_means_for_ever)
{
	int theirs;
	unit_conf.idle_milliseconds = 0;
	struct node_connection *c = give(n, NULL, &theirs);
	cr_expect_eq(c->timer.deadline, TIMER_NEVER);
}

/* ---- many -------------------------------------------------------------------------------------- */

#define MANY 1000

Test(idle, a_thousand_of_as_many_clients)
{
	static struct node_connection *list[MANY];
	static int theirs[MANY];
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < 2 * MANY + 100)
		cr_skip_test("not enough descriptors");
	unit_conf.max_idle_connections_pernode = 0;
	/* two of each client, all of a node's in one table that has to grow */
	for (unsigned i = 0; i < MANY; i++) {
		struct addr source = client(i / 2);
		list[i] = give(i % 4 < 2 ? n : second, &source, &theirs[i]);
	}
	cr_expect_eq(n->idle_count + second->idle_count, MANY);
	for (unsigned i = 0; i < MANY; i += 2) {
		struct addr source = client(i / 2);
		struct node *of = i % 4 < 2 ? n : second, *not_of = of == n ? second : n;
		cr_assert_null(lease(not_of, &source));
		cr_assert_eq(lease(of, &source), list[i + 1],
			     "the latest first, also after growth");
		cr_assert_eq(lease(of, &source), list[i]);
		cr_assert_null(lease(of, &source));
	}
	for (unsigned i = 0; i < MANY; i++)
		idle_give_back(list[i]);
	idle_close_all(n);
	idle_close_all(second);
	for (unsigned i = 0; i < MANY; i++)
		cr_assert(is_closed(theirs[i]));
	cr_expect_eq(unit_sessions(n) + unit_sessions(second), 0);
}
