/*
 * complaint: what is wrong with a file that a person wrote: configuration or rule. Collected, not
 * printed one by one, so that all of them come out in one go, in the order of the file:
 *
 *     weir.yaml:12:5: unknown key 'lissten' in virtual server 'shop'; did you mean 'listen'?
 *         lissten: ["0.0.0.0:8080"]
 *         ^
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_COMPLAINT_H
#define WEIR_BASE_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct complaint {
	char *file;
	unsigned line;   /* from 1; 0 when it concerns the whole file */
	unsigned column; /* from 1, in bytes; 0 when it concerns the whole line */
	char *text;
	bool is_warning; /* said, but does not make the check fail */
};

struct complaints {
	struct complaint *list;
	size_t count;
	size_t errors; /* those that are not warnings */
};

/* Zero-initialise before the first use. At most 200 are kept, then one that says so. */
void complaints_release(struct complaints *c);

/* Adds an error or a warning at that place of `file`; names and text are copied. */
void complaints_add(struct complaints *c, const char *file, unsigned line, unsigned column,
		    const char *format, ...) __attribute__((format(printf, 5, 6)));
void complaints_warn(struct complaints *c, const char *file, unsigned line, unsigned column,
		     const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Sorted by file (in order of first appearance), line and column; with the line and a caret. */
void complaints_print(struct complaints *c, FILE *to);

/*
 * The name in `known` (`count` of them) that a person most likely meant by `given`, or NULL when
 * none is near: edit distance with transpositions, at most a third of the length, case ignored.
 */
const char *complaint_nearest(const char *given, const char *const *known, size_t count);

#endif
