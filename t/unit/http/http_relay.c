/* SPDX-License-Identifier: Apache-2.0 */
#include "http_unit.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>

#define BODY_MOST 3000

/* All that came out of a relay, as a node or client would see it. */
struct sink {
	char bytes[4 * BODY_MOST + 65536];
	size_t len;
};

static void sink_add(struct sink *sink, struct http_pieces *out)
{
	size_t bytes = 0;
	cr_assert(out->count <= HTTP_PIECES_MOST);
	for (unsigned i = 0; i < out->count; i++) {
		cr_assert(out->at[i].iov_len > 0);
		cr_assert(sink->len + out->at[i].iov_len <= sizeof sink->bytes);
		memcpy(sink->bytes + sink->len, out->at[i].iov_base, out->at[i].iov_len);
		sink->len += out->at[i].iov_len;
		bytes += out->at[i].iov_len;
	}
	cr_assert(bytes == out->bytes);
	out->count = 0;
	out->bytes = 0;
}

/* Encodes `body` in chunks of random size, in the one form or with all that is tolerated. */
static size_t encode(char *to, struct slice body, uint64_t *state)
{
	size_t len = 0;
	while (body.len > 0) {
		size_t chunk = 1 +
			       http_unit_random(state) % (http_unit_random(state) % 2 ? 5 : 300);
		chunk = chunk < body.len ? chunk : body.len;
		len += (size_t)sprintf(
			to + len, http_unit_random(state) % 2 ? "%zx\r\n" : "0%zX;a=b\r\n", chunk);
		memcpy(to + len, body.at, chunk);
		len += chunk;
		len += (size_t)sprintf(to + len, "\r\n");
		body = slice_skip(body, chunk);
	}
	return len + (size_t)sprintf(to + len, "0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n");
}

/* Feeds `in` in random pieces; each piece lies at a page's edge and is overwritten afterwards. */
static enum http_parse feed(struct http_relay *r, struct slice in, struct sink *sink, size_t *used,
			    uint64_t *state)
{
	struct http_pieces out;
	enum http_parse result = HTTP_MORE;
	out.count = 0;
	out.bytes = 0;
	*used = 0;
	while (result == HTTP_MORE && *used < in.len) {
		size_t len = 1 +
			     http_unit_random(state) % (http_unit_random(state) % 4 ? 40 : 4000);
		len = len < in.len - *used ? len : in.len - *used;
		struct slice piece = http_unit_at_edge(slice_of(in.at + *used, len));
		while (result == HTTP_MORE && piece.len > 0) {
			size_t taken;
			result = http_relay_take(r, piece, &taken, &out);
			cr_assert(result != HTTP_BAD);
			cr_assert(taken > 0 || out.count > 0);
			*used += taken;
			piece = slice_skip(piece, taken);
			/* Sometimes a second batch goes into the same pieces. */
			if (piece.len == 0 || taken == 0 || http_unit_random(state) % 2)
				sink_add(sink, &out);
		}
		sink_add(sink, &out);
	}
	return result;
}

/* The body in what a relay put out; checks that its framing is whole and canonical. */
static struct slice unframe(const struct sink *sink, enum http_body_kind kind, bool trailers,
			    struct arena *arena)
{
	if (kind != HTTP_BODY_CHUNKED)
		return slice_of(sink->bytes, sink->len);
	char *body = arena_alloc(arena, sink->len);
	size_t at = 0, len = 0;
	for (;;) {
		unsigned long size;
		int digits = 0;
		char again[20];
		cr_assert(sscanf(sink->bytes + at, "%lx%n", &size, &digits) == 1);
		snprintf(again, sizeof again, "%lx\r\n", size);
		cr_assert(memcmp(sink->bytes + at, again, strlen(again)) == 0);
		at += strlen(again);
		if (size == 0)
			break;
		memcpy(body + len, sink->bytes + at, size);
		len += size;
		at += size;
		cr_assert(memcmp(sink->bytes + at, "\r\n", 2) == 0);
		at += 2;
	}
	const char *end = trailers ? "X-Sum: 1\r\n\r\n" : "\r\n";
	cr_assert(sink->len - at == strlen(end) && memcmp(sink->bytes + at, end, strlen(end)) == 0);
	return slice_of(body, len);
}

