/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "txn/txn_orders.h"

#include <criterion/criterion.h>

TestSuite(api_persist, .init = api_unit_open, .fini = api_unit_close);

Test(api_persist, the_class_is_the_pools_unless_a_rule_says_so)
{
	api_unit_passes("assert(connection.getPersistence() == nil)\n"
			"pool.select('other')\n"
			"assert(connection.getPersistence() == 'sticky')\n"
			"assert(connection.setPersistence('named') == true)\n"
			"assert(connection.getPersistence() == 'named')\n"
			"pool.select('web')\n"
			"assert(connection.getPersistence() == 'named')\n"
			"assert(connection.setPersistence() == true)\n"
			"assert(connection.getPersistence() == nil)\n"
			"pool.select('discard')\n"
			"assert(connection.getPersistence() == nil)\n");
	api_unit_passes_in(RULE_RESPONSE, "assert(connection.setPersistence('named') == true)");
	api_unit_passes_in(RULE_COMPLETION, "assert(connection.getPersistence() == nil)");
}

Test(api_persist, an_unknown_class_is_a_failure_by_value)
{
	api_unit_keep_log();
	api_unit_passes("local name = 'nobody'\n"
			"connection.setPersistence('named')\n"
			"assert(connection.setPersistence(name) == false)\n"
			"assert(connection.getPersistence() == 'named')\n");
	cr_expect_not_null(strstr(api_unit_log(), "there is no persistence class 'nobody'"));
}

Test(api_persist, a_key_is_kept_as_its_hash)
{
	api_unit_passes("connection.setPersistenceKey('one')");
	uint64_t one = api_unit_txn->orders->persistence_key;
	api_unit_passes("connection.setPersistenceKey('two')");
	uint64_t two = api_unit_txn->orders->persistence_key;
	api_unit_passes("connection.setPersistenceKey('one')");
	cr_expect_neq(one, 0);
	cr_expect_neq(one, two);
	cr_expect_eq(one, api_unit_txn->orders->persistence_key);
	api_unit_passes("assert(select('#', connection.setPersistenceKey('')) == 0)");
	cr_expect_eq(api_unit_txn->orders->persistence_key, 0);
	api_unit_passes_in(RULE_RESPONSE, "connection.setPersistenceKey(12)");
}

Test(api_persist, a_node_with_and_without_port)
{
	const struct addr *node;
	api_unit_passes("connection.setPersistenceNode('10.0.0.1:80')");
	node = &api_unit_txn->orders->persistence_node;
	cr_expect_eq(node->port, 80);
	api_unit_passes("connection.setPersistenceNode('fd00::1')");
	cr_expect_eq(node->family, ADDR_IPV6);
	cr_expect_eq(node->port, 0);
	api_unit_passes("connection.setPersistenceNode('[fd00::1]:8080')");
	cr_expect_eq(node->port, 8080);
	api_unit_passes("assert(select('#', connection.setPersistenceNode('')) == 0)");
	cr_expect_eq(node->family, ADDR_NONE);
}

Test(api_persist, wrong_arguments)
{
	api_unit_fails("connection.setPersistence(true)",
		       "connection.setPersistence: argument 1 (class): expected");
	api_unit_fails("connection.setPersistenceKey()",
		       "connection.setPersistenceKey: argument 1 (key): expected");
	api_unit_fails("connection.setPersistenceKey({})",
		       "connection.setPersistenceKey: argument 1 (key): expected");
	api_unit_fails("connection.setPersistenceNode(nil)",
		       "connection.setPersistenceNode: argument 1 (node): expected");
	api_unit_fails("connection.setPersistenceNode('www.example.com')",
		       "connection.setPersistenceNode: argument 1 (node): expected a node such as "
		       "10.0.0.1:80, or its address alone, got 'www.example.com'");
	api_unit_fails("connection.setPersistenceNode('10.0.0.1:0')", "got '10.0.0.1:0'");
}
