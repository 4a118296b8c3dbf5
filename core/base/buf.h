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

struct buf {
	char *memory; /* NULL while empty */
	size_t capacity;
	size_t start; /* first byte that waits */
	size_t len;
};

void buf_init(struct buf *b);
void buf_release(struct buf *b);

/* What waits; valid until the next call that changes the buf. */
static inline struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->memory == NULL ? "" : b->memory + b->start, b->len);
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
