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
	CLASS(HTTP_BYTE_COOKIE, is_visible && !strchr("\",;\\", byte));
#undef CLASS
	return classes;
}

Test(http_scan, classes_are_those_of_the_standards)
{
	for (int byte = 0; byte < 256; byte++)
		cr_expect(http_scan_classes[byte] == classes_of(byte), "0x%02x", (unsigned)byte);
}

/* Each byte at each place of a run that is longer than two blocks, and runs that end at an edge. */
Test(http_scan, blocks_and_single_bytes_agree)
{
	static const struct {
		const char *(*scan)(const char *, const char *);
		unsigned class;
	} scans[] = { { http_scan_token, HTTP_BYTE_TOKEN },
		      { http_scan_path, HTTP_BYTE_PATH },
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
