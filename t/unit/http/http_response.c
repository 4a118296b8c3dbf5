/* SPDX-License-Identifier: Apache-2.0 */
#include "http_unit.h"

#include <criterion/criterion.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct {
	const char *text;
	enum http_method method;
	unsigned status;
	const char *reason;
	enum http_body_kind body;
	uint64_t length;
	bool keep_alive;
} good[] = {
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_GET, 200, "OK",
	  HTTP_BODY_LENGTH, 5, true },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 200, "OK",
	  HTTP_BODY_LENGTH, 0, true },
	{ "HTTP/1.1 200 \r\ntransfer-encoding: CHUNKED\r\n\r\n", HTTP_METHOD_POST, 200, "",
	  HTTP_BODY_CHUNKED, 0, true },
	{ "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n", HTTP_METHOD_GET, 200, "", HTTP_BODY_LENGTH,
	  1, true },
	{ "HTTP/1.1 404 Not \xc3\xa4\tfound here at all, not even a bit\r\n\r\n", HTTP_METHOD_GET,
	  404, "Not \xc3\xa4\tfound here at all, not even a bit", HTTP_BODY_UNTIL_CLOSE, 0, false },
	{ "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_GET, 200,
	  "OK", HTTP_BODY_LENGTH, 5, false },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_GET, 200, "OK",
	  HTTP_BODY_LENGTH, 5, false },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", HTTP_METHOD_GET,
	  200, "OK", HTTP_BODY_LENGTH, 5, true },
	{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", HTTP_METHOD_GET, 200, "OK",
	  HTTP_BODY_UNTIL_CLOSE, 0, false },
	/* no body, whatever the headers say */
	{ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_HEAD, 200, "OK",
	  HTTP_BODY_NONE, 5, true },
	{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_HEAD, 200, "OK",
	  HTTP_BODY_NONE, 0, true },
	{ "HTTP/1.1 200 OK\r\n\r\n", HTTP_METHOD_HEAD, 200, "OK", HTTP_BODY_NONE, 0, true },
	{ "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_GET, 304,
	  "Not Modified", HTTP_BODY_NONE, 5, true },
	{ "HTTP/1.1 204 No Content\r\n\r\n", HTTP_METHOD_GET, 204, "No Content", HTTP_BODY_NONE, 0,
	  true },
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 204,
	  "No Content", HTTP_BODY_NONE, 0, true },
	/* ... and a connection that is not trusted behind it where they may not say it */
	{ "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", HTTP_METHOD_GET, 204,
	  "No Content", HTTP_BODY_NONE, 5, false },
	{ "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_METHOD_GET, 204,
	  "No Content", HTTP_BODY_NONE, 0, false },
	{ "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", HTTP_METHOD_GET, 103, "Early Hints",
	  HTTP_BODY_NONE, 0, true },
	{ "HTTP/1.1 100 Continue\r\n\r\n", HTTP_METHOD_GET, 100, "Continue", HTTP_BODY_NONE, 0,
	  true },
	{ "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", HTTP_METHOD_GET, 100, "Continue",
	  HTTP_BODY_NONE, 0, true },
	{ "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
	  HTTP_METHOD_GET, 101, "Switching Protocols", HTTP_BODY_TUNNEL, 0, false },
	{ "HTTP/1.1 599 x\r\nContent-Length: 1\r\n\r\n", HTTP_METHOD_GET, 599, "x",
	  HTTP_BODY_LENGTH, 1, true },
};

#define H "HTTP/1.1 200 OK\r\n"

