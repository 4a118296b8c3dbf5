/*
 * http_parse: what the parsers of this room answer, and every reason for which they refuse.
 * This room is pure: bytes in, structs out; it knows no socket, no clock and no configuration file.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_PARSE_H
#define WEIR_HTTP_PARSE_H

#include <stddef.h>

enum http_parse {
	HTTP_DONE, /* the whole message part is there; out-parameters are set */
	HTTP_MORE, /* so far good, but unfinished */
	HTTP_BAD,  /* refused: see the reason; nothing behind it may be parsed */
};

/* name, status for the client (a node's fault is always 502), words for the log */
#define HTTP_REASONS(X) \
	X(NONE, 0, "none") \
	X(REQUEST_LINE, 400, "request line is malformed") \
	X(REQUEST_LINE_TOO_LONG, 414, "request line is too long") \
	X(METHOD, 400, "method is not a token") \
	X(TARGET, 400, "request target is malformed") \
	X(VERSION, 505, "HTTP version is not supported") \
	X(STATUS_LINE, 502, "status line is malformed") \
	X(LINE_END, 400, "line ends with a bare CR or LF") \
	X(FIELD_NAME, 400, "header name is malformed") \
	X(FIELD_VALUE, 400, "header value has a forbidden byte") \
	X(FIELD_FOLDED, 400, "header is folded over lines") \
	X(HEAD_TOO_LARGE, 431, "headers are too large") \
	X(TOO_MANY_FIELDS, 431, "too many headers") \
	X(HOST_MISSING, 400, "Host is missing") \
	X(HOST_DUPLICATE, 400, "more than one Host") \
	X(HOST, 400, "Host is malformed") \
	X(HOST_MISMATCH, 400, "Host differs from the request target") \
	X(CONTENT_LENGTH, 400, "Content-Length is malformed or ambiguous") \
	X(TRANSFER_ENCODING, 501, "Transfer-Encoding is not just chunked") \
	X(TRANSFER_ENCODING_VERSION, 400, "Transfer-Encoding in HTTP/1.0") \
	X(LENGTH_AND_CHUNKED, 400, "Content-Length and Transfer-Encoding together") \
	X(CHUNK_SIZE, 400, "chunk size is malformed") \
	X(CHUNK_EXTENSION, 400, "chunk extension is malformed or too long") \
	X(CHUNK_END, 400, "chunk is not followed by CRLF") \
	X(TRAILER, 400, "trailer is malformed") \
	X(TRAILER_TOO_LARGE, 431, "trailers are too large") \
	X(CONNECTION, 400, "Connection is malformed or names too much") \
	X(EXPECT, 417, "expectation is not 100-continue") \
	X(CONNECT, 501, "CONNECT is not served")

enum http_reason {
#define X(name, status, words) HTTP_REASON_##name,
	HTTP_REASONS(X)
#undef X
		HTTP_REASON_COUNT
};

/* The status code to answer, and the words of the log. */
unsigned http_reason_status(enum http_reason reason);
const char *http_reason_words(enum http_reason reason);

/* Bounds on what a peer may send; see conf for the defaults. */
struct http_limits {
	size_t line_bytes;            /* request or status line, without CRLF */
	size_t head_bytes;            /* line and headers, with the empty line */
	unsigned fields;              /* number of headers */
	size_t trailer_bytes;         /* all trailers of a message */
	size_t chunk_extension_bytes; /* of one message, in all */
};

#endif
