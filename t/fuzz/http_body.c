/*
 * Chunked bodies: re-framed in one piece and in pieces whose size the first byte gives. Both must end
 * in the same way and place, and what comes out must decode to the same body.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "exchange/model.h"

#include "http/http_body.h"

struct sink {
	char *bytes;
	size_t len;
};

static void sink_add(struct sink *sink, struct http_pieces *out)
{
	for (unsigned i = 0; i < out->count; i++) {
		sink->bytes = realloc(sink->bytes, sink->len + out->at[i].iov_len + 1);
		memcpy(sink->bytes + sink->len, out->at[i].iov_base, out->at[i].iov_len);
		sink->len += out->at[i].iov_len;
	}
	out->count = 0;
	out->bytes = 0;
}

/* Relays all of `bytes` in pieces of `step`; gives what was used of them. */
static enum http_parse relay(const uint8_t *bytes, size_t len, size_t step,
			     enum http_body_kind out_kind, const struct http_limits *limits,
			     struct arena *arena, struct sink *sink, size_t *total)
{
	struct http_relay r;
	struct http_pieces out = { .count = 0 };
	enum http_parse result = HTTP_MORE;
	*total = 0;
	http_relay_init(&r, HTTP_BODY_CHUNKED, 0, out_kind, limits, arena);
	r.send_trailers = true;
	while (result == HTTP_MORE && *total < len) {
		struct slice piece = fuzz_copy(bytes + *total,
					       len - *total < step ? len - *total : step);
		struct slice rest = piece;
		while (result == HTTP_MORE && rest.len > 0) {
			size_t used;
			result = http_relay_take(&r, rest, &used, &out);
			fuzz_expect(result == HTTP_BAD || used > 0 || out.count > 0);
			sink_add(sink, &out);
			rest = slice_skip(rest, used);
			*total += used;
		}
		free((char *)(uintptr_t)piece.at);
	}
	http_relay_release(&r);
	return result;
}

static bool is_same(const struct sink *a, const struct sink *b)
{
	return slice_is_equal(slice_of(a->bytes, a->len), slice_of(b->bytes, b->len));
}

/* Does the second reading of HTTP agree, and find the same body? */
static void compare(const uint8_t *bytes, size_t len, enum http_parse result, size_t total,
		    const struct sink *sink)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	static char body[MODEL_BODY_MOST];
	struct model_message m = { .body = body };
	size_t head_len = sizeof head - 1;
	char *message = malloc(head_len + len);
	memcpy(message, head, head_len);
	memcpy(message + head_len, bytes, len);
	model_read_response(slice_of(message, head_len + len), false, false, &m);
	if (m.body_verdict == MODEL_SURE && m.is_body_whole)
		fuzz_expect(result == HTTP_DONE);
	if (result == HTTP_DONE)
		fuzz_expect(m.is_body_whole && m.body_verdict != MODEL_NEVER &&
			    total == m.total - head_len);
	if (result != HTTP_BAD)
		fuzz_expect(slice_is_equal(slice_of(m.body, m.body_len),
					   slice_of(sink->bytes, sink->len)));
	free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	struct arena arena;
	struct sink once = { 0 }, pieces = { 0 }, framed = { 0 }, again = { 0 };
	size_t total, total_pieces, total_again;
	size_t step = bytes[0] % 32 + 1u;
	arena_init(&arena);
	enum http_parse result = relay(bytes + 1, len - 1, len, HTTP_BODY_UNTIL_CLOSE, &fuzz_limits,
				       &arena, &once, &total);
	enum http_parse result_pieces = relay(bytes + 1, len - 1, step, HTTP_BODY_UNTIL_CLOSE,
					      &fuzz_limits, &arena, &pieces, &total_pieces);
	fuzz_expect(result == result_pieces);
	compare(bytes + 1, len - 1, result, total, &once);
	if (result != HTTP_BAD)
		fuzz_expect(total == total_pieces && is_same(&once, &pieces));
	if (result == HTTP_DONE) {
		relay(bytes + 1, len - 1, step, HTTP_BODY_CHUNKED, &fuzz_limits, &arena, &framed,
		      &total_pieces);
		fuzz_expect(relay((const uint8_t *)framed.bytes, framed.len, framed.len,
				  HTTP_BODY_UNTIL_CLOSE, &fuzz_wide_limits, &arena, &again,
				  &total_again) == HTTP_DONE);
		fuzz_expect(total_again == framed.len && is_same(&once, &again));
	}
	arena_release(&arena);
	arena_drop_spares();
	free(once.bytes);
	free(pieces.bytes);
	free(framed.bytes);
	free(again.bytes);
	return 0;
}
