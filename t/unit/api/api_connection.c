/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/clock.h"
#include "txn/txn_rules.h"

#include <criterion/criterion.h>

TestSuite(api_connection, .init = api_unit_open, .fini = api_unit_close);

Test(api_connection, discard_ends_everything)
{
	api_unit_decides(RULE_REQUEST, "pcall(connection.discard) error('went on')");
	cr_expect_eq(api_unit_txn->rule_end, TXN_END_DISCARDED);
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("connection.discard")));
	api_unit_decides(RULE_RESPONSE, "connection.discard()");
}

Test(api_connection, close_says_its_last_words)
{
	api_unit_decides(RULE_REQUEST, "connection.close('bye\\0\\r\\n', true) error('went on')");
	cr_expect_eq(api_unit_txn->rule_end, TXN_END_CLOSED);
	cr_expect(slice_is_equal(api_unit_txn->answer, SLICE("bye\0\r\n")));
	cr_expect_not(api_unit_txn->keep_client);
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("connection.close")));
}

Test(api_connection, close_without_words_still_answers_nothing)
{
	api_unit_decides(RULE_RESPONSE, "connection.close('')");
	cr_expect_not(slice_is_absent(api_unit_txn->answer), "absent would bring a default answer");
	cr_expect_eq(api_unit_txn->answer.len, 0);
}

Test(api_connection, ends_take_what_they_are_told)
{
	api_unit_fails("connection.close()",
		       "connection.close: argument 1 (data): expected a string, got nothing");
	api_unit_fails("connection.close('', 0)",
		       "connection.close: argument 2 (read): expected a boolean, got number");
	cr_expect_eq(api_unit_txn->rule_end, TXN_END_NONE);
	cr_expect(slice_is_absent(api_unit_txn->answer));
}

/* The clock is not waited for: what the timer would do is done here. */
static enum rule_result wake(void)
{
	timer_stop(&api_unit_txn->sleep_timer);
	cr_assert_eq(api_unit_txn->wait, &api_unit_txn->sleep);
	api_unit_txn->wait = NULL;
	return rule_resume(api_unit_txn->run);
}

static void sleeps_in(enum rule_phase phase)
{
	timer_init(&api_unit_txn->sleep_timer, NULL);
	cr_assert_eq(api_unit_run(phase, "assert(select('#', connection.sleep(20)) == 0)\n"
					 "assert(pcall(connection.sleep, 0))\n"
					 "connection.data.get('went on')\n"),
		     RULE_RESULT_WAITING);
	cr_expect_eq(api_unit_txn->sleep_timer.deadline, clock_milliseconds() + 20);
	cr_assert_eq(wake(), RULE_RESULT_WAITING);
	cr_expect_eq(api_unit_txn->sleep_timer.deadline, clock_milliseconds() + 1);
	cr_assert_eq(wake(), RULE_RESULT_FINISHED);
	timer_release(&api_unit_txn->sleep_timer);
}

Test(api_connection, sleep_waits_in_every_phase)
{
	sleeps_in(RULE_REQUEST);
	sleeps_in(RULE_RESPONSE);
	sleeps_in(RULE_COMPLETION);
}

Test(api_connection, sleep_takes_milliseconds)
{
	api_unit_fails("connection.sleep(-1)",
		       "argument 1 (milliseconds): expected a number from 0");
	api_unit_fails("connection.sleep(86400001)",
		       "argument 1 (milliseconds): expected a number");
	api_unit_fails("connection.sleep(0.5)",
		       "argument 1 (milliseconds): expected a whole number");
	api_unit_fails("connection.sleep('soon')", "argument 1 (milliseconds): expected a number");
}

Test(api_connection, names_before_and_after_a_choice)
{
	api_unit_passes("assert(connection.getNode() == nil)\n"
			"assert(connection.getPool() == nil)\n"
			"assert(connection.getVirtualServer() == 'shop')\n"
			"pool.select('other')\n"
			"assert(connection.getPool() == 'other')\n"
			"pool.select('discard')\n"
			"assert(connection.getPool() == 'discard')\n");
	cr_assert(addr_parse(SLICE("10.0.0.1:80"), &api_unit_txn->node_address));
	api_unit_passes("assert(connection.getNode() == '10.0.0.1:80')");
	cr_assert(addr_parse(SLICE("[fd00::1]:80"), &api_unit_txn->node_address));
	api_unit_passes("assert(connection.getNode() == '[fd00::1]:80')");
}

