/* SPDX-License-Identifier: Apache-2.0 */
#include "share/persist.h"

#include "base/check.h"

#include <stdbool.h>

#define WAYS 8
#define APART 128

/*
 * A word, from its highest bits: a part of the name, the second of the last use, the row plus 1. As few
 * bits as the rows need; the name has the rest. 0 is free.
 */
#define SECOND_BITS 24
#define SECOND_MASK ((1u << SECOND_BITS) - 1)
/* Workers read their clocks at different moments of a turn: what looks so far ahead is of now. */
#define AHEAD_SECONDS 3600

struct table {
	uint64_t sets, expiry;
	size_t first; /* word */
};

struct share_persist {
	unsigned workers, classes;
	unsigned row_bits;
	size_t counts_bytes; /* of one worker */
	struct table tables[PERSIST_TABLES_MOST];
	_Alignas(APART) char rest[]; /* counts of each worker, then the words */
};

/* ---- places ---------------------------------------------------------------------------------------- */

static size_t counts_bytes(unsigned classes)
{
	size_t bytes = classes * sizeof(struct persist_counts);
	return (bytes + APART - 1) / APART * APART;
}

static uint64_t sets_for(uint64_t entries)
{
	return (entries + WAYS - 1) / WAYS;
}

size_t persist_bytes(const struct persist_plan *plan)
{
	size_t bytes = sizeof(struct share_persist) + plan->workers * counts_bytes(plan->classes);
	for (unsigned i = 0; i < PERSIST_TABLES_MOST; i++)
		bytes += sets_for(plan->tables[i].entries) * WAYS * sizeof(uint64_t);
	return bytes;
}

struct share_persist *persist_make(void *memory, const struct persist_plan *plan)
{
	struct share_persist *p = memory;
	size_t first = 0;
	p->workers = plan->workers;
	p->classes = plan->classes;
	p->counts_bytes = counts_bytes(plan->classes);
	while (plan->rows >> p->row_bits != 0)
		p->row_bits++;
	check(p->row_bits + SECOND_BITS < 50); /* a name with too few bits would be another's */
	for (unsigned i = 0; i < PERSIST_TABLES_MOST; i++) {
		check(plan->tables[i].expiry_seconds <= PERSIST_EXPIRY_SECONDS_MOST);
		p->tables[i] = (struct table){ .sets = sets_for(plan->tables[i].entries),
					       .expiry = plan->tables[i].expiry_seconds,
					       .first = first };
		first += p->tables[i].sets * WAYS;
	}
	return p;
}

static uint64_t *words_of(struct share_persist *p)
{
	return (uint64_t *)(void *)(p->rest + p->workers * p->counts_bytes);
}

struct persist_counts *persist_counts_of(struct share_persist *p, unsigned worker,
					 unsigned class_number)
{
	check(worker < p->workers && class_number < p->classes);
	return (struct persist_counts *)(void *)(p->rest + worker * p->counts_bytes) + class_number;
}

void persist_sum(struct share_persist *p, unsigned class_number, struct persist_counts *sum)
{
	*sum = (struct persist_counts){ 0 };
	for (unsigned i = 0; i < p->workers; i++) {
		const struct persist_counts *one = persist_counts_of(p, i, class_number);
		sum->kept += __atomic_load_n(&one->kept, __ATOMIC_RELAXED);
		sum->begun += __atomic_load_n(&one->begun, __ATOMIC_RELAXED);
		sum->lost += __atomic_load_n(&one->lost, __ATOMIC_RELAXED);
		sum->without += __atomic_load_n(&one->without, __ATOMIC_RELAXED);
		sum->displaced += __atomic_load_n(&one->displaced, __ATOMIC_RELAXED);
	}
}

/* ---- words ----------------------------------------------------------------------------------------- */

/* What one call looks for, and where. */
struct search {
	uint64_t *set;
	unsigned row_bits;
	uint64_t name; /* the part of it that a word has, in its place */
	uint64_t now;  /* second */
	uint64_t expiry;
};

static struct search search_for(struct share_persist *p, unsigned table, uint64_t name,
				uint64_t now)
{
	check(table < PERSIST_TABLES_MOST && p->tables[table].sets > 0);
	const struct table *t = &p->tables[table];
	unsigned below = SECOND_BITS + p->row_bits;
	return (struct search){
		.set = words_of(p) + t->first + name % t->sets * WAYS,
		.row_bits = p->row_bits,
		.name = name >> below << below,
		.now = now / 1000 & SECOND_MASK,
		.expiry = t->expiry,
	};
}

