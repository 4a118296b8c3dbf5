/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/turns.h"

#include "pool_unit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(turns, .fini = unit_close);

static bool is_full;

static struct node *choose(void)
{
	static const struct pool_tried none;
	return pool_choose(unit_pool, &none, NULL, &is_full);
}

/* Names of the nodes that so many transactions in a row would get. */
static const char *sequence(unsigned count)
{
	static char names[256];
	for (unsigned i = 0; i < count; i++)
		names[i] = unit_name(choose());
	names[count] = '\0';
	return names;
}

static void set_weights(unsigned a, unsigned b, unsigned c)
{
	unit_conf_nodes[0].weight = a;
	unit_conf_nodes[1].weight = b;
	unit_conf_nodes[2].weight = c;
}

Test(turns, round_robin_takes_turns)
{
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect_str_eq(sequence(9), "abcabcabc");
}

Test(turns, weights_are_spread_out)
{
	set_weights(3, 1, 1);
	unit_open(2, CONF_ALGORITHM_WEIGHTED_ROUND_ROBIN);
	cr_expect_str_eq(sequence(8), "aabaaaba");
	cr_expect_str_eq(sequence(4), "aaba");
}

Test(turns, shares_are_exact)
{
	unsigned counts[3] = { 0 };
	set_weights(100, 37, 1);
	unit_open(3, CONF_ALGORITHM_WEIGHTED_ROUND_ROBIN);
	for (unsigned i = 0; i < 10 * 138; i++)
		counts[choose() - unit_pool->nodes]++;
	cr_expect_eq(counts[0], 1000);
	cr_expect_eq(counts[1], 370);
	cr_expect_eq(counts[2], 10);
}

static struct share_node *state(char name)
{
	return unit_pool->nodes[name - 'a'].state;
}

static unsigned count_of(char name, unsigned turns)
{
	unsigned count = 0;
	for (unsigned i = 0; i < turns; i++)
		count += unit_name(choose()) == name;
	return count;
}

Test(turns, one_that_was_away_gets_no_more_than_its_turn)
{
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	share_node_set_state(state('c'), SHARE_NODE_DISABLED);
	cr_expect_eq(count_of('c', 1000), 0);
	share_node_set_state(state('c'), SHARE_NODE_ACTIVE);
	unsigned third = count_of('c', 30);
	cr_expect(third >= 9 && third <= 11, "%u", third);
}

/* The heavy one is due again and again before the light one is: all are looked at then. */
Test(turns, a_light_one_is_found_behind_a_heavy_one_that_is_away)
{
	set_weights(100, 1, 1);
	unit_open(3, CONF_ALGORITHM_ROUND_ROBIN);
	share_node_set_state(state('a'), SHARE_NODE_DISABLED);
	cr_expect_str_eq(sequence(4), "bcbc");
	share_node_set_state(state('a'), SHARE_NODE_ACTIVE);
	unsigned first = count_of('a', 102);
	cr_expect(first >= 99 && first <= 101, "%u", first);
}

Test(turns, go_on_however_many_there_were)
{
	unit_open(2, CONF_ALGORITHM_ROUND_ROBIN);
	/* just before the moments wrap around */
	for (unsigned i = 0; i < 2; i++)
		unit_pool->turns.list[i].due += UINT64_MAX - ((uint64_t)1 << 40) * 2;
	cr_expect_str_eq(sequence(12), "abababababab");
}

static bool count_looks(const struct node *n, const void *looks)
{
	(void)n;
	++*(unsigned *)(uintptr_t)looks;
	return true;
}

Test(turns, look_at_no_more_than_they_need)
{
	unsigned looks = 0;
	unit_open(UNIT_NODES, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect_eq(unit_name(turns_take(&unit_pool->turns, false, count_looks, &looks)), 'a');
	turns_take(&unit_pool->turns, true, count_looks, &looks);
	cr_expect_eq(looks, 2);
}

Test(turns, random_is_fair_and_ignores_weights)
{
	unsigned counts[3] = { 0 };
	set_weights(100, 1, 1);
	unit_open(3, CONF_ALGORITHM_RANDOM);
	srandom(1);
	for (unsigned i = 0; i < 30000; i++)
		counts[choose() - unit_pool->nodes]++;
	/* five standard deviations of 82 */
	for (unsigned i = 0; i < 3; i++)
		cr_expect(counts[i] > 9590 && counts[i] < 10410, "%u", counts[i]);
}

Test(turns, random_skips_those_that_are_away)
{
	unit_open(4, CONF_ALGORITHM_RANDOM);
	share_node_set_state(state('b'), SHARE_NODE_DISABLED);
	share_node_set_state(state('c'), SHARE_NODE_DRAINING);
	srandom(1);
	unsigned first = 0;
	for (unsigned i = 0; i < 10000; i++) {
		char name = unit_name(choose());
		cr_assert(name == 'a' || name == 'd');
		first += name == 'a';
	}
	cr_expect(first > 4750 && first < 5250, "%u", first);
}

Test(turns, nobody_where_all_are_away)
{
	unit_open(2, CONF_ALGORITHM_RANDOM);
	share_node_set_state(state('a'), SHARE_NODE_DISABLED);
	share_node_set_state(state('b'), SHARE_NODE_DISABLED);
	cr_expect_null(choose());
}
