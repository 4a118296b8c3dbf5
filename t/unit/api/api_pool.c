/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/clock.h"

#include <criterion/criterion.h>

TestSuite(api_pool, .init = api_unit_open, .fini = api_unit_close);

static struct pool *pool_of(const char *name)
{
	return world_find_pool(api_unit_txn->vserver->world, slice_of_string(name));
}

static void expect_forced(const char *text)
{
	struct addr wanted;
	cr_assert(addr_parse(slice_of_string(text), &wanted));
	cr_expect(addr_is_equal(&api_unit_txn->forced, &wanted));
}

Test(api_pool, use_chooses_and_ends)
{
	api_unit_decides(RULE_REQUEST, "pcall(pool.use, 'other') error('went on')");
	cr_expect_eq(api_unit_txn->pool, pool_of("other"));
	cr_expect_eq(api_unit_txn->rule_end, TXN_END_NONE);
	cr_expect_eq(api_unit_txn->forced.family, ADDR_NONE);
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("pool.use other")));
}

Test(api_pool, use_with_an_address_goes_just_there)
{
	api_unit_decides(RULE_REQUEST, "pool.use('web', '192.0.2.80', 8080)");
	cr_expect_eq(api_unit_txn->pool, pool_of("web"));
	expect_forced("192.0.2.80:8080");
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("pool.use web 192.0.2.80:8080")));
	api_unit_decides(RULE_REQUEST, "pool.use('web', 'fd00::9', '80')");
	expect_forced("[fd00::9]:80");
}

Test(api_pool, use_of_discard_drops)
{
	api_unit_decides(RULE_REQUEST, "pool.use('discard')");
	cr_expect_eq(api_unit_txn->rule_end, TXN_END_DISCARDED);
	cr_expect(api_unit_txn->is_discarded_pool);
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("pool.use discard")));
}

Test(api_pool, select_goes_on_and_the_last_one_counts)
{
	api_unit_passes("pool.select('discard')\n"
			"pool.select('web', '192.0.2.80', 8080)\n");
	cr_expect_not(api_unit_txn->is_discarded_pool);
	cr_expect_eq(api_unit_txn->pool, pool_of("web"));
	expect_forced("192.0.2.80:8080");
	api_unit_passes("pool.select('other')");
	cr_expect_eq(api_unit_txn->pool, pool_of("other"));
	cr_expect_eq(api_unit_txn->forced.family, ADDR_NONE);
	cr_expect_eq(api_unit_txn->rule_end, TXN_END_NONE);
	api_unit_passes("pool.select('discard')");
	cr_expect(api_unit_txn->is_discarded_pool && api_unit_txn->pool == NULL);
}

Test(api_pool, a_wrong_choice_changes_nothing)
{
	api_unit_fails("pool.use('wbe')",
		       "rules/test.lua:1: pool.use: argument 1 (name): there is no pool 'wbe'");
	api_unit_fails("pool.select('')", "pool.select: argument 1 (name): there is no pool ''");
	api_unit_fails("pool.use()", "argument 1 (name): expected a string");
	api_unit_fails("pool.use('other', 'node.example', 80)",
		       "argument 2 (host): expected an IP address, got 'node.example'");
	api_unit_fails("pool.use('other', '10.0.0.1')", "argument 3 (port): expected a number");
	api_unit_fails("pool.use('other', '10.0.0.1', 0)",
		       "argument 3 (port): expected a number from 1");
	api_unit_fails("pool.use('other', '10.0.0.1', 65536)",
		       "argument 3 (port): expected a number from");
	api_unit_fails("pool.use('other', nil, 80)", "argument 2 (host): expected an IP address");
	cr_expect_null(api_unit_txn->pool);
	cr_expect_eq(api_unit_txn->forced.family, ADDR_NONE);
}

Test(api_pool, choosing_is_for_request_rules)
{
	api_unit_fails_in(RULE_RESPONSE, "local how = 'use' pool[how]('web')",
			  "pool.use: makes no sense in a response rule");
	api_unit_fails_in(RULE_COMPLETION, "local how = 'select' pool[how]('web')",
			  "pool.select: makes no sense in a completion rule");
}

