/* Each rule of a stream, read, written or watched, has a test: long because there are so many. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include "net/dial.h"
#include "net/loop.h"
#include "net_unit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct stream s;
static int theirs = -1;
static unsigned ready; /* calls of on_ready */

static void on_ready(struct stream *stream)
{
	cr_assert_eq(stream, &s);
	ready++;
}

static bool is_ready(void)
{
	return ready > 0;
}

static void open_pair(void)
{
	int ours;
	unit_set_limit();
	loop_open();
	unit_pair(&ours, &theirs);
	stream_open(&s, ours, on_ready);
}

static void close_pair(void)
{
	stream_close(&s);
	close(theirs);
	loop_close();
}

static void wait_ready(void)
{
	ready = 0;
	unit_turn_until(is_ready);
}

static void say(const char *text)
{
	cr_assert_eq(send(theirs, text, strlen(text), 0), (ssize_t)strlen(text));
}

TestSuite(stream, .init = open_pair, .fini = close_pair);

/* ---- writing ----------------------------------------------------------------------------------- */

#define MANY_BYTES (4u << 20)

static char *pattern;
static size_t heard; /* bytes that the other side has read, in order */
static bool is_ended;

static void make_pattern(void)
{
	pattern = malloc(MANY_BYTES);
	for (size_t i = 0; i < MANY_BYTES; i++)
		pattern[i] = (char)(i * 7 + i / 251);
}

/* Reads what has come at the other side and compares it. */
static void hear(void)
{
	char chunk[65536];
	ssize_t got;
	while ((got = recv(theirs, chunk, sizeof chunk, MSG_DONTWAIT)) > 0) {
		cr_assert_leq(heard + (size_t)got, MANY_BYTES);
		cr_assert_arr_eq(chunk, pattern + heard, (size_t)got);
		heard += (size_t)got;
	}
	is_ended = got == 0;
}

static void on_writable(struct stream *stream)
{
	enum io result = stream_flush(stream);
	cr_assert(result == IO_OK || result == IO_WAIT);
	cr_assert_eq(result == IO_OK, stream_is_flushed(stream));
	cr_assert(stream_watch(stream, false, result == IO_WAIT));
}

static bool has_heard_all(void)
{
	hear();
	return heard == MANY_BYTES && is_ended;
}

/* What was heard may still have to be confirmed; the end of a connection counts as a byte. */
static bool is_confirmed(void)
{
	return stream_unconfirmed(&s) <= 1;
}

Test(stream, what_the_kernel_does_not_take_is_kept_in_order)
{
	int small = 65536;
	make_pattern();
	setsockopt(s.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	s.on_ready = on_writable;
	for (size_t at = 0; at < MANY_BYTES; at += MANY_BYTES / 4) {
		const size_t first = 1, second = 100000, third = MANY_BYTES / 4 - first - second;
		struct iovec pieces[] = { { pattern + at, first },
					  { pattern + at + first, 0 },
					  { pattern + at + first, second },
					  { pattern + at + first + second, third } };
		cr_assert_eq(stream_write(&s, pieces, 4), IO_OK);
	}
	cr_assert(!stream_is_flushed(&s));
	stream_shut(&s);
	cr_assert(!s.is_shut);
	cr_expect_gt(stream_unconfirmed(&s), 0);
	stream_watch(&s, false, true);
	unit_turn_until(has_heard_all);
	cr_expect(stream_is_flushed(&s));
	cr_expect(s.is_shut);
	cr_expect_eq(s.bytes_out, MANY_BYTES);
	cr_expect_null(s.out.block);
	stream_watch(&s, false, false);
	while (!is_confirmed())
		unit_turns(1);
	free(pattern);
}

/* Few bytes are put together before they leave, many are not: either way in order. */
Test(stream, pieces_of_any_size_stay_in_order)
{
	static const size_t sizes[][3] = { { 1, 0, 2 },     { 300, 100, 50 }, { 1000, 23, 1 },
					   { 1000, 23, 2 }, { 1, 1024, 1 },   { 0, 1024, 0 },
					   { 1024, 0, 1 },  { 5, 30000, 5 },  { 0, 0, 1025 } };
	make_pattern();
	size_t at = 0;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		struct iovec pieces[3];
		size_t before = at;
		for (int j = 0; j < 3; j++) {
			pieces[j] = (struct iovec){ pattern + at, sizes[i][j] };
			at += sizes[i][j];
		}
		cr_assert_eq(stream_write(&s, pieces, 3), IO_OK);
		while (heard < at)
			hear();
		cr_expect_eq(heard - before, at - before);
	}
	cr_expect_eq(s.bytes_out, at);
	free(pattern);
}

