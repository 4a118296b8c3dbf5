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
