/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/clock.h"
#include "txn/txn_orders.h"

#include <criterion/criterion.h>

TestSuite(api_orders, .init = api_unit_open, .fini = api_unit_close);

Test(api_orders, retry_is_a_verdict)
{
	api_unit_decides(RULE_RESPONSE, "request.retry() error('it came back')");
	cr_expect(api_unit_txn->orders->wants_retry);
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("request.retry")));
}

Test(api_orders, retry_is_for_response_rules)
{
	api_unit_fails("local f = request f['retry']()",
		       "rules/test.lua:1: request.retry: makes no sense in a request rule");
	api_unit_fails_in(RULE_COMPLETION, "local f = request f['retry']()",
			  "makes no sense in a completion rule");
}

Test(api_orders, what_has_left_is_not_sent_again)
{
	api_unit_txn->request.body = HTTP_BODY_LENGTH;
	api_unit_passes_in(RULE_RESPONSE, "assert(request.isResendable() == true)");
	api_unit_txn->up.has_consumed = true;
	api_unit_passes_in(RULE_RESPONSE, "assert(request.isResendable() == false)\n"
					  "assert(request.retry() == false)\n"
					  "assert(request.getRetries() == 0)");
	api_unit_txn->request.body = HTTP_BODY_NONE;
	api_unit_txn->is_answer_begun = true;
	api_unit_passes_in(RULE_RESPONSE, "assert(request.retry() == false)");
	api_unit_passes_in(RULE_COMPLETION, "assert(request.isResendable() == false)");
}

Test(api_orders, retries_are_bounded)
{
	uint64_t most = api_unit_txn->vserver->conf->rules.max_retries;
	cr_assert_eq(most, 10);
	txn_orders_for(api_unit_txn)->retries = 10;
	api_unit_keep_log();
	api_unit_passes_in(RULE_RESPONSE, "assert(request.getRetries() == 10)\n"
					  "assert(request.retry() == false)");
	cr_expect_not_null(strstr(api_unit_log(), "rules.max_retries (10)"));
	txn_orders_for(api_unit_txn)->retries = 9;
	api_unit_decides(RULE_RESPONSE, "request.retry()");
}

Test(api_orders, a_response_rule_selects_for_the_next_time)
{
	api_unit_txn->pool = &api_unit_txn->vserver->world->pools[0];
	api_unit_passes_in(RULE_RESPONSE, "pool.select('other', '10.1.1.1', 81)\n"
					  "assert(connection.getPool() == 'web')");
	const struct txn_orders *o = api_unit_txn->orders;
	cr_assert(o->has_next_pool);
	cr_expect_str_eq(o->next_pool->conf->name, "other");
	cr_expect_eq(o->next_forced.port, 81);
	cr_expect_eq(api_unit_txn->forced.family, ADDR_NONE);
	api_unit_passes_in(RULE_RESPONSE, "pool.select('discard')");
	cr_expect_null(o->next_pool);
	api_unit_fails_in(RULE_RESPONSE, "pool.select('we' .. 'b2')", "there is no pool 'web2'");
	api_unit_fails_in(RULE_RESPONSE, "local f = pool f['use']('web')",
			  "makes no sense in a response rule");
}

Test(api_orders, avoided_nodes_are_noted_once)
{
	api_unit_passes("for _ = 1, 200 do assert(request.avoidNode('10.0.0.1:80') == true) end\n"
			"assert(request.avoidNode('[fd00::1]:80'))");
	cr_expect_eq(api_unit_txn->orders->avoided.count, 2);
	cr_expect_eq(api_unit_txn->orders->avoided.list[1].family, ADDR_IPV6);
}

Test(api_orders, avoided_nodes_are_bounded)
{
	api_unit_keep_log();
	api_unit_passes("for i = 1, 100 do assert(request.avoidNode('10.0.0.1:' .. i)) end\n"
			"assert(request.avoidNode('10.0.0.1:101') == false)\n"
			"assert(request.avoidNode('10.0.0.1:7') == true)");
	cr_expect_not_null(strstr(api_unit_log(), "no more than 100 nodes"));
}

Test(api_orders, avoid_node_wants_a_node)
{
	static const char *const bad[] = {
		"''",       "'10.0.0.1'",       "'10.0.0.1:'",   "'10.0.0.1:0x'",
		"'web:80'", "'10.0.0.1:65536'", "'fd00::1:80z'", "'10.0.0.1:80 '"
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[100];
		snprintf(text, sizeof text, "request.avoidNode(%s)", bad[i]);
		api_unit_fails(text,
			       "request.avoidNode: argument 1 (node): expected a node such as");
	}
	api_unit_fails("request.avoidNode()", "argument 1 (node): expected a string, got nothing");
	api_unit_fails("request.avoidNode({})", "expected a string, got table");
}

Test(api_orders, the_rule_says_whether_twice_does_harm)
{
	api_unit_passes("request.setIdempotent(true)");
	cr_expect(txn_is_idempotent(api_unit_txn));
	api_unit_passes_in(RULE_RESPONSE, "request.setIdempotent(false)");
	cr_expect_not(txn_is_idempotent(api_unit_txn));
	api_unit_fails("request.setIdempotent()",
		       "argument 1 (resend): expected a boolean, got nothing");
	api_unit_fails("request.setIdempotent(0)", "expected a boolean, got number");
}

