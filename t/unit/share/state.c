/* SPDX-License-Identifier: Apache-2.0 */
#include "share/state.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1000000

static const struct share_failing failing = { .attempts = 3, .retry_ms = 60000 };

static struct share share;
static struct share_node *node;

static void open_share(void)
{
	static const unsigned pool_nodes[] = { 2 };
	struct share_counts counts = { .workers = 4, .pools = 1, .pool_nodes = pool_nodes };
	struct err e;
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
	node = share_node(&share, 1);
}

static void close_share(void)
{
	segment_close(&share);
}

TestSuite(state, .init = open_share, .fini = close_share);

static void make_failed(void)
{
	cr_assert_not(share_node_failed(node, NOW, &failing));
	cr_assert_not(share_node_failed(node, NOW, &failing));
	cr_assert(share_node_failed(node, NOW, &failing));
}

Test(state, a_fresh_node_is_active_and_usable)
{
	cr_expect_eq(share_node_state(node), SHARE_NODE_ACTIVE);
	cr_expect(share_node_is_usable(node, 0));
	cr_expect_not(share_node_is_failed(node));
	cr_expect(share_node_claim(node, NOW, &failing));
	cr_expect(share_node_claim(node, NOW, &failing), "a node that is well takes any number");
}

Test(state, draining_and_disabled_nodes_get_nothing_new)
{
	share_node_set_state(node, SHARE_NODE_DRAINING);
	cr_expect_not(share_node_is_usable(node, NOW));
	share_node_set_state(node, SHARE_NODE_DISABLED);
	cr_expect_not(share_node_is_usable(node, NOW));
	share_node_set_state(node, SHARE_NODE_ACTIVE);
	cr_expect(share_node_is_usable(node, NOW));
}

Test(state, only_failures_in_a_row_count)
{
	share_node_failed(node, NOW, &failing);
	share_node_failed(node, NOW, &failing);
	cr_expect_not(share_node_succeeded(node), "it had not failed");
	share_node_failed(node, NOW, &failing);
	share_node_failed(node, NOW, &failing);
	cr_expect(share_node_is_usable(node, NOW));
	cr_expect(share_node_failed(node, NOW, &failing));
	cr_expect_not(share_node_is_usable(node, NOW));
	cr_expect(share_node_is_usable(share_node(&share, 0), NOW), "the other node is not meant");
}

Test(state, failing_is_told_once)
{
	make_failed();
	cr_expect_not(share_node_failed(node, NOW + 1, &failing));
	cr_expect(share_node_succeeded(node));
	cr_expect_not(share_node_succeeded(node));
	cr_expect(share_node_is_usable(node, NOW));
}

Test(state, one_attempt_when_the_retry_time_is_over)
{
	make_failed();
	cr_expect_not(share_node_is_usable(node, NOW + failing.retry_ms));
	cr_expect_not(share_node_claim(node, NOW + failing.retry_ms, &failing));
	uint64_t later = NOW + failing.retry_ms + 1;
	cr_expect(share_node_is_usable(node, later));
	cr_expect(share_node_claim(node, later, &failing));
	cr_expect_not(share_node_claim(node, later, &failing));
	cr_expect_not(share_node_is_usable(node, later));
	cr_expect(share_node_is_failed(node), "a claim alone does not make it well");
}

Test(state, a_failed_attempt_starts_the_retry_time_anew)
{
	make_failed();
	uint64_t later = NOW + failing.retry_ms + 1;
	cr_assert(share_node_claim(node, later, &failing));
	cr_expect_not(share_node_failed(node, later + 500, &failing));
	cr_expect_not(share_node_is_usable(node, later + failing.retry_ms + 1));
	cr_expect(share_node_is_usable(node, later + 500 + failing.retry_ms + 1));
}

Test(state, one_failure_after_getting_well_is_not_enough)
{
	make_failed();
	share_node_succeeded(node);
	cr_expect_not(share_node_failed(node, NOW, &failing));
	cr_expect(share_node_is_usable(node, NOW));
}

Test(state, counting_failures_stops_before_it_wraps)
{
	node->failures = UINT32_MAX;
	share_node_failed(node, NOW, &failing);
	cr_expect_eq(node->failures, UINT32_MAX);
	cr_expect_not(share_node_is_usable(node, NOW));
}

Test(state, of_many_workers_one_gets_the_attempt)
{
	const struct share_failing at_once = { .attempts = 1, .retry_ms = 0 };
	for (uint64_t round = 0; round < 200; round++) {
		uint64_t now = NOW + 10 * round;
		share_node_succeeded(node);
		share_node_failed(node, now - 5, &at_once);
		pid_t children[2];
		for (unsigned w = 0; w < 2; w++)
			if ((children[w] = fork()) == 0)
				_exit(share_node_claim(node, now, &at_once) ? 1 : 0);
		int winners = 0;
		for (unsigned w = 0; w < 2; w++) {
			int status = 0;
			waitpid(children[w], &status, 0);
			winners += WEXITSTATUS(status);
		}
		cr_assert_eq(winners, 1);
	}
}

Test(state, no_attempts_allowed_is_our_mistake, .signal = SIGABRT)
{
	const struct share_failing nonsense = { .attempts = 0 };
	share_node_failed(node, NOW, &nonsense);
}
