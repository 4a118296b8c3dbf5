/* Help for the tests of this room: limits, and text that ends at an unreadable page. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_T_UNIT_HTTP_UNIT_H
#define WEIR_T_UNIT_HTTP_UNIT_H

#include "http/http_body.h"
#include "http/http_head.h"

extern const struct http_limits http_unit_limits;

/*
 * A copy of `text` whose end is the end of a readable page. The memory is that of the last call;
 * at most 64 KiB.
 */
struct slice http_unit_at_edge(struct slice text);

/* The same, in a second place. */
struct slice http_unit_at_other_edge(struct slice text);

/* What the pieces say, in the arena. */
struct slice http_unit_join(const struct http_pieces *pieces, struct arena *arena);

/* A sequence of numbers that is the same in each run. */
unsigned http_unit_random(uint64_t *state);

#endif
