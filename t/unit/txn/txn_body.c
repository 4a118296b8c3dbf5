/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_body.h"

#include "net/loop.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_BYTES 100000u

static const struct http_limits limits;
static struct arena arena;
static struct stream client, node;
static struct inbox inbox;
static struct txn_body body;
static int client_end, node_end;

static void on_ready(struct stream *s)
{
	(void)s;
}

/* Gives the other end. */
static int open_stream(struct stream *s)
{
	int ends[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	stream_open(s, ends[0], on_ready);
	return ends[1];
}

static void open_all(void)
{
	alarm(30);
	signal(SIGPIPE, SIG_IGN);
	loop_open();
	arena_init(&arena);
	inbox_init(&inbox);
	client_end = open_stream(&client);
	node_end = open_stream(&node);
	http_relay_init(&body.relay, HTTP_BODY_LENGTH, BODY_BYTES, HTTP_BODY_LENGTH, &limits,
			&arena);
	txn_body_start(&body, &client, &inbox, &node, (struct slice){ 0 }, 65536);
}

static void close_all(void)
{
	txn_body_release(&body);
	inbox_release(&inbox);
	arena_release(&arena);
	arena_drop_spares();
	stream_close(&client);
	stream_close(&node);
	close(client_end);
	close(node_end);
	loop_close();
}

TestSuite(txn_body, .init = open_all, .fini = close_all);

static void client_sends(size_t len)
{
	static char bytes[BODY_BYTES];
	cr_assert_eq(send(client_end, bytes, len, 0), (ssize_t)len);
	client.is_readable = true;
}

Test(txn_body, what_a_broken_receiver_has_swallowed_is_consumed)
{
	client_sends(50000);
	shutdown(node_end, SHUT_RDWR);
	txn_body_move(&body);
	cr_expect_eq(body.state, TXN_BODY_TO_BROKEN);
	/* or the request would be sent once more, to another node, without its beginning */
	cr_expect(body.has_consumed || inbox_slice(&inbox).len == 50000);
}

Test(txn_body, what_waits_for_its_turn_is_not_consumed)
{
	txn_body_move(&body);
	cr_expect_eq(body.state, TXN_BODY_MOVING);
	cr_expect(!body.has_consumed);
	client_sends(50000);
	txn_body_move(&body);
	cr_expect(body.has_consumed);
}
