/*
 * store: keys with values and times to live, in memory that all workers see (data.*) or in a
 * worker's own (data.local_.*). What a value means is the caller's to say, but for numbers, which can
 * be added to. It is whole whenever a worker dies, be it in the middle of a write. Entries lie in
 * chains of small cells, so memory does not fragment: a write that finds enough free cells succeeds.
 *
 * Times are milliseconds of CLOCK_MONOTONIC, the same for all processes. Costs do not depend on how
 * much is in the store, but for those of store_list and store_reset.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_STORE_H
#define WEIR_SHARE_STORE_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share_store;

#define STORE_KEY_MOST 1024

/* A number as a value: this byte, then a double as it lies in memory. */
#define STORE_NUMBER 'n'
#define STORE_NUMBER_BYTES (1 + sizeof(double))

enum store_result {
	STORE_DONE,
	STORE_REFUSED, /* the condition does not hold */
	STORE_FULL,    /* nothing was changed */
};

/* When a value is to be set. */
enum store_when {
	STORE_ALWAYS,
	STORE_IF_ABSENT,
	STORE_IF_EQUAL, /* what is there is `old` */
};

struct store_write {
	struct slice key, value; /* a key of at most STORE_KEY_MOST bytes */
	enum store_when when;
	struct slice old;
	uint64_t now, expires; /* 0: never */
};

/* Bytes of memory for a store whose entries take `size` bytes; and makes one there, in zeroed memory. */
size_t store_bytes(uint64_t size);
struct share_store *store_make(void *memory, uint64_t size);

/* One in memory of its own, for this process; NULL with the reason in `e`. NULL may be freed. */
struct share_store *store_open(uint64_t size, struct err *e);
void store_close(struct share_store *s);

/*
 * Copies the value to `to`, if it has no more than `most` bytes; *len is how many it has. False when
 * there is no such key.
 */
bool store_get(struct share_store *s, struct slice key, uint64_t now, char *to, size_t most,
	       size_t *len);

enum store_result store_set(struct share_store *s, const struct store_write *write);

/*
 * Adds to a number; without one it begins at 0. *sum is the new number. A time to live counts only
 * for a number that begins here. REFUSED: the value is no number.
 */
enum store_result store_increment(struct share_store *s, struct slice key, double by, uint64_t now,
				  uint64_t expires, double *sum);

/* False: there was none. */
bool store_remove(struct share_store *s, struct slice key, uint64_t now);

/* Where a walk through the store stands; zeroed: at its beginning. */
struct store_walk {
	uint32_t bucket, skip;
	bool is_over;
};

/* So many buckets are looked at in one go of a walk, at most. */
#define STORE_WALK_BUCKETS 256

/*
 * Goes on with a walk for a bounded time: copies the keys with that prefix to `to`, each behind a
 * uint16_t of its length. Returns the bytes written. `most` is at least STORE_KEY_MOST + 2. Keys that
 * are there from beginning to end are given once, unless others of their bucket come and go.
 */
size_t store_list(struct share_store *s, struct slice prefix, uint64_t now, struct store_walk *walk,
		  char *to, size_t most);

/* Goes on with a walk that removes them; returns how many it removed. */
size_t store_reset(struct share_store *s, struct slice prefix, struct store_walk *walk);

/* Bytes that entries take, and bytes that are free. Expired ones count until they are reclaimed. */
uint64_t store_used(struct share_store *s, uint64_t now);
uint64_t store_free(struct share_store *s, uint64_t now);

#endif
