/* SPDX-License-Identifier: Apache-2.0 */
#include "share/store.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE 65536

static struct share_store *store;
static uint64_t now = 5000000;

static void open_store(void)
{
	void *memory = mmap(NULL, store_bytes(SIZE), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(memory, MAP_FAILED);
	store = store_make(memory, SIZE);
}

static void close_store(void)
{
	munmap(store, store_bytes(SIZE));
}

TestSuite(store, .init = open_store, .fini = close_store);

static enum store_result set_for(const char *key, const char *value, uint64_t ttl)
{
	struct store_write write = { .key = slice_of_string(key),
				     .value = slice_of_string(value),
				     .now = now,
				     .expires = ttl == 0 ? 0 : now + ttl };
	return store_set(store, &write);
}

static bool holds(const char *key, const char *value)
{
	static char room[SIZE];
	size_t len;
	if (!store_get(store, slice_of_string(key), now, room, sizeof room, &len))
		return value == NULL;
	return value != NULL && slice_is_equal(slice_of(room, len), slice_of_string(value));
}

static size_t count_keys(const char *prefix)
{
	char keys[STORE_KEY_MOST + 2];
	struct store_walk walk = { 0 };
	size_t count = 0;
	while (!walk.is_over) {
		size_t size = store_list(store, slice_of_string(prefix), now, &walk, keys,
					 sizeof keys);
		for (size_t at = 0; at < size; count++) {
			uint16_t len;
			memcpy(&len, keys + at, sizeof len);
			at += sizeof len + len;
		}
	}
	return count;
}

static size_t reset(const char *prefix)
{
	struct store_walk walk = { 0 };
	size_t removed = 0;
	while (!walk.is_over)
		removed += store_reset(store, slice_of_string(prefix), &walk);
	return removed;
}

Test(store, what_is_set_is_there_until_it_is_removed)
{
	cr_expect(holds("a", NULL));
	cr_expect_eq(set_for("a", "1", 0), STORE_DONE);
	cr_expect_eq(set_for("", "empty", 0), STORE_DONE);
	cr_expect(holds("a", "1") && holds("", "empty"));
	cr_expect_eq(set_for("a", "", 0), STORE_DONE);
	cr_expect(holds("a", ""));
	cr_expect(store_remove(store, SLICE("a"), now));
	cr_expect_not(store_remove(store, SLICE("a"), now));
	cr_expect(holds("a", NULL) && holds("", "empty"));
	reset("");
	cr_expect_eq(store_used(store, now), 0);
}

/* Values of every length around the ends of cells, over each other. */
Test(store, values_of_every_length)
{
	char value[1200];
	for (size_t len = 0; len < sizeof value; len++) {
		memset(value, 'a' + (int)(len % 26), sizeof value);
		value[len] = '\0';
		cr_assert_eq(set_for("key", value, 0), STORE_DONE);
		cr_assert(holds("key", value), "%zu bytes", len);
	}
	cr_expect(store_remove(store, SLICE("key"), now));
	cr_expect_eq(store_used(store, now), 0);
	cr_expect_eq(store_free(store, now), SIZE);
}

Test(store, a_value_that_does_not_fit_where_it_is_to_go_is_only_measured)
{
	char room[4] = "...";
	size_t len = 0;
	set_for("a", "12345", 0);
	cr_expect(store_get(store, SLICE("a"), now, room, sizeof room, &len));
	cr_expect_eq(len, 5);
	cr_expect_str_eq(room, "...");
}

Test(store, conditions)
{
	struct store_write write = { .key = SLICE("k"), .value = SLICE("1"), .now = now };
	write.when = STORE_IF_EQUAL;
	write.old = SLICE("");
	cr_expect_eq(store_set(store, &write), STORE_REFUSED);
	write.when = STORE_IF_ABSENT;
	cr_expect_eq(store_set(store, &write), STORE_DONE);
	cr_expect_eq(store_set(store, &write), STORE_REFUSED);
	write.when = STORE_IF_EQUAL;
	write.old = SLICE("2");
	write.value = SLICE("3");
	cr_expect_eq(store_set(store, &write), STORE_REFUSED);
	cr_expect(holds("k", "1"));
	write.old = SLICE("1");
	cr_expect_eq(store_set(store, &write), STORE_DONE);
	cr_expect(holds("k", "3"));
}

Test(store, numbers_are_added_to)
{
	double sum = 0;
	cr_expect_eq(store_increment(store, SLICE("n"), 2, now, 0, &sum), STORE_DONE);
	cr_expect_eq(store_increment(store, SLICE("n"), -0.5, now, 0, &sum), STORE_DONE);
	cr_expect_eq(sum, 1.5);
	set_for("text", "nine and 9", 0);
	cr_expect_eq(store_increment(store, SLICE("text"), 1, now, 0, &sum), STORE_REFUSED);
	cr_expect(holds("text", "nine and 9"));
}

Test(store, a_number_expires_after_its_beginning)
{
	double sum = 0;
	store_increment(store, SLICE("n"), 1, now, now + 1000, &sum);
	now += 600;
	store_increment(store, SLICE("n"), 1, now, now + 1000, &sum);
	cr_expect_eq(sum, 2);
	now += 600;
	store_increment(store, SLICE("n"), 1, now, now + 1000, &sum);
	cr_expect_eq(sum, 1);
}

Test(store, what_has_expired_is_not_there_and_its_room_is_given_back)
{
	set_for("short", "1", 1500);
	set_for("long", "1", 20000000);
	set_for("ever", "1", 0);
	uint64_t used = store_used(store, now);
	now += 1499;
	cr_expect(holds("short", "1"));
	now += 1;
	cr_expect(holds("short", NULL));
	cr_expect_eq(count_keys(""), 2);
	set_for("short", "1", 1500);
	now += 2500;
	cr_expect_eq(store_used(store, now), used / 3 * 2); /* nobody had to ask for it */
	for (int i = 0; i < 8; i++, now += 2400000) {
		cr_expect(holds("long", "1"), "%d", i);
		store_used(store, now);
	}
	now += 1000000;
	cr_expect_eq(store_used(store, now), used / 3);
	cr_expect(holds("ever", "1") && holds("long", NULL));
}

/* Its second comes around on the wheel long before its time. */
Test(store, what_expires_far_ahead_holds_nobody_up)
{
	set_for("far", "1", 2 * 4096 * 1000 + 3000);
	set_for("near", "1", 5000);
	uint64_t used = store_used(store, now);
	now += 8000;
	cr_expect_eq(store_used(store, now), used / 2);
	cr_expect(holds("far", "1"));
}

Test(store, a_clock_that_leaps_costs_no_time)
{
	alarm(20);
	set_for("k", "1", 1000);
	now += 1000000000000000;
	cr_expect_eq(store_used(store, now), 0);
	set_for("k", "2", 1000);
	cr_expect(holds("k", "2"));
}

Test(store, a_full_store_refuses_and_takes_again_when_there_is_room)
{
	char key[16], value[200];
	int count = 0;
	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	snprintf(key, sizeof key, "k0");
	while (set_for(key, value, 0) == STORE_DONE)
		snprintf(key, sizeof key, "k%d", ++count);
	cr_expect_geq(count, SIZE / 256);
	cr_expect_lt(store_free(store, now), 256);
	cr_expect(holds(key, NULL));
	cr_expect_eq(count_keys("k"), (size_t)count);
	cr_expect_eq(set_for("k0", "smaller", 0), STORE_DONE);
	cr_expect_eq(set_for("k1", value, 0), STORE_DONE, "one that is no bigger");
	cr_expect(holds("k0", "smaller") && holds("k1", value));
	store_remove(store, SLICE("k2"), now);
	cr_expect_eq(set_for(key, value, 0), STORE_DONE);
}

Test(store, a_value_beyond_all_bounds_changes_nothing)
{
	static char value[2 * SIZE];
	memset(value, 'x', sizeof value - 1);
	cr_expect_eq(set_for("k", "old", 0), STORE_DONE);
	cr_expect_eq(set_for("k", value, 0), STORE_FULL);
	cr_expect(holds("k", "old"));
}

Test(store, a_full_store_makes_room_from_all_that_has_expired)
{
	char key[16];
	int count = 0;
	do
		snprintf(key, sizeof key, "k%d", count++);
	while (set_for(key, "value", 1000) == STORE_DONE);
	static char value[SIZE / 2];
	memset(value, 'x', sizeof value - 1);
	cr_expect_eq(set_for("big", value, 0), STORE_FULL);
	now += 2001;
	cr_expect_eq(set_for("big", value, 0), STORE_DONE);
	cr_expect(holds("big", value));
}

Test(store, lists_and_resets_by_prefix)
{
	char key[16];
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "%c%d", i % 2 == 0 ? 'a' : 'b', i);
		set_for(key, "1", 0);
	}
	cr_expect_eq(count_keys(""), 100);
	cr_expect_eq(count_keys("a"), 50);
	cr_expect_eq(count_keys("a2"), 6);
	cr_expect_eq(count_keys("c"), 0);
	cr_expect_eq(reset("a"), 50);
	cr_expect(holds("a0", NULL) && holds("b1", "1"));
	cr_expect_eq(count_keys(""), 50);
}

