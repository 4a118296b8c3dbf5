/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_negotiate.h"

#include "base/check.h"

/* ---- Accept-Encoding ------------------------------------------------------------------------------ */

/* A weight is 0 to 1000; this one is none. */
#define UNSAID 1001

/* "0.5" as 500; the number has at most three digits behind the point (RFC 9110 12.4.2). */
static bool parse_weight(struct slice text, unsigned *weight)
{
	static const unsigned worth[] = { 1000, 0, 100, 10, 1 };
	*weight = 0;
	if (text.len == 0 || text.len > 5 || (text.at[0] != '0' && text.at[0] != '1'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (i == 1 && text.at[i] != '.')
			return false;
		if (i != 1 && (text.at[i] < '0' || text.at[i] > '9'))
			return false;
		*weight += i == 1 ? 0 : worth[i] * (unsigned)(text.at[i] - '0');
	}
	return *weight <= 1000;
}

/* An item with its parameters; false when it is malformed. */
static bool parse_item(struct slice item, struct slice *name, unsigned *weight)
{
	struct slice parameter;
	*weight = 1000;
	if (!slice_next_item(&item, ';', name))
		return false;
	while (slice_next_item(&item, ';', &parameter)) {
		bool is_weight = parameter.len > 2 && slice_lower(parameter.at[0]) == 'q' &&
				 parameter.at[1] == '=';
		if (!is_weight || !parse_weight(slice_skip(parameter, 2), weight))
			return false;
	}
	return name->len > 0;
}

/* What is said of the codings that we know. */
struct weights {
	unsigned gzip, br, identity, any;
};

static void note(struct weights *w, struct slice name, unsigned weight)
{
	unsigned *known = NULL;
	if (slice_is_equal_nocase(name, SLICE("gzip")) ||
	    slice_is_equal_nocase(name, SLICE("x-gzip")))
		known = &w->gzip;
	else if (slice_is_equal_nocase(name, SLICE("br")))
		known = &w->br;
	else if (slice_is_equal_nocase(name, SLICE("identity")))
		known = &w->identity;
	else if (slice_is_equal(name, SLICE("*")))
		known = &w->any;
	if (known != NULL && weight < *known)
		*known = weight;
}

static struct weights weights_of(const struct http_fields *request)
{
	struct weights w = { UNSAID, UNSAID, UNSAID, UNSAID };
	const struct http_field *field = http_fields_find(request, SLICE("Accept-Encoding"));
	for (; field != NULL; field = http_fields_find_next(request, field)) {
		struct slice rest = field->value, item, name;
		unsigned weight;
		while (slice_next_item(&rest, ',', &item))
			if (parse_item(item, &name, &weight))
				note(&w, name, weight);
	}
	return w;
}

enum http_coding http_negotiate_coding(const struct http_fields *request, bool may_brotli)
{
	struct weights w = weights_of(request);
	unsigned any = w.any == UNSAID ? 0 : w.any;
	unsigned gzip = w.gzip == UNSAID ? any : w.gzip;
	unsigned br = !may_brotli ? 0 : w.br == UNSAID ? any : w.br;
	bool likes_br = br > gzip || (br == gzip && w.br != UNSAID);
	unsigned most = likes_br ? br : gzip;
	if (most == 0 || (w.identity != UNSAID && w.identity > most))
		return HTTP_CODING_NONE;
	return likes_br ? HTTP_CODING_BR : HTTP_CODING_GZIP;
}

struct slice http_negotiate_name(enum http_coding coding)
{
	check(coding == HTTP_CODING_GZIP || coding == HTTP_CODING_BR);
	return coding == HTTP_CODING_GZIP ? SLICE("gzip") : SLICE("br");
}

/* ---- other headers -------------------------------------------------------------------------------- */

static bool has_item(const struct http_fields *f, struct slice name, struct slice wanted)
{
	const struct http_field *field = http_fields_find(f, name);
	for (; field != NULL; field = http_fields_find_next(f, field)) {
		struct slice rest = field->value, item;
		while (slice_next_item(&rest, ',', &item))
			if (slice_is_equal_nocase(item, wanted))
				return true;
	}
	return false;
}

bool http_negotiate_has_directive(const struct http_fields *f, struct slice directive)
{
	return has_item(f, SLICE("Cache-Control"), directive);
}

void http_negotiate_vary(struct http_fields *f, struct arena *arena, struct slice name)
{
	if (!has_item(f, SLICE("Vary"), name) && !has_item(f, SLICE("Vary"), SLICE("*")))
		http_fields_add(f, arena, SLICE("Vary"), name);
}

bool http_negotiate_is_type(struct slice value, struct slice pattern)
{
	struct slice type = slice_trim(slice_of(value.at, slice_find(value, ';')));
	bool is_prefix = pattern.len > 0 && pattern.at[pattern.len - 1] == '*';
	if (!is_prefix)
		return slice_is_equal_nocase(type, pattern);
	pattern.len--;
	return type.len >= pattern.len &&
	       slice_is_equal_nocase(slice_of(type.at, pattern.len), pattern);
}

/* ---- entity tags ---------------------------------------------------------------------------------- */

/* Takes a tag off the front; *opaque is what stands between its quotes. False: there is none. */
static bool take_tag(struct slice *rest, bool *is_weak, struct slice *opaque)
{
	struct slice s = *rest;
	*is_weak = s.len > 1 && s.at[0] == 'W' && s.at[1] == '/';
	if (*is_weak)
		s = slice_skip(s, 2);
	if (s.len < 2 || s.at[0] != '"')
		return false;
	s = slice_skip(s, 1);
	*opaque = slice_of(s.at, slice_find(s, '"'));
	if (opaque->len == s.len)
		return false;
	*rest = slice_skip(s, opaque->len + 1);
	return true;
}

/* Takes the next one of a list. False at its end, or where it is malformed: then *rest is not empty. */
static bool next_tag(struct slice *rest, bool *is_weak, struct slice *opaque)
{
	while (rest->len > 0 && (rest->at[0] == ' ' || rest->at[0] == '\t' || rest->at[0] == ','))
		*rest = slice_skip(*rest, 1);
	return take_tag(rest, is_weak, opaque);
}

static bool parse_tag(struct slice tag, struct slice *opaque)
{
	bool is_weak;
	return take_tag(&tag, &is_weak, opaque) && tag.len == 0;
}

struct slice http_negotiate_weaken(struct slice tag, struct arena *arena)
{
	struct slice opaque;
	if (!parse_tag(tag, &opaque))
		return SLICE_ABSENT;
	return arena_print(arena, "W/\"%.*s\"", SLICE_PRINT(opaque));
}

struct slice http_negotiate_wrap(struct slice tag, enum http_coding coding, struct arena *arena)
{
	struct slice opaque;
	if (!parse_tag(tag, &opaque))
		return SLICE_ABSENT;
	return arena_print(arena, "W/\"%.*s;%.*s\"", SLICE_PRINT(opaque),
			   SLICE_PRINT(http_negotiate_name(coding)));
}

/* What of the opaque part was there before it was wrapped; all of it when it was not. */
static struct slice unwrapped(struct slice opaque, enum http_coding coding)
{
	static const struct {
		enum http_coding coding;
		struct slice text;
	} ends[] = { { HTTP_CODING_GZIP, SLICE_INIT(";gzip") },
		     { HTTP_CODING_BR, SLICE_INIT(";br") } };
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct slice end = ends[i].text;
		if ((coding == HTTP_CODING_NONE || coding == ends[i].coding) &&
		    opaque.len > end.len &&
		    slice_is_equal(slice_skip(opaque, opaque.len - end.len), end))
			return slice_of(opaque.at, opaque.len - end.len);
	}
	return opaque;
}