static const struct {
	struct slice text;
	enum http_reason why;
} bad[] = {
	{ SLICE_INIT("\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("hello\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 \r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 20 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 2000 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1  200 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1\t200 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 200\tOK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 099 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 000 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 600 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 2x0 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 +20 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/1.1 200 O\0K\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("http/1.1 200 OK\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("ICY 200 OK of a certain kind\r\n"), HTTP_REASON_STATUS_LINE },
	{ SLICE_INIT("HTTP/2.0 200 OK\r\n"), HTTP_REASON_VERSION },
	{ SLICE_INIT("HTTP/1.2 200 OK\r\n"), HTTP_REASON_VERSION },
	{ SLICE_INIT("HTTP/1.1 200 OK\n\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT("HTTP/1.1 200 O\rK\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT(H "A: b\n\r\n"), HTTP_REASON_LINE_END },
	{ SLICE_INIT(H "A : b\r\n\r\n"), HTTP_REASON_FIELD_NAME },
	{ SLICE_INIT(H "A: b\r\n c\r\n\r\n"), HTTP_REASON_FIELD_FOLDED },
	{ SLICE_INIT(H "A: b\x01\r\n\r\n"), HTTP_REASON_FIELD_VALUE },
	{ SLICE_INIT(H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
	  HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: x\r\n\r\n"), HTTP_REASON_CONTENT_LENGTH },
	{ SLICE_INIT(H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP_REASON_LENGTH_AND_CHUNKED },
	{ SLICE_INIT(H "Transfer-Encoding: gzip\r\n\r\n"), HTTP_REASON_TRANSFER_ENCODING },
	{ SLICE_INIT(H "Connection: set-cookie\r\nSet-Cookie: a=b\r\n\r\n"),
	  HTTP_REASON_CONNECTION_NAMES },
	{ SLICE_INIT(H "Connection: date, close\r\n\r\n"), HTTP_REASON_CONNECTION_NAMES },
	{ SLICE_INIT("HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n"),
	  HTTP_REASON_INFORMATIONAL_BODY },
	{ SLICE_INIT("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\n"),
	  HTTP_REASON_INFORMATIONAL_BODY },
	{ SLICE_INIT("HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP_REASON_INFORMATIONAL_BODY },
	{ SLICE_INIT("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	  HTTP_REASON_TRANSFER_ENCODING_VERSION },
};

static enum http_parse parse(struct slice in, enum http_method method, struct arena *arena,
			     struct http_response *r, size_t *used, enum http_reason *why)
{
	struct http_head_scan scan = { 0 };
	return http_response_parse(in, &http_unit_limits, arena, &scan, method, r, used, why);
}

static void expect_good(size_t row, const struct http_response *r)
{
	const char *text = good[row].text;
	cr_expect(r->status == good[row].status, "%s", text);
	cr_expect(slice_is_equal(r->reason, slice_of_string(good[row].reason)), "%s", text);
	cr_expect(r->reason.at != NULL, "%s", text);
	cr_expect(r->body == good[row].body, "%s: body %d", text, r->body);
	cr_expect(r->content_length == good[row].length, "%s", text);
	cr_expect(r->keep_alive == good[row].keep_alive, "%s", text);
}

Test(http_response, good_rows_are_read)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct http_response r;
		size_t used = 0;
		enum http_reason why;
		struct slice in = http_unit_at_edge(slice_of_string(good[i].text));
		cr_assert(parse(in, good[i].method, &arena, &r, &used, &why) == HTTP_DONE, "%s: %s",
			  good[i].text, http_reason_words(why));
		cr_expect(used == in.len);
		expect_good(i, &r);
	}
	arena_release(&arena);
}

Test(http_response, prefixes_want_more_and_two_pieces_give_the_same)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			struct http_head_scan scan = { 0 };
			struct http_response r;
			size_t used = 0;
			enum http_reason why;
			struct slice first = http_unit_at_edge(slice_of(good[i].text, len));
			struct slice whole = http_unit_at_other_edge(slice_of_string(good[i].text));
			cr_assert(http_response_parse(first, &http_unit_limits, &arena, &scan,
						      good[i].method, &r, &used, &why) == HTTP_MORE,
				  "%s: %zu: %s", good[i].text, len, http_reason_words(why));
			cr_assert(http_response_parse(whole, &http_unit_limits, &arena, &scan,
						      good[i].method, &r, &used,
						      &why) == HTTP_DONE);
			cr_expect(used == whole.len);
			expect_good(i, &r);
		}
	arena_release(&arena);
}

Test(http_response, bad_rows_are_refused_for_their_reason)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct http_response r;
		size_t used;
		enum http_reason why;
		struct slice in = http_unit_at_edge(bad[i].text);
		enum http_parse result = parse(in, HTTP_METHOD_GET, &arena, &r, &used, &why);
		cr_expect(result == HTTP_BAD && why == bad[i].why, "row %zu, %.*s: %d, %s", i,
			  SLICE_PRINT(bad[i].text), result, http_reason_words(why));
	}
	arena_release(&arena);
}

Test(http_response, a_status_line_without_end_is_refused_at_its_limit)
{
	static char line[8192 + 2];
	struct arena arena;
	struct http_response r;
	size_t used;
	enum http_reason why;
	arena_init(&arena);
	memset(line, 'x', sizeof line);
	memcpy(line, "HTTP/1.1 200 ", 13);
	cr_expect(parse(slice_of(line, 8192 + 1), HTTP_METHOD_GET, &arena, &r, &used, &why) ==
		  HTTP_MORE);
	cr_expect(parse(slice_of(line, 8192 + 2), HTTP_METHOD_GET, &arena, &r, &used, &why) ==
		  HTTP_BAD);
	cr_expect(why == HTTP_REASON_STATUS_LINE);
	arena_release(&arena);
}

Test(http_response, what_cannot_become_a_status_line_is_refused_at_once)
{
	static const char *const starts[] = { "x",      "HTTQ",         "http/1.1",
					      "HTTP/2", "\x16\x03\x01", "220 mail" };
	struct arena arena;
	struct http_response r;
	size_t used;
	enum http_reason why;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		struct slice in = slice_of_string(starts[i]);
		cr_expect(parse(in, HTTP_METHOD_GET, &arena, &r, &used, &why) == HTTP_BAD, "%s",
			  starts[i]);
		cr_expect(why == HTTP_REASON_STATUS_LINE);
	}
	arena_release(&arena);
}

Test(http_response, hop_by_hop_headers_are_marked)
{
	static const char text[] = H
		"Connection: x-a, transfer-encoding\r\nSet-Cookie: a=b\r\nX-A: 1\r\n"
		"Date: now\r\nProxy-Authenticate: x\r\n\r\n";
	static const bool wanted[] = { true, false, true, false, true };
	struct arena arena;
	struct http_response r;
	size_t used;
	enum http_reason why;
	arena_init(&arena);
	cr_assert(parse(slice_of_string(text), HTTP_METHOD_GET, &arena, &r, &used, &why) ==
		  HTTP_DONE);
	for (unsigned i = 0; i < r.fields.count; i++)
		cr_expect(r.fields.at[i].is_hop_by_hop == wanted[i], "%u", i);
	arena_release(&arena);
}

/* The buffer that a head came in is used for other bytes at once. */
Test(http_response, outlives_its_input)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct http_response r;
		size_t used;
		enum http_reason why;
		struct slice from = http_unit_at_edge(slice_of_string(good[i].text));
		cr_assert(parse(from, good[i].method, &arena, &r, &used, &why) == HTTP_DONE);
		memset((char *)(uintptr_t)from.at, 'X', from.len);
		expect_good(i, &r);
	}
	arena_release(&arena);
}
