/* SPDX-License-Identifier: Apache-2.0 */
#include "share/recent.h"

#include <criterion/criterion.h>
#include <string.h>

static struct share share;

static void open_share(unsigned workers, unsigned most)
{
	struct share_counts counts = { .workers = workers, .recent = most };
	struct err e;
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
}

static void add(unsigned worker, uint64_t bytes)
{
	struct recent_record r = { .bytes_in = bytes };
	recent_put_text(r.uri, sizeof r.uri, SLICE("/a"));
	recent_add(&share, worker, &r);
}

static uint64_t bytes_of(unsigned worker, unsigned age)
{
	struct recent_record r;
	cr_assert(recent_get(&share, worker, age, &r));
	cr_expect_str_eq(r.uri, "/a");
	return r.bytes_in;
}

Test(recent, the_last_ones_of_each_worker_newest_first)
{
	struct recent_record r;
	open_share(2, 3);
	cr_expect_not(recent_get(&share, 0, 0, &r));
	for (uint64_t i = 1; i <= 5; i++)
		add(0, i);
	add(1, 9);
	cr_expect_eq(bytes_of(0, 0), 5);
	cr_expect_eq(bytes_of(0, 1), 4);
	cr_expect_eq(bytes_of(0, 2), 3);
	cr_expect_not(recent_get(&share, 0, 3, &r));
	cr_expect_eq(bytes_of(1, 0), 9);
	cr_expect_not(recent_get(&share, 1, 1, &r));
	segment_close(&share);
}

Test(recent, none_are_remembered_where_there_is_no_room)
{
	struct recent_record r;
	open_share(1, 0);
	add(0, 1);
	cr_expect_not(recent_get(&share, 0, 0, &r));
	segment_close(&share);
}

Test(recent, texts_are_cut_and_cannot_speak_to_a_terminal)
{
	char to[6];
	recent_put_text(to, sizeof to, SLICE("a\x1b[1m\xff"));
	cr_expect_str_eq(to, "a?[1m");
	recent_put_text(to, sizeof to, SLICE_ABSENT);
	cr_expect_str_eq(to, "");
}
