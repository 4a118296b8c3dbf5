/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_scan.h"

#include "base/check.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* One row for each 16 bytes; the unit test derives it again from the definitions. */
const uint8_t http_scan_classes[256] = {
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x08, 0xef, 0x0e, 0x49, 0xef, 0xcf, 0xef, 0xef, 0xee, 0xee, 0xef, 0xef, 0xae,
	0xff, 0xff, 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xee, 0xae,
	0x4e, 0xee, 0x4e, 0x4c, 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xce, 0x0c, 0xce, 0xcf, 0xff, 0x4f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0x4e, 0xcf, 0x4e, 0xff, 0x00, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08, 0x08,
	0x08,
};

static inline const char *scan_class(const char *at, const char *end, unsigned classes)
{
	while (at < end && http_scan_is(*at, classes))
		at++;
	return at;
}

bool http_scan_is_all(struct slice text, unsigned classes)
{
	size_t i = 0;
	while (i < text.len && http_scan_is(text.at[i], classes))
		i++;
	return i == text.len;
}

/*
 * With SSE2, 16 bytes are judged at a time: a `..._stops` function gives a bit for each byte that
 * ends the run. What is left, and other machines, go byte by byte through the table.
 */
#ifdef __SSE2__
static __m128i each(char byte)
{
	return _mm_set1_epi8(byte);
}

static __m128i load(const char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static unsigned bits(__m128i bytes)
{
	return (unsigned)_mm_movemask_epi8(bytes);
}

static __m128i is_within(__m128i bytes, char first, char last)
{
	__m128i above = _mm_sub_epi8(bytes, each(first));
	return _mm_cmpeq_epi8(_mm_min_epu8(above, each((char)(last - first))), above);
}

static __m128i is_letter(__m128i bytes)
{
	return is_within(_mm_or_si128(bytes, each(0x20)), 'a', 'z');
}

static __m128i not_visible(__m128i bytes)
{
	return _mm_cmpeq_epi8(is_within(bytes, 0x21, 0x7e), _mm_setzero_si128());
}

static unsigned query_stops(__m128i bytes)
{
	return bits(_mm_or_si128(not_visible(bytes), _mm_cmpeq_epi8(bytes, each('#'))));
}

static unsigned path_stops(__m128i bytes)
{
	return query_stops(bytes) | bits(_mm_or_si128(_mm_cmpeq_epi8(bytes, each('?')),
						      _mm_cmpeq_epi8(bytes, each('\\'))));
}

/* What http_scan_path calls not plain; `after` has bit 0 set when a "/" stands before the block. */
static unsigned path_marks(__m128i bytes, unsigned *after)
{
	__m128i letter = is_letter(bytes);
	/* "-", ".", "/" and the digits are next to each other */
	__m128i digit = is_within(bytes, '-', '9');
	__m128i plain = _mm_or_si128(_mm_or_si128(letter, digit), _mm_cmpeq_epi8(bytes, each('_')));
	unsigned slashes = bits(_mm_cmpeq_epi8(bytes, each('/')));
	unsigned dots = bits(_mm_cmpeq_epi8(bytes, each('.')));
	unsigned behind = slashes << 1 | *after;
	*after = slashes >> 15;
	return (bits(plain) ^ 0xffffu) | ((slashes | dots) & behind);
}

static unsigned value_stops(__m128i bytes)
{
	__m128i control = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, each('\t')),
					   is_within(bytes, 0, 0x1f));
	return bits(_mm_or_si128(control, _mm_cmpeq_epi8(bytes, each(0x7f))));
}

/* Stops at all but letters, digits and "-": most names have nothing else. */
static unsigned name_stops(__m128i bytes)
{
	__m128i letter = is_letter(bytes);
	__m128i digit = is_within(bytes, '0', '9');
	__m128i dash = _mm_cmpeq_epi8(bytes, each('-'));
	return bits(_mm_or_si128(_mm_or_si128(letter, digit), dash)) ^ 0xffffu;
}

#endif

/*
 * The first place from `at` on that `stops_of` knows, or one less than 16 bytes before `end`.
 * Forced inline, all of these: they run once or twice for each header.
 */
#ifdef __SSE2__
static inline __attribute__((always_inline)) const char *scan_blocks(const char *at,
								     const char *end,
								     unsigned (*stops_of)(__m128i))
{
	while (end - at >= 16) {
		unsigned stops = stops_of(load(at));
		if (stops != 0)
			return at + (unsigned)__builtin_ctz(stops);
		at += 16;
	}
	return at;
}
#define SCAN_BLOCKS(at, end, stops_of) scan_blocks(at, end, stops_of)
#else
#define SCAN_BLOCKS(at, end, stops_of) (at)
#endif