/* ---- several processes --------------------------------------------------------------------------------- */

Test(store, increments_of_two_processes_are_all_there)
{
	double sum;
	pid_t pids[2];
	for (int i = 0; i < 2; i++)
		if ((pids[i] = fork()) == 0) {
			for (int k = 0; k < 50000; k++)
				store_increment(store, SLICE("n"), 1, now, 0, &sum);
			_exit(0);
		}
	for (int i = 0; i < 2; i++)
		waitpid(pids[i], NULL, 0);
	store_increment(store, SLICE("n"), 0, now, 0, &sum);
	cr_expect_eq(sum, 100000);
}

/* A value says which key it is of, and how long it is. */
static void make_value(char value[1000], unsigned key, unsigned seed)
{
	unsigned len = seed % 900;
	memset(value, 'A' + (int)(key % 26), len);
	value[len] = '\0';
}

static _Noreturn void write_for_ever(unsigned seed)
{
	char key[16], value[1000];
	double sum;
	for (;; seed = seed * 1103515245 + 12345) {
		unsigned number = seed >> 16 & 63;
		snprintf(key, sizeof key, "k%u", number);
		make_value(value, number, seed >> 8);
		if (seed % 7 == 0)
			store_remove(store, slice_of_string(key), now);
		else
			set_for(key, value, seed % 3 == 0 ? 1 + seed % 5000 : 0);
		store_increment(store, SLICE("n"), 1, now, 0, &sum);
		now += seed % 11 == 0;
	}
}

