/* SPDX-License-Identifier: Apache-2.0 */
#include "share/segment.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/table.h"
#include "share/clients.h"
#include "share/life.h"
#include "share/rates.h"
#include "share/recent.h"
#include "share/reload.h"
#include "share/state.h"
#include "share/stats.h"
#include "share/store.h"
#include "share/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Two cache lines: processors fetch lines in pairs, and no worker may disturb another's. */
#define APART 128

static size_t whole(size_t bytes)
{
	return (bytes + APART - 1) / APART * APART;
}

static void count_rows(struct share *s, const struct share_counts *counts)
{
	s->first_row = memory_new(counts->pools + 1, sizeof *s->first_row);
	for (unsigned i = 0; i < counts->pools; i++)
		s->first_row[i + 1] = s->first_row[i] + counts->pool_nodes[i];
	s->nodes = s->first_row[counts->pools];
}

static struct persist_plan persist_plan_of(const struct share *s, const struct share_counts *counts)
{
	struct persist_plan plan = { .workers = s->workers,
				     .classes = counts->persistence_classes,
				     .rows = s->nodes };
	memcpy(plan.tables, counts->sessions, sizeof plan.tables);
	return plan;
}

static bool map(struct share *s, struct err *e)
{
	table_make_key(); /* every process has to find a client in the same rows */
	void *memory = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			    0);
	if (memory == MAP_FAILED) {
		free(s->first_row);
		return err_set(e, "cannot map '%zu bytes' of shared memory: %s", s->bytes,
			       strerror(errno));
	}
	s->memory = memory;
	return true;
}

/* What the counts say, before there is any memory. */
static void count_all(struct share *s, const struct share_counts *counts)
{
	*s = (struct share){ .workers = counts->workers,
			     .vservers = counts->vservers,
			     .outcomes = counts->outcomes,
			     .refusals = counts->refusals,
			     .pools = counts->pools,
			     .rules = counts->rules,
			     .client_rows = counts->client_rows,
			     .recent_most = counts->recent };
	count_rows(s, counts);
	s->vserver_bytes = sizeof(struct stats_vserver) +
			   (s->outcomes + s->refusals) * sizeof(uint64_t);
	s->slot_bytes = whole(sizeof(struct stats_worker) + s->vservers * s->vserver_bytes +
			      s->nodes * sizeof(struct stats_node) +
			      s->rules * sizeof(struct stats_rule) +
			      s->pools * sizeof(struct stats_pool));
	if (s->client_rows > 0)
		s->clients_bytes = whole((s->client_rows + SEGMENT_CLIENT_WINDOW) *
					 sizeof(uint64_t));
}

bool segment_open(struct share *s, const struct share_counts *counts, struct err *e)
{
	check(counts->workers > 0);
	check((counts->client_rows & (counts->client_rows - 1)) == 0);
	count_all(s, counts);
	size_t lives = whole(s->workers * sizeof(struct share_life));
	size_t states = whole(s->nodes * sizeof(struct share_node));
	size_t reload = whole(sizeof(struct share_reload));
	size_t trace = whole(sizeof(struct share_trace));
	size_t rings = whole(s->workers * sizeof(struct trace_ring));
	size_t buckets = whole(counts->buckets * sizeof(uint64_t));
	size_t data = counts->data_size == 0 ? 0 : whole(store_bytes(counts->data_size));
	size_t rates = counts->rate_classes == 0
			       ? 0
			       : whole(rates_bytes(s->workers, counts->rate_classes));
	size_t slm = whole(slm_bytes(s->workers, counts->slm_classes));
	struct persist_plan sessions = persist_plan_of(s, counts);
	size_t persist = sessions.classes == 0 ? 0 : whole(persist_bytes(&sessions));
	size_t recent = whole(recent_bytes(s->workers, counts->recent));
	s->bytes = lives + states + reload + trace + rings + buckets +
		   s->workers * (s->slot_bytes + s->clients_bytes) + rates + slm + persist +
		   recent + data + whole(counts->cache_bytes);

	if (!map(s, e))
		return false;
	s->lives = (void *)s->memory;
	s->states = (void *)(s->memory + lives);
	s->reload = (void *)(s->memory + lives + states);
	s->trace = (void *)(s->memory + lives + states + reload);
	s->rings = (void *)(s->memory + lives + states + reload + trace);
	s->buckets = (void *)(s->memory + lives + states + reload + trace + rings);
	s->slots = s->memory + lives + states + reload + trace + rings + buckets;
	s->clients = s->slots + s->workers * s->slot_bytes;
	char *next = s->clients + s->workers * s->clients_bytes;
	if (rates > 0)
		s->rates = rates_make(next, s->workers, counts->rate_classes);
	s->slm = (struct share_slm){ s->workers, counts->slm_classes, (void *)(next + rates) };
	next += rates + slm;
	if (persist > 0)
		s->persist = persist_make(next, &sessions);
	s->recent = next + persist;
	if (data > 0)
		s->data = store_make(s->recent + recent, counts->data_size);
	if (counts->cache_bytes > 0)
		s->cache = s->recent + recent + data;
	return true;
}

void segment_give_back(struct share *s, unsigned worker)
{
	stats_give_back(s, worker);
	clients_give_back(s, worker);
	if (s->rates != NULL)
		rates_give_back(s->rates, worker);
}

void segment_close(struct share *s)
{
	if (s->memory != NULL)
		munmap(s->memory, s->bytes);
	free(s->first_row);
	*s = (struct share){ 0 };
}
