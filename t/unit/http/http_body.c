/* SPDX-License-Identifier: Apache-2.0 */
#include "http_unit.h"

#include <criterion/criterion.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define X16 "xxxxxxxxxxxxxxxx"

struct outcome {
	enum http_parse result;
	enum http_reason why;
	struct slice data; /* all of it, in the arena */
	size_t used;
	struct http_body body;
};

/* Decodes `text`, given in pieces of `step` bytes, each at the end of a readable page. */
static struct outcome decode(struct slice text, size_t step, struct arena *arena)
{
	struct outcome o = { .result = HTTP_MORE };
	char *data = arena_alloc(arena, text.len + 1);
	o.data = slice_of(data, 0);
	http_body_init(&o.body, HTTP_BODY_CHUNKED, 0);
	while (o.result == HTTP_MORE && o.used < text.len) {
		size_t len = text.len - o.used < step ? text.len - o.used : step;
		struct slice in = http_unit_at_edge(slice_of(text.at + o.used, len));
		while (o.result == HTTP_MORE && in.len > 0) {
			size_t used;
			struct slice run;
			o.result = http_body_take(&o.body, in, &http_unit_limits, arena, &used,
						  &run, &o.why);
			if (o.result == HTTP_BAD)
				break;
			cr_assert(used > 0 || o.result != HTTP_MORE);
			if (run.len > 0)
				memcpy(data + o.data.len, run.at, run.len);
			o.data.len += run.len;
			o.used += used;
			in = slice_skip(in, used);
		}
	}
	return o;
}

static const struct {
	const char *text, *data;
	unsigned trailers;
} good[] = {
	{ "0\r\n\r\n", "", 0 },
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
	{ "1\r\na\r\n2\r\nbc\r\n0003\r\ndef\r\n000\r\n\r\n", "abcdef", 0 },
	{ "a\r\n0123456789\r\nB\r\n0123456789x\r\n0\r\n\r\n", "01234567890123456789x", 0 },
	{ "0000000000000002\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0 },
	{ "1;a\r\nx\r\n1;b=c;d=\"e f\"\r\ny\r\n0;z\r\n\r\n", "xy", 0 },
	{ "1; a = b\r\nx\r\n0\r\n\r\n", "x", 0 },
	{ "1\r\nx\r\n0\r\nDigest: abc\r\nX-Sum:\t1 \r\n\r\n", "x", 2 },
	{ "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: x\r\n"
	  "Cookie: a=b\r\nSet-Cookie: a=b\r\nTrailer: x\r\nContent-Type: x\r\nX-Fine: y\r\n"
	  "Cache-Control: x\r\nX-Forwarded-Host: x\r\nIf-Match: x\r\nContent_Length: 3\r\n"
	  "Range: x\r\nForwarded: x\r\nX-Forwarded-For: x\r\nLocation: x\r\nTE: x\r\n\r\n",
	  "", 1 },
};

static const struct {
	struct slice text;
	enum http_reason why;
} bad[] = {
	{ SLICE_INIT("\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("g\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("0x10\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("-1\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("+1\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT(" 1\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1 \r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1 ;a\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1\t\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1_0\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1\rx"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1\0\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("10000000000000000\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("00000000000000001\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1;\r\nx\r\n"), HTTP_REASON_CHUNK_EXTENSION },
	{ SLICE_INIT("1;=a\r\nx\r\n"), HTTP_REASON_CHUNK_EXTENSION },
	{ SLICE_INIT("1;a\nx\r\n"), HTTP_REASON_CHUNK_EXTENSION },
	{ SLICE_INIT("1;a=\"\n\"\r\n"), HTTP_REASON_CHUNK_EXTENSION },
	{ SLICE_INIT("1;a\0\r\n"), HTTP_REASON_CHUNK_EXTENSION },
	{ SLICE_INIT("1;a\x80\r\n"), HTTP_REASON_CHUNK_EXTENSION },
	{ SLICE_INIT("1;a\x7f\r\n"), HTTP_REASON_CHUNK_EXTENSION },
	{ SLICE_INIT("1;a\rx\r\n"), HTTP_REASON_CHUNK_SIZE },
	{ SLICE_INIT("1\r\nxy\r\n"), HTTP_REASON_CHUNK_END },
	{ SLICE_INIT("1\r\nx\n"), HTTP_REASON_CHUNK_END },
	{ SLICE_INIT("1\r\nx\r0\r\n"), HTTP_REASON_CHUNK_END },
	{ SLICE_INIT("0\r\n\n"), HTTP_REASON_TRAILER },
	{ SLICE_INIT("0\r\nA: b\n\r\n"), HTTP_REASON_TRAILER },
	{ SLICE_INIT("0\r\nA: b\r\n c\r\n\r\n"), HTTP_REASON_TRAILER },
	{ SLICE_INIT("0\r\nA : b\r\n\r\n"), HTTP_REASON_TRAILER },
	{ SLICE_INIT("0\r\nA: b\0\r\n\r\n"), HTTP_REASON_TRAILER },
	{ SLICE_INIT("0\r\n: b\r\n\r\n"), HTTP_REASON_TRAILER },
	{ SLICE_INIT("0\r\nA: b\rC: d\r\n\r\n"), HTTP_REASON_TRAILER },
};

Test(http_body, good_chunks_are_decoded_in_pieces_of_any_size)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t step = 1; step <= strlen(good[i].text); step++) {
			struct outcome o = decode(slice_of_string(good[i].text), step, &arena);
			cr_assert(o.result == HTTP_DONE, "%s: %s", good[i].text,
				  http_reason_words(o.why));
			cr_expect(o.used == strlen(good[i].text));
			cr_expect(slice_is_equal(o.data, slice_of_string(good[i].data)), "%s",
				  good[i].text);
			cr_expect(o.body.total == o.data.len);
			cr_expect(o.body.trailers.count == good[i].trailers, "%s: %u", good[i].text,
				  o.body.trailers.count);
			http_body_release(&o.body);
		}
	arena_release(&arena);
}

Test(http_body, every_prefix_of_good_chunks_wants_more)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t len = 0; len < strlen(good[i].text); len++) {
			struct outcome o = decode(slice_of(good[i].text, len), 1000, &arena);
			cr_expect(o.result == HTTP_MORE && o.used == len, "%s: %zu", good[i].text,
				  len);
			cr_expect(http_body_end(&o.body) == HTTP_BAD);
			http_body_release(&o.body);
		}
	arena_release(&arena);
}

