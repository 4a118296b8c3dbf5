/*
 * reach: walks over bytes that lie in pieces, in a chain of cells or blocks of shared memory. What
 * the chain is made of only its owner knows; under the owner's lock.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_REACH_H
#define WEIR_SHARE_REACH_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reach {
	void *store;     /* the owner's */
	uint32_t number; /* the owner's: where the walk stands in the chain */
	char *at;        /* the next byte of this piece, and */
	size_t room;     /* how many there are */
	/* Sets `number`, `at` and `room` to those of the next piece; called when there is no room. */
	void (*go_on)(struct reach *r);
};

/* Walks over the next run of at most `*len` bytes; gives its beginning, and its length in `*len`. */
char *reach_run(struct reach *r, size_t *len);

/* Writes `data` there and walks over it; the chain has to have the room. */
void reach_put(struct reach *r, struct slice data);

/* Walks over `count` bytes, and copies them into `to`, which has room for them. */
void reach_take(struct reach *r, char *to, size_t count);

/* Walks over `count` bytes. */
void reach_skip(struct reach *r, size_t count);

/* Walks over as many bytes as `data` has: are they the same? When not, it has stopped somewhere. */
bool reach_matches(struct reach *r, struct slice data);

#endif
