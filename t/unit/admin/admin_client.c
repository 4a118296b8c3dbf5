/* A weir of the test's own behind the socket: it says once what a test wants said. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_client.h"

#include "admin/control.h"
#include "admin_unit.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct control control;
static struct admin_reply reply;
static struct err why;

TestSuite(admin_client, .init = unit_make_directory, .fini = unit_close);

/* Reads a request up to `last`, answers and ends. */
static void serve(const char *last, const char *answer)
{
	struct err e;
	cr_assert_eq(control_open(&control, unit_path("sock"), &e), CONTROL_OPEN, "%s", e.text);
	if (fork() != 0)
		return;
	alarm(60);
	char said[65536] = "";
	size_t len = 0;
	struct pollfd p = { .fd = control.fd, .events = POLLIN };
	poll(&p, 1, -1);
	int fd = accept(control.fd, NULL, NULL);
	while (strstr(said, last) == NULL) {
		ssize_t got = recv(fd, said + len, sizeof said - 1 - len, 0);
		if (got <= 0)
			_exit(1);
		len += (size_t)got;
	}
	if (answer != NULL)
		send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	_exit(0);
}

static bool ask(const char *body)
{
	return admin_ask(&reply, unit_path("sock"), "PATCH", "/x", slice_of_string(body), &why);
}

Test(admin_client, gives_the_answer_and_who_gave_it)
{
	serve("Content-Length: 4\r\n\r\nbody",
	      "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
	cr_assert(ask("body"), "%s", why.text);
	cr_expect_eq(reply.status, 404);
	cr_expect(slice_is_equal(reply.body, SLICE("hello")));
	cr_expect_eq(reply.pid, getpid(), "the one that called listen");
	admin_reply_release(&reply);
	control_close(&control);
}

Test(admin_client, an_answer_in_part_is_none)
{
	static const char *const answers[] = {
		NULL,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
		"HTTP/1.1 200 OK\r\n\r\nhello",
		"SSH-2.0-x\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		serve("\r\n\r\n", answers[i]);
		cr_expect_not(ask(""), "%s", answers[i]);
		cr_expect_not_null(strstr(why.text, unit_path("sock")), "%s", why.text);
		control_close(&control);
		wait(NULL);
	}
}

Test(admin_client, says_where_no_weir_is_and_how_to_name_another)
{
	cr_expect_not(ask(""));
	cr_expect_not_null(strstr(why.text, unit_path("sock")), "%s", why.text);
	cr_expect_not_null(strstr(why.text, "--control PATH"), "%s", why.text);
	cr_assert_eq(control_open(&control, unit_path("sock"), &why), CONTROL_OPEN);
	control_let_go(&control);
	cr_expect_not(ask(""));
	cr_expect_not_null(strstr(why.text, "no weir runs"), "%s", why.text);
}
