/* SPDX-License-Identifier: Apache-2.0 */
#include "net_unit.h"

#include "net/loop.h"
#include "net/timer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MILLISECONDS 8000

void unit_set_limit(void)
{
	alarm(30);
}

struct addr unit_address(const char *text)
{
	struct addr a;
	if (!addr_parse(slice_of_string(text), &a))
		cr_assert(addr_parse_ip(slice_of_string(text), &a), "%s", text);
	return a;
}

int unit_listen(const struct addr *at, int backlog, struct addr *bound)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(at, &name);
	int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cr_assert_neq(fd, -1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, len), 0);
	cr_assert_eq(listen(fd, backlog), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	*bound = addr_from_sockaddr(&name);
	return fd;
}

int unit_dial(const struct addr *to)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(to, &name);
	int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_neq(fd, -1);
	cr_assert_eq(connect(fd, (struct sockaddr *)&name, len), 0);
	return fd;
}

void unit_pair(int *ours, int *theirs)
{
	struct addr any = unit_address("127.0.0.1"), bound;
	int listen_fd = unit_listen(&any, 1, &bound);
	*theirs = unit_dial(&bound);
	*ours = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	cr_assert_neq(*ours, -1);
	close(listen_fd);
}

void unit_reset(int fd)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
	close(fd);
}

static bool (*is_done_now)(void);
static unsigned turns;
static bool is_over;

static struct loop_task look;

/* At the end of a turn: what we wait for may be the last thing that happens for a long time. */
static void on_look(struct loop_task *task)
{
	(void)task;
	if (is_done_now != NULL && is_done_now())
		loop_stop();
}

static void on_turn(void)
{
	turns++;
	if (is_done_now != NULL && is_done_now())
		loop_stop();
	loop_later(&look);
}

static void on_over(struct timer *timer)
{
	(void)timer;
	is_over = true;
	loop_stop();
}

static void turn_for(uint64_t milliseconds)
{
	static struct timer limit;
	timer_init(&limit, on_over);
	timer_set(&limit, milliseconds);
	is_over = false;
	turns = 0;
	look.run = on_look;
	loop_later(&look);
	loop_run(on_turn);
	loop_forget(&look);
	timer_release(&limit);
}

void unit_turn_until(bool (*is_done)(void))
{
	is_done_now = is_done;
	if (!is_done())
		turn_for(PATIENCE_MILLISECONDS);
	is_done_now = NULL;
	cr_assert(!is_over, "waited in vain");
}

unsigned unit_turns(uint64_t milliseconds)
{
	turn_for(milliseconds);
	return turns;
}
