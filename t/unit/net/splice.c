/* SPDX-License-Identifier: Apache-2.0 */
#include "net/splice.h"

#include "net/loop.h"
#include "net_unit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATTERN_BYTES (1u << 20)

/* Two connections; we stand in the middle. */
static struct stream from, to;
static int sender = -1, receiver = -1;
static char pattern[PATTERN_BYTES];

static void on_ready(struct stream *s)
{
	(void)s;
}

static void open_both(void)
{
	int ours;
	unit_pair(&ours, &sender);
	stream_open(&from, ours, on_ready);
	unit_pair(&ours, &receiver);
	stream_open(&to, ours, on_ready);
}

static void close_both(void)
{
	stream_close(&from);
	stream_close(&to);
	close(sender);
	close(receiver);
}

static void open_all(void)
{
	unit_set_limit();
	signal(SIGPIPE, SIG_IGN);
	loop_open();
	open_both();
	for (unsigned i = 0; i < PATTERN_BYTES; i++)
		pattern[i] = (char)(i * 7 + i / 251);
	cr_assert(splice_is_possible());
}

static void close_all(void)
{
	close_both();
	loop_close();
}

TestSuite(splice, .init = open_all, .fini = close_all);

/* `count` bytes are in the socket that we read from when it returns. */
static void say(const char *bytes, size_t count)
{
	static char room[PATTERN_BYTES];
	cr_assert_eq(send(sender, bytes, count, 0), (ssize_t)count);
	while (recv(from.fd, room, count, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)count)
		usleep(100);
}

static void hear(const char *bytes, size_t count)
{
	static char heard[PATTERN_BYTES];
	cr_assert_eq(recv(receiver, heard, count, MSG_WAITALL), (ssize_t)count);
	cr_expect_arr_eq(heard, bytes, count);
}

Test(splice, bytes_pass_and_are_counted)
{
	size_t moved = 0;
	say(pattern, 50000);
	cr_assert_eq(splice_move(&from, &to, 20000, false, &moved), IO_OK);
	cr_expect_eq(moved, 20000);
	cr_expect(from.is_readable);
	cr_assert_eq(splice_move(&from, &to, 40000, false, &moved), IO_OK);
	cr_expect_eq(moved, 30000);
	cr_expect(!from.is_readable);
	cr_expect(stream_is_flushed(&to));
	cr_expect_eq(from.bytes_in, 50000);
	cr_expect_eq(to.bytes_out, 50000);
	hear(pattern, 50000);
}

Test(splice, nothing_there_and_the_end)
{
	size_t moved = 0;
	cr_expect_eq(splice_move(&from, &to, 100, false, &moved), IO_WAIT);
	say(pattern, 10);
	shutdown(sender, SHUT_WR);
	cr_expect_eq(splice_move(&from, &to, 100, false, &moved), IO_OK);
	cr_expect_eq(splice_move(&from, &to, 100, false, &moved), IO_EOF);
	cr_expect(from.is_eof);
	cr_expect_eq(splice_move(&from, &to, 100, false, &moved), IO_EOF);
	hear(pattern, 10);
}

Test(splice, a_sender_that_broke)
{
	size_t moved = 0;
	unit_reset(sender);
	sender = -1;
	cr_expect_eq(splice_move(&from, &to, 100, false, &moved), IO_FAIL);
	cr_expect_eq(from.error, ECONNRESET);
	cr_expect_eq(to.error, 0);
}

/* Fills the way to the receiver, who reads nothing; gives what was moved. */
static size_t move_until_full(void)
{
	size_t all = 0;
	int small = 8192;
	setsockopt(to.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	while (stream_is_flushed(&to)) {
		size_t moved = 0;
		cr_assert_lt(all, PATTERN_BYTES - 65536);
		say(pattern + all, 65536);
		cr_assert_eq(splice_move(&from, &to, 65536, false, &moved), IO_OK);
		all += moved;
	}
	return all;
}

Test(splice, what_the_receiver_does_not_take_is_kept)
{
	size_t all = move_until_full();
	cr_expect_leq(buf_slice(&to.out).len, 65536);
	cr_expect_eq(to.bytes_out + buf_slice(&to.out).len, all);
	pid_t child = fork();
	if (child == 0) {
		while (stream_flush(&to) == IO_WAIT)
			usleep(100);
		_exit(0);
	}
	hear(pattern, all);
}

/* Another pair of connections gets what it sends, and nothing that the first one left. */
static void check_that_nothing_is_left(void)
{
	size_t moved = 0;
	close_both();
	open_both();
	cr_assert(splice_is_possible());
	say("mine", 4);
	cr_assert_eq(splice_move(&from, &to, 100, false, &moved), IO_OK);
	cr_expect_eq(moved, 4);
	hear("mine", 4);
}

Test(splice, nothing_is_left_of_a_slow_receiver)
{
	move_until_full();
	check_that_nothing_is_left();
}

Test(splice, nothing_is_left_of_a_broken_receiver)
{
	size_t moved = 0;
	unit_reset(receiver);
	receiver = -1;
	say(pattern, 50000);
	cr_expect_eq(splice_move(&from, &to, 50000, false, &moved), IO_FAIL);
	cr_expect_neq(to.error, 0);
	cr_expect_eq(from.error, 0);
	check_that_nothing_is_left();
}

/* Did all of it leave, or does the kernel keep some back? */
static bool has_arrived(size_t count)
{
	static char room[PATTERN_BYTES];
	return recv(receiver, room, count, MSG_PEEK | MSG_DONTWAIT) == (ssize_t)count;
}

Test(splice, what_goes_on_may_be_kept_back)
{
	size_t moved = 0;
	say(pattern, 200);
	cr_assert_eq(splice_move(&from, &to, 100, true, &moved), IO_OK);
	cr_expect(from.is_readable);
	cr_expect(!has_arrived(100));
	cr_assert_eq(splice_move(&from, &to, 100, true, &moved), IO_OK);
	cr_expect(has_arrived(200));
	hear(pattern, 200);
}

Test(splice, what_does_not_go_on_is_not_kept_back)
{
	size_t moved = 0;
	say(pattern, 100);
	cr_assert_eq(splice_move(&from, &to, 100, true, &moved), IO_OK);
	cr_expect(!from.is_readable);
	cr_expect(has_arrived(100));
	say(pattern + 100, 200);
	cr_assert_eq(splice_move(&from, &to, 100, false, &moved), IO_OK);
	cr_expect(from.is_readable);
	cr_expect(has_arrived(200));
	hear(pattern, 200);
}

/* The first to ask opens the pipe, so this process must not have asked before. */
Test(splice_first, is_not_possible_without_descriptors)
{
	struct rlimit none = { 3, 3 }, before;
	unit_set_limit();
	getrlimit(RLIMIT_NOFILE, &before);
	none.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	cr_expect(!splice_is_possible());
	setrlimit(RLIMIT_NOFILE, &before);
	cr_expect(splice_is_possible());
}
