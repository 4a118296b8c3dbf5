/* SPDX-License-Identifier: Apache-2.0 */
#include "share/clients.h"

#include "base/check.h"
#include "base/table.h"

#define COUNT_BITS 20
#define ROWS_LEAST (1u << 10)
#define ROWS_MOST (1u << 20)

/* Where a client may be: in so many rows from its own. Gaps say nothing, so all are looked at. */
struct window {
	uint64_t *rows;
	uint64_t name; /* what stands for the client, above the count */
};

static uint64_t *rows_of(const struct share *s, unsigned worker)
{
	return (uint64_t *)(void *)(s->clients + worker * s->clients_bytes);
}

static struct window window_of(const struct share *s, unsigned worker, uint64_t hash)
{
	return (struct window){
		.rows = rows_of(s, worker) + (hash & (s->client_rows - 1)),
		.name = hash >> COUNT_BITS << COUNT_BITS,
	};
}

static uint64_t load(const uint64_t *row)
{
	return __atomic_load_n(row, __ATOMIC_RELAXED);
}

static uint64_t count_in(uint64_t row)
{
	return row & CLIENTS_COUNT_MOST;
}

/* The row of that client, or the first that is free, or SEGMENT_CLIENT_WINDOW when there is neither. */
static unsigned find(const struct window *w)
{
	unsigned is_free = SEGMENT_CLIENT_WINDOW;
	for (unsigned i = 0; i < SEGMENT_CLIENT_WINDOW; i++) {
		uint64_t row = load(&w->rows[i]);
		if (row != 0 && (row & ~(uint64_t)CLIENTS_COUNT_MOST) == w->name)
			return i;
		if (row == 0 && is_free == SEGMENT_CLIENT_WINDOW)
			is_free = i;
	}
	return is_free;
}

/* In one worker's table, as it is just now. */
static uint64_t count_of(const struct share *s, unsigned worker, uint64_t hash)
{
	struct window w = window_of(s, worker, hash);
	unsigned at = find(&w);
	return at == SEGMENT_CLIENT_WINDOW ? 0 : count_in(load(&w.rows[at]));
}

bool clients_enter(const struct share *s, unsigned worker, struct slice client, uint32_t *row,
		   uint64_t *all)
{
	*row = CLIENTS_NO_ROW;
	if (s->client_rows == 0)
		return false;
	uint64_t hash = table_hash(client);
	struct window w = window_of(s, worker, hash);
	unsigned at = find(&w);
	if (at == SEGMENT_CLIENT_WINDOW || count_in(load(&w.rows[at])) == CLIENTS_COUNT_MOST)
		return false;
	uint64_t count = count_in(load(&w.rows[at])) + 1;
	__atomic_store_n(&w.rows[at], w.name | count, __ATOMIC_RELAXED);
	/* ours is seen before we look at theirs: else two workers could miss each other */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*row = (uint32_t)(w.rows + at - rows_of(s, worker));
	*all = count;
	for (unsigned i = 0; i < s->workers; i++)
		if (i != worker)
			*all += count_of(s, i, hash);
	return true;
}

void clients_leave(const struct share *s, unsigned worker, uint32_t row)
{
	uint64_t *at = rows_of(s, worker) + row;
	uint64_t word = load(at);
	check(count_in(word) > 0);
	__atomic_store_n(at, count_in(word) == 1 ? 0 : word - 1, __ATOMIC_RELAXED);
}

void clients_give_back(const struct share *s, unsigned worker)
{
	uint64_t *rows = rows_of(s, worker);
	size_t count = s->client_rows == 0 ? 0 : s->client_rows + SEGMENT_CLIENT_WINDOW;
	for (size_t i = 0; i < count; i++)
		if (load(&rows[i]) != 0)
			__atomic_store_n(&rows[i], 0, __ATOMIC_RELAXED);
}

unsigned clients_rows_for(uint64_t sessions)
{
	unsigned rows = ROWS_LEAST;
	/* a quarter in use at most, so that a window is as good as never full */
	while (rows < ROWS_MOST && rows / 4 < sessions)
		rows *= 2;
	return rows;
}
