/* fetch_url: the parts of an http or https URL (RFC 3986, RFC 9110 4.2), strict. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FETCH_URL_H
#define WEIR_FETCH_URL_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct fetch_url {
	bool is_secure;         /* https */
	struct slice authority; /* host[:port] as in the text */
	struct slice host;      /* a name, or an address without brackets */
	uint16_t port;          /* of the scheme when none is given */
	struct slice path;      /* from "/" on, with the query; absent: neither is there */
	bool has_query_only;    /* it begins with "?", and the path before it is empty */
};

/*
 * Slices point into `text`. A fragment is left out. False, and why: another scheme, a user name, a
 * host that is none, a port that is none, bytes that must not stand in a URL.
 */
bool fetch_url_parse(struct slice text, struct fetch_url *url, const char **why);

#endif
