/*
 * string.*: comparing, searching and replacing text. Case is that of ASCII letters. What would take
 * time by the product of two lengths is done in another way, or paid for as it goes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_hunt.h"
#include "api/api_private.h"

#include <stdint.h>

#define NOWHERE SIZE_MAX
#define POSITION_MOST (1ll << 53)
/* One place where a text was found takes as long as going through so many bytes. */
#define FOUND_COST 64
/* One item of a list costs about what a loop's turn does. */
#define ITEM_COST 256

/* ---- two texts ------------------------------------------------------------------------------------ */

static void refuse_empty_part(struct rule_call *call, struct slice part)
{
	if (part.len == 0)
		rule_argument_error(call, 2, "expected some text, got \"\"");
}

/*
 * A function that looks for argument 2 in argument 1, and what it knows between two pieces. It is
 * short, mostly, and then never moved here.
 */
static void release_hunt(void *state)
{
	api_hunt_release(state);
}

/* The hunt under way, or `first`, opened. */
static struct api_hunt *hunt_open(struct rule_call *call, bool no_case, struct api_hunt *first)
{
	struct api_hunt *h = rule_work(call);
	if (h != NULL)
		return h;
	struct slice in = rule_argument_string(call, 1), part = rule_argument_string(call, 2);
	bool is_long = in.len + part.len > API_HUNT_SMALL;
	if (is_long)
		first = rule_work_begin(call, sizeof *first, release_hunt);
	api_hunt_open(call, first, in, part);
	if (no_case)
		api_hunt_fold(call, first, is_long);
	return first;
}

static enum rule_answer answer_boolean(struct rule_call *call, bool value)
{
	rule_push_boolean(call, value);
	return RULE_RETURN;
}

/* ---- is it there? ---------------------------------------------------------------------------------- */

static enum rule_answer contains_with(struct rule_call *call, bool no_case)
{
	struct api_hunt first;
	size_t at;
	enum api_hunted found = api_hunt_next(call, hunt_open(call, no_case, &first), &at);
	if (found == API_HUNT_TURN_IS_OVER)
		return RULE_GO_ON;
	return answer_boolean(call, found == API_HUNT_FOUND);
}

static enum rule_answer contains(struct rule_call *call)
{
	return contains_with(call, false);
}

static enum rule_answer contains_i(struct rule_call *call)
{
	return contains_with(call, true);
}

struct ends {
	struct slice in, part;
};

/* The first, or the last, bytes of argument 1, as many as argument 2 has, and argument 2. */
static bool take_end(struct rule_call *call, bool at_end, struct ends *s)
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
	struct ends s;
	return answer_boolean(call, take_end(call, false, &s) && slice_is_equal(s.in, s.part));
}

static enum rule_answer starts_with_i(struct rule_call *call)
{
	struct ends s;
	return answer_boolean(call,
			      take_end(call, false, &s) && slice_is_equal_nocase(s.in, s.part));
}

static enum rule_answer ends_with(struct rule_call *call)
{
	struct ends s;
	return answer_boolean(call, take_end(call, true, &s) && slice_is_equal(s.in, s.part));
}

