/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_scan.h"

#include "http_unit.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

/* The classes once more, from the words of the standards. */
static unsigned classes_of(int byte)
{
	bool is_alnum = byte < 0x80 && isalnum(byte);
	bool is_visible = byte > 0x20 && byte < 0x7f;
	unsigned classes = 0;
#define CLASS(bit, condition) classes |= (condition) ? (bit) : 0
	CLASS(HTTP_BYTE_TOKEN, is_alnum || (is_visible && strchr("!#$%&'*+-.^_`|~", byte)));
	CLASS(HTTP_BYTE_PATH, is_visible && !strchr("#?\\", byte));
	CLASS(HTTP_BYTE_QUERY, is_visible && byte != '#');
	CLASS(HTTP_BYTE_VALUE, is_visible || byte == ' ' || byte == '\t' || byte >= 0x80);
	CLASS(HTTP_BYTE_UNRESERVED, is_alnum || (is_visible && strchr("-._~", byte)));
	CLASS(HTTP_BYTE_PCHAR, is_alnum || (is_visible && strchr("-._~!$&'()*+,;=:@/", byte)));
	CLASS(HTTP_BYTE_URI, (classes & HTTP_BYTE_PCHAR) || (is_visible && strchr("[]|^%", byte)));
	CLASS(HTTP_BYTE_COOKIE, is_visible && !strchr("\",;\\", byte));
#undef CLASS
	return classes;
}

Test(http_scan, classes_are_those_of_the_standards)
{
	for (int byte = 0; byte < 256; byte++)
		cr_expect(http_scan_classes[byte] == classes_of(byte), "0x%02x", (unsigned)byte);
}

static const char *scan_path(const char *at, const char *end)
{
	bool is_plain;
	return http_scan_path(at, end, &is_plain);
}

/* Each byte at each place of a run that is longer than two blocks, and runs that end at an edge. */
Test(http_scan, blocks_and_single_bytes_agree)
{
	static const struct {
		const char *(*scan)(const char *, const char *);
		unsigned class;
	} scans[] = { { http_scan_token, HTTP_BYTE_TOKEN },
		      { scan_path, HTTP_BYTE_PATH },
		      { http_scan_query, HTTP_BYTE_QUERY },
		      { http_scan_value, HTTP_BYTE_VALUE } };
	char text[40];
	for (size_t s = 0; s < sizeof scans / sizeof scans[0]; s++)
		for (int byte = 0; byte < 256; byte++)
			for (size_t place = 0; place < sizeof text; place++) {
				memset(text, 'a', sizeof text);
				text[place] = (char)byte;
				struct slice in = http_unit_at_edge(slice_of(text, sizeof text));
				const char *stop = scans[s].scan(in.at, in.at + in.len);
				bool is_in = (http_scan_classes[byte] & scans[s].class) != 0;
				cr_assert(stop == in.at + (is_in ? sizeof text : place),
					  "%zu 0x%02x %zu", s, (unsigned)byte, place);
			}
}

Test(http_scan, a_scan_stops_at_its_end)
{
	static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	for (size_t len = 0; len < sizeof text; len++)
		cr_expect(http_scan_value(text, text + len) == text + len);
}

/* Does the text, which is all of a path, have nothing that a normal form could change? */
static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool is_behind = i > 0 && text[i - 1] == '/';
		if (!isalnum((unsigned char)text[i]) && strchr("-_./", text[i]) == NULL)
			return false;
		if (is_behind && (text[i] == '.' || text[i] == '/'))
			return false;
	}
	return true;
}

/* Each visible byte, alone and behind a slash, at each place of a path of more than two blocks. */
Test(http_scan, a_path_is_plain_or_not_in_blocks_and_in_single_bytes)
{
	char text[40];
	for (char byte = 0x21; byte < 0x7f; byte++)
		for (size_t place = 0; place < sizeof text; place++)
			for (int slash = 0; slash < 2; slash++) {
				bool got;
				memset(text, 'a', sizeof text);
				if (slash == 1 && place > 0)
					text[place - 1] = '/';
				text[place] = byte;
				struct slice in = http_unit_at_edge(slice_of(text, sizeof text));
				const char *stop = http_scan_path(in.at, in.at + in.len, &got);
				size_t len = (size_t)(stop - in.at);
				cr_assert(got == is_plain(text, len), "%c %zu %d", byte, place,
					  slash);
			}
}
