/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/clock.h"

#include <criterion/criterion.h>

TestSuite(api_slm, .init = api_unit_open, .fini = api_unit_close);

static void answers(unsigned in_time, unsigned late)
{
	const struct share_slm *slm = &api_unit_txn->vserver->world->share->slm;
	while (in_time + late > 0) {
		slm_count(slm, 0, 0, clock_milliseconds(), in_time > 0);
		*(in_time > 0 ? &in_time : &late) -= 1;
	}
}

Test(api_slm, without_a_class_all_is_well)
{
	api_unit_passes("assert(slm.conforming() == 100 and slm.isOK() == true)\n"
			"assert(slm.threshold() == 0)\n"
			"assert(connection.getServiceLevelClass() == nil)\n");
}

Test(api_slm, without_answers_all_is_well)
{
	api_unit_passes("assert(slm.conforming('api') == 100 and slm.isOK('api') == true)\n"
			"assert(slm.threshold('api') == 20 and slm.threshold('other') == 0)\n");
}

Test(api_slm, answers_in_time_and_late)
{
	answers(3, 1);
	api_unit_passes("assert(slm.conforming('api') == 75 and slm.isOK('api'))\n"
			"assert(slm.conforming('other') == 100)\n");
	answers(0, 11);
	api_unit_passes("assert(slm.conforming('api') == 20 and slm.isOK('api') == false)\n");
}

Test(api_slm, the_class_of_the_connection)
{
	answers(1, 1);
	api_unit_passes(
		"assert(connection.setServiceLevelClass('api') == true)\n"
		"assert(connection.getServiceLevelClass() == 'api')\n"
		"assert(slm.conforming() == 50 and slm.isOK() and slm.threshold() == 20)\n");
	api_unit_passes_in(RULE_COMPLETION, "connection.setServiceLevelClass('other')\n"
					    "assert(slm.threshold() == 0)\n");
}

Test(api_slm, an_unknown_class_is_a_failure_by_value)
{
	api_unit_keep_log();
	api_unit_passes(
		"local name = 'nobody'\n"
		"for _, f in ipairs{slm.conforming, slm.isOK, slm.threshold} do\n"
		"  local answer, why = f(name)\n"
		"  assert(answer == nil and why == 'there is no such service level class')\n"
		"end\n"
		"assert(connection.setServiceLevelClass(name) == false)\n"
		"assert(connection.getServiceLevelClass() == nil)\n");
	cr_expect_not_null(strstr(api_unit_log(), "there is no service level class 'nobody'"));
}

Test(api_slm, times_of_the_transaction)
{
	struct txn_times *times = &api_unit_txn->times;
	api_unit_passes("assert(stats.getQueueTime() == 0)\n"
			"assert(stats.getServerResponseTime() == 0)\n");
	*times = (struct txn_times){ .began = clock_microseconds() - 7500,
				     .rules = 2000000,
				     .connect = 2012999,
				     .sent = 3000000,
				     .response = 3250000 };
	api_unit_passes("assert(stats.getQueueTime() == 12)\n"
			"assert(stats.getServerResponseTime() == 250)\n"
			"assert(stats.getTransactionDuration() == 7)\n");
	times->response = 0;
	api_unit_passes_in(RULE_COMPLETION, "assert(stats.getServerResponseTime() == 0)");
}

Test(api_slm, wrong_arguments)
{
	api_unit_fails("slm.conforming({})",
		       "slm.conforming: argument 1 (class): expected a string");
	api_unit_fails("slm.isOK(true)", "slm.isOK: argument 1 (class): expected a string");
	api_unit_fails("slm.threshold({})", "slm.threshold: argument 1 (class): expected a string");
	api_unit_fails("connection.setServiceLevelClass()",
		       "setServiceLevelClass: argument 1 (class): expected a string");
}
