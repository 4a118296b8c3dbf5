/*
 * regex: PCRE2 expressions, compiled once and kept, that cannot hold the worker. Every step of a
 * match is counted by callouts, so where one is given up is the same on every machine; a look at the
 * clock now and then is the last guard. Knows nothing of rules.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEXT_REGEX_H
#define WEIR_TEXT_REGEX_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

/* What an expression may say beside its text: letters i m s x u. */
#define REGEX_NO_CASE 1u
#define REGEX_LINES 2u    /* ^ and $ at every line */
#define REGEX_DOT_ALL 4u  /* . is a newline, too */
#define REGEX_EXTENDED 8u /* blanks and comments in the expression */
#define REGEX_UTF 16u     /* characters, not bytes; what is no UTF-8 in a text matches nothing */

#define REGEX_PATTERN_BYTES 16384

struct regex;

/*
 * The compiled expression, owned by the cache and valid until the next regex_find; NULL with the
 * reason in `why`. `is_new` says that it had to be compiled.
 */
const struct regex *regex_find(struct slice pattern, unsigned flags, bool *is_new, struct err *why);

/* How many groups it has; and the number of the one with that name, 0 when there is none. */
unsigned regex_groups(const struct regex *regex);
unsigned regex_group_named(const struct regex *regex, struct slice name);

/* REGEX_FURTHER: not where a match may have begun so far; go on at `from`, which has moved. */
enum regex_result { REGEX_MATCHES, REGEX_DIFFERS, REGEX_FURTHER, REGEX_GIVEN_UP };

/* One try to match; what is found stays valid until the next try of any expression. */
struct regex_try {
	struct slice text;
	size_t from;         /* offset in it */
	size_t places;       /* where a match may begin: so many are looked at; 0: up to the end */
	bool not_empty_here; /* only at `from`, and not the empty text */
	uint64_t steps;      /* that it may take; then, those that it took */
};
enum regex_result regex_match(const struct regex *regex, struct regex_try *try);

/* Group `n` of the last match, 0 the whole of it; absent when it took no part. */
struct slice regex_group(const struct regex *regex, struct slice text, unsigned n);

#endif
