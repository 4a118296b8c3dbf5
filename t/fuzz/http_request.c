/*
 * Request heads: the first byte says where the input is cut in two. What is taken must come out the
 * same in one piece and in two, and what is written from it must be taken again.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "exchange/model.h"

#include "http/http_cookie.h"
#include "http/http_path.h"
#include "http/http_write.h"

/* Calls what rules call, for the sanitizer to watch. */
static void use(struct http_request *r, struct arena *arena)
{
	http_path_decode(arena, r->path, true);
	http_path_encode(arena, r->path, false);
	if (r->path.at[0] == '/') {
		/* the path of a request is its own normal form, and the merged one that of itself */
		struct slice normal, merged, again;
		fuzz_expect(http_path_normalize(arena, r->path, false, &normal) ==
			    HTTP_REASON_NONE);
		fuzz_expect(normal.at == r->path.at && normal.len == r->path.len);
		fuzz_expect(http_path_normalize(arena, r->path, true, &merged) == HTTP_REASON_NONE);
		fuzz_expect(http_path_normalize(arena, merged, true, &again) == HTTP_REASON_NONE);
		fuzz_expect(again.at == merged.at);
	}
	http_cookie_set(&r->fields, arena, SLICE("a"), SLICE("b"));
	fuzz_expect(slice_is_equal(http_cookie_get(&r->fields, SLICE("a")), SLICE("b")));
	fuzz_expect(http_cookie_remove(&r->fields, arena, SLICE("a")) == 1);
	http_fields_joined(&r->fields, SLICE("x-forwarded-for"), arena);
}

static void write_again(struct http_request *r, struct arena *arena)
{
	const struct http_additions add = {
		.body = r->body,
		.content_length = r->content_length,
		.close = true,
		.via = SLICE("w"),
		.forwarded_for = SLICE("1"),
		.cluster_client_ip = SLICE("1"),
	};
	struct http_head_scan scan = { 0 };
	struct http_request again;
	size_t used = 0;
	enum http_reason why = HTTP_REASON_NONE;
	struct slice head = http_write_request(arena, r, &add);
	enum http_parse result = http_request_parse(head, &fuzz_wide_limits, arena, &scan, &again,
						    &used, &why);
	/* Only HTTP/1.0 may come without Host, and it is an empty one that goes out then. */
	if (result == HTTP_BAD && why == HTTP_REASON_HOST && slice_is_absent(r->authority))
		return;
	fuzz_expect(result == HTTP_DONE && used == head.len);
	fuzz_expect(again.body == r->body && again.content_length == r->content_length);
	fuzz_expect(slice_is_equal(again.path, r->path) && slice_is_equal(again.query, r->query));
	fuzz_expect(again.version_minor == 1 && !again.keep_alive);
}

/* Does the second reading of HTTP agree? */
static void compare(struct slice whole, enum http_parse result, size_t used,
		    const struct http_request *r)
{
	static const enum model_framing framing[] = {
		[HTTP_BODY_NONE] = MODEL_NO_BODY,
		[HTTP_BODY_LENGTH] = MODEL_LENGTH,
		[HTTP_BODY_CHUNKED] = MODEL_CHUNKED,
	};
	static char body[MODEL_BODY_MOST];
	struct model_message m = { .body = body };
	model_read_request(whole, &m);
	if (m.verdict == MODEL_SURE && m.is_head_whole)
		fuzz_expect(result == HTTP_DONE);
	if (result != HTTP_DONE)
		return;
	fuzz_expect(m.is_head_whole && m.verdict != MODEL_NEVER && used == m.head_len);
	fuzz_expect(slice_is_equal(m.method, r->method));
	fuzz_expect(m.framing == framing[r->body] && m.version_minor == r->version_minor);
	fuzz_expect(r->body != HTTP_BODY_LENGTH || m.length == r->content_length);
	if (m.verdict == MODEL_SURE)
		fuzz_expect(r->keep_alive == !m.closes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	size_t cut = bytes[0] < len - 1 ? bytes[0] : len - 1;
	struct slice whole = fuzz_copy(bytes + 1, len - 1);
	struct slice first = fuzz_copy(bytes + 1, cut);
	struct http_head_scan scan = { 0 }, cut_scan = { 0 };
	struct http_request r, cut_r;
	size_t used = 0, cut_used = 0;
	enum http_reason why, cut_why;
	struct arena arena;
	arena_init(&arena);
	enum http_parse result = http_request_parse(whole, &fuzz_limits, &arena, &scan, &r, &used,
						    &why);
	enum http_parse cut_result = http_request_parse(first, &fuzz_limits, &arena, &cut_scan,
							&cut_r, &cut_used, &cut_why);
	if (cut_result == HTTP_MORE)
		cut_result = http_request_parse(whole, &fuzz_limits, &arena, &cut_scan, &cut_r,
						&cut_used, &cut_why);
	fuzz_expect(cut_result == result && cut_used == used);
	fuzz_expect((why != HTTP_REASON_NONE) == (result == HTTP_BAD));
	compare(whole, result, used, &r);
	if (result == HTTP_DONE) {
		fuzz_expect(cut_r.fields.count == r.fields.count && cut_r.body == r.body);
		write_again(&r, &arena);
		use(&r, &arena);
	}
	arena_release(&arena);
	arena_drop_spares();
	free((char *)(uintptr_t)whole.at);
	free((char *)(uintptr_t)first.at);
	return 0;
}
