/*
 * string.*: comparing, searching and replacing text. Case is that of ASCII letters. What would take
 * time by the product of two lengths is done in another way, or paid for as it goes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/check.h"

#include <stdint.h>

#define NOWHERE SIZE_MAX
#define POSITION_MOST (1ll << 53)

/* ---- two texts ------------------------------------------------------------------------------------ */

/* What is searched and what for, as they are compared. */
struct search {
	struct slice in, part;
};

static struct slice lower(struct slice s, char *out)
{
	for (size_t i = 0; i < s.len; i++)
		out[i] = slice_lower(s.at[i]);
	return slice_of(out, s.len);
}

/* Arguments 1 and 2; without case they are copies in the scratch block, `more` bytes free at *room. */
static struct search search_open(struct rule_call *call, bool no_case, size_t more, char **room)
{
	struct search s = { api_text(call, 1), api_text(call, 2) };
	size_t folded = no_case ? s.in.len + s.part.len : 0;
	*room = NULL;
	if (folded + more == 0)
		return s;
	char *block = api_scratch(call, folded + more);
	*room = block + folded;
	if (no_case) {
		s.in = lower(s.in, block);
		s.part = lower(s.part, block + s.in.len);
	}
	return s;
}

static void refuse_empty_part(struct rule_call *call, struct search s)
{
	if (s.part.len == 0)
		rule_argument_error(call, 2, "expected some text, got \"\"");
}

/* Where `part` begins, at or behind `from`. */
static size_t find(struct search s, size_t from)
{
	if (from > s.in.len || s.part.len > s.in.len - from)
		return NOWHERE;
	if (s.part.len == 0)
		return from;
	const char *found = memmem(s.in.at + from, s.in.len - from, s.part.at, s.part.len);
	return found == NULL ? NOWHERE : (size_t)(found - s.in.at);
}

static enum rule_answer answer_boolean(struct rule_call *call, bool value)
{
	rule_push_boolean(call, value);
	return RULE_RETURN;
}

/* ---- is it there? ---------------------------------------------------------------------------------- */

static enum rule_answer contains(struct rule_call *call)
{
	char *room;
	return answer_boolean(call, find(search_open(call, false, 0, &room), 0) != NOWHERE);
}

static enum rule_answer contains_i(struct rule_call *call)
{
	char *room;
	return answer_boolean(call, find(search_open(call, true, 0, &room), 0) != NOWHERE);
}

/* The first, or the last, bytes of argument 1, as many as argument 2 has, and argument 2. */
static bool take_end(struct rule_call *call, bool at_end, struct search *s)
{
	s->in = rule_argument_string(call, 1);
	s->part = api_text(call, 2);
	if (s->part.len > s->in.len)
		return false;
	s->in = slice_of(s->in.at + (at_end ? s->in.len - s->part.len : 0), s->part.len);
	return true;
}

static enum rule_answer starts_with(struct rule_call *call)
{
	struct search s;
	return answer_boolean(call, take_end(call, false, &s) && slice_is_equal(s.in, s.part));
}

static enum rule_answer starts_with_i(struct rule_call *call)
{
	struct search s;
	return answer_boolean(call,
			      take_end(call, false, &s) && slice_is_equal_nocase(s.in, s.part));
}

static enum rule_answer ends_with(struct rule_call *call)
{
	struct search s;
	return answer_boolean(call, take_end(call, true, &s) && slice_is_equal(s.in, s.part));
}

static enum rule_answer ends_with_i(struct rule_call *call)
{
	struct search s;
	return answer_boolean(call,
			      take_end(call, true, &s) && slice_is_equal_nocase(s.in, s.part));
}

static int compare_no_case(struct slice a, struct slice b)
{
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		int difference = (unsigned char)slice_lower(a.at[i]) -
				 (unsigned char)slice_lower(b.at[i]);
		if (difference != 0)
			return difference < 0 ? -1 : 1;
	}
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static enum rule_answer icmp(struct rule_call *call)
{
	rule_push_integer(call, compare_no_case(api_text(call, 1), api_text(call, 2)));
	return RULE_RETURN;
}

