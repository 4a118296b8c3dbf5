/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests. A target is refused with "#", blanks, controls or bytes from 0x80 on, and with what a
 * URI may not have in its path and browsers never send there: backslash, double quote, "<", ">",
 * "`", "{", "}" (in a query they do). Authorities are host[:port] without user information.
 */
#include "http/http_head.h"

#include "http/http_framing.h"
#include "http/http_path.h"
#include "http/http_scan.h"

/* Empty lines before a request line that are passed over (RFC 9112 2.2). */
#define EMPTY_LINES_MOST 4

/* The part of the line that stops at `stop` should have ended in a blank. */
static bool refuse_at(const char *stop, const char *line_end, enum http_reason *why,
		      enum http_reason reason)
{
	if (stop == line_end)
		return http_scan_refuse(why, HTTP_REASON_REQUEST_LINE);
	return http_scan_refuse(why, *stop == '\r' ? HTTP_REASON_LINE_END : reason);
}

/* Method, target as a whole, version; path and query as if it were origin-form. */
static bool parse_line(const char *at, const char *line_end, const char *end,
		       struct http_request *r, bool *is_plain, enum http_reason *why)
{
	const char *stop = http_scan_token(at, end);
	if (stop == at || *stop != ' ')
		return refuse_at(stop, line_end, why, HTTP_REASON_METHOD);
	r->method = slice_of(at, (size_t)(stop - at));
	r->method_id = http_method_id(r->method);
	at = stop + 1;
	stop = http_scan_path(at, end, is_plain);
	r->path = slice_of(at, (size_t)(stop - at));
	r->query = SLICE_ABSENT;
	if (*stop == '?') {
		const char *query = stop + 1;
		stop = http_scan_query(query, end);
		r->query = slice_of(query, (size_t)(stop - query));
	}
	if (*stop != ' ')
		return refuse_at(stop, line_end, why, HTTP_REASON_TARGET);
	r->target = slice_of(at, (size_t)(stop - at));
	if (r->target.len == 0)
		return http_scan_refuse(why, HTTP_REASON_REQUEST_LINE);
	return http_scan_version(slice_of(stop + 1, (size_t)(line_end - stop - 1)),
				 &r->version_minor, HTTP_REASON_REQUEST_LINE, why);
}

/* Takes scheme and authority off the front of `path`. */
static bool split_absolute(struct http_request *r)
{
	static const struct slice schemes[] = { SLICE_INIT("http"), SLICE_INIT("https") };
	size_t colon = slice_find(r->path, ':');
	r->scheme = slice_of(r->path.at, colon);
	struct slice rest = slice_skip(r->path, colon);
	if (!slice_has_prefix(rest, SLICE("://")) ||
	    (!slice_is_equal_nocase(r->scheme, schemes[0]) &&
	     !slice_is_equal_nocase(r->scheme, schemes[1])))
		return false;
	rest = slice_skip(rest, 3);
	size_t slash = slice_find(rest, '/');
	r->authority = slice_of(rest.at, slash);
	r->path = slice_skip(rest, slash);
	/* An empty path means the root; for OPTIONS the whole server (RFC 9112 3.2.4). */
	if (r->path.len == 0)
		r->path = r->method_id == HTTP_METHOD_OPTIONS && slice_is_absent(r->query)
				  ? SLICE("*")
				  : SLICE("/");
	struct slice host;
	unsigned port;
	return http_authority_parse(r->authority, &host, &port);
}

/* Which of the four forms the target has (RFC 9112 3.2). */
static bool parse_target(struct http_request *r, enum http_reason *why)
{
	r->scheme = SLICE_ABSENT;
	r->authority = SLICE_ABSENT;
	if (r->method_id == HTTP_METHOD_CONNECT)
		return http_scan_refuse(why, HTTP_REASON_CONNECT);
	if (r->target.at[0] == '/')
		return true;
	if (r->target.len == 1 && r->target.at[0] == '*' && r->method_id == HTTP_METHOD_OPTIONS)
		return true;
	return split_absolute(r) || http_scan_refuse(why, HTTP_REASON_TARGET);
}

