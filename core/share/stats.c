/* SPDX-License-Identifier: Apache-2.0 */
#include "share/stats.h"

#include <string.h>

static void add_row(void *sum, const void *row, size_t bytes)
{
	uint64_t *to = sum;
	const uint64_t *from = row;
	for (size_t i = 0; i < bytes / sizeof *to; i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

void stats_sum_workers(const struct share *s, struct stats_worker *sum)
{
	memset(sum, 0, sizeof *sum);
	for (unsigned i = 0; i < s->workers; i++)
		add_row(sum, stats_worker_row(s, i), sizeof *sum);
}

void stats_sum_node(const struct share *s, unsigned row, struct stats_node *sum)
{
	memset(sum, 0, sizeof *sum);
	for (unsigned i = 0; i < s->workers; i++)
		add_row(sum, stats_node_row(s, i, row), sizeof *sum);
}

void stats_sum_rule(const struct share *s, unsigned row, struct stats_rule *sum)
{
	memset(sum, 0, sizeof *sum);
	for (unsigned i = 0; i < s->workers; i++)
		add_row(sum, stats_rule_row(s, i, row), sizeof *sum);
}

void stats_sum_pool(const struct share *s, unsigned pool, struct stats_pool *sum)
{
	memset(sum, 0, sizeof *sum);
	for (unsigned i = 0; i < s->workers; i++)
		add_row(sum, stats_pool_row(s, i, pool), sizeof *sum);
}

void stats_sum_vserver(const struct share *s, unsigned vserver, struct stats_vserver *sum)
{
	memset(sum, 0, s->vserver_bytes);
	for (unsigned i = 0; i < s->workers; i++)
		add_row(sum, stats_vserver_row(s, i, vserver), s->vserver_bytes);
}

uint64_t stats_vserver_sessions(const struct share *s, unsigned vserver)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->workers; i++)
		sum += __atomic_load_n(&stats_vserver_row(s, i, vserver)->sessions_current,
				       __ATOMIC_RELAXED);
	return sum;
}

uint64_t stats_sessions(const struct share *s)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->workers; i++)
		sum += __atomic_load_n(&stats_worker_row(s, i)->sessions_current, __ATOMIC_RELAXED);
	return sum;
}

static void set_zero(uint64_t *counter)
{
	__atomic_store_n(counter, 0, __ATOMIC_RELAXED);
}

void stats_give_back(struct share *s, unsigned worker)
{
	set_zero(&stats_worker_row(s, worker)->sessions_current);
	for (unsigned i = 0; i < s->vservers; i++) {
		set_zero(&stats_vserver_row(s, worker, i)->sessions_current);
		set_zero(&stats_vserver_row(s, worker, i)->transactions_current);
	}
	for (unsigned i = 0; i < s->nodes; i++) {
		set_zero(&stats_node_row(s, worker, i)->sessions_current);
		set_zero(&stats_node_row(s, worker, i)->transactions_current);
	}
	for (unsigned i = 0; i < s->pools; i++) {
		set_zero(&stats_pool_row(s, worker, i)->waiting);
		set_zero(&stats_pool_row(s, worker, i)->waiting_since);
	}
}