static void run(uint64_t seed, enum http_body_kind in_kind, enum http_body_kind out_kind)
{
	static struct sink sink;
	static char body[BODY_MOST], encoded[16 * BODY_MOST + 100];
	uint64_t state = seed;
	struct arena arena;
	struct http_relay relay;
	size_t used;
	size_t len = http_unit_random(&state) % BODY_MOST;
	sink.len = 0;
	arena_init(&arena);
	for (size_t i = 0; i < len; i++)
		body[i] = (char)http_unit_random(&state);
	size_t encoded_len = len;
	memcpy(encoded, body, len);
	if (in_kind == HTTP_BODY_CHUNKED)
		encoded_len = encode(encoded, slice_of(body, len), &state);
	size_t whole = encoded_len;
	if (in_kind != HTTP_BODY_UNTIL_CLOSE)
		whole += (size_t)sprintf(encoded + encoded_len, "GET /next HTTP/1.1\r\n");
	http_relay_init(&relay, in_kind, len, out_kind, &http_unit_limits, &arena);
	relay.send_trailers = seed % 2 == 0;
	enum http_parse result = feed(&relay, slice_of(encoded, whole), &sink, &used, &state);
	if (in_kind == HTTP_BODY_UNTIL_CLOSE) {
		struct http_pieces out = { .count = 0 };
		cr_assert(result == HTTP_MORE);
		result = http_relay_end(&relay, &out);
		sink_add(&sink, &out);
	}
	cr_assert(result == HTTP_DONE && used == encoded_len, "%lu: %zu %zu", (unsigned long)seed,
		  used, encoded_len);
	cr_assert(relay.is_ended && relay.in.total == len);
	bool trailers = relay.send_trailers && in_kind == HTTP_BODY_CHUNKED;
	cr_assert(slice_is_equal(unframe(&sink, out_kind, trailers, &arena), slice_of(body, len)));
	http_relay_release(&relay);
	arena_release(&arena);
}

Test(http_relay, any_split_gives_the_same_body)
{
	static const enum http_body_kind in[] = { HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED,
						  HTTP_BODY_UNTIL_CLOSE };
	static const enum http_body_kind out[] = { HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED,
						   HTTP_BODY_UNTIL_CLOSE };
	for (uint64_t seed = 1; seed <= 300; seed++)
		for (size_t i = 0; i < 3; i++)
			for (size_t k = 0; k < 3; k++)
				run(seed, in[i], out[k]);
}

static struct slice relay_once(enum http_body_kind in_kind, uint64_t length,
			       enum http_body_kind out_kind, struct slice in, struct arena *arena,
			       struct http_pieces *out, enum http_parse wanted)
{
	struct http_relay relay;
	size_t used;
	out->count = 0;
	out->bytes = 0;
	http_relay_init(&relay, in_kind, length, out_kind, &http_unit_limits, arena);
	relay.send_trailers = true;
	cr_expect(http_relay_take(&relay, in, &used, out) == wanted);
	cr_expect(used == in.len);
	http_relay_release(&relay);
	return http_unit_join(out, arena);
}

Test(http_relay, bytes_are_exact)
{
	static const struct {
		enum http_body_kind in;
		uint64_t length;
		enum http_body_kind out;
		const char *given, *wanted;
		enum http_parse result;
		unsigned pieces;
	} rows[] = {
		{ HTTP_BODY_LENGTH, 5, HTTP_BODY_LENGTH, "hello", "hello", HTTP_DONE, 1 },
		{ HTTP_BODY_LENGTH, 0, HTTP_BODY_LENGTH, "", "", HTTP_DONE, 0 },
		{ HTTP_BODY_LENGTH, 0, HTTP_BODY_CHUNKED, "", "0\r\n\r\n", HTTP_DONE, 1 },
		{ HTTP_BODY_NONE, 0, HTTP_BODY_NONE, "", "", HTTP_DONE, 0 },
		{ HTTP_BODY_LENGTH, 5, HTTP_BODY_NONE, "hello", "", HTTP_DONE, 0 },
		{ HTTP_BODY_LENGTH, 5, HTTP_BODY_CHUNKED, "hello", "5\r\nhello\r\n0\r\n\r\n",
		  HTTP_DONE, 3 },
		{ HTTP_BODY_LENGTH, 50, HTTP_BODY_CHUNKED, "0123456789abcdef",
		  "10\r\n0123456789abcdef\r\n", HTTP_MORE, 3 },
		{ HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED, "2;x=y\r\nab\r\n01\r\nc\r\n",
		  "3\r\nabc\r\n", HTTP_MORE, 4 },
		{ HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED, "1\r", "", HTTP_MORE, 0 },
		{ HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED, "2\r\nab\r\n0\r\n\r\n",
		  "2\r\nab\r\n0\r\n\r\n", HTTP_DONE, 3 },
		{ HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED,
		  "2\r\nab\r\n0\r\nA:b\r\nCookie: c\r\n\r\n", "2\r\nab\r\n0\r\nA: b\r\n\r\n",
		  HTTP_DONE, 3 },
		{ HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED, "0\r\nA:\r\n\r\n", "0\r\nA: \r\n\r\n",
		  HTTP_DONE, 1 },
		{ HTTP_BODY_CHUNKED, 0, HTTP_BODY_UNTIL_CLOSE, "2\r\nab\r\n0\r\n\r\n", "ab",
		  HTTP_DONE, 1 },
		{ HTTP_BODY_TUNNEL, 0, HTTP_BODY_TUNNEL, "raw", "raw", HTTP_MORE, 1 },
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct http_pieces out;
		struct slice got = relay_once(rows[i].in, rows[i].length, rows[i].out,
					      slice_of_string(rows[i].given), &arena, &out,
					      rows[i].result);
		cr_expect(slice_is_equal(got, slice_of_string(rows[i].wanted)), "row %zu: %.*s", i,
			  SLICE_PRINT(got));
		cr_expect(out.count == rows[i].pieces, "row %zu: %u pieces", i, out.count);
	}
	arena_release(&arena);
}

