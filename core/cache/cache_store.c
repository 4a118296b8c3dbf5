/*
 * It is long because all that touches blocks and entries has to keep one order of stores, so that
 * nothing is half made at any instant, and is best read together.
 *
 * An entry is FILLING while one worker makes it, READY when all may use it, GONE when nobody finds it any
 * more but some may still send it. It is in its bucket in the first two states. Blocks belong to the entry
 * that leads to them, or are free; no block is ever led to twice.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_store.h"

#include "base/check.h"
#include "base/table.h"
#include "share/lock.h"
#include "share/reach.h"

#include <string.h>

#define BLOCK_BYTES 2048
#define BLOCKS_LEAST 16

/* Entries that the hand passes for one request for room: nobody holds the lock for long. */
#define HAND_STEPS 4096

enum entry_state { ENTRY_FREE, ENTRY_FILLING, ENTRY_READY, ENTRY_GONE };

/* Everything is named by its number, from 1; 0 is nothing. */
struct entry {
	uint32_t state;
	uint32_t chain; /* the next one of the bucket, or of the free ones */
	uint64_t hash;  /* of the URI */
	uint32_t meta;  /* blocks: struct meta, then what it counts */
	uint32_t body, last;
	uint32_t filler; /* the worker, from 1 */
	uint64_t body_bytes;
	uint32_t is_used;   /* since the hand last passed */
	uint32_t is_doomed; /* it was removed before it was whole */
	uint32_t refreshed; /* the second in which somebody was to ask for it anew */
	uint32_t apart;
};

struct meta {
	struct cache_facts facts;
	uint32_t uri, variant, names, values, head; /* lengths */
};

struct cache_store {
	struct share_lock lock;
	unsigned workers;
	uint32_t blocks, entries, buckets;
	uint32_t free_block, fresh_block; /* those from the latter on were never used */
	uint32_t free_entry, fresh_entry;
	uint32_t used_blocks, used_entries;
	uint32_t hand;
	uint64_t stored, evicted, removed;
	/* where the rest lies, from here */
	size_t entries_at, buckets_at, next_at, bits_at, pins_at, blocks_at;
};

/* ---- places --------------------------------------------------------------------------------------- */

