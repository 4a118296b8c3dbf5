/*
 * buf: bytes that wait to be used, first in first out, never more than a limit that the caller
 * names. It owns memory only while it holds bytes: an idle connection has an empty buf.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

/* Private to buf.c and the functions below. */
struct buf_block {
	size_t capacity;
	size_t start; /* first byte that waits */
	size_t len;
	char bytes[];
};

/* One pointer, because each idle connection has two. */
struct buf {
	struct buf_block *block; /* NULL while empty */
};

void buf_init(struct buf *b);
void buf_release(struct buf *b);

static inline size_t buf_len(const struct buf *b)
{
	return b->block == NULL ? 0 : b->block->len;
}

/* What waits; valid until the next call that changes the buf. */
static inline struct slice buf_slice(const struct buf *b)
{
	const struct buf_block *block = b->block;
	return block == NULL ? slice_of("", 0) : slice_of(block->bytes + block->start, block->len);
}

/*
 * Room for `more` bytes behind what waits, at `*room`. False (FULL) when that would make more
 * than `limit` bytes in all; nothing changes then. Follow with buf_grow.
 */
bool buf_reserve(struct buf *b, size_t more, size_t limit, char **room);

/* Counts `more` bytes, just written into reserved room, as waiting. */
void buf_grow(struct buf *b, size_t more);

/* Appends a copy; false (FULL) as in buf_reserve. */
bool buf_append(struct buf *b, struct slice s, size_t limit);

/* Drops the first `count` bytes (at most len); frees the memory when nothing is left. */
void buf_take(struct buf *b, size_t count);

#endif
