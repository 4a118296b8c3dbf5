/*
 * A hash table. An entry is made whole in free cells and then becomes part of the table by one store,
 * and leaves it by one store; an entry in the table never changes. So the table is whole at every
 * instant, and when a worker dies inside, the next to come (see lock.h) only has to find out anew which
 * cells are free, and when entries expire: mend.
 *
 * It is long because all that touches a cell has to keep to that, and is best read together.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "share/store.h"

#include "base/check.h"
#include "base/table.h"
#include "share/lock.h"
#include "share/reach.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define CELL_BYTES 128
#define CELLS_LEAST 8

/*
 * Cells beyond those that were asked for. A value is replaced by one that is made first: where that is
 * no bigger and small, it works in a full store too.
 */
#define CELLS_SPARE 16
#define WHEEL_SECONDS 4096

/* Expired entries that an operation reclaims by the way, and one that needs room. */
#define RECLAIM_SOME 32
#define RECLAIM_MANY 4096

/* Everything is named by the number of its (first) cell, from 1; 0 is nothing. */
struct cell {
	uint32_t next; /* of the entry, or of the free ones */
	char bytes[CELL_BYTES - sizeof(uint32_t)];
};

/* The first cell of an entry. The bytes of its key, then of its value, go on in the next cells. */
struct entry {
	uint32_t next;
	uint32_t chain; /* the next entry of the bucket */
	uint64_t hash, expires;
	uint32_t key_len, value_len;
	uint32_t sooner, later, slot; /* its place in the wheel, when it expires */
	char bytes[CELL_BYTES - 44];
};

_Static_assert(sizeof(struct cell) == CELL_BYTES, "cells lie side by side");
_Static_assert(sizeof(struct entry) == CELL_BYTES, "an entry begins with a cell");

struct share_store {
	struct share_lock lock;
	size_t mapped; /* by store_open */
	uint32_t cells, buckets;
	uint32_t used;
	uint32_t first_free;
	uint32_t fresh; /* this cell and those behind it were never used */
	/*
	 * Lists of entries by the second in which they expire; those of a later turn of the wheel are
	 * put back when theirs comes. All seconds before `second` have been looked after.
	 */
	uint64_t second;
	uint32_t wheel[WHEEL_SECONDS];
	uint32_t heads[]; /* of the buckets; behind them a bit for each cell, then the cells */
};

/* ---- places ---------------------------------------------------------------------------------------- */

static uint32_t cells_of(uint64_t size)
{
	uint64_t cells = size / CELL_BYTES;
	return (uint32_t)(cells < CELLS_LEAST ? CELLS_LEAST : cells) + CELLS_SPARE;
}

static uint32_t buckets_for(uint32_t cells)
{
	uint32_t buckets = 1;
	while (buckets < cells / 2)
		buckets *= 2;
	return buckets;
}

static size_t bytes_before_cells(uint32_t cells)
{
	size_t bytes = sizeof(struct share_store) + buckets_for(cells) * sizeof(uint32_t) +
		       cells / 8 + 1;
	return (bytes + CELL_BYTES - 1) / CELL_BYTES * CELL_BYTES;
}

static unsigned char *bits_of(struct share_store *s)
{
	return (unsigned char *)&s->heads[s->buckets];
}

static struct cell *cell_of(struct share_store *s, uint32_t number)
{
	char *cells = (char *)s + bytes_before_cells(s->cells);
	return (struct cell *)(void *)(cells + (size_t)(number - 1) * CELL_BYTES);
}

static struct entry *entry_of(struct share_store *s, uint32_t number)
{
	return (struct entry *)(void *)cell_of(s, number);
}