const char *http_scan_token(const char *at, const char *end)
{
	return scan_class(SCAN_BLOCKS(at, end, name_stops), end, HTTP_BYTE_TOKEN);
}

const char *http_scan_value(const char *at, const char *end)
{
	return scan_class(SCAN_BLOCKS(at, end, value_stops), end, HTTP_BYTE_VALUE);
}

/* Is the byte none of a plain path, as path_marks has it? */
static bool is_mark(char byte, bool is_after_slash)
{
	bool is_plain = http_scan_is(byte, HTTP_BYTE_UNRESERVED) ? byte != '~' : byte == '/';
	return !is_plain || (is_after_slash && (byte == '.' || byte == '/'));
}

/* The first place that is not plain. */
static const char *scan_plain_path(const char *at, const char *end)
{
	unsigned after = 0;
#ifdef __SSE2__
	while (end - at >= 16) {
		unsigned marks = path_marks(load(at), &after);
		if (marks != 0)
			return at + __builtin_ctz(marks);
		at += 16;
	}
#endif
	for (; at < end && !is_mark(*at, after != 0); at++)
		after = *at == '/';
	return at;
}

const char *http_scan_path(const char *at, const char *end, bool *is_plain)
{
	at = scan_plain_path(at, end);
	*is_plain = at == end || !http_scan_is(*at, HTTP_BYTE_PATH);
	if (*is_plain)
		return at;
	return scan_class(SCAN_BLOCKS(at, end, path_stops), end, HTTP_BYTE_PATH);
}

const char *http_scan_query(const char *at, const char *end)
{
	return scan_class(SCAN_BLOCKS(at, end, query_stops), end, HTTP_BYTE_QUERY);
}

/* A LF stands at `lf`: HTTP_DONE if it ends the empty line, HTTP_BAD without CR, else HTTP_MORE. */
static inline enum http_parse end_line(struct slice in, struct http_head_scan *scan, size_t lf)
{
	if (lf == scan->line_start || in.at[lf - 1] != '\r')
		return HTTP_BAD;
	if (lf == scan->line_start + 1)
		return HTTP_DONE;
	scan->line_start = lf + 1;
	if (scan->lines++ == 0)
		scan->first_line_end = lf + 1;
	return HTTP_MORE;
}

#ifdef __SSE2__
static unsigned feeds_of(const char *at)
{
	return bits(_mm_cmpeq_epi8(load(at), each('\n')));
}

/* A bit for each LF in the 64 bytes from `at` on. */
static uint64_t feeds_of_line(const char *at)
{
	return feeds_of(at) | (uint64_t)feeds_of(at + 16) << 16 |
	       (uint64_t)feeds_of(at + 32) << 32 | (uint64_t)feeds_of(at + 48) << 48;
}
#endif

/* The next LF from `at` on, below `len`, or `len`. */
static size_t next_feed(const char *bytes, size_t at, size_t len)
{
	while (at < len && bytes[at] != '\n')
		at++;
	return at;
}

enum http_parse http_scan_block(struct slice in, struct http_head_scan *scan, size_t *end)
{
	size_t at = scan->scanned;
#ifdef __SSE2__
	while (in.len >= 16 && at < in.len) {
		size_t rest = in.len - at;
		uint64_t feeds =
			rest >= 64 ? feeds_of_line(in.at + at)
			: rest >= 16
				? feeds_of(in.at + at)
				:
				/* the last 16 bytes, without those that were looked at before */
				feeds_of(in.at + in.len - 16) >> (16 - rest);
		for (; feeds != 0; feeds &= feeds - 1) {
			size_t lf = at + (unsigned)__builtin_ctzll(feeds);
			enum http_parse result = end_line(in, scan, lf);
			if (result != HTTP_MORE) {
				*end = lf + 1;
				return result;
			}
		}
		at += rest >= 64 ? 64 : rest >= 16 ? 16 : rest;
	}
#endif
	while ((at = next_feed(in.at, at, in.len)) < in.len) {
		enum http_parse result = end_line(in, scan, at++);
		if (result != HTTP_MORE) {
			*end = at;
			return result;
		}
	}
	scan->scanned = in.len;
	return HTTP_MORE;
}

