/* SPDX-License-Identifier: Apache-2.0 */
/* The half of http_body.h that puts a body's bytes in pieces for the other side. */
#include "http/http_body.h"

#include "base/check.h"

#include <string.h>

/* A batch is a size line, runs of data and what ends the chunk: three pieces at least. */
#define BATCH_PIECES_LEAST 3

/* The longest size line: 16 digits and CRLF. */
#define SIZE_LINE_BYTES 18

void http_relay_init(struct http_relay *r, enum http_body_kind in, uint64_t length,
		     enum http_body_kind out, const struct http_limits *limits, struct arena *arena)
{
	*r = (struct http_relay){ .out = out, .limits = limits, .arena = arena };
	http_body_init(&r->in, in, length);
}

void http_relay_release(struct http_relay *r)
{
	http_body_release(&r->in);
}

static void add_piece(struct http_pieces *out, struct slice s)
{
	out->at[out->count++] = (struct iovec){ (void *)(uintptr_t)s.at, s.len };
	out->bytes += s.len;
}

/* Bytes of the scratch that earlier batches use: their pieces point into it. */
static size_t scratch_used(const struct http_pieces *out)
{
	for (unsigned i = out->count; i > 0; i--) {
		const struct iovec *piece = &out->at[i - 1];
		size_t offset = (size_t)((uintptr_t)piece->iov_base - (uintptr_t)out->scratch);
		if (offset < sizeof out->scratch)
			return offset + piece->iov_len;
	}
	return 0;
}

/* Writes the size line of a chunk into `at`; gives its length. */
static size_t write_size(char *at, size_t size)
{
	unsigned digits = 1;
	while (digits < 16 && size >> (4 * digits) != 0)
		digits++;
	for (unsigned i = 0; i < digits; i++)
		at[i] = "0123456789abcdef"[size >> (4 * (digits - 1 - i)) & 15];
	at[digits] = '\r';
	at[digits + 1] = '\n';
	return digits + 2;
}

/* The end of a chunked body with its trailers, in the arena. */
static struct slice write_trailers(const struct http_relay *r, bool has_data)
{
	const struct http_fields *f = &r->in.trailers;
	size_t size = 2 + 3 + 2;
	for (unsigned i = 0; i < f->count; i++)
		size += f->at[i].name.len + 2 + f->at[i].value.len + 2;
	char *text = arena_alloc(r->arena, size);
	char *at = text;
	at = mempcpy(at, "\r\n0\r\n", 5);
	for (unsigned i = 0; i < f->count; i++) {
		at = mempcpy(at, f->at[i].name.at, f->at[i].name.len);
		at = mempcpy(at, ": ", 2);
		at = mempcpy(at, f->at[i].value.at, f->at[i].value.len);
		at = mempcpy(at, "\r\n", 2);
	}
	at = mempcpy(at, "\r\n", 2);
	struct slice whole = slice_of(text, (size_t)(at - text));
	return has_data ? whole : slice_skip(whole, 2);
}

/* What follows the data of a batch: the chunk's CRLF, the last chunk, or both. */
static void add_tail(struct http_relay *r, struct http_pieces *out, bool has_data, bool is_last)
{
	struct slice both = SLICE("\r\n0\r\n\r\n");
	if (!is_last) {
		if (has_data)
			add_piece(out, slice_of(both.at, 2));
		return;
	}
	r->is_ended = true;
	if (r->send_trailers && r->in.trailers.count > 0)
		add_piece(out, write_trailers(r, has_data));
	else
		add_piece(out, has_data ? both : slice_skip(both, 2));
}

/* Decodes from `in` into data pieces, leaving one piece free. */
static enum http_parse take_data(struct http_relay *r, struct slice in, size_t *used,
				 struct http_pieces *out)
{
	enum http_parse result = HTTP_MORE;
	while (out->count < HTTP_PIECES_MOST - 1) {
		size_t taken;
		struct slice data;
		result = http_body_take(&r->in, slice_skip(in, *used), r->limits, r->arena, &taken,
					&data, &r->why);
		*used += taken;
		if (data.len > 0 && r->tap != NULL)
			r->tap->on_data(r->tap, data);
		if (data.len > 0 && r->out != HTTP_BODY_NONE)
			add_piece(out, data);
		if (result != HTTP_MORE || *used == in.len)
			return result;
	}
	return result;
}

static enum http_parse take_as_chunk(struct http_relay *r, struct slice in, size_t *used,
				     struct http_pieces *out)
{
	size_t scratch_start = scratch_used(out);
	if (out->count > HTTP_PIECES_MOST - BATCH_PIECES_LEAST ||
	    sizeof out->scratch - scratch_start < SIZE_LINE_BYTES)
		return HTTP_MORE;
	unsigned size_piece = out->count++;
	size_t bytes_before = out->bytes;
	out->at[size_piece] = (struct iovec){ out->scratch + scratch_start, 0 };
	enum http_parse result = take_data(r, in, used, out);
	size_t size = out->bytes - bytes_before;
	if (size == 0) {
		out->count = size_piece;
	} else {
		size_t len = write_size(out->scratch + scratch_start, size);
		out->at[size_piece].iov_len = len;
		out->bytes += len;
	}
	add_tail(r, out, size > 0, result == HTTP_DONE);
	return result;
}

enum http_parse http_relay_take(struct http_relay *r, struct slice in, size_t *used,
				struct http_pieces *out)
{
	unsigned count = out->count;
	size_t bytes = out->bytes;
	enum http_parse result;
	in = slice_is_absent(in) ? SLICE("") : in;
	*used = 0;
	if (r->is_ended)
		return HTTP_DONE;
	if (r->out == HTTP_BODY_CHUNKED) {
		result = take_as_chunk(r, in, used, out);
	} else {
		result = take_data(r, in, used, out);
		r->is_ended = result == HTTP_DONE;
	}
	if (result == HTTP_DONE && r->tap != NULL)
		r->tap->on_end(r->tap);
	if (result == HTTP_BAD) {
		out->count = count;
		out->bytes = bytes;
	}
	return result;
}

enum http_parse http_relay_pass(struct http_relay *r, uint64_t count)
{
	check(count <= http_relay_may_pass(r));
	r->in.left -= count;
	r->in.total += count;
	r->in.is_done = r->is_ended = r->in.left == 0;
	return r->is_ended ? HTTP_DONE : HTTP_MORE;
}

void http_relay_put(struct http_relay *r, struct slice data, bool is_last, struct http_pieces *out)
{
	bool is_chunk = r->out == HTTP_BODY_CHUNKED && data.len > 0;
	size_t start = scratch_used(out);
	check(out->count <= HTTP_PIECES_MOST - BATCH_PIECES_LEAST &&
	      sizeof out->scratch - start >= SIZE_LINE_BYTES);
	if (is_chunk)
		add_piece(out, slice_of(out->scratch + start,
					write_size(out->scratch + start, data.len)));
	if (data.len > 0 && r->out != HTTP_BODY_NONE)
		add_piece(out, data);
	if (r->out == HTTP_BODY_CHUNKED)
		add_tail(r, out, is_chunk, is_last);
	r->is_ended = is_last;
}

enum http_parse http_relay_end(struct http_relay *r, struct http_pieces *out)
{
	enum http_parse result = http_body_end(&r->in);
	if (result != HTTP_DONE || r->is_ended)
		return result;
	if (r->out != HTTP_BODY_CHUNKED) {
		r->is_ended = true;
	} else {
		if (out->count == HTTP_PIECES_MOST)
			return HTTP_MORE;
		add_tail(r, out, false, true);
	}
	return HTTP_DONE;
}