static enum rule_answer ends_with_i(struct rule_call *call)
{
	struct ends s;
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

/* Answers with the place of what was looked for. */
static enum rule_answer answer_place(struct rule_call *call, enum api_hunted found, size_t at,
				     size_t len)
{
	if (found == API_HUNT_TURN_IS_OVER)
		return RULE_GO_ON;
	if (found == API_HUNT_NOTHING) {
		rule_push_nil(call);
		return RULE_RETURN;
	}
	rule_push_integer(call, (int64_t)at + 1);
	rule_push_integer(call, (int64_t)(at + len));
	return RULE_RETURN;
}

static enum rule_answer find_i(struct rule_call *call)
{
	struct api_hunt first, *h = hunt_open(call, true, &first);
	size_t at = 0;
	if (h->end == 0)
		h->from = offset_argument(call, 3, h->in.len);
	enum api_hunted found = api_hunt_next(call, h, &at);
	return answer_place(call, found, at, h->part.len);
}

static enum rule_answer findr(struct rule_call *call)
{
	struct api_hunt first, *h = hunt_open(call, false, &first);
	bool is_long = h != &first;
	size_t at = 0;
	if (h->end == 0 && !rule_argument_is_absent(call, 3)) {
		int64_t last = rule_argument_integer(call, 3, -POSITION_MOST, POSITION_MOST);
		if (last < 0)
			last += (int64_t)h->in.len + 1;
		if (last < (int64_t)h->in.len)
			h->in.len = last < 0 ? 0 : (size_t)last;
	}
	enum api_hunted found = api_hunt_last(call, h, is_long, &at);
	return answer_place(call, found, at, h->part.len);
}

struct counting {
	struct api_hunt hunt;
	int64_t count;
};

static enum rule_answer count(struct rule_call *call)
{
	struct counting *c = rule_work(call);
	size_t at;
	enum api_hunted found;
	if (c == NULL) {
		struct slice in = rule_argument_string(call, 1),
			     part = rule_argument_string(call, 2);
		refuse_empty_part(call, part);
		size_t from = offset_argument(call, 3, in.len);
		c = rule_work_begin(call, sizeof *c, release_hunt);
		api_hunt_open(call, &c->hunt, in, part);
		c->hunt.from = from;
	}
	while ((found = api_hunt_next(call, &c->hunt, &at)) == API_HUNT_FOUND) {
		c->count++;
		if (rule_turn_is_over(call, FOUND_COST))
			return RULE_GO_ON;
	}
	if (found == API_HUNT_TURN_IS_OVER)
		return RULE_GO_ON;
	rule_push_integer(call, c->count);
	return RULE_RETURN;
}

/* ---- putting something else in its place ----------------------------------------------------------- */

static char *put(char *to, const char *from, size_t len)
{
	memcpy(to, from, len);
	return to + len;
}

struct replacing {
	struct api_hunt hunt;
	struct api_made made;
	size_t done; /* of argument 1: so much of it is in the result */
	size_t left; /* so many more are replaced */
};

static void release_replacing(void *state)
{
	struct replacing *r = state;
	api_hunt_release(&r->hunt);
	api_made_release(&r->made);
}

/* False: the turn is over. */
static bool replace_on(struct rule_call *call, struct replacing *r, struct slice new)
{
	enum api_hunted found = API_HUNT_NOTHING;
	size_t at;
	while (r->left > 0 && (found = api_hunt_next(call, &r->hunt, &at)) == API_HUNT_FOUND) {
		rule_spend(call, FOUND_COST);
		api_made_add(call, &r->made, slice_of(r->hunt.in.at + r->done, at - r->done));
		api_made_add(call, &r->made, new);
		r->done = r->hunt.from;
		r->left--;
		if (rule_turn_is_over(call, FOUND_COST + new.len))
			return false;
	}
	return found != API_HUNT_TURN_IS_OVER;
}

static enum rule_answer replace(struct rule_call *call, bool no_case, size_t most)
{
	struct replacing *r = rule_work(call);
	struct slice new = rule_argument_string(call, 3);
	if (r == NULL) {
		struct slice in = rule_argument_string(call, 1),
			     part = rule_argument_string(call, 2);
		refuse_empty_part(call, part);
		r = rule_work_begin(call, sizeof *r, release_replacing);
		api_hunt_open(call, &r->hunt, in, part);
		if (no_case)
			api_hunt_fold(call, &r->hunt, true);
		r->left = most;
	}
	if (!replace_on(call, r, new))
		return RULE_GO_ON;
	api_made_add(call, &r->made, slice_skip(r->hunt.in, r->done));
	api_made_push(call, &r->made);
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
	struct counting *c = rule_work(call);
	enum api_hunted found;
	size_t at = 0;
	if (c == NULL) {
		bool is_told = !rule_argument_is_absent(call, 2);
		struct slice in = rule_argument_string(call, 1);
		struct slice part = is_told ? rule_argument_string(call, 2) : SLICE(" ");
		refuse_empty_part(call, part);
		c = rule_work_begin(call, sizeof *c, release_hunt);
		api_hunt_open(call, &c->hunt, in, part);
		rule_push_table(call);
	}
	while ((found = api_hunt_next(call, &c->hunt, &at)) == API_HUNT_FOUND) {
		size_t from = (size_t)c->count;
		rule_spend(call, ITEM_COST);
		rule_table_append(call, slice_of(c->hunt.in.at + from, at - from));
		c->count = (int64_t)c->hunt.from; /* up to where it is split */
		if (rule_turn_is_over(call, ITEM_COST))
			return RULE_GO_ON;
	}
	if (found == API_HUNT_TURN_IS_OVER)
		return RULE_GO_ON;
	rule_table_append(call, slice_skip(c->hunt.in, (size_t)c->count));
	return RULE_RETURN;
}

/* Comparisons between two looks at the clock. */
#define AT_ONCE 4096

struct matching {
	size_t at, p;         /* in the text and in the pattern */
	size_t star, star_at; /* the last star, and where its text ends so far */
	bool has_star;
};

enum matched { MATCHED, DIFFERENT, NOT_KNOWN_YET };

/* After a mismatch only the last star can help: it takes one byte more. Up to AT_ONCE comparisons. */
static enum matched match_on(struct matching *m, struct slice s, struct slice pattern)
{
	for (size_t turns = 0; m->at < s.len; turns++) {
		if (turns == AT_ONCE)
			return NOT_KNOWN_YET;
		if (m->p < pattern.len && pattern.at[m->p] == '*') {
			m->has_star = true;
			m->star = m->p++;
			m->star_at = m->at;
		} else if (m->p < pattern.len &&
			   (pattern.at[m->p] == '?' || pattern.at[m->p] == s.at[m->at])) {
			m->p++;
			m->at++;
		} else if (m->has_star) {
			m->p = m->star + 1;
			m->at = ++m->star_at;
		} else {
			return DIFFERENT;
		}
	}
	while (m->p < pattern.len && pattern.at[m->p] == '*')
		m->p++;
	return m->p == pattern.len ? MATCHED : DIFFERENT;
}

static enum rule_answer wildmatch(struct rule_call *call)
{
	struct slice s = rule_argument_string(call, 1), pattern = rule_argument_string(call, 2);
	struct matching first = { 0 }, *m = rule_work(call);
	if (m == NULL) {
		rule_spend(call, s.len);
		rule_spend(call, pattern.len);
	}
	enum matched matched;
	while ((matched = match_on(m == NULL ? &first : m, s, pattern)) == NOT_KNOWN_YET) {
		rule_spend(call, AT_ONCE);
		if (m == NULL) {
			m = rule_work_begin(call, sizeof *m, NULL);
			*m = first;
		}
		if (rule_turn_is_over(call, AT_ONCE))
			return RULE_GO_ON;
	}
	return answer_boolean(call, matched == MATCHED);
}

#define LONG (RULE_IN_ANY | RULE_IN_PIECES)
#define TWO_TEXTS "s: string, part: string"
#define REPLACING "s: string, part: string, new: string"
#define BYTES "s: string, part: string, position: integer"

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.contains", contains, LONG, TWO_TEXTS, "boolean",
	  "Is the text anywhere in `s`? Every string contains \"\".", "string.contains" },
	{ "string.containsI", contains_i, LONG, TWO_TEXTS, "boolean",
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
	{ "string.findI", find_i, LONG, "s: string, part: string, init?: integer",
	  "integer|nil first, integer|nil last",
	  "Where the text is, as `s:find(part, init, true)`, but the case of ASCII letters does not "
	  "count.", "string.findI" },
	{ "string.findr", findr, LONG, "s: string, part: string, init?: integer",
	  "integer|nil first, integer|nil last",
	  "Where the text is for the last time. With `init` only `s:sub(1, init)` is looked at.",
	  "string.findr" },
	{ "string.count", count, LONG, "s: string, part: string, init?: integer", "integer",
	  "How often the text is in `s`, from position `init` on; occurrences do not overlap.",
	  "string.count" },
	{ "string.replace", replace_first, LONG, REPLACING, "string",
	  "`s` with `new` in place of the text's first occurrence. No character is special.",
	  "string.replace" },
	{ "string.replaceI", replace_first_i, LONG, REPLACING, "string",
	  "As string.replace; the case of ASCII letters does not count.", "string.replaceI" },
	{ "string.replaceAll", replace_all, LONG, REPLACING, "string",
	  "As string.replace, but every occurrence.", "string.replaceAll" },
	{ "string.replaceAllI", replace_all_i, LONG, REPLACING, "string",
	  "As string.replaceAll; the case of ASCII letters does not count.", "string.replaceAllI" },
	{ "string.insertBytes", insert_bytes, RULE_IN_ANY, BYTES, "string",
	  "`s` with `part` put before that position; `#s + 1` appends.", "string.insertBytes" },
	{ "string.replaceBytes", replace_bytes, RULE_IN_ANY, BYTES, "string",
	  "`s` with `part` over what is there from that position on; it may go beyond the end.",
	  "string.replaceBytes" },
	{ "string.trim", trim, RULE_IN_ANY, "s: string", "string",
	  "`s` without white space at either end.", "string.trim" },
	{ "string.split", split, LONG, "s: string, separator?: string", "string[]",
	  "The pieces of `s` between separators (a blank, unless given), empty ones too.",
	  "string.split" },
	{ "string.wildmatch", wildmatch, LONG, "s: string, pattern: string", "boolean",
	  "Does the whole of `s` match? `*` stands for any bytes, `?` for any one byte; case counts.",
	  "string.wildmatch" },
};
/* clang-format on */

API_FAMILY(api_string, functions);
