/* SPDX-License-Identifier: Apache-2.0 */
#include "share/clients.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3

static struct share share;

static void open_share(void)
{
	struct share_counts counts = { .workers = WORKERS, .client_rows = clients_rows_for(1) };
	struct err e;
	alarm(30);
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
}

static void close_share(void)
{
	segment_close(&share);
}

TestSuite(clients, .init = open_share, .fini = close_share);

static struct slice client(unsigned number, char out[16])
{
	return slice_of(out, (size_t)snprintf(out, 16, "client %u", number));
}

/* How many the client has after one more in that worker. */
static uint64_t enter(unsigned worker, unsigned number, uint32_t *row)
{
	char text[16];
	uint64_t all = 0;
	cr_assert(clients_enter(&share, worker, client(number, text), row, &all));
	return all;
}

Test(clients, are_counted_over_all_workers)
{
	uint32_t rows[4], row;
	cr_expect_eq(enter(0, 7, &rows[0]), 1);
	cr_expect_eq(enter(1, 7, &rows[1]), 2);
	cr_expect_eq(enter(1, 7, &rows[2]), 3);
	cr_expect_eq(enter(2, 7, &rows[3]), 4);
	cr_expect_eq(enter(2, 8, &row), 1);
	cr_expect_eq(rows[1], rows[2]);
	clients_leave(&share, 1, rows[1]);
	clients_leave(&share, 0, rows[0]);
	cr_expect_eq(enter(0, 7, &row), 3);
}

Test(clients, a_row_is_free_again_when_nobody_counts)
{
	for (unsigned number = 0; number < 100000; number++) {
		uint32_t row;
		cr_assert_eq(enter(0, number, &row), 1);
		clients_leave(&share, 0, row);
	}
	for (unsigned i = 0; i < share.client_rows; i++)
		cr_assert_eq(((uint64_t *)(void *)share.clients)[i], 0);
}

Test(clients, many_keep_apart)
{
	enum { MANY = 256 }; /* a quarter of the table: what it is made for */
	uint32_t rows[MANY][2], row;
	for (unsigned number = 0; number < MANY; number++) {
		cr_assert_eq(enter(0, number, &rows[number][0]), 1);
		cr_assert_eq(enter(1, number, &rows[number][1]), 2);
	}
	for (unsigned number = 0; number < MANY; number += 2)
		clients_leave(&share, 0, rows[number][0]);
	for (unsigned number = 0; number < MANY; number++)
		cr_assert_eq(enter(2, number, &row), number % 2 == 0 ? 2 : 3);
}

Test(clients, what_finds_no_room_is_not_counted)
{
	char text[16];
	uint32_t row = 0;
	uint64_t all;
	unsigned number = 0;
	while (clients_enter(&share, 0, client(number, text), &row, &all) && number < 5000)
		number++;
	cr_expect_eq(row, CLIENTS_NO_ROW);
	cr_expect(number > share.client_rows / 2 && number < 5000, "%u", number);
	cr_expect(clients_enter(&share, 1, client(number, text), &row, &all), "in another worker");
}

Test(clients, a_dead_worker_counts_no_more)
{
	uint32_t row;
	enter(0, 1, &row);
	enter(0, 2, &row);
	enter(1, 1, &row);
	clients_give_back(&share, 0);
	cr_expect_eq(enter(1, 1, &row), 2);
	cr_expect_eq(enter(0, 2, &row), 1);
}

Test(clients, a_weir_without_such_limits_has_no_table)
{
	struct share_counts counts = { .workers = 1 };
	struct share none;
	struct err e;
	uint32_t row;
	uint64_t all;
	cr_assert(segment_open(&none, &counts, &e));
	cr_expect(!clients_enter(&none, 0, SLICE("a"), &row, &all));
	clients_give_back(&none, 0);
	segment_close(&none);
}

Test(clients, there_is_room_for_all_sessions)
{
	cr_expect_eq(clients_rows_for(0), 1024);
	cr_expect_eq(clients_rows_for(256), 1024);
	cr_expect_eq(clients_rows_for(257), 2048);
	cr_expect_eq(clients_rows_for(20000), 131072);
	cr_expect_eq(clients_rows_for(UINT64_MAX), 1048576);
}

/* Workers that come and go at once: whoever is within the limit leaves again, nobody sees more. */
static _Noreturn void storm(unsigned worker, unsigned *inside, unsigned *most)
{
	for (unsigned turn = 0; turn < 100000; turn++) {
		uint32_t row;
		if (enter(worker, 1, &row) <= 2) {
			unsigned now = __atomic_add_fetch(inside, 1, __ATOMIC_SEQ_CST);
			if (now > __atomic_load_n(most, __ATOMIC_RELAXED))
				__atomic_store_n(most, now, __ATOMIC_RELAXED);
			__atomic_sub_fetch(inside, 1, __ATOMIC_SEQ_CST);
		}
		clients_leave(&share, worker, row);
	}
	_exit(0);
}

Test(clients, a_limit_is_never_passed)
{
	unsigned *shared = (unsigned *)(void *)(share.lives); /* some memory that all see */
	for (unsigned worker = 0; worker < WORKERS; worker++)
		if (fork() == 0)
			storm(worker, &shared[0], &shared[1]);
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		int status;
		cr_assert_neq(wait(&status), -1);
		cr_expect_eq(status, 0);
	}
	cr_expect(shared[1] >= 1 && shared[1] <= 2, "%u", shared[1]);
}
