/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_answer.h"

#include "base/check.h"
#include "http/http_date.h"

#include <string.h>

/* ---- written and read ----------------------------------------------------------------------------- */

static bool is_age(const struct http_field *field)
{
	return slice_is_equal_nocase(field->name, SLICE("Age"));
}

static bool is_stored(const struct http_field *field)
{
	return !field->is_hop_by_hop && !http_field_is_framing(field->id) && !is_age(field);
}

static char *put(char *at, struct slice s)
{
	return s.len == 0 ? at : mempcpy(at, s.at, s.len);
}

static char *put_line(char *at, struct slice name, struct slice value)
{
	at = put(put(put(at, name), SLICE(": ")), value);
	return put(at, SLICE("\r\n"));
}

struct slice cache_answer_write(const struct http_response *answer, int64_t now,
				struct arena *arena)
{
	const struct http_fields *f = &answer->fields;
	char date[30];
	size_t size = answer->reason.len + 2 + sizeof "Date: \r\n" + sizeof date;
	for (unsigned i = 0; i < f->count; i++)
		size += f->at[i].name.len + f->at[i].value.len + 4;
	char *text = arena_alloc(arena, size), *at = put(text, answer->reason);
	at = put(at, SLICE("\r\n"));
	for (unsigned i = 0; i < f->count; i++)
		if (is_stored(&f->at[i]))
			at = put_line(at, f->at[i].name, f->at[i].value);
	if (http_fields_find_id(f, HTTP_FIELD_DATE) == NULL) {
		http_date_format(now, date);
		at = put_line(at, SLICE("Date"), slice_of_string(date));
	}
	check((size_t)(at - text) <= size);
	return slice_of(text, (size_t)(at - text));
}

/* The next line, without its CRLF; false at the end. */
static bool next_line(struct slice *rest, struct slice *line)
{
	const char *end = rest->len == 0 ? NULL : memmem(rest->at, rest->len, "\r\n", 2);
	if (end == NULL)
		return false;
	*line = slice_of(rest->at, (size_t)(end - rest->at));
	*rest = slice_skip(*rest, line->len + 2);
	return true;
}

void cache_answer_read(struct slice text, unsigned status, uint64_t body_bytes, struct arena *arena,
		       struct http_response *answer)
{
	struct slice line;
	*answer = (struct http_response){ .status = status,
					  .reason = SLICE(""),
					  .version_minor = 1,
					  .body = HTTP_BODY_LENGTH,
					  .content_length = body_bytes,
					  .keep_alive = true };
	if (next_line(&text, &line))
		answer->reason = line;
	while (next_line(&text, &line)) {
		size_t colon = slice_find(line, ':');
		check(colon + 2 <= line.len);
		http_fields_add(&answer->fields, arena, slice_of(line.at, colon),
				slice_skip(line, colon + 2));
	}
}

/* ---- asking whether it has changed ------------------------------------------------------------------ */

/* The body is what it was, and so is what describes its form; a cookie is not for whoever comes later. */
static bool is_updated(const struct http_field *field)
{
	return is_stored(field) && field->id != HTTP_FIELD_CONTENT_ENCODING &&
	       field->id != HTTP_FIELD_SET_COOKIE &&
	       !slice_is_equal_nocase(field->name, SLICE("Content-Range"));
}

void cache_answer_update(struct http_response *answer, const struct http_response *confirmed,
			 struct arena *arena)
{
	const struct http_fields *from = &confirmed->fields;
	for (unsigned i = 0; i < from->count; i++)
		if (is_updated(&from->at[i]))
			http_fields_remove(&answer->fields, from->at[i].name);
	for (unsigned i = 0; i < from->count; i++)
		if (is_updated(&from->at[i]))
			http_fields_add(&answer->fields, arena, from->at[i].name,
					from->at[i].value);
}

static struct slice value_of(const struct http_fields *f, struct slice name)
{
	const struct http_field *field = http_fields_find(f, name);
	return field == NULL ? SLICE_ABSENT : field->value;
}

