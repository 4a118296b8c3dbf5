/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>

Test(arena, memory_is_aligned_and_apart)
{
	struct arena a;
	char *pieces[2000];
	arena_init(&a);
	for (size_t i = 0; i < 2000; i++) {
		pieces[i] = arena_alloc(&a, i % 37);
		cr_assert_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)i, i % 37);
	}
	for (size_t i = 0; i < 2000; i++)
		for (size_t j = 0; j < i % 37; j++)
			cr_assert_eq(pieces[i][j], (char)i);
	cr_expect_geq(a.total, 2000 * 16);
	arena_release(&a);
	cr_expect_eq(a.total, 0);
	cr_expect_null(a.blocks);
}

Test(arena, large_pieces_fit)
{
	struct arena a;
	arena_init(&a);
	char *small = arena_new(&a, 10);
	char *large = arena_new(&a, ARENA_BLOCK_BYTES * 10);
	char *again = arena_new(&a, 10);
	memset(large, 1, ARENA_BLOCK_BYTES * 10);
	for (size_t i = 0; i < 10; i++)
		cr_expect(small[i] == 0 && again[i] == 0);
	arena_release(&a);
}

Test(arena, blocks_are_used_again_and_zeroed_when_asked)
{
	struct arena a;
	arena_init(&a);
	char *first = arena_alloc(&a, 100);
	memset(first, 0xff, 100);
	arena_release(&a);
	char *second = arena_new(&a, 100);
	cr_expect_eq(first, second, "a spare block was not used");
	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(second[i], 0);
	arena_release(&a);
	arena_drop_spares();
	arena_drop_spares();
}

Test(arena, copies_end_in_nul)
{
	struct arena a;
	arena_init(&a);
	struct slice copy = arena_copy(&a, SLICE("a\0b"));
	cr_expect_eq(copy.len, 3);
	cr_expect_eq(memcmp(copy.at, "a\0b", 4), 0);
	cr_expect(slice_is_absent(arena_copy(&a, SLICE_ABSENT)));
	copy = arena_copy(&a, SLICE(""));
	cr_expect(!slice_is_absent(copy) && copy.len == 0 && copy.at[0] == '\0');
	arena_release(&a);
}

Test(arena, joins)
{
	const struct slice parts[] = {
		SLICE_INIT("a"), { NULL, 0 }, SLICE_INIT(""), SLICE_INIT("b\0c")
	};
	struct arena a;
	arena_init(&a);
	struct slice joined = arena_join(&a, parts, 4);
	cr_expect_eq(joined.len, 4);
	cr_expect_eq(memcmp(joined.at, "ab\0c", 5), 0);
	joined = arena_join(&a, parts, 0);
	cr_expect(joined.len == 0 && joined.at[0] == '\0');
	arena_release(&a);
}

Test(arena, prints)
{
	struct arena a;
	char expected[10001];
	arena_init(&a);
	struct slice text = arena_print(&a, "%s-%d", "a", 7);
	cr_expect_str_eq(text.at, "a-7");
	cr_expect_eq(text.len, 3);
	text = arena_print(&a, "%*d", 10000, 1);
	snprintf(expected, sizeof expected, "%*d", 10000, 1);
	cr_expect_str_eq(text.at, expected);
	arena_release(&a);
}

Test(arena, the_sanitizer_sees_where_a_piece_ends)
{
#if MEMORY_IS_WATCHED
	struct arena a;
	arena_init(&a);
	char *piece = arena_alloc(&a, 20), *next = arena_alloc(&a, 16);
	cr_assert(!__asan_address_is_poisoned(piece + 19));
	cr_assert(__asan_address_is_poisoned(piece + 20));
	cr_assert(__asan_address_is_poisoned(next - 1));
	cr_assert(__asan_address_is_poisoned(next + 16));
	arena_release(&a);
	cr_assert(__asan_address_is_poisoned(piece));
	arena_drop_spares();
#else
	cr_skip_test("only in a build with the address sanitizer");
#endif
}