/* ---- where is it? ---------------------------------------------------------------------------------- */

/* Argument `n`, a position as in Lua, as an offset; `len` + 1 and more when it lies behind the end. */
static size_t offset_argument(struct rule_call *call, unsigned n, size_t len)
{
	if (rule_argument_is_absent(call, n))
		return 0;
	int64_t position = rule_argument_integer(call, n, -POSITION_MOST, POSITION_MOST);
	if (position < 0)
		position += (int64_t)len + 1;
	return position <= 0 ? 0 : (size_t)position - 1;
}

static enum rule_answer answer_place(struct rule_call *call, size_t at, size_t len)
{
	if (at == NOWHERE) {
		rule_push_nil(call);
		return RULE_RETURN;
	}
	rule_push_integer(call, (int64_t)at + 1);
	rule_push_integer(call, (int64_t)(at + len));
	return RULE_RETURN;
}

static enum rule_answer find_i(struct rule_call *call)
{
	char *room;
	struct search s = search_open(call, true, 0, &room);
	size_t from = offset_argument(call, 3, s.in.len);
	return answer_place(call, find(s, from), s.part.len);
}

static struct slice reversed(struct slice s, char *out)
{
	for (size_t i = 0; i < s.len; i++)
		out[s.len - 1 - i] = s.at[i];
	return slice_of(out, s.len);
}

/* The last occurrence is the first one of the reversed texts: so the time stays linear. */
static enum rule_answer findr(struct rule_call *call)
{
	struct search s = { api_text(call, 1), api_text(call, 2) }, back;
	if (!rule_argument_is_absent(call, 3)) {
		int64_t last = rule_argument_integer(call, 3, -POSITION_MOST, POSITION_MOST);
		if (last < 0)
			last += (int64_t)s.in.len + 1;
		if (last < (int64_t)s.in.len)
			s.in.len = last < 0 ? 0 : (size_t)last;
	}
	char *block = api_scratch(call, s.in.len + s.part.len + 1);
	back.in = reversed(s.in, block);
	back.part = reversed(s.part, block + s.in.len);
	size_t at = find(back, 0);
	return answer_place(call, at == NOWHERE ? NOWHERE : s.in.len - at - s.part.len, s.part.len);
}

static size_t count_from(struct search s, size_t from)
{
	size_t count = 0, at;
	for (; (at = find(s, from)) != NOWHERE; from = at + s.part.len)
		count++;
	return count;
}

static enum rule_answer count(struct rule_call *call)
{
	char *room;
	struct search s = search_open(call, false, 0, &room);
	refuse_empty_part(call, s);
	rule_push_integer(call, (int64_t)count_from(s, offset_argument(call, 3, s.in.len)));
	return RULE_RETURN;
}

/* ---- putting something else in its place ----------------------------------------------------------- */

