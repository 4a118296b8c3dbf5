/*
 * http_path: percent-encoding and the one normal form of a path, so that a rule and a node see
 * the same thing (RFC 3986 6.2.2).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_PATH_H
#define WEIR_HTTP_PATH_H

#include "base/arena.h"

#include <stdbool.h>

/* May these stand in a request target as they are? A path begins with "/". */
bool http_path_is_valid(struct slice path);
bool http_query_is_valid(struct slice query);

/* Decodes %XX; a malformed escape stays as it is. `plus_is_blank` for forms. */
struct slice http_path_decode(struct arena *arena, struct slice raw, bool plus_is_blank);

/* Encodes what may not stand in a path or query as it is ("%" too when `escape_percent`). */
struct slice http_path_encode(struct arena *arena, struct slice text, bool escape_percent);
struct slice http_query_encode(struct arena *arena, struct slice text, bool escape_percent);

/*
 * The normal form: "//", "/./", "/../" removed, unreserved characters not percent-encoded, hex
 * digits of escapes upper-case. Absent when the path leaves the root, does not begin with "/",
 * or holds a malformed escape, %00 or a control.
 */
struct slice http_path_normalize(struct arena *arena, struct slice path);

#endif
