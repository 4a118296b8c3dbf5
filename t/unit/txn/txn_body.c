/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_body.h"

#include "net/loop.h"
#include "txn/txn_hold.h"

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
static int at_client, at_node;

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
	at_client = open_stream(&client);
	at_node = open_stream(&node);
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
	close(at_client);
	close(at_node);
	loop_close();
}

TestSuite(txn_body, .init = open_all, .fini = close_all);

static void client_says(const char *bytes, size_t len)
{
	cr_assert_eq(send(at_client, bytes, len, 0), (ssize_t)len);
	client.is_readable = true;
}

static void client_sends(size_t len)
{
	static char bytes[BODY_BYTES];
	client_says(bytes, len);
}

static void expect_node_hears(const char *wanted)
{
	char text[1000];
	ssize_t got = recv(at_node, text, sizeof text - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	cr_expect_str_eq(text, wanted);
}

Test(txn_body, what_a_broken_receiver_has_swallowed_is_consumed)
{
	client_sends(50000);
	shutdown(at_node, SHUT_RDWR);
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

static const struct {
	enum http_body_kind kind;
	const char *first, *rest; /* "abc", which a rule has had, and what follows */
	const char *sent_first, *sent_rest;
} held[] = {
	{ HTTP_BODY_LENGTH, "abc", "defg", "abc", "defg" },
	{ HTTP_BODY_CHUNKED, "3\r\nabc\r\n", "4\r\ndefg\r\n0\r\n\r\n", "3\r\nabc\r\n",
	  "4\r\ndefg\r\n0\r\n\r\n" },
	{ HTTP_BODY_CHUNKED, "7\r\nabc", "defg\r\n0\r\n\r\n", "3\r\nabc\r\n",
	  "4\r\ndefg\r\n0\r\n\r\n" },
};

/* Starts the body of that row, of which `hold` has the beginning. */
static void start_held(size_t row, struct txn_hold *hold)
{
	struct slice first = slice_of_string(held[row].first), data;
	enum http_reason why;
	size_t used;
	http_relay_init(&body.relay, held[row].kind, 7, held[row].kind, &limits, &arena);
	cr_assert_eq(http_body_take(&body.relay.in, first, &limits, &arena, &used, &data, &why),
		     HTTP_MORE);
	cr_assert(slice_is_equal(data, SLICE("abc")));
	*hold = (struct txn_hold){ 0 };
	buf_append(&hold->raw, data, SIZE_MAX);
	body.hold = hold;
	txn_body_start(&body, &client, &inbox, &node, (struct slice){ 0 }, 65536);
	txn_hold_start(&body);
}

Test(txn_body, what_a_broken_receiver_did_not_take_goes_to_the_next_one)
{
	for (size_t i = 0; i < sizeof held / sizeof held[0]; i++) {
		struct txn_hold hold;
		struct slice rest = slice_of_string(held[i].rest);
		start_held(i, &hold);
		txn_body_move(&body);
		expect_node_hears(held[i].sent_first);
		close(at_node);
		client_says(rest.at, rest.len);
		txn_body_move(&body);
		cr_expect_eq(body.state, TXN_BODY_TO_BROKEN);
		cr_expect(!body.has_consumed && slice_is_equal(inbox_slice(&inbox), rest));
		/* or who asks whether all of it was taken would look for a request behind it */
		cr_expect(!body.relay.in.is_done);
		stream_close(&node);
		at_node = open_stream(&node);
		txn_body_rewind(&body);
		txn_body_start(&body, &client, &inbox, &node, (struct slice){ 0 }, 65536);
		txn_hold_start(&body);
		txn_body_move(&body);
		cr_expect_eq(body.state, TXN_BODY_DONE);
		cr_expect_eq(inbox_slice(&inbox).len, 0);
		char whole[100];
		snprintf(whole, sizeof whole, "%s%s", held[i].sent_first, held[i].sent_rest);
		expect_node_hears(whole);
		txn_body_release(&body);
	}
}
