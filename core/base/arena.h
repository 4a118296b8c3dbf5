/*
 * arena: memory that is given back in one go. A transaction has one; everything parsed or made
 * for it lies there. Blocks come from a free list of the process, so a warm worker does not
 * call malloc. Nothing is freed one by one, and nothing outlives arena_release.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/memory.h"
#include "base/slice.h"

#include <stddef.h>

#define ARENA_BLOCK_BYTES 4096

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	char *next;                 /* free room in the newest block */
	size_t room;
	size_t total; /* bytes handed out so far */
};

void arena_init(struct arena *a);

/* Gives all memory back; the arena is as after arena_init. */
void arena_release(struct arena *a);

/* For arena_alloc: a new block with room for `size` bytes at least. */
void arena_add_block(struct arena *a, size_t size);

/* `size` bytes, aligned for any type, not zeroed; never NULL. */
static inline void *arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	size_t wanted = size;
	/* a gap behind each, where the sanitizer sees who writes too far */
	size = (size + (MEMORY_IS_WATCHED ? align : 0) + align - 1) & ~(align - 1);
	if (size > a->room || a->blocks == NULL)
		arena_add_block(a, size);
	void *at = a->next;
	memory_show(at, wanted);
	a->next += size;
	a->room -= size;
	a->total += size;
	return at;
}

/* The same, zeroed. */
void *arena_new(struct arena *a, size_t size);

/* A copy of `s` in the arena, with a NUL behind it. An absent slice stays absent. */
struct slice arena_copy(struct arena *a, struct slice s);

/* The parts in a row, with a NUL behind them; formatting would cost a hundred times as much. */
struct slice arena_join(struct arena *a, const struct slice *parts, size_t count);

/* Formats into the arena; NUL-terminated. */
struct slice arena_print(struct arena *a, const char *format, ...)
	__attribute__((format(printf, 2, 3), nonnull(2)));

/* Frees the process's spare blocks: for leak checkers, at exit. */
void arena_drop_spares(void);

#endif
