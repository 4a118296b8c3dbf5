/*
 * conf_yaml: a YAML text as a tree of values, each with its place. Knows no key and no type: every
 * scalar is text. Strict where YAML is generous: one document, unique keys, plain scalar keys, no
 * tags; and bounded: depth, and the number of values with every alias counted in full.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONF_YAML_H
#define WEIR_CONF_YAML_H

#include "base/arena.h"
#include "base/complaint.h"
#include "base/slice.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>

#define CONF_YAML_DEPTH_MOST 32
#define CONF_YAML_VALUES_MOST 1000000

enum conf_yaml_kind { CONF_YAML_SCALAR, CONF_YAML_LIST, CONF_YAML_MAPPING };

/* Lies in the arena; shared by all places that name it through an alias. */
struct conf_yaml {
	enum conf_yaml_kind kind;
	struct conf_place place;
	struct slice text;               /* of a scalar; a NUL stands behind it, none in it */
	bool is_quoted;                  /* "4" is text, 4 a number */
	struct conf_yaml_entry *entries; /* of a list or mapping, in the order of the file */
	struct conf_yaml_entry *last;
	size_t count;
	size_t size;     /* values in it, itself included */
	unsigned height; /* levels below it */
};

struct conf_yaml_entry {
	struct conf_yaml_entry *next;
	const struct conf_yaml *key; /* NULL in a list */
	const struct conf_yaml *value;
};

/*
 * The top value, or NULL: with complaints if it is no good YAML, without if nothing is in it.
 * Duplicate keys and tags are complained of and the rest is read on.
 */
const struct conf_yaml *conf_yaml_parse(const char *path, struct slice text, struct arena *arena,
					struct complaints *complaints);

/* Is it a scalar with nothing in it: `key:`, `~` or `null`? */
bool conf_yaml_is_null(const struct conf_yaml *value);

#endif