static unsigned effective_port(unsigned port, struct slice scheme)
{
	return port != 0 ? port : scheme.len == 5 ? 443 : 80;
}

/* Does Host name what the absolute-form target names? */
static bool is_same_authority(struct slice target, struct slice host, struct slice scheme)
{
	struct slice target_host, host_host;
	unsigned target_port, host_port;
	return http_authority_parse(target, &target_host, &target_port) &&
	       http_authority_parse(host, &host_host, &host_port) &&
	       slice_is_equal_nocase(target_host, host_host) &&
	       effective_port(target_port, scheme) == effective_port(host_port, scheme);
}

static bool check_host(struct http_request *r, const struct http_framing *framing,
		       enum http_reason *why)
{
	if (framing->hosts > 1)
		return http_scan_refuse(why, HTTP_REASON_HOST_DUPLICATE);
	if (framing->hosts == 0)
		return r->version_minor == 0 || http_scan_refuse(why, HTTP_REASON_HOST_MISSING);
	struct slice value = framing->host->value;
	struct slice host;
	unsigned port;
	if (!http_authority_parse(value, &host, &port))
		return http_scan_refuse(why, HTTP_REASON_HOST);
	if (slice_is_absent(r->authority))
		r->authority = value;
	else if (!is_same_authority(r->authority, value, r->scheme))
		return http_scan_refuse(why, HTTP_REASON_HOST_MISMATCH);
	else /* the target is what counts, in its own spelling (RFC 9112 3.2.2) */
		framing->host->value = r->authority;
	return true;
}

bool http_max_forwards(const struct http_fields *f, unsigned *hops)
{
	const struct http_field *field = http_fields_find(f, SLICE("Max-Forwards"));
	*hops = HTTP_HOPS_MOST;
	if (field == NULL)
		return true;
	if (field->value.len == 0 || http_fields_find_next(f, field) != NULL)
		return false;
	uint64_t number = 0;
	for (size_t i = 0; i < field->value.len; i++) {
		if (!http_scan_is_digit(field->value.at[i]))
			return false;
		number = number * 10 + (unsigned)(field->value.at[i] - '0');
		number = number < HTTP_HOPS_MOST ? number : HTTP_HOPS_MOST;
	}
	*hops = (unsigned)number;
	return true;
}

/* What RFC 9110 asks for one method alone: 9.3.8, and 7.6.2 for OPTIONS and TRACE. */
static bool check_method(const struct http_request *r, enum http_reason *why)
{
	unsigned hops;
	if (!http_method_counts_hops(r->method_id))
		return true;
	if (r->method_id == HTTP_METHOD_TRACE && r->body != HTTP_BODY_NONE)
		return http_scan_refuse(why, HTTP_REASON_TRACE_BODY);
	return http_max_forwards(&r->fields, &hops) ||
	       http_scan_refuse(why, HTTP_REASON_MAX_FORWARDS);
}

static bool check_fields(struct http_request *r, enum http_reason *why)
{
	struct http_framing framing;
	for (unsigned i = 0; i < r->fields.count; i++)
		if (r->fields.at[i].id == HTTP_FIELD_OTHER &&
		    http_field_is_lookalike(r->fields.at[i].name))
			return http_scan_refuse(why, HTTP_REASON_FIELD_NAME);
	if (!http_framing_read(&r->fields, r->version_minor, &framing, why) ||
	    !check_host(r, &framing, why))
		return false;
	if (framing.is_unexpected)
		return http_scan_refuse(why, HTTP_REASON_EXPECT);
	bool is_new = r->version_minor == 1;
	r->body = framing.is_chunked   ? HTTP_BODY_CHUNKED
		  : framing.has_length ? HTTP_BODY_LENGTH
				       : HTTP_BODY_NONE;
	r->content_length = framing.length;
	r->keep_alive = !framing.close && (is_new || framing.keep_alive);
	/* without a body there is nothing to wait for (RFC 9110 10.1.1), and some nodes then wait in vain */
	bool has_content = framing.is_chunked || framing.length > 0;
	r->expects_continue = is_new && framing.has_continue && has_content;
	r->wants_upgrade = is_new && framing.upgrade && framing.has_upgrade &&
			   !framing.upgrades_http;
	r->accepts_trailers = is_new && framing.has_trailers;
	return check_method(r, why);
}

