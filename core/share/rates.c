/* SPDX-License-Identifier: Apache-2.0 */
#include "share/rates.h"

#include "base/check.h"
#include "share/lock.h"

#include <string.h>

#define SLOTS 20 /* of a second, or a minute */
#define ROWS_IN_SET 8
#define SETS 4096
#define LOCKS 64
#define APART 128

/* Names that a worker waits for: a word is part of a name and how many wait for it; 0 is free. */
#define WAITING_WORDS 4096
#define WAITING_WINDOW 32
#define COUNT_BITS 20
#define COUNT_MOST ((1u << COUNT_BITS) - 1)

/* The slot of now and the whole ones before it, by slot number. */
struct window {
	uint64_t newest;
	uint32_t counts[SLOTS + 1];
};

struct row {
	uint64_t name; /* 0: free */
	uint64_t used_at;
	struct window second, minute;
};

struct share_rates {
	unsigned workers, classes;
	size_t counts_bytes; /* of one worker */
	struct share_lock locks[LOCKS];
	_Alignas(APART) char rest[]; /* counts and words of each worker, then the rows */
};

/* ---- places ---------------------------------------------------------------------------------------- */

static size_t counts_bytes(unsigned classes)
{
	size_t bytes = classes * sizeof(struct rates_counts) +
		       (WAITING_WORDS + WAITING_WINDOW) * sizeof(uint64_t);
	return (bytes + APART - 1) / APART * APART;
}

size_t rates_bytes(unsigned workers, unsigned classes)
{
	return sizeof(struct share_rates) + workers * counts_bytes(classes) +
	       (size_t)SETS * ROWS_IN_SET * sizeof(struct row);
}

struct share_rates *rates_make(void *memory, unsigned workers, unsigned classes)
{
	struct share_rates *r = memory;
	r->workers = workers;
	r->classes = classes;
	r->counts_bytes = counts_bytes(classes);
	for (unsigned i = 0; i < LOCKS; i++)
		share_lock_init(&r->locks[i]);
	return r;
}

struct rates_counts *rates_counts_of(struct share_rates *r, unsigned worker, unsigned class_number)
{
	check(worker < r->workers && class_number < r->classes);
	return (struct rates_counts *)(void *)(r->rest + worker * r->counts_bytes) + class_number;
}

static uint64_t *waiting_of(struct share_rates *r, unsigned worker)
{
	char *counts = r->rest + worker * r->counts_bytes;
	return (uint64_t *)(void *)(counts + r->classes * sizeof(struct rates_counts));
}

static struct row *set_of(struct share_rates *r, uint64_t name)
{
	char *rows = r->rest + r->workers * r->counts_bytes;
	return (struct row *)(void *)rows + name % SETS * ROWS_IN_SET;
}

/* ---- time ------------------------------------------------------------------------------------------- */

/* Forgets what is too long ago. */
static void advance(struct window *w, uint64_t slot)
{
	if (slot > w->newest + SLOTS) {
		memset(w->counts, 0, sizeof w->counts);
		w->newest = slot;
	}
	while (w->newest < slot)
		w->counts[++w->newest % (SLOTS + 1)] = 0;
}

/* 0 when one more fits into the limit; else in how many slots one may. */
static uint64_t slots_to_wait(const struct window *w, uint64_t limit)
{
	uint64_t sum = 0, oldest = 0;
	for (unsigned i = 0; i <= SLOTS; i++)
		sum += w->counts[i];
	if (limit == 0 || sum < limit)
		return 0;
	/* the slots before `newest`, oldest first: which of them must go? */
	for (; oldest < SLOTS; oldest++) {
		sum -= w->counts[(w->newest + 1 + oldest) % (SLOTS + 1)];
		if (sum < limit)
			break;
	}
	return oldest + 1;
}

static uint64_t wait_for(struct window *w, uint64_t limit, uint64_t now, uint64_t slot_ms)
{
	advance(w, now / slot_ms);
	uint64_t slots = slots_to_wait(w, limit);
	return slots == 0 ? 0 : (w->newest + slots) * slot_ms - now;
}

static void count(struct window *w)
{
	w->counts[w->newest % (SLOTS + 1)]++;
}

