/* Text at the very end of its memory: whoever reads one byte too much is caught in the act. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UNIT_EDGE_H
#define WEIR_UNIT_EDGE_H

#include "base/slice.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#define EDGE_BYTES ((size_t)128 * 1024)

/*
 * A copy of `text`, at most EDGE_BYTES, whose end is the end of a readable page. `memory` is NULL at
 * first, and is that of the last copy then.
 */
static inline struct slice edge_copy(char **memory, struct slice text)
{
	cr_assert(text.len <= EDGE_BYTES);
	if (*memory == NULL) {
		*memory = mmap(NULL, EDGE_BYTES + 4096, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		cr_assert(*memory != MAP_FAILED);
		cr_assert(mprotect(*memory + EDGE_BYTES, 4096, PROT_NONE) == 0);
	}
	char *at = *memory + EDGE_BYTES - text.len;
	if (text.len > 0)
		memcpy(at, text.at, text.len);
	return slice_of(at, text.len);
}

#endif