static uint64_t load(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}

static bool change(uint64_t *at, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(at, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static uint64_t word_for(const struct search *s, uint32_t row)
{
	return s->name | s->now << s->row_bits | (row + 1);
}

static uint32_t row_in(const struct search *s, uint64_t word)
{
	return (uint32_t)(word & ((1u << s->row_bits) - 1)) - 1;
}

static uint64_t age_of(const struct search *s, uint64_t word)
{
	uint64_t age = (s->now - (word >> s->row_bits)) & SECOND_MASK;
	return age > SECOND_MASK - AHEAD_SECONDS ? 0 : age;
}

static bool is_free(const struct search *s, uint64_t word)
{
	return word == 0 || (s->expiry != 0 && age_of(s, word) > s->expiry);
}

static bool is_held(const struct search *s, uint64_t word)
{
	unsigned below = SECOND_BITS + s->row_bits;
	return word >> below == s->name >> below && !is_free(s, word);
}

/* Where the session is, or else where it could be: a free place, or that of what was used longest ago. */
struct place {
	uint64_t *at;
	uint64_t seen; /* the word, as it was */
	bool is_held;
};

/*
 * Looks once at each word: whoever looks at the same moment finds the same place, and of two who then
 * change it one fails.
 */
static struct place find(const struct search *s)
{
	struct place room = { 0 };
	bool has_free = false;
	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t word = load(&s->set[i]);
		if (is_held(s, word))
			return (struct place){ &s->set[i], word, true };
		bool is_better = room.at == NULL || is_free(s, word) ||
				 age_of(s, word) > age_of(s, room.seen);
		if (!has_free && is_better)
			room = (struct place){ &s->set[i], word, false };
		has_free = has_free || is_free(s, word);
	}
	return room;
}

/* ---- sessions -------------------------------------------------------------------------------------- */

uint32_t persist_find(struct share_persist *p, unsigned table, uint64_t name, uint64_t now)
{
	const struct search s = search_for(p, table, name, now);
	struct place place = find(&s);
	if (!place.is_held)
		return PERSIST_NO_ROW;
	uint32_t row = row_in(&s, place.seen);
	/* in the same second there is nothing to change: the line stays shared by all processors */
	if (word_for(&s, row) != place.seen)
		change(place.at, place.seen, word_for(&s, row));
	return row;
}

uint32_t persist_hold(struct share_persist *p, unsigned table, uint64_t name, uint32_t row,
		      uint32_t instead_of, uint64_t now, unsigned *displaced)
{
	const struct search s = search_for(p, table, name, now);
	*displaced = 0;
	/* a change that fails is another worker's that did not; of so many in a row none needs ours */
	for (unsigned tries = 0; tries < 4 * WAYS; tries++) {
		struct place place = find(&s);
		if (place.is_held && row_in(&s, place.seen) != instead_of)
			return row_in(&s, place.seen);
		if (!change(place.at, place.seen, word_for(&s, row)))
			continue;
		*displaced = !place.is_held && !is_free(&s, place.seen);
		return row;
	}
	return row;
}

void persist_forget(struct share_persist *p, unsigned table, uint64_t name, uint32_t row,
		    uint64_t now)
{
	const struct search s = search_for(p, table, name, now);
	/* it may be used meanwhile, which changes the word and not what it says */
	for (unsigned tries = 0; tries < WAYS; tries++) {
		struct place place = find(&s);
		if (!place.is_held || row_in(&s, place.seen) != row ||
		    change(place.at, place.seen, 0))
			return;
	}
}

uint64_t persist_size(const struct share_persist *p, unsigned table)
{
	return p->tables[table].sets * WAYS;
}

uint64_t persist_used(struct share_persist *p, unsigned table, uint64_t now)
{
	uint64_t used = 0;
	if (p->tables[table].sets == 0)
		return 0;
	struct search s = search_for(p, table, 0, now);
	for (uint64_t i = 0; i < persist_size(p, table); i++)
		used += !is_free(&s, __atomic_load_n(&s.set[i], __ATOMIC_RELAXED));
	return used;
}
