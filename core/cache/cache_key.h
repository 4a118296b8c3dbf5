/*
 * cache_key: which requests may get the same answer (RFC 9111 2 and 4.1). All that a node is known to
 * look at is part of the key, as the node gets to see it: nothing that a client can choose freely may
 * change an answer that others get. What else an answer depends on its Vary says.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CACHE_KEY_H
#define WEIR_CACHE_KEY_H

#include "base/arena.h"
#include "base/slice.h"
#include "http/http_fields.h"

#include <stdbool.h>

/* Bytes of the names in one Vary, and of the values that a request has for them. */
#define CACHE_NAMES_MOST 512
#define CACHE_VALUES_MOST 4096

struct cache_key {
	struct slice uri;                 /* what an unsafe method makes invalid as a whole */
	struct slice variant;             /* what else every answer may depend on */
	const struct http_fields *fields; /* of the request */
	bool hides_proto;                 /* nodes do not see the X-Forwarded-Proto that came */
};

/* What the parts of a key are made of. */
struct cache_asked {
	unsigned server; /* whose request it is: servers share nothing */
	struct slice host, path, query;
	bool sorts_query; /* "b=1&a=2" is "a=2&b=1"; the order within one name stays */
	struct slice pool, destination, extra; /* extra: of rules, any bytes; absent mostly */
	const struct http_fields *fields;
	bool hides_proto;
};

/* Makes both parts, in the arena. */
void cache_key_make(struct cache_key *key, const struct cache_asked *asked, struct arena *arena);

/* The URI part alone. */
struct slice cache_key_uri(const struct cache_asked *asked, struct arena *arena);

/*
 * The names in the Vary of an answer, lower case, with "," between them; empty without one. False when
 * no other request can be known to get the same answer: "*", too many names, or one that weir itself
 * writes for each client.
 */
bool cache_key_names(const struct http_fields *answer, struct arena *arena, struct slice *names);

/* The values that the request has for these names, *len bytes of CACHE_VALUES_MOST. False: too long. */
bool cache_key_vary(const struct cache_key *key, struct slice names, char *to, size_t *len);

#endif
