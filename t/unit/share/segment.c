/* SPDX-License-Identifier: Apache-2.0 */
#include "share/segment.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

#include "share/life.h"
#include "share/state.h"
#include "share/stats.h"

static struct share share;

static void open_share(void)
{
	static const unsigned pool_nodes[] = { 2, 0, 3 };
	struct share_counts counts = { .workers = 3,
				       .vservers = 2,
				       .outcomes = 5,
				       .pools = 3,
				       .pool_nodes = pool_nodes,
				       .client_rows = 64 };
	struct err e;
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
}

static void close_share(void)
{
	segment_close(&share);
}

TestSuite(segment, .init = open_share, .fini = close_share);

Test(segment, rows_of_nodes_follow_their_pools)
{
	cr_assert_eq(segment_node_row(&share, 0, 1), 1);
	cr_assert_eq(segment_node_row(&share, 2, 0), 2);
	cr_assert_eq(segment_node_row(&share, 2, 2), 4);
	cr_assert_eq(share.nodes, 5);
}

static uint64_t *client_table(unsigned worker)
{
	return (uint64_t *)(void *)(share.clients + worker * share.clients_bytes);
}

/* Every place gets a number of its own; were two places one, a number would be lost. */
Test(segment, no_two_places_overlap)
{
	uint64_t next = 1;
	for (unsigned w = 0; w < share.workers; w++) {
		life_turn(&share, w, next++);
		stats_worker_row(&share, w)->sessions_refused = next++;
		for (unsigned v = 0; v < share.vservers; v++) {
			stats_vserver_row(&share, w, v)->sessions = next++;
			for (unsigned o = 0; o < share.outcomes; o++)
				stats_vserver_row(&share, w, v)->outcomes[o] = next++;
		}
		for (unsigned n = 0; n < share.nodes; n++)
			stats_node_row(&share, w, n)->to_bytes = next++;
		for (unsigned i = 0; i < 64 + SEGMENT_CLIENT_WINDOW; i++)
			client_table(w)[i] = next++;
	}
	for (unsigned n = 0; n < share.nodes; n++)
		share_node(&share, n)->failed_until_ms = next++;

	next = 1;
	for (unsigned w = 0; w < share.workers; w++) {
		cr_expect_eq(life_turned(&share, w), next++);
		cr_expect_eq(stats_worker_row(&share, w)->sessions_refused, next++);
		for (unsigned v = 0; v < share.vservers; v++) {
			cr_expect_eq(stats_vserver_row(&share, w, v)->sessions, next++);
			for (unsigned o = 0; o < share.outcomes; o++)
				cr_expect_eq(stats_vserver_row(&share, w, v)->outcomes[o], next++);
		}
		for (unsigned n = 0; n < share.nodes; n++)
			cr_expect_eq(stats_node_row(&share, w, n)->to_bytes, next++);
		for (unsigned i = 0; i < 64 + SEGMENT_CLIENT_WINDOW; i++)
			cr_expect_eq(client_table(w)[i], next++);
	}
	for (unsigned n = 0; n < share.nodes; n++)
		cr_expect_eq(share_node(&share, n)->failed_until_ms, next++);
}

Test(segment, everything_lies_inside)
{
	char *end = share.memory + share.bytes;
	cr_expect_leq((char *)(stats_node_row(&share, 2, 4) + 1), share.clients);
	cr_expect_leq((char *)(client_table(2) + 64 + SEGMENT_CLIENT_WINDOW), end);
	cr_expect_leq((char *)(share_node(&share, 4) + 1), share.slots);
	cr_expect_leq((char *)(&share.lives[3]), (char *)share.states);
}

Test(segment, a_child_writes_where_the_parent_reads)
{
	pid_t child = fork();
	if (child == 0) {
		life_turn(&share, 1, 77);
		_exit(0);
	}
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(life_turned(&share, 1), 77);
}

Test(segment, nothing_configured_is_fine)
{
	struct share empty;
	struct share_counts counts = { .workers = 1 };
	struct err e;
	cr_assert(segment_open(&empty, &counts, &e), "%s", e.text);
	stats_add(&stats_worker_row(&empty, 0)->rule_failures, 1);
	segment_close(&empty);
	cr_assert_null(empty.memory);
}
