/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_path.h"

#include "http/http_scan.h"

/* The byte that the escape at the start of `text` stands for, or -1 if there is none. */
static int escaped_byte(struct slice text)
{
	if (text.len < 3 || text.at[0] != '%')
		return -1;
	int high = slice_hex_digit(text.at[1]);
	int low = slice_hex_digit(text.at[2]);
	return high == -1 || low == -1 ? -1 : high << 4 | low;
}

bool http_path_is_valid(struct slice path)
{
	return path.len > 0 && path.at[0] == '/' && http_scan_is_all(path, HTTP_BYTE_URI);
}

bool http_query_is_valid(struct slice query)
{
	return http_scan_is_all(query, HTTP_BYTE_QUERY);
}

struct slice http_path_decode(struct arena *arena, struct slice raw, bool plus_is_blank)
{
	if (slice_is_absent(raw))
		return raw;
	char *text = arena_alloc(arena, raw.len + 1);
	size_t len = 0;
	while (raw.len > 0) {
		int byte = escaped_byte(raw);
		if (byte != -1)
			text[len++] = (char)byte;
		else
			text[len++] = plus_is_blank && raw.at[0] == '+' ? ' ' : raw.at[0];
		raw = slice_skip(raw, byte != -1 ? 3 : 1);
	}
	text[len] = '\0';
	return slice_of(text, len);
}

static char *put_escape(char *at, char byte)
{
	static const char digits[] = "0123456789ABCDEF";
	*at++ = '%';
	*at++ = digits[(uint8_t)byte >> 4];
	*at++ = digits[(uint8_t)byte & 15];
	return at;
}

/* `also` are bytes that may stand beside those of a path. */
static struct slice encode(struct arena *arena, struct slice text, const char *also)
{
	size_t escapes = 0;
	if (slice_is_absent(text))
		return text;
	for (size_t i = 0; i < text.len; i++)
		escapes += !http_scan_is(text.at[i], HTTP_BYTE_PCHAR);
	char *start = arena_alloc(arena, text.len + 2 * escapes + 1);
	char *at = start;
	for (size_t i = 0; i < text.len; i++) {
		char byte = text.at[i];
		if (http_scan_is(byte, HTTP_BYTE_PCHAR) ||
		    (byte != '\0' && strchr(also, byte) != NULL))
			*at++ = byte;
		else
			at = put_escape(at, byte);
	}
	*at = '\0';
	return slice_of(start, (size_t)(at - start));
}

struct slice http_path_encode(struct arena *arena, struct slice text, bool escape_percent)
{
	return encode(arena, text, escape_percent ? "" : "%");
}

struct slice http_query_encode(struct arena *arena, struct slice text, bool escape_percent)
{
	return encode(arena, text, escape_percent ? "?" : "?%");
}

/* ---- the normal form ----------------------------------------------------------------------------- */

/* One character of a path as it is read: a byte, and how it was written. */
struct character {
	int byte;
	bool is_escaped;
	size_t len;
};

/* The character at the start of `text`; the reason why it may not stand there. */
static enum http_reason read_character(struct slice text, struct character *c)
{
	int byte = escaped_byte(text);
	c->is_escaped = byte != -1;
	c->byte = c->is_escaped ? byte : (uint8_t)text.at[0];
	c->len = c->is_escaped ? 3 : 1;
	if (!c->is_escaped && text.at[0] == '%')
		return HTTP_REASON_PATH;
	if (!c->is_escaped)
		return http_scan_is(text.at[0], HTTP_BYTE_URI) ? HTTP_REASON_NONE
							       : HTTP_REASON_TARGET;
	return byte < 0x20 || byte == 0x7f ? HTTP_REASON_PATH : HTTP_REASON_NONE;
}

