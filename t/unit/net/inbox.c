/* SPDX-License-Identifier: Apache-2.0 */
#include "net/inbox.h"

#include "net/loop.h"
#include "net_unit.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define INBOXES 3

/* An inbox with a socket that fills it; byte number i of every stream is byte_at(i). */
struct filled {
	struct inbox inbox;
	struct stream stream;
	int theirs;
	size_t sent, used;
};

static struct filled boxes[INBOXES];

static char byte_at(const struct filled *f, size_t i)
{
	return (char)(i * 13 + i / 256 + (size_t)(f - boxes) * 91);
}

static void on_ready(struct stream *s)
{
	(void)s;
}

static void open_boxes(void)
{
	unit_set_limit();
	loop_open();
	for (int i = 0; i < INBOXES; i++) {
		int pair[2], large = 1 << 20;
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
		stream_open(&boxes[i].stream, pair[0], on_ready);
		inbox_init(&boxes[i].inbox);
		boxes[i].theirs = pair[1];
	}
}

static void close_boxes(void)
{
	for (int i = 0; i < INBOXES; i++) {
		stream_close(&boxes[i].stream);
		inbox_release(&boxes[i].inbox);
		close(boxes[i].theirs);
	}
	loop_close();
}

TestSuite(inbox, .init = open_boxes, .fini = close_boxes);

static void fill(struct filled *f, size_t count)
{
	char chunk[4096];
	while (count > 0) {
		size_t size = count < sizeof chunk ? count : sizeof chunk;
		for (size_t i = 0; i < size; i++)
			chunk[i] = byte_at(f, f->sent + i);
		ssize_t sent = send(f->theirs, chunk, size, 0);
		if (sent == -1)
			return; /* the socket is full */
		f->sent += (size_t)sent;
		count -= (size_t)sent;
	}
}

static enum io read_some(struct filled *f, size_t most, size_t limit)
{
	return inbox_read(&f->inbox, &f->stream, most, limit);
}

static void use(struct filled *f, size_t count)
{
	inbox_use(&f->inbox, count);
	f->used += count;
}

static void check_bytes(const struct filled *f)
{
	struct slice waiting = inbox_slice(&f->inbox);
	cr_assert(inbox_shared.holder != &f->inbox || buf_len(&f->inbox.own) == 0);
	cr_assert_leq(f->used + waiting.len, f->sent);
	for (size_t i = 0; i < waiting.len; i++)
		cr_assert_eq(waiting.at[i], byte_at(f, f->used + i));
}

Test(inbox, a_message_used_at_once_is_never_copied)
{
	struct filled *f = &boxes[0];
	fill(f, 1000);
	cr_assert_eq(read_some(f, 4096, 4096), IO_OK);
	cr_expect_eq(inbox_slice(&f->inbox).len, 1000);
	check_bytes(f);
	cr_expect_null(f->inbox.own.block);
	use(f, 400);
	check_bytes(f);
	use(f, 600);
	cr_expect_eq(inbox_slice(&f->inbox).len, 0);
	cr_expect_null(f->inbox.own.block);
	cr_expect_eq(read_some(f, 4096, 4096), IO_WAIT);
}

Test(inbox, the_rest_moves_away_when_another_reads)
{
	struct filled *first = &boxes[0], *second = &boxes[1];
	fill(first, 1000);
	fill(second, 500);
	cr_assert_eq(read_some(first, 4096, 4096), IO_OK);
	use(first, 100);
	cr_assert_eq(read_some(second, 4096, 4096), IO_OK);
	cr_expect_neq(inbox_shared.holder, &first->inbox);
	cr_expect_eq(buf_len(&first->inbox.own), 900);
	check_bytes(first);
	check_bytes(second);
	use(first, 900);
	cr_expect_null(first->inbox.own.block);
}

Test(inbox, more_comes_behind_what_waits)
{
	struct filled *f = &boxes[0];
	fill(f, 10);
	cr_assert_eq(read_some(f, 4096, 100000), IO_OK);
	fill(f, 50000);
	while (read_some(f, 60000, 100000) == IO_OK)
		check_bytes(f);
	cr_expect_eq(inbox_slice(&f->inbox).len, 50010);
}

Test(inbox, never_more_than_the_limit)
{
	struct filled *f = &boxes[0];
	fill(f, 5000);
	cr_expect_eq(read_some(f, 100, 1000), IO_OK);
	cr_expect_eq(inbox_slice(&f->inbox).len, 100);
	cr_expect_eq(read_some(f, 4096, 1000), IO_OK);
	cr_expect_leq(inbox_slice(&f->inbox).len, 1000);
	while (read_some(f, 4096, 1000) == IO_OK)
		cr_assert_leq(inbox_slice(&f->inbox).len, 1000);
	cr_expect_eq(inbox_slice(&f->inbox).len, 1000);
	cr_expect(f->stream.is_readable, "there is more");
	check_bytes(f);
	cr_expect_eq(read_some(f, 4096, 500), IO_WAIT);
}

Test(inbox, ends_and_failures_leave_what_waits)
{
	struct filled *f = &boxes[0];
	fill(f, 10);
	cr_assert_eq(read_some(f, 4096, 4096), IO_OK);
	shutdown(f->theirs, SHUT_WR);
	cr_expect_eq(read_some(f, 4096, 4096), IO_EOF);
	cr_expect_eq(inbox_slice(&f->inbox).len, 10);
	check_bytes(f);
}

Test(inbox, releasing_the_holder_frees_the_shared_buffer)
{
	fill(&boxes[0], 10);
	fill(&boxes[1], 10);
	cr_assert_eq(read_some(&boxes[0], 4096, 4096), IO_OK);
	inbox_release(&boxes[0].inbox);
	cr_expect_eq(inbox_slice(&boxes[0].inbox).len, 0);
	cr_assert_eq(read_some(&boxes[1], 4096, 4096), IO_OK);
	cr_expect_null(boxes[0].inbox.own.block);
	check_bytes(&boxes[1]);
}

Test(inbox, using_more_than_waits_is_our_mistake, .signal = SIGABRT)
{
	fill(&boxes[0], 10);
	cr_assert_eq(read_some(&boxes[0], 4096, 4096), IO_OK);
	inbox_use(&boxes[0].inbox, 11);
}

Test(inbox, three_at_random)
{
	srandom(1);
	for (unsigned step = 0; step < 30000; step++) {
		struct filled *f = &boxes[random() % INBOXES];
		struct slice before = inbox_slice(&f->inbox);
		size_t limit = (size_t)random() % 100000, most = 1 + (size_t)random() % 300000;
		switch (random() % 3) {
		case 0:
			fill(f, (size_t)(random() % (random() % 8 == 0 ? 60000 : 300)));
			break;
		case 1:
			if (read_some(f, most, limit) == IO_OK)
				cr_assert_leq(inbox_slice(&f->inbox).len, limit);
			else
				cr_assert_eq(inbox_slice(&f->inbox).len, before.len);
			cr_assert_geq(inbox_slice(&f->inbox).len, before.len);
			break;
		case 2:
			use(f,
			    random() % 2 == 0 ? before.len : (size_t)random() % (before.len + 1));
			break;
		}
		if (step % 16 == 0)
			for (int i = 0; i < INBOXES; i++)
				check_bytes(&boxes[i]);
	}
	for (int i = 0; i < INBOXES; i++)
		cr_expect_gt(boxes[i].used, 100000);
}
