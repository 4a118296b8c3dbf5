/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_write.h"

#include "base/check.h"
#include "base/clock.h"

#include <string.h>

/*
 * A head is written in one go into room that was measured before, a little too large rather than
 * exact. Lines that were received next to each other are copied as one run.
 */
struct writer {
	char *start;
	char *at;
	char *end;
	struct slice run; /* received lines not yet copied, each with its CRLF but the last */
};

/* Longest of what is written beside names and values: fixed texts and numbers. */
#define FIXED_BYTES 512

static void writer_open(struct writer *w, struct arena *arena, size_t size)
{
	w->start = w->at = arena_alloc(arena, size);
	w->end = w->start + size;
	w->run = SLICE_ABSENT;
}

/* Every writer of bytes says first how many will come at most. */
static inline void need_room(const struct writer *w, size_t size)
{
	check(size <= (size_t)(w->end - w->at));
}

/* Forced inline, these two: most texts are constants, and then a copy is a store or two. */
static inline __attribute__((always_inline)) void append(struct writer *w, struct slice s)
{
	if (s.len > 0)
		memcpy(w->at, s.at, s.len);
	w->at += s.len;
}

static inline __attribute__((always_inline)) void put(struct writer *w, struct slice s)
{
	need_room(w, s.len);
	append(w, s);
}

/* A header line; `name` with what stands between it and the value. */
static inline __attribute__((always_inline)) void put_line(struct writer *w, struct slice name,
							   struct slice value)
{
	need_room(w, name.len + value.len + 2);
	append(w, name);
	append(w, value);
	append(w, SLICE("\r\n"));
}

static void put_number_line(struct writer *w, struct slice name, uint64_t number)
{
	char digits[20];
	char *at = digits + sizeof digits;
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put_line(w, name, slice_of(at, (size_t)(digits + sizeof digits - at)));
}

static void put_run(struct writer *w)
{
	if (slice_is_absent(w->run))
		return;
	put_line(w, SLICE(""), w->run);
	w->run = SLICE_ABSENT;
}

static inline bool is_pair(const char *at, const char *pair)
{
	return memcmp(at, pair, 2) == 0;
}

/* Is the line in memory just as it is to be written: "name: value"? */
static bool is_canonical(const struct http_field *field)
{
	const char *name_end = field->name.at + field->name.len;
	return field->value.at == name_end + 2 && is_pair(name_end, ": ");
}

/*
 * Puts a line, by making the run longer where it can. That two lines are adjacent is read off
 * their addresses and the bytes between them, so lines that rules made can never be mistaken.
 */
static void put_field(struct writer *w, const struct http_field *field)
{
	if (!is_canonical(field)) {
		put_run(w);
		put(w, field->name);
		put_line(w, SLICE(": "), field->value);
		return;
	}
	size_t len = field->name.len + 2 + field->value.len;
	if (!slice_is_absent(w->run)) {
		const char *run_end = w->run.at + w->run.len;
		if (field->name.at == run_end + 2 && is_pair(run_end, "\r\n")) {
			w->run.len += 2 + len;
			return;
		}
	}
	put_run(w);
	w->run = slice_of(field->name.at, len);
}

/* ---- what stays and what is added ---------------------------------------------------------------- */

static size_t fields_size(const struct http_fields *f)
{
	size_t size = 0;
	for (unsigned i = 0; i < f->count; i++)
		size += f->at[i].name.len + f->at[i].value.len + 4;
	return size;
}

static size_t additions_size(const struct http_additions *add)
{
	return FIXED_BYTES + add->via.len + add->cluster_client_ip.len + add->forwarded_for.len +
	       add->forwarded_proto.len;
}

static uint64_t bit(enum http_field_id id, bool is_set)
{
	return (uint64_t)is_set << id;
}

/* A bit for each known name whose lines do not go on as they are. */
static uint64_t names_left_out(const struct http_additions *add)
{
	_Static_assert(HTTP_FIELD_ID_COUNT <= 64, "a bit for each name");
	return bit(HTTP_FIELD_CONTENT_LENGTH, !add->announce_length) |
	       bit(HTTP_FIELD_UPGRADE, !add->upgrade) | bit(HTTP_FIELD_EXPECT, true) |
	       bit(HTTP_FIELD_TRAILER, add->body != HTTP_BODY_CHUNKED) |
	       bit(HTTP_FIELD_X_CLUSTER_CLIENT_IP, !slice_is_absent(add->cluster_client_ip)) |
	       bit(HTTP_FIELD_X_FORWARDED_FOR, !slice_is_absent(add->forwarded_for)) |
	       bit(HTTP_FIELD_X_FORWARDED_PROTO,
		   !slice_is_absent(add->forwarded_proto) || add->strip_forwarded_proto);
}

