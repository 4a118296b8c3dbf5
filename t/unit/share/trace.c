/* SPDX-License-Identifier: Apache-2.0 */
#include "share/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct share share;
static const struct trace_filter filter = { .host = "a.example" };

static void open_share(void)
{
	struct share_counts counts = { .workers = 2 };
	struct err e;
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
}

static void close_share(void)
{
	segment_close(&share);
}

TestSuite(trace, .init = open_share, .fini = close_share);

static void write_text(unsigned worker, uint32_t transaction, const char *text)
{
	struct trace_line line = { .trace = trace_number(&share),
				   .transaction = transaction,
				   .kind = TRACE_RULE,
				   .bytes = (uint16_t)strlen(text) };
	trace_write(&share, worker, &line, text);
}

Test(trace, one_reader_at_a_time)
{
	cr_expect_eq(trace_number(&share), 0);
	uint64_t first = trace_begin(&share, &filter, 1000);
	cr_assert_neq(first, 0);
	cr_expect_eq(trace_number(&share), first);
	cr_expect_str_eq(share.trace->filter.host, "a.example");
	cr_expect_eq(trace_begin(&share, &filter, 1000 + TRACE_LEASE_MS), 0);
	cr_expect(trace_renew(&share, first, 4000));
	cr_expect(trace_is_read(&share, first, 4000 + TRACE_LEASE_MS));
	/* not heard of for too long: another may */
	uint64_t second = trace_begin(&share, &filter, 4001 + TRACE_LEASE_MS);
	cr_assert(second != 0 && second != first);
	cr_expect(!trace_renew(&share, first, 9000));
	trace_end(&share, first);
	cr_expect_eq(trace_number(&share), second);
	trace_end(&share, second);
	cr_expect_eq(trace_number(&share), 0);
}

Test(trace, a_worker_ends_what_nobody_reads)
{
	uint64_t number = trace_begin(&share, &filter, 1000);
	cr_expect(!trace_is_read(&share, number, 1001 + TRACE_LEASE_MS));
	cr_expect_eq(trace_number(&share), 0);
}

/* Many times around the ring, lines of all lengths, those of two workers apart. */
Test(trace, lines_come_out_as_they_went_in)
{
	char text[TRACE_TEXT_BYTES], expected[TRACE_TEXT_BYTES + 1];
	struct trace_line line;
	trace_begin(&share, &filter, 1);
	for (uint32_t i = 0; i < 5000; i++) {
		int len = (int)(i * 7 % (TRACE_TEXT_BYTES + 1));
		snprintf(expected, sizeof expected, "%0*u", len, i);
		expected[len] = '\0';
		write_text(i % 2, i, expected);
		if (i % 3 == 0)
			continue;
		for (unsigned worker = 0; worker < 2; worker++)
			while (trace_take(&share, worker, &line, text)) {
				len = (int)(line.transaction * 7 % (TRACE_TEXT_BYTES + 1));
				snprintf(expected, sizeof expected, "%0*u", len, line.transaction);
				cr_assert_eq(line.bytes, len);
				cr_assert_eq(line.transaction % 2, worker);
				cr_assert_eq(memcmp(text, expected, line.bytes), 0);
			}
	}
	cr_expect_eq(trace_take_lost(&share), 0);
}

Test(trace, a_full_ring_loses_and_counts)
{
	char text[TRACE_TEXT_BYTES];
	char long_text[TRACE_TEXT_BYTES + 1] = "";
	struct trace_line line;
	unsigned taken = 0;
	memset(long_text, 'x', TRACE_TEXT_BYTES);
	trace_begin(&share, &filter, 1);
	for (uint32_t i = 0; i < 1000; i++)
		write_text(0, i, long_text);
	while (trace_take(&share, 0, &line, text))
		cr_expect_eq(line.transaction, taken++);
	cr_expect_gt(taken, 400);
	cr_expect_eq(trace_take_lost(&share), 1000 - taken);
	cr_expect_eq(trace_take_lost(&share), 0);
	write_text(0, 7, "there is room again");
	cr_expect(trace_take(&share, 0, &line, text) && line.transaction == 7);
	/* a new reader does not get what an old one left */
	write_text(0, 8, "old");
	trace_end(&share, trace_number(&share));
	trace_begin(&share, &filter, 1);
	cr_expect(!trace_take(&share, 0, &line, text));
}

/* What a worker that went mad wrote there must not lead the reader astray. */
Test(trace, a_broken_ring_is_skipped)
{
	char text[TRACE_TEXT_BYTES];
	struct trace_line line;
	trace_begin(&share, &filter, 1);
	write_text(0, 1, "fine");
	((struct trace_line *)(void *)share.rings[0].bytes)->bytes = 60000;
	cr_expect(!trace_take(&share, 0, &line, text));
	write_text(0, 2, "fine again");
	cr_expect(trace_take(&share, 0, &line, text) && line.transaction == 2);
}
