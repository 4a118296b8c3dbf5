/*
 * Paths and queries: the normal form is one, decoding undoes encoding, and nothing is written behind
 * what was reserved for it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "base/arena.h"
#include "http/http_path.h"

#include <ctype.h>

static bool is_unreserved(int byte)
{
	return isalnum(byte) || strchr("-._~", byte) != NULL;
}

/* "%2F": two upper-case digits, and needed. */
static void check_escape(struct slice at)
{
	fuzz_expect(at.len >= 3);
	int high = slice_hex_digit(at.at[1]), low = slice_hex_digit(at.at[2]);
	fuzz_expect(high >= 0 && low >= 0 && !islower(at.at[1]) && !islower(at.at[2]));
	int byte = high << 4 | low;
	fuzz_expect(byte >= 0x20 && byte != 0x7f && !is_unreserved(byte));
}

static void check_segments(struct slice path, bool merged)
{
	fuzz_expect(path.len > 0 && path.at[0] == '/');
	path = slice_skip(path, 1);
	while (path.len > 0) {
		size_t end = slice_find(path, '/');
		struct slice segment = slice_of(path.at, end);
		fuzz_expect(segment.len > 0 || !merged);
		fuzz_expect(!slice_is_equal(segment, SLICE(".")) &&
			    !slice_is_equal(segment, SLICE("..")));
		path = slice_skip(path, end < path.len ? end + 1 : end);
	}
}

static void check_normal(struct arena *arena, struct slice path, bool merge)
{
	struct slice normal, again;
	if (http_path_normalize(arena, path, merge, &normal) != HTTP_REASON_NONE)
		return;
	check_segments(normal, merge);
	for (size_t i = 0; i < normal.len; i++)
		if (normal.at[i] == '%')
			check_escape(slice_skip(normal, i));
	fuzz_expect(http_path_normalize(arena, normal, merge, &again) == HTTP_REASON_NONE);
	fuzz_expect(slice_is_equal(normal, again));
	/* what may stand in a request may stand in the one that goes out */
	fuzz_expect(http_path_is_valid(normal));
}

static void check_encoding(struct arena *arena, struct slice text)
{
	struct slice path = http_path_encode(arena, text, true);
	struct slice query = http_query_encode(arena, text, true);
	fuzz_expect(slice_is_equal(http_path_decode(arena, path, false), text));
	fuzz_expect(slice_is_equal(http_path_decode(arena, query, false), text));
	fuzz_expect(http_query_is_valid(query));
	fuzz_expect(text.len == 0 || text.at[0] != '/' || http_path_is_valid(path));
	http_path_decode(arena, text, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice text = fuzz_copy(bytes, len);
	struct arena arena;
	arena_init(&arena);
	check_normal(&arena, text, false);
	check_normal(&arena, text, true);
	check_encoding(&arena, text);
	arena_release(&arena);
	arena_drop_spares();
	free((char *)(uintptr_t)text.at);
	return 0;
}
