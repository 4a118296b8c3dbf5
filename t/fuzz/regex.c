/*
 * Regular expressions: whatever they are, a try to match ends within its steps and the same way every
 * time. The input is a byte of flags, an expression, a line end, and a text.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "text/regex.h"

#define STEPS 20000

static void match_at(const struct regex *regex, struct slice text, size_t from, bool not_empty)
{
	struct regex_try once = { text, from, not_empty, STEPS }, again = once;
	enum regex_result result = regex_match(regex, &once);
	fuzz_expect(regex_match(regex, &again) == result && again.steps == once.steps);
	for (unsigned i = 0; result == REGEX_MATCHES && i <= regex_groups(regex); i++) {
		struct slice group = regex_group(regex, text, i);
		fuzz_expect(slice_is_absent(group) ||
			    (group.at >= text.at && group.at + group.len <= text.at + text.len));
		fuzz_expect(i > 0 || !slice_is_absent(group));
	}
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
	}
	free((char *)(uintptr_t)input.at);
	return 0;
}
