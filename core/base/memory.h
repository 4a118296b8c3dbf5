/*
 * memory: allocations of a fixed size cannot fail; the process ends with a line that says so.
 * Whatever a peer can size is bounded elsewhere (buf, arena limits) before it gets here.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_MEMORY_H
#define WEIR_BASE_MEMORY_H

#include <stddef.h>

/* Are we built under the address sanitizer (gcc says it so, clang so)? */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define MEMORY_IS_WATCHED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_WATCHED 1
#endif
#ifdef MEMORY_IS_WATCHED
#include <sanitizer/asan_interface.h>
#else
#define MEMORY_IS_WATCHED 0
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

/* Zeroed memory for `count` items of `size` bytes; never NULL. Freed with free(). */
void *memory_new(size_t count, size_t size);

/* Like realloc, never NULL for size > 0. */
void *memory_resize(void *old, size_t size);

/* A NUL-terminated copy of `len` bytes; never NULL. Freed with free(). */
char *memory_copy_string(const char *at, size_t len);

/*
 * For memory that we hand out ourselves: under the address sanitizer, who touches these bytes before
 * memory_show is stopped.
 */
static inline void memory_hide(void *at, size_t size)
{
	ASAN_POISON_MEMORY_REGION(at, size);
}

static inline void memory_show(void *at, size_t size)
{
	ASAN_UNPOISON_MEMORY_REGION(at, size);
}

#endif
