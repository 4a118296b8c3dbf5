/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <criterion/criterion.h>

Test(err, keeps_the_reason_and_is_false)
{
	struct err e;
	cr_expect(!err_set(&e, "cannot open '%s': %d", "x", 3));
	cr_expect_str_eq(e.text, "cannot open 'x': 3");
}

Test(err, a_long_reason_is_cut)
{
	struct err e;
	err_set(&e, "%*d", 5000, 1);
	cr_expect_eq(strlen(e.text), sizeof e.text - 1);
}
