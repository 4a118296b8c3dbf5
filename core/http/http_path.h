/*
 * http_path: percent-encoding and the one normal form of a path, so that a rule and a node see
 * the same thing (RFC 3986 6.2.2).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_PATH_H
#define WEIR_HTTP_PATH_H

#include "base/arena.h"
#include "http/http_parse.h"

#include <stdbool.h>

/* May these stand in a request target as they are? A path begins with "/" and has no "?". */
bool http_path_is_valid(struct slice path);
bool http_query_is_valid(struct slice query);

/* Decodes %XX; a malformed escape stays as it is. `plus_is_blank` for forms. */
struct slice http_path_decode(struct arena *arena, struct slice raw, bool plus_is_blank);

/* Encodes what may not stand in a path or query as it is ("%" too when `escape_percent`). */
struct slice http_path_encode(struct arena *arena, struct slice text, bool escape_percent);
struct slice http_query_encode(struct arena *arena, struct slice text, bool escape_percent);

/*
 * The normal form (RFC 3986 6.2.2): "/./" and "/../" resolved, unreserved characters not
 * percent-encoded, hex digits of escapes upper-case, and with `merge_slashes` one "/" for "//".
 * A path in normal form is given as it is, another one is made anew in the arena.
 *
 * HTTP_REASON_TARGET: it does not begin with "/", or holds a byte that has to be percent-encoded.
 * HTTP_REASON_PATH: it leaves the root, or has something that some read and others do not: an
 * escape that is malformed or stands for a control; UTF-8 that is longer than need be; or a "." or
 * ".." that only shows when an escaped "/" or "\\" is undone or what follows a ";" is cut off.
 */
enum http_reason http_path_normalize(struct arena *arena, struct slice path, bool merge_slashes,
				     struct slice *normal);

#endif
