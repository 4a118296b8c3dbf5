/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>

Test(buf, first_in_first_out)
{
	struct buf b;
	buf_init(&b);
	cr_expect(buf_append(&b, SLICE("abc"), 100));
	cr_expect(buf_append(&b, SLICE("def"), 100));
	cr_expect(slice_is_equal(buf_slice(&b), SLICE("abcdef")));
	buf_take(&b, 2);
	cr_expect(slice_is_equal(buf_slice(&b), SLICE("cdef")));
	buf_release(&b);
}

Test(buf, holds_memory_only_while_it_holds_bytes)
{
	struct buf b;
	buf_init(&b);
	cr_expect_eq(buf_slice(&b).len, 0);
	cr_expect(!slice_is_absent(buf_slice(&b)));
	buf_append(&b, SLICE(""), 10);
	cr_expect_null(b.block);
	buf_append(&b, SLICE("abc"), 10);
	cr_expect_not_null(b.block);
	buf_take(&b, 3);
	cr_expect_null(b.block);
	char *room;
	cr_expect(buf_reserve(&b, 5, 10, &room));
	buf_grow(&b, 0);
	cr_expect_null(b.block, "reserved room that was not used is given back");
}

Test(buf, is_full_at_its_limit)
{
	struct buf b;
	char *room;
	buf_init(&b);
	cr_expect(buf_append(&b, SLICE("abc"), 3));
	cr_expect(!buf_append(&b, SLICE("d"), 3));
	cr_expect(!buf_append(&b, SLICE("d"), 2), "a limit that shrank");
	cr_expect(!buf_reserve(&b, SIZE_MAX, 10, &room), "no sum may overflow");
	cr_expect(slice_is_equal(buf_slice(&b), SLICE("abc")));
	buf_release(&b);
}

/* A stream of bytes through a small window must come out as it went in. */
Test(buf, a_long_stream_stays_in_order)
{
	struct buf b;
	unsigned char put = 0, taken = 0;
	unsigned random = 1;
	buf_init(&b);
	for (int i = 0; i < 20000; i++) {
		random = random * 1103515245 + 12345;
		size_t count = random >> 16 & 63;
		char *room;
		if ((random & 0x8000) != 0 && buf_reserve(&b, count, 500, &room)) {
			for (size_t j = 0; j < count; j++)
				room[j] = (char)put++;
			buf_grow(&b, count);
		} else {
			struct slice s = buf_slice(&b);
			count = count < s.len ? count : s.len;
			for (size_t j = 0; j < count; j++)
				cr_assert_eq((unsigned char)s.at[j], taken++);
			buf_take(&b, count);
		}
		cr_assert(b.block == NULL || b.block->capacity <= 1024,
			  "memory grows without bound");
	}
	buf_release(&b);
}

Test(buf, more_than_was_there_cannot_be_taken, .signal = SIGABRT)
{
	struct buf b;
	buf_init(&b);
	buf_append(&b, SLICE("a"), 10);
	buf_take(&b, 2);
}

Test(buf, more_than_was_reserved_cannot_be_counted, .signal = SIGABRT)
{
	struct buf b;
	char *room;
	buf_init(&b);
	buf_reserve(&b, 10, 100000, &room);
	buf_grow(&b, 10000);
}
