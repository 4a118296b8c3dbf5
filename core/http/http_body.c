/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_body.h"

#include "http/http_scan.h"

/* A chunk size has at most as many digits as 64 bits hold. */
#define SIZE_DIGITS_MOST 16

enum {
	AT_SIZE,
	AT_EXTENSION, /* behind ";", its name has not begun */
	IN_EXTENSION,
	AT_SIZE_LF, /* behind the CR of the size line */
	IN_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
	IN_TRAILERS,
};

void http_body_init(struct http_body *b, enum http_body_kind kind, uint64_t length)
{
	*b = (struct http_body){ .kind = kind };
	if (kind == HTTP_BODY_LENGTH)
		b->left = length;
	b->is_done = kind == HTTP_BODY_NONE || (kind == HTTP_BODY_LENGTH && length == 0);
}

void http_body_release(struct http_body *b)
{
	buf_release(&b->trailer_held);
}

static bool refuse(enum http_reason *why, enum http_reason reason)
{
	return http_scan_refuse(why, reason);
}

/* ---- chunks ------------------------------------------------------------------------------------ */

static bool end_size_line(struct http_body *b)
{
	b->state = b->left == 0 ? IN_TRAILERS : IN_DATA;
	b->size_digits = 0;
	b->line_extension_bytes = 0;
	return true;
}

/* One byte more between the semicolon, itself counted, and the end of the line. */
static bool count_extension(struct http_body *b, const struct http_limits *limits,
			    enum http_reason *why)
{
	uint64_t most = b->total +
			(uint64_t)limits->chunk_extension_bytes * HTTP_CHUNK_EXTENSIONS_FACTOR;
	if (++b->line_extension_bytes > limits->chunk_extension_bytes)
		return refuse(why, HTTP_REASON_CHUNK_EXTENSION);
	return ++b->extension_bytes <= most || refuse(why, HTTP_REASON_CHUNK_EXTENSIONS);
}

static bool take_size(struct http_body *b, char byte, const struct http_limits *limits,
		      enum http_reason *why)
{
	int digit = slice_hex_digit(byte);
	if (digit != -1) {
		if (++b->size_digits > SIZE_DIGITS_MOST)
			return refuse(why, HTTP_REASON_CHUNK_SIZE);
		b->left = b->left << 4 | (unsigned)digit;
		return true;
	}
	if (b->size_digits == 0 || (byte != '\r' && byte != ';'))
		return refuse(why, HTTP_REASON_CHUNK_SIZE);
	b->state = byte == '\r' ? AT_SIZE_LF : AT_EXTENSION;
	return byte == '\r' || count_extension(b, limits, why);
}

/* Extensions are printable ASCII with a name; they mean nothing to us and end here. */
static bool take_extension(struct http_body *b, char byte, const struct http_limits *limits,
			   enum http_reason *why)
{
	if (byte != '\r' && !count_extension(b, limits, why))
		return false;
	if (byte == ' ' || byte == '\t')
		return true;
	if (b->state == AT_EXTENSION) {
		b->state = IN_EXTENSION;
		return http_scan_is(byte, HTTP_BYTE_TOKEN) ||
		       refuse(why, HTTP_REASON_CHUNK_EXTENSION);
	}
	if (byte == '\r')
		b->state = AT_SIZE_LF;
	else if (byte < 0x21 || byte == 0x7f)
		return refuse(why, HTTP_REASON_CHUNK_EXTENSION);
	return true;
}

/* One byte of framing, outside of data and trailers. */
static bool take_framing(struct http_body *b, char byte, const struct http_limits *limits,
			 enum http_reason *why)
{
	switch (b->state) {
	case AT_SIZE:
		return take_size(b, byte, limits, why);
	case AT_EXTENSION:
	case IN_EXTENSION:
		return take_extension(b, byte, limits, why);
	case AT_SIZE_LF:
		return byte == '\n' ? end_size_line(b) : refuse(why, HTTP_REASON_CHUNK_SIZE);
	case AT_DATA_CR:
		b->state = AT_DATA_LF;
		return byte == '\r' || refuse(why, HTTP_REASON_CHUNK_END);
	default:
		b->state = AT_SIZE;
		return byte == '\n' || refuse(why, HTTP_REASON_CHUNK_END);
	}
}

/* ---- trailers ---------------------------------------------------------------------------------- */

/*
 * A trailer is merged by nobody who does not know it (RFC 9110 6.5.1): all that the proxy looks
 * at, and all that steers routing, caching, conditions, access or the content, is dropped.
 */
static bool is_harmless(const struct http_field *field)
{
	static const struct slice prefixes[] = {
		SLICE_INIT("access-control-"), SLICE_INIT("if-"),
		SLICE_INIT("proxy-"),          SLICE_INIT("sec-"),
		SLICE_INIT("x-forwarded"),     SLICE_INIT("x-real-"),
	};
	static const struct slice names[] = {
		SLICE_INIT("age"),
		SLICE_INIT("allow"),
		SLICE_INIT("cache-control"),
		SLICE_INIT("content-disposition"),
		SLICE_INIT("content-language"),
		SLICE_INIT("content-location"),
		SLICE_INIT("content-range"),
		SLICE_INIT("expires"),
		SLICE_INIT("forwarded"),
		SLICE_INIT("last-modified"),
		SLICE_INIT("max-forwards"),
		SLICE_INIT("origin"),
		SLICE_INIT("pragma"),
		SLICE_INIT("range"),
		SLICE_INIT("retry-after"),
		SLICE_INIT("vary"),
		SLICE_INIT("warning"),
		SLICE_INIT("www-authenticate"),
	};
	if (field->id != HTTP_FIELD_OTHER || field->is_hop_by_hop ||
	    http_field_is_lookalike(field->name))
		return false;
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (field->name.len >= prefixes[i].len &&
		    slice_is_equal_nocase(slice_of(field->name.at, prefixes[i].len), prefixes[i]))
			return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_is_equal_nocase(field->name, names[i]))
			return false;
	return true;
}