static const char joined[] = "local function nodes(how, name)\n"
			     "  return table.concat(pool[how](name or 'web'), ' ')\n"
			     "end\n";

static void passes_with_nodes(const char *text)
{
	char whole[2048];
	snprintf(whole, sizeof whole, "%s%s", joined, text);
	api_unit_passes(whole);
}

Test(api_pool, all_nodes_are_active_at_first)
{
	passes_with_nodes(
		"assert(pool.activenodes('web') == 4)\n"
		"assert(pool.drainingnodes('web') == 0)\n"
		"assert(pool.disablednodes('web') == 0)\n"
		"assert(pool.failednodes('web') == 0)\n"
		"local all = '10.0.0.1:80 10.0.0.2:80 10.0.0.3:80 10.0.0.4:80'\n"
		"assert(nodes('listallnodes') == all and nodes('listactivenodes') == all)\n"
		"assert(nodes('listdrainingnodes') == '')\n"
		"assert(nodes('listdisablednodes') == '')\n"
		"assert(nodes('listfailednodes') == '')\n"
		"assert(nodes('listallnodes', 'other') == '[fd00::1]:80')\n");
}

Test(api_pool, each_node_is_in_one_state)
{
	struct share_failing failing = { 1, 1000 };
	struct node *nodes = pool_of("web")->nodes;
	share_node_set_state(nodes[1].state, SHARE_NODE_DRAINING);
	share_node_set_state(nodes[2].state, SHARE_NODE_DISABLED);
	cr_assert(share_node_failed(nodes[3].state, clock_milliseconds(), &failing));
	cr_assert(share_node_failed(nodes[2].state, clock_milliseconds(), &failing));
	passes_with_nodes("assert(pool.activenodes('web') == 1)\n"
			  "assert(pool.drainingnodes('web') == 1)\n"
			  "assert(pool.disablednodes('web') == 1)\n"
			  "assert(pool.failednodes('web') == 1)\n"
			  "assert(#pool.listallnodes('web') == 4)\n"
			  "assert(nodes('listactivenodes') == '10.0.0.1:80')\n"
			  "assert(nodes('listdrainingnodes') == '10.0.0.2:80')\n"
			  "assert(nodes('listdisablednodes') == '10.0.0.3:80')\n"
			  "assert(nodes('listfailednodes') == '10.0.0.4:80')\n"
			  "assert(pool.checknode('web', '10.0.0.1', 80) == 'ACTIVE')\n"
			  "assert(pool.checknode('web', '10.0.0.2', 80) == 'DRAINING')\n"
			  "assert(pool.checknode('web', '10.0.0.3', 80) == 'DISABLED')\n"
			  "assert(pool.checknode('web', '10.0.0.4', 80) == 'DEAD')\n");
}

Test(api_pool, checknode_of_what_is_not_there)
{
	api_unit_passes("assert(pool.checknode('web', '10.0.0.1', 81) == 'NOTINPOOL')\n"
			"assert(pool.checknode('web', '10.0.0.9', 80) == 'NOTINPOOL')\n"
			"assert(pool.checknode('other', '[fd00::1]', 80) == 'ACTIVE')\n"
			"assert(pool.checknode('web', 'node.example', 80) == 'NOSUCHHOST')\n"
			"assert(pool.checknode('wbe', '10.0.0.1', 80) == 'NOSUCHPOOL')\n"
			"assert(pool.checknode('discard', '10.0.0.1', 80) == 'NOTINPOOL')\n");
	api_unit_fails("pool.checknode('web', '10.0.0.1')", "argument 3 (port): expected a number");
	api_unit_fails("pool.checknode('web')", "argument 2 (host): expected a string");
}

Test(api_pool, discard_has_no_nodes_and_other_names_are_errors)
{
	api_unit_passes("assert(pool.activenodes('discard') == 0)\n"
			"assert(#pool.listallnodes('discard') == 0)\n");
	api_unit_fails("local ask = pool.activenodes ask('wbe')",
		       "pool.activenodes: argument 1 (pool): there is no pool 'wbe'");
	api_unit_fails("pool.listallnodes('wbe')",
		       "pool.listallnodes: argument 1 (pool): there is no");
}
