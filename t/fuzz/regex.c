/*
 * Regular expressions: whatever they are, a try to match ends within its steps and the same way every
 * time, and in pieces as in one. The input is a byte of flags, an expression, a line end, and a text.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "text/regex.h"

#define STEPS 20000

static void match_at(const struct regex *regex, struct slice text, size_t from, bool not_empty)
{
	struct regex_try once = { text, from, 0, not_empty, STEPS }, again = once;
	enum regex_result result = regex_match(regex, &once);
	fuzz_expect(regex_match(regex, &again) == result && again.steps == once.steps);
	for (unsigned i = 0; result == REGEX_MATCHES && i <= regex_groups(regex); i++) {
		struct slice group = regex_group(regex, text, i);
		fuzz_expect(slice_is_absent(group) ||
			    (group.at >= text.at && group.at + group.len <= text.at + text.len));
		fuzz_expect(i > 0 || !slice_is_absent(group));
	}
}

/* A search of two places at a time finds what one of all places finds, and where. */
static void search_in_pieces(const struct regex *regex, struct slice text)
{
	struct regex_try whole = { text, 0, 0, false, STEPS };
	enum regex_result wanted = regex_match(regex, &whole), found = REGEX_FURTHER;
	struct slice there = wanted == REGEX_MATCHES ? regex_group(regex, text, 0) : SLICE_ABSENT;
	struct regex_try piece = { text, 0, 2, false, STEPS };
	while (found == REGEX_FURTHER) {
		size_t before = piece.from;
		piece.steps = STEPS;
		found = regex_match(regex, &piece);
		fuzz_expect(found != REGEX_FURTHER || piece.from >= before + 2);
	}
	if (wanted == REGEX_GIVEN_UP || found == REGEX_GIVEN_UP)
		return;
	fuzz_expect(found == wanted);
	struct slice here = wanted == REGEX_MATCHES ? regex_group(regex, text, 0) : SLICE_ABSENT;
	fuzz_expect(here.at == there.at && here.len == there.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	struct slice rest = fuzz_copy(bytes + 1, len - 1), input = rest;
	size_t end = slice_find(rest, '\n');
	struct slice pattern = slice_of(rest.at, end);
	struct slice text = slice_skip(rest, end < rest.len ? end + 1 : end);
	bool is_new;
	struct err why;
	const struct regex *regex = regex_find(pattern, bytes[0] & 31u, &is_new, &why);
	if (regex != NULL) {
		fuzz_expect(regex_find(pattern, bytes[0] & 31u, &is_new, &why) == regex && !is_new);
		match_at(regex, text, 0, false);
		match_at(regex, text, text.len / 2, true);
		search_in_pieces(regex, text);
	}
	free((char *)(uintptr_t)input.at);
	return 0;
}