static size_t whole(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static void lay_out(struct cache_store *s, const struct cache_size *size)
{
	uint64_t blocks = size->bytes / BLOCK_BYTES;
	s->workers = size->workers;
	s->blocks = (uint32_t)(blocks < BLOCKS_LEAST ? BLOCKS_LEAST : blocks);
	s->entries = (uint32_t)(size->entries < s->blocks ? size->entries : s->blocks);
	s->buckets = 1;
	while (s->buckets < s->entries)
		s->buckets *= 2;
	s->entries_at = whole(sizeof *s);
	s->buckets_at = s->entries_at + whole((s->entries + 1) * sizeof(struct entry));
	s->next_at = s->buckets_at + whole(s->buckets * sizeof(uint32_t));
	s->bits_at = s->next_at + whole((s->blocks + 1) * sizeof(uint32_t));
	s->pins_at = s->bits_at + whole(s->blocks / 8 + 1);
	s->blocks_at = s->pins_at + whole((size_t)s->workers * (s->entries + 1) * sizeof(uint32_t));
}

static struct entry *entry_of(struct cache_store *s, uint32_t number)
{
	return (struct entry *)(void *)((char *)s + s->entries_at) + number;
}

static uint32_t *bucket_of(struct cache_store *s, uint64_t hash)
{
	return (uint32_t *)(void *)((char *)s + s->buckets_at) + (hash & (s->buckets - 1));
}

static uint32_t *next_of(struct cache_store *s, uint32_t block)
{
	return (uint32_t *)(void *)((char *)s + s->next_at) + block;
}

static char *block_of(struct cache_store *s, uint32_t block)
{
	return (char *)s + s->blocks_at + (size_t)(block - 1) * BLOCK_BYTES;
}

static unsigned char *bits_of(struct cache_store *s)
{
	return (unsigned char *)s + s->bits_at;
}

/* How often the worker holds on to the entry: only it writes that. */
static uint32_t *pin_of(struct cache_store *s, unsigned worker, uint32_t entry)
{
	return (uint32_t *)(void *)((char *)s + s->pins_at) + (size_t)worker * (s->entries + 1) +
	       entry;
}

static bool is_held(struct cache_store *s, uint32_t entry)
{
	for (unsigned i = 0; i < s->workers; i++)
		if (__atomic_load_n(pin_of(s, i, entry), __ATOMIC_ACQUIRE) != 0)
			return true;
	return false;
}

/* A change that others must not see ahead of what it leads to, and a dead worker's have all or not at all. */
static void publish(uint32_t *at, uint32_t value)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- free blocks and entries ---------------------------------------------------------------------- */

static uint32_t blocks_for(size_t bytes)
{
	return (uint32_t)((bytes + BLOCK_BYTES - 1) / BLOCK_BYTES);
}

static uint32_t take_block(struct cache_store *s)
{
	uint32_t block = s->free_block;
	if (block != 0)
		s->free_block = *next_of(s, block);
	else
		block = s->fresh_block++;
	publish(next_of(s, block), 0);
	s->used_blocks++;
	return block;
}

/* In the order of the chain, so that what lies side by side is given out so again. */
static void give_blocks(struct cache_store *s, uint32_t first)
{
	if (first == 0)
		return;
	uint32_t last = first;
	for (s->used_blocks--; *next_of(s, last) != 0; s->used_blocks--)
		last = *next_of(s, last);
	*next_of(s, last) = s->free_block;
	s->free_block = first;
}

static uint32_t *find_link(struct cache_store *s, uint32_t number)
{
	uint32_t *link = bucket_of(s, entry_of(s, number)->hash);
	while (*link != 0 && *link != number)
		link = &entry_of(s, *link)->chain;
	return link;
}

static void unlink_entry(struct cache_store *s, uint32_t number)
{
	uint32_t *link = find_link(s, number);
	if (*link == number)
		publish(link, entry_of(s, number)->chain);
}

/* Nobody has it in hand any more. */
static void free_entry(struct cache_store *s, uint32_t number)
{
	struct entry *e = entry_of(s, number);
	uint32_t meta = e->meta, body = e->body;
	publish(&e->state, ENTRY_FREE);
	e->meta = e->body = 0;
	give_blocks(s, meta);
	give_blocks(s, body);
	e->chain = s->free_entry;
	s->free_entry = number;
	s->used_entries--;
}

/* Nobody finds it from now on; it goes when nobody sends it. */
static void retire(struct cache_store *s, uint32_t number)
{
	publish(&entry_of(s, number)->state, ENTRY_GONE);
	unlink_entry(s, number);
	if (!is_held(s, number))
		free_entry(s, number);
}

/* One step of the hand. True: something went. */
static bool pass_hand(struct cache_store *s)
{
	s->hand = s->hand + 1 < s->fresh_entry ? s->hand + 1 : 1;
	if (s->hand >= s->fresh_entry)
		return false;
	struct entry *e = entry_of(s, s->hand);
	bool is_free = e->state == ENTRY_FREE || e->state == ENTRY_FILLING;
	if (is_free || is_held(s, s->hand))
		return false;
	if (e->state == ENTRY_READY && e->is_used != 0) {
		e->is_used = 0;
		return false;
	}
	s->evicted += e->state == ENTRY_READY;
	retire(s, s->hand);
	return true;
}

static bool has_room(const struct cache_store *s, uint32_t blocks, uint32_t entries)
{
	return s->blocks - s->used_blocks >= blocks && s->entries - s->used_entries >= entries;
}

static bool make_room(struct cache_store *s, uint32_t blocks, uint32_t entries)
{
	for (unsigned i = 0; i < HAND_STEPS && !has_room(s, blocks, entries); i++)
		pass_hand(s);
	return has_room(s, blocks, entries);
}

static uint32_t take_entry(struct cache_store *s)
{
	uint32_t number = s->free_entry;
	if (number != 0)
		s->free_entry = entry_of(s, number)->chain;
	else
		number = s->fresh_entry++;
	s->used_entries++;
	return number;
}

/* ---- what an entry says of itself ----------------------------------------------------------------- */

static void next_block(struct reach *r)
{
	r->number = *next_of(r->store, r->number);
	r->at = block_of(r->store, r->number);
	r->room = BLOCK_BYTES;
}

/* From that byte of the block on; BLOCK_BYTES: from the next block on. */
static struct reach reach_block(struct cache_store *s, uint32_t block, size_t offset)
{
	return (struct reach){ s, block, block_of(s, block) + offset, BLOCK_BYTES - offset,
			       next_block };
}

static struct reach reach_meta(struct cache_store *s, const struct entry *e, struct meta *meta)
{
	struct reach r = reach_block(s, e->meta, 0);
	reach_take(&r, (char *)meta, sizeof *meta);
	return r;
}

/* Is the entry an answer to that URI? */
static bool is_of_uri(struct cache_store *s, const struct entry *e, uint64_t hash, struct slice uri)
{
	struct meta meta;
	if (e->hash != hash)
		return false;
	struct reach r = reach_meta(s, e, &meta);
	return meta.uri == uri.len && reach_matches(&r, uri);
}

static size_t meta_bytes(const struct cache_new *a)
{
	return sizeof(struct meta) + a->key->uri.len + a->key->variant.len + a->names.len +
	       a->values.len + a->head.len;
}

/* Blocks for it, for which there is room, led to by nobody yet. */
static uint32_t make_meta(struct cache_store *s, const struct cache_new *a)
{
	const struct meta meta = { a->facts,
				   (uint32_t)a->key->uri.len,
				   (uint32_t)a->key->variant.len,
				   (uint32_t)a->names.len,
				   (uint32_t)a->values.len,
				   (uint32_t)a->head.len };
	uint32_t first = take_block(s), last = first;
	for (uint32_t left = blocks_for(meta_bytes(a)) - 1; left > 0; left--) {
		uint32_t block = take_block(s);
		*next_of(s, last) = block;
		last = block;
	}
	struct reach r = reach_block(s, first, 0);
	reach_put(&r, slice_of((const char *)&meta, sizeof meta));
	reach_put(&r, a->key->uri);
	reach_put(&r, a->key->variant);
	reach_put(&r, a->names);
	reach_put(&r, a->values);
	reach_put(&r, a->head);
	return first;
}

/* ---- taking the lock ------------------------------------------------------------------------------ */

/* All that the entry leads to is in use. A chain that a worker gone mad has bent into a ring ends, too. */
static void mark(struct cache_store *s, uint32_t block)
{
	unsigned char *bits = bits_of(s);
	while (block != 0 && block < s->fresh_block && (bits[block / 8] >> block % 8 & 1) == 0) {
		bits[block / 8] |= (unsigned char)(1u << block % 8);
		s->used_blocks++;
		block = *next_of(s, block);
	}
}

static void mend_entries(struct cache_store *s)
{
	memset(bucket_of(s, 0), 0, s->buckets * sizeof(uint32_t));
	s->free_entry = s->used_entries = 0;
	for (uint32_t i = 1; i < s->fresh_entry; i++) {
		struct entry *e = entry_of(s, i);
		if (e->state == ENTRY_FREE) {
			e->meta = e->body = 0;
			e->chain = s->free_entry;
			s->free_entry = i;
			continue;
		}
		s->used_entries++;
		mark(s, e->meta);
		mark(s, e->body);
		if (e->state == ENTRY_GONE)
			continue;
		uint32_t *bucket = bucket_of(s, e->hash);
		e->chain = *bucket;
		*bucket = i;
	}
}

/* Somebody died at work. Entries are whole; what is free, and what is in which bucket, is found out anew. */
static void mend(struct cache_store *s)
{
	s->used_blocks = s->free_block = 0;
	memset(bits_of(s), 0, s->blocks / 8 + 1);
	mend_entries(s);
	for (uint32_t block = s->fresh_block; block-- > 1;)
		if ((bits_of(s)[block / 8] >> block % 8 & 1) == 0) {
			*next_of(s, block) = s->free_block;
			s->free_block = block;
		}
}

static void lock(struct cache_store *s)
{
	if (share_lock_take(&s->lock))
		return;
	mend(s);
	share_lock_mended(&s->lock);
}

static void unlock(struct cache_store *s)
{
	share_lock_give(&s->lock);
}

/* ---- life ----------------------------------------------------------------------------------------- */

size_t cache_store_bytes(const struct cache_size *size)
{
	struct cache_store s = { 0 };
	lay_out(&s, size);
	return s.blocks_at + (size_t)s.blocks * BLOCK_BYTES;
}

struct cache_store *cache_store_make(void *memory, const struct cache_size *size)
{
	struct cache_store *s = memory;
	share_lock_init(&s->lock);
	table_make_key(); /* whoever forks now finds answers in the same buckets */
	lay_out(s, size);
	s->fresh_block = s->fresh_entry = 1;
	return s;
}

void cache_store_give_back(struct cache_store *s, unsigned worker)
{
	lock(s);
	for (uint32_t i = 1; i < s->fresh_entry; i++) {
		struct entry *e = entry_of(s, i);
		if (*pin_of(s, worker, i) != 0)
			__atomic_store_n(pin_of(s, worker, i), 0, __ATOMIC_RELEASE);
		if (e->state == ENTRY_FILLING && e->filler == worker + 1)
			retire(s, i);
	}
	unlock(s);
}

/* ---- using what is there -------------------------------------------------------------------------- */

/* Is the answer for this request, as far as its URI and Vary say? *stored_at says how old it is. */
static bool is_for(struct cache_store *s, const struct entry *e, uint64_t hash,
		   const struct cache_key *key, uint64_t *stored_at)
{
	char names[CACHE_NAMES_MOST], values[CACHE_VALUES_MOST];
	struct meta meta;
	size_t len;
	if (e->state != ENTRY_READY || e->hash != hash)
		return false;
	struct reach r = reach_meta(s, e, &meta);
	if (meta.uri != key->uri.len || meta.variant != key->variant.len ||
	    !reach_matches(&r, key->uri) || !reach_matches(&r, key->variant))
		return false;
	*stored_at = meta.facts.stored_at;
	if (meta.names == 0)
		return true;
	reach_take(&r, names, meta.names);
	return cache_key_vary(key, slice_of(names, meta.names), values, &len) &&
	       len == meta.values && reach_matches(&r, slice_of(values, len));
}

static uint32_t find(struct cache_store *s, const struct cache_key *key, uint64_t hash)
{
	uint32_t best = 0;
	uint64_t newest = 0, stored_at = 0;
	for (uint32_t i = *bucket_of(s, hash); i != 0; i = entry_of(s, i)->chain)
		if (is_for(s, entry_of(s, i), hash, key, &stored_at) &&
		    (best == 0 || stored_at > newest)) {
			best = i;
			newest = stored_at;
		}
	return best;
}

static void describe(struct cache_store *s, uint32_t number, struct arena *arena,
		     struct cache_found *found)
{
	struct meta meta;
	const struct entry *e = entry_of(s, number);
	struct reach r = reach_meta(s, e, &meta);
	char *names = arena_alloc(arena, meta.names + 1), *head = arena_alloc(arena, meta.head + 1);
	reach_skip(&r, meta.uri + meta.variant);
	reach_take(&r, names, meta.names);
	reach_skip(&r, meta.values);
	reach_take(&r, head, meta.head);
	*found = (struct cache_found){ .entry = number,
				       .facts = meta.facts,
				       .head = slice_of(head, meta.head),
				       .names = slice_of(names, meta.names),
				       .body_bytes = e->body_bytes };
}

bool cache_store_find(struct cache_store *s, unsigned worker, const struct cache_key *key,
		      struct arena *arena, struct cache_found *found)
{
	uint64_t hash = table_hash(key->uri);
	found->entry = 0;
	lock(s);
	uint32_t number = find(s, key, hash);
	uint32_t *pin = number == 0 ? NULL : pin_of(s, worker, number);
	if (pin != NULL && *pin != UINT32_MAX) {
		__atomic_store_n(pin, *pin + 1, __ATOMIC_RELEASE);
		entry_of(s, number)->is_used = 1;
		describe(s, number, arena, found);
	}
	unlock(s);
	return found->entry != 0;
}

void cache_store_leave(struct cache_store *s, unsigned worker, uint32_t entry)
{
	uint32_t *pin = pin_of(s, worker, entry);
	check(*pin > 0);
	__atomic_store_n(pin, *pin - 1, __ATOMIC_RELEASE);
}

bool cache_store_claim(struct cache_store *s, uint32_t entry, uint32_t second)
{
	uint32_t *at = &entry_of(s, entry)->refreshed, before = *at;
	return before != second && __atomic_compare_exchange_n(at, &before, second, false,
							       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void cache_reader_open(struct cache_reader *r, struct cache_store *s, uint32_t entry, uint64_t from,
		       uint64_t bytes)
{
	const struct entry *e = entry_of(s, entry);
	check(from + bytes <= e->body_bytes);
	*r = (struct cache_reader){ .store = s, .block = e->body, .left = bytes };
	for (; from >= BLOCK_BYTES && r->left > 0; from -= BLOCK_BYTES)
		r->block = *next_of(s, r->block);
	r->offset = (size_t)from;
}

struct slice cache_reader_next(struct cache_reader *r, size_t most)
{
	if (r->left == 0)
		return SLICE("");
	const char *at = block_of(r->store, r->block) + r->offset;
	most = r->left < most ? (size_t)r->left : most;
	size_t len = 0;
	while (len < most) {
		size_t here = BLOCK_BYTES - r->offset;
		here = here < most - len ? here : most - len;
		len += here;
		r->offset += here;
		if (r->offset < BLOCK_BYTES)
			break;
		uint32_t next = *next_of(r->store, r->block);
		bool is_beside = next == r->block + 1;
		r->block = next;
		r->offset = 0;
		if (!is_beside)
			break;
	}
	r->left -= len;
	return slice_of(at, len);
}

/* ---- storing -------------------------------------------------------------------------------------- */

uint32_t cache_store_begin(struct cache_store *s, unsigned worker, const struct cache_new *answer)
{
	uint64_t hash = table_hash(answer->key->uri);
	uint32_t number = 0;
	check(answer->names.len <= CACHE_NAMES_MOST && answer->values.len <= CACHE_VALUES_MOST);
	lock(s);
	if (make_room(s, blocks_for(meta_bytes(answer)), 1)) {
		number = take_entry(s);
		struct entry *e = entry_of(s, number);
		uint32_t *bucket = bucket_of(s, hash);
		*e = (struct entry){ .hash = hash,
				     .meta = make_meta(s, answer),
				     .filler = worker + 1,
				     .chain = *bucket };
		publish(&e->state, ENTRY_FILLING);
		publish(bucket, number);
	}
	unlock(s);
	return number;
}

/* So many more blocks at the end of its body. */
static bool add_blocks(struct cache_store *s, struct entry *e, uint32_t count)
{
	lock(s);
	bool is_there = make_room(s, count, 0);
	for (; is_there && count > 0; count--) {
		uint32_t block = take_block(s);
		publish(e->body == 0 ? &e->body : next_of(s, e->last), block);
		e->last = block;
	}
	unlock(s);
	return is_there;
}

bool cache_store_append(struct cache_store *s, uint32_t entry, struct slice data)
{
	struct entry *e = entry_of(s, entry);
	size_t offset = (size_t)(e->body_bytes % BLOCK_BYTES);
	/* the one who makes it may look at it without the lock, and write what nobody sees yet */
	uint32_t last = e->last;
	size_t from = e->body_bytes > 0 && offset == 0 ? BLOCK_BYTES : offset;
	size_t room = last == 0 ? 0 : BLOCK_BYTES - from;
	if (data.len > room && !add_blocks(s, e, blocks_for(data.len - room)))
		return false;
	struct reach r = reach_block(s, last == 0 ? e->body : last, from);
	reach_put(&r, data);
	e->body_bytes += data.len;
	return true;
}

/* Has the other entry the same key and the same values of what Vary names? */
static bool is_same(struct cache_store *s, const struct entry *one, const struct entry *other)
{
	struct meta a, b;
	struct reach from_a = reach_meta(s, one, &a), from_b = reach_meta(s, other, &b);
	if (a.uri != b.uri || a.variant != b.variant || a.names != b.names || a.values != b.values)
		return false;
	for (size_t left = a.uri + a.variant + a.names + a.values; left > 0;) {
		char part[512];
		size_t len = left < sizeof part ? left : sizeof part;
		reach_take(&from_a, part, len);
		if (!reach_matches(&from_b, slice_of(part, len)))
			return false;
		left -= len;
	}
	return true;
}

/* Takes out what it replaces, and the oldest of too many other answers to the same URI. */
static void replace(struct cache_store *s, uint32_t number)
{
	const struct entry *e = entry_of(s, number);
	uint32_t oldest = 0, count = 0;
	uint64_t since = UINT64_MAX;
	for (uint32_t i = *bucket_of(s, e->hash), next; i != 0; i = next) {
		struct entry *other = entry_of(s, i);
		struct meta meta;
		next = other->chain;
		if (i == number || other->state != ENTRY_READY || other->hash != e->hash)
			continue;
		reach_meta(s, other, &meta);
		if (is_same(s, e, other)) {
			retire(s, i);
		} else if (count++, meta.facts.stored_at < since) {
			since = meta.facts.stored_at;
			oldest = i;
		}
	}
	if (count >= CACHE_VARIANTS_MOST)
		retire(s, oldest);
}

bool cache_store_finish(struct cache_store *s, uint32_t entry)
{
	struct entry *e = entry_of(s, entry);
	lock(s);
	bool is_wanted = e->is_doomed == 0;
	if (is_wanted) {
		replace(s, entry);
		e->filler = 0;
		publish(&e->state, ENTRY_READY);
		s->stored++;
	} else {
		retire(s, entry);
	}
	unlock(s);
	return is_wanted;
}

void cache_store_give_up(struct cache_store *s, uint32_t entry)
{
	lock(s);
	retire(s, entry);
	unlock(s);
}

bool cache_store_freshen(struct cache_store *s, uint32_t entry, const struct cache_new *answer)
{
	struct entry *e = entry_of(s, entry);
	lock(s);
	bool is_done = e->state == ENTRY_READY && make_room(s, blocks_for(meta_bytes(answer)), 0);
	if (is_done) {
		uint32_t before = e->meta;
		publish(&e->meta, make_meta(s, answer));
		give_blocks(s, before);
	}
	unlock(s);
	return is_done;
}

void cache_store_drop(struct cache_store *s, uint32_t entry)
{
	lock(s);
	if (entry_of(s, entry)->state == ENTRY_READY) {
		s->removed++;
		retire(s, entry);
	}
	unlock(s);
}

/* One that is being made is its worker's: it hears of it at the end. */
static void remove_entry(struct cache_store *s, uint32_t number)
{
	struct entry *e = entry_of(s, number);
	if (e->state == ENTRY_FILLING)
		e->is_doomed = 1;
	else
		retire(s, number);
	s->removed++;
}

unsigned cache_store_remove(struct cache_store *s, struct slice uri)
{
	uint64_t hash = table_hash(uri);
	unsigned count = 0;
	lock(s);
	for (uint32_t i = *bucket_of(s, hash), next; i != 0; i = next) {
		next = entry_of(s, i)->chain;
		if (!is_of_uri(s, entry_of(s, i), hash, uri))
			continue;
		remove_entry(s, i);
		count++;
	}
	unlock(s);
	return count;
}

uint64_t cache_store_clear(struct cache_store *s)
{
	uint64_t count = 0;
	lock(s);
	for (uint32_t i = 1; i < s->fresh_entry; i++) {
		uint32_t state = entry_of(s, i)->state;
		if (state == ENTRY_GONE && !is_held(s, i))
			free_entry(s, i);
		if (state != ENTRY_READY && state != ENTRY_FILLING)
			continue;
		remove_entry(s, i);
		count++;
	}
	unlock(s);
	return count;
}

void cache_store_count(struct cache_store *s, struct cache_counts *counts)
{
	lock(s);
	*counts = (struct cache_counts){ .entries = s->used_entries,
					 .used_bytes = (uint64_t)s->used_blocks * BLOCK_BYTES,
					 .size_bytes = (uint64_t)s->blocks * BLOCK_BYTES,
					 .stored = s->stored,
					 .evicted = s->evicted,
					 .removed = s->removed };
	unlock(s);
}
