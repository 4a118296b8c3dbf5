/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/node.h"

#include "pool_unit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_fd;
static struct addr at;
static const struct addr none;

static void open_node(void)
{
	unit_open(1, CONF_ALGORITHM_ROUND_ROBIN);
	listen_fd = unit_listen(&at);
}

TestSuite(node, .init = open_node, .fini = unit_close);

static struct stats_node sum(void)
{
	struct stats_node s;
	stats_sum_node(&unit_share, 0, &s);
	return s;
}

Test(node, connections_are_counted_while_open)
{
	int theirs[2];
	struct node *n = &unit_pool->nodes[0];
	struct node_connection *first = unit_connect(n, listen_fd, &at, NULL, &theirs[0]);
	struct node_connection *second = unit_connect(n, listen_fd, &at, NULL, &theirs[1]);
	cr_expect_eq(sum().sessions_current, 2);
	node_disconnect(first);
	cr_expect_eq(sum().sessions_current, 1);
	char byte;
	cr_expect_eq(recv(theirs[0], &byte, 1, 0), 0);
	node_disconnect(second);
	cr_expect_eq(sum().sessions_current, 0);
	cr_expect_eq(sum().sessions, 2);
}

Test(node, our_end_is_known)
{
	int theirs;
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	struct node_connection *c = unit_connect(&unit_pool->nodes[0], listen_fd, &at, NULL,
						 &theirs);
	getpeername(theirs, (struct sockaddr *)&peer, &len);
	struct addr seen = addr_from_sockaddr(&peer);
	cr_expect(addr_is_equal(node_connection_local(c), &seen));
	node_disconnect(c);
}

static void ignore(struct stream *s)
{
	(void)s;
}

Test(node, a_refusal_to_spoof_opens_nothing)
{
	struct addr loopback = { .ip = { 127, 0, 0, 9 }, .family = ADDR_IPV4 };
	enum dial_result result;
	int error;
	cr_expect_null(node_connect(&unit_pool->nodes[0], &at, &loopback, ignore, &result, &error));
	cr_expect_eq(result, DIAL_SPOOF_LOOPBACK);
	cr_expect_eq(sum().sessions, 0);
}

Test(node, a_new_connection_has_not_been_answered)
{
	enum dial_result result;
	int error;
	struct node_connection *c = node_connect(&unit_pool->nodes[0], &at, &none, ignore, &result,
						 &error);
	cr_assert_eq(result, DIAL_OK);
	cr_expect(c->stream.is_connecting);
	node_disconnect(c);
}

Test(node, transactions_are_counted)
{
	struct node *n = &unit_pool->nodes[0];
	node_begin(n);
	node_begin(n);
	cr_expect_eq(node_sessions(n), 2);
	node_end(n, 10, 20);
	node_end(n, 1, 2);
	cr_expect_eq(node_sessions(n), 0);
	cr_expect_eq(sum().transactions, 2);
	cr_expect_eq(sum().to_bytes, 11);
	cr_expect_eq(sum().from_bytes, 22);
}

Test(node, failures_are_counted_also_when_they_change_nothing)
{
	struct node *n = &unit_pool->nodes[0];
	unit_conf.passive_monitoring = false;
	node_failed(n);
	cr_expect_eq(sum().failures, 1);
	cr_expect(!share_node_is_failed(n->state));
	unit_conf.passive_monitoring = true;
	node_failed(n);
	cr_expect(share_node_is_failed(n->state));
	node_succeeded(n);
	cr_expect(!share_node_is_failed(n->state));
}

Test(node, addresses_that_no_pool_lists_have_connections_too)
{
	int theirs;
	struct node *n = &unit_pool->others;
	struct node_connection *c = unit_connect(n, listen_fd, &at, NULL, &theirs);
	node_begin(n);
	node_end(n, 1, 1);
	node_failed(n);
	node_succeeded(n);
	node_disconnect(c);
	cr_expect_eq(sum().sessions, 0);
}
