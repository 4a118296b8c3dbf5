/* cache_control: what Cache-Control says, in a request or an answer (RFC 9111 5.2, RFC 5861). */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CACHE_CONTROL_H
#define WEIR_CACHE_CONTROL_H

#include "http/http_fields.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds that a directive gives; more than 68 years are that many. */
#define CACHE_SECONDS_MOST 2147483648u

struct cache_seconds {
	bool is_given;
	uint64_t value;
};

struct cache_control {
	bool is_there; /* the header */
	bool no_store, no_cache, only_if_cached;
	bool is_private, is_public, must_revalidate, proxy_revalidate, must_understand;
	struct cache_seconds max_age, s_maxage, min_fresh, max_stale, stale_if_error;
};

/*
 * Reads all lines. In doubt the stricter: of two values the one that allows less, a value that is no
 * number allows nothing, and no-cache or private for some fields is for all.
 */
void cache_control_read(const struct http_fields *fields, struct cache_control *c);

#endif
