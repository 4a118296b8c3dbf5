/* SPDX-License-Identifier: Apache-2.0 */
#include "share/slm.h"

#include <criterion/criterion.h>

static struct slm_row rows[3 * 2];
static const struct share_slm slm = { 3, 2, rows };

Test(slm, adds_up_all_workers)
{
	cr_expect_eq(slm_conforming(&slm, 1, 50000), 100);
	slm_count(&slm, 0, 1, 50000, true);
	slm_count(&slm, 1, 1, 50500, false);
	slm_count(&slm, 2, 1, 50999, false);
	slm_count(&slm, 2, 1, 51000, true);
	cr_expect_eq(slm_conforming(&slm, 1, 51000), 50);
	cr_expect_eq(slm_conforming(&slm, 0, 51000), 100);
	struct slm_counts sum;
	slm_sum(&slm, 1, &sum);
	cr_expect(sum.answers == 4 && sum.late == 2);
}

Test(slm, forgets_what_is_ten_seconds_old)
{
	slm_count(&slm, 0, 0, 3000, false);
	slm_count(&slm, 0, 0, 8000, true);
	cr_expect_eq(slm_conforming(&slm, 0, 12999), 50);
	cr_expect_eq(slm_conforming(&slm, 0, 13000), 100);
	slm_count(&slm, 0, 0, 19000, false); /* in the word of second 3 */
	cr_expect_eq(slm_conforming(&slm, 0, 17999), 100);
	cr_expect_eq(slm_conforming(&slm, 0, 19000), 0);
}

Test(slm, a_young_clock_is_no_trouble)
{
	slm_count(&slm, 0, 0, 10, false);
	cr_expect_eq(slm_conforming(&slm, 0, 10), 0);
}

Test(slm, what_is_older_than_all_words_is_forgotten_too)
{
	slm_count(&slm, 0, 0, 3000, false);
	for (uint64_t now = 13000; now < 60000; now += 1000)
		cr_expect_eq(slm_conforming(&slm, 0, now), 100, "at %d", (int)now);
}

Test(slm, more_answers_than_a_word_counts)
{
	for (int i = 0; i < (1 << 20) + 1000; i++)
		slm_count(&slm, 0, 0, 5000, i >= 1 << 19);
	cr_expect_float_eq(slm_conforming(&slm, 0, 5000), 50, 0.1);
}
