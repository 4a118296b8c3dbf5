/*
 * slice: a run of bytes that somebody else owns. Never assumed to end in NUL.
 * A slice with at == NULL means "absent"; an empty one has len == 0 and at != NULL.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *at;
	size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){ "" literal, sizeof(literal) - 1 })
/* The same for static initialisers. */
/* clang-format off */
#define SLICE_INIT(literal) { "" literal, sizeof(literal) - 1 }
/* clang-format on */
#define SLICE_ABSENT ((struct slice){ NULL, 0 })
/* The two arguments of a "%.*s". */
#define SLICE_PRINT(s) (int)(s).len, (s).at == NULL ? "" : (s).at

static inline struct slice slice_of(const char *at, size_t len)
{
	return (struct slice){ at, len };
}

static inline struct slice slice_of_string(const char *string)
{
	return (struct slice){ string, string == NULL ? 0 : strlen(string) };
}

static inline bool slice_is_absent(struct slice s)
{
	return s.at == NULL;
}

static inline bool slice_is_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* The same for short texts of one length, without a call: in a loop these cost more than the bytes. */
static inline bool slice_is_same(const char *one, const char *other, size_t len)
{
	size_t at = 0;
	for (; len - at > 8; at += 8)
		if (memcmp(one + at, other + at, 8) != 0)
			return false;
	/* the last bytes, with some of those before them */
	if (len >= 8)
		return memcmp(one + len - 8, other + len - 8, 8) == 0;
	if (len >= 4)
		return memcmp(one, other, 4) == 0 && memcmp(one + len - 4, other + len - 4, 4) == 0;
	while (at < len && one[at] == other[at])
		at++;
	return at == len;
}

/* ASCII letters compare without case; every other byte exactly (RFC 9110 5.1). */
bool slice_is_equal_nocase(struct slice a, struct slice b);

bool slice_has_prefix(struct slice s, struct slice prefix);

/* `s` without its first `count` bytes; count is at most s.len. */
static inline struct slice slice_skip(struct slice s, size_t count)
{
	return (struct slice){ s.at + count, s.len - count };
}

/* `s` without blanks and tabs at either end (OWS of RFC 9110 5.6.3). */
struct slice slice_trim(struct slice s);

/* Position of `byte` in `s`, or s.len when it is not there. */
static inline size_t slice_find(struct slice s, char byte)
{
	const char *found = s.len == 0 ? NULL : memchr(s.at, byte, s.len);
	return found == NULL ? s.len : (size_t)(found - s.at);
}

/*
 * Takes the next item off a list separated by `separator` and trims it: *rest moves behind it.
 * Returns false when the list is at its end. Items may be empty.
 */
bool slice_next_item(struct slice *rest, char separator, struct slice *item);

static inline char slice_lower(char c)
{
	return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

/* Length of the well-formed UTF-8 sequence at the start of `s`, or 0 (RFC 3629). */
size_t slice_utf8_length(struct slice s);

/* Writes a character, up to U+10FFFF, as UTF-8 and returns the end of it: at most 4 bytes. */
char *slice_put_utf8(char *to, uint32_t c);

/* The value of a hexadecimal digit, or -1. */
int slice_hex_digit(char c);

#endif