static enum http_parse refuse_head(enum http_reason *why, enum http_reason reason)
{
	*why = reason;
	return HTTP_BAD;
}

enum http_parse http_scan_head(struct slice in, const struct http_limits *limits,
			       struct http_head_scan *scan, size_t *end, enum http_reason *why)
{
	size_t start = 2 * (size_t)scan->empty_lines;
	enum http_parse found = http_scan_block(in, scan, end);
	/* An unfinished line or head has at least one more byte than it has now. */
	size_t line_bytes = scan->first_line_end != 0 ? scan->first_line_end : in.len + 1;
	size_t head_bytes = found == HTTP_MORE ? in.len + 1 : *end;
	if (line_bytes - start > limits->line_bytes + 2)
		return refuse_head(why, HTTP_REASON_REQUEST_LINE_TOO_LONG);
	if (found == HTTP_BAD)
		return refuse_head(why, HTTP_REASON_LINE_END);
	if (head_bytes > limits->head_bytes)
		return refuse_head(why, HTTP_REASON_HEAD_TOO_LARGE);
	if (scan->lines > limits->fields + 1)
		return refuse_head(why, HTTP_REASON_TOO_MANY_FIELDS);
	return found;
}

bool http_scan_version(struct slice text, unsigned *minor, enum http_reason malformed,
		       enum http_reason *why)
{
	if (text.len != 8 || memcmp(text.at, "HTTP/", 5) != 0 || text.at[6] != '.' ||
	    !http_scan_is_digit(text.at[5]) || !http_scan_is_digit(text.at[7]))
		return http_scan_refuse(why, malformed);
	if (text.at[5] != '1' || text.at[7] > '1')
		return http_scan_refuse(why, HTTP_REASON_VERSION);
	*minor = (unsigned)(text.at[7] - '0');
	return true;
}

/* Why the name that stops before `stop` is none. */
static enum http_reason name_fault(const char *line, const char *stop)
{
	if (*line == ' ' || *line == '\t')
		return HTTP_REASON_FIELD_FOLDED;
	if (*stop == '\r' && stop[1] != '\n')
		return HTTP_REASON_LINE_END;
	return HTTP_REASON_FIELD_NAME;
}

static inline bool is_blank(char byte)
{
	return (uint8_t)byte <= ' ' && (byte == ' ' || byte == '\t');
}

/*
 * One line at `at`; gives the start of the next, or NULL with *why. A CRLF follows before `end`.
 * What is seldom true is asked behind what mostly settles it: the byte where the blocks stopped.
 */
static inline const char *parse_field(const char *at, const char *end, struct http_field *field,
				      enum http_reason *why)
{
	const char *colon = SCAN_BLOCKS(at, end, name_stops);
	if (*colon != ':')
		colon = scan_class(colon, end, HTTP_BYTE_TOKEN);
	if (colon == at || *colon != ':') {
		*why = name_fault(at, colon);
		return NULL;
	}
	field->name = slice_of(at, (size_t)(colon - at));
	field->id = http_field_id(field->name);
	field->is_hop_by_hop = http_field_is_hop_by_hop(field->id);
	const char *value = colon + 1;
	value += *value == ' ';
	while (is_blank(*value))
		value++;
	const char *stop = SCAN_BLOCKS(value, end, value_stops);
	if (*stop != '\r')
		stop = scan_class(stop, end, HTTP_BYTE_VALUE);
	if (stop[0] != '\r' || stop[1] != '\n') {
		*why = stop[0] == '\r' ? HTTP_REASON_LINE_END : HTTP_REASON_FIELD_VALUE;
		return NULL;
	}
	const char *value_end = stop;
	while (value_end > value && is_blank(value_end[-1]))
		value_end--;
	field->value = slice_of(value, (size_t)(value_end - value));
	return stop + 2;
}

bool http_scan_fields(struct slice lines, unsigned count, struct arena *arena,
		      struct http_fields *f, enum http_reason *why)
{
	const char *at = lines.at;
	const char *end = lines.at + lines.len;
	/* Some room for what rules add, so that the array need not grow. */
	f->capacity = count + 4;
	f->count = 0;
	struct http_field *fields = arena_alloc(arena, f->capacity * sizeof *f->at);
	unsigned read = 0;
	f->at = fields;
	for (; at < end - 2; read++) {
		check(read < count);
		at = parse_field(at, end, &fields[read], why);
		if (at == NULL)
			return false;
	}
	f->count = read;
	return true;
}
