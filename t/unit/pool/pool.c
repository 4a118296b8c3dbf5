/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/pool.h"

#include "base/clock.h"
#include "pool_unit.h"

#include <criterion/criterion.h>

TestSuite(pool, .fini = unit_close);

static bool is_full;

static struct arena arena;
static struct pool_tried tried;

/* The names that pool_choose gives when each of them is tried in vain. */
static const char *sequence_of_tries(void)
{
	static char names[UNIT_NODES + 1];
	struct node *n;
	size_t count = 0;
	arena_init(&arena);
	tried = (struct pool_tried){ 0 };
	while ((n = pool_choose(unit_pool, &tried, NULL, &is_full)) != NULL) {
		cr_assert_lt(count, UNIT_NODES);
		names[count++] = unit_name(n);
		pool_add_tried(&tried, &arena, n);
	}
	names[count] = '\0';
	arena_release(&arena);
	arena_drop_spares();
	return names;
}

static char choose(void)
{
	static const struct pool_tried none;
	return unit_name(pool_choose(unit_pool, &none, NULL, &is_full));
}

static const char *sequence(unsigned count)
{
	static char names[64];
	for (unsigned i = 0; i < count; i++)
		names[i] = choose();
	names[count] = '\0';
	return names;
}

static struct node *node(char name)
{
	return &unit_pool->nodes[name - 'a'];
}

static void set_priorities(unsigned a, unsigned b, unsigned c)
{
	unit_conf_nodes[0].priority = a;
	unit_conf_nodes[1].priority = b;
	unit_conf_nodes[2].priority = c;
}