Test(http_body, bad_chunks_are_refused_for_their_reason)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(bad); i++)
		for (size_t step = 1; step <= bad[i].text.len; step++) {
			struct outcome o = decode(bad[i].text, step, &arena);
			cr_expect(o.result == HTTP_BAD && o.why == bad[i].why,
				  "row %zu, %.*s: %d %s", i, SLICE_PRINT(bad[i].text), o.result,
				  http_reason_words(o.why));
			http_body_release(&o.body);
		}
	arena_release(&arena);
}

/* Takes all of `text` from `at` on; what came of it in the end. Data is added to *data. */
static enum http_parse take_rest(struct http_body *b, struct slice text, size_t at,
				 struct arena *arena, struct buf *data)
{
	enum http_parse result = HTTP_MORE;
	enum http_reason why;
	while (at < text.len && result == HTTP_MORE) {
		size_t used;
		struct slice run;
		result = http_body_take(b, slice_skip(text, at), &http_unit_limits, arena, &used,
					&run, &why);
		buf_append(data, run, SIZE_MAX);
		at += used;
	}
	return result;
}

Test(http_body, what_was_taken_can_be_taken_again)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++) {
		struct slice text = slice_of_string(good[i].text);
		size_t whole = strlen(good[i].data);
		for (size_t cut = 0; cut < text.len; cut++)
			for (size_t more = cut; more <= text.len; more++) {
				struct http_body body, before;
				struct buf data = { 0 }, lost = { 0 };
				http_body_init(&body, HTTP_BODY_CHUNKED, 0);
				take_rest(&body, slice_of(text.at, cut), 0, &arena, &data);
				before = body;
				take_rest(&body, slice_of(text.at, more), cut, &arena, &lost);
				bool has_gone = http_body_go_back(&body, &before);
				cr_expect(has_gone || buf_len(&data) == whole, "%zu %zu", i, cut);
				enum http_parse result = take_rest(
					&body, text, has_gone ? cut : more, &arena, &data);
				cr_expect(body.is_done && result != HTTP_BAD);
				cr_expect(body.trailers.count == good[i].trailers);
				cr_expect(!has_gone ||
					  slice_is_equal(buf_slice(&data),
							 slice_of_string(good[i].data)));
				buf_release(&data);
				buf_release(&lost);
				http_body_release(&body);
			}
	}
	arena_release(&arena);
}

Test(http_body, what_stands_behind_the_body_is_left)
{
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(good); i++)
		for (size_t step = 1; step < 100; step++) {
			struct slice text = arena_print(&arena, "%sGET / HTTP/1.1\r\n",
							good[i].text);
			struct outcome o = decode(text, step, &arena);
			cr_expect(o.result == HTTP_DONE && o.used == strlen(good[i].text));
			size_t used = 1;
			struct slice data = SLICE("x");
			cr_expect(http_body_take(&o.body, text, &http_unit_limits, &arena, &used,
						 &data, &o.why) == HTTP_DONE);
			cr_expect(used == 0 && data.len == 0);
			http_body_release(&o.body);
		}
	arena_release(&arena);
}