/* The head may stand before the body in the same pieces, and the body's bytes are not copied. */
Test(http_relay, pieces_before_it_are_kept_and_data_is_not_copied)
{
	struct arena arena;
	struct http_relay relay;
	struct http_pieces out;
	struct slice in = SLICE("abc");
	size_t used;
	arena_init(&arena);
	memset(&out, 0xa5, sizeof out);
	out.at[0] = (struct iovec){ (void *)(uintptr_t) "head", 4 };
	out.count = 1;
	out.bytes = 4;
	http_relay_init(&relay, HTTP_BODY_UNTIL_CLOSE, 0, HTTP_BODY_CHUNKED, &http_unit_limits,
			&arena);
	cr_expect(http_relay_take(&relay, in, &used, &out) == HTTP_MORE);
	cr_expect(out.at[2].iov_base == in.at);
	cr_expect(http_relay_take(&relay, SLICE("0123456789abcdefg"), &used, &out) == HTTP_MORE);
	cr_expect(http_relay_end(&relay, &out) == HTTP_DONE);
	cr_expect(http_relay_end(&relay, &out) == HTTP_DONE);
	struct slice got = http_unit_join(&out, &arena);
	cr_expect(
		slice_is_equal(got, SLICE("head3\r\nabc\r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n")),
		"%.*s", SLICE_PRINT(got));
	arena_release(&arena);
}

/* More chunks at once than there are pieces: what fits is taken, the rest in further calls. */
Test(http_relay, many_small_chunks_take_several_calls)
{
	static char text[200 * 6 + 6];
	static struct sink sink;
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < 200; i++)
		memcpy(text + i * 6, "1\r\nx\r\n", 6);
	memcpy(text + 200 * 6, "0\r\n\r\n", 5);
	for (unsigned chunked = 0; chunked < 2; chunked++) {
		enum http_body_kind kind = chunked ? HTTP_BODY_CHUNKED : HTTP_BODY_UNTIL_CLOSE;
		struct http_relay relay;
		struct http_pieces out = { .count = 0 };
		struct slice in = slice_of_string(text);
		enum http_parse result = HTTP_MORE;
		sink.len = 0;
		http_relay_init(&relay, HTTP_BODY_CHUNKED, 0, kind, &http_unit_limits, &arena);
		while (result == HTTP_MORE) {
			size_t used;
			result = http_relay_take(&relay, in, &used, &out);
			cr_assert(used > 0 &&
				  (result == HTTP_DONE || out.count >= HTTP_PIECES_MOST - 1));
			in = slice_skip(in, used);
			sink_add(&sink, &out);
		}
		cr_expect(result == HTTP_DONE && in.len == 0);
		cr_expect(unframe(&sink, kind, false, &arena).len == 200);
	}
	arena_release(&arena);
}

