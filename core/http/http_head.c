/* SPDX-License-Identifier: Apache-2.0 */
/* What requests and responses share; their parsers are in http_request.c and http_response.c. */
#include "http/http_head.h"

#include "http/http_scan.h"

#include <arpa/inet.h>

static const struct slice method_names[] = {
	[HTTP_METHOD_GET] = SLICE_INIT("GET"),
	[HTTP_METHOD_HEAD] = SLICE_INIT("HEAD"),
	[HTTP_METHOD_POST] = SLICE_INIT("POST"),
	[HTTP_METHOD_PUT] = SLICE_INIT("PUT"),
	[HTTP_METHOD_DELETE] = SLICE_INIT("DELETE"),
	[HTTP_METHOD_OPTIONS] = SLICE_INIT("OPTIONS"),
	[HTTP_METHOD_TRACE] = SLICE_INIT("TRACE"),
	[HTTP_METHOD_PATCH] = SLICE_INIT("PATCH"),
	[HTTP_METHOD_CONNECT] = SLICE_INIT("CONNECT"),
};

/* Method names are compared exactly (RFC 9110 9.1): "get" is another method. */
enum http_method http_method_id(struct slice method)
{
	/* Lengths differ mostly, so a walk in order of frequency costs a few comparisons. */
	for (unsigned id = HTTP_METHOD_GET; id <= HTTP_METHOD_CONNECT; id++)
		if (slice_is_equal(method, method_names[id]))
			return (enum http_method)id;
	return HTTP_METHOD_OTHER;
}

bool http_method_is_idempotent(enum http_method m)
{
	switch (m) {
	case HTTP_METHOD_GET:
	case HTTP_METHOD_HEAD:
	case HTTP_METHOD_PUT:
	case HTTP_METHOD_DELETE:
	case HTTP_METHOD_OPTIONS:
	case HTTP_METHOD_TRACE:
		return true;
	default:
		return false;
	}
}

bool http_is_token(struct slice text)
{
	return text.len > 0 && http_scan_is_all(text, HTTP_BYTE_TOKEN);
}

/* RFC 9110 15, and those of other RFCs that are in use. */
static const struct status_words {
	unsigned status;
	const char *words;
} status_words[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 102, "Processing" },
	{ 103, "Early Hints" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non-Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 207, "Multi-Status" },
	{ 208, "Already Reported" },
	{ 226, "IM Used" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 305, "Use Proxy" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 423, "Locked" },
	{ 424, "Failed Dependency" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 506, "Variant Also Negotiates" },
	{ 507, "Insufficient Storage" },
	{ 508, "Loop Detected" },
	{ 511, "Network Authentication Required" },
};

const char *http_status_words(unsigned status)
{
	for (size_t i = 0; i < sizeof status_words / sizeof *status_words; i++)
		if (status_words[i].status == status)
			return status_words[i].words;
	return "Unknown";
}

static bool is_ipv6(struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr address;
	if (text.len >= sizeof copy || memchr(text.at, '\0', text.len) != NULL)
		return false;
	memcpy(copy, text.at, text.len);
	copy[text.len] = '\0';
	return inet_pton(AF_INET6, copy, &address) == 1;
}

/* "", or ":" and 1 to 65535, or a lone ":" as RFC 3986 has it. */
static bool parse_port(struct slice text, unsigned *port)
{
	*port = 0;
	if (text.len <= 1)
		return text.len == 0 || text.at[0] == ':';
	if (text.at[0] != ':' || text.len > 6)
		return false;
	for (size_t i = 1; i < text.len; i++) {
		unsigned digit = (unsigned)(text.at[i] - '0');
		if (digit > 9)
			return false;
		*port = *port * 10 + digit;
	}
	return *port >= 1 && *port <= 65535;
}

/*
 * Of the registered names of RFC 3986 only unreserved characters are taken: no host has any other,
 * and commas, escapes or "@" only serve to make two readers see two hosts.
 */
bool http_authority_parse(struct slice authority, struct slice *host, unsigned *port)
{
	size_t len = 0;
	if (authority.len > 0 && authority.at[0] == '[') {
		len = slice_find(authority, ']') + 1;
		if (len > authority.len || !is_ipv6(slice_of(authority.at + 1, len - 2)))
			return false;
	} else {
		while (len < authority.len && http_scan_is(authority.at[len], HTTP_BYTE_UNRESERVED))
			len++;
	}
	*host = slice_of(authority.at, len);
	return len > 0 && parse_port(slice_skip(authority, len), port);
}