/* ---- rows ------------------------------------------------------------------------------------------- */

static struct row *find_row(struct row *set, uint64_t name)
{
	struct row *oldest = set;
	for (unsigned i = 0; i < ROWS_IN_SET; i++) {
		if (set[i].name == name)
			return &set[i];
		if (set[i].used_at < oldest->used_at) /* a free one was used never */
			oldest = &set[i];
	}
	memset(oldest, 0, sizeof *oldest);
	oldest->name = name;
	return oldest;
}

uint64_t rates_take(struct share_rates *r, uint64_t name, const struct rates_limits *limits,
		    uint64_t now)
{
	struct share_lock *lock = &r->locks[name % SETS % LOCKS];
	check(name != 0);
	/* A row whose writer died holds a count too few or too many for a minute at most: as good as new. */
	if (!share_lock_take(lock))
		share_lock_mended(lock);
	struct row *row = find_row(set_of(r, name), name);
	uint64_t second = wait_for(&row->second, limits->per_second, now, 1000 / SLOTS);
	uint64_t minute = wait_for(&row->minute, limits->per_minute, now, 60000 / SLOTS);
	row->used_at = now;
	if (second == 0 && minute == 0) {
		count(&row->second);
		count(&row->minute);
	}
	share_lock_give(lock);
	return second > minute ? second : minute;
}

void rates_sum(struct share_rates *r, unsigned class_number, struct rates_counts *sum)
{
	*sum = (struct rates_counts){ 0 };
	for (unsigned i = 0; i < r->workers; i++) {
		const struct rates_counts *one = rates_counts_of(r, i, class_number);
		sum->passed += __atomic_load_n(&one->passed, __ATOMIC_RELAXED);
		sum->refused += __atomic_load_n(&one->refused, __ATOMIC_RELAXED);
		sum->given_up += __atomic_load_n(&one->given_up, __ATOMIC_RELAXED);
		sum->waiting += __atomic_load_n(&one->waiting, __ATOMIC_RELAXED);
	}
}

/* ---- who waits -------------------------------------------------------------------------------------- */

/* The word of that name among those of the worker, or a free one; NULL: there is neither. */
static uint64_t *find_word(struct share_rates *r, unsigned worker, uint64_t name)
{
	uint64_t *words = waiting_of(r, worker) + name % WAITING_WORDS, *is_free = NULL;
	for (unsigned i = 0; i < WAITING_WINDOW; i++) {
		uint64_t word = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
		if (word != 0 && word >> COUNT_BITS == name >> COUNT_BITS)
			return &words[i];
		if (word == 0 && is_free == NULL)
			is_free = &words[i];
	}
	return is_free;
}

bool rates_wait(struct share_rates *r, unsigned worker, uint64_t name)
{
	uint64_t *word = find_word(r, worker, name);
	if (word == NULL || (*word & COUNT_MOST) == COUNT_MOST)
		return false;
	uint64_t count_now = (*word & COUNT_MOST) + 1;
	__atomic_store_n(word, name >> COUNT_BITS << COUNT_BITS | count_now, __ATOMIC_RELAXED);
	return true;
}

void rates_wait_over(struct share_rates *r, unsigned worker, uint64_t name)
{
	uint64_t *word = find_word(r, worker, name);
	check(word != NULL && (*word & COUNT_MOST) > 0);
	__atomic_store_n(word, (*word & COUNT_MOST) == 1 ? 0 : *word - 1, __ATOMIC_RELAXED);
}

uint64_t rates_backlog(struct share_rates *r, uint64_t name)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < r->workers; i++) {
		const uint64_t *word = find_word(r, i, name);
		if (word != NULL)
			sum += __atomic_load_n(word, __ATOMIC_RELAXED) & COUNT_MOST;
	}
	return sum;
}

void rates_give_back(struct share_rates *r, unsigned worker)
{
	uint64_t *words = waiting_of(r, worker);
	for (unsigned i = 0; i < r->classes; i++)
		__atomic_store_n(&rates_counts_of(r, worker, i)->waiting, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < WAITING_WORDS + WAITING_WINDOW; i++)
		if (words[i] != 0)
			__atomic_store_n(&words[i], 0, __ATOMIC_RELAXED);
}
