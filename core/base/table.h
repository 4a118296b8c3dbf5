/*
 * table: a map from byte strings to pointers, for names that come from a file, a rule or a peer.
 * The hash is keyed with random bytes of the process (SipHash-1-3), so that nobody can choose
 * keys that collide. The table copies its keys; the values stay the caller's.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_TABLE_H
#define WEIR_BASE_TABLE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry;

struct table {
	struct table_entry **slots; /* NULL while empty */
	size_t slot_count;          /* a power of two */
	size_t count;
};

/* Makes the key of hashes. For who forks and wants its children to find things in the same places. */
void table_make_key(void);

void table_init(struct table *t);

/* Frees keys and slots; calls `free_value` (may be NULL) on each value first. */
void table_release(struct table *t, void (*free_value)(void *value));

/* The value of `key`, or NULL. */
void *table_get(const struct table *t, struct slice key);

/* Sets `key` to `value` (not NULL); returns the value that was there before, or NULL. */
void *table_set(struct table *t, struct slice key, void *value);

/* Takes `key` out and returns its value, or NULL. */
void *table_remove(struct table *t, struct slice key);

/* Calls `visit` for each entry, in no order, until it returns false. */
void table_each(const struct table *t, bool (*visit)(struct slice key, void *value, void *extra),
		void *extra);

/* The keyed hash of some bytes, the same for the whole life of this process and its children. */
uint64_t table_hash(struct slice key);

#endif
