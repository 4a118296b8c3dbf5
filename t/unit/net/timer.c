/* SPDX-License-Identifier: Apache-2.0 */
#include "net/timer.h"

#include "base/check.h"
#include "base/clock.h"
#include "net_unit.h"

#include <criterion/criterion.h>
#include <stdlib.h>

/* ---- one timer --------------------------------------------------------------------------------- */

static unsigned fired;

static void count(struct timer *timer)
{
	(void)timer;
	fired++;
}

static uint64_t now;

static void start_clock(void)
{
	unit_set_limit();
	clock_update();
	now = clock_milliseconds();
	timer_advance(now);
}

TestSuite(timer, .init = start_clock);

Test(timer, fires_once_and_never_early)
{
	struct timer t;
	timer_init(&t, count);
	timer_set(&t, 5);
	timer_advance(now + 4);
	cr_expect_eq(fired, 0);
	timer_advance(now + 5);
	cr_expect_eq(fired, 1);
	timer_advance(now + 5000);
	cr_expect_eq(fired, 1);
	cr_expect_eq(timer_next(), TIMER_NEVER);
}

Test(timer, nought_and_times_without_end_are_never)
{
	struct timer t;
	timer_init(&t, count);
	timer_set(&t, 5);
	timer_set(&t, 0);
	timer_advance(now + 1000);
	const uint64_t spans[] = { UINT64_MAX, UINT64_MAX - now, UINT64_MAX - now + 1 };
	for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
		timer_set(&t, spans[i]);
		timer_advance(now + 2000 + i);
	}
	timer_set_at(&t, TIMER_NEVER);
	timer_advance(now + 1000000);
	cr_expect_eq(fired, 0);
	timer_release(&t);
	cr_expect_eq(timer_next(), TIMER_NEVER);
}

Test(timer, moving_later_costs_the_wheel_nothing)
{
	struct timer t;
	timer_init(&t, count);
	timer_set_at(&t, now + 10);
	uint64_t due = t.due;
	for (unsigned i = 0; i < 100; i++)
		timer_set_at(&t, now + 10 + i);
	cr_expect_eq(t.due, due);
	timer_advance(now + 108);
	cr_expect_eq(fired, 0);
	timer_advance(now + 109);
	cr_expect_eq(fired, 1);
}

Test(timer, moving_earlier_counts)
{
	struct timer t;
	timer_init(&t, count);
	timer_set_at(&t, now + 100000);
	timer_set_at(&t, now + 3);
	cr_expect_leq(timer_next(), now + 3);
	timer_advance(now + 3);
	cr_expect_eq(fired, 1);
}

Test(timer, deadlines_in_the_past_fire_with_the_next_millisecond)
{
	struct timer t;
	timer_init(&t, count);
	timer_set_at(&t, 1);
	cr_expect_eq(timer_next(), now + 1);
	timer_advance(now);
	cr_expect_eq(fired, 0);
	timer_advance(now + 1);
	cr_expect_eq(fired, 1);
}

static void again_at_once(struct timer *timer)
{
	fired++;
	timer_set_at(timer, 1);
}

Test(timer, one_that_is_always_due_does_not_hold_the_wheel)
{
	struct timer t;
	timer_init(&t, again_at_once);
	timer_set_at(&t, now + 1);
	timer_advance(now + 50);
	cr_expect_eq(fired, 50);
	timer_release(&t);
}

Test(timer, far_beyond_the_reach_of_the_wheel)
{
	const uint64_t reach = 64ull * 64 * 64 * 64;
	static const uint64_t factors[] = { 1, 2, 3, 100, 1000 };
	struct timer t;
	timer_init(&t, count);
	for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++) {
		uint64_t deadline = now + reach * factors[i] + 7;
		fired = 0;
		timer_set_at(&t, deadline);
		timer_advance(deadline - 1);
		cr_assert_eq(fired, 0);
		cr_assert_eq(timer_next(), deadline);
		timer_advance(deadline);
		cr_assert_eq(fired, 1);
		now = deadline;
	}
}

