/* SPDX-License-Identifier: Apache-2.0 */
/* It is long because its tables of good and bad heads are the grammar, a row for each rule. */
#include "http_unit.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct good {
	const char *text;
	const char *scheme, *authority, *path, *query;
	enum http_body_kind body;
	uint64_t length;
	unsigned fields;
	const char *flags; /* k keep-alive, c continue, u upgrade, t trailers */
};

static const struct good good[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "a", "/", NULL, HTTP_BODY_NONE, 0, 1, "k" },
	{ "GET /x?y=1&z=/%20?\\ HTTP/1.1\r\nHost: a:80\r\n\r\n", NULL, "a:80", "/x",
	  "y=1&z=/%20?\\", HTTP_BODY_NONE, 0, 1, "k" },
	{ "GET /? HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "a", "/", "", HTTP_BODY_NONE, 0, 1, "k" },
	{ "GET / HTTP/1.0\r\n\r\n", NULL, NULL, "/", NULL, HTTP_BODY_NONE, 0, 0, "" },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", NULL, NULL, "/", NULL, HTTP_BODY_NONE,
	  0, 1, "k" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: foo , close\r\n\r\n", NULL, "a", "/", NULL,
	  HTTP_BODY_NONE, 0, 2, "" },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", NULL, NULL, "/", NULL,
	  HTTP_BODY_NONE, 0, 1, "" },
	{ "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "a", "/", NULL, HTTP_BODY_NONE, 0, 1,
	  "k" },
	{ "POST /f HTTP/1.1\r\nhost:[::1]:8080\r\ncontent-length:\t0042 \r\n\r\n", NULL,
	  "[::1]:8080", "/f", NULL, HTTP_BODY_LENGTH, 42, 2, "k" },
	{ "POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", NULL, "a",
	  "/f", NULL, HTTP_BODY_LENGTH, UINT64_C(9999999999999999999), 2, "k" },
	{ "POST /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\n\r\n",
	  NULL, "a", "/f", NULL, HTTP_BODY_CHUNKED, 0, 3, "kc" },
	{ "POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", NULL,
	  "a", "/f", NULL, HTTP_BODY_LENGTH, 1, 3, "kc" },
	{ "POST /f HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n", NULL,
	  "a", "/f", NULL, HTTP_BODY_LENGTH, 0, 3, "k" },
	{ "GET /f HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", NULL, "a", "/f", NULL,
	  HTTP_BODY_NONE, 0, 2, "k" },
	{ "POST /f HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", NULL, NULL, "/f",
	  NULL, HTTP_BODY_LENGTH, 1, 2, "" },
	{ "GET http://Example.com/a/b?c HTTP/1.1\r\nHost: example.COM\r\n\r\n", "http",
	  "Example.com", "/a/b", "c", HTTP_BODY_NONE, 0, 1, "k" },
	{ "GET http://a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "http", "a:80", "/", NULL, HTTP_BODY_NONE,
	  0, 1, "k" },
	{ "GET HTTPS://a?q HTTP/1.1\r\nHost: a:443\r\n\r\n", "HTTPS", "a", "/", "q", HTTP_BODY_NONE,
	  0, 1, "k" },
	{ "GET http://a/ HTTP/1.0\r\n\r\n", "http", "a", "/", NULL, HTTP_BODY_NONE, 0, 0, "" },
	{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "a", "*", NULL, HTTP_BODY_NONE, 0, 1,
	  "k" },
	{ "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "http", "a", "*", NULL, HTTP_BODY_NONE, 0,
	  1, "k" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
	  NULL, "a", "/", NULL, HTTP_BODY_NONE, 0, 3, "ku" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n", NULL, "a", "/", NULL,
	  HTTP_BODY_NONE, 0, 2, "k" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\nConnection: TE\r\n\r\n", NULL, "a",
	  "/", NULL, HTTP_BODY_NONE, 0, 3, "kt" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade\r\n\r\n",
	  NULL, "a", "/", NULL, HTTP_BODY_NONE, 0, 3, "k" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: TLS/1.3\r\nConnection: Upgrade\r\n\r\n", NULL, "a",
	  "/", NULL, HTTP_BODY_NONE, 0, 3, "k" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nUpgrade: http/2.0\r\nConnection: upgrade\r\n\r\n",
	  NULL, "a", "/", NULL, HTTP_BODY_NONE, 0, 4, "k" },
	{ "M-SEARCH!#$%&'*+.^_`|~09 /[]|^ HTTP/1.1\r\nHost: a_b.c-d.~9:1\r\nX:\r\n\r\n", NULL,
	  "a_b.c-d.~9:1", "/[]|^", NULL, HTTP_BODY_NONE, 0, 2, "k" },
	/* a path gets its normal form, a query stays */
	{ "GET /a/%2e%2e/%7eb//c%2f?d=/../%7e&\"<>{}` HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "a",
	  "/~b//c%2F", "d=/../%7e&\"<>{}`", HTTP_BODY_NONE, 0, 1, "k" },
	{ "GET http://a/b/./c HTTP/1.1\r\nHost: a\r\n\r\n", "http", "a", "/b/c", NULL,
	  HTTP_BODY_NONE, 0, 1, "k" },
	{ "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", NULL, "a", "*", NULL,
	  HTTP_BODY_NONE, 0, 2, "k" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n", NULL, "a", "/", NULL,
	  HTTP_BODY_NONE, 0, 2, "k" },
	{ "OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", NULL, "a", "/", NULL,
	  HTTP_BODY_LENGTH, 1, 2, "k" },
	{ "GET /a-path-that-is-longer-than-sixteen-bytes?and=a-query-of-that-kind-as-well HTTP/1.1\r\n"
	  "Host: www.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) \xc3\xa4\t\x80\xff\r\n"
	  "X_Custom: underscores are fine\r\nEmpty: \t \r\n\r\n",
	  NULL, "www.example.com", "/a-path-that-is-longer-than-sixteen-bytes",
	  "and=a-query-of-that-kind-as-well", HTTP_BODY_NONE, 0, 4, "k" },
};

