/* SPDX-License-Identifier: Apache-2.0 */
#include "share/rates.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 3
#define CLASSES 2

static struct share_rates *rates;

static void open_rates(void)
{
	void *memory = mmap(NULL, rates_bytes(WORKERS, CLASSES), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(memory, MAP_FAILED);
	rates = rates_make(memory, WORKERS, CLASSES);
}

static void close_rates(void)
{
	munmap(rates, rates_bytes(WORKERS, CLASSES));
}

TestSuite(rates, .init = open_rates, .fini = close_rates);

/* Asks as often as may be from `from` to `to`; counts who passed, and never more than the limit at once. */
static unsigned pass(uint64_t name, struct rates_limits limits, uint64_t from, uint64_t to)
{
	unsigned passed = 0;
	for (uint64_t now = from; now < to; now++)
		while (rates_take(rates, name, &limits, now) == 0)
			passed++;
	return passed;
}

Test(rates, no_second_sees_more_than_the_limit)
{
	const struct rates_limits limits = { .per_second = 5 };
	uint64_t times[200];
	unsigned count = 0;
	for (uint64_t now = 100000; count < 200; now += 7)
		while (count < 200 && rates_take(rates, 1, &limits, now) == 0)
			times[count++] = now;
	for (unsigned i = 5; i < count; i++)
		cr_assert_gt(times[i] - times[i - 5], 1000);
	/* and it is not much less */
	cr_expect_lt(times[199] - times[0], 39 * 1060);
}

Test(rates, both_limits_hold)
{
	const struct rates_limits limits = { .per_second = 4, .per_minute = 10 };
	cr_expect_eq(pass(1, limits, 100000, 100001), 4);
	cr_expect_eq(pass(1, limits, 100001, 159999), 6);
	cr_expect_geq(pass(1, limits, 163000, 166200), 8);
	cr_expect_eq(pass(2, limits, 100000, 100001), 4, "another name has limits of its own");
}

Test(rates, no_limit_lets_all_pass)
{
	const struct rates_limits none = { 0, 0 };
	for (int i = 0; i < 1000; i++)
		cr_assert_eq(rates_take(rates, 7, &none, 1), 0);
}

Test(rates, a_clock_that_leaps_costs_no_time)
{
	const struct rates_limits limits = { .per_second = 1, .per_minute = 1 };
	alarm(20);
	cr_assert_eq(rates_take(rates, 1, &limits, 1000), 0);
	cr_assert_eq(rates_take(rates, 1, &limits, 1000000000000000), 0);
	cr_assert_neq(rates_take(rates, 1, &limits, 1000000000000000), 0);
}

/* Whoever comes back after that time passes, and not before. */
Test(rates, says_how_long_to_wait)
{
	const struct rates_limits limits = { .per_second = 2 };
	uint64_t now = 123456;
	cr_assert_eq(rates_take(rates, 1, &limits, now), 0);
	now += 400;
	cr_assert_eq(rates_take(rates, 1, &limits, now), 0);
	uint64_t wait = rates_take(rates, 1, &limits, now);
	cr_expect_gt(wait, 600);
	cr_expect_leq(wait, 650);
	cr_expect_gt(rates_take(rates, 1, &limits, now + wait - 1), 0);
	cr_expect_eq(rates_take(rates, 1, &limits, now + wait), 0);
	cr_expect_geq(rates_take(rates, 1, &limits, now + wait), 350);
}

Test(rates, more_names_than_rows_lose_the_oldest)
{
	const struct rates_limits limits = { .per_minute = 1 };
	for (uint64_t name = 1; name <= 100000; name++)
		cr_assert_eq(rates_take(rates, name, &limits, 1000 + name / 100), 0);
	cr_expect_gt(rates_take(rates, 100000, &limits, 2001), 0);
	cr_expect_eq(rates_take(rates, 1, &limits, 2001), 0);
}

Test(rates, those_who_wait_are_counted_over_all_workers)
{
	for (unsigned worker = 0; worker < WORKERS; worker++)
		for (unsigned i = 0; i <= worker; i++)
			cr_assert(rates_wait(rates, worker, (uint64_t)5 << 40));
	cr_assert(rates_wait(rates, 0, (uint64_t)6 << 40));
	cr_expect_eq(rates_backlog(rates, (uint64_t)5 << 40), 6);
	cr_expect_eq(rates_backlog(rates, (uint64_t)6 << 40), 1);
	cr_expect_eq(rates_backlog(rates, (uint64_t)7 << 40), 0);
	rates_wait_over(rates, 2, (uint64_t)5 << 40);
	cr_expect_eq(rates_backlog(rates, (uint64_t)5 << 40), 5);
	rates_counts_of(rates, 1, 1)->waiting = 9;
	rates_give_back(rates, 1);
	cr_expect_eq(rates_backlog(rates, (uint64_t)5 << 40), 3);
	struct rates_counts sum;
	rates_sum(rates, 1, &sum);
	cr_expect_eq(sum.waiting, 0);
}

Test(rates, a_killed_worker_holds_nobody_up)
{
	const struct rates_limits limits = { .per_second = 1000000000 };
	for (int round = 0; round < 100; round++) {
		pid_t pid = fork();
		if (pid == 0)
			for (uint64_t now = 1000;; now++)
				rates_take(rates, 1, &limits, now);
		struct timespec pause = { 0, 200000 + round * 5003 };
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		cr_assert_eq(rates_take(rates, 1, &limits, 1000), 0);
	}
}

/* Nine names for the eight places of a set: the one that is in use stays. */
Test(rates, who_was_not_seen_for_longest_is_forgotten)
{
	const struct rates_limits limits = { 0, 2 };
	const uint64_t sets = 4096, busy = 7;
	uint64_t now = 1000000;
	cr_expect_eq(rates_take(rates, busy, &limits, now++), 0);
	cr_expect_eq(rates_take(rates, busy, &limits, now++), 0);
	for (uint64_t i = 1; i < 40; i++) {
		cr_expect_eq(rates_take(rates, busy + i * sets, &limits, now++), 0);
		cr_expect_gt(rates_take(rates, busy, &limits, now++), 0, "after %d others", (int)i);
	}
}

/* Who has waited leaves room for others. */
Test(rates, places_of_those_who_wait_are_used_again)
{
	for (uint64_t name = 1; name <= 20000; name++) {
		cr_assert(rates_wait(rates, 0, name << 20 | 5), "%d", (int)name);
		cr_assert_eq(rates_backlog(rates, name << 20 | 5), 1);
		rates_wait_over(rates, 0, name << 20 | 5);
	}
}
