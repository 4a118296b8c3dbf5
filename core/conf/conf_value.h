/*
 * conf_value: what one scalar of the file means: numbers, sizes, durations, choices, texts, paths,
 * addresses. Says in words what would have been right. Knows no other key and no place.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_VALUE_H
#define WEIR_CONF_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "conf/conf_schema.h"
#include "net/addr.h"

#include <stdbool.h>

#define CONF_EXPECTED_BYTES 256

/* "a number from 1 to 100": what the key takes; returns `out`. */
const char *conf_value_expected(const struct conf_key *key, char out[CONF_EXPECTED_BYTES]);

/* A scalar as it stands in the file, and what it may lean on. */
struct conf_scalar {
	struct slice text;
	bool is_quoted;
	const char *path;    /* of the file */
	struct arena *arena; /* for texts */
};

/*
 * Reads a scalar of type CONF_BOOLEAN to CONF_LINE into the field at `at`. False with the reason:
 * "'weight' takes a number from 1 to 100, not '0'".
 */
bool conf_value_parse(const struct conf_key *key, const struct conf_scalar *scalar, void *at,
		      struct err *why);

/* An address with a port, not IPv4-mapped, that something can listen on or connect to. */
bool conf_value_parse_address(struct slice text, struct addr *a, struct err *why);

/* A number in decimal digits, without leading zeros; false if it is none or too large. */
bool conf_value_parse_number(struct slice text, uint64_t *number);

/* Names of pools, virtual servers and rules: letters, digits, '.', '_' and '-', no dot in front. */
bool conf_value_is_name(struct slice text);

/* A path of the file, from where the program stands: NUL-terminated, in the arena. */
char *conf_value_resolve_path(const struct conf_scalar *scalar);

#endif