static void expect_whole(void)
{
	char key[16], value[1000], room[1000];
	size_t len;
	for (unsigned number = 0; number < 64; number++) {
		snprintf(key, sizeof key, "k%u", number);
		if (!store_get(store, slice_of_string(key), now, room, sizeof room, &len))
			continue;
		cr_assert_lt(len, sizeof room);
		make_value(value, number, (unsigned)len);
		cr_assert(len == 0 || memcmp(room, value, len) == 0, "%s", key);
	}
}

Test(store, writers_are_killed_at_any_instant)
{
	double before = 0, sum = 0;
	for (unsigned round = 0; round < 150; round++) {
		pid_t pid = fork();
		if (pid == 0)
			write_for_ever(round * 7919 + 1);
		struct timespec pause = { 0, 300000 + (long)round * 10007 };
		nanosleep(&pause, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		expect_whole();
		cr_assert_eq(store_increment(store, SLICE("n"), 1, now, 0, &sum), STORE_DONE);
		cr_assert_gt(sum, before);
		before = sum;
	}
	now += 100000000;
	store_used(store, now);
	reset("");
	cr_expect_eq(store_used(store, now), 0, "cells are lost");
	cr_expect_eq(store_free(store, now), SIZE);
}

/* Keys share buckets: what stands behind one in its bucket stays when that is replaced. */
Test(store, replacing_one_leaves_the_others)
{
	char key[16];
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 400; i++) {
			snprintf(key, sizeof key, "k%d", i);
			cr_assert_eq(set_for(key, round == 0 ? "old" : "new", 0), STORE_DONE);
		}
	for (int i = 0; i < 400; i++) {
		snprintf(key, sizeof key, "k%d", i);
		cr_expect(holds(key, "new"), "%s", key);
	}
}

/* The room holds one key at a time, also where several are in a bucket. */
Test(store, a_walk_goes_on_in_the_middle_of_a_bucket)
{
	char key[STORE_KEY_MOST + 1];
	for (int i = 0; i < 50; i++) {
		memset(key, 'x', STORE_KEY_MOST);
		key[STORE_KEY_MOST] = '\0';
		key[0] = (char)('A' + i);
		cr_assert_eq(set_for(key, "v", 0), STORE_DONE);
	}
	cr_expect_eq(count_keys(""), 50);
}

Test(store, what_is_as_long_as_a_number_is_none)
{
	double sum;
	cr_assert_eq(set_for("t", "text byte", 0), STORE_DONE);
	cr_expect_eq(store_increment(store, slice_of_string("t"), 1, now, 0, &sum), STORE_REFUSED);
	cr_expect(holds("t", "text byte"));
}