Test(pool, no_nodes_no_choice)
{
	unit_open(0, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect_eq(choose(), '-');
}

Test(pool, each_node_is_tried_once)
{
	unit_open(4, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect_str_eq(sequence_of_tries(), "abcd");
}

Test(pool, only_the_highest_priority_that_has_a_usable_node)
{
	set_priorities(1, 7, 7);
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect_str_eq(sequence(4), "bcbc");
	node_failed(node('b'));
	cr_expect_str_eq(sequence(2), "cc");
	node_failed(node('c'));
	cr_expect_str_eq(sequence(2), "aa");
	node_succeeded(node('b'));
	cr_expect_str_eq(sequence(2), "bb");
}

Test(pool, tries_go_down_the_priorities)
{
	set_priorities(5, 9, 7);
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect_str_eq(sequence_of_tries(), "bca");
}

Test(pool, failed_nodes_are_left_alone)
{
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	node_failed(node('b'));
	cr_expect_str_eq(sequence(4), "acac");
}

Test(pool, failed_nodes_are_the_last_resort)
{
	set_priorities(1, 9, 1);
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	node_failed(node('b'));
	cr_expect_str_eq(sequence_of_tries(), "acb");
	node_failed(node('a'));
	node_failed(node('c'));
	cr_expect_eq(choose(), 'b', "of all that failed, the highest priority");
}

Test(pool, failures_below_the_bound_change_nothing)
{
	unit_conf.node_connection_attempts = 3;
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	node_failed(node('a'));
	node_failed(node('a'));
	cr_expect_str_eq(sequence(4), "abab");
	node_failed(node('a'));
	cr_expect_str_eq(sequence(2), "bb");
}

Test(pool, without_passive_monitoring_nodes_do_not_fail)
{
	unit_conf.passive_monitoring = false;
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	node_failed(node('a'));
	cr_expect_str_eq(sequence(4), "abab");
}

Test(pool, one_attempt_after_the_retry_time)
{
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	node_failed(node('a'));
	node('a')->state->failed_until_ms = clock_milliseconds(); /* that time is over */
	/* both workers: one of them gets it, once */
	static const struct pool_tried none;
	unsigned attempts = 0;
	for (unsigned i = 0; i < 10; i++) {
		attempts += choose() == 'a';
		attempts += pool_choose(unit_other_pools, &none, NULL, &is_full) ==
			    &unit_other_pools->nodes[0];
	}
	cr_expect_eq(attempts, 1);
	node_succeeded(node('a'));
	const char *names = sequence(2);
	cr_expect_neq(names[0], names[1]);
}

Test(pool, draining_and_disabled_nodes_get_nothing_new)
{
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	share_node_set_state(node('a')->state, SHARE_NODE_DRAINING);
	share_node_set_state(node('c')->state, SHARE_NODE_DISABLED);
	cr_expect_str_eq(sequence_of_tries(), "b");
	node_failed(node('b'));
	cr_expect_str_eq(sequence_of_tries(), "b");
}

Test(pool, finds_the_node_of_an_address)
{
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	struct addr other_port = addr_with_port(&unit_conf_nodes[1].address, 9999);
	cr_expect_eq(pool_find_node(unit_pool, &unit_conf_nodes[1].address), node('b'));
	cr_expect_null(pool_find_node(unit_pool, &other_port));
}

Test(pool, avoided_nodes_are_for_when_no_other_works)
{
	static const struct pool_tried none;
	set_priorities(1, 9, 9);
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	struct addr list[] = { node('b')->conf->address, node('c')->conf->address };
	struct pool_avoided avoided = { list, 1 };
	cr_expect_eq(unit_name(pool_choose(unit_pool, &none, &avoided, &is_full)), 'c');
	cr_expect_eq(unit_name(pool_choose(unit_pool, &none, &avoided, &is_full)), 'c');
	avoided.count = 2;
	cr_expect_eq(unit_name(pool_choose(unit_pool, &none, &avoided, &is_full)), 'a',
		     "of less priority");
	node_failed(node('a'));
	cr_expect_neq(unit_name(pool_choose(unit_pool, &none, &avoided, &is_full)), 'a',
		      "better than a failed one");
}

/* ---- for sessions --------------------------------------------------------------------------------- */

static const struct pool_tried none_tried;

static struct addr address_of(uint8_t last, uint16_t port)
{
	return (struct addr){ .ip = { 127, 0, 0, last }, .port = port, .family = ADDR_IPV4 };
}

Test(pool, a_host_is_found_by_any_port)
{
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	struct addr of_b = address_of(1, 82), elsewhere = address_of(1, 9),
		    alone = address_of(1, 0);
	struct addr last = address_of(1, 65535);
	struct addr before = address_of(0, 82), behind = address_of(2, 82);
	struct addr v6 = { .ip = { 127, 0, 0, 1 }, .port = 9, .family = ADDR_IPV6 };
	cr_expect_eq(unit_name(pool_find_host(unit_pool, &of_b)), 'b');
	cr_expect_eq(unit_name(pool_find_host(unit_pool, &elsewhere)), 'a');
	cr_expect_eq(unit_name(pool_find_host(unit_pool, &alone)), 'a');
	cr_expect_eq(unit_name(pool_find_host(unit_pool, &last)), 'a');
	cr_expect_null(pool_find_host(unit_pool, &before));
	cr_expect_null(pool_find_host(unit_pool, &behind));
	cr_expect_null(pool_find_host(unit_pool, &v6));
}

Test(pool, a_pool_without_nodes_has_no_host)
{
	unit_open(0, CONF_ALGORITHM_ROUND_ROBIN);
	struct addr any = address_of(1, 81);
	cr_expect_null(pool_find_host(unit_pool, &any));
}

Test(pool, a_draining_node_holds_what_it_has)
{
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect_eq(pool_may_hold(node('a'), &none_tried), POOL_HOLD_GOOD);
	share_node_set_state(node('a')->state, SHARE_NODE_DRAINING);
	cr_expect_eq(pool_may_hold(node('a'), &none_tried), POOL_HOLD_GOOD);
	share_node_set_state(node('a')->state, SHARE_NODE_DISABLED);
	cr_expect_eq(pool_may_hold(node('a'), &none_tried), POOL_HOLD_DISABLED);
}

Test(pool, a_failed_node_holds_nothing_but_one_attempt)
{
	unit_conf.retry_fail_milliseconds = 0;
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	struct share_failing failing = { .attempts = 1, .retry_ms = 60000 };
	arena_init(&arena);
	share_node_failed(node('a')->state, clock_milliseconds(), &failing);
	cr_expect_eq(pool_may_hold(node('a'), &none_tried), POOL_HOLD_FAILED);
	cr_expect_eq(pool_may_hold(node('b'), &none_tried), POOL_HOLD_GOOD);
	node('a')->state->failed_until_ms = clock_milliseconds();
	cr_expect_eq(pool_may_hold(node('a'), &none_tried), POOL_HOLD_GOOD);
	cr_expect_eq(pool_may_hold(node('a'), &none_tried), POOL_HOLD_FAILED,
		     "the attempt is taken");
	tried = (struct pool_tried){ 0 };
	pool_add_tried(&tried, &arena, node('b'));
	cr_expect_eq(pool_may_hold(node('b'), &tried), POOL_HOLD_TRIED);
	arena_release(&arena);
	arena_drop_spares();
}
