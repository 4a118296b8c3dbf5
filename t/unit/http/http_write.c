/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_write.h"

#include "base/clock.h"
#include "http_unit.h"

#include <criterion/criterion.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define S(literal) SLICE_INIT(literal)

static struct http_request request_of(const char *text, struct arena *arena)
{
	struct http_head_scan scan = { 0 };
	struct http_request r;
	size_t used;
	enum http_reason why;
	cr_assert(http_request_parse(slice_of_string(text), &http_unit_limits, arena, &scan, &r,
				     &used, &why) == HTTP_DONE,
		  "%s: %s", text, http_reason_words(why));
	return r;
}

static struct http_response response_of(const char *text, enum http_method method,
					struct arena *arena)
{
	struct http_head_scan scan = { 0 };
	struct http_response r;
	size_t used;
	enum http_reason why;
	cr_assert(http_response_parse(slice_of_string(text), &http_unit_limits, arena, &scan,
				      method, &r, &used, &why) == HTTP_DONE,
		  "%s: %s", text, http_reason_words(why));
	return r;
}

static const struct {
	const char *given;
	struct http_additions add;
	const char *wanted;
} requests[] = {
	{ "GET /a?b HTTP/1.1\r\nHost: x\r\nACCEPT:*/*\r\nB:  c\t\r\nD: e\r\nF: g\r\n\r\n",
	  { 0 },
	  "GET /a?b HTTP/1.1\r\nHost: x\r\nACCEPT: */*\r\nB: c\r\nD: e\r\nF: g\r\n\r\n" },
	{ "GET /a? HTTP/1.0\r\nX: y\r\n\r\n", { 0 }, "GET /a? HTTP/1.1\r\nHost: \r\nX: y\r\n\r\n" },
	{ "GET http://h:81?q HTTP/1.0\r\nX: y\r\n\r\n",
	  { 0 },
	  "GET /?q HTTP/1.1\r\nHost: h:81\r\nX: y\r\n\r\n" },
	{ "GET http://h/ HTTP/1.1\r\nX: y\r\nHost: h\r\n\r\n",
	  { 0 },
	  "GET / HTTP/1.1\r\nX: y\r\nHost: h\r\n\r\n" },
	{ "OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n",
	  { 0 },
	  "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" },
	/* hop by hop */
	{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, a\r\nA: 1\r\nKeep-Alive: 5\r\n"
	  "Proxy-Connection: x\r\nTE: trailers\r\nUpgrade: x\r\nTrailer: t\r\nB: 2\r\n\r\n",
	  { 0 },
	  "GET / HTTP/1.1\r\nHost: x\r\nB: 2\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nB: 2\r\n\r\n",
	  { .upgrade = true },
	  "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nB: 2\r\nConnection: Upgrade\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\nTE: gzip, trailers\r\n\r\n",
	  { .trailers = true, .close = true },
	  "GET / HTTP/1.1\r\nHost: x\r\nConnection: close, TE\r\nTE: trailers\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	  { .keep_alive = true },
	  "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" },
	/* framing */
	{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0012\r\nA: b\r\nExpect: 100-continue\r\n\r\n",
	  { .body = HTTP_BODY_LENGTH, .content_length = 12 },
	  "POST / HTTP/1.1\r\nHost: x\r\nA: b\r\nContent-Length: 12\r\n\r\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
	  { .body = HTTP_BODY_LENGTH },
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
	  { .body = HTTP_BODY_CHUNKED, .expect = true },
	  "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nExpect: 100-continue\r\nA: b\r\n\r\n",
	  { .body = HTTP_BODY_CHUNKED, .expect = true },
	  "POST / HTTP/1.1\r\nHost: x\r\nA: b\r\nExpect: 100-continue\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
	  { .body = HTTP_BODY_CHUNKED, .expect = true },
	  "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n",
	  { .body = HTTP_BODY_CHUNKED },
	  "POST / HTTP/1.1\r\nHost: x\r\nTrailer: T\r\nTransfer-Encoding: chunked\r\n\r\n" },
	{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	  { .body = HTTP_BODY_LENGTH, .content_length = UINT64_MAX },
	  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n" },
	/* who the client is */
	{ "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1\r\nA: b\r\nx-forwarded-for:\r\n"
	  "X-Cluster-Client-Ip: evil\r\nX-FORWARDED-FOR: 2, 3\r\nX-Forwarded-Proto: evil\r\n\r\n",
	  { .forwarded_for = S("4"),
	    .cluster_client_ip = S("4"),
	    .forwarded_proto = S("http"),
	    .via = S("1.1 weir") },
	  "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1, 2, 3, 4\r\nA: b\r\n"
	  "X-Cluster-Client-Ip: 4\r\nX-Forwarded-Proto: http\r\nVia: 1.1 weir\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\n\r\n",
	  { .forwarded_for = S("4"), .via = S("1.1 z") },
	  "GET / HTTP/1.1\r\nHost: x\r\nVia: 1.1 y\r\nX-Forwarded-For: 4\r\nVia: 1.1 z\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1\r\nX-Forwarded-Proto: p\r\n"
	  "X-Cluster-Client-Ip: c\r\n\r\n",
	  { 0 },
	  "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1\r\nX-Forwarded-Proto: p\r\n"
	  "X-Cluster-Client-Ip: c\r\n\r\n" },
	{ "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: p\r\nA: b\r\n\r\n",
	  { .strip_forwarded_proto = true },
	  "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n" },
};

Test(http_write, requests_byte_for_byte)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(requests); i++) {
		struct http_request r = request_of(requests[i].given, &arena);
		struct slice got = http_write_request(&arena, &r, &requests[i].add);
		cr_expect(slice_is_equal(got, slice_of_string(requests[i].wanted)),
			  "%s\ngave\n%.*s", requests[i].given, SLICE_PRINT(got));
	}
	arena_release(&arena);
}

