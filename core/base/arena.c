/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
	struct arena_block *next;
	size_t size; /* bytes behind this header */
	_Alignas(max_align_t) char bytes[];
};

/* Spare standard blocks; bounded, so a burst does not keep its memory for ever. */
#define SPARES_MOST 1024
static struct arena_block *spares;
static size_t spare_count;

#define STANDARD_SIZE (ARENA_BLOCK_BYTES - sizeof(struct arena_block))

static struct arena_block *block_take(size_t size)
{
	if (size <= STANDARD_SIZE && spares != NULL) {
		struct arena_block *block = spares;
		spares = block->next;
		spare_count--;
		return block;
	}
	size = size < STANDARD_SIZE ? STANDARD_SIZE : size;
	struct arena_block *block = memory_resize(NULL, sizeof *block + size);
	block->size = size;
	return block;
}

static void block_give_back(struct arena_block *block)
{
	if (block->size != STANDARD_SIZE || spare_count >= SPARES_MOST) {
		free(block);
		return;
	}
	memory_hide(block->bytes, block->size);
	block->next = spares;
	spares = block;
	spare_count++;
}

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

void arena_release(struct arena *a)
{
	while (a->blocks != NULL) {
		struct arena_block *block = a->blocks;
		a->blocks = block->next;
		block_give_back(block);
	}
	arena_init(a);
}

void arena_add_block(struct arena *a, size_t size)
{
	struct arena_block *block = block_take(size);
	memory_hide(block->bytes, block->size);
	block->next = a->blocks;
	a->blocks = block;
	a->next = block->bytes;
	a->room = block->size;
}

void *arena_new(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	if (s.at == NULL)
		return s;
	char *copy = arena_alloc(a, s.len + 1);
	if (s.len > 0)
		memcpy(copy, s.at, s.len);
	copy[s.len] = '\0';
	return slice_of(copy, s.len);
}

struct slice arena_join(struct arena *a, const struct slice *parts, size_t count)
{
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	char *text = arena_alloc(a, len + 1);
	char *at = text;
	for (size_t i = 0; i < count; i++)
		if (parts[i].len > 0)
			at = mempcpy(at, parts[i].at, parts[i].len);
	*at = '\0';
	return slice_of(text, len);
}

struct slice arena_print(struct arena *a, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	char *text = arena_alloc(a, (size_t)len + 1);
	vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return slice_of(text, (size_t)len);
}

void arena_drop_spares(void)
{
	while (spares != NULL) {
		struct arena_block *block = spares;
		spares = block->next;
		free(block);
	}
	spare_count = 0;
}