/* W/"x" without its mark (RFC 9110 8.8.3.2). */
static struct slice opaque(struct slice tag)
{
	return slice_has_prefix(tag, SLICE("W/")) ? slice_skip(tag, 2) : tag;
}

bool cache_answer_is_meant(const struct http_fields *answer, const struct http_fields *confirmed)
{
	struct slice tag = value_of(confirmed, SLICE("ETag"));
	if (slice_is_absent(tag))
		return true;
	struct slice ours = value_of(answer, SLICE("ETag"));
	return !slice_is_absent(ours) && slice_is_equal(opaque(tag), opaque(ours));
}

static const struct slice conditions[] = {
	SLICE_INIT("If-None-Match"),
	SLICE_INIT("If-Modified-Since"),
	SLICE_INIT("If-Range"),
	SLICE_INIT("Range"),
};

static bool is_condition(struct slice name)
{
	for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
		if (slice_is_equal_nocase(name, conditions[i]))
			return true;
	return false;
}

bool cache_answer_ask(const struct http_fields *answer, struct http_fields *request,
		      struct arena *arena)
{
	const struct http_fields before = *request;
	struct slice tag = value_of(answer, SLICE("ETag"));
	struct slice modified = value_of(answer, SLICE("Last-Modified"));
	if (slice_is_absent(tag) && slice_is_absent(modified))
		return false;
	*request = (struct http_fields){ 0 };
	for (unsigned i = 0; i < before.count; i++) {
		const struct http_field *field = &before.at[i];
		if (is_condition(field->name))
			continue;
		http_fields_add(request, arena, field->name, field->value);
		request->at[request->count - 1].is_hop_by_hop = field->is_hop_by_hop;
	}
	if (!slice_is_absent(tag))
		http_fields_add(request, arena, SLICE("If-None-Match"), tag);
	if (!slice_is_absent(modified))
		http_fields_add(request, arena, SLICE("If-Modified-Since"), modified);
	return true;
}

/* ---- what the client has -------------------------------------------------------------------------- */

bool cache_answer_is_for_node(const struct http_fields *request)
{
	return http_fields_find(request, SLICE("If-Match")) != NULL ||
	       http_fields_find(request, SLICE("If-Unmodified-Since")) != NULL;
}

/* Is the tag one of the list, or does the list say "*"? Compared weakly (RFC 9110 13.1.2). */
static bool is_listed(const struct http_fields *request, const struct http_field *list,
		      struct slice tag)
{
	for (; list != NULL; list = http_fields_find_next(request, list)) {
		struct slice rest = list->value, one;
		while (rest.len > 0) {
			/* a comma may stand in a tag: its end is its second quote */
			size_t quote = slice_find(rest, '"');
			size_t end = quote == rest.len
					     ? quote
					     : quote + 1 +
						       slice_find(slice_skip(rest, quote + 1), '"');
			if (end >= rest.len)
				return slice_is_equal(slice_trim(rest), SLICE("*"));
			one = slice_of(rest.at + quote, end + 1 - quote);
			if (slice_is_equal(one, opaque(tag)))
				return true;
			rest = slice_skip(rest, end + 1);
		}
	}
	return false;
}

static bool has_not_changed_since(const struct http_fields *answer, struct slice since)
{
	int64_t modified, known;
	return http_date_parse(value_of(answer, SLICE("Last-Modified")), &modified) &&
	       http_date_parse(since, &known) && modified <= known;
}

/* What only describes the body has no place in an answer without one (RFC 9110 15.4.5). */
static void make_not_modified(struct http_response *answer)
{
	static const struct slice left_out[] = {
		SLICE_INIT("Content-Type"),
		SLICE_INIT("Content-Encoding"),
		SLICE_INIT("Content-Language"),
		SLICE_INIT("Content-Range"),
	};
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		http_fields_remove(&answer->fields, left_out[i]);
	answer->status = 304;
	answer->reason = slice_of_string(http_status_words(304));
	answer->body = HTTP_BODY_NONE;
	answer->content_length = 0;
}