Test(api_connection, a_dropped_connection_was_for_discard)
{
	api_unit_txn->end = TXN_END_DISCARDED;
	cr_expect_eq(api_unit_run(RULE_COMPLETION, "assert(connection.getPool() == 'discard')"),
		     RULE_RESULT_FINISHED);
}

Test(api_connection, data_outlives_the_rule)
{
	api_unit_passes("assert(connection.data.get('a') == nil)\n"
			"assert(connection.data.set('a', 'text') == true)\n"
			"assert(connection.data.set('b', {1, two = {2}}) == true)\n"
			"assert(connection.data.set('', false) == true)\n"
			"assert(connection.data.set('n\\0', 1.5) == true)\n");
	cr_expect_eq(api_unit_run(RULE_COMPLETION, "assert(connection.data.get('a') == 'text')\n"
						   "assert(connection.data.get('b').two[1] == 2)\n"
						   "assert(connection.data.get('') == false)\n"
						   "assert(connection.data.get('n\\0') == 1.5)\n"
						   "assert(connection.data.get('n') == nil)\n"),
		     RULE_RESULT_FINISHED);
}

Test(api_connection, data_is_replaced_and_removed)
{
	api_unit_passes("connection.data.set('a', 1)\n"
			"connection.data.set('a', 2)\n"
			"assert(connection.data.get('a') == 2)\n"
			"assert(connection.data.set('a', nil) == true)\n"
			"assert(connection.data.get('a') == nil)\n"
			"assert(connection.data.set('a', nil) == true)\n");
	cr_expect_eq(api_unit_txn->session->data->count, 0);
}

/* What was replaced is collected: memory stays far below the 64 MiB that were set. */
Test(api_connection, replaced_data_is_not_kept)
{
	for (int i = 0; i < 64; i++)
		api_unit_passes("connection.data.set('a', string.randomBytes(65536):rep(16))");
	cr_expect_lt(rule_vm_memory(api_unit_txn->vserver->world->vm), 32u << 20);
}

Test(api_connection, data_is_bounded)
{
	api_unit_keep_log();
	api_unit_passes(
		"for i = 1, 1000 do assert(connection.data.set('k' .. i, i)) end\n"
		"assert(connection.data.set('one more', 1) == false)\n"
		"assert(connection.data.set('k7', 'new') == true)\n"
		"assert(connection.data.get('k7') == 'new')\n"
		"assert(connection.data.set('k7', nil) and connection.data.set('one more', 1))\n");
	cr_expect_not_null(
		strstr(api_unit_log(), "rule 'test' line 2: connection.data.set: 1000 keys"));
	api_unit_fails(
		"connection.data.set(('k'):rep(1025), 1)",
		"connection.data.set: argument 1 (key): expected at most 1024 bytes, got 1025");
}

Test(api_connection, data_takes_text_as_key_and_wants_a_value)
{
	api_unit_fails("connection.data.get()", "argument 1 (key): expected a string, got nothing");
	api_unit_fails("connection.data.set({}, 1)",
		       "argument 1 (key): expected a string, got table");
	api_unit_fails("connection.data.set('a')",
		       "argument 2 (value): expected a value, got nothing");
}

Test(api_connection, memory_is_what_is_held)
{
	api_unit_passes("local before = connection.getMemoryUsage()\n"
			"for _ = 1, 100 do http.setHeader('X-A', ('x'):rep(1000)) end\n"
			"assert(connection.getMemoryUsage() >= before + 100000)");
}

Test(api_connection, no_pool_makes_a_transaction_wait)
{
	api_unit_passes("assert(connection.checkLimits() == true)\n"
			"assert(connection.checkLimits('other') == true)\n"
			"assert(connection.checkLimits('discard') == true)");
	api_unit_fails("connection.checkLimits('no')", "argument 1 (pool): there is no pool 'no'");
	api_unit_fails("connection.checkLimits({})", "expected a string, got table");
}
