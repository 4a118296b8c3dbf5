/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <criterion/criterion.h>
#include <time.h>

Test(clock, stands_still_until_it_is_read)
{
	clock_update();
	uint64_t before = clock_microseconds();
	while (clock_read_microseconds() < before + 2000)
		cr_assert_eq(clock_microseconds(), before);
	clock_update();
	cr_expect_geq(clock_microseconds(), before + 2000);
	cr_expect_eq(clock_milliseconds(), clock_microseconds() / 1000);
}

Test(clock, knows_the_date)
{
	time_t before = time(NULL);
	clock_update();
	time_t now = (time_t)(clock_wall_microseconds() / 1000000);
	cr_expect(now >= before - 1 && now <= time(NULL) + 1);
}

Test(clock, what_is_skipped_has_passed_on_all_clocks)
{
	clock_update();
	uint64_t before = clock_milliseconds(), wall = clock_wall_microseconds();
	clock_skip(3600000);
	clock_update();
	cr_expect_geq(clock_milliseconds(), before + 3600000);
	cr_expect_lt(clock_milliseconds(), before + 3660000);
	cr_expect_geq(clock_read_microseconds(), (before + 3600000) * 1000);
	cr_expect_geq(clock_wall_microseconds(), wall + 3600000000u - 100000);
	cr_expect_geq(clock_read_wall_microseconds(), wall + 3600000000u - 100000);
}

Test(clock, the_wall_clock_stands_where_it_was_put)
{
	clock_stop_wall(1000000000000000);
	clock_update();
	cr_expect_eq(clock_wall_microseconds(), 1000000000000000);
	cr_expect_eq(clock_read_wall_microseconds(), 1000000000000000);
	clock_skip(1500);
	cr_expect_eq(clock_read_wall_microseconds(), 1000000001500000);
	clock_stop_wall(0);
	clock_update();
	cr_expect_gt(clock_wall_microseconds(), 1700000000000000);
}