static char *put(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

/* Positions come from the texts as compared, bytes from argument 1 as given. */
static enum rule_answer replace(struct rule_call *call, bool no_case, size_t most)
{
	char *room;
	struct search s = search_open(call, no_case, 0, &room);
	struct slice given = rule_argument_string(call, 1), new = rule_argument_string(call, 3);
	refuse_empty_part(call, s);
	size_t found = count_from(s, 0);
	if (found > most)
		found = most;
	size_t kept = given.len - found * s.part.len, size;
	if (__builtin_mul_overflow(found, new.len, &size) ||
	    __builtin_add_overflow(size, kept, &size))
		size = SIZE_MAX / 2;
	s = search_open(call, no_case, size + 1, &room);
	check(room != NULL);
	char *to = room;
	size_t from = 0;
	for (size_t i = 0; i < found; i++) {
		size_t at = find(s, from);
		to = put(to, given.at + from, at - from);
		to = put(to, new.at, new.len);
		from = at + s.part.len;
	}
	put(to, given.at + from, given.len - from);
	rule_push_string(call, slice_of(room, size));
	return RULE_RETURN;
}

static enum rule_answer replace_first(struct rule_call *call)
{
	return replace(call, false, 1);
}

static enum rule_answer replace_first_i(struct rule_call *call)
{
	return replace(call, true, 1);
}

static enum rule_answer replace_all(struct rule_call *call)
{
	return replace(call, false, SIZE_MAX);
}

static enum rule_answer replace_all_i(struct rule_call *call)
{
	return replace(call, true, SIZE_MAX);
}

/* Argument 3 as the offset of a byte of `s`, or of its end. */
static size_t strict_offset(struct rule_call *call, struct slice s)
{
	int64_t most = (int64_t)s.len + 1;
	int64_t position = rule_argument_integer(call, 3, -most + 1, most);
	if (position == 0)
		rule_argument_error(call, 3, "expected a position, which is not 0");
	return (size_t)(position < 0 ? position + most : position) - 1;
}

static enum rule_answer insert_bytes(struct rule_call *call)
{
	struct slice s = api_text(call, 1), part = api_text(call, 2);
	size_t at = strict_offset(call, s);
	char *block = api_scratch(call, s.len + part.len + 1);
	char *to = put(put(block, s.at, at), part.at, part.len);
	put(to, s.at + at, s.len - at);
	rule_push_string(call, slice_of(block, s.len + part.len));
	return RULE_RETURN;
}

static enum rule_answer replace_bytes(struct rule_call *call)
{
	struct slice s = api_text(call, 1), part = api_text(call, 2);
	size_t at = strict_offset(call, s);
	size_t len = at + part.len > s.len ? at + part.len : s.len;
	char *block = api_scratch(call, len + 1);
	put(block, s.at, s.len);
	put(block + at, part.at, part.len);
	rule_push_string(call, slice_of(block, len));
	return RULE_RETURN;
}

/* ---- in pieces ---------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static enum rule_answer trim(struct rule_call *call)
{
	struct slice s = api_text(call, 1);
	while (s.len > 0 && is_space(s.at[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_space(s.at[s.len - 1]))
		s.len--;
	rule_push_string(call, s);
	return RULE_RETURN;
}

static enum rule_answer split(struct rule_call *call)
{
	bool is_told = !rule_argument_is_absent(call, 2);
	struct search s = { api_text(call, 1), is_told ? api_text(call, 2) : SLICE(" ") };
	refuse_empty_part(call, s);
	rule_push_table(call);
	size_t from = 0, at;
	do {
		at = find(s, from);
		size_t end = at == NOWHERE ? s.in.len : at;
		rule_spend(call, 256); /* an item costs about what a loop's turn does */
		rule_table_append(call, slice_of(s.in.at + from, end - from));
		from = end + s.part.len;
	} while (at != NOWHERE);
	return RULE_RETURN;
}

#define TURNS_PER_SPENDING 65536

