/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/udp_hold.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_DATAGRAMS 64
#define WORKER_BYTES ((size_t)32 << 20)
#define BIG_BYTES 65000

static char big[BIG_BYTES];

static void expect_next(struct udp_queue *q, const char *text)
{
	struct udp_held *h = udp_hold_take(q);
	cr_assert_not_null(h, "no '%s'", text);
	cr_expect_eq(h->bytes, strlen(text));
	cr_expect_eq(memcmp(h->text, text, h->bytes), 0);
	free(h);
}

Test(udp_hold, they_come_out_as_they_came)
{
	struct udp_queue q;
	udp_hold_init(&q);
	cr_assert(udp_hold_add(&q, SLICE("one"), 100));
	cr_assert(udp_hold_add(&q, SLICE(""), 100));
	cr_assert(udp_hold_add(&q, SLICE("three"), 100));
	expect_next(&q, "one");
	expect_next(&q, "");
	expect_next(&q, "three");
	cr_expect_null(udp_hold_take(&q));
}

Test(udp_hold, a_session_has_so_many_bytes_and_datagrams)
{
	struct udp_queue q;
	udp_hold_init(&q);
	cr_expect(udp_hold_add(&q, SLICE("1234567890"), 10));
	cr_expect_not(udp_hold_add(&q, SLICE("x"), 10));
	cr_expect(udp_hold_add(&q, SLICE(""), 10));
	expect_next(&q, "1234567890");
	cr_expect(udp_hold_add(&q, SLICE("x"), 10), "there is room again");
	while (q.count < SESSION_DATAGRAMS)
		cr_assert(udp_hold_add(&q, SLICE(""), 10), "%u", q.count);
	cr_expect_not(udp_hold_add(&q, SLICE(""), 10));
	udp_hold_drop(&q);
	cr_expect(udp_hold_add(&q, SLICE("1234567890"), 10));
	udp_hold_drop(&q);
}

/* What all sessions hold together: nothing more is taken, and all of it comes back. */
Test(udp_hold, a_worker_has_so_many_bytes)
{
	enum { QUEUES = WORKER_BYTES / BIG_BYTES / SESSION_DATAGRAMS + 1 };
	static struct udp_queue queues[QUEUES];
	struct udp_kept kept = { .bytes = slice_of(big, BIG_BYTES) };
	for (int turn = 0; turn < 2; turn++) {
		size_t count = 0;
		for (size_t i = 0; i < QUEUES; i++) {
			udp_hold_init(&queues[i]);
			while (udp_hold_add(&queues[i], slice_of(big, BIG_BYTES), SIZE_MAX))
				count++;
		}
		cr_expect_eq(count, WORKER_BYTES / BIG_BYTES);
		cr_expect_not(udp_hold_keep(&kept));
		cr_expect(slice_is_absent(kept.bytes));
		for (size_t i = 0; i < QUEUES; i++)
			udp_hold_drop(&queues[i]);
		kept.bytes = slice_of(big, BIG_BYTES);
		cr_expect(udp_hold_keep(&kept));
		cr_expect(kept.bytes.at != big && kept.bytes.len == BIG_BYTES);
		udp_hold_let_go(&kept);
		cr_expect(slice_is_absent(kept.bytes));
		kept.bytes = slice_of(big, BIG_BYTES);
	}
}

Test(udp_hold, an_empty_one_is_kept_too)
{
	struct udp_kept kept = { .bytes = SLICE("") };
	cr_expect(udp_hold_keep(&kept));
	cr_expect(!slice_is_absent(kept.bytes) && kept.bytes.len == 0);
	udp_hold_let_go(&kept);
}

/* What is held elsewhere counts with the rest. */
Test(udp_hold, what_is_counted_is_held)
{
	struct udp_queue queue;
	size_t counted = 0, other = 0;
	udp_hold_init(&queue);
	cr_expect(udp_hold_count(&counted, WORKER_BYTES));
	cr_expect_eq(counted, WORKER_BYTES);
	cr_expect(!udp_hold_count(&other, 1));
	cr_expect_eq(other, 0);
	cr_expect_not(udp_hold_add(&queue, SLICE("x"), 100));
	cr_expect(udp_hold_count(&counted, WORKER_BYTES - 1));
	cr_expect(udp_hold_add(&queue, SLICE("x"), 100));
	cr_expect(udp_hold_count(&counted, 0));
	udp_hold_drop(&queue);
	cr_expect(udp_hold_count(&other, WORKER_BYTES));
	cr_expect(udp_hold_count(&other, 0));
}