#define H "GET / HTTP/1.1\r\nHost: a\r\n"
/* A name whose length is that of another, plus 256 */
#define A16 "aaaaaaaaaaaaaaaa"
#define A256 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16

static const struct {
	struct slice text;
	enum http_reason why;
} bad[] = {
	/* request line */
	{ SLICE_INIT("\r\n\r\n\r\n\r\n\r\n\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET /\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET / \r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET  / HTTP/1.1\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET /  HTTP/1.1\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET / HTTP/1.1 \r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET /a b HTTP/1.1\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET / http/1.1\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET / HTTP/1\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET / HTTP/1.10\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT("GET / HTTPS1.1\r\n"), HTTP_REASON_REQUEST_LINE },
	{ SLICE_INIT(" GET / HTTP/1.1\r\n"), HTTP_REASON_METHOD },
	{ SLICE_INIT("G(T / HTTP/1.1\r\n"), HTTP_REASON_METHOD },
	{ SLICE_INIT("G\tT / HTTP/1.1\r\n"), HTTP_REASON_METHOD },
	{ SLICE_INIT("\x16\x03\x01\r\n"), HTTP_REASON_METHOD },
	{ SLICE_INIT("GET / HTTP/1.2\r\n"), HTTP_REASON_VERSION },
	{ SLICE_INIT("GET / HTTP/0.9\r\n"), HTTP_REASON_VERSION },
	{ SLICE_INIT("GET / HTTP/3.0\r\n"), HTTP_REASON_VERSION },
	{ SLICE_INIT("PRI * HTTP/2.0\r\n"), HTTP_REASON_VERSION },
	{ SLICE_INIT("GET /a#b HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /a?b#c HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /a\\b HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /a\tb HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /a\0b HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /a\x7f"
		     "b HTTP/1.1\r\n"),
	  HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /\xc3\xa4 HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /long-enough-for-one-block?\xc3\xa4 HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /a\"b HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /<script> HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /{a}` HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET /../a HTTP/1.1\r\n"), HTTP_REASON_PATH },
	{ SLICE_INIT("GET http://a/%2e%2e/ HTTP/1.1\r\n"), HTTP_REASON_PATH },
	{ SLICE_INIT("GET /a%00b HTTP/1.1\r\n"), HTTP_REASON_PATH },
	{ SLICE_INIT("GET /%zz HTTP/1.1\r\n"), HTTP_REASON_PATH },
	{ SLICE_INIT("GET /%c0%ae/ HTTP/1.1\r\n"), HTTP_REASON_PATH },
	{ SLICE_INIT("GET /a/..;/b HTTP/1.1\r\n"), HTTP_REASON_PATH },
	{ SLICE_INIT("GET /a/..%2fb HTTP/1.1\r\n"), HTTP_REASON_PATH },
	{ SLICE_INIT("GET a HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET * HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("OPTIONS *? HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET ?a HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET ftp://a/ HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET http:/a HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET http:// HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET http://u@a/ HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("GET http://a:99999/ HTTP/1.1\r\n"), HTTP_REASON_TARGET },
	{ SLICE_INIT("CONNECT a:443 HTTP/1.1\r\n"), HTTP_REASON_CONNECT },
	{ SLICE_INIT("CONNECT / HTTP/1.1\r\n"), HTTP_REASON_CONNECT },
	/* line ends */
	{ SLICE_INIT("GET / HTTP/1.1\nHost: a\n\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT("\nGET / HTTP/1.1\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost: a\n\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT(H "A: b\n\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT(H "\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT("GET /\r HTTP/1.1\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT("GET\r / HTTP/1.1\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT(H "A: b\rC: d\r\n\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT(H "A: b\r\r\n\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT(H "A\r: b\r\n\r\n"), HTTP_REASON_LINE_END },
	/* headers */
	{ SLICE_INIT(H ": b\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "A : b\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "A\t: b\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "A b: c\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "A\0: c\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "A\xc3\xa4: c\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "A\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "Content_Length: 1\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "transfer_Encoding: chunked\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "X-Forwarded_For: 1.1.1.1\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "Content.Length: 1\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "Transfer~encoding: chunked\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H " A: b\r\n\r\n"), HTTP_REASON_FIELD_FOLDED },
	{ SLICE_INIT(H "A: b\r\n c\r\n\r\n"), HTTP_REASON_FIELD_FOLDED },
	{ SLICE_INIT(H "A: b\r\n\tc: d\r\n\r\n"), HTTP_REASON_FIELD_FOLDED },
	{ SLICE_INIT(H "\tTransfer-Encoding: chunked\r\n\r\n"), HTTP_REASON_FIELD_FOLDED },
	{ SLICE_INIT(H "A: b\0c\r\n\r\n"), HTTP_REASON_FIELD_VALUE },
	{ SLICE_INIT(H "A: b\x7f\r\n\r\n"), HTTP_REASON_FIELD_VALUE },
	{ SLICE_INIT(H "A: a-value-of-more-than-sixteen-bytes\x01\r\n\r\n"),
	  HTTP_REASON_FIELD_VALUE },
	{ SLICE_INIT(H "Transfer-Encoding:\x0b"
		       "chunked\r\n\r\n"),
	  HTTP_REASON_FIELD_VALUE },
	{ SLICE_INIT(H "Connection: a b\r\n\r\n"), HTTP_REASON_CONNECTION },
	{ SLICE_INIT(H "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n"
		       "Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n\r\n"),
	  HTTP_REASON_CONNECTION },
	{ SLICE_INIT(H "Connection: Host\r\n\r\n"), HTTP_REASON_CONNECTION_NAMES },
	{ SLICE_INIT(H "Connection: close, CONTENT-LENGTH\r\nContent-Length: 1\r\n\r\n"),
	  HTTP_REASON_CONNECTION_NAMES },
	{ SLICE_INIT(H "Connection: X-Cluster-Client-Ip\r\n\r\n"), HTTP_REASON_CONNECTION_NAMES },
	{ SLICE_INIT(H "Connection: cookie\r\n\r\n"), HTTP_REASON_CONNECTION_NAMES },
	/* methods of their own kind */
	{ SLICE_INIT("TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
	  HTTP_REASON_TRACE_BODY },
	{ SLICE_INIT("TRACE / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP_REASON_TRACE_BODY },
	{ SLICE_INIT("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: -1\r\n\r\n"),
	  HTTP_REASON_MAX_FORWARDS },
	{ SLICE_INIT("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards:\r\n\r\n"),
	  HTTP_REASON_MAX_FORWARDS },
	{ SLICE_INIT("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nmax-forwards: 0\r\n\r\n"),
	  HTTP_REASON_MAX_FORWARDS },
	/* Host */
	{ SLICE_INIT("GET / HTTP/1.1\r\n\r\n"), HTTP_REASON_HOST_MISSING },
	{ SLICE_INIT("GET http://a/ HTTP/1.1\r\n\r\n"), HTTP_REASON_HOST_MISSING },
	{ SLICE_INIT(H "Host: a\r\n\r\n"), HTTP_REASON_HOST_DUPLICATE },
	{ SLICE_INIT("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"), HTTP_REASON_HOST_DUPLICATE },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET / HTTP/1.1\r\nHost: :80\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET / HTTP/1.0\r\nHost: a b\r\n\r\n"), HTTP_REASON_HOST },
	{ SLICE_INIT("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), HTTP_REASON_HOST_MISMATCH },
	{ SLICE_INIT("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n"), HTTP_REASON_HOST_MISMATCH },
	{ SLICE_INIT("GET http://a/ HTTP/1.1\r\nHost: a:81\r\n\r\n"), HTTP_REASON_HOST_MISMATCH },
	{ SLICE_INIT("GET https://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n"), HTTP_REASON_HOST_MISMATCH },
	/* framing */
	{ SLICE_INIT(H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP_REASON_LENGTH_AND_CHUNKED },
	{ SLICE_INIT(H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
	  HTTP_REASON_LENGTH_AND_CHUNKED },
	{ SLICE_INIT(H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
	  HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"),
	  HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: 5, 5\r\n\r\n"), HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: +5\r\n\r\n"), HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: -1\r\n\r\n"), HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: 0x5\r\n\r\n"), HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: 5 5\r\n\r\n"), HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length:\r\n\r\n"), HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: 00000000000000000005\r\n\r\n"),
	  HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Transfer-Encoding: xchunked\r\n\r\n"), HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT(H "Transfer-Encoding: chunked, identity\r\n\r\n"),
	  HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT(H "Transfer-Encoding: gzip, chunked\r\n\r\n"), HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT(H "Transfer-Encoding: \"chunked\"\r\n\r\n"), HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT(H "Transfer-Encoding: chunked;a=b\r\n\r\n"), HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT(H "Transfer-Encoding: \r\n\r\n"), HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT(H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP_REASON_TRANSFER_ENCODING_VERSION },
	{ SLICE_INIT(H "Expect: 100\r\n\r\n"), HTTP_REASON_EXPECT },
	{ SLICE_INIT(H "Expect: 100-continue, x\r\n\r\n"), HTTP_REASON_EXPECT },
	{ SLICE_INIT(H "Expect: 100-continue\r\nExpect: x\r\n\r\n"), HTTP_REASON_EXPECT },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void expect_slice(const struct good *row, const char *what, struct slice got,
			 const char *wanted)
{
	if (wanted == NULL)
		cr_expect(slice_is_absent(got), "%s: %s should be absent", row->text, what);
	else
		cr_expect(!slice_is_absent(got) && slice_is_equal(got, slice_of_string(wanted)),
			  "%s: %s is '%.*s'", row->text, what, SLICE_PRINT(got));
}

static void expect_good(const struct good *row, const struct http_request *r)
{
	char flags[8];
	expect_slice(row, "scheme", r->scheme, row->scheme);
	expect_slice(row, "authority", r->authority, row->authority);
	expect_slice(row, "path", r->path, row->path);
	expect_slice(row, "query", r->query, row->query);
	cr_expect(r->body == row->body, "%s: body %d", row->text, r->body);
	cr_expect(r->content_length == row->length, "%s", row->text);
	cr_expect(r->fields.count == row->fields, "%s", row->text);
	snprintf(flags, sizeof flags, "%s%s%s%s", r->keep_alive ? "k" : "",
		 r->expects_continue ? "c" : "", r->wants_upgrade ? "u" : "",
		 r->accepts_trailers ? "t" : "");
	cr_expect_str_eq(flags, row->flags, "%s", row->text);
}

static enum http_parse parse(struct slice in, const struct http_limits *limits, struct arena *arena,
			     struct http_request *r, size_t *used, enum http_reason *why)
{
	struct http_head_scan scan = { 0 };
	return http_request_parse(in, limits, arena, &scan, r, used, why);
}

Test(http_request, good_rows_are_read)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct http_request r;
		size_t used = 0;
		enum http_reason why;
		struct slice text = slice_of_string(good[i].text);
		enum http_parse result = parse(http_unit_at_edge(text), &http_unit_limits, &arena,
					       &r, &used, &why);
		cr_assert(result == HTTP_DONE, "%s: %s", good[i].text, http_reason_words(why));
		cr_expect(used == text.len);
		expect_good(&good[i], &r);
	}
	arena_release(&arena);
}

Test(http_request, prefixes_of_good_rows_want_more)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			struct http_request r;
			size_t used;
			enum http_reason why;
			struct slice in = http_unit_at_edge(slice_of(good[i].text, len));
			cr_expect(parse(in, &http_unit_limits, &arena, &r, &used, &why) ==
					  HTTP_MORE,
				  "%s: %zu: %s", good[i].text, len, http_reason_words(why));
		}
	arena_release(&arena);
}

/* The second call sees the bytes in another place, as when they were copied out of a buffer. */
Test(http_request, two_pieces_give_the_same)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			struct http_head_scan scan = { 0 };
			struct http_request r;
			size_t used = 0;
			enum http_reason why;
			struct slice first = http_unit_at_edge(slice_of(good[i].text, len));
			struct slice whole = http_unit_at_other_edge(slice_of_string(good[i].text));
			cr_assert(http_request_parse(first, &http_unit_limits, &arena, &scan, &r,
						     &used, &why) == HTTP_MORE);
			cr_assert(http_request_parse(whole, &http_unit_limits, &arena, &scan, &r,
						     &used, &why) == HTTP_DONE);
			cr_expect(used == whole.len);
			expect_good(&good[i], &r);
		}
	arena_release(&arena);
}

Test(http_request, byte_by_byte_gives_the_same)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct http_head_scan scan = { 0 };
		struct http_request r;
		size_t used;
		enum http_reason why;
		enum http_parse result = HTTP_MORE;
		for (size_t len = 0; len <= strlen(good[i].text); len++) {
			cr_assert(result == HTTP_MORE);
			struct slice in = http_unit_at_edge(slice_of(good[i].text, len));
			result = http_request_parse(in, &http_unit_limits, &arena, &scan, &r, &used,
						    &why);
		}
		cr_expect(result == HTTP_DONE);
		expect_good(&good[i], &r);
	}
	arena_release(&arena);
}

Test(http_request, bytes_behind_the_head_are_left)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct http_request r;
		size_t used = 0;
		enum http_reason why;
		size_t len = strlen(good[i].text);
		struct slice more = arena_print(&arena, "%s\n\r\nbody\n", good[i].text);
		cr_assert(parse(more, &http_unit_limits, &arena, &r, &used, &why) == HTTP_DONE);
		cr_expect(used == len);
		expect_good(&good[i], &r);
	}
	arena_release(&arena);
}

Test(http_request, bad_rows_are_refused_for_their_reason)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct http_request r;
		size_t used;
		enum http_reason why;
		struct slice in = http_unit_at_edge(bad[i].text);
		enum http_parse result = parse(in, &http_unit_limits, &arena, &r, &used, &why);
		cr_expect(result == HTTP_BAD && why == bad[i].why, "row %zu, %.*s: %d, %s", i,
			  SLICE_PRINT(bad[i].text), result, http_reason_words(why));
	}
	arena_release(&arena);
}

Test(http_request, bad_rows_are_refused_byte_by_byte_as_well)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct http_head_scan scan = { 0 };
		struct http_request r;
		size_t used;
		enum http_reason why;
		enum http_parse result = HTTP_MORE;
		for (size_t len = 0; len <= bad[i].text.len && result == HTTP_MORE; len++) {
			struct slice in = http_unit_at_edge(slice_of(bad[i].text.at, len));
			result = http_request_parse(in, &http_unit_limits, &arena, &scan, &r, &used,
						    &why);
		}
		cr_expect(result == HTTP_BAD && why == bad[i].why, "row %zu: %d, %s", i, result,
			  http_reason_words(why));
	}
	arena_release(&arena);
}

