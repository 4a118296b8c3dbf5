/*
 * cache_policy: which answers may be stored, how long they are fresh, and whether one that is stored may
 * be used for a request: RFC 9111 for a shared cache. It decides and keeps nothing.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CACHE_POLICY_H
#define WEIR_CACHE_POLICY_H

#include "cache/cache_control.h"
#include "http/http_head.h"

#include <stdbool.h>
#include <stdint.h>

/* What is known of a stored answer. */
struct cache_facts {
	uint64_t stored_at;      /* milliseconds of CLOCK_MONOTONIC, when it came */
	uint64_t age;            /* seconds, when it came (4.2.3) */
	uint64_t lifetime;       /* seconds that it is fresh */
	uint64_t stale_if_error; /* seconds behind these in which it is better than an error */
	uint32_t status;
	bool is_strict;  /* it must never be used stale */
	bool must_ask;   /* nor without asking */
	bool is_for_all; /* also for requests with Authorization */
};

/* What a request says of caches. */
struct cache_wishes {
	struct cache_control control;
	bool is_authorized; /* Authorization */
	bool has_cookie, has_query;
};

void cache_wishes_read(const struct http_request *request, struct cache_wishes *w);

/* Limits of the configuration, seconds. */
struct cache_limits {
	uint64_t most;   /* that anything is kept as fresh */
	uint64_t errors; /* that an error is, of which its node does not say so */
};

/* When it was asked for and came: milliseconds of CLOCK_MONOTONIC, and seconds since 1970 when it came. */
struct cache_moment {
	uint64_t asked, came;
	int64_t wall;
};

/* NULL: the answer may be stored, with these facts. Otherwise why not, in words. */
const char *cache_policy_may_store(const struct cache_wishes *wishes,
				   const struct http_response *answer,
				   const struct cache_limits *limits,
				   const struct cache_moment *moment, struct cache_facts *facts);

/* How long ago a node made it, in seconds (4.2.3). */
uint64_t cache_policy_age(const struct cache_facts *facts, uint64_t now);

/* Seconds that it is fresh still; 0: it is stale. */
uint64_t cache_policy_left(const struct cache_facts *facts, uint64_t now);

/* May the stored answer be used as it is? If not, its node has to be asked. */
bool cache_policy_may_use(const struct cache_facts *facts, const struct cache_wishes *wishes,
			  uint64_t now);

/* May it be used where its node cannot be asked, or answers with an error (RFC 5861 4)? */
bool cache_policy_may_use_on_error(const struct cache_facts *facts,
				   const struct cache_wishes *wishes, uint64_t now);

/* Is it one of the statuses that mean so much? */
bool cache_policy_is_error(unsigned status);

/* Has the answer something by which its node can be asked whether it has changed? */
bool cache_policy_has_validator(const struct http_fields *answer);

#endif
