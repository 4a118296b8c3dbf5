/* SPDX-License-Identifier: Apache-2.0 */
#include "http_unit.h"

#include "../edge.h"

const struct http_limits http_unit_limits = {
	.line_bytes = 8192,
	.head_bytes = 32768,
	.fields = 100,
	.trailer_bytes = 8192,
	.chunk_extension_bytes = 4096,
};

struct slice http_unit_at_edge(struct slice text)
{
	static char *memory;
	return edge_copy(&memory, text);
}

struct slice http_unit_at_other_edge(struct slice text)
{
	static char *memory;
	return edge_copy(&memory, text);
}

struct slice http_unit_join(const struct http_pieces *pieces, struct arena *arena)
{
	char *text = arena_alloc(arena, pieces->bytes + 1);
	size_t len = 0;
	for (unsigned i = 0; i < pieces->count; i++) {
		memcpy(text + len, pieces->at[i].iov_base, pieces->at[i].iov_len);
		len += pieces->at[i].iov_len;
	}
	cr_assert(len == pieces->bytes);
	text[len] = '\0';
	return slice_of(text, len);
}

unsigned http_unit_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*state >> 33);
}