/* A change of the table itself. Whoever dies has done it or not, and all before it, and nothing behind it. */
static void publish(uint32_t *link, uint32_t value)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(link, value, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- the bytes of an entry ---------------------------------------------------------------------------- */

static void next_cell(struct reach *r)
{
	struct cell *cell = cell_of(r->store, r->number);
	r->number = cell->next;
	r->at = cell->bytes;
	r->room = sizeof cell->bytes;
}

static struct reach reach_entry(struct share_store *s, struct entry *e)
{
	return (struct reach){ s, e->next, e->bytes, sizeof e->bytes, next_cell };
}

/* ---- free cells --------------------------------------------------------------------------------------- */

static uint32_t cells_for(size_t bytes)
{
	const size_t first = sizeof((struct entry *)0)->bytes;
	const size_t other = sizeof((struct cell *)0)->bytes;
	return bytes <= first ? 1 : (uint32_t)(1 + (bytes - first + other - 1) / other);
}

static uint32_t take_cell(struct share_store *s)
{
	uint32_t number = s->first_free;
	if (number == 0) {
		number = s->fresh;
		publish(&s->fresh, number + 1);
	} else {
		s->first_free = cell_of(s, number)->next;
	}
	s->used++;
	return number;
}

static void give_cells(struct share_store *s, uint32_t first)
{
	while (first != 0) {
		struct cell *cell = cell_of(s, first);
		uint32_t next = cell->next;
		cell->next = s->first_free;
		s->first_free = first;
		s->used--;
		first = next;
	}
}

/* ---- when entries expire ------------------------------------------------------------------------------- */

static void enter_wheel(struct share_store *s, uint32_t number)
{
	struct entry *e = entry_of(s, number);
	uint64_t second = e->expires / 1000 + 1, most = s->second + WHEEL_SECONDS - 1;
	if (e->expires == 0)
		return;
	second = second > most ? most : second < s->second ? s->second : second;
	e->slot = (uint32_t)(second % WHEEL_SECONDS);
	e->sooner = 0;
	e->later = s->wheel[e->slot];
	if (e->later != 0)
		entry_of(s, e->later)->sooner = number;
	s->wheel[e->slot] = number;
}

static void leave_wheel(struct share_store *s, const struct entry *e)
{
	if (e->expires == 0)
		return;
	if (e->later != 0)
		entry_of(s, e->later)->sooner = e->sooner;
	if (e->sooner != 0)
		entry_of(s, e->sooner)->later = e->later;
	else
		s->wheel[e->slot] = e->later;
}

static bool is_expired(const struct entry *e, uint64_t now)
{
	return e->expires != 0 && e->expires <= now;
}

/* ---- the table ------------------------------------------------------------------------------------------- */

/* The link to the key's entry, or to the nothing behind the last of its bucket. */
static uint32_t *find(struct share_store *s, struct slice key, uint64_t hash)
{
	uint32_t *link = &s->heads[hash & (s->buckets - 1)];
	while (*link != 0) {
		struct entry *e = entry_of(s, *link);
		struct reach r = reach_entry(s, e);
		if (e->hash == hash && e->key_len == key.len && reach_matches(&r, key))
			break;
		link = &e->chain;
	}
	return link;
}

static void remove_at(struct share_store *s, uint32_t *link)
{
	uint32_t number = *link;
	struct entry *e = entry_of(s, number);
	publish(link, e->chain);
	leave_wheel(s, e);
	give_cells(s, number);
}

/* The same, but an entry that has expired is not there. */
static uint32_t *find_live(struct share_store *s, struct slice key, uint64_t now)
{
	uint64_t hash = table_hash(key);
	uint32_t *link = find(s, key, hash);
	if (*link == 0 || !is_expired(entry_of(s, *link), now))
		return link;
	remove_at(s, link);
	return find(s, key, hash);
}

static void remove_entry(struct share_store *s, uint32_t number)
{
	const struct entry *e = entry_of(s, number);
	uint32_t *link = &s->heads[e->hash & (s->buckets - 1)];
	while (*link != number)
		link = &entry_of(s, *link)->chain;
	remove_at(s, link);
}

/* Looks after `most` entries whose second has come. False: there were fewer. */
static bool reclaim(struct share_store *s, uint64_t now, unsigned most)
{
	uint64_t last = now / 1000;
	if (s->second + WHEEL_SECONDS <= last) /* all slots, each once */
		s->second = last - WHEEL_SECONDS + 1;
	for (; s->second <= last; s->second++) {
		uint32_t *slot = &s->wheel[s->second % WHEEL_SECONDS];
		for (; *slot != 0; most--) {
			uint32_t number = *slot;
			if (most == 0)
				return true;
			if (is_expired(entry_of(s, number), now)) {
				remove_entry(s, number);
			} else {
				leave_wheel(s, entry_of(s, number));
				enter_wheel(s, number);
			}
		}
	}
	return false;
}

/* Is there room for so many cells, in place of `replaced` ones? */
static bool make_room(struct share_store *s, uint32_t cells, uint32_t replaced, uint64_t now)
{
	uint32_t spare = cells <= replaced ? 0 : CELLS_SPARE;
	bool is_more = reclaim(s, now, RECLAIM_SOME);
	while (s->cells < s->used + spare + cells && is_more)
		is_more = reclaim(s, now, RECLAIM_MANY);
	return s->cells >= s->used + spare + cells;
}

static uint32_t make_entry(struct share_store *s, struct slice key, struct slice value,
			   uint64_t expires)
{
	uint32_t number = take_cell(s), rest = cells_for(key.len + value.len) - 1, chain = 0;
	while (rest-- > 0) {
		uint32_t cell = take_cell(s);
		cell_of(s, cell)->next = chain;
		chain = cell;
	}
	struct entry *e = entry_of(s, number);
	e->next = chain;
	e->chain = 0;
	e->hash = table_hash(key);
	e->expires = expires;
	e->key_len = (uint32_t)key.len;
	e->value_len = (uint32_t)value.len;
	struct reach r = reach_entry(s, e);
	reach_put(&r, key);
	reach_put(&r, value);
	return number;
}

/* The key gets this value. Old and new lie side by side for a moment. */
static enum store_result put(struct share_store *s, struct slice key, struct slice value,
			     uint64_t now, uint64_t expires)
{
	uint32_t before = *find_live(s, key, now), replaced = 0;
	if (before != 0)
		replaced = cells_for(key.len + entry_of(s, before)->value_len);
	if (value.len > (uint64_t)s->cells * CELL_BYTES ||
	    !make_room(s, cells_for(key.len + value.len), replaced, now))
		return STORE_FULL;
	uint32_t number = make_entry(s, key, value, expires);
	struct entry *e = entry_of(s, number);
	uint32_t *link = find(s, key, e->hash), old = *link;
	if (old != 0)
		e->chain = entry_of(s, old)->chain;
	publish(link, number);
	enter_wheel(s, number);
	if (old != 0) {
		leave_wheel(s, entry_of(s, old));
		give_cells(s, old);
	}
	return STORE_DONE;
}

/* ---- taking the lock ---------------------------------------------------------------------------------- */

static void mark(struct share_store *s, uint32_t number)
{
	for (; number != 0; number = cell_of(s, number)->next) {
		bits_of(s)[number / 8] |= (unsigned char)(1u << number % 8);
		s->used++;
	}
}

/* Somebody died at work. The table is whole; what is free and what expires when is found out anew. */
static void mend(struct share_store *s)
{
	s->used = 0;
	s->first_free = 0;
	memset(s->wheel, 0, sizeof s->wheel);
	memset(bits_of(s), 0, s->fresh / 8 + 1);
	for (uint32_t i = 0; i < s->buckets; i++)
		for (uint32_t number = s->heads[i]; number != 0;
		     number = entry_of(s, number)->chain) {
			mark(s, number);
			enter_wheel(s, number);
		}
	for (uint32_t number = s->fresh; number-- > 1;)
		if ((bits_of(s)[number / 8] >> number % 8 & 1) == 0) {
			cell_of(s, number)->next = s->first_free;
			s->first_free = number;
		}
}

static void lock(struct share_store *s)
{
	if (share_lock_take(&s->lock))
		return;
	mend(s);
	share_lock_mended(&s->lock);
}

static void unlock(struct share_store *s)
{
	share_lock_give(&s->lock);
}

/* ---- life ----------------------------------------------------------------------------------------------- */

size_t store_bytes(uint64_t size)
{
	uint32_t cells = cells_of(size);
	return bytes_before_cells(cells) + (size_t)cells * CELL_BYTES;
}

struct share_store *store_make(void *memory, uint64_t size)
{
	struct share_store *s = memory;
	share_lock_init(&s->lock);
	table_make_key(); /* whoever forks now finds keys in the same buckets */
	s->cells = cells_of(size);
	s->buckets = buckets_for(s->cells);
	s->fresh = 1;
	return s;
}

struct share_store *store_open(uint64_t size, struct err *e)
{
	size_t bytes = store_bytes(size);
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	if (memory == MAP_FAILED) {
		err_set(e, "cannot map '%zu bytes' of memory: %s", bytes, strerror(errno));
		return NULL;
	}
	struct share_store *s = store_make(memory, size);
	s->mapped = bytes;
	return s;
}

void store_close(struct share_store *s)
{
	if (s != NULL)
		munmap(s, s->mapped);
}

/* ---- what callers do ------------------------------------------------------------------------------------- */

bool store_get(struct share_store *s, struct slice key, uint64_t now, char *to, size_t most,
	       size_t *len)
{
	lock(s);
	uint32_t number = *find_live(s, key, now);
	if (number != 0) {
		struct entry *e = entry_of(s, number);
		struct reach r = reach_entry(s, e);
		*len = e->value_len;
		for (size_t left = key.len; left > 0;) {
			size_t run = left;
			reach_run(&r, &run);
			left -= run;
		}
		if (*len <= most)
			reach_take(&r, to, *len);
	}
	unlock(s);
	return number != 0;
}

/* Is the value at the link just this one? */
static bool holds(struct share_store *s, uint32_t number, struct slice key, struct slice value)
{
	if (number == 0 || entry_of(s, number)->value_len != value.len)
		return false;
	struct reach r = reach_entry(s, entry_of(s, number));
	return reach_matches(&r, key) && reach_matches(&r, value);
}

enum store_result store_set(struct share_store *s, const struct store_write *write)
{
	enum store_result result = STORE_REFUSED;
	check(write->key.len <= STORE_KEY_MOST);
	lock(s);
	uint32_t number = *find_live(s, write->key, write->now);
	if (write->when == STORE_ALWAYS || (write->when == STORE_IF_ABSENT && number == 0) ||
	    (write->when == STORE_IF_EQUAL && holds(s, number, write->key, write->old)))
		result = put(s, write->key, write->value, write->now, write->expires);
	unlock(s);
	return result;
}

/* The number at the link, if it is one. */
static bool read_number(struct share_store *s, uint32_t number, size_t key_len, double *value)
{
	char bytes[STORE_KEY_MOST + STORE_NUMBER_BYTES];
	struct entry *e = entry_of(s, number);
	if (e->value_len != STORE_NUMBER_BYTES)
		return false;
	struct reach r = reach_entry(s, e);
	reach_take(&r, bytes, key_len + STORE_NUMBER_BYTES);
	memcpy(value, bytes + key_len + 1, sizeof *value);
	return bytes[key_len] == STORE_NUMBER;
}

enum store_result store_increment(struct share_store *s, struct slice key, double by, uint64_t now,
				  uint64_t expires, double *sum)
{
	enum store_result result = STORE_REFUSED;
	char bytes[STORE_NUMBER_BYTES] = { STORE_NUMBER };
	double before = 0;
	check(key.len <= STORE_KEY_MOST);
	lock(s);
	uint32_t number = *find_live(s, key, now);
	if (number == 0 || read_number(s, number, key.len, &before)) {
		*sum = before + by;
		memcpy(bytes + 1, sum, sizeof *sum);
		result = put(s, key, slice_of(bytes, sizeof bytes), now,
			     number == 0 ? expires : entry_of(s, number)->expires);
	}
	unlock(s);
	return result;
}

bool store_remove(struct share_store *s, struct slice key, uint64_t now)
{
	lock(s);
	reclaim(s, now, RECLAIM_SOME);
	uint32_t *link = find_live(s, key, now);
	bool was_there = *link != 0;
	if (was_there)
		remove_at(s, link);
	unlock(s);
	return was_there;
}

/* ---- walking ------------------------------------------------------------------------------------------------ */

static bool has_prefix(struct share_store *s, struct entry *e, struct slice prefix)
{
	struct reach r = reach_entry(s, e);
	return e->key_len >= prefix.len && reach_matches(&r, prefix);
}

static size_t write_key(struct share_store *s, struct entry *e, char *to)
{
	uint16_t len = (uint16_t)e->key_len;
	struct reach r = reach_entry(s, e);
	memcpy(to, &len, sizeof len);
	reach_take(&r, to + sizeof len, len);
	return sizeof len + len;
}

size_t store_list(struct share_store *s, struct slice prefix, uint64_t now, struct store_walk *walk,
		  char *to, size_t most)
{
	size_t used = 0;
	check(most >= STORE_KEY_MOST + sizeof(uint16_t));
	lock(s);
	for (unsigned i = 0; i < STORE_WALK_BUCKETS && !walk->is_over; i++) {
		uint32_t at = 0;
		for (uint32_t number = s->heads[walk->bucket]; number != 0; at++) {
			struct entry *e = entry_of(s, number);
			number = e->chain;
			if (at < walk->skip || is_expired(e, now) || !has_prefix(s, e, prefix))
				continue;
			if (e->key_len + sizeof(uint16_t) > most - used) {
				walk->skip = at;
				unlock(s);
				return used;
			}
			used += write_key(s, e, to + used);
		}
		walk->skip = 0;
		walk->is_over = ++walk->bucket == s->buckets;
	}
	unlock(s);
	return used;
}

size_t store_reset(struct share_store *s, struct slice prefix, struct store_walk *walk)
{
	size_t count = 0;
	lock(s);
	for (unsigned i = 0; i < STORE_WALK_BUCKETS && !walk->is_over; i++) {
		uint32_t *link = &s->heads[walk->bucket];
		while (*link != 0) {
			struct entry *e = entry_of(s, *link);
			bool is_meant = has_prefix(s, e, prefix);
			if (is_meant)
				remove_at(s, link);
			else
				link = &e->chain;
			count += is_meant;
		}
		walk->is_over = ++walk->bucket == s->buckets;
	}
	unlock(s);
	return count;
}

/* ---- how much ------------------------------------------------------------------------------------------------ */

uint64_t store_used(struct share_store *s, uint64_t now)
{
	lock(s);
	reclaim(s, now, RECLAIM_MANY);
	uint64_t used = s->used;
	unlock(s);
	return used * CELL_BYTES;
}

uint64_t store_free(struct share_store *s, uint64_t now)
{
	uint64_t size = (uint64_t)(s->cells - CELLS_SPARE) * CELL_BYTES, used = store_used(s, now);
	return used < size ? size - used : 0;
}