/* Passes over empty lines before the head. */
static void skip_empty_lines(struct slice in, struct http_head_scan *scan)
{
	size_t at = 2 * (size_t)scan->empty_lines;
	while (scan->first_line_end == 0 && scan->empty_lines < EMPTY_LINES_MOST &&
	       in.len - at >= 2 && in.at[at] == '\r' && in.at[at + 1] == '\n') {
		at += 2;
		scan->empty_lines++;
		scan->scanned = at;
		scan->line_start = at;
	}
}

/*
 * Rules and the node must see the same thing in a path, so it gets its normal form before anybody
 * sees it; where that could still be read in two ways it is refused. A query is the application's
 * own language: it stays as it came.
 */
static bool normalize_path(struct http_request *r, const struct http_limits *limits,
			   struct arena *arena, enum http_reason *why)
{
	if (r->path.at[0] == '/')
		*why = http_path_normalize(arena, r->path, limits->merge_slashes, &r->path);
	return *why == HTTP_REASON_NONE;
}

static bool parse_first_line(struct slice in, const struct http_limits *limits, struct arena *arena,
			     struct http_head_scan *scan, struct http_request *r,
			     enum http_reason *why)
{
	bool is_plain;
	if (scan->first_line_end == 0)
		return http_scan_refuse(why, HTTP_REASON_REQUEST_LINE);
	const char *at = in.at + 2 * (size_t)scan->empty_lines;
	const char *line_end = in.at + scan->first_line_end - 2;
	scan->is_first_line_good = parse_line(at, line_end, in.at + in.len, r, &is_plain, why) &&
				   parse_target(r, why) &&
				   (is_plain || normalize_path(r, limits, arena, why));
	return scan->is_first_line_good;
}

/* TLS and other things that are no HTTP show in the first byte; no line end need ever come. */
static bool may_become_line(struct slice in, const struct http_head_scan *scan)
{
	struct slice line = slice_skip(in, 2 * (size_t)scan->empty_lines);
	return line.len == 0 || line.at[0] == '\r' || http_is_token(slice_of(line.at, 1));
}

enum http_parse http_request_parse(struct slice in, const struct http_limits *limits,
				   struct arena *arena, struct http_head_scan *scan,
				   struct http_request *r, size_t *used, enum http_reason *why)
{
	size_t end = 0;
	*why = HTTP_REASON_NONE;
	skip_empty_lines(in, scan);
	enum http_parse found = http_scan_head(in, limits, scan, &end, why);
	if (found == HTTP_BAD)
		return HTTP_BAD;
	if (scan->first_line_end == 0 && !may_become_line(in, scan)) {
		*why = HTTP_REASON_METHOD;
		return HTTP_BAD;
	}
	if (found == HTTP_DONE)
		in = arena_copy(arena, slice_of(in.at, end));
	/* An unfinished head's first line is judged once, as soon as it is whole. */
	bool judge_line = found == HTTP_DONE ||
			  (scan->first_line_end != 0 && !scan->is_first_line_good);
	if (judge_line && !parse_first_line(in, limits, arena, scan, r, why))
		return HTTP_BAD;
	if (found == HTTP_MORE)
		return HTTP_MORE;
	struct slice lines = slice_of(in.at + scan->first_line_end, end - scan->first_line_end);
	if (!http_scan_fields(lines, scan->lines - 1, arena, &r->fields, why) ||
	    !check_fields(r, why))
		return HTTP_BAD;
	*used = end;
	return HTTP_DONE;
}
