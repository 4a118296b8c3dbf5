/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_counter, .init = api_unit_open, .fini = api_unit_close);

static struct stats_worker *row(void)
{
	return stats_worker_row(api_unit_txn->vserver->world->share, 0);
}

Test(api_counter, each_number_counts_for_itself)
{
	api_unit_passes("counter.increment(1) counter.increment(1, 4) counter.increment(10, 0)\n"
			"counter64.increment(1, 2^40) counter64.increment(10)\n"
			"assert(select('#', counter.increment(2)) == 0)\n");
	cr_expect_eq(row()->user_counters[0], 5);
	cr_expect_eq(row()->user_counters[1], 1);
	cr_expect_eq(row()->user_counters[9], 0);
	cr_expect_eq(row()->user_counters_64[0], 1ull << 40);
	cr_expect_eq(row()->user_counters_64[9], 1);
}

Test(api_counter, in_every_phase)
{
	api_unit_passes_in(RULE_RESPONSE, "counter.increment(3) counter64.increment(3)");
	api_unit_passes_in(RULE_COMPLETION, "counter.increment(3) counter64.increment(3)");
	cr_expect_eq(row()->user_counters[2] + row()->user_counters_64[2], 4);
}

Test(api_counter, wrong_arguments)
{
	api_unit_fails("counter.increment()", "argument 1 (counter): expected a number");
	api_unit_fails("counter.increment('x')", "argument 1 (counter): expected a number");
	api_unit_fails("counter.increment(0)",
		       "argument 1 (counter): expected a number from 1 to 10");
	api_unit_fails("counter64.increment(11)",
		       "argument 1 (counter): expected a number from 1 to 10");
	api_unit_fails("counter.increment(1, -1)", "argument 2 (amount): expected a number from 0");
	api_unit_fails("counter.increment(1, 2^32)",
		       "argument 2 (amount): expected a number from 0");
	api_unit_fails("counter64.increment(1, {})", "argument 2 (amount): expected a number");
	api_unit_fails("counter64.increment(1, 2^60)", "argument 2 (amount): expected a number");
}
