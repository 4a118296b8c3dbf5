/* Response heads: the first byte chooses the method and where the input is cut in two. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "exchange/model.h"

#include "http/http_cookie.h"
#include "http/http_write.h"

static void write_again(struct http_response *r, enum http_method method, struct arena *arena)
{
	const struct http_additions add = { .body = r->body, .content_length = r->content_length };
	struct http_head_scan scan = { 0 };
	struct http_response again;
	size_t used;
	enum http_reason why;
	struct slice head = http_write_response(arena, r, &add);
	fuzz_expect(http_response_parse(head, &fuzz_wide_limits, arena, &scan, method, &again,
					&used, &why) == HTTP_DONE);
	fuzz_expect(used == head.len && again.body == r->body && again.status == r->status);
	fuzz_expect(r->body != HTTP_BODY_LENGTH || again.content_length == r->content_length);
}

/* Does the second reading of HTTP agree? */
static void compare(struct slice whole, enum http_method method, enum http_parse result,
		    size_t used, const struct http_response *r)
{
	static const enum model_framing framing[] = {
		[HTTP_BODY_NONE] = MODEL_NO_BODY,    [HTTP_BODY_LENGTH] = MODEL_LENGTH,
		[HTTP_BODY_CHUNKED] = MODEL_CHUNKED, [HTTP_BODY_UNTIL_CLOSE] = MODEL_UNTIL_CLOSE,
		[HTTP_BODY_TUNNEL] = MODEL_TUNNEL,
	};
	static char body[MODEL_BODY_MOST];
	struct model_message m = { .body = body };
	model_read_response(whole, method == HTTP_METHOD_HEAD, false, &m);
	if (m.verdict == MODEL_SURE && m.is_head_whole)
		fuzz_expect(result == HTTP_DONE);
	if (result != HTTP_DONE)
		return;
	fuzz_expect(m.is_head_whole && m.verdict != MODEL_NEVER && used == m.head_len);
	fuzz_expect(m.framing == framing[r->body] && m.status == r->status);
	fuzz_expect(r->body != HTTP_BODY_LENGTH || m.length == r->content_length);
	if (m.verdict == MODEL_SURE)
		fuzz_expect(r->keep_alive == !m.closes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	enum http_method method = bytes[0] & 1 ? HTTP_METHOD_HEAD : HTTP_METHOD_GET;
	size_t cut = bytes[0] < len - 1 ? bytes[0] : len - 1;
	struct slice whole = fuzz_copy(bytes + 1, len - 1);
	struct slice first = fuzz_copy(bytes + 1, cut);
	struct http_head_scan scan = { 0 }, cut_scan = { 0 };
	struct http_response r, cut_r;
	size_t used = 0, cut_used = 0;
	enum http_reason why, cut_why;
	struct arena arena;
	arena_init(&arena);
	enum http_parse result = http_response_parse(whole, &fuzz_limits, &arena, &scan, method, &r,
						     &used, &why);
	enum http_parse cut_result = http_response_parse(first, &fuzz_limits, &arena, &cut_scan,
							 method, &cut_r, &cut_used, &cut_why);
	if (cut_result == HTTP_MORE)
		cut_result = http_response_parse(whole, &fuzz_limits, &arena, &cut_scan, method,
						 &cut_r, &cut_used, &cut_why);
	fuzz_expect(cut_result == result && cut_used == used);
	compare(whole, method, result, used, &r);
	if (result == HTTP_DONE) {
		fuzz_expect(cut_r.fields.count == r.fields.count && cut_r.body == r.body);
		write_again(&r, method, &arena);
		http_set_cookie_set(&r.fields, &arena, SLICE("a"), SLICE("b"), SLICE_ABSENT);
		fuzz_expect(http_set_cookie_remove(&r.fields, SLICE("a")) == 1);
	}
	arena_release(&arena);
	arena_drop_spares();
	free((char *)(uintptr_t)whole.at);
	free((char *)(uintptr_t)first.at);
	return 0;
}
