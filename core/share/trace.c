/* SPDX-License-Identifier: Apache-2.0 */
#include "share/trace.h"

#include "base/check.h"

#include <string.h>

static struct trace_ring *ring_of(const struct share *s, unsigned worker)
{
	return &s->rings[worker];
}

static void put(struct trace_ring *r, uint64_t at, const char *bytes, size_t len)
{
	size_t start = at % TRACE_RING_BYTES, first = TRACE_RING_BYTES - start;
	first = first < len ? first : len;
	memcpy(r->bytes + start, bytes, first);
	memcpy(r->bytes, bytes + first, len - first);
}

static void get(const struct trace_ring *r, uint64_t at, char *bytes, size_t len)
{
	size_t start = at % TRACE_RING_BYTES, first = TRACE_RING_BYTES - start;
	first = first < len ? first : len;
	memcpy(bytes, r->bytes + start, first);
	memcpy(bytes + first, r->bytes, len - first);
}

/* ---- for workers --------------------------------------------------------------------------------- */

bool trace_is_read(const struct share *s, uint64_t number, uint64_t now_milliseconds)
{
	if (__atomic_load_n(&s->trace->until_milliseconds, __ATOMIC_RELAXED) >= now_milliseconds)
		return true;
	trace_end(s, number);
	return false;
}

void trace_write(const struct share *s, unsigned worker, const struct trace_line *line,
		 const char *text)
{
	struct trace_ring *r = ring_of(s, worker);
	size_t needed = sizeof *line + line->bytes;
	uint64_t taken = __atomic_load_n(&r->taken, __ATOMIC_ACQUIRE);
	check(line->bytes <= TRACE_TEXT_BYTES);
	if (r->written - taken + needed > TRACE_RING_BYTES) {
		__atomic_store_n(&r->lost, r->lost + 1, __ATOMIC_RELAXED);
		return;
	}
	put(r, r->written, (const char *)line, sizeof *line);
	put(r, r->written + sizeof *line, text, line->bytes);
	__atomic_store_n(&r->written, r->written + needed, __ATOMIC_RELEASE);
}

/* ---- for the reader ------------------------------------------------------------------------------ */

uint64_t trace_begin(const struct share *s, const struct trace_filter *filter,
		     uint64_t now_milliseconds)
{
	struct share_trace *t = s->trace;
	uint64_t running = trace_number(s);
	if (running != 0 && trace_is_read(s, running, now_milliseconds))
		return 0;
	for (unsigned i = 0; i < s->workers; i++) {
		struct trace_ring *r = ring_of(s, i);
		__atomic_store_n(&r->taken, __atomic_load_n(&r->written, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELEASE);
	}
	trace_take_lost(s);
	t->filter = *filter;
	__atomic_store_n(&t->until_milliseconds, now_milliseconds + TRACE_LEASE_MS,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&t->number, ++t->last, __ATOMIC_RELEASE);
	return t->last;
}

bool trace_renew(const struct share *s, uint64_t number, uint64_t now_milliseconds)
{
	if (trace_number(s) != number)
		return false;
	__atomic_store_n(&s->trace->until_milliseconds, now_milliseconds + TRACE_LEASE_MS,
			 __ATOMIC_RELAXED);
	return true;
}

void trace_end(const struct share *s, uint64_t number)
{
	__atomic_compare_exchange_n(&s->trace->number, &number, 0, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
}

bool trace_take(const struct share *s, unsigned worker, struct trace_line *line,
		char text[TRACE_TEXT_BYTES])
{
	struct trace_ring *r = ring_of(s, worker);
	uint64_t written = __atomic_load_n(&r->written, __ATOMIC_ACQUIRE);
	if (r->taken == written)
		return false;
	get(r, r->taken, (char *)line, sizeof *line);
	/* a worker gone mad may have written anything */
	if (line->bytes > TRACE_TEXT_BYTES || sizeof *line + line->bytes > written - r->taken) {
		__atomic_store_n(&r->taken, written, __ATOMIC_RELEASE);
		return false;
	}
	get(r, r->taken + sizeof *line, text, line->bytes);
	__atomic_store_n(&r->taken, r->taken + sizeof *line + line->bytes, __ATOMIC_RELEASE);
	return true;
}

uint64_t trace_take_lost(const struct share *s)
{
	uint64_t lost = 0;
	for (unsigned i = 0; i < s->workers; i++)
		lost += __atomic_load_n(&ring_of(s, i)->lost, __ATOMIC_RELAXED);
	uint64_t before = s->trace->lost_taken;
	s->trace->lost_taken = lost;
	return lost - before;
}
