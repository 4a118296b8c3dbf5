/* SPDX-License-Identifier: Apache-2.0 */
#include "pool_unit.h"

#include "net/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static char texts[UNIT_NODES][16];
struct conf_node unit_conf_nodes[UNIT_NODES];
static char pool_name[] = "web";
struct conf_pool unit_conf = {
	.name = pool_name,
	.nodes = unit_conf_nodes,
	.keepalive = true,
	.max_idle_connections_pernode = 50,
	.idle_milliseconds = 60000,
	.passive_monitoring = true,
	.node_connection_attempts = 1,
	.retry_fail_milliseconds = 60000,
};
static struct conf conf = { .pools = &unit_conf, .pool_count = 1 };
struct share unit_share;
struct pool *unit_pool, *unit_other_pools;

void unit_open(unsigned node_count, enum conf_algorithm algorithm)
{
	struct share_counts counts = { .workers = UNIT_WORKERS,
				       .pools = 1,
				       .pool_nodes = &node_count };
	struct err e;
	alarm(30); /* a test that hangs ends; the time-outs of Criterion leak */
	cr_assert(segment_open(&unit_share, &counts, &e), "%s", e.text);
	unit_conf.node_count = node_count;
	unit_conf.algorithm = algorithm;
	for (unsigned i = 0; i < node_count; i++) {
		struct conf_node *n = &unit_conf_nodes[i];
		n->address = (struct addr){ .ip = { 127, 0, 0, 1 },
					    .port = (uint16_t)(81 + i),
					    .family = ADDR_IPV4 };
		n->text = texts[i];
		snprintf(texts[i], sizeof texts[i], "127.0.0.1:%u", 81 + i);
		n->weight = n->weight == 0 ? 1 : n->weight;
		n->priority = n->priority == 0 ? 1 : n->priority;
	}
	loop_open();
	unit_pool = pools_open(&conf, &unit_share, 0);
	unit_other_pools = pools_open(&conf, &unit_share, 1);
}

void unit_close(void)
{
	pools_free(unit_pool, &conf);
	pools_free(unit_other_pools, &conf);
	loop_close();
	segment_close(&unit_share);
}

char unit_name(const struct node *n)
{
	return n == NULL ? '-' : (char)('a' + (n - unit_pool->nodes));
}

int unit_listen(struct addr *at)
{
	struct sockaddr_storage name;
	struct addr any = { .ip = { 127, 0, 0, 1 }, .family = ADDR_IPV4 };
	socklen_t len = addr_to_sockaddr(&any, &name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, len), 0);
	cr_assert_eq(listen(fd, 16), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	*at = addr_from_sockaddr(&name);
	return fd;
}

static void ignore(struct stream *s)
{
	(void)s;
}

struct node_connection *unit_connect(struct node *n, int listen_fd, const struct addr *at,
				     const struct addr *source, int *theirs)
{
	static const struct addr none;
	enum dial_result result;
	int error;
	struct node_connection *c = node_connect(n, at, &none, ignore, &result, &error);
	cr_assert_not_null(c, "%s: %s", dial_words(result), strerror(error));
	*theirs = accept(listen_fd, NULL, NULL);
	cr_assert_neq(*theirs, -1);
	cr_assert_eq(stream_write_slice(&c->stream, SLICE("x")), IO_OK);
	char byte;
	cr_assert_eq(recv(*theirs, &byte, 1, 0), 1);
	if (source != NULL)
		c->source = *source; /* as if it had been opened from there */
	return c;
}

static bool (*is_done_now)(void);
static struct loop_task look;
static bool is_over;

static void on_look(struct loop_task *task)
{
	(void)task;
	if (is_done_now())
		loop_stop();
}

static void on_turn(void)
{
	/* at both ends of a turn */
	if (is_done_now())
		loop_stop();
	loop_later(&look);
}

static void on_over(struct timer *timer)
{
	(void)timer;
	is_over = true;
	loop_stop();
}

void unit_turn_until(bool (*is_done)(void))
{
	struct timer limit;
	timer_init(&limit, on_over);
	timer_set(&limit, 8000);
	is_done_now = is_done;
	look.run = on_look;
	loop_later(&look);
	loop_run(on_turn);
	loop_forget(&look);
	timer_release(&limit);
	cr_assert(!is_over, "waited in vain");
}

static uint64_t turn_before;

static bool is_next_turn(void)
{
	return loop_turn() != turn_before;
}

/* Work that is left over keeps the loop from waiting for something to happen. */
static void leave_work(struct loop_task *task)
{
	loop_later(task);
}

void unit_turn(void)
{
	struct loop_task busy = { .run = leave_work };
	turn_before = loop_turn();
	loop_later(&busy);
	unit_turn_until(is_next_turn);
	loop_forget(&busy);
}

uint64_t unit_sessions(const struct node *n)
{
	struct stats_node sum;
	stats_sum_node(&unit_share, n->row, &sum);
	return sum.sessions_current;
}
