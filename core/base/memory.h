/*
 * memory: allocations of a fixed size cannot fail; the process ends with a line that says so.
 * Whatever a peer can size is bounded elsewhere (buf, arena limits) before it gets here.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_MEMORY_H
#define WEIR_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for `count` items of `size` bytes; never NULL. Freed with free(). */
void *memory_new(size_t count, size_t size);

/* Like realloc, never NULL for size > 0. */
void *memory_resize(void *old, size_t size);

/* A NUL-terminated copy of `len` bytes; never NULL. Freed with free(). */
char *memory_copy_string(const char *at, size_t len);

#endif
