/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/balance.h"

#include "pool_unit.h"

#include <criterion/criterion.h>

TestSuite(balance, .fini = unit_close);

static struct node *choose_from(unsigned first, unsigned end)
{
	struct balance b;
	balance_init(&b, unit_conf.algorithm == CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS);
	for (unsigned i = first; i < end; i++)
		balance_offer(&b, &unit_pool->nodes[i]);
	return balance_end(&b);
}

static struct node *choose(void)
{
	return choose_from(0, (unsigned)unit_conf.node_count);
}

/* Names of the nodes that so many transactions in a row would get, none of them lasting. */
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

Test(balance, nobody_offered_nobody_chosen)
{
	unit_open(1, CONF_ALGORITHM_LEAST_CONNECTIONS);
	cr_expect_null(choose_from(0, 0));
}

Test(balance, least_connections_fills_the_emptiest)
{
	set_weights(100, 1, 1);
	unit_open(3, CONF_ALGORITHM_LEAST_CONNECTIONS);
	for (unsigned i = 0; i < 2; i++)
		node_begin(&unit_pool->nodes[0]);
	node_begin(&unit_pool->nodes[2]);
	cr_expect_eq(unit_name(choose()), 'b');
	node_begin(&unit_pool->nodes[1]);
	node_begin(&unit_pool->nodes[1]);
	cr_expect_eq(unit_name(choose()), 'c');
	node_end(&unit_pool->nodes[0], 0, 0);
	node_end(&unit_pool->nodes[0], 0, 0);
	cr_expect_eq(unit_name(choose()), 'a');
}

Test(balance, least_connections_counts_those_of_all_workers)
{
	unit_open(2, CONF_ALGORITHM_LEAST_CONNECTIONS);
	for (unsigned i = 0; i < 3; i++)
		node_begin(&unit_other_pools->nodes[0]);
	node_begin(&unit_pool->nodes[1]);
	cr_expect_str_eq(sequence(3), "bbb");
}

Test(balance, equals_take_turns)
{
	unit_open(3, CONF_ALGORITHM_LEAST_CONNECTIONS);
	cr_expect_str_eq(sequence(6), "abcabc");
}

Test(balance, one_that_was_busy_has_not_saved_up)
{
	unit_open(2, CONF_ALGORITHM_LEAST_CONNECTIONS);
	node_begin(&unit_pool->nodes[0]);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert_eq(unit_name(choose()), 'b');
	node_end(&unit_pool->nodes[0], 0, 0);
	cr_expect_str_eq(sequence(6), "ababab");
}

Test(balance, weighted_least_connections_holds_the_ratio)
{
	set_weights(3, 1, 1);
	unit_open(2, CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS);
	for (unsigned i = 0; i < 400; i++)
		node_begin(choose());
	cr_expect_eq(node_sessions(&unit_pool->nodes[0]), 300);
	cr_expect_eq(node_sessions(&unit_pool->nodes[1]), 100);
}
