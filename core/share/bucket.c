/* SPDX-License-Identifier: Apache-2.0 */
#include "share/bucket.h"

#include <stdbool.h>

#define NANOSECONDS 1000000000.0

uint64_t bucket_free_at(const uint64_t *bucket)
{
	return __atomic_load_n(bucket, __ATOMIC_RELAXED);
}

void bucket_spend(uint64_t *bucket, uint64_t rate, uint64_t bytes, uint64_t now)
{
	uint64_t cost = (uint64_t)((double)bytes * NANOSECONDS / (double)rate);
	uint64_t before = bucket_free_at(bucket), after;
	do /* time in which nothing passed is not saved up */
		after = (before > now ? before : now) + cost;
	while (!__atomic_compare_exchange_n(bucket, &before, after, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED));
}
