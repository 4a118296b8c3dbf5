/* SPDX-License-Identifier: Apache-2.0 */
#include "share/stats.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct share share;

static void open_share(void)
{
	static const unsigned pool_nodes[] = { 2 };
	struct share_counts counts = { .workers = 4,
				       .vservers = 2,
				       .outcomes = 3,
				       .pools = 1,
				       .pool_nodes = pool_nodes,
				       .rules = 3 };
	struct err e;
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
}

static void close_share(void)
{
	segment_close(&share);
}

TestSuite(stats, .init = open_share, .fini = close_share);

Test(stats, readers_add_up_all_workers)
{
	for (unsigned w = 0; w < 4; w++) {
		stats_add(&stats_worker_row(&share, w)->log_lines_dropped, w + 1);
		stats_add(&stats_vserver_row(&share, w, 1)->from_client_bytes, 100);
		stats_add(&stats_vserver_row(&share, w, 1)->outcomes[2], 10 * w);
		stats_add(&stats_node_row(&share, w, 1)->transactions, 2);
		stats_add(&stats_node_row(&share, w, 1)->transactions_current, 3);
		stats_subtract(&stats_node_row(&share, w, 1)->transactions_current, 2);
	}
	struct stats_worker workers;
	stats_sum_workers(&share, &workers);
	cr_expect_eq(workers.log_lines_dropped, 1 + 2 + 3 + 4);
	cr_expect_eq(workers.rule_failures, 0);

	struct stats_vserver *vserver = malloc(share.vserver_bytes);
	stats_sum_vserver(&share, 1, vserver);
	cr_expect_eq(vserver->from_client_bytes, 400);
	cr_expect_eq(vserver->outcomes[2], 60);
	stats_sum_vserver(&share, 0, vserver);
	cr_expect_eq(vserver->from_client_bytes, 0);
	free(vserver);

	struct stats_node node;
	stats_sum_node(&share, 1, &node);
	cr_expect_eq(node.transactions, 8);
	cr_expect_eq(node.transactions_current, 4);
	cr_expect_eq(stats_node_current(&share, 1), 4);
	cr_expect_eq(stats_node_current(&share, 0), 0);
}

Test(stats, runs_of_rules_lie_in_places_by_their_time)
{
	static const struct {
		uint64_t nanoseconds;
		unsigned place;
	} times[] = { { 0, 0 },
		      { 255, 0 },
		      { 256, 1 },
		      { 511, 1 },
		      { 512, 2 },
		      { (256ull << 22) - 1, 22 },
		      { 256ull << 22, 23 },
		      { UINT64_MAX / 2, 23 } };
	uint64_t whole = 0;
	struct stats_rule sum;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct stats_rule *row = stats_rule_row(&share, (unsigned)i % 4, 1);
		uint64_t before = row->times[times[i].place];
		stats_rule_ended(row, STATS_RULE_VERDICT, times[i].nanoseconds);
		cr_expect_eq(row->times[times[i].place], before + 1, "%zu", i);
		whole += times[i].nanoseconds;
	}
	stats_add(&stats_rule_row(&share, 3, 1)->waits, 2);
	stats_sum_rule(&share, 1, &sum);
	cr_expect_eq(sum.ends[STATS_RULE_VERDICT], 8);
	cr_expect_eq(sum.nanoseconds, whole);
	cr_expect_eq(sum.waits, 2);
	stats_sum_rule(&share, 0, &sum);
	cr_expect_eq(sum.ends[STATS_RULE_VERDICT], 0);
	stats_sum_rule(&share, 2, &sum);
	cr_expect_eq(sum.ends[STATS_RULE_VERDICT], 0);
}

/* Four processes count at once; with one writer per slot nothing may be lost. */
Test(stats, concurrent_writers_lose_nothing)
{
	for (unsigned w = 0; w < 4; w++)
		if (fork() == 0) {
			for (unsigned i = 0; i < 100000; i++)
				stats_add(&stats_node_row(&share, w, 0)->sessions, 1);
			_exit(0);
		}
	for (unsigned w = 0; w < 4; w++)
		wait(NULL);
	struct stats_node node;
	stats_sum_node(&share, 0, &node);
	cr_assert_eq(node.sessions, 400000);
}

Test(stats, what_a_dead_worker_had_open_is_given_back)
{
	for (unsigned w = 0; w < 2; w++) {
		stats_add(&stats_worker_row(&share, w)->sessions_current, 10);
		for (unsigned v = 0; v < 2; v++) {
			stats_add(&stats_vserver_row(&share, w, v)->sessions, 5);
			stats_add(&stats_vserver_row(&share, w, v)->sessions_current, 5);
			stats_add(&stats_vserver_row(&share, w, v)->transactions_current, 4);
			stats_add(&stats_vserver_row(&share, w, v)->outcomes[0], 9);
		}
		for (unsigned n = 0; n < 2; n++) {
			stats_add(&stats_node_row(&share, w, n)->sessions, 3);
			stats_add(&stats_node_row(&share, w, n)->sessions_current, 3);
			stats_add(&stats_node_row(&share, w, n)->transactions_current, 2);
		}
	}
	cr_expect_eq(stats_sessions(&share), 20);
	cr_expect_eq(stats_vserver_sessions(&share, 1), 10);
	stats_give_back(&share, 1);
	cr_expect_eq(stats_sessions(&share), 10);
	cr_expect_eq(stats_vserver_sessions(&share, 1), 5);

	struct stats_vserver *vserver = malloc(share.vserver_bytes);
	for (unsigned v = 0; v < 2; v++) {
		stats_sum_vserver(&share, v, vserver);
		cr_expect_eq(vserver->sessions, 10, "totals never go back");
		cr_expect_eq(vserver->outcomes[0], 18);
		cr_expect_eq(vserver->sessions_current, 5);
		cr_expect_eq(vserver->transactions_current, 4);
	}
	free(vserver);
	struct stats_node node;
	for (unsigned n = 0; n < 2; n++) {
		stats_sum_node(&share, n, &node);
		cr_expect_eq(node.sessions, 6);
		cr_expect_eq(node.sessions_current, 3);
		cr_expect_eq(node.transactions_current, 2);
	}
}
