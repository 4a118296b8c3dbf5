/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/pool_queue.h"

#include "base/clock.h"
#include "pool_unit.h"

#include <criterion/criterion.h>

#define WAITERS 4

TestSuite(pool_queue, .fini = unit_close);

static struct pool_waiter waiters[WAITERS];
static struct node *taken[WAITERS];
static char order[WAITERS + 1];
static bool stays; /* nobody who has a turn takes anything */
static unsigned turns;

static void on_turn(struct pool_waiter *w)
{
	size_t i = (size_t)(w - waiters);
	struct pool *p = w->pool;
	turns++;
	if (stays || !node_reserve(&p->nodes[0], false))
		return;
	pool_queue_leave(w);
	taken[i] = &p->nodes[0];
	order[strlen(order)] = (char)('0' + i);
}

static void open_limited(uint64_t transactions, uint64_t most)
{
	unit_conf.max_transactions_per_node = transactions;
	unit_conf.max_queue_size = most;
	unit_open(1, CONF_ALGORITHM_ROUND_ROBIN);
	for (size_t i = 0; i < WAITERS; i++)
		waiters[i].on_turn = on_turn;
}

/* All who are left leave, or the pool could not be closed. */
static void leave_all(void)
{
	for (size_t i = 0; i < WAITERS; i++)
		pool_queue_leave(&waiters[i]);
}

static bool has_one_taken(void)
{
	return order[0] != '\0';
}

static bool have_all_taken(void)
{
	return strlen(order) == WAITERS;
}

Test(pool_queue, a_limit_is_for_all_workers)
{
	open_limited(2, 0);
	struct node *mine = &unit_pool->nodes[0], *theirs = &unit_other_pools->nodes[0];
	cr_expect(unit_pool->has_limits && !pool_is_full(unit_pool));
	cr_expect(node_reserve(mine, false) && node_reserve(theirs, false));
	cr_expect(!node_reserve(mine, false) && !node_reserve(theirs, false));
	cr_expect(pool_is_full(unit_pool) && pool_is_full(unit_other_pools));
	cr_expect_eq(node_sessions(mine), 2, "who hears no holds nothing");
	stats_give_back(&unit_share, 1);
	cr_expect(node_reserve(mine, false));
	node_unreserve(mine, false);
	node_unreserve(mine, false);
	cr_expect_eq(node_sessions(mine), 0);
}

Test(pool_queue, connections_have_their_own)
{
	unit_conf.max_connections_per_node = 1;
	open_limited(0, 0);
	struct node *mine = &unit_pool->nodes[0], *theirs = &unit_other_pools->nodes[0];
	cr_expect(node_reserve(mine, true));
	cr_expect(!node_reserve(theirs, true) && !node_has_place(theirs));
	cr_expect(node_reserve(theirs, false), "it has one");
	node_unreserve(mine, true);
	cr_expect(node_reserve(theirs, true));
}

Test(pool_queue, a_full_node_is_told_from_a_failed_one)
{
	static const struct pool_tried none;
	bool is_full;
	unit_conf.max_transactions_per_node = 1;
	unit_conf_nodes[0].priority = 5;
	unit_open(2, CONF_ALGORITHM_LEAST_CONNECTIONS);
	struct node *first = &unit_pool->nodes[0];
	cr_expect_eq(pool_choose(unit_pool, &none, NULL, &is_full), first);
	cr_expect(!is_full && node_reserve(first, false));
	cr_expect_null(pool_choose(unit_pool, &none, NULL, &is_full));
	cr_expect(is_full && pool_is_full(unit_pool), "the lower priority is not for that");
	node_failed(first);
	cr_expect_eq(pool_choose(unit_pool, &none, NULL, &is_full), &unit_pool->nodes[1]);
	cr_expect(!is_full && !pool_is_full(unit_pool));
	node_failed(&unit_pool->nodes[1]);
	cr_expect(!pool_is_full(unit_pool), "nobody is to wait for what has failed");
}

Test(pool_queue, what_is_full_is_better_than_what_is_avoided_or_has_failed)
{
	static const struct pool_tried none;
	bool is_full;
	unit_conf.max_transactions_per_node = 1;
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	struct node *other = &unit_pool->nodes[1];
	struct addr address = other->conf->address;
	const struct pool_avoided avoided = { &address, 1 };
	cr_assert(node_reserve(&unit_pool->nodes[0], false));
	cr_expect_null(pool_choose(unit_pool, &none, &avoided, &is_full));
	cr_expect(is_full);
	node_failed(other);
	cr_expect_null(pool_choose(unit_pool, &none, NULL, &is_full));
	cr_expect(is_full);
	node_unreserve(&unit_pool->nodes[0], false);
	cr_expect_eq(pool_choose(unit_pool, &none, NULL, &is_full), &unit_pool->nodes[0]);
}

Test(pool_queue, who_came_first_goes_first)
{
	open_limited(1, 0);
	struct node *n = &unit_pool->nodes[0];
	cr_assert(node_reserve(n, false));
	for (size_t i = 0; i < WAITERS; i++)
		cr_expect(pool_queue_enter(unit_pool, &waiters[i]));
	cr_expect_eq(pool_queue_length(unit_other_pools), WAITERS);
	cr_expect(pool_queue_is_ahead(unit_pool));
	unit_turn();
	unit_turn();
	cr_expect_eq(turns, 0, "nobody is asked while there is no room");
	for (size_t i = 0; i < WAITERS; i++) {
		node_unreserve(n, false);
		pool_queue_wake(unit_pool);
		unit_turn();
		unit_turn();
		cr_expect_eq(strlen(order), i + 1);
	}
	cr_expect_str_eq(order, "0123");
	cr_expect_eq(pool_queue_length(unit_pool), 0);
}

