/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Count and size apart: their product may be 0 by overflow, and calloc then gives NULL. */
static void *or_stop(void *p, size_t count, size_t size)
{
	if (p == NULL && count > 0 && size > 0) {
		fprintf(stderr, "weir: cannot allocate %zu times %zu bytes\n", count, size);
		abort();
	}
	return p;
}

void *memory_new(size_t count, size_t size)
{
	return or_stop(calloc(count, size), count, size);
}

void *memory_resize(void *old, size_t size)
{
	return or_stop(realloc(old, size), 1, size);
}

char *memory_copy_string(const char *at, size_t len)
{
	char *copy = or_stop(malloc(len + 1), 1, len + 1);
	if (len > 0)
		memcpy(copy, at, len);
	copy[len] = '\0';
	return copy;
}
