/* SPDX-License-Identifier: Apache-2.0 */
#include "share/persist.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3
#define ROWS 100

/* Table 0 has two sets and no expiry, 1 expires after 10 s, 2 is none, 3 has one set, 4 many. */
static const struct persist_plan plan = {
	.workers = WORKERS,
	.classes = 2,
	.rows = ROWS,
	.tables = { { .entries = 16 },
		    { .entries = 1000, .expiry_seconds = 10 },
		    { 0 },
		    { .entries = 1 },
		    { .entries = 64000 } },
};
static struct share_persist *persist;
static unsigned displaced;

static void open_persist(void)
{
	alarm(60);
	void *memory = mmap(NULL, persist_bytes(&plan), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(memory, MAP_FAILED);
	persist = persist_make(memory, &plan);
}

static void close_persist(void)
{
	munmap(persist, persist_bytes(&plan));
}

TestSuite(persist, .init = open_persist, .fini = close_persist);

/* A name as a hash gives it, always the same for a number. */
static uint64_t name(uint64_t number)
{
	uint64_t x = (number + 1) * 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint32_t hold(unsigned table, uint64_t number, uint32_t row, uint64_t now)
{
	return persist_hold(persist, table, name(number), row, PERSIST_NO_ROW, now, &displaced);
}

static uint32_t find(unsigned table, uint64_t number, uint64_t now)
{
	return persist_find(persist, table, name(number), now);
}

Test(persist, a_session_is_held_where_it_was_first)
{
	cr_expect_eq(find(0, 7, 1000), PERSIST_NO_ROW);
	cr_expect_eq(hold(0, 7, 5, 1000), 5);
	cr_expect_eq(hold(0, 7, 6, 1000), 5, "it is held already");
	cr_expect_eq(find(0, 7, 1000), 5);
	cr_expect_eq(find(0, 8, 1000), PERSIST_NO_ROW);
	cr_expect_eq(hold(0, 8, 0, 1000), 0, "the first row is a row");
	cr_expect_eq(find(0, 8, 1000), 0);
	cr_expect_eq(hold(0, 9, ROWS - 1, 1000), ROWS - 1);
	cr_expect_eq(find(0, 9, 1000), ROWS - 1);
	cr_expect_eq(persist_used(persist, 0, 1000), 3);
}

Test(persist, tables_are_apart)
{
	hold(0, 7, 5, 1000);
	cr_expect_eq(find(1, 7, 1000), PERSIST_NO_ROW);
	hold(1, 7, 6, 1000);
	cr_expect_eq(find(0, 7, 1000), 5);
	cr_expect_eq(find(1, 7, 1000), 6);
	cr_expect_eq(persist_size(persist, 0), 16);
	cr_expect_eq(persist_size(persist, 1), 1000);
	cr_expect_eq(persist_size(persist, 2), 0);
	cr_expect_eq(persist_used(persist, 2, 1000), 0);
	cr_expect_eq(persist_size(persist, 3), 8, "sets are whole");
}

Test(persist, a_session_moves_from_where_it_was)
{
	hold(0, 7, 5, 1000);
	cr_expect_eq(persist_hold(persist, 0, name(7), 6, 5, 1000, &displaced), 6);
	cr_expect_eq(displaced, 0);
	cr_expect_eq(find(0, 7, 1000), 6);
	cr_expect_eq(persist_hold(persist, 0, name(7), 8, 5, 1000, &displaced), 6,
		     "somebody else has moved it before");
	cr_expect_eq(persist_used(persist, 0, 1000), 1);
}

Test(persist, a_session_is_forgotten)
{
	hold(0, 7, 5, 1000);
	persist_forget(persist, 0, name(7), 4, 1000);
	cr_expect_eq(find(0, 7, 1000), 5, "it is held elsewhere by now");
	persist_forget(persist, 0, name(8), 5, 1000);
	cr_expect_eq(find(0, 7, 1000), 5);
	persist_forget(persist, 0, name(7), 5, 1000);
	cr_expect_eq(find(0, 7, 1000), PERSIST_NO_ROW);
	cr_expect_eq(persist_used(persist, 0, 1000), 0);
}

Test(persist, what_is_used_longest_ago_makes_room)
{
	for (uint64_t i = 0; i < 8; i++) {
		hold(3, i, (uint32_t)i, 1000 * (100 + i));
		cr_expect_eq(displaced, 0);
	}
	cr_expect_eq(find(3, 0, 200000), 0); /* used again */
	hold(3, 8, 8, 201000);
	cr_expect_eq(displaced, 1);
	cr_expect_eq(find(3, 1, 202000), PERSIST_NO_ROW);
	cr_expect_eq(find(3, 0, 202000), 0);
	for (uint64_t i = 2; i <= 8; i++)
		cr_expect_eq(find(3, i, 202000), i);
	cr_expect_eq(persist_used(persist, 3, 202000), 8);
}

Test(persist, a_free_place_comes_first)
{
	for (uint64_t i = 0; i < 8; i++)
		hold(3, i, (uint32_t)i, 1000 * (100 + i));
	persist_forget(persist, 3, name(6), 6, 110000);
	hold(3, 8, 8, 111000);
	cr_expect_eq(displaced, 0);
	cr_expect_eq(find(3, 0, 112000), 0);
	cr_expect_eq(find(3, 8, 112000), 8);
}

Test(persist, a_free_place_stays_one_when_seconds_begin_anew)
{
	const uint64_t turn = (uint64_t)1000 << 24;
	for (uint64_t i = 0; i < 7; i++)
		hold(3, i, (uint32_t)i, turn - 60000);
	hold(3, 7, 7, turn + 1000);
	cr_expect_eq(displaced, 0);
	for (uint64_t i = 0; i < 8; i++)
		cr_expect_eq(find(3, i, turn + 1000), i);
}

Test(persist, sessions_expire_after_their_last_use)
{
	hold(1, 7, 5, 1000000);
	cr_expect_eq(find(1, 7, 1009000), 5);
	cr_expect_eq(find(1, 7, 1019000), 5);
	cr_expect_eq(persist_used(persist, 1, 1029000), 1);
	cr_expect_eq(persist_used(persist, 1, 1030000), 0);
	cr_expect_eq(find(1, 7, 1030000), PERSIST_NO_ROW);
	cr_expect_eq(hold(1, 7, 6, 1030000), 6);
	cr_expect_eq(displaced, 0);
	cr_expect_eq(find(1, 7, 1030000), 6);
	hold(0, 7, 5, 1000000);
	cr_expect_eq(find(0, 7, 1000000 + 8000000000u), 5, "in another table they do not");
}

Test(persist, a_clock_that_is_behind_is_no_age)
{
	hold(1, 7, 5, 1003000);
	cr_expect_eq(find(1, 7, 1000000), 5);
	for (uint64_t i = 0; i < 8; i++)
		hold(3, i, (uint32_t)i, 1000000 + (i == 4 ? 3000 : 0));
	for (uint64_t i = 0; i < 4; i++)
		cr_expect_eq(find(3, i, 1001000), i);
	hold(3, 8, 8, 1001000);
	cr_expect_eq(find(3, 4, 1001000), 4, "the youngest does not go");
}

Test(persist, few_are_lost_below_the_size)
{
	unsigned lost = 0;
	for (uint64_t i = 0; i < 32000; i++)
		hold(4, i, (uint32_t)(i % ROWS), 1000);
	for (uint64_t i = 0; i < 32000; i++) {
		uint32_t row = find(4, i, 2000);
		cr_assert(row == i % ROWS || row == PERSIST_NO_ROW);
		lost += row == PERSIST_NO_ROW;
	}
	cr_expect_lt(lost, 1000, "%u", lost); /* of a half-full table's sets 2 % overflow */
}

Test(persist, more_than_there_is_room_for)
{
	for (uint64_t i = 0; i < 100000; i++) {
		cr_assert_eq(hold(0, i, (uint32_t)(i % ROWS), 1000 * i), i % ROWS);
		cr_assert_eq(find(0, i, 1000 * i), i % ROWS);
		cr_assert_leq(persist_used(persist, 0, 1000 * i), 16);
	}
}

/* ---- several workers ------------------------------------------------------------------------------ */

#define SESSIONS 3000

/* Each worker holds all sessions at a row of its own; what they heard is in `rows`. */
static void hold_all(uint32_t *rows, unsigned worker)
{
	unsigned ignored;
	for (unsigned i = 0; i < SESSIONS; i++)
		rows[worker * SESSIONS + i] = persist_hold(persist, 4, name(i), worker,
							   PERSIST_NO_ROW, 1000, &ignored);
}

Test(persist, workers_hear_the_same)
{
	size_t bytes = sizeof(uint32_t) * WORKERS * SESSIONS;
	uint32_t *rows = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			      0);
	cr_assert_neq(rows, MAP_FAILED);
	for (unsigned worker = 0; worker < WORKERS; worker++)
		if (fork() == 0) {
			hold_all(rows, worker);
			_exit(0);
		}
	while (wait(NULL) != -1)
		;
	for (unsigned i = 0; i < SESSIONS; i++)
		for (unsigned worker = 0; worker < WORKERS; worker++) {
			cr_assert_eq(rows[worker * SESSIONS + i], rows[i]);
			cr_assert_eq(find(4, i, 1000), rows[i]);
		}
	cr_expect_eq(persist_used(persist, 4, 1000), SESSIONS);
	munmap(rows, bytes);
}

Test(persist, counts_are_of_all_workers)
{
	struct persist_counts sum;
	persist_counts_of(persist, 0, 1)->kept = 3;
	persist_counts_of(persist, 2, 1)->kept = 4;
	persist_counts_of(persist, 1, 1)->begun = 5;
	persist_counts_of(persist, 1, 1)->lost = 6;
	persist_counts_of(persist, 1, 1)->without = 7;
	persist_counts_of(persist, 1, 1)->displaced = 8;
	persist_sum(persist, 1, &sum);
	cr_expect_eq(sum.kept, 7);
	cr_expect_eq(sum.begun, 5);
	cr_expect_eq(sum.lost, 6);
	cr_expect_eq(sum.without, 7);
	cr_expect_eq(sum.displaced, 8);
	persist_sum(persist, 0, &sum);
	cr_expect_eq(sum.kept + sum.begun + sum.lost + sum.without + sum.displaced, 0);
}
