/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

bool slice_is_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (slice_lower(a.at[i]) != slice_lower(b.at[i]))
			return false;
	return true;
}

bool slice_has_prefix(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.at[0]))
		s = slice_skip(s, 1);
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

bool slice_next_item(struct slice *rest, char separator, struct slice *item)
{
	if (rest->at == NULL)
		return false;
	size_t end = slice_find(*rest, separator);
	*item = slice_trim(slice_of(rest->at, end));
	*rest = end == rest->len ? SLICE_ABSENT : slice_skip(*rest, end + 1);
	return true;
}

int slice_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = slice_lower(c);
	return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}

size_t slice_utf8_length(struct slice s)
{
	if (s.len == 0)
		return 0;
	const unsigned char *at = (const unsigned char *)s.at;
	unsigned char first = at[0];
	size_t len = first < 0x80                    ? 1
		     : first >= 0xc2 && first < 0xe0 ? 2
		     : first >= 0xe0 && first < 0xf0 ? 3
		     : first >= 0xf0 && first < 0xf5 ? 4
						     : 0;
	if (len == 0 || len > s.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	unsigned char second = len > 1 ? at[1] : 0;
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
		return 0;
	return len;
}

char *slice_put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	*to++ = (char)(0xff00u >> (more + 1) | c >> 6 * more);
	while (more-- > 0)
		*to++ = (char)(0x80 | (c >> 6 * more & 0x3f));
	return to;
}
