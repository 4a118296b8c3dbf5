/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_response, .init = api_unit_open, .fini = api_unit_close);

Test(api_response, nothing_before_a_node_is_chosen)
{
	api_unit_passes(
		"assert(response.getRemoteIP() == nil and response.getRemotePort() == nil)\n"
		"assert(response.getLocalIP() == nil and response.getLocalPort() == nil)\n");
}

Test(api_response, the_node_and_the_address_that_it_sees)
{
	cr_assert(addr_parse(SLICE("[fd00::1]:81"), &api_unit_txn->node_address));
	cr_assert(addr_parse(SLICE("[fd00::9]:50000"), &api_unit_txn->source_local));
	api_unit_passes("assert(response.getRemoteIP() == 'fd00::1')\n"
			"assert(response.getRemotePort() == 81)\n"
			"assert(response.getLocalIP() == 'fd00::9')\n"
			"assert(response.getLocalPort() == 50000)\n");
}

Test(api_response, length_is_what_came_of_this_answer)
{
	struct node_connection c = { .stream = { .bytes_in = 70, .fd = -1 } };
	api_unit_txn->connection = &c;
	api_unit_txn->node_bytes_in = 50;
	cr_expect_eq(api_unit_run(RULE_RESPONSE, "assert(response.getLength() == 20)"),
		     RULE_RESULT_FINISHED);
	/* the connection may be somebody else's by now */
	api_unit_txn->connection = NULL;
	api_unit_txn->node_received = 30;
	cr_expect_eq(api_unit_run(RULE_COMPLETION, "assert(response.getLength() == 30)"),
		     RULE_RESULT_FINISHED);
}
