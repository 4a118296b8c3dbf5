/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_control.h"

#include <stddef.h>

/* ---- directives ----------------------------------------------------------------------------------- */

/* Takes the next one off a list; commas in quoted strings do not end it. */
static bool next_directive(struct slice *rest, struct slice *name, struct slice *value)
{
	bool is_quoted = false;
	size_t len = 0;
	if (rest->len == 0)
		return false;
	for (; len < rest->len && (is_quoted || rest->at[len] != ','); len++) {
		if (is_quoted && rest->at[len] == '\\')
			len += len + 1 < rest->len;
		else if (rest->at[len] == '"')
			is_quoted = !is_quoted;
	}
	if (is_quoted) /* it is never closed, so it hides nothing: better too strict than too lax */
		len = slice_find(*rest, ',');
	struct slice one = slice_trim(slice_of(rest->at, len));
	*rest = slice_skip(*rest, len < rest->len ? len + 1 : len);
	size_t sign = slice_find(one, '=');
	*name = slice_trim(slice_of(one.at, sign));
	*value = sign == one.len ? SLICE_ABSENT : slice_trim(slice_skip(one, sign + 1));
	if (value->len >= 2 && value->at[0] == '"' && value->at[value->len - 1] == '"')
		*value = slice_of(value->at + 1, value->len - 2);
	return true;
}

/* False when it is no number. */
static bool parse_seconds(struct slice text, uint64_t *seconds)
{
	*seconds = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		*seconds = *seconds * 10 + (uint64_t)(text.at[i] - '0');
		if (*seconds > CACHE_SECONDS_MOST)
			*seconds = CACHE_SECONDS_MOST;
	}
	return text.len > 0;
}

/* The one that allows less counts: `most_counts` for those that ask for something. */
static void take_seconds(struct cache_seconds *to, struct slice text, bool most_counts)
{
	uint64_t value;
	if (!parse_seconds(text, &value))
		value = most_counts ? CACHE_SECONDS_MOST : 0;
	bool is_stricter = most_counts ? value > to->value : value < to->value;
	if (!to->is_given || is_stricter)
		to->value = value;
	to->is_given = true;
}

#define AT(member) offsetof(struct cache_control, member)
static const struct {
	struct slice name;
	size_t offset;
	enum { FLAG, LEAST, MOST, ANY } kind; /* ANY: without a value it is any number */
} directives[] = {
	{ SLICE_INIT("no-store"), AT(no_store), FLAG },
	{ SLICE_INIT("no-cache"), AT(no_cache), FLAG },
	{ SLICE_INIT("only-if-cached"), AT(only_if_cached), FLAG },
	{ SLICE_INIT("private"), AT(is_private), FLAG },
	{ SLICE_INIT("public"), AT(is_public), FLAG },
	{ SLICE_INIT("must-revalidate"), AT(must_revalidate), FLAG },
	{ SLICE_INIT("proxy-revalidate"), AT(proxy_revalidate), FLAG },
	{ SLICE_INIT("must-understand"), AT(must_understand), FLAG },
	{ SLICE_INIT("max-age"), AT(max_age), LEAST },
	{ SLICE_INIT("s-maxage"), AT(s_maxage), LEAST },
	{ SLICE_INIT("min-fresh"), AT(min_fresh), MOST },
	{ SLICE_INIT("max-stale"), AT(max_stale), ANY },
	{ SLICE_INIT("stale-if-error"), AT(stale_if_error), LEAST },
};
#undef AT

static void take(struct cache_control *c, struct slice name, struct slice value)
{
	for (size_t i = 0; i < sizeof directives / sizeof *directives; i++) {
		if (!slice_is_equal_nocase(name, directives[i].name))
			continue;
		void *at = (char *)c + directives[i].offset;
		bool is_any = directives[i].kind == ANY && slice_is_absent(value);
		if (directives[i].kind == FLAG)
			*(bool *)at = true;
		else
			take_seconds(at, is_any ? SLICE("2147483648") : value,
				     directives[i].kind == MOST);
	}
}

void cache_control_read(const struct http_fields *fields, struct cache_control *c)
{
	struct slice name, value;
	*c = (struct cache_control){ 0 };
	for (const struct http_field *f = http_fields_find(fields, SLICE("Cache-Control"));
	     f != NULL; f = http_fields_find_next(fields, f)) {
		struct slice rest = f->value;
		c->is_there = true;
		while (next_directive(&rest, &name, &value))
			take(c, name, value);
	}
}
