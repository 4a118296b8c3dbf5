/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>

void buf_init(struct buf *b)
{
	*b = (struct buf){ 0 };
}

void buf_release(struct buf *b)
{
	free(b->block);
	buf_init(b);
}

/* Moves what waits to the front, into memory of at least `need` bytes. */
static struct buf_block *make_room(struct buf_block *block, size_t need)
{
	size_t len = block == NULL ? 0 : block->len;
	size_t capacity = block == NULL ? 0 : block->capacity;
	if (block != NULL && block->start > 0)
		memmove(block->bytes, block->bytes + block->start, len);
	if (block == NULL || capacity < need) {
		capacity = capacity < 256 ? 256 : capacity * 2;
		capacity = capacity < need ? need : capacity;
		block = memory_resize(block, sizeof *block + capacity);
	}
	*block = (struct buf_block){ .capacity = capacity, .len = len };
	return block;
}

bool buf_reserve(struct buf *b, size_t more, size_t limit, char **room)
{
	size_t len = buf_len(b);
	if (len > limit || more > limit - len)
		return false;
	if (b->block == NULL || b->block->start + len + more > b->block->capacity)
		b->block = make_room(b->block, len + more);
	*room = b->block->bytes + b->block->start + len;
	return true;
}

void buf_grow(struct buf *b, size_t more)
{
	struct buf_block *block = b->block;
	check(block != NULL && block->start + block->len + more <= block->capacity);
	block->len += more;
	if (block->len == 0)
		buf_release(b);
}

bool buf_append(struct buf *b, struct slice s, size_t limit)
{
	char *room;
	if (s.len == 0)
		return true;
	if (!buf_reserve(b, s.len, limit, &room))
		return false;
	memcpy(room, s.at, s.len);
	buf_grow(b, s.len);
	return true;
}

void buf_take(struct buf *b, size_t count)
{
	check(count <= buf_len(b));
	if (count == buf_len(b)) {
		buf_release(b);
		return;
	}
	b->block->start += count;
	b->block->len -= count;
}