Test(pool_queue, room_that_another_worker_makes_is_seen)
{
	open_limited(1, 0);
	cr_assert(node_reserve(&unit_other_pools->nodes[0], false));
	cr_expect(pool_queue_enter(unit_pool, &waiters[0]));
	node_unreserve(&unit_other_pools->nodes[0], false);
	unit_turn_until(has_one_taken);
	cr_expect_str_eq(order, "0");
}

Test(pool_queue, it_has_an_end)
{
	open_limited(1, 2);
	cr_assert(node_reserve(&unit_pool->nodes[0], false));
	cr_expect(pool_queue_enter(unit_pool, &waiters[0]));
	cr_expect(pool_queue_enter(unit_other_pools, &waiters[1]));
	cr_expect(!pool_queue_enter(unit_pool, &waiters[2]));
	cr_expect(!pool_queue_enter(unit_other_pools, &waiters[2]));
	pool_queue_leave(&waiters[1]);
	cr_expect(pool_queue_enter(unit_pool, &waiters[2]));
	pool_queue_leave(&waiters[3]); /* who does not wait */
	cr_expect_eq(pool_queue_length(unit_pool), 2);
	leave_all();
}

Test(pool_queue, who_wants_nothing_that_is_free_does_not_keep_the_others)
{
	open_limited(4, 0);
	stays = true;
	for (size_t i = 0; i < WAITERS; i++)
		cr_expect(pool_queue_enter(unit_pool, &waiters[i]));
	pool_queue_wake(unit_pool);
	unit_turn();
	unit_turn();
	cr_expect_eq(pool_queue_length(unit_pool), WAITERS);
	stays = false;
	unit_turn_until(have_all_taken);
}

Test(pool_queue, the_end_of_a_transaction_makes_room_at_once)
{
	open_limited(1, 0);
	struct node *n = &unit_pool->nodes[0];
	node_begin(n);
	cr_expect(pool_queue_enter(unit_pool, &waiters[0]));
	cr_expect(!unit_pool->queue.task.is_queued);
	node_end(n, 0, 0);
	cr_expect(unit_pool->queue.task.is_queued, "and not when somebody looks next");
	leave_all();
}

Test(pool_queue, a_place_that_another_worker_wants_is_not_kept_idle)
{
	unit_conf.max_connections_per_node = 1;
	open_limited(0, 0);
	struct node *n = &unit_pool->nodes[0];
	struct stats_pool *theirs = stats_pool_row(&unit_share, 1, 0);
	cr_assert(node_reserve(n, true));
	cr_expect(!pool_queue_wants_place(unit_pool, n), "nobody waits");
	theirs->waiting_since = clock_milliseconds() - 1000;
	cr_expect(pool_queue_wants_place(unit_pool, n));
	cr_expect(pool_queue_enter(unit_pool, &waiters[0]));
	cr_expect(!pool_queue_wants_place(unit_pool, n), "somebody here takes it");
	leave_all();
	node_unreserve(n, true);
	cr_expect(!pool_queue_wants_place(unit_pool, n), "there is a place");
}

static bool has_had_turn;

static void on_turn_of_picky(struct pool_waiter *w)
{
	(void)w;
}

static void on_turn_of_last(struct pool_waiter *w)
{
	pool_queue_leave(w);
	has_had_turn = true;
}

static bool has_last_had_turn(void)
{
	return has_had_turn;
}

Test(pool_queue, however_many_want_what_is_full)
{
	static struct pool_waiter many[200];
	open_limited(4, 0);
	for (size_t i = 0; i < 200; i++) {
		many[i].on_turn = i == 150 ? on_turn_of_last : on_turn_of_picky;
		cr_expect(pool_queue_enter(unit_pool, &many[i]));
	}
	unit_turn_until(has_last_had_turn);
	/* also when who would be next goes */
	for (size_t i = 0; i < 199; i++)
		pool_queue_leave(&many[i]);
	many[199].on_turn = on_turn_of_last;
	has_had_turn = false;
	unit_turn_until(has_last_had_turn);
	cr_expect_eq(pool_queue_length(unit_pool), 0);
}

Test(pool_queue, who_has_waited_long_elsewhere_goes_before_a_newcomer)
{
	open_limited(1, 0);
	cr_expect(!pool_queue_is_ahead(unit_pool));
	struct stats_pool *theirs = stats_pool_row(&unit_share, 1, 0);
	theirs->waiting_since = clock_milliseconds() - 1000;
	cr_expect(pool_queue_is_ahead(unit_pool));
	/* not for ever: that worker may hang */
	cr_expect(pool_queue_enter(unit_pool, &waiters[0]));
	unit_turn_until(has_one_taken);
	stats_give_back(&unit_share, 1);
	cr_expect_eq(theirs->waiting_since, 0);
	cr_expect(!pool_queue_is_ahead(unit_pool));
}