static const struct {
	const char *given;
	enum http_method method;
	struct http_additions add;
	const char *wanted;
} responses[] = {
	{ "HTTP/1.0 200 Fine\r\nDate: d\r\nServer:x\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
	  HTTP_METHOD_GET,
	  { .body = HTTP_BODY_LENGTH, .content_length = 5 },
	  "HTTP/1.1 200 Fine\r\nDate: d\r\nServer: x\r\nContent-Length: 5\r\n\r\n" },
	{ "HTTP/1.1 200\r\nDate: d\r\nTransfer-Encoding: chunked\r\nTrailer: a\r\n\r\n",
	  HTTP_METHOD_GET,
	  { .body = HTTP_BODY_UNTIL_CLOSE, .close = true },
	  "HTTP/1.1 200 \r\nDate: d\r\nConnection: close\r\n\r\n" },
	{ "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 12\r\n\r\n",
	  HTTP_METHOD_HEAD,
	  { .announce_length = true },
	  "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 12\r\n\r\n" },
	{ "HTTP/1.1 304 N\r\nDate: d\r\nContent-Length: 12\r\n\r\n",
	  HTTP_METHOD_GET,
	  { 0 },
	  "HTTP/1.1 304 N\r\nDate: d\r\n\r\n" },
	{ "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n",
	  HTTP_METHOD_GET,
	  { 0 },
	  "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" },
	{ "HTTP/1.1 101 Yes\r\nUpgrade: w\r\nConnection: upgrade\r\n\r\n",
	  HTTP_METHOD_GET,
	  { .body = HTTP_BODY_TUNNEL, .upgrade = true },
	  "HTTP/1.1 101 Yes\r\nUpgrade: w\r\nConnection: Upgrade\r\n\r\n" },
	{ "HTTP/1.1 200 OK\r\nDate: d\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 1\r\n\r\n",
	  HTTP_METHOD_GET,
	  { .body = HTTP_BODY_CHUNKED, .via = S("1.1 w"), .keep_alive = true },
	  "HTTP/1.1 200 OK\r\nDate: d\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nVia: 1.1 w\r\n"
	  "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n" },
};

Test(http_write, responses_byte_for_byte)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(responses); i++) {
		struct http_response r = response_of(responses[i].given, responses[i].method,
						     &arena);
		struct slice got = http_write_response(&arena, &r, &responses[i].add);
		cr_expect(slice_is_equal(got, slice_of_string(responses[i].wanted)),
			  "%s\ngave\n%.*s", responses[i].given, SLICE_PRINT(got));
	}
	arena_release(&arena);
}

static struct slice date_line(struct arena *arena)
{
	char date[30];
	http_date_format((int64_t)(clock_wall_microseconds() / 1000000), date);
	return arena_print(arena, "Date: %s\r\n", date);
}

Test(http_write, a_response_without_date_gets_one)
{
	struct arena arena;
	arena_init(&arena);
	clock_update();
	struct http_response r = response_of("HTTP/1.1 204 N\r\nA: b\r\n\r\n", HTTP_METHOD_GET,
					     &arena);
	struct slice got = http_write_response(&arena, &r, &(struct http_additions){ 0 });
	struct slice wanted = arena_print(&arena, "HTTP/1.1 204 N\r\n%sA: b\r\n\r\n",
					  date_line(&arena).at);
	cr_expect(slice_is_equal(got, wanted), "%.*s", SLICE_PRINT(got));
	arena_release(&arena);
}

Test(http_write, what_rules_changed_is_written)
{
	struct arena arena;
	arena_init(&arena);
	struct http_request r = request_of(
		"GET /a HTTP/1.1\r\nHost: x\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", &arena);
	http_fields_set(&r.fields, &arena, SLICE("B"), SLICE("new"));
	http_fields_add(&r.fields, &arena, SLICE("D"), SLICE(""));
	http_fields_remove(&r.fields, SLICE("A"));
	r.path = SLICE("/other");
	r.query = SLICE("q");
	struct slice got = http_write_request(&arena, &r, &(struct http_additions){ 0 });
	cr_expect(slice_is_equal(got,
				 SLICE("GET /other?q HTTP/1.1\r\nHost: x\r\nB: new\r\nC: 3\r\nD: "
				       "\r\n\r\n")),
		  "%.*s", SLICE_PRINT(got));
	arena_release(&arena);
}