/* After a mismatch only the last star can help: it takes one byte more. */
static bool is_wild_match(struct rule_call *call, struct slice s, struct slice pattern)
{
	size_t at = 0, p = 0, star = NOWHERE, star_at = 0, turns = 0;
	while (at < s.len) {
		if (++turns % TURNS_PER_SPENDING == 0)
			rule_spend(call, TURNS_PER_SPENDING);
		if (p < pattern.len && pattern.at[p] == '*') {
			star = p++;
			star_at = at;
		} else if (p < pattern.len && (pattern.at[p] == '?' || pattern.at[p] == s.at[at])) {
			p++;
			at++;
		} else if (star != NOWHERE) {
			p = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.at[p] == '*')
		p++;
	return p == pattern.len;
}

static enum rule_answer wildmatch(struct rule_call *call)
{
	return answer_boolean(call, is_wild_match(call, api_text(call, 1), api_text(call, 2)));
}

#define TWO_TEXTS "s: string, part: string"
#define REPLACING "s: string, part: string, new: string"
#define BYTES "s: string, part: string, position: integer"

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.contains", contains, RULE_IN_ANY, TWO_TEXTS, "boolean",
	  "Is the text anywhere in `s`? Every string contains \"\".", "string.contains" },
	{ "string.containsI", contains_i, RULE_IN_ANY, TWO_TEXTS, "boolean",
	  "As string.contains; the case of ASCII letters does not count.", "string.containsI" },
	{ "string.startsWith", starts_with, RULE_IN_ANY, TWO_TEXTS, "boolean",
	  "Does `s` begin with the text?", "string.startsWith" },
	{ "string.startsWithI", starts_with_i, RULE_IN_ANY, TWO_TEXTS, "boolean",
	  "As string.startsWith; the case of ASCII letters does not count.", "string.startsWithI" },
	{ "string.endsWith", ends_with, RULE_IN_ANY, TWO_TEXTS, "boolean",
	  "Does `s` end with the text?", "string.endsWith" },
	{ "string.endsWithI", ends_with_i, RULE_IN_ANY, TWO_TEXTS, "boolean",
	  "As string.endsWith; the case of ASCII letters does not count.", "string.endsWithI" },
	{ "string.icmp", icmp, RULE_IN_ANY, "a: string, b: string", "integer",
	  "Compares byte by byte; the case of ASCII letters does not count: -1 when `a` comes first, 0 "
	  "when they are equal, 1 when `b` comes first.", "string.icmp" },
	{ "string.findI", find_i, RULE_IN_ANY, "s: string, part: string, init?: integer",
	  "integer|nil first, integer|nil last",
	  "Where the text is, as `s:find(part, init, true)`, but the case of ASCII letters does not "
	  "count.", "string.findI" },
	{ "string.findr", findr, RULE_IN_ANY, "s: string, part: string, init?: integer",
	  "integer|nil first, integer|nil last",
	  "Where the text is for the last time. With `init` only `s:sub(1, init)` is looked at.",
	  "string.findr" },
	{ "string.count", count, RULE_IN_ANY, "s: string, part: string, init?: integer", "integer",
	  "How often the text is in `s`, from position `init` on; occurrences do not overlap.",
	  "string.count" },
	{ "string.replace", replace_first, RULE_IN_ANY, REPLACING, "string",
	  "`s` with `new` in place of the text's first occurrence. No character is special.",
	  "string.replace" },
	{ "string.replaceI", replace_first_i, RULE_IN_ANY, REPLACING, "string",
	  "As string.replace; the case of ASCII letters does not count.", "string.replaceI" },
	{ "string.replaceAll", replace_all, RULE_IN_ANY, REPLACING, "string",
	  "As string.replace, but every occurrence.", "string.replaceAll" },
	{ "string.replaceAllI", replace_all_i, RULE_IN_ANY, REPLACING, "string",
	  "As string.replaceAll; the case of ASCII letters does not count.", "string.replaceAllI" },
	{ "string.insertBytes", insert_bytes, RULE_IN_ANY, BYTES, "string",
	  "`s` with `part` put before that position; `#s + 1` appends.", "string.insertBytes" },
	{ "string.replaceBytes", replace_bytes, RULE_IN_ANY, BYTES, "string",
	  "`s` with `part` over what is there from that position on; it may go beyond the end.",
	  "string.replaceBytes" },
	{ "string.trim", trim, RULE_IN_ANY, "s: string", "string",
	  "`s` without white space at either end.", "string.trim" },
	{ "string.split", split, RULE_IN_ANY, "s: string, separator?: string", "string[]",
	  "The pieces of `s` between separators (a blank, unless given), empty ones too.",
	  "string.split" },
	{ "string.wildmatch", wildmatch, RULE_IN_ANY, "s: string, pattern: string", "boolean",
	  "Does the whole of `s` match? `*` stands for any bytes, `?` for any one byte; case counts.",
	  "string.wildmatch" },
};
/* clang-format on */

API_FAMILY(api_string, functions);
