/* SPDX-License-Identifier: Apache-2.0 */
#include "share/bucket.h"

#include <criterion/criterion.h>

#define SECOND 1000000000u

Test(bucket, what_has_passed_takes_its_time)
{
	uint64_t bucket = 0, now = 5u * (uint64_t)SECOND;
	bucket_spend(&bucket, 1000, 500, now);
	cr_expect_eq(bucket_free_at(&bucket), now + SECOND / 2);
	bucket_spend(&bucket, 1000, 500, now);
	cr_expect_eq(bucket_free_at(&bucket), now + SECOND, "both of them");
}

Test(bucket, silence_is_not_saved_up)
{
	uint64_t bucket = 0, now = 5u * (uint64_t)SECOND;
	bucket_spend(&bucket, 1000, 1000, now);
	now += 100 * (uint64_t)SECOND;
	bucket_spend(&bucket, 1000, 1000, now);
	cr_expect_eq(bucket_free_at(&bucket), now + SECOND);
}
