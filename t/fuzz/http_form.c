/*
 * A body as a multipart one and as an urlencoded one, and as each coding: the first byte says which
 * coding and how it is cut. However it comes, the same comes out, and never more than the limit.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "http/http_coding.h"
#include "http/http_form.h"

#define LIMIT 10000

static void read_form(struct slice in)
{
	struct arena arena;
	struct http_parts parts;
	struct http_part part;
	struct slice rest = in, name, value;
	size_t bytes = 0;
	arena_init(&arena);
	while (http_form_next(&rest, &name, &value))
		bytes += name.len + value.len + http_form_is(name, value);
	if (http_parts_begin(&parts, SLICE("multipart/form-data; boundary=X"), in))
		while (http_parts_next(&parts, &arena, &part))
			bytes += part.body.len;
	fuzz_expect(bytes <= 3 * in.len);
	arena_release(&arena);
}

static enum http_parse decode(enum http_coding coding, struct slice in, size_t step,
			      struct buf *out)
{
	struct http_decoder *d = http_decoder_new(coding);
	enum http_parse result = HTTP_MORE;
	buf_init(out);
	while (in.len > 0 && result == HTTP_MORE) {
		size_t used, len = in.len < step ? in.len : step;
		result = http_decoder_take(d, slice_of(in.at, len), &used, out, LIMIT);
		in = slice_skip(in, used);
		if (used < len)
			break;
	}
	http_decoder_free(d);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice input = fuzz_copy(bytes, len);
	struct buf whole, cut;
	if (len > 0) {
		struct slice body = slice_skip(input, 1);
		enum http_coding coding = (enum http_coding)(HTTP_CODING_GZIP + bytes[0] % 3);
		read_form(body);
		enum http_parse one = decode(coding, body, SIZE_MAX, &whole);
		enum http_parse other = decode(coding, body, 1 + bytes[0] / 3, &cut);
		bool is_full = buf_len(&whole) == LIMIT;
		fuzz_expect(buf_len(&whole) <= LIMIT && buf_len(&cut) <= LIMIT);
		fuzz_expect(one == HTTP_BAD || is_full ||
			    (one == other && slice_is_equal(buf_slice(&whole), buf_slice(&cut))));
		buf_release(&whole);
		buf_release(&cut);
	}
	arena_drop_spares();
	free((char *)(uintptr_t)input.at);
	return 0;
}