/* Each part of a request line alone, also by what lies beside it in the received one. */
Test(http_write, a_changed_part_of_the_request_line_is_written)
{
	static const struct {
		struct slice method, path, query; /* empty: as received */
		const char *wanted;
	} table[] = {
		{ S(""), S(""), S(""), "GET /a?b HTTP/1.1" },
		{ S("PUT"), S(""), S(""), "PUT /a?b HTTP/1.1" },
		{ S(""), S("/c"), S(""), "GET /c?b HTTP/1.1" },
		{ S(""), S(""), S("d"), "GET /a?d HTTP/1.1" },
		{ S(""), S(""), { NULL, 0 }, "GET /a HTTP/1.1" },
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(table); i++) {
		struct http_request r = request_of("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", &arena);
		r.method = table[i].method.len > 0 ? table[i].method : r.method;
		r.path = table[i].path.len > 0 ? table[i].path : r.path;
		if (slice_is_absent(table[i].query) || table[i].query.len > 0)
			r.query = table[i].query;
		struct slice got = http_write_request(&arena, &r, &(struct http_additions){ 0 });
		struct slice wanted = arena_print(&arena, "%s\r\nHost: x\r\n\r\n", table[i].wanted);
		cr_expect(slice_is_equal(got, wanted), "%.*s", SLICE_PRINT(got));
	}
	/* a part of the target for the whole of it */
	struct http_request r = request_of("GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", &arena);
	r.path.len = 1;
	struct slice got = http_write_request(&arena, &r, &(struct http_additions){ 0 });
	cr_expect(slice_is_equal(got, SLICE("GET /?b HTTP/1.1\r\nHost: x\r\n\r\n")), "%.*s",
		  SLICE_PRINT(got));
	arena_release(&arena);
}

/* Names and values that happen to lie two bytes apart are not taken for a received line. */
Test(http_write, neighbours_in_memory_are_no_received_lines)
{
	static const char memory[] = "A: 1\r\nB??2\r\nC: 3;;D: 4\r\nE: 5";
	struct arena arena;
	struct http_request r = { .method = S("GET"), .path = S("/") };
	arena_init(&arena);
	for (size_t at = 0; at < sizeof memory; at += 6)
		http_fields_add(&r.fields, &arena, slice_of(memory + at, 1),
				slice_of(memory + at + 3, 1));
	struct slice got = http_write_request(&arena, &r, &(struct http_additions){ 0 });
	cr_expect(slice_is_equal(
			  got, SLICE("GET / HTTP/1.1\r\nHost: \r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"
				     "E: 5\r\n\r\n")),
		  "%.*s", SLICE_PRINT(got));
	arena_release(&arena);
}

static const struct {
	unsigned status;
	struct slice reason, type, body, extra;
	bool is_head, close;
	const char *first, *rest;
} answers[] = {
	{ 200, S("Fine"), S("text/plain"), S("hello"), S("A: b\r\n"), false, true,
	  "HTTP/1.1 200 Fine\r\n",
	  "Content-Type: text/plain\r\nContent-Length: 5\r\nA: b\r\nConnection: close\r\n\r\nhello" },
	{ 404,
	  { NULL, 0 },
	  S("t"),
	  S("hello"),
	  S(""),
	  true,
	  false,
	  "HTTP/1.1 404 Not Found\r\n",
	  "Content-Type: t\r\nContent-Length: 5\r\n\r\n" },
	{ 503,
	  { NULL, 0 },
	  { NULL, 0 },
	  S(""),
	  S(""),
	  false,
	  false,
	  "HTTP/1.1 503 Service Unavailable\r\n",
	  "Content-Length: 0\r\n\r\n" },
	{ 204, S(""), { NULL, 0 }, S("x"), S(""), false, false, "HTTP/1.1 204 \r\n", "\r\n" },
	{ 304,
	  { NULL, 0 },
	  { NULL, 0 },
	  S("x"),
	  S(""),
	  false,
	  false,
	  "HTTP/1.1 304 Not Modified\r\n",
	  "\r\n" },
};

Test(http_write, answers_byte_for_byte)
{
	struct arena arena;
	arena_init(&arena);
	clock_update();
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct slice got = http_write_answer(
			&arena, answers[i].status, answers[i].reason, answers[i].type,
			answers[i].body, answers[i].extra, answers[i].is_head, answers[i].close);
		struct slice wanted = arena_print(&arena, "%s%s%s", answers[i].first,
						  date_line(&arena).at, answers[i].rest);
		cr_expect(slice_is_equal(got, wanted), "%.*s", SLICE_PRINT(got));
	}
	arena_release(&arena);
}
