/* SPDX-License-Identifier: Apache-2.0 */
#include "base/check.h"

#include <criterion/criterion.h>
#include <signal.h>

struct inner {
	int value;
};
struct outer {
	int before;
	struct inner inner;
};

Test(check, true_goes_on)
{
	int count = 0;
	check(++count == 1);
	cr_expect_eq(count, 1, "the condition is evaluated once");
}

Test(check, false_stops_the_process, .signal = SIGABRT)
{
	check(1 == 2);
}

Test(check, container_of_finds_the_struct_around_a_member)
{
	struct outer outer = { 1, { 2 } };
	struct inner *inner = &outer.inner;
	cr_expect_eq(container_of(inner, struct outer, inner), &outer);
}
