/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/clock.h"
#include "share/rates.h"

#include <criterion/criterion.h>

TestSuite(api_rate, .init = api_unit_open, .fini = api_unit_close);

static struct rates_counts sum_of(unsigned class_number)
{
	struct rates_counts sum;
	rates_sum(api_unit_txn->vserver->world->share->rates, class_number, &sum);
	return sum;
}

Test(api_rate, without_a_queue_it_says_whether_one_may_pass)
{
	api_unit_passes("for i = 1, 3 do assert(rate.use.noQueue('second') == true) end\n"
			"for i = 1, 5 do assert(rate.use.noQueue('second') == false) end\n"
			"assert(rate.use.noQueue('minute') and rate.use.noQueue('minute'))\n"
			"assert(not rate.use.noQueue('minute'))\n");
	cr_expect_eq(sum_of(0).passed, 3);
	cr_expect_eq(sum_of(0).refused, 5);
	cr_expect_eq(sum_of(1).passed, 2);
}

Test(api_rate, each_context_has_limits_of_its_own)
{
	api_unit_passes("for _, user in ipairs{'a', 'b', '', '\\0'} do\n"
			"  assert(rate.use.noQueue('minute', user) and rate.use('minute', user))\n"
			"  assert(not rate.use.noQueue('minute', user))\n"
			"end\n"
			"assert(not rate.use.noQueue('minute'))\n"
			"assert(rate.use.noQueue('second', 'a'))\n");
}

Test(api_rate, use_passes_at_once_within_the_limits)
{
	api_unit_passes("for i = 1, 3 do assert(rate.use('second') == true) end\n"
			"for i = 1, 1000 do assert(rate.use('free') == true) end\n"
			"assert(rate.getbacklog('second') == 0)\n");
	api_unit_passes_in(RULE_RESPONSE, "assert(rate.use('free') == true)");
	api_unit_passes_in(RULE_COMPLETION, "assert(rate.use.noQueue('free') == true)");
}

static void stop_waiting(struct txn *t)
{
	t->wait->cancel(t->wait);
	rule_cancel(t->run);
}

/* There would be room again, but whoever waits has not been looked at yet. */
Test(api_rate, nobody_passes_by_those_who_wait)
{
	struct txn *first = api_unit_txn, second = *first;
	arena_init(&second.arena);
	const char *rule = "for i = 1, 4 do rate.use('second') end";
	cr_assert_eq(api_unit_run(RULE_REQUEST, rule), RULE_RESULT_WAITING);
	clock_skip(1200);
	clock_update();
	api_unit_txn = &second;
	cr_expect_eq(api_unit_run(RULE_REQUEST, "rate.use('second')"), RULE_RESULT_WAITING);
	cr_expect_eq(sum_of(0).waiting, 2);
	stop_waiting(first);
	stop_waiting(&second);
	cr_expect_eq(sum_of(0).given_up, 2);
	api_unit_txn = first;
}

Test(api_rate, a_full_queue_is_a_failure_by_value)
{
	api_unit_passes("assert(rate.use('closed'))\n"
			"local passed, why = rate.use('closed')\n"
			"assert(passed == nil and why == 'the queue is full')\n");
	cr_expect_eq(sum_of(3).refused, 1);
}

Test(api_rate, an_unknown_class_is_a_failure_by_value)
{
	api_unit_keep_log();
	api_unit_passes("local name = 'nobody'\n"
			"for _, f in ipairs{rate.use.noQueue, rate.getbacklog} do\n"
			"  local answer, why = f(name)\n"
			"  assert(answer == nil and why == 'there is no such rate class')\n"
			"end\n"
			"local answer, why = rate.use(name)\n"
			"assert(answer == nil and why == 'there is no such rate class')\n");
	cr_expect_not_null(strstr(api_unit_log(), "there is no rate class 'nobody'"));
}

Test(api_rate, wrong_arguments)
{
	api_unit_fails("rate.use()", "rate.use: argument 1 (class): expected a string");
	api_unit_fails("rate.use('free', {})", "rate.use: argument 2 (context): expected a string");
	api_unit_fails("rate.use.noQueue({})", "noQueue: argument 1 (class): expected a string");
	api_unit_fails("rate.use.noQueue('free', true)", "argument 2 (context): expected a string");
	api_unit_fails("rate.getbacklog()", "getbacklog: argument 1 (class): expected a string");
	api_unit_fails("rate.getbacklog('free', {})", "argument 2 (context): expected a string");
}