Test(http_body, trailers_survive_their_input)
{
	struct arena arena;
	struct http_body body;
	char text[] = "0\r\nX-Sum: 12\r\n\r\n";
	size_t used;
	struct slice data;
	enum http_reason why;
	arena_init(&arena);
	http_body_init(&body, HTTP_BODY_CHUNKED, 0);
	cr_assert(http_body_take(&body, slice_of_string(text), &http_unit_limits, &arena, &used,
				 &data, &why) == HTTP_DONE);
	memset(text, 'x', sizeof text);
	cr_assert(body.trailers.count == 1);
	cr_expect(slice_is_equal(body.trailers.at[0].name, SLICE("X-Sum")));
	cr_expect(slice_is_equal(body.trailers.at[0].value, SLICE("12")));
	http_body_release(&body);
	arena_release(&arena);
}

/* The limit counts the lines with their CRLF; whole or in pieces makes no difference. */
Test(http_body, trailers_are_bounded)
{
	static const char text[] = "0\r\nAbcd: efgh\r\n\r\n";
	for (size_t limit = 11; limit <= 12; limit++)
		for (size_t step = 1; step < sizeof text; step++) {
			struct http_limits limits = http_unit_limits;
			struct arena arena;
			struct http_body body;
			enum http_parse result = HTTP_MORE;
			enum http_reason why = HTTP_REASON_NONE;
			limits.trailer_bytes = limit;
			arena_init(&arena);
			http_body_init(&body, HTTP_BODY_CHUNKED, 0);
			for (size_t at = 0; at < sizeof text - 1 && result == HTTP_MORE;) {
				size_t used, len = sizeof text - 1 - at < step
							   ? sizeof text - 1 - at
							   : step;
				struct slice data;
				result = http_body_take(&body, slice_of(text + at, len), &limits,
							&arena, &used, &data, &why);
				at += used;
			}
			cr_expect(result == (limit == 12 ? HTTP_DONE : HTTP_BAD), "%zu %zu", limit,
				  step);
			cr_expect(limit == 12 || why == HTTP_REASON_TRAILER_TOO_LARGE, "%zu", step);
			http_body_release(&body);
			arena_release(&arena);
		}
}

Test(http_body, trailers_without_end_are_cut_off)
{
	struct arena arena;
	struct http_body body;
	size_t used, total = 0;
	struct slice data;
	enum http_reason why = HTTP_REASON_NONE;
	arena_init(&arena);
	http_body_init(&body, HTTP_BODY_CHUNKED, 0);
	enum http_parse result = http_body_take(&body, SLICE("0\r\nA: "), &http_unit_limits, &arena,
						&used, &data, &why);
	while (result == HTTP_MORE && total < 100000) {
		result = http_body_take(&body, SLICE(X16), &http_unit_limits, &arena, &used, &data,
					&why);
		total += used;
	}
	cr_expect(result == HTTP_BAD && why == HTTP_REASON_TRAILER_TOO_LARGE);
	cr_expect(total <= http_unit_limits.trailer_bytes + 2);
	http_body_release(&body);
	arena_release(&arena);
}

Test(http_body, too_many_trailers_are_refused)
{
	static char text[3 + 101 * 6 + 2 + 1] = "0\r\n";
	struct arena arena;
	arena_init(&arena);
	for (int i = 0; i < 101; i++)
		memcpy(text + 3 + i * 6, "A: b\r\n", 6);
	memcpy(text + 3 + 101 * 6, "\r\n", 2);
	struct outcome o = decode(slice_of_string(text), 1000, &arena);
	cr_expect(o.result == HTTP_BAD && o.why == HTTP_REASON_TRAILER_TOO_LARGE);
	http_body_release(&o.body);
	memcpy(text + 3 + 100 * 6, "\r\n", 3);
	o = decode(slice_of_string(text), 1000, &arena);
	cr_expect(o.result == HTTP_DONE && o.body.trailers.count == 100);
	http_body_release(&o.body);
	arena_release(&arena);
}

