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
	return path.len > 0 && path.at[0] == '/' && http_scan_is_all(path, HTTP_BYTE_PATH);
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

static bool is_control(int byte)
{
	return byte < 0x20 || byte == 0x7f;
}

/*
 * Takes one segment off the front of *path, up to "/" or the end, and writes its normal form at
 * `at`. False for a control or a malformed escape.
 */
static bool normalize_segment(struct slice *path, char *at, size_t *len)
{
	*len = 0;
	while (path->len > 0 && path->at[0] != '/') {
		int byte = escaped_byte(*path);
		if (is_control(byte != -1 ? byte : (uint8_t)path->at[0]) ||
		    (byte == -1 && path->at[0] == '%'))
			return false;
		if (byte != -1 && !http_scan_is((char)byte, HTTP_BYTE_UNRESERVED)) {
			put_escape(at + *len, (char)byte);
			*len += 3;
		} else {
			at[*len] = byte != -1 ? (char)byte : path->at[0];
			*len += 1;
		}
		*path = slice_skip(*path, byte != -1 ? 3 : 1);
	}
	return true;
}

/* The text always ends in "/" here, so a segment can be put behind it, or the last one dropped. */
struct slice http_path_normalize(struct arena *arena, struct slice path)
{
	if (path.len == 0 || path.at[0] != '/')
		return SLICE_ABSENT;
	char *text = arena_alloc(arena, path.len + 1);
	size_t len = 1;
	text[0] = '/';
	while (path.len > 0) {
		size_t segment;
		path = slice_skip(path, 1);
		if (!normalize_segment(&path, text + len, &segment))
			return SLICE_ABSENT;
		struct slice name = slice_of(text + len, segment);
		if (slice_is_equal(name, SLICE(".."))) {
			if (len == 1)
				return SLICE_ABSENT;
			do
				len--;
			while (text[len - 1] != '/');
		} else if (segment > 0 && !slice_is_equal(name, SLICE("."))) {
			len += segment;
			if (path.len > 0)
				text[len++] = '/';
		}
	}
	text[len] = '\0';
	return slice_of(text, len);
}
