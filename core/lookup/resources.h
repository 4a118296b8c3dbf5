/*
 * resources: the files of one directory, read once and kept in memory for rules. Only plain files
 * directly in it: no folders, and no link that leads out of it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LOOKUP_RESOURCES_H
#define WEIR_LOOKUP_RESOURCES_H

#include "base/err.h"
#include "base/slice.h"
#include "base/table.h"

#include <stdbool.h>
#include <stdint.h>

/* All files together, and how many. */
#define RESOURCES_BYTES (64u << 20)
#define RESOURCES_COUNT 10000

struct resource {
	int64_t modified; /* seconds since 1970 */
	size_t len;
	char bytes[];
};

/* Children that are forked share the memory. */
struct resources {
	struct table files; /* by name -> struct resource */
};

/*
 * Reads the files of `dir`; NULL is none. False with the reason in `e` when one of them cannot be
 * read or they are too many or too big; nothing is kept then.
 */
bool resources_open(struct resources *r, const char *dir, struct err *e);
void resources_release(struct resources *r);

/* The file of that name, or NULL. */
const struct resource *resources_find(const struct resources *r, struct slice name);

#endif