static bool is_kept(const struct http_field *field, uint64_t left_out)
{
	/* whether Upgrade stays was decided with the rest of them */
	bool is_hop = field->is_hop_by_hop && field->id != HTTP_FIELD_UPGRADE;
	return !is_hop && (left_out >> field->id & 1) == 0;
}

/* X-Forwarded-For: what came in all its lines, then what is added. */
static void put_forwarded_for(struct writer *w, const struct http_fields *f, struct slice added)
{
	put(w, SLICE("X-Forwarded-For: "));
	for (const struct http_field *field = http_fields_find_id(f, HTTP_FIELD_X_FORWARDED_FOR);
	     field != NULL; field = http_fields_find_next(f, field)) {
		if (field->value.len == 0)
			continue;
		put(w, field->value);
		put(w, SLICE(", "));
	}
	put_line(w, SLICE(""), added);
}

static void put_fields(struct writer *w, const struct http_fields *f,
		       const struct http_additions *add)
{
	bool was_forwarded = false;
	uint64_t left_out = names_left_out(add);
	const struct http_fields fields = *f;
	for (unsigned i = 0; i < fields.count; i++) {
		const struct http_field *field = &fields.at[i];
		if (is_kept(field, left_out)) {
			put_field(w, field);
		} else if (field->id == HTTP_FIELD_X_FORWARDED_FOR && !was_forwarded) {
			put_run(w);
			put_forwarded_for(w, f, add->forwarded_for);
			was_forwarded = true;
		}
	}
	put_run(w);
	if (!was_forwarded && !slice_is_absent(add->forwarded_for))
		put_forwarded_for(w, f, add->forwarded_for);
}

static void put_additions(struct writer *w, const struct http_additions *add)
{
	if (!slice_is_absent(add->cluster_client_ip))
		put_line(w, SLICE("X-Cluster-Client-Ip: "), add->cluster_client_ip);
	if (!slice_is_absent(add->forwarded_proto))
		put_line(w, SLICE("X-Forwarded-Proto: "), add->forwarded_proto);
	if (!slice_is_absent(add->via))
		put_line(w, SLICE("Via: "), add->via);
}

/* An expectation is said once, in one form, however often and how it came: some nodes refuse a second. */
static void put_framing(struct writer *w, const struct http_fields *f,
			const struct http_additions *add)
{
	if (add->expect && http_fields_find_id(f, HTTP_FIELD_EXPECT) != NULL)
		put(w, SLICE("Expect: 100-continue\r\n"));
	if (add->body == HTTP_BODY_CHUNKED)
		put(w, SLICE("Transfer-Encoding: chunked\r\n"));
	else if (add->body == HTTP_BODY_LENGTH)
		put_number_line(w, SLICE("Content-Length: "), add->content_length);
}

static void put_options(struct writer *w, const struct http_additions *add)
{
	const struct slice options[] = {
		add->close ? SLICE("close") : SLICE_ABSENT,
		add->keep_alive ? SLICE("keep-alive") : SLICE_ABSENT,
		add->upgrade ? SLICE("Upgrade") : SLICE_ABSENT,
		add->trailers ? SLICE("TE") : SLICE_ABSENT,
	};
	struct slice before = SLICE("Connection: ");
	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		if (slice_is_absent(options[i]))
			continue;
		put(w, before);
		put(w, options[i]);
		before = SLICE(", ");
	}
	put(w, SLICE("\r\n"));
}

/* Connection and what goes with it; mostly nothing. */
static void put_connection(struct writer *w, const struct http_additions *add)
{
	if (add->close || add->keep_alive || add->upgrade || add->trailers)
		put_options(w, add);
	if (add->trailers)
		put(w, SLICE("TE: trailers\r\n"));
}

static struct slice finish(struct writer *w, const struct http_fields *f,
			   const struct http_additions *add)
{
	put_fields(w, f, add);
	put_additions(w, add);
	put_framing(w, f, add);
	put_connection(w, add);
	put(w, SLICE("\r\n"));
	return slice_of(w->start, (size_t)(w->at - w->start));
}