/* Does UTF-8 begin here that says in more bytes than it needs what fewer can say (RFC 3629 3)? */
static bool is_overlong(struct slice text)
{
	int lead = escaped_byte(text);
	int next = lead < 0xc0 ? -1 : escaped_byte(slice_skip(text, 3));
	if (next < 0x80 || next > 0xbf)
		return false;
	return lead <= 0xc1 || (lead == 0xe0 && next < 0xa0) || (lead == 0xf0 && next < 0x90) ||
	       (lead == 0xf8 && next < 0x88) || (lead == 0xfc && next < 0x84);
}

/* What stands between two separators of which some readers know more than others. */
struct piece {
	size_t dots, others; /* bytes of it so far */
	bool has_parameters; /* its ";" has come: what follows is no part of it */
	bool has_more;       /* of its segment: a ";" or an escaped separator */
};

static bool is_dots(const struct piece *p)
{
	return p->others == 0 && (p->dots == 1 || p->dots == 2);
}

/* False when somebody could take the piece that ends or goes on here for "." or "..". */
static bool note_character(struct piece *p, const struct character *c)
{
	bool is_separator = c->is_escaped && (c->byte == '/' || c->byte == '\\');
	bool is_parameter = c->byte == ';' && !c->is_escaped;
	if (is_separator || is_parameter) {
		bool was_dots = is_dots(p) && !p->has_parameters;
		p->has_more = true;
		p->has_parameters = is_parameter || (p->has_parameters && !is_separator);
		if (is_separator)
			p->dots = p->others = 0;
		return !was_dots;
	}
	if (p->has_parameters)
		return true;
	if (c->byte == '.')
		p->dots++;
	else
		p->others++;
	return true;
}

static size_t put_character(char *at, const struct character *c)
{
	if (!c->is_escaped || http_scan_is((char)c->byte, HTTP_BYTE_UNRESERVED)) {
		*at = (char)c->byte;
		return 1;
	}
	put_escape(at, (char)c->byte);
	return 3;
}

/* Takes one segment off the front of *path, up to "/" or the end, and writes it at `at`. */
static enum http_reason take_segment(struct slice *path, char *at, size_t *len)
{
	struct piece piece = { 0 };
	*len = 0;
	while (path->len > 0 && path->at[0] != '/') {
		struct character c;
		enum http_reason why = read_character(*path, &c);
		if (why != HTTP_REASON_NONE)
			return why;
		if (is_overlong(*path) || !note_character(&piece, &c))
			return HTTP_REASON_PATH;
		*len += put_character(at + *len, &c);
		*path = slice_skip(*path, c.len);
	}
	bool ends_in_dots = is_dots(&piece) && !piece.has_parameters && piece.has_more;
	return ends_in_dots ? HTTP_REASON_PATH : HTTP_REASON_NONE;
}

/* Drops the last segment of a text that ends in "/". False at the root. */
static bool drop_segment(const char *text, size_t *len)
{
	if (*len == 1)
		return false;
	do
		--*len;
	while (text[*len - 1] != '/');
	return true;
}

/* The text always ends in "/" here, so a segment can be put behind it, or the last one dropped. */
enum http_reason http_path_normalize(struct arena *arena, struct slice path, bool merge_slashes,
				     struct slice *normal)
{
	struct slice rest = path;
	if (path.len == 0 || path.at[0] != '/')
		return HTTP_REASON_TARGET;
	char *text = arena_alloc(arena, path.len + 1);
	size_t len = 1;
	text[0] = '/';
	while (rest.len > 0) {
		size_t segment;
		rest = slice_skip(rest, 1);
		enum http_reason why = take_segment(&rest, text + len, &segment);
		if (why != HTTP_REASON_NONE)
			return why;
		struct slice name = slice_of(text + len, segment);
		if (slice_is_equal(name, SLICE(".."))) {
			if (!drop_segment(text, &len))
				return HTTP_REASON_PATH;
		} else if (!slice_is_equal(name, SLICE(".")) && (segment > 0 || !merge_slashes)) {
			len += segment;
			if (rest.len > 0)
				text[len++] = '/';
		}
	}
	text[len] = '\0';
	*normal = slice_of(text, len);
	if (slice_is_equal(*normal, path))
		*normal = path;
	return HTTP_REASON_NONE;
}