/* ---- many, against a model --------------------------------------------------------------------- */

#define COUNT 200

struct watched {
	struct timer timer;
	bool is_set;
	uint64_t deadline;
	uint64_t fires_by; /* the first time at which the wheel must have fired it */
};

static struct watched many[COUNT];
static uint64_t advancing_to;
static uint64_t seed;

static uint64_t pick(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 20) % below;
}

static uint64_t pick_span(void)
{
	static const uint64_t spans[] = { 3, 64, 130, 5000, 300000, 20000000, 1ull << 30 };
	return pick(spans[pick(sizeof spans / sizeof spans[0])]);
}

static void model_set(struct watched *w, uint64_t deadline)
{
	w->is_set = true;
	w->deadline = deadline;
	w->fires_by = deadline > now ? deadline : now + 1;
	timer_set_at(&w->timer, deadline);
}

static void act(struct watched *w)
{
	switch (pick(8)) {
	case 0:
		w->is_set = false;
		timer_stop(&w->timer);
		break;
	case 1:
		w->is_set = false;
		timer_release(&w->timer);
		break;
	case 2:
		model_set(w, now - pick(now < 100000 ? now : 100000));
		break;
	default:
		model_set(w, now + pick_span());
		break;
	}
}

static void on_watched(struct timer *timer)
{
	struct watched *w = container_of(timer, struct watched, timer);
	cr_assert(w->is_set);
	cr_assert_leq(w->deadline, advancing_to);
	w->is_set = false;
	fired++;
	while (pick(3) == 0)
		act(pick(2) == 0 ? w : &many[pick(COUNT)]);
}

static void check_all(void)
{
	uint64_t nearest = TIMER_NEVER;
	for (size_t i = 0; i < COUNT; i++) {
		if (!many[i].is_set)
			continue;
		cr_assert_gt(many[i].fires_by, now);
		nearest = many[i].fires_by < nearest ? many[i].fires_by : nearest;
	}
	cr_assert_gt(timer_next(), now);
	cr_assert_leq(timer_next(), nearest);
}

Test(timer, agrees_with_a_list_of_deadlines)
{
	for (size_t i = 0; i < COUNT; i++)
		timer_init(&many[i].timer, on_watched);
	for (seed = 1; seed < 5; seed++)
		for (unsigned step = 0; step < 5000; step++) {
			for (uint64_t acts = pick(5); acts > 0; acts--)
				act(&many[pick(COUNT)]);
			check_all();
			advancing_to = now + (pick(4) == 0 ? pick_span() : pick(4));
			/* callbacks set relative to the time we advance to, as with the real clock */
			now = advancing_to;
			timer_advance(now);
			check_all();
		}
	cr_expect_gt(fired, 1000);
	for (size_t i = 0; i < COUNT; i++)
		timer_release(&many[i].timer);
	cr_expect_eq(timer_next(), TIMER_NEVER);
}

static void release_all(struct timer *timer)
{
	(void)timer;
	fired++;
	for (size_t i = 0; i < COUNT; i++)
		timer_release(&many[i].timer);
}

Test(timer, a_callback_may_release_all_others_of_its_moment)
{
	for (size_t i = 0; i < COUNT; i++) {
		timer_init(&many[i].timer, release_all);
		timer_set_at(&many[i].timer, now + 5000);
	}
	timer_advance(now + 6000);
	cr_expect_eq(fired, 1);
	cr_expect_eq(timer_next(), TIMER_NEVER);
}

Test(timer, ten_thousand)
{
	enum { THOUSANDS = 10000 };
	struct timer *list = calloc(THOUSANDS, sizeof *list);
	for (unsigned i = 0; i < THOUSANDS; i++) {
		timer_init(&list[i], count);
		timer_set_at(&list[i], now + 1 + i);
	}
	for (unsigned i = 1; i <= THOUSANDS; i++) {
		cr_assert_leq(timer_next(), now + i);
		timer_advance(now + i);
		cr_assert_eq(fired, i);
	}
	cr_expect_eq(timer_next(), TIMER_NEVER);
	free(list);
}
