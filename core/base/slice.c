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
