/* The server and its callers in one process: callers do not block, the loop turns in between. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_server.h"

#include "admin/control.h"
#include "admin_unit.h"
#include "base/clock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MOST (4 * 1024 * 1024)

static struct control control;
static struct admin_server server;
static struct timer tick;

static void on_tick(struct timer *timer)
{
	(void)timer;
	loop_stop();
}

/* Turns the loop for a moment. */
static void turn(void)
{
	timer_init(&tick, on_tick);
	timer_set(&tick, 1);
	loop_run(NULL);
	timer_release(&tick);
}

static void open_with(const char *conf)
{
	struct err e;
	unit_open(conf);
	unit_make_directory();
	cr_assert_eq(control_open(&control, unit_path("sock"), &e), CONTROL_OPEN, "%s", e.text);
	loop_open();
	admin_server_start(&server, &unit_admin, control.fd);
}

static void close_all(void)
{
	admin_server_stop(&server);
	cr_expect_eq(server.visit_count, 0);
	control_close(&control);
	loop_close();
	arena_drop_spares();
	unit_close();
}

TestSuite(admin_server, .fini = close_all);

static int call(void)
{
	int fd = control_connect(control.path);
	cr_assert_neq(fd, -1);
	return fd;
}

/* Says as much as the other side takes. */
static void say(int fd, const char *text)
{
	size_t done = 0, len = strlen(text);
	while (done < len) {
		ssize_t sent = send(fd, text + done, len - done, MSG_NOSIGNAL);
		if (sent == -1 && errno != EAGAIN)
			return;
		done += sent > 0 ? (size_t)sent : 0;
		turn();
	}
}

/* Hears all that comes until the end, `most` bytes at a time; freed by the caller. */
static char *hear(int fd, size_t most)
{
	char *said = calloc(1, ANSWER_MOST);
	size_t len = 0;
	for (;;) {
		ssize_t got = recv(fd, said + len, most, 0);
		if (got > 0)
			len += (size_t)got;
		else if (got == 0 || errno != EAGAIN)
			break;
		else
			turn();
		cr_assert_lt(len + most, ANSWER_MOST);
	}
	close(fd);
	return said;
}

static void expect_answer(int fd, const char *first)
{
	char *said = hear(fd, 4096);
	cr_expect_eq(strncmp(said, first, strlen(first)), 0, "%s", said);
	cr_expect_not_null(strstr(said, "\r\nConnection: close\r\n"));
	free(said);
}

#define STATUS "GET /api/v1/status HTTP/1.1\r\nHost: weir\r\n\r\n"
#define PATCH "PATCH /api/v1/pools/web/nodes/10.0.0.1:80 HTTP/1.1\r\nHost: weir\r\n"

Test(admin_server, answers_whatever_pieces_the_request_comes_in)
{
	static const char request[] = PATCH "Content-Length: 20\r\n\r\n{\"state\":\"disabled\"}";
	open_with(UNIT_CONF);
	for (size_t cut = 1; cut < sizeof request - 1; cut++) {
		char piece[sizeof request] = "";
		int fd = call();
		memcpy(piece, request, cut);
		say(fd, piece);
		cr_expect_eq(server.visit_count, 1, "it waits for the rest");
		say(fd, request + cut);
		expect_answer(fd, "HTTP/1.1 200 ");
	}
	cr_expect_eq(server.visit_count, 0);
}

Test(admin_server, bytes_of_two_callers_are_not_mixed)
{
	open_with(UNIT_CONF);
	int first = call(), second = call();
	say(first, "GET /api/v1/sta");
	say(second, "GET /nowhere HTT");
	say(first, "tus HTTP/1.1\r\nHost: weir\r\n\r\n");
	say(second, "P/1.1\r\nHost: weir\r\n\r\n");
	expect_answer(first, "HTTP/1.1 200 ");
	expect_answer(second, "HTTP/1.1 404 ");
}