Test(http_request, a_long_name_is_no_known_name)
{
	struct arena arena;
	struct http_request r;
	size_t used;
	enum http_reason why;
	arena_init(&arena);
	cr_assert(parse(SLICE(H A256 "Content-Length: 7\r\n\r\n"), &http_unit_limits, &arena, &r,
			&used, &why) == HTTP_DONE);
	cr_expect(r.body == HTTP_BODY_NONE);
	cr_expect(r.fields.at[1].id == HTTP_FIELD_OTHER && r.fields.at[1].name.len == 256 + 14);
	arena_release(&arena);
}

/* Each row is refused, whole or not, and good with limits one larger. */
Test(http_request, limits_are_exact)
{
	static const struct {
		const char *text;
		struct http_limits limits;
		enum http_reason why;
	} rows[] = {
		{ "GET /12345 HTTP/1.1\r\nHost: a\r\n\r\n",
		  { .line_bytes = 18, .head_bytes = 99, .fields = 9 },
		  HTTP_REASON_REQUEST_LINE_TOO_LONG },
		{ "\r\nGET /12345 HTTP/1.1\r\nHost: a\r\n\r\n",
		  { .line_bytes = 18, .head_bytes = 99, .fields = 9 },
		  HTTP_REASON_REQUEST_LINE_TOO_LONG },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		  { .line_bytes = 99, .head_bytes = 26, .fields = 9 },
		  HTTP_REASON_HEAD_TOO_LARGE },
		{ "GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n",
		  { .line_bytes = 99, .head_bytes = 99, .fields = 1 },
		  HTTP_REASON_TOO_MANY_FIELDS },
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_request r;
		struct http_head_scan scan = { 0 };
		size_t used;
		enum http_reason why;
		struct slice text = slice_of_string(rows[i].text);
		cr_expect(parse(text, &rows[i].limits, &arena, &r, &used, &why) == HTTP_BAD);
		cr_expect(why == rows[i].why, "%zu: %s", i, http_reason_words(why));
		enum http_parse result = HTTP_MORE;
		for (size_t len = 0; len < text.len && result == HTTP_MORE; len++)
			result = http_request_parse(slice_of(text.at, len), &rows[i].limits, &arena,
						    &scan, &r, &used, &why);
		cr_expect(result == HTTP_BAD && why == rows[i].why, "%zu: %s", i,
			  http_reason_words(why));
		struct http_limits larger = rows[i].limits;
		larger.line_bytes++;
		larger.head_bytes++;
		larger.fields++;
		cr_expect(parse(text, &larger, &arena, &r, &used, &why) == HTTP_DONE, "%zu: %s", i,
			  http_reason_words(why));
	}
	arena_release(&arena);
}