struct slice http_negotiate_unwrap(struct slice tags, enum http_coding coding, struct arena *arena)
{
	struct slice rest = tags, opaque;
	bool is_weak, is_changed = false;
	char *text = NULL, *at = NULL;
	while (next_tag(&rest, &is_weak, &opaque)) {
		struct slice inside = is_weak ? unwrapped(opaque, coding) : opaque;
		bool was_wrapped = inside.len < opaque.len;
		if (text == NULL) /* every tag keeps its length or loses some, but for a blank */
			at = text = arena_alloc(arena, 2 * tags.len);
		at = mempcpy(at, ", ", at == text ? 0 : 2);
		at = mempcpy(at, "W/", is_weak && !was_wrapped ? 2 : 0);
		*at++ = '"';
		at = mempcpy(at, inside.at, inside.len);
		*at++ = '"';
		is_changed |= was_wrapped;
	}
	if (!is_changed || rest.len > 0)
		return tags;
	return slice_of(text, (size_t)(at - text));
}

bool http_negotiate_has_tag(struct slice tags, struct slice tag)
{
	struct slice wanted, opaque;
	bool is_wanted_weak, is_weak;
	if (!take_tag(&tag, &is_wanted_weak, &wanted))
		return false;
	while (next_tag(&tags, &is_weak, &opaque))
		if (is_weak == is_wanted_weak && slice_is_equal(opaque, wanted))
			return true;
	return false;
}
