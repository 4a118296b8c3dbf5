/*
 * http_scan: byte classes and lines of HTTP/1. Private to this room: the parsers of heads and
 * trailers stand on it. Nothing here reads a byte at or behind the `end` it is given.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_SCAN_H
#define WEIR_HTTP_SCAN_H

#include "http/http_head.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Classes of a byte, as bits of http_scan_classes. */
#define HTTP_BYTE_TOKEN 0x01u      /* RFC 9110 5.6.2 */
#define HTTP_BYTE_PATH 0x02u       /* visible ASCII but "#", "?" and backslash */
#define HTTP_BYTE_QUERY 0x04u      /* visible ASCII but "#" */
#define HTTP_BYTE_VALUE 0x08u      /* tab, blank, visible ASCII, 0x80 and above */
#define HTTP_BYTE_UNRESERVED 0x10u /* RFC 3986 2.3 */
#define HTTP_BYTE_PCHAR 0x20u      /* RFC 3986 3.3, and "/" */
#define HTTP_BYTE_COOKIE 0x40u     /* RFC 6265 4.1.1, cookie-octet */
#define HTTP_BYTE_URI 0x80u /* pchar, and what browsers send in a path though no URI has it */

extern const uint8_t http_scan_classes[256];

static inline bool http_scan_is(char byte, unsigned classes)
{
	return (http_scan_classes[(uint8_t)byte] & classes) != 0;
}

static inline bool http_scan_is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* Are all bytes of `text` of the class? True when it is empty. */
bool http_scan_is_all(struct slice text, unsigned classes);

/* Each gives the first place from `at` on whose byte is not of the class, or `end`. */
const char *http_scan_token(const char *at, const char *end);
const char *http_scan_query(const char *at, const char *end);
const char *http_scan_value(const char *at, const char *end);

/*
 * The same for a path. *is_plain: it is its own normal form, because it has nothing but letters,
 * digits, "-", "_", "." and "/", and neither "/." nor "//"; others have to be looked at.
 */
const char *http_scan_path(const char *at, const char *end, bool *is_plain);

/*
 * Looks for the empty line that ends a block of lines, from where `scan` stands. HTTP_DONE: *end
 * is behind it. HTTP_BAD: a LF without CR. Each byte is looked at once over all calls.
 */
enum http_parse http_scan_block(struct slice in, struct http_head_scan *scan, size_t *end);

/*
 * The same for a whole head, its size and number of lines kept within `limits`. HTTP_DONE with
 * scan->first_line_end == 0: nothing but an empty line.
 */
enum http_parse http_scan_head(struct slice in, const struct http_limits *limits,
			       struct http_head_scan *scan, size_t *end, enum http_reason *why);

/* "HTTP/1.1" or "HTTP/1.0"; *why is VERSION for any other version, `malformed` for what is none. */
bool http_scan_version(struct slice text, unsigned *minor, enum http_reason malformed,
		       enum http_reason *why);

/* Says why and returns false. */
static inline bool http_scan_refuse(enum http_reason *why, enum http_reason reason)
{
	*why = reason;
	return false;
}

/*
 * Parses the header lines in `lines`, `count` of them and the empty line that ends their block, into `f`:
 * names checked, values trimmed and checked, ids set, hop-by-hop only by name.
 */
bool http_scan_fields(struct slice lines, unsigned count, struct arena *arena,
		      struct http_fields *f, enum http_reason *why);

#endif
