/*
 * http_parse: what the parsers of this room answer, and every reason for which they refuse.
 * This room is pure: bytes in, structs out; it knows no socket, no clock and no configuration file.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_PARSE_H
#define WEIR_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>

enum http_parse {
	HTTP_DONE, /* the whole message part is there; out-parameters are set */
	HTTP_MORE, /* so far good, but unfinished */
	HTTP_BAD,  /* refused: see the reason; nothing behind it may be parsed */
};

/*
 * name, word (log, status, counters), status for the client (a node's fault is always 502), meaning.
 * The last two are decided by whoever knows what the answer is for.
 */
#define HTTP_REASONS(X) \
	X(NONE, "none", 0, "none") \
	X(REQUEST_LINE, "request_line", 400, "request line is malformed") \
	X(REQUEST_LINE_TOO_LONG, "line_too_long", 414, "request line is too long") \
	X(METHOD, "method", 400, "method is not a token") \
	X(TARGET, "target", 400, "request target is malformed") \
	X(PATH, "path", 400, "path leaves the root, or holds what can be read in two ways") \
	X(VERSION, "version", 505, "HTTP version is not supported") \
	X(STATUS_LINE, "status_line", 502, "status line is malformed") \
	X(LINE_END, "line_end", 400, "line ends with a bare CR or LF") \
	X(FIELD_NAME, "header_name", 400, "header name is malformed") \
	X(FIELD_VALUE, "header_value", 400, "header value has a forbidden byte") \
	X(FIELD_FOLDED, "header_folded", 400, "header is folded over lines") \
	X(HEAD_TOO_LARGE, "head_too_large", 431, "headers are too large") \
	X(TOO_MANY_FIELDS, "too_many_headers", 431, "too many headers") \
	X(HOST_MISSING, "host_missing", 400, "Host is missing") \
	X(HOST_DUPLICATE, "host_duplicate", 400, "more than one Host") \
	X(HOST, "host", 400, "Host is malformed") \
	X(HOST_MISMATCH, "host_mismatch", 400, "Host differs from the request target") \
	X(CONTENT_LENGTH, "content_length", 400, "Content-Length is malformed or ambiguous") \
	X(TRANSFER_ENCODING, "transfer_encoding", 501, "Transfer-Encoding is not just chunked") \
	X(TRANSFER_ENCODING_VERSION, "transfer_encoding_version", 400, \
	  "Transfer-Encoding in HTTP/1.0") \
	X(LENGTH_AND_CHUNKED, "length_and_chunked", 400, \
	  "Content-Length and Transfer-Encoding together") \
	X(CHUNK_SIZE, "chunk_size", 400, "chunk size is malformed") \
	X(CHUNK_EXTENSION, "chunk_extension", 400, "chunk extension is malformed or too long") \
	X(CHUNK_EXTENSIONS, "chunk_extensions", 400, "chunk extensions outweigh the body") \
	X(CHUNK_END, "chunk_end", 400, "chunk is not followed by CRLF") \
	X(TRAILER, "trailer", 400, "trailer is malformed") \
	X(TRAILER_TOO_LARGE, "trailer_too_large", 431, "trailers are too large") \
	X(CONNECTION, "connection", 400, "Connection is malformed or names too much") \
	X(CONNECTION_NAMES, "connection_names", 400, \
	  "Connection names a header that is not for the connection") \
	X(EXPECT, "expect", 417, "expectation is not 100-continue") \
	X(CONNECT, "connect", 501, "CONNECT is not served") \
	X(MAX_FORWARDS, "max_forwards", 400, "Max-Forwards is malformed or there twice") \
	X(TRACE_BODY, "trace_body", 400, "TRACE with a body") \
	X(INFORMATIONAL_BODY, "informational_body", 502, "1xx answer that announces a body") \
	X(INFORMATIONAL_MOST, "too_many_informational", 502, "too many 1xx answers") \
	X(SWITCH_UNASKED, "switch_unasked", 502, "101 without being asked, or for another protocol")

enum http_reason {
#define X(name, word, status, meaning) HTTP_REASON_##name,
	HTTP_REASONS(X)
#undef X
		HTTP_REASON_COUNT
};

/* The status code to answer; the one word that counters and logs use; what it means, in words. */
unsigned http_reason_status(enum http_reason reason);
const char *http_reason_word(enum http_reason reason);
const char *http_reason_words(enum http_reason reason);

/* What a peer may send, and how its path is read; see conf for the defaults. */
struct http_limits {
	size_t line_bytes;            /* request or status line, without CRLF */
	size_t head_bytes;            /* line and headers, with the empty line */
	unsigned fields;              /* number of headers */
	size_t trailer_bytes;         /* all trailers of a message */
	size_t chunk_extension_bytes; /* of one chunk; see http_body.h for a whole body */
	bool merge_slashes;           /* "//" in a path means "/": part of its normal form */
};

#endif