bool cache_answer_is_known(const struct http_fields *request, struct http_response *answer)
{
	const struct http_field *list = http_fields_find(request, SLICE("If-None-Match"));
	struct slice since = value_of(request, SLICE("If-Modified-Since"));
	struct slice tag = value_of(&answer->fields, SLICE("ETag"));
	bool is_known = false;
	if (answer->status != 200)
		return false;
	if (list != NULL)
		is_known = is_listed(request, list, slice_is_absent(tag) ? SLICE("") : tag);
	else if (!slice_is_absent(since))
		is_known = has_not_changed_since(&answer->fields, since);
	if (is_known)
		make_not_modified(answer);
	return is_known;
}

/* ---- parts ---------------------------------------------------------------------------------------- */

static bool parse_number(struct slice text, uint64_t *number)
{
	*number = 0;
	if (text.len == 0 || text.len > 18)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		*number = *number * 10 + (uint64_t)(text.at[i] - '0');
	}
	return true;
}

/* "bytes=first-last": false when it is not one such range. *first of them all: nothing can be given. */
static bool parse_range(struct slice text, uint64_t all, uint64_t *first, uint64_t *behind)
{
	uint64_t last;
	if (!slice_has_prefix(text, SLICE("bytes=")))
		return false;
	text = slice_skip(text, 6);
	size_t dash = slice_find(text, '-');
	if (dash == text.len)
		return false;
	struct slice from = slice_of(text.at, dash), to = slice_skip(text, dash + 1);
	if (from.len == 0) { /* so many at the end */
		if (!parse_number(to, &last))
			return false;
		*first = last < all ? all - last : 0;
		*behind = all;
		if (last == 0)
			*first = all;
		return true;
	}
	if (!parse_number(from, first) || (to.len > 0 && !parse_number(to, &last)))
		return false;
	if (to.len > 0 && last < *first)
		return false;
	*behind = to.len == 0 || last >= all ? all : last + 1;
	return true;
}

/* Does If-Range hold, if there is one: is the client's part of this very version (RFC 9110 13.1.5)? */
static bool is_same_version(const struct http_fields *request, const struct http_fields *answer)
{
	struct slice version = value_of(request, SLICE("If-Range"));
	struct slice tag = value_of(answer, SLICE("ETag"));
	if (slice_is_absent(version))
		return true;
	if (version.len > 0 && (version.at[0] == '"' || version.at[0] == 'W'))
		return !slice_is_absent(tag) && version.at[0] == '"' &&
		       slice_is_equal(version, tag);
	/* a date is compared as text, and only one that is no weak validator counts: it has to be old */
	int64_t modified, date;
	struct slice written = value_of(answer, SLICE("Last-Modified"));
	return !slice_is_absent(written) && slice_is_equal(version, written) &&
	       http_date_parse(written, &modified) &&
	       http_date_parse(value_of(answer, SLICE("Date")), &date) && date - modified >= 60;
}

void cache_answer_cut(const struct http_fields *request, struct http_response *answer,
		      struct arena *arena, uint64_t *from, uint64_t *bytes)
{
	uint64_t all = answer->content_length, first, behind;
	const struct http_field *range = http_fields_find(request, SLICE("Range"));
	*from = 0;
	*bytes = all;
	if (answer->status != 200 || range == NULL ||
	    http_fields_find_next(request, range) != NULL ||
	    !parse_range(range->value, all, &first, &behind) ||
	    !is_same_version(request, &answer->fields))
		return;
	if (first >= all) {
		answer->status = 416;
		*bytes = 0;
		http_fields_remove(&answer->fields, SLICE("Content-Type"));
		http_fields_remove(&answer->fields, SLICE("Content-Encoding"));
		http_fields_set(&answer->fields, arena, SLICE("Content-Range"),
				arena_print(arena, "bytes */%llu", (unsigned long long)all));
	} else {
		answer->status = 206;
		*from = first;
		*bytes = behind - first;
		http_fields_set(
			&answer->fields, arena, SLICE("Content-Range"),
			arena_print(arena, "bytes %llu-%llu/%llu", (unsigned long long)first,
				    (unsigned long long)(behind - 1), (unsigned long long)all));
	}
	answer->reason = slice_of_string(http_status_words(answer->status));
	answer->content_length = *bytes;
}