Test(http_request, hop_by_hop_headers_are_marked)
{
	static const char text[] =
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Mine, te, trailer\r\nx-mine: 1\r\n"
		"X-Other: 1\r\nCookie: c=d\r\nKeep-Alive: 5\r\nTE: trailers\r\nProxy-Authorization: x\r\n"
		"X-MINE: 2\r\nUpgrade: x\r\nConnection: transfer-encoding, x-none\r\n"
		"Authorization: x\r\nTrailer: y\r\n\r\n";
	static const bool wanted[] = { 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 1 };
	struct arena arena;
	struct http_request r;
	size_t used;
	enum http_reason why;
	arena_init(&arena);
	cr_assert(parse(slice_of_string(text), &http_unit_limits, &arena, &r, &used, &why) ==
		  HTTP_DONE);
	cr_assert(r.fields.count == COUNT(wanted));
	for (unsigned i = 0; i < r.fields.count; i++)
		cr_expect(r.fields.at[i].is_hop_by_hop == wanted[i], "%.*s",
			  SLICE_PRINT(r.fields.at[i].name));
	arena_release(&arena);
}

/* The buffer that a head came in is used for other bytes at once. */
Test(http_request, outlives_its_input)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct http_request r;
		size_t used;
		enum http_reason why;
		struct slice from = http_unit_at_edge(slice_of_string(good[i].text));
		cr_assert(parse(from, &http_unit_limits, &arena, &r, &used, &why) == HTTP_DONE);
		memset((char *)(uintptr_t)from.at, 'X', from.len);
		expect_good(&good[i], &r);
	}
	arena_release(&arena);
}

