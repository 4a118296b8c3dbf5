/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

Test(table, an_empty_one_has_nothing)
{
	struct table t;
	table_init(&t);
	cr_expect_null(table_get(&t, SLICE("a")));
	cr_expect_null(table_remove(&t, SLICE("a")));
	table_release(&t, NULL);
}

Test(table, values_are_set_replaced_and_removed)
{
	struct table t;
	int one = 1, two = 2;
	char key[] = "key";
	table_init(&t);
	cr_expect_null(table_set(&t, slice_of_string(key), &one));
	key[0] = 'x';
	cr_expect_eq(table_get(&t, SLICE("key")), &one, "the key is copied");
	cr_expect_null(table_get(&t, SLICE("xey")));
	cr_expect_null(table_get(&t, SLICE("ke")));
	cr_expect_eq(table_set(&t, SLICE("key"), &two), &one);
	cr_expect_eq(t.count, 1);
	cr_expect_eq(table_remove(&t, SLICE("key")), &two);
	cr_expect_null(table_get(&t, SLICE("key")));
	cr_expect_eq(t.count, 0);
	table_release(&t, NULL);
}

Test(table, keys_are_bytes)
{
	struct table t;
	int one = 1, two = 2, three = 3;
	table_init(&t);
	table_set(&t, SLICE("a\0b"), &one);
	table_set(&t, SLICE("a\0c"), &two);
	table_set(&t, SLICE(""), &three);
	cr_expect_eq(table_get(&t, SLICE("a\0b")), &one);
	cr_expect_eq(table_get(&t, SLICE("a\0c")), &two);
	cr_expect_eq(table_get(&t, SLICE("")), &three);
	cr_expect_null(table_get(&t, SLICE("a")));
	table_release(&t, NULL);
}

static struct slice numbered(char text[16], int i)
{
	snprintf(text, 16, "key%d", i);
	return slice_of_string(text);
}

static bool count_up(struct slice key, void *value, void *extra)
{
	char text[16];
	cr_expect(slice_is_equal(key, numbered(text, *(int *)value)));
	(*(int *)extra)++;
	return true;
}

static bool stop_at_once(struct slice key, void *value, void *extra)
{
	(void)key, (void)value;
	(*(int *)extra)++;
	return false;
}

Test(table, it_grows_and_all_are_visited_once)
{
	struct table t;
	char text[16];
	int visited = 0;
	table_init(&t);
	for (int i = 0; i < 10000; i++) {
		int *value = memory_new(1, sizeof *value);
		*value = i;
		cr_assert_null(table_set(&t, numbered(text, i), value));
	}
	cr_expect_eq(t.count, 10000);
	cr_expect_leq(t.count, t.slot_count * 2, "chains would be long");
	for (int i = 0; i < 10000; i += 2)
		free(table_remove(&t, numbered(text, i)));
	for (int i = 0; i < 10000; i++) {
		const int *value = table_get(&t, numbered(text, i));
		cr_assert_eq(value != NULL, i % 2 == 1);
		cr_assert(value == NULL || *value == i);
	}
	table_each(&t, count_up, &visited);
	cr_expect_eq(visited, 5000);
	visited = 0;
	table_each(&t, stop_at_once, &visited);
	cr_expect_eq(visited, 1);
	table_release(&t, free);
	cr_expect_eq(t.count, 0);
}

Test(table, the_hash_depends_on_every_byte)
{
	char text[32] = { 0 };
	for (size_t len = 0; len < sizeof text; len++) {
		uint64_t hash = table_hash(slice_of(text, len));
		cr_expect_eq(hash, table_hash(slice_of(text, len)));
		if (len > 0)
			cr_expect_neq(hash, table_hash(slice_of(text, len - 1)));
		for (size_t i = 0; i < len; i++) {
			text[i] ^= 1;
			cr_expect_neq(table_hash(slice_of(text, len)), hash);
			text[i] ^= 1;
		}
	}
}