Test(http_body, extensions_are_bounded_over_the_whole_message)
{
	struct http_limits limits = http_unit_limits;
	struct arena arena;
	struct http_body body;
	enum http_parse result = HTTP_MORE;
	enum http_reason why;
	unsigned chunks = 0;
	arena_init(&arena);
	limits.chunk_extension_bytes = 100;
	http_body_init(&body, HTTP_BODY_CHUNKED, 0);
	while (result == HTTP_MORE && chunks < 1000) {
		struct slice in = SLICE("1;abcdefgh\r\nx\r\n"), data;
		size_t used;
		chunks++;
		while (in.len > 0 && result == HTTP_MORE) {
			result = http_body_take(&body, in, &limits, &arena, &used, &data, &why);
			in = slice_skip(in, used);
		}
	}
	/* nine bytes for each chunk; 16 times 100 are free, and one for each byte of data */
	cr_expect(result == HTTP_BAD && why == HTTP_REASON_CHUNK_EXTENSIONS && chunks == 200);
	http_body_release(&body);
	arena_release(&arena);
}

Test(http_body, extensions_of_one_chunk_are_bounded_to_the_byte)
{
	static const struct {
		const char *text;
		size_t most;
		enum http_parse result;
	} rows[] = {
		{ "1;abc\r\nx\r\n0\r\n\r\n", 4, HTTP_DONE },
		{ "1;abc\r\nx\r\n0\r\n\r\n", 3, HTTP_BAD },
		{ "1;abc\r\nx\r\n0;d=e\r\n\r\n", 4, HTTP_DONE },
		{ "1;abc\r\nx\r\n0;d=ef\r\n\r\n", 4, HTTP_BAD },
		{ "1\r\nx\r\n0\r\n\r\n", 0, HTTP_DONE },
		{ "1;a\r\nx\r\n0\r\n\r\n", 0, HTTP_BAD },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct http_limits limits = http_unit_limits;
		struct arena arena;
		struct http_body body;
		struct slice in = slice_of_string(rows[i].text), data;
		enum http_parse result = HTTP_MORE;
		enum http_reason why;
		arena_init(&arena);
		limits.chunk_extension_bytes = rows[i].most;
		http_body_init(&body, HTTP_BODY_CHUNKED, 0);
		while (in.len > 0 && result == HTTP_MORE) {
			size_t used;
			result = http_body_take(&body, in, &limits, &arena, &used, &data, &why);
			in = slice_skip(in, used);
		}
		cr_expect(result == rows[i].result, "%s with %zu", rows[i].text, rows[i].most);
		cr_expect(result != HTTP_BAD || why == HTTP_REASON_CHUNK_EXTENSION);
		http_body_release(&body);
		arena_release(&arena);
	}
}

Test(http_body, counted_bodies_end_at_their_length)
{
	struct http_body body;
	size_t used;
	struct slice data;
	enum http_reason why;
	http_body_init(&body, HTTP_BODY_LENGTH, 5);
	cr_expect(http_body_take(&body, SLICE("ab"), &http_unit_limits, NULL, &used, &data, &why) ==
		  HTTP_MORE);
	cr_expect(used == 2 && data.len == 2 && body.left == 3);
	cr_expect(http_body_end(&body) == HTTP_BAD);
	cr_expect(http_body_take(&body, SLICE("cdefg"), &http_unit_limits, NULL, &used, &data,
				 &why) == HTTP_DONE);
	cr_expect(used == 3 && data.len == 3 && body.total == 5);
	cr_expect(http_body_end(&body) == HTTP_DONE);
}

Test(http_body, bodies_of_no_length_are_done_at_once)
{
	struct http_body body;
	size_t used;
	struct slice data;
	enum http_reason why;
	http_body_init(&body, HTTP_BODY_LENGTH, 0);
	cr_expect(http_body_take(&body, SLICE_ABSENT, &http_unit_limits, NULL, &used, &data,
				 &why) == HTTP_DONE);
	http_body_init(&body, HTTP_BODY_NONE, 7);
	cr_expect(http_body_take(&body, SLICE("abc"), &http_unit_limits, NULL, &used, &data,
				 &why) == HTTP_DONE);
	cr_expect(used == 0 && data.len == 0);
}

Test(http_body, only_a_close_ends_a_body_until_close)
{
	struct http_body body;
	size_t used;
	struct slice data;
	enum http_reason why;
	http_body_init(&body, HTTP_BODY_UNTIL_CLOSE, 0);
	cr_expect(http_body_take(&body, SLICE("abc"), &http_unit_limits, NULL, &used, &data,
				 &why) == HTTP_MORE);
	cr_expect(used == 3 && data.len == 3 && body.total == 3);
	cr_expect(http_body_end(&body) == HTTP_DONE);
	http_body_init(&body, HTTP_BODY_TUNNEL, 0);
	cr_expect(http_body_end(&body) == HTTP_DONE);
}
