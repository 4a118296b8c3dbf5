/* counter.*, counter64.*: numbered counters of the user, for whoever watches weir. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#define LARGEST_INTEGER 9007199254740992 /* 2 to the 53rd: beyond it Lua's numbers have gaps */

static enum rule_answer increment(struct rule_call *call, uint64_t *counters, int64_t most)
{
	int64_t number = rule_argument_integer(call, 1, 1, STATS_USER_COUNTERS), amount = 1;
	if (!rule_argument_is_absent(call, 2))
		amount = rule_argument_integer(call, 2, 0, most);
	stats_add(&counters[number - 1], (uint64_t)amount);
	return RULE_RETURN;
}

static struct stats_worker *row_of(const struct rule_call *call)
{
	return stats_worker_row(api_world(call)->share, api_world(call)->worker);
}

static enum rule_answer increment_32(struct rule_call *call)
{
	return increment(call, row_of(call)->user_counters, UINT32_MAX);
}

static enum rule_answer increment_64(struct rule_call *call)
{
	return increment(call, row_of(call)->user_counters_64, LARGEST_INTEGER);
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "counter.increment", increment_32, RULE_IN_ANY, "counter: integer, amount?: integer", "",
	  "Adds to user counter 1 to 10, 1 without `amount`. It has 32 bits and begins again at 0 behind "
	  "them. `weir status` shows it; data.increment is for numbers that rules read.",
	  "counter.increment" },
	{ "counter64.increment", increment_64, RULE_IN_ANY, "counter: integer, amount?: integer", "",
	  "The same with 10 other counters of 64 bits.", "counter64.increment" },
};
/* clang-format on */

API_FAMILY(api_counter, functions);
