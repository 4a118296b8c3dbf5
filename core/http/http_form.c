/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_form.h"

#include "http/http_scan.h"

#include <string.h>

/* A boundary has at most 70 bytes (RFC 2046 5.1.1). */
#define BOUNDARY_MOST 70

/* Headers of one part. */
#define PART_FIELDS_MOST 100

/* ---- urlencoded ---------------------------------------------------------------------------------- */

bool http_form_next(struct slice *rest, struct slice *name, struct slice *value)
{
	while (rest->len > 0) {
		struct slice pair = slice_of(rest->at, slice_find(*rest, '&'));
		*rest = slice_skip(*rest, pair.len < rest->len ? pair.len + 1 : pair.len);
		if (pair.len == 0)
			continue;
		*name = slice_of(pair.at, slice_find(pair, '='));
		*value = slice_skip(pair, name->len < pair.len ? name->len + 1 : name->len);
		return true;
	}
	return false;
}

bool http_form_is(struct slice raw, struct slice name)
{
	size_t i = 0, count = 0;
	for (; i < raw.len && count < name.len; count++) {
		char byte = raw.at[i++];
		if (byte == '+') {
			byte = ' ';
		} else if (byte == '%' && raw.len - i >= 2 && slice_hex_digit(raw.at[i]) != -1 &&
			   slice_hex_digit(raw.at[i + 1]) != -1) {
			byte = (char)(slice_hex_digit(raw.at[i]) << 4 |
				      slice_hex_digit(raw.at[i + 1]));
			i += 2;
		}
		if (byte != name.at[count])
			return false;
	}
	return i == raw.len && count == name.len;
}

/* ---- values with parameters ---------------------------------------------------------------------- */

bool http_media_is(struct slice content_type, struct slice type)
{
	struct slice media = slice_trim(slice_of(content_type.at, slice_find(content_type, ';')));
	if (type.at[type.len - 1] == '/' && media.len > type.len)
		media.len = type.len;
	return slice_is_equal_nocase(media, type);
}

/* The end of what begins at `at`: the next ";" that is not quoted, or the end. */
static size_t parameter_end(struct slice value, size_t at)
{
	bool is_quoted = false;
	for (; at < value.len && (is_quoted || value.at[at] != ';'); at++) {
		if (value.at[at] == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && value.at[at] == '\\')
			at++;
	}
	return at < value.len ? at : value.len;
}

static struct slice without_quotes(struct slice text)
{
	bool is_quoted = text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"';
	return is_quoted ? slice_of(text.at + 1, text.len - 2) : text;
}

struct slice http_parameter(struct slice value, struct slice name)
{
	for (size_t at = parameter_end(value, 0); at < value.len;) {
		size_t end = parameter_end(value, at + 1);
		struct slice one = slice_of(value.at + at + 1, end - at - 1);
		size_t length = slice_find(one, '=');
		if (length < one.len &&
		    slice_is_equal_nocase(slice_trim(slice_of(one.at, length)), name))
			return without_quotes(slice_trim(slice_skip(one, length + 1)));
		at = end;
	}
	return SLICE_ABSENT;
}

/* ---- multipart ----------------------------------------------------------------------------------- */

/* Is there a whole delimiter line at the start of `at`: "--", boundary, blanks and CRLF, or "--"? */
static bool is_delimiter(struct slice at, struct slice boundary, size_t *length, bool *is_last)
{
	if (at.len < boundary.len + 4 || at.at[0] != '-' || at.at[1] != '-' ||
	    memcmp(at.at + 2, boundary.at, boundary.len) != 0)
		return false;
	size_t end = boundary.len + 2;
	*is_last = at.at[end] == '-' && at.at[end + 1] == '-';
	if (*is_last)
		return true;
	while (end < at.len && (at.at[end] == ' ' || at.at[end] == '\t'))
		end++;
	*length = end + 2;
	return at.len - end >= 2 && at.at[end] == '\r' && at.at[end + 1] == '\n';
}

/*
 * The next delimiter from the start of `text` on, which begins a line: *before it, with the CRLF that
 * belongs to it, and what is *after it. False: there is none.
 */
static bool find_delimiter(struct slice text, struct slice boundary, struct slice *before,
			   struct slice *after, bool *is_last)
{
	for (size_t at = 0; at < text.len;) {
		size_t length = 0;
		if (is_delimiter(slice_skip(text, at), boundary, &length, is_last)) {
			*before = slice_of(text.at, at >= 2 ? at - 2 : 0);
			*after = *is_last ? SLICE("") : slice_skip(text, at + length);
			return true;
		}
		const char *next = memmem(text.at + at, text.len - at, "\r\n--", 4);
		if (next == NULL)
			return false;
		at = (size_t)(next - text.at) + 2;
	}
	return false;
}

bool http_parts_begin(struct http_parts *p, struct slice content_type, struct slice body)
{
	bool is_last;
	struct slice preamble;
	p->rest = SLICE("");
	if (slice_is_absent(content_type) || !http_media_is(content_type, SLICE("multipart/")))
		return false;
	p->boundary = http_parameter(content_type, SLICE("boundary"));
	if (p->boundary.len == 0 || p->boundary.len > BOUNDARY_MOST)
		return false;
	find_delimiter(body, p->boundary, &preamble, &p->rest, &is_last);
	return true;
}

bool http_parts_next(struct http_parts *p, struct arena *arena, struct http_part *part)
{
	struct http_head_scan scan = { 0 };
	enum http_reason why;
	struct slice whole, after;
	size_t end;
	bool is_last;
	*part = (struct http_part){ 0 };
	if (p->rest.len == 0 || !find_delimiter(p->rest, p->boundary, &whole, &after, &is_last))
		return false;
	/* the lines end before the delimiter does, even where its CRLF is also that of an empty part */
	struct slice lines = slice_of(p->rest.at, whole.len + 2);
	if (http_scan_block(lines, &scan, &end) != HTTP_DONE || scan.lines > PART_FIELDS_MOST ||
	    !http_scan_fields(slice_of(lines.at, end), scan.lines, arena, &part->fields, &why))
		return false;
	part->body = end < whole.len ? slice_skip(whole, end) : SLICE("");
	p->rest = after;
	const struct http_field *field = http_fields_find(&part->fields,
							  SLICE("Content-Disposition"));
	if (field == NULL)
		return true;
	part->name = http_parameter(field->value, SLICE("name"));
	part->filename = http_parameter(field->value, SLICE("filename"));
	return true;
}