/* ---- heads --------------------------------------------------------------------------------------- */

/*
 * Does the request line go on as it came, and so as the beginning of a run? Nothing but a received
 * target lies between its method and its version; rules put theirs elsewhere.
 */
static bool is_line_as_received(const struct http_request *r)
{
	const char *path_end = r->path.at + r->path.len;
	const char *end = slice_is_absent(r->query) ? path_end : r->query.at + r->query.len;
	return r->version_minor == 1 && r->path.at == r->target.at &&
	       r->method.at + r->method.len + 1 == r->target.at &&
	       (slice_is_absent(r->query) || r->query.at == path_end + 1) &&
	       end == r->target.at + r->target.len;
}

static void put_request_line(struct writer *w, const struct http_request *r)
{
	if (is_line_as_received(r)) {
		const char *version = r->target.at + r->target.len;
		const char *end = version + sizeof " HTTP/1.1" - 1;
		w->run = slice_of(r->method.at, (size_t)(end - r->method.at));
		return;
	}
	put(w, r->method);
	put(w, SLICE(" "));
	put(w, r->path);
	if (!slice_is_absent(r->query)) {
		put(w, SLICE("?"));
		put(w, r->query);
	}
	put(w, SLICE(" HTTP/1.1\r\n"));
}

struct slice http_write_request(struct arena *arena, const struct http_request *r,
				const struct http_additions *add)
{
	struct writer w;
	writer_open(&w, arena,
		    r->method.len + r->path.len + r->query.len + r->authority.len +
			    fields_size(&r->fields) + additions_size(add));
	put_request_line(&w, r);
	/* HTTP/1.1 wants a Host even where nobody said one (RFC 9112 3.2). */
	if (http_fields_find_id(&r->fields, HTTP_FIELD_HOST) == NULL) {
		put_run(&w);
		put_line(&w, SLICE("Host: "), r->authority);
	}
	return finish(&w, &r->fields, add);
}

/* A status has three digits. */
static void put_status_line(struct writer *w, unsigned status, struct slice reason)
{
	char text[] = "HTTP/1.1 000 ";
	text[9] = (char)('0' + status / 100 % 10);
	text[10] = (char)('0' + status / 10 % 10);
	text[11] = (char)('0' + status % 10);
	put_line(w, slice_of(text, sizeof text - 1), reason);
}

/* The date of now, formatted anew when the second has changed. */
static struct slice date_now(void)
{
	static char text[30];
	static int64_t second = -1;
	int64_t now = (int64_t)(clock_wall_microseconds() / 1000000);
	if (now != second) {
		http_date_format(now, text);
		second = now;
	}
	return slice_of(text, sizeof text - 1);
}

struct slice http_write_response(struct arena *arena, const struct http_response *r,
				 const struct http_additions *add)
{
	struct writer w;
	writer_open(&w, arena, r->reason.len + fields_size(&r->fields) + additions_size(add));
	put_status_line(&w, r->status, r->reason);
	/* Who has a clock gives a date to what passes without one (RFC 9110 6.6.1). */
	if (r->status >= 200 && http_fields_find_id(&r->fields, HTTP_FIELD_DATE) == NULL)
		put_line(&w, SLICE("Date: "), date_now());
	return finish(&w, &r->fields, add);
}

struct slice http_write_answer(struct arena *arena, unsigned status, struct slice reason,
			       struct slice content_type, struct slice body, struct slice extra,
			       bool is_head, bool close)
{
	struct writer w;
	bool has_length = status >= 200 && status != 204 && status != 304;
	writer_open(&w, arena, FIXED_BYTES + reason.len + content_type.len + extra.len + body.len);
	put_status_line(&w, status,
			slice_is_absent(reason) ? slice_of_string(http_status_words(status))
						: reason);
	put_line(&w, SLICE("Date: "), date_now());
	if (!slice_is_absent(content_type))
		put_line(&w, SLICE("Content-Type: "), content_type);
	if (has_length)
		put_number_line(&w, SLICE("Content-Length: "), body.len);
	put(&w, extra);
	if (close)
		put(&w, SLICE("Connection: close\r\n"));
	put(&w, SLICE("\r\n"));
	if (!is_head && has_length)
		put(&w, body);
	return slice_of(w.start, (size_t)(w.at - w.start));
}
