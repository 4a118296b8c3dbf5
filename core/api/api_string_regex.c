/* string.*: regular expressions (PCRE2). What a match takes is paid for by its steps. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "text/regex.h"

/* One match may take so many steps of its own; the budget pays for each MATCH_BYTES bytes' work. */
#define STEPS_MOST 4000000
#define BYTES_PER_STEP 16
/* Where a match may begin, in one piece of a search. */
#define PLACES 8192
/* Compiling an expression costs as much as going through so many bytes, and for each of its own. */
#define COMPILE_BYTES (256 * 200)
#define COMPILE_BYTES_PER_BYTE 2560

struct expression {
	const struct regex *regex;
	bool is_global, is_utf;
};

static void read_flags(struct rule_call *call, unsigned n, const char *known, unsigned *flags)
{
	*flags = 0;
	if (rule_argument_is_absent(call, n))
		return;
	struct slice text = rule_argument_string(call, n);
	for (size_t i = 0; i < text.len; i++) {
		const char *found = text.at[i] == '\0' ? NULL : strchr(known, text.at[i]);
		if (found == NULL)
			rule_argument_error(call, n, "expected flags out of \"%s\", got '%.*s'",
					    known, SLICE_PRINT(text));
		*flags |= 1u << (found - known);
	}
}

const struct regex *api_regex_find(struct rule_call *call, unsigned n, struct slice pattern,
				   unsigned flags)
{
	bool is_new;
	struct err why;
	const struct regex *regex = regex_find(pattern, flags, &is_new, &why);
	if (is_new)
		rule_spend(call, COMPILE_BYTES + pattern.len * COMPILE_BYTES_PER_BYTE);
	if (regex == NULL)
		rule_argument_error(call, n, "expected a regular expression: %s", why.text);
	return regex;
}

/* The flags are those of regex.h by their position, and g. */
static struct expression read_expression(struct rule_call *call, unsigned flags_at,
					 const char *known)
{
	static const unsigned global = 32;
	unsigned flags;
	struct slice pattern = rule_argument_string(call, 2);
	read_flags(call, flags_at, known, &flags);
	const struct regex *regex = api_regex_find(call, 2, pattern, flags & ~global);
	return (struct expression){ regex, (flags & global) != 0, (flags & REGEX_UTF) != 0 };
}

/* A search through a text, in pieces. */
struct search {
	size_t from;    /* where it goes on */
	size_t places;  /* where a match may begin, in one piece */
	uint64_t steps; /* of this match so far */
	bool was_empty; /* the last match, so there is another one here, or none */
};

enum found { FOUND, NOT_FOUND, TURN_IS_OVER };

/* One piece of it. */
static enum regex_result search_piece(struct rule_call *call, const struct regex *regex,
				      struct slice text, struct search *s, uint64_t *steps)
{
	struct regex_try try = { text, s->from, s->places, s->was_empty, STEPS_MOST - s->steps };
	enum regex_result result = regex_match(regex, &try);
	s->steps += try.steps;
	s->from = try.from;
	*steps = try.steps;
	rule_spend(call, 256 + try.steps * BYTES_PER_STEP);
	if (result == REGEX_GIVEN_UP)
		rule_error(call,
			   "the expression takes more than %d steps on this text, or too much "
			   "memory",
			   STEPS_MOST);
	return result;
}

static enum found search_on(struct rule_call *call, const struct regex *regex, struct slice text,
			    struct search *s)
{
	for (;;) {
		uint64_t steps;
		enum regex_result result = search_piece(call, regex, text, s, &steps);
		if (result != REGEX_FURTHER) {
			s->steps = 0;
			s->places = PLACES;
			return result == REGEX_MATCHES ? FOUND : NOT_FOUND;
		}
		/* where hardly anything can begin, the library's own way to look for it is quick */
		if (steps < s->places / 64)
			s->places *= 4;
		if (rule_turn_is_over(call, s->places / 16 + steps * BYTES_PER_STEP))
			return TURN_IS_OVER;
	}
}

bool api_regex_match(struct rule_call *call, const struct regex *regex, struct slice text,
		     size_t from)
{
	struct search s = { .from = from };
	uint64_t steps;
	return search_piece(call, regex, text, &s, &steps) == REGEX_MATCHES;
}

static enum rule_answer regexmatch(struct rule_call *call)
{
	struct slice text = rule_argument_string(call, 1);
	struct search *s = rule_work(call);
	if (s == NULL)
		rule_spend(call, text.len);
	struct expression e = read_expression(call, 3, "imsxu");
	struct search first = { .places = PLACES };
	enum found found = search_on(call, e.regex, text, s == NULL ? &first : s);
	if (found == TURN_IS_OVER && s == NULL) {
		s = rule_work_begin(call, sizeof *s, NULL);
		*s = first;
	}
	if (found == TURN_IS_OVER)
		return RULE_GO_ON;
	rule_push_boolean(call, found == FOUND);
	unsigned groups = found == FOUND ? regex_groups(e.regex) : 0;
	for (unsigned i = 1; i <= groups; i++)
		rule_push_string(call, regex_group(e.regex, text, i));
	return RULE_RETURN;
}

/* ---- putting something else in its place ------------------------------------------------------------ */

/* What is known between two pieces. */
struct replacing {
	struct search search;
	struct api_made made;
	size_t done; /* of the text: so much of it is in the result */
	int64_t count;
};

static void release_replacing(void *state)
{
	struct replacing *r = state;
	api_made_release(&r->made);
}

