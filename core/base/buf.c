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
	free(b->memory);
	buf_init(b);
}

/* Moves what waits to the front, into memory of at least `need` bytes. */
static void make_room(struct buf *b, size_t need)
{
	if (b->memory != NULL && b->start > 0)
		memmove(b->memory, b->memory + b->start, b->len);
	b->start = 0;
	if (b->capacity >= need)
		return;
	size_t capacity = b->capacity < 256 ? 256 : b->capacity * 2;
	b->capacity = capacity < need ? need : capacity;
	b->memory = memory_resize(b->memory, b->capacity);
}

bool buf_reserve(struct buf *b, size_t more, size_t limit, char **room)
{
	if (b->len > limit || more > limit - b->len)
		return false;
	if (b->start + b->len + more > b->capacity || b->memory == NULL)
		make_room(b, b->len + more);
	*room = b->memory + b->start + b->len;
	return true;
}

void buf_grow(struct buf *b, size_t more)
{
	check(b->start + b->len + more <= b->capacity);
	b->len += more;
	if (b->len == 0)
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
	check(count <= b->len);
	b->start += count;
	b->len -= count;
	if (b->len == 0)
		buf_release(b);
}