Test(api_orders, attempts_are_whole_numbers)
{
	api_unit_txn->pool = &api_unit_txn->vserver->world->pools[0];
	cr_expect_eq(txn_orders_connection_attempts(api_unit_txn), 0);
	cr_expect_eq(txn_orders_timed_out_attempts(api_unit_txn), 2);
	api_unit_passes("request.setMaxConnectionAttempts(3)\n"
			"request.setMaxTimedOutConnectionAttempts(0)");
	cr_expect_eq(txn_orders_connection_attempts(api_unit_txn), 3);
	cr_expect_eq(txn_orders_timed_out_attempts(api_unit_txn), 0);
	cr_expect_eq(txn_orders_reply_milliseconds(api_unit_txn), 30000);
	static const char *const bad[][2] = {
		{ "", "expected a number, got nothing" },
		{ "true", "expected a number, got boolean" },
		{ "-1", "expected a number from 0 to 99999, got -1" },
		{ "1e5", "expected a number from 0 to 99999, got 100000" },
		{ "1.5", "expected a whole number, got 1.5" },
		{ "0/0", "expected a whole number" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[100];
		snprintf(text, sizeof text, "request.setMaxConnectionAttempts(%s)", bad[i][0]);
		api_unit_fails(text, bad[i][1]);
		snprintf(text, sizeof text, "request.setMaxTimedOutConnectionAttempts(%s)",
			 bad[i][0]);
		api_unit_fails(text, bad[i][1]);
	}
}

Test(api_orders, times_are_seconds)
{
	api_unit_txn->pool = &api_unit_txn->vserver->world->pools[0];
	api_unit_passes("assert(request.getMaxTransactionDuration() == 0)\n"
			"request.setMaxReplyTime(1.5)\n"
			"request.setMaxTransactionDuration(7)\n"
			"assert(request.getMaxTransactionDuration() == 7)\n"
			"request.setVirtualServerTimeout(60)");
	cr_expect_eq(txn_orders_reply_milliseconds(api_unit_txn), 1500);
	cr_expect_eq(txn_orders_transaction_milliseconds(api_unit_txn), 7000);
	cr_expect_gt(api_unit_txn->session->close_at, clock_milliseconds());
	cr_expect_leq(api_unit_txn->session->close_at, clock_milliseconds() + 60000);
	api_unit_passes("request.setVirtualServerTimeout(0)");
	cr_expect_eq(api_unit_txn->session->close_at, 0);
}

Test(api_orders, times_have_a_range)
{
	static const char *const functions[] = { "request.setMaxReplyTime",
						 "request.setMaxTransactionDuration",
						 "request.setVirtualServerTimeout" };
	static const char *const bad[][2] = {
		{ "", "argument 1 (seconds): expected a number, got nothing" },
		{ "'soon'", "expected a number, got string" },
		{ "-0.1", "to 99999, got -0.1" },
		{ "100000", "to 99999, got 100000" },
		{ "0/0", "expected seconds from" },
		{ "1/0", "expected seconds from" },
	};
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		for (size_t j = 0; j < sizeof bad / sizeof *bad; j++) {
			char text[100];
			snprintf(text, sizeof text, "%s(%s)", functions[i], bad[j][0]);
			api_unit_fails(text, bad[j][1]);
		}
	api_unit_fails("request.setMaxReplyTime(0)", "expected seconds from 0.001 to 99999, got 0");
	api_unit_fails_in(RULE_COMPLETION, "local f = request f['setMaxReplyTime'](1)",
			  "makes no sense in a completion rule");
}

Test(api_orders, the_access_log_is_the_rules_to_choose)
{
	api_unit_passes("requestlog.include()\n requestlog.exclude()\n"
			"assert(requestlog.markedForInclusion() == false)");
	cr_expect(api_unit_txn->orders->is_not_logged);
	api_unit_passes_in(RULE_COMPLETION, "requestlog.include()");
	cr_expect_not(api_unit_txn->orders->is_not_logged);
}

Test(api_orders, dscp_is_six_bits)
{
	api_unit_passes("assert(request.getDSCP() == nil)\n"
			"request.setDSCP(46)\n"
			"assert(request.getDSCP() == 46)\n"
			"assert(response.getDSCP() == nil and response.setDSCP(46) == false)");
	api_unit_fails("request.setDSCP(64)",
		       "argument 1 (dscp): expected a number from 0 to 63, got 64");
	api_unit_fails("response.setDSCP(-1)", "expected a number from 0 to 63, got -1");
	api_unit_fails("response.setDSCP()", "expected a number, got nothing");
}

Test(api_orders, bandwidth_classes_are_those_of_the_configuration)
{
	api_unit_keep_log();
	api_unit_passes("assert(request.getBandwidthClass() == nil)\n"
			"assert(request.setBandwidthClass('gold') == true)\n"
			"assert(request.getBandwidthClass() == 'gold')\n"
			"assert(response.getBandwidthClass() == nil)\n"
			"assert(response.setBandwidthClass('gold') == true)\n"
			"assert(response.setBandwidthClass('silver') == false)\n"
			"assert(response.getBandwidthClass() == 'gold')\n"
			"assert(response.setBandwidthClass('') == true)\n"
			"assert(response.getBandwidthClass() == nil)");
	cr_expect_not_null(strstr(api_unit_log(), "line 6: there is no bandwidth class 'silver'"));
	api_unit_fails("request.setBandwidthClass()",
		       "argument 1 (name): expected a string, got nothing");
	api_unit_fails("response.setBandwidthClass(true)", "expected a string, got boolean");
}