/* The digits at the start of `s` as a number; at most 4 of them. */
static size_t read_digits(struct slice s, unsigned *number)
{
	size_t len = 0;
	*number = 0;
	for (; len < s.len && len < 4 && s.at[len] >= '0' && s.at[len] <= '9'; len++)
		*number = *number * 10 + (unsigned)(s.at[len] - '0');
	return len;
}

/* "$1", "${1}" or "${name}" at the start of `s`: how long it is and which group, or an error. */
static size_t read_reference(struct rule_call *call, const struct regex *regex, struct slice s,
			     unsigned *group)
{
	struct slice name = slice_skip(s, 1);
	size_t len = read_digits(name, group);
	bool is_known = len > 0 && *group <= regex_groups(regex);
	if (len == 0 && name.len > 0 && name.at[0] == '{') {
		name = slice_of(name.at + 1, slice_find(slice_skip(name, 1), '}'));
		bool is_closed = name.at + name.len < s.at + s.len;
		bool is_number = read_digits(name, group) == name.len && name.len > 0;
		if (!is_number)
			*group = regex_group_named(regex, name);
		is_known = is_closed && (is_number ? *group <= regex_groups(regex) : *group > 0);
		len = name.len + 2;
	} else {
		name = slice_of(name.at, len);
	}
	if (len == 0)
		rule_argument_error(call, 3, "expected $1, ${name} or $$ where a $ stands");
	if (!is_known)
		rule_argument_error(call, 3, "expected a group of the expression, got '%.*s'",
				    SLICE_PRINT(name));
	return 1 + len;
}

/* The new text; with `made` NULL it is only checked. */
static void add_new(struct rule_call *call, const struct regex *regex, struct slice text,
		    struct slice new, struct api_made *made)
{
	while (new.len > 0) {
		size_t plain = slice_find(new, '$');
		unsigned group = 0;
		if (made != NULL)
			api_made_add(call, made, slice_of(new.at, plain));
		new = slice_skip(new, plain);
		if (new.len == 0)
			return;
		bool is_dollar = new.len > 1 && new.at[1] == '$';
		size_t len = is_dollar ? 2 : read_reference(call, regex, new, &group);
		if (made != NULL)
			api_made_add(call, made,
				     is_dollar ? SLICE("$") : regex_group(regex, text, group));
		new = slice_skip(new, len);
	}
}

/* False: the turn is over. */
static bool replace_on(struct rule_call *call, const struct expression *e, struct slice text,
		       struct slice new, struct replacing *r)
{
	struct search *s = &r->search;
	while (s->from <= text.len && (r->count == 0 || e->is_global)) {
		enum found found = search_on(call, e->regex, text, s);
		if (found == TURN_IS_OVER)
			return false;
		if (found == NOT_FOUND && !s->was_empty)
			break;
		if (found == NOT_FOUND) {
			/* nothing but the empty text here: a character further on */
			size_t len = slice_utf8_length(slice_skip(text, s->from));
			s->from += e->is_utf && len > 0 ? len : 1;
			s->was_empty = false;
			continue;
		}
		size_t before = r->made.len;
		struct slice whole = regex_group(e->regex, text, 0);
		api_made_add(call, &r->made,
			     slice_of(text.at + r->done, (size_t)(whole.at - text.at) - r->done));
		add_new(call, e->regex, text, new, &r->made);
		r->done = s->from = (size_t)(whole.at - text.at) + whole.len;
		s->was_empty = whole.len == 0;
		r->count++;
		if (rule_turn_is_over(call, 256 + new.len + r->made.len - before))
			return false;
	}
	return true;
}

static enum rule_answer regexsub(struct rule_call *call)
{
	struct slice text = rule_argument_string(call, 1), new = rule_argument_string(call, 3);
	struct replacing *r = rule_work(call);
	struct expression e = read_expression(call, 4, "imsxug");
	if (r == NULL) {
		rule_spend(call, text.len);
		add_new(call, e.regex, text, new, NULL);
		r = rule_work_begin(call, sizeof *r, release_replacing);
		r->search.places = PLACES;
	}
	if (!replace_on(call, &e, text, new, r))
		return RULE_GO_ON;
	api_made_add(call, &r->made, slice_skip(text, r->done));
	api_made_push(call, &r->made);
	rule_push_integer(call, r->count);
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "string.regexmatch", regexmatch, RULE_IN_ANY | RULE_IN_PIECES,
	  "s: string, re: string, flags?: string",
	  "boolean, ... string|nil",
	  "Does the regular expression (PCRE2, at most 16 KiB) match somewhere in `s`? true and what each "
	  "group took, nil for one that took no part; or false. Flags: i the case of letters does not "
	  "count, m `^` and `$` stand at every line, s `.` is a newline, too, x blanks and comments in the "
	  "expression do not count, u UTF-8 (bytes otherwise; what is no UTF-8 matches nothing). A match of "
	  "more than 4,000,000 steps is an error. Compiled expressions are kept.", "string.regexmatch" },
	{ "string.regexsub", regexsub, RULE_IN_ANY | RULE_IN_PIECES,
	  "s: string, re: string, new: string, flags?: string", "string, integer count",
	  "`s` with `new` in place of the first match, or with flag g of all, and how many there were. In "
	  "`new` `$1` or `${1}` and `${name}` are what a group took (nothing for one that took no part), "
	  "`$0` is the whole match, `$$` a dollar. Flags and limits as in string.regexmatch.",
	  "string.regexsub" },
};
/* clang-format on */

API_FAMILY(api_string_regex, functions);