/* A whole trailer section, its empty line included, copied so that it outlives the input. */
static bool keep_trailers(struct http_body *b, struct slice section,
			  const struct http_limits *limits, struct arena *arena,
			  enum http_reason *why)
{
	b->is_done = true;
	if (section.len == 2)
		return true;
	if (b->trailer_scan.lines > limits->fields)
		return refuse(why, HTTP_REASON_TRAILER_TOO_LARGE);
	if (!http_scan_fields(arena_copy(arena, section), b->trailer_scan.lines, arena,
			      &b->trailers, why))
		return refuse(why, HTTP_REASON_TRAILER);
	unsigned kept = 0;
	for (unsigned i = 0; i < b->trailers.count; i++)
		if (is_harmless(&b->trailers.at[i]))
			b->trailers.at[kept++] = b->trailers.at[i];
	b->trailers.count = kept;
	return true;
}

/* Puts as much of `in` as the limit allows behind what is held. */
static size_t hold(struct http_body *b, struct slice in, size_t most)
{
	size_t room = most - buf_len(&b->trailer_held);
	size_t taken = in.len < room ? in.len : room;
	buf_append(&b->trailer_held, slice_of(in.at, taken), most);
	return taken;
}

/* Bytes of the trailer section; *used of them are consumed. */
static bool take_trailers(struct http_body *b, struct slice in, const struct http_limits *limits,
			  struct arena *arena, size_t *used, enum http_reason *why)
{
	/* Two bytes more than the limit: the empty line is no trailer. */
	size_t most = limits->trailer_bytes + 2;
	size_t held = buf_len(&b->trailer_held);
	struct slice section = slice_of(in.at, in.len < most ? in.len : most);
	if (held > 0) {
		*used = hold(b, in, most);
		section = buf_slice(&b->trailer_held);
	}
	size_t end = 0;
	switch (http_scan_block(section, &b->trailer_scan, &end)) {
	case HTTP_DONE:
		*used = end - held;
		return keep_trailers(b, slice_of(section.at, end), limits, arena, why);
	case HTTP_BAD:
		return refuse(why, HTTP_REASON_TRAILER);
	default:
		break;
	}
	if (section.len >= most)
		return refuse(why, HTTP_REASON_TRAILER_TOO_LARGE);
	if (held == 0)
		*used = hold(b, in, most);
	return true;
}

/* ---- bodies ------------------------------------------------------------------------------------ */

/* The next run of data, at most what is left of the length or chunk. */
static struct slice take_data(struct http_body *b, struct slice in)
{
	size_t len = in.len < b->left ? in.len : (size_t)b->left;
	b->left -= len;
	b->total += len;
	return slice_of(in.at, len);
}

static enum http_parse take_chunked(struct http_body *b, struct slice in,
				    const struct http_limits *limits, struct arena *arena,
				    size_t *used, struct slice *data, enum http_reason *why)
{
	while (*used < in.len && !b->is_done) {
		struct slice rest = slice_skip(in, *used);
		if (b->state == IN_DATA) {
			if (data->len > 0)
				return HTTP_MORE;
			*data = take_data(b, rest);
			*used += data->len;
			if (b->left == 0)
				b->state = AT_DATA_CR;
		} else if (b->state == IN_TRAILERS) {
			size_t taken = 0;
			if (!take_trailers(b, rest, limits, arena, &taken, why))
				return HTTP_BAD;
			*used += taken;
		} else {
			if (!take_framing(b, rest.at[0], limits, why))
				return HTTP_BAD;
			*used += 1;
		}
	}
	return b->is_done ? HTTP_DONE : HTTP_MORE;
}

enum http_parse http_body_take(struct http_body *b, struct slice in,
			       const struct http_limits *limits, struct arena *arena, size_t *used,
			       struct slice *data, enum http_reason *why)
{
	in = slice_is_absent(in) ? SLICE("") : in;
	*used = 0;
	*data = slice_of(in.at, 0);
	*why = HTTP_REASON_NONE;
	if (b->is_done)
		return HTTP_DONE;
	switch (b->kind) {
	case HTTP_BODY_CHUNKED:
		return take_chunked(b, in, limits, arena, used, data, why);
	case HTTP_BODY_LENGTH:
		*data = take_data(b, in);
		b->is_done = b->left == 0;
		break;
	default:
		*data = in;
		b->total += in.len;
		break;
	}
	*used = data->len;
	return b->is_done ? HTTP_DONE : HTTP_MORE;
}

enum http_parse http_body_end(struct http_body *b)
{
	if (b->kind == HTTP_BODY_UNTIL_CLOSE || b->kind == HTTP_BODY_TUNNEL)
		b->is_done = true;
	return b->is_done ? HTTP_DONE : HTTP_BAD;
}

bool http_body_go_back(struct http_body *b, const struct http_body *before)
{
	/* pieces held before may be held elsewhere by now, and cannot be told from those of since */
	if (before->kind == HTTP_BODY_CHUNKED && before->state == IN_TRAILERS)
		return false;
	buf_release(&b->trailer_held);
	*b = *before;
	return true;
}
