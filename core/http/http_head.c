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

static void move_slice(struct slice *s, struct slice from, const char *to)
{
	uintptr_t offset = (uintptr_t)s->at - (uintptr_t)from.at;
	if (s->at != NULL && offset < from.len)
		s->at = to + offset;
}

static void move_fields(struct http_fields *f, struct slice from, const char *to)
{
	for (unsigned i = 0; i < f->count; i++) {
		move_slice(&f->at[i].name, from, to);
		move_slice(&f->at[i].value, from, to);
	}
}

void http_request_move(struct http_request *r, struct slice from, const char *to)
{
	move_slice(&r->method, from, to);
	move_slice(&r->target, from, to);
	move_slice(&r->scheme, from, to);
	move_slice(&r->authority, from, to);
	move_slice(&r->path, from, to);
	move_slice(&r->query, from, to);
	move_fields(&r->fields, from, to);
}

void http_response_move(struct http_response *r, struct slice from, const char *to)
{
	move_slice(&r->reason, from, to);
	move_fields(&r->fields, from, to);
}

/* RFC 9110 15 and the registry: those that are met in practice. */
const char *http_status_words(unsigned status)
{
	switch (status) {
	case 100: return "Continue";
	case 101: return "Switching Protocols";
	case 102: return "Processing";
	case 103: return "Early Hints";
	case 200: return "OK";
	case 201: return "Created";
	case 202: return "Accepted";
	case 203: return "Non-Authoritative Information";
	case 204: return "No Content";
	case 205: return "Reset Content";
	case 206: return "Partial Content";
	case 207: return "Multi-Status";
	case 208: return "Already Reported";
	case 226: return "IM Used";
	case 300: return "Multiple Choices";
	case 301: return "Moved Permanently";
	case 302: return "Found";
	case 303: return "See Other";
	case 304: return "Not Modified";
	case 305: return "Use Proxy";
	case 307: return "Temporary Redirect";
	case 308: return "Permanent Redirect";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 402: return "Payment Required";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 406: return "Not Acceptable";
	case 407: return "Proxy Authentication Required";
	case 408: return "Request Timeout";
	case 409: return "Conflict";
	case 410: return "Gone";
	case 411: return "Length Required";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 415: return "Unsupported Media Type";
	case 416: return "Range Not Satisfiable";
	case 417: return "Expectation Failed";
	case 421: return "Misdirected Request";
	case 422: return "Unprocessable Content";
	case 423: return "Locked";
	case 424: return "Failed Dependency";
	case 425: return "Too Early";
	case 426: return "Upgrade Required";
	case 428: return "Precondition Required";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 451: return "Unavailable For Legal Reasons";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 502: return "Bad Gateway";
	case 503: return "Service Unavailable";
	case 504: return "Gateway Timeout";
	case 505: return "HTTP Version Not Supported";
	case 506: return "Variant Also Negotiates";
	case 507: return "Insufficient Storage";
	case 508: return "Loop Detected";
	case 511: return "Network Authentication Required";
	default: return "Unknown";
	}
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