Test(stream, a_full_kernel_makes_flush_wait)
{
	make_pattern();
	cr_assert_eq(stream_write_slice(&s, slice_of(pattern, MANY_BYTES)), IO_OK);
	cr_assert_eq(stream_write_slice(&s, slice_of(pattern, MANY_BYTES)), IO_OK);
	cr_expect_eq(stream_flush(&s), IO_WAIT);
	cr_expect_eq(s.error, 0);
	free(pattern);
}

Test(stream, shut_ends_our_direction_only)
{
	char byte;
	size_t got;
	stream_shut(&s);
	stream_shut(&s);
	cr_expect_eq(recv(theirs, &byte, 1, 0), 0);
	say("x");
	stream_watch(&s, true, false);
	wait_ready();
	cr_expect_eq(stream_read(&s, &byte, 1, &got), IO_OK);
}

Test(stream, writing_to_a_broken_connection_fails_once_and_for_all)
{
	unit_reset(theirs);
	stream_watch(&s, true, false);
	wait_ready();
	cr_expect_eq(stream_write_slice(&s, SLICE("x")), IO_FAIL);
	cr_expect_eq(s.error, ECONNRESET);
	cr_expect_eq(stream_write_slice(&s, SLICE("x")), IO_FAIL);
	cr_expect_eq(stream_flush(&s), IO_FAIL);
	theirs = -1;
}

/* ---- connecting -------------------------------------------------------------------------------- */

static int silent_fd; /* listens, but its queue is full: it answers nobody yet */
static struct addr silent;
static int blockers[2];

static void listen_silently(void)
{
	struct addr any = unit_address("127.0.0.1");
	silent_fd = unit_listen(&any, 0, &silent);
	blockers[0] = unit_dial(&silent);
}

static void open_connecting(struct stream *stream)
{
	struct dial d = { .to = silent };
	int fd, error;
	cr_assert_eq(dial_open(&d, &fd, &error), DIAL_OK);
	stream_close(stream);
	stream_open(stream, fd, on_ready);
	stream->is_connecting = true;
}

/* Takes the one who blocked the queue, then ours. */
static int accept_ours(void)
{
	int first = accept(silent_fd, NULL, NULL);
	cr_assert_neq(first, -1);
	close(first);
	wait_ready();
	int fd = accept(silent_fd, NULL, NULL);
	cr_assert_neq(fd, -1);
	return fd;
}

Test(stream, nothing_is_taken_before_connect_is_answered)
{
	char text[8] = "";
	struct iovec pieces[] = { { "ab", 2 }, { "cd", 2 } };
	listen_silently();
	open_connecting(&s);
	cr_assert_eq(stream_write(&s, pieces, 2), IO_WAIT);
	cr_assert(stream_is_flushed(&s));
	cr_assert(s.is_connecting);
	stream_watch(&s, false, true);
	int fd = accept_ours();
	cr_assert_eq(stream_write(&s, pieces, 2), IO_OK);
	cr_expect(!s.is_connecting);
	cr_expect_eq(recv(fd, text, sizeof text, 0), 4);
	cr_expect_str_eq(text, "abcd");
	close(fd);
}

Test(stream, says_whether_connect_was_answered)
{
	listen_silently();
	open_connecting(&s);
	cr_assert_eq(stream_await(&s), IO_WAIT);
	stream_watch(&s, false, true);
	int fd = accept_ours();
	cr_expect_eq(stream_await(&s), IO_OK);
	cr_expect(!s.is_connecting);
	cr_expect_eq(s.bytes_out, 0);
	cr_expect_eq(stream_await(&s), IO_OK, "and again");
	close(fd);
}

