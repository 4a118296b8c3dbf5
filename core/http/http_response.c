/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_head.h"

#include "http/http_framing.h"
#include "http/http_scan.h"

/* "HTTP/1.1 200 OK"; the blank before an empty reason may be missing, as some servers have it. */
static bool parse_line(struct slice line, struct http_response *r, enum http_reason *why)
{
	if (line.len < 12)
		return http_scan_refuse(why, HTTP_REASON_STATUS_LINE);
	if (!http_scan_version(slice_of(line.at, 8), &r->version_minor, HTTP_REASON_STATUS_LINE,
			       why))
		return false;
	const char *code = line.at + 9;
	if (code[-1] != ' ' || (line.len > 12 && code[3] != ' ') || code[0] < '1' ||
	    code[0] > '5' || !http_scan_is_digit(code[1]) || !http_scan_is_digit(code[2]))
		return http_scan_refuse(why, HTTP_REASON_STATUS_LINE);
	r->status = (unsigned)((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
	r->reason = slice_skip(line, line.len > 13 ? 13 : line.len);
	const char *end = line.at + line.len;
	const char *stop = http_scan_value(r->reason.at, end);
	if (stop != end)
		return http_scan_refuse(why, *stop == '\r' ? HTTP_REASON_LINE_END
							   : HTTP_REASON_STATUS_LINE);
	return true;
}

static bool has_no_body(unsigned status)
{
	return status < 200 || status == 204 || status == 304;
}

/* How the body ends (RFC 9112 6.3), and whether the connection can be used behind it. */
static bool check_fields(struct http_response *r, enum http_method method, enum http_reason *why)
{
	struct http_framing framing;
	if (!http_framing_read(&r->fields, r->version_minor, &framing, why))
		return false;
	r->content_length = framing.length;
	r->keep_alive = !framing.close && (r->version_minor == 1 || framing.keep_alive);
	/* Another head follows, and nothing would tell such a body from it (RFC 9110 8.6). */
	if (r->status < 200 && (framing.is_chunked || framing.length > 0))
		return http_scan_refuse(why, HTTP_REASON_INFORMATIONAL_BODY);
	if (r->status == 101) {
		r->body = HTTP_BODY_TUNNEL;
		r->keep_alive = false;
	} else if (method == HTTP_METHOD_HEAD || has_no_body(r->status)) {
		r->body = HTTP_BODY_NONE;
		/* A length where none may be: its sender might send a body as well. */
		if (r->status == 204 && (framing.is_chunked || framing.length > 0))
			r->keep_alive = false;
	} else if (framing.is_chunked) {
		r->body = HTTP_BODY_CHUNKED;
	} else if (framing.has_length) {
		r->body = HTTP_BODY_LENGTH;
	} else {
		r->body = HTTP_BODY_UNTIL_CLOSE;
		r->keep_alive = false;
	}
	return true;
}

static bool parse_first_line(struct slice in, struct http_head_scan *scan, struct http_response *r,
			     enum http_reason *why)
{
	if (scan->first_line_end == 0)
		return http_scan_refuse(why, HTTP_REASON_STATUS_LINE);
	struct slice line = slice_of(in.at, scan->first_line_end - 2);
	scan->is_first_line_good = parse_line(line, r, why);
	return scan->is_first_line_good;
}

/* Something else than HTTP/1 is told from its first bytes: its sender may never send a line end. */
static bool may_become_line(struct slice in)
{
	struct slice expected = SLICE("HTTP/1.");
	size_t len = in.len < expected.len ? in.len : expected.len;
	return memcmp(in.at, expected.at, len) == 0;
}

enum http_parse http_response_parse(struct slice in, const struct http_limits *limits,
				    struct arena *arena, struct http_head_scan *scan,
				    enum http_method request_method, struct http_response *r,
				    size_t *used, enum http_reason *why)
{
	size_t end = 0;
	*why = HTTP_REASON_NONE;
	enum http_parse found = http_scan_head(in, limits, scan, &end, why);
	if (*why == HTTP_REASON_REQUEST_LINE_TOO_LONG)
		*why = HTTP_REASON_STATUS_LINE;
	if (found == HTTP_BAD)
		return HTTP_BAD;
	if (scan->first_line_end == 0 && !may_become_line(in)) {
		*why = HTTP_REASON_STATUS_LINE;
		return HTTP_BAD;
	}
	if (found == HTTP_DONE)
		in = arena_copy(arena, slice_of(in.at, end));
	bool judge_line = found == HTTP_DONE ||
			  (scan->first_line_end != 0 && !scan->is_first_line_good);
	if (judge_line && !parse_first_line(in, scan, r, why))
		return HTTP_BAD;
	if (found == HTTP_MORE)
		return HTTP_MORE;
	struct slice lines = slice_of(in.at + scan->first_line_end, end - scan->first_line_end);
	if (!http_scan_fields(lines, scan->lines - 1, arena, &r->fields, why) ||
	    !check_fields(r, request_method, why))
		return HTTP_BAD;
	*used = end;
	return HTTP_DONE;
}
