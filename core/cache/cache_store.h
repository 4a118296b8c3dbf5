/*
 * cache_store: answers of nodes in memory that all workers share. An answer is made by one worker, piece
 * by piece, and seen by all once it is whole; from then on its body never changes. Who reads one holds
 * on to it, and sends it from where it lies. Bodies and heads lie in chains of blocks, so memory does not
 * fragment; where there is no room what was not asked for lately goes.
 *
 * The lock is held for some memory accesses only, never while a body is copied. A worker that dies,
 * also with the lock in its hand, leaves nothing half made: whatever the table leads to is whole, and the
 * next who comes finds out anew what is free. Knows keys and bytes; what may be stored or used is for
 * cache_policy.h to say.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CACHE_STORE_H
#define WEIR_CACHE_STORE_H

#include "base/arena.h"
#include "base/slice.h"
#include "cache/cache_key.h"
#include "cache/cache_policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache_store;

/* Fixed for its life. */
struct cache_size {
	unsigned workers;
	uint64_t bytes;   /* of answers */
	uint64_t entries; /* how many of them */
};

/* Answers to one URI that differ by other things (Vary and the like) are never more; the oldest goes. */
#define CACHE_VARIANTS_MOST 64

/* Bytes of memory for such a store; and makes one there, in zeroed memory, before anybody forks. */
size_t cache_store_bytes(const struct cache_size *size);
struct cache_store *cache_store_make(void *memory, const struct cache_size *size);

/* The worker is dead: what it held on to and what it was making is given up. For the supervisor. */
void cache_store_give_back(struct cache_store *s, unsigned worker);

/* ---- using what is there ------------------------------------------------------------------------- */

/* An answer that somebody holds on to. */
struct cache_found {
	uint32_t entry; /* 0: none */
	struct cache_facts facts;
	struct slice head;  /* as cache_answer_write wrote it; in the arena */
	struct slice names; /* of its Vary, for cache_key_vary; in the arena */
	uint64_t body_bytes;
};

/*
 * The newest answer that is for this key, held on to until cache_store_leave. False: there is none, or
 * this worker holds on to it too often.
 */
bool cache_store_find(struct cache_store *s, unsigned worker, const struct cache_key *key,
		      struct arena *arena, struct cache_found *found);
void cache_store_leave(struct cache_store *s, unsigned worker, uint32_t entry);

/* May we be the one who asks anew for this answer in that second? True for one of all who ask. */
bool cache_store_claim(struct cache_store *s, uint32_t entry, uint32_t second);

/* Where somebody stands in the body of an answer that is held on to. */
struct cache_reader {
	struct cache_store *store;
	uint32_t block;
	size_t offset; /* in it */
	uint64_t left;
};

/* Begins at byte `from` and ends `bytes` later; both within the body. */
void cache_reader_open(struct cache_reader *r, struct cache_store *s, uint32_t entry, uint64_t from,
		       uint64_t bytes);

/* The next bytes that lie side by side, `most` at most; none when it is over. In the store's own memory. */
struct slice cache_reader_next(struct cache_reader *r, size_t most);

/* ---- storing ----------------------------------------------------------------------------------------- */

/* A new answer, all but its body. */
struct cache_new {
	const struct cache_key *key;
	struct cache_facts facts;
	struct slice names, values; /* of its Vary: cache_key_vary */
	struct slice head;          /* cache_answer_write */
};

/* Begins one: its number, or 0 when there is no room. Its body follows, then finish or give_up. */
uint32_t cache_store_begin(struct cache_store *s, unsigned worker, const struct cache_new *answer);

/* Adds to its body. False when there is no room: give it up then. */
bool cache_store_append(struct cache_store *s, uint32_t entry, struct slice data);

/*
 * It is whole, and takes the place of one with the same key. False: what it is for was removed in the
 * meantime, so this one went, too.
 */
bool cache_store_finish(struct cache_store *s, uint32_t entry);
void cache_store_give_up(struct cache_store *s, uint32_t entry);

/* Gives an answer that is held on to other facts and another head. False when there is no room for it. */
bool cache_store_freshen(struct cache_store *s, uint32_t entry, const struct cache_new *answer);

/* Removes one that is held on to; all answers to a URI, also those that are being made; or everything. */
void cache_store_drop(struct cache_store *s, uint32_t entry);
unsigned cache_store_remove(struct cache_store *s, struct slice uri);
uint64_t cache_store_clear(struct cache_store *s);

/* ---- how much --------------------------------------------------------------------------------------- */

struct cache_counts {
	uint64_t entries, used_bytes, size_bytes;
	uint64_t stored, evicted, removed; /* ever */
};

void cache_store_count(struct cache_store *s, struct cache_counts *counts);

#endif
