/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include <criterion/criterion.h>

Test(slice, equality)
{
	cr_expect(slice_is_equal(SLICE("ab"), SLICE("ab")));
	cr_expect(!slice_is_equal(SLICE("ab"), SLICE("aB")));
	cr_expect(!slice_is_equal(SLICE("ab"), SLICE("abc")));
	cr_expect(slice_is_equal(SLICE(""), SLICE_ABSENT));
	cr_expect(slice_is_absent(SLICE_ABSENT) && !slice_is_absent(SLICE("")));
	cr_expect(slice_is_absent(slice_of_string(NULL)));
	cr_expect_eq(slice_of_string("abc").len, 3);
}

/* Whatever the length, and wherever they differ; nothing behind the texts counts. */
Test(slice, short_texts)
{
	char one[41], other[41];
	for (size_t len = 0; len <= 40; len++) {
		memset(one, 'a', sizeof one);
		memset(other, 'a', sizeof other);
		other[len] = 'b';
		cr_expect(slice_is_same(one, other, len), "%zu", len);
		for (size_t i = 0; i < len; i++) {
			other[i] = 'b';
			cr_expect(!slice_is_same(one, other, len), "%zu at %zu", len, i);
			other[i] = 'a';
		}
	}
}

/* Only letters: '@' and '`', '[' and '{' differ in the same bit. */
Test(slice, case_is_of_letters_only)
{
	cr_expect(slice_is_equal_nocase(SLICE("Content-LENGTH"), SLICE("content-length")));
	cr_expect(!slice_is_equal_nocase(SLICE("@["), SLICE("`{")));
	cr_expect(!slice_is_equal_nocase(SLICE("\xc3\x84"), SLICE("\xc3\xa4")));
	cr_expect(!slice_is_equal_nocase(SLICE("a"), SLICE("ab")));
	cr_expect_eq(slice_lower('Z'), 'z');
	cr_expect_eq(slice_lower('['), '[');
}

Test(slice, prefixes)
{
	cr_expect(slice_has_prefix(SLICE("abc"), SLICE("ab")));
	cr_expect(slice_has_prefix(SLICE("abc"), SLICE("")));
	cr_expect(slice_has_prefix(SLICE_ABSENT, SLICE("")));
	cr_expect(!slice_has_prefix(SLICE("ab"), SLICE("abc")));
	cr_expect(!slice_has_prefix(SLICE("xbc"), SLICE("ab")));
}

Test(slice, trimming)
{
	cr_expect(slice_is_equal(slice_trim(SLICE(" \ta b\t ")), SLICE("a b")));
	cr_expect(slice_is_equal(slice_trim(SLICE("\na\r")), SLICE("\na\r")));
	cr_expect_eq(slice_trim(SLICE(" \t ")).len, 0);
	cr_expect_eq(slice_trim(SLICE("")).len, 0);
}

Test(slice, finding)
{
	cr_expect_eq(slice_find(SLICE("abc"), 'c'), 2);
	cr_expect_eq(slice_find(SLICE("abc"), 'x'), 3);
	cr_expect_eq(slice_find(SLICE("a\0c"), 'c'), 2);
	cr_expect_eq(slice_find(SLICE_ABSENT, 'c'), 0);
}

Test(slice, lists_are_taken_apart)
{
	static const char *const items[] = { "a", "", "b c", "" };
	struct slice rest = SLICE("a, ,\tb c ,"), item;
	for (size_t i = 0; i < 4; i++) {
		cr_assert(slice_next_item(&rest, ',', &item));
		cr_expect(slice_is_equal(item, slice_of_string(items[i])), "item %zu", i);
	}
	cr_expect(!slice_next_item(&rest, ',', &item));
	rest = SLICE("");
	cr_expect(slice_next_item(&rest, ',', &item) && item.len == 0);
	cr_expect(!slice_next_item(&rest, ',', &item));
	rest = SLICE_ABSENT;
	cr_expect(!slice_next_item(&rest, ',', &item));
}

Test(slice, hexadecimal_digits)
{
	for (int c = 0; c < 256; c++) {
		const char *digits = "0123456789abcdef";
		const char *at = c == 0 ? NULL : strchr(digits, slice_lower((char)c));
		cr_expect_eq(slice_hex_digit((char)c), at == NULL ? -1 : (int)(at - digits), "%d",
			     c);
	}
}

Test(slice, utf8_is_checked_as_rfc_3629_says)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{ "", 0 },
		{ "a", 1 },
		{ "ab", 1 },
		{ "\x7f", 1 },
		{ "\x80", 0 },
		{ "\xbf", 0 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xc2", 0 },
		{ "\xc2"
		  "a",
		  0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xe1\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
		{ "\xf1\x80\x80", 0 },
		{ "\xf1\x80\x80\xc0", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_eq(slice_utf8_length(slice_of_string(rows[i].text)), rows[i].len,
			     "row %zu", i);
}
