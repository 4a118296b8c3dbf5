/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch_connection.h"

#include "net/loop.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY "http://127.0.0.1:80"

static int listener, other;

static void on_ready(struct stream *s)
{
	(void)s;
}

/* A connection that has served once and is idle; its other end is `other`. */
static void open_idle(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_storage where = { 0 };
	socklen_t size = sizeof where;
	const char *why;
	loop_open();
	listener = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&where, &size), 0);
	const struct addr to = addr_from_sockaddr(&where);
	struct fetch_connection *c = fetch_connection_open(&to, KEY, on_ready, NULL, &why);
	cr_assert_not_null(c);
	other = accept(listener, NULL, NULL);
	cr_assert_neq(other, -1);
	fetch_connection_give_back(c, 10000);
	cr_assert_eq(fetch_connection_count_idle(), 1);
}

static void close_all(void)
{
	fetch_connection_close_idle();
	close(other);
	close(listener);
	loop_close();
}

Test(fetch_connection, one_that_is_quiet_is_used_again, .init = open_idle, .fini = close_all)
{
	struct fetch_connection *c = fetch_connection_take(KEY, on_ready, NULL);
	cr_expect_not_null(c);
	cr_expect_eq(fetch_connection_count_idle(), 0);
	fetch_connection_close(c);
}

Test(fetch_connection, what_comes_unasked_is_no_answer, .init = open_idle, .fini = close_all)
{
	cr_assert_eq(write(other, "HTTP/1.1 200 OK\r\n", 17), 17);
	cr_expect_null(fetch_connection_take(KEY, on_ready, NULL));
	cr_expect_eq(fetch_connection_count_idle(), 0);
}

Test(fetch_connection, one_that_has_ended_is_none, .init = open_idle, .fini = close_all)
{
	cr_assert_eq(shutdown(other, SHUT_WR), 0);
	cr_expect_null(fetch_connection_take(KEY, on_ready, NULL));
	cr_expect_eq(fetch_connection_count_idle(), 0);
}

Test(fetch_connection, one_to_elsewhere_stays, .init = open_idle, .fini = close_all)
{
	cr_expect_null(fetch_connection_take(KEY "!", on_ready, NULL));
	cr_expect_eq(fetch_connection_count_idle(), 1);
}
