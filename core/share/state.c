/* SPDX-License-Identifier: Apache-2.0 */
#include "share/state.h"

#include "base/check.h"

static bool change_until(struct share_node *n, uint64_t expected, uint64_t until)
{
	return __atomic_compare_exchange_n(&n->failed_until_ms, &expected, until, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

bool share_node_claim(struct share_node *n, uint64_t now_ms, const struct share_failing *failing)
{
	uint64_t until = __atomic_load_n(&n->failed_until_ms, __ATOMIC_RELAXED);
	if (until == 0)
		return true;
	/* retry_ms may be 0; the claim must still differ from what was, or everybody would win */
	return until <= now_ms && change_until(n, until, now_ms + failing->retry_ms + 1);
}

bool share_node_failed(struct share_node *n, uint64_t now_ms, const struct share_failing *failing)
{
	check(failing->attempts > 0);
	uint64_t until = now_ms + failing->retry_ms + 1;
	uint32_t failures = __atomic_load_n(&n->failures, __ATOMIC_RELAXED);
	if (failures < UINT32_MAX)
		failures = __atomic_add_fetch(&n->failures, 1, __ATOMIC_RELAXED);
	if (failures < failing->attempts)
		return false;
	if (change_until(n, 0, until))
		return true;
	/* it had failed before: attempts that were under way, or the one after the retry time */
	__atomic_store_n(&n->failed_until_ms, until, __ATOMIC_RELAXED);
	return false;
}

bool share_node_succeeded(struct share_node *n)
{
	/* nearly always there is nothing to change: then the line stays shared by all processors */
	if (__atomic_load_n(&n->failures, __ATOMIC_RELAXED) != 0)
		__atomic_store_n(&n->failures, 0, __ATOMIC_RELAXED);
	return share_node_is_failed(n) &&
	       __atomic_exchange_n(&n->failed_until_ms, 0, __ATOMIC_RELAXED) != 0;
}