/* When nothing fits, nothing is used; after a flush it goes on. */
Test(http_relay, full_pieces_take_nothing)
{
	struct arena arena;
	struct http_relay relay;
	struct http_pieces out = { .count = 0 };
	size_t used = 1;
	arena_init(&arena);
	http_relay_init(&relay, HTTP_BODY_UNTIL_CLOSE, 0, HTTP_BODY_CHUNKED, &http_unit_limits,
			&arena);
	unsigned batches = 0;
	for (; used > 0; batches++)
		cr_assert(http_relay_take(&relay, SLICE("x"), &used, &out) == HTTP_MORE);
	cr_expect(batches > 3 && out.bytes == (batches - 1) * 6);
	memset(&out, 0, sizeof out);
	for (unsigned count = HTTP_PIECES_MOST - 2; count <= HTTP_PIECES_MOST; count++) {
		out.count = count;
		cr_expect(http_relay_take(&relay, SLICE("x"), &used, &out) == HTTP_MORE &&
			  used == 0);
		cr_expect(out.count == count && out.bytes == 0);
	}
	cr_expect(http_relay_end(&relay, &out) == HTTP_MORE);
	out.count = 0;
	out.bytes = 0;
	cr_expect(http_relay_end(&relay, &out) == HTTP_DONE);
	cr_expect(slice_is_equal(http_unit_join(&out, &arena), SLICE("0\r\n\r\n")));
	arena_release(&arena);
}

Test(http_relay, a_bad_chunk_leaves_the_pieces_alone)
{
	struct arena arena;
	struct http_relay relay;
	struct http_pieces out = { .count = 0 };
	size_t used;
	arena_init(&arena);
	http_relay_init(&relay, HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED, &http_unit_limits, &arena);
	cr_expect(http_relay_take(&relay, SLICE("1\r\na\r\nx"), &used, &out) == HTTP_BAD);
	cr_expect(relay.why == HTTP_REASON_CHUNK_SIZE && out.count == 0 && out.bytes == 0);
	http_relay_init(&relay, HTTP_BODY_CHUNKED, 0, HTTP_BODY_CHUNKED, &http_unit_limits, &arena);
	cr_expect(http_relay_take(&relay, SLICE("5\r\na"), &used, &out) == HTTP_MORE);
	cr_expect(http_relay_end(&relay, &out) == HTTP_BAD);
	arena_release(&arena);
}

/* ---- past us --------------------------------------------------------------------------------- */

static uint64_t may_pass(enum http_body_kind in, enum http_body_kind out)
{
	struct http_relay relay;
	http_relay_init(&relay, in, 1000, out, &http_unit_limits, NULL);
	return http_relay_may_pass(&relay);
}

Test(http_relay, only_what_is_counted_on_both_sides_passes_unseen)
{
	cr_expect_eq(may_pass(HTTP_BODY_LENGTH, HTTP_BODY_LENGTH), 1000);
	cr_expect_eq(may_pass(HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED), 0);
	cr_expect_eq(may_pass(HTTP_BODY_LENGTH, HTTP_BODY_NONE), 0);
	cr_expect_eq(may_pass(HTTP_BODY_CHUNKED, HTTP_BODY_CHUNKED), 0);
	cr_expect_eq(may_pass(HTTP_BODY_UNTIL_CLOSE, HTTP_BODY_UNTIL_CLOSE), 0);
	cr_expect_eq(may_pass(HTTP_BODY_NONE, HTTP_BODY_LENGTH), 0);
}

Test(http_relay, what_passes_unseen_counts)
{
	struct http_relay relay;
	struct http_pieces out = { .count = 0 };
	size_t used;
	http_relay_init(&relay, HTTP_BODY_LENGTH, 1000, HTTP_BODY_LENGTH, &http_unit_limits, NULL);
	cr_expect_eq(http_relay_pass(&relay, 600), HTTP_MORE);
	cr_expect_eq(http_relay_take(&relay, SLICE("abc"), &used, &out), HTTP_MORE);
	cr_expect_eq(http_relay_may_pass(&relay), 397);
	cr_expect_eq(relay.in.total, 603);
	cr_expect_eq(http_relay_pass(&relay, 397), HTTP_DONE);
	cr_expect(relay.in.is_done);
	cr_expect_eq(http_relay_take(&relay, SLICE("GET "), &used, &out), HTTP_DONE);
	cr_expect_eq(used, 0);
}

Test(http_relay, no_more_passes_than_the_length, .signal = SIGABRT)
{
	struct http_relay relay;
	http_relay_init(&relay, HTTP_BODY_LENGTH, 10, HTTP_BODY_LENGTH, &http_unit_limits, NULL);
	http_relay_pass(&relay, 11);
}