Test(stream, an_end_before_connect_is_answered_comes_after_it)
{
	char byte;
	listen_silently();
	open_connecting(&s);
	stream_shut(&s);
	cr_assert(!s.is_shut);
	cr_assert_eq(stream_flush(&s), IO_WAIT);
	stream_watch(&s, false, true);
	int fd = accept_ours();
	cr_expect_eq(stream_flush(&s), IO_OK);
	cr_expect(s.is_shut);
	cr_expect_eq(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

Test(stream, the_node_may_speak_first)
{
	char byte;
	size_t got = 0;
	s.is_connecting = true;
	say("x");
	stream_watch(&s, true, false);
	wait_ready();
	cr_expect_eq(stream_read(&s, &byte, 1, &got), IO_OK);
	cr_expect(!s.is_connecting);
}

Test(stream, the_first_write_hears_that_connect_was_refused)
{
	listen_silently();
	open_connecting(&s);
	stream_watch(&s, false, true);
	close(silent_fd);
	wait_ready();
	cr_expect_eq(stream_write_slice(&s, SLICE("x")), IO_FAIL);
	cr_expect_eq(s.error, ECONNREFUSED);
	cr_expect(s.is_connecting);
}

/* ---- reading ----------------------------------------------------------------------------------- */

Test(stream, a_short_read_has_emptied_it_and_a_full_one_may_not)
{
	char into[16];
	size_t got = 0;
	say("abcdef");
	stream_watch(&s, true, false);
	wait_ready();
	cr_assert(s.is_readable);
	cr_assert_eq(stream_read(&s, into, 4, &got), IO_OK);
	cr_expect_eq(got, 4);
	cr_expect(s.is_readable);
	cr_assert_eq(stream_read(&s, into, 4, &got), IO_OK);
	cr_expect_eq(got, 2);
	cr_expect(!s.is_readable);
	cr_assert_eq(stream_read(&s, into, 4, &got), IO_WAIT);
	cr_expect_eq(s.bytes_in, 6);
}

Test(stream, an_end_is_heard_and_remembered)
{
	char byte;
	size_t got = 0;
	shutdown(theirs, SHUT_WR);
	stream_watch(&s, true, false);
	wait_ready();
	cr_expect_eq(stream_read(&s, &byte, 1, &got), IO_EOF);
	cr_expect(s.is_eof);
	cr_expect_eq(stream_read(&s, &byte, 1, &got), IO_EOF);
	/* an ended stream is always readable for the kernel */
	cr_expect(stream_watch(&s, true, false));
	cr_expect_lt(unit_turns(30), 5);
	cr_expect_eq(stream_write_slice(&s, SLICE("x")), IO_OK);
	cr_expect_eq(recv(theirs, &byte, 1, 0), 1);
}

Test(stream, a_reset_that_a_write_has_heard_is_no_end)
{
	char into[8];
	size_t got = 0;
	say("abc");
	unit_reset(theirs);
	stream_watch(&s, true, false);
	wait_ready();
	cr_assert_eq(stream_write_slice(&s, SLICE("x")), IO_FAIL);
	cr_expect_eq(stream_read(&s, into, sizeof into, &got), IO_OK);
	cr_expect_eq(got, 3);
	cr_expect_eq(stream_read(&s, into, sizeof into, &got), IO_FAIL);
	cr_expect(!s.is_eof);
	theirs = -1;
}

static bool write_fails(void)
{
	return stream_write_slice(&s, SLICE("x")) == IO_FAIL;
}

Test(stream, an_end_in_good_order_stays_one_when_writes_break)
{
	char into[8];
	size_t got = 0;
	say("abc");
	shutdown(theirs, SHUT_WR);
	close(theirs);
	theirs = -1;
	stream_watch(&s, true, true);
	unit_turn_until(write_fails);
	cr_expect_eq(s.error, EPIPE);
	cr_expect_eq(stream_read(&s, into, sizeof into, &got), IO_OK);
	cr_expect_eq(stream_read(&s, into, sizeof into, &got), IO_EOF);
}

Test(stream, reads_of_no_bytes_are_our_mistake, .signal = SIGABRT)
{
	char byte;
	size_t got;
	stream_read(&s, &byte, 0, &got);
}

/* ---- segments ---------------------------------------------------------------------------------- */

static bool is_nagle_off(void)
{
	int value = -1;
	socklen_t len = sizeof value;
	cr_assert_eq(getsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
	return value != 0;
}

Test(stream, nagle_goes_before_the_second_write)
{
	int off = 0;
	setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
	s.has_nagle = true;
	stream_write_slice(&s, SLICE("one"));
	cr_expect(!is_nagle_off());
	stream_write_slice(&s, SLICE("two"));
	cr_expect(is_nagle_off());
}

Test(stream, last_bytes_wait_for_the_end_but_not_for_ever)
{
	char chunk[8];
	struct iovec piece = { (void *)(uintptr_t) "last", 4 };
	cr_assert_eq(stream_write_last(&s, &piece, 1), IO_OK);
	cr_expect(stream_is_flushed(&s));
	cr_expect_eq(s.bytes_out, 4);
	cr_expect_eq(recv(theirs, chunk, sizeof chunk, MSG_DONTWAIT), -1);
	stream_shut(&s);
	cr_expect_eq(recv(theirs, chunk, sizeof chunk, 0), 4);
	cr_expect_eq(recv(theirs, chunk, sizeof chunk, 0), 0);
}

/* ---- watching ---------------------------------------------------------------------------------- */

static void on_ready_unwanted(struct stream *stream)
{
	ready++;
	cr_assert(stream_watch(stream, false, false));
}

Test(stream, bytes_that_nobody_wants_wake_us_once)
{
	char into[8];
	size_t got = 0;
	s.on_ready = on_ready_unwanted;
	stream_watch(&s, true, false);
	stream_watch(&s, false, false);
	say("abc");
	cr_expect_lt(unit_turns(30), 6);
	cr_expect_eq(ready, 1);
	cr_expect(s.is_readable);
	/* and are there once they are wanted */
	s.on_ready = on_ready;
	stream_watch(&s, true, false);
	wait_ready();
	cr_expect_eq(stream_read(&s, into, sizeof into, &got), IO_OK);
	cr_expect_eq(got, 3);
}

Test(stream, an_end_that_nobody_wants_wakes_us_once)
{
	s.on_ready = on_ready_unwanted;
	stream_watch(&s, true, false);
	stream_watch(&s, false, false);
	shutdown(theirs, SHUT_WR);
	cr_expect_lt(unit_turns(30), 6);
	cr_expect_eq(ready, 1);
	cr_expect(s.is_eof);
}

Test(stream, a_reset_is_found_although_nobody_reads)
{
	stream_watch(&s, true, false);
	stream_watch(&s, false, false);
	unit_reset(theirs);
	theirs = -1;
	wait_ready();
	cr_expect(!stream_watch(&s, false, false));
	cr_expect_eq(s.error, ECONNRESET);
}

Test(stream, a_watch_that_stays_is_not_touched)
{
	stream_watch(&s, true, false);
	cr_assert(ev_is_active(&s.watcher));
	stream_watch(&s, true, false);
	stream_watch(&s, false, false);
	cr_expect(ev_is_active(&s.watcher));
	cr_expect_eq(s.watcher.events & (EV_READ | EV_WRITE), EV_READ);
	stream_watch(&s, false, true);
	cr_expect_eq(s.watcher.events & (EV_READ | EV_WRITE), EV_READ | EV_WRITE);
	stream_watch(&s, false, false);
	cr_expect_eq(s.watcher.events & (EV_READ | EV_WRITE), EV_READ);
}

static bool had_news;

static bool has_news(void)
{
	had_news = stream_has_news(&s) && ready == 0;
	return had_news;
}

Test(stream, news_are_known_before_they_are_told)
{
	stream_watch(&s, true, false);
	cr_expect(!stream_has_news(&s));
	say("x");
	unit_turn_until(has_news);
	cr_expect(had_news);
}

/* ---- closing ----------------------------------------------------------------------------------- */

Test(stream, close_is_orderly_and_may_be_repeated)
{
	char byte;
	stream_watch(&s, true, true);
	stream_close(&s);
	stream_close(&s);
	cr_expect(!stream_is_open(&s));
	cr_expect_eq(recv(theirs, &byte, 1, 0), 0);
}

Test(stream, reset_is_heard_as_one)
{
	char byte;
	stream_reset(&s);
	stream_reset(&s);
	cr_expect_eq(recv(theirs, &byte, 1, 0), -1);
	cr_expect_eq(errno, ECONNRESET);
}

/* ---- keepalive probes ------------------------------------------------------------------------------ */

static int option(int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	cr_assert_eq(getsockopt(s.fd, level, name, &value, &size), 0);
	return value;
}

Test(stream, is_probed_by_the_kernel)
{
	static const struct {
		unsigned seconds;
		int pause;
	} rows[] = { { 1, 1 }, { 3, 1 }, { 4, 1 }, { 8, 2 }, { 60, 15 }, { 32767, 8191 } };
	cr_expect_eq(option(SOL_SOCKET, SO_KEEPALIVE), 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		stream_probe(&s, rows[i].seconds);
		cr_expect_eq(option(SOL_SOCKET, SO_KEEPALIVE), 1);
		cr_expect_eq(option(IPPROTO_TCP, TCP_KEEPIDLE), (int)rows[i].seconds);
		cr_expect_eq(option(IPPROTO_TCP, TCP_KEEPINTVL), rows[i].pause);
		cr_expect_eq(option(IPPROTO_TCP, TCP_KEEPCNT), 4);
	}
}
