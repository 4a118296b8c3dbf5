/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_cookie.h"

#include "http/http_head.h"
#include "http/http_scan.h"

/* The next piece between semicolons of the Cookie lines that is not empty, trimmed. */
static bool next_piece(const struct http_fields *f, struct http_cookie_position *position,
		       struct slice *piece)
{
	for (; position->line < f->count; position->line++, position->offset = 0) {
		const struct http_field *field = &f->at[position->line];
		if (field->id != HTTP_FIELD_COOKIE)
			continue;
		while (position->offset < field->value.len) {
			struct slice rest = slice_skip(field->value, position->offset);
			size_t len = slice_find(rest, ';');
			position->offset += len + 1;
			*piece = slice_trim(slice_of(rest.at, len));
			if (piece->len > 0)
				return true;
		}
	}
	return false;
}

/* "name=value"; false if there is no "=". */
static bool split_pair(struct slice piece, struct slice *name, struct slice *value)
{
	size_t equal = slice_find(piece, '=');
	if (equal == piece.len)
		return false;
	*name = slice_trim(slice_of(piece.at, equal));
	*value = slice_trim(slice_skip(piece, equal + 1));
	return true;
}

bool http_cookie_next(const struct http_fields *f, struct http_cookie_position *position,
		      struct slice *name, struct slice *value)
{
	struct slice piece;
	while (next_piece(f, position, &piece))
		if (split_pair(piece, name, value))
			return true;
	return false;
}

struct slice http_cookie_get(const struct http_fields *f, struct slice name)
{
	struct http_cookie_position position = { 0 };
	struct slice found, value;
	while (http_cookie_next(f, &position, &found, &value))
		if (slice_is_equal(found, name))
			return value;
	return SLICE_ABSENT;
}

static char *put(char *at, struct slice s)
{
	return s.len == 0 ? at : mempcpy(at, s.at, s.len);
}

static char *put_pair(char *at, struct slice name, struct slice value)
{
	at = put(at, name);
	*at++ = '=';
	return put(at, value);
}

/* Room for all Cookie lines in one, with each piece's separator grown from ";" to "; ". */
static size_t joined_size(const struct http_fields *f)
{
	struct http_cookie_position position = { 0 };
	struct slice piece;
	size_t size = 0;
	while (next_piece(f, &position, &piece))
		size += piece.len + 2;
	return size;
}

/*
 * Writes all cookies as one line, those of `name` left out but for the first, which gets `value`
 * (absent: it is left out, too). Gives how many of that name there were.
 */
static unsigned rewrite(struct http_fields *f, struct arena *arena, struct slice name,
			struct slice value)
{
	struct http_cookie_position position = { 0 };
	struct slice piece, found, old;
	char *text = arena_alloc(arena, joined_size(f) + name.len + value.len + 4);
	char *at = text;
	unsigned count = 0;
	bool is_pending = !slice_is_absent(value);
	while (next_piece(f, &position, &piece)) {
		bool is_same = split_pair(piece, &found, &old) && slice_is_equal(found, name);
		count += is_same;
		if (is_same && !is_pending)
			continue;
		at = at == text ? at : put(at, SLICE("; "));
		at = is_same ? put_pair(at, name, value) : put(at, piece);
		is_pending = is_pending && !is_same;
	}
	if (is_pending) {
		at = at == text ? at : put(at, SLICE("; "));
		at = put_pair(at, name, value);
	}
	if (at == text)
		http_fields_remove(f, SLICE("Cookie"));
	else
		http_fields_set(f, arena, SLICE("Cookie"), slice_of(text, (size_t)(at - text)));
	return count;
}

void http_cookie_set(struct http_fields *f, struct arena *arena, struct slice name,
		     struct slice value)
{
	rewrite(f, arena, name, slice_is_absent(value) ? SLICE("") : value);
}

unsigned http_cookie_remove(struct http_fields *f, struct arena *arena, struct slice name)
{
	if (slice_is_absent(http_cookie_get(f, name)))
		return 0;
	return rewrite(f, arena, name, SLICE_ABSENT);
}

/* ---- Set-Cookie: one cookie a line --------------------------------------------------------------- */

/* False if the line has no "name=value" in front. */
static bool split_line(struct slice line, struct slice *name, struct slice *value,
		       struct slice *attributes)
{
	size_t end = slice_find(line, ';');
	*attributes = end == line.len ? SLICE_ABSENT : slice_trim(slice_skip(line, end + 1));
	return split_pair(slice_of(line.at, end), name, value);
}

bool http_set_cookie_next(const struct http_fields *f, struct http_cookie_position *position,
			  struct slice *name, struct slice *value, struct slice *attributes)
{
	while (position->line < f->count) {
		const struct http_field *field = &f->at[position->line++];
		if (field->id == HTTP_FIELD_SET_COOKIE &&
		    split_line(field->value, name, value, attributes))
			return true;
	}
	return false;
}

static bool is_cookie_of(const struct http_field *field, struct slice name,
			 struct slice *attributes)
{
	struct slice found, value;
	return field->id == HTTP_FIELD_SET_COOKIE &&
	       split_line(field->value, &found, &value, attributes) && slice_is_equal(found, name);
}

/* Drops the cookies of that name from line `from` on. */
static unsigned remove_from(struct http_fields *f, unsigned from, struct slice name)
{
	unsigned kept = from;
	struct slice attributes;
	for (unsigned i = from; i < f->count; i++)
		if (!is_cookie_of(&f->at[i], name, &attributes))
			f->at[kept++] = f->at[i];
	unsigned removed = f->count - kept;
	f->count = kept;
	return removed;
}

static struct slice set_cookie_line(struct arena *arena, struct slice name, struct slice value,
				    struct slice attributes)
{
	char *text = arena_alloc(arena, name.len + value.len + attributes.len + 3);
	char *at = put_pair(text, name, value);
	if (attributes.len > 0)
		at = put(put(at, SLICE("; ")), attributes);
	return slice_of(text, (size_t)(at - text));
}

void http_set_cookie_set(struct http_fields *f, struct arena *arena, struct slice name,
			 struct slice value, struct slice attributes)
{
	struct slice old;
	for (unsigned i = 0; i < f->count; i++) {
		if (!is_cookie_of(&f->at[i], name, &old))
			continue;
		f->at[i].value = set_cookie_line(arena, name, value,
						 slice_is_absent(attributes) ? old : attributes);
		remove_from(f, i + 1, name);
		return;
	}
	http_fields_add(f, arena, SLICE("Set-Cookie"),
			set_cookie_line(arena, name, value, attributes));
}

unsigned http_set_cookie_remove(struct http_fields *f, struct slice name)
{
	return remove_from(f, 0, name);
}

/* ---- what may stand in a cookie ------------------------------------------------------------------ */

bool http_cookie_name_is_valid(struct slice name)
{
	return http_is_token(name);
}

bool http_cookie_value_is_valid(struct slice value)
{
	if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
		value = slice_of(value.at + 1, value.len - 2);
	return http_scan_is_all(value, HTTP_BYTE_COOKIE);
}