Test(admin_server, what_is_too_large_or_malformed_is_refused)
{
	static const struct {
		const char *said, *heard;
	} table[] = {
		{ "hello\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET /api/v1/status HTTP/1.1\r\n\r\n", "HTTP/1.1 400 " },
		{ PATCH "Content-Length: 4097\r\n\r\n", "HTTP/1.1 413 " },
		{ PATCH "Content-Length: 4294967297\r\n\r\n", "HTTP/1.1 413 " },
		{ PATCH "Content-Length: -1\r\n\r\n", "HTTP/1.1 400 " },
		{ PATCH "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 411 " },
	};
	open_with(UNIT_CONF);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int fd = call();
		say(fd, table[i].said);
		expect_answer(fd, table[i].heard);
	}
	char *large = calloc(1, 100001);
	memset(large, 'x', 100000);
	memcpy(large, "GET /", 5);
	int fd = call();
	say(fd, large);
	expect_answer(fd, "HTTP/1.1 414 ");
	free(large);
}

Test(admin_server, the_largest_request_is_served)
{
	open_with(UNIT_CONF);
	char *request = calloc(1, 20000), *body;
	int head = snprintf(request, 20000, PATCH "Content-Length: 4096\r\nX: ");
	memset(request + head, 'x', (size_t)(8192 - head - 4));
	memcpy(request + 8192 - 4, "\r\n\r\n", 4);
	body = request + 8192;
	memset(body, ' ', 4096);
	memcpy(body, "{\"state\":\"disabled\"}", 20);
	int fd = call();
	say(fd, request);
	expect_answer(fd, "HTTP/1.1 200 ");
	free(request);
}

Test(admin_server, callers_who_say_nothing_make_way)
{
	int silent[100];
	open_with(UNIT_CONF);
	for (int i = 0; i < 100; i++) {
		silent[i] = call();
		if (i % 10 == 9)
			turn();
	}
	cr_expect_eq(server.visit_count, 32);
	int fd = call();
	say(fd, STATUS);
	expect_answer(fd, "HTTP/1.1 200 ");
	char byte;
	cr_expect_eq(recv(silent[0], &byte, 1, 0), 0, "the oldest was closed");
	cr_expect_eq(recv(silent[99], &byte, 1, 0), -1, "the latest was not");
	for (int i = 0; i < 100; i++)
		close(silent[i]);
	turn();
	cr_expect_eq(server.visit_count, 0);
}

Test(admin_server, a_caller_who_falls_silent_is_given_up)
{
	open_with(UNIT_CONF);
	int fd = call();
	say(fd, "GET /api/v1/status HTTP/1.1\r\n");
	uint64_t start = clock_read_microseconds();
	char *said = hear(fd, 1);
	cr_expect_str_eq(said, "");
	cr_expect_geq(clock_read_microseconds() - start, 4000000);
	cr_expect_eq(server.visit_count, 0);
	free(said);
}

Test(admin_server, a_large_answer_is_written_as_it_is_read)
{
	size_t len = 0;
	char *conf = calloc(1, 200000);
	len += (size_t)sprintf(conf, "virtual_servers: {a: {listen: '127.0.0.1:1', pool: web}}\n"
				     "pools:\n  web:\n    nodes:\n");
	for (int i = 0; i < 3000; i++)
		len += (size_t)sprintf(conf + len, "      - 10.0.%d.%d:80\n", i / 250, i % 250 + 1);
	open_with(conf);
	free(conf);
	int fd = call();
	say(fd, STATUS);
	turn();
	cr_expect_eq(server.visit_count, 1, "it does not fit into the socket");
	char *said = hear(fd, 60000), *body = strstr(said, "\r\n\r\n");
	json_t *status = json_loads(body, 0, NULL);
	cr_expect_eq(json_array_size(unit_at(status, "pools/web/nodes")), 3000);
	cr_expect_eq(server.visit_count, 0);
	json_decref(status);
	free(said);
}
