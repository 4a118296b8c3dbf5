/*
 * api_hunt: one text looked for in another, window by window, so that a search through megabytes can
 * be left and gone on with. Time is linear in both lengths. Without case, a window at a time is a
 * copy in lower case.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_HUNT_H
#define WEIR_API_HUNT_H

#include "rule/rule.h"

struct api_hunt {
	struct slice in, part;
	size_t from; /* where it goes on, an offset in `in`; may be set before the first search */
	size_t start, end; /* the window */
	char *block;       /* `part` and the window as they are compared; NULL: as they are */
	bool is_owned;     /* the block */
};

/* Both texts must stay where they are. Pays for `part`; a search pays for what it looks at. */
void api_hunt_open(struct rule_call *call, struct api_hunt *h, struct slice in, struct slice part);

/*
 * A search does not ask for the turn when both texts together have at most so many bytes. Only then
 * may `is_long` be false, below: the block is api_scratch, and there is nothing to release.
 */
#define API_HUNT_SMALL 4096

/* From now on the case of ASCII letters does not count. */
void api_hunt_fold(struct rule_call *call, struct api_hunt *h, bool is_long);
void api_hunt_release(struct api_hunt *h);

enum api_hunted { API_HUNT_FOUND, API_HUNT_NOTHING, API_HUNT_TURN_IS_OVER };

/* The next occurrence at or behind `from`, which moves behind it: occurrences do not overlap. */
enum api_hunted api_hunt_next(struct rule_call *call, struct api_hunt *h, size_t *at);

/* The last occurrence, where case counts; `from` says nothing. */
enum api_hunted api_hunt_last(struct rule_call *call, struct api_hunt *h, bool is_long, size_t *at);

#endif