Test(http_request, host_gets_the_spelling_of_an_absolute_target)
{
	struct arena arena;
	struct http_request r;
	size_t used;
	enum http_reason why;
	arena_init(&arena);
	cr_assert(parse(SLICE("GET http://Shop/ HTTP/1.1\r\nHost: shop:80\r\n\r\n"),
			&http_unit_limits, &arena, &r, &used, &why) == HTTP_DONE);
	cr_expect(slice_is_equal(r.fields.at[0].value, SLICE("Shop")));
	arena_release(&arena);
}

Test(http_request, slashes_are_merged_where_that_is_wanted)
{
	struct arena arena;
	struct http_request r;
	struct http_limits limits = http_unit_limits;
	size_t used;
	enum http_reason why;
	arena_init(&arena);
	limits.merge_slashes = true;
	cr_assert(parse(SLICE("GET //a///b HTTP/1.1\r\nHost: a\r\n\r\n"), &limits, &arena, &r,
			&used, &why) == HTTP_DONE);
	cr_expect(slice_is_equal(r.path, SLICE("/a/b")));
	cr_expect(slice_is_equal(r.target, SLICE("//a///b")));
	arena_release(&arena);
}

Test(http_request, max_forwards)
{
	static const struct {
		const char *value;
		bool is_good;
		unsigned hops;
	} rows[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "1000000000", true, HTTP_HOPS_MOST },
		{ "99999999999999999999999999", true, HTTP_HOPS_MOST },
		{ "", false, 0 },
		{ "+1", false, 0 },
		{ "1 2", false, 0 },
		{ "0x1", false, 0 },
	};
	struct arena arena;
	struct http_fields f = { 0 };
	unsigned hops = 0;
	arena_init(&arena);
	cr_expect(http_max_forwards(&f, &hops) && hops == HTTP_HOPS_MOST);
	for (size_t i = 0; i < COUNT(rows); i++) {
		http_fields_set(&f, &arena, SLICE("max-FORWARDS"), slice_of_string(rows[i].value));
		cr_expect(http_max_forwards(&f, &hops) == rows[i].is_good, "%s", rows[i].value);
		cr_expect(!rows[i].is_good || hops == rows[i].hops, "%s", rows[i].value);
	}
	arena_release(&arena);
}

Test(http_request, a_switch_has_to_be_to_what_was_offered)
{
	static const struct {
		const char *offers[2], *answers[2];
		bool is_offered;
	} rows[] = {
		{ { "websocket" }, { "WebSocket" }, true },
		{ { "a/1, b" }, { "b" }, true },
		{ { "a/1", "b" }, { "b", "a/1" }, true },
		{ { "a/1" }, { "a" }, false },
		{ { "a" }, { "b" }, false },
		{ { "a" }, { "a, b" }, false },
		{ { "a" }, { "" }, false },
		{ { "a" }, { NULL }, false },
		{ { NULL }, { "a" }, false },
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http_fields request = { 0 }, response = { 0 };
		for (int k = 0; k < 2; k++) {
			if (rows[i].offers[k] != NULL)
				http_fields_add(&request, &arena, SLICE("Upgrade"),
						slice_of_string(rows[i].offers[k]));
			if (rows[i].answers[k] != NULL)
				http_fields_add(&response, &arena, SLICE("Upgrade"),
						slice_of_string(rows[i].answers[k]));
		}
		cr_expect(http_upgrade_is_offered(&request, &response) == rows[i].is_offered, "%zu",
			  i);
	}
	arena_release(&arena);
}
