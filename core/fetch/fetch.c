/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What one read brings at most, and how many there are before others have their turn. */
#define READ_BYTES 65536
#define READS_MOST 4

static void go_on(struct fetch *f);
static void connect_next(struct fetch *f);

/* ---- the end -------------------------------------------------------------------------------------------- */

static void drop_connection(struct fetch *f)
{
	fetch_connection_close(f->connection);
	f->connection = NULL;
}

static void end(struct fetch *f)
{
	f->step = FETCH_OVER;
	dns_cancel(&f->lookup);
	timer_stop(&f->timer);
	loop_later(&f->task);
}

static void fail(struct fetch *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct fetch *f, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(f->reason, sizeof f->reason, format, arguments);
	va_end(arguments);
	f->failure = f->reason;
	drop_connection(f);
	end(f);
}

/* A connection goes on where both sides agree that this is the end of the message. */
static bool may_keep(const struct fetch *f)
{
	const struct fetch_connection *c = f->connection;
	return f->order.leaves_idle && f->response.keep_alive && f->sent == f->request.len &&
	       !f->has_excess && !f->is_write_broken && stream_is_flushed(&c->stream) &&
	       !c->stream.is_eof && (c->tls == NULL || !tls_has_bytes(c->tls));
}

static void finish(struct fetch *f)
{
	if (may_keep(f))
		fetch_connection_give_back(f->connection, f->order.idle_milliseconds);
	else
		fetch_connection_close(f->connection);
	f->connection = NULL;
	end(f);
}

static void on_task(struct loop_task *task)
{
	struct fetch *f = container_of(task, struct fetch, task);
	if (f->step == FETCH_OVER)
		f->on_done(f);
	else
		go_on(f);
}

/* ---- the answer ----------------------------------------------------------------------------------------- */

/* True: go on with what is left of `bytes`. */
static bool take_body(struct fetch *f, struct slice bytes)
{
	while (!f->decoder.is_done && bytes.len > 0) {
		enum http_reason why;
		struct slice data;
		size_t used;
		if (http_body_take(&f->decoder, bytes, f->order.limits, &f->arena, &used, &data,
				   &why) == HTTP_BAD) {
			fail(f, "the answer is malformed: %s", http_reason_words(why));
			return false;
		}
		bytes = slice_skip(bytes, used);
		if (!buf_append(&f->body, data, f->order.body_most)) {
			fail(f, "the answer has more than %zu bytes", f->order.body_most);
			return false;
		}
	}
	f->has_excess = bytes.len > 0;
	if (f->decoder.is_done)
		finish(f);
	return !f->decoder.is_done;
}

/* Keeps the text of a final head, which is `head` with its empty line. */
static void keep_head(struct fetch *f, struct slice head)
{
	struct slice text = arena_copy(&f->arena, head);
	size_t line = slice_find(text, '\r');
	f->status_line = slice_of(text.at, line);
	f->headers = slice_of(text.at + line + 2, text.len - line - 4);
	f->has_head = true;
}

/* A whole head. True: another one follows. */
static bool is_informational(struct fetch *f)
{
	if (f->response.status >= 200)
		return false;
	if (f->response.status == 101)
		fail(f, "the answer switches protocols, which was not asked for");
	else if (++f->informational > f->order.informational_most)
		fail(f, "the answer has too many 1xx before it");
	f->scan = (struct http_head_scan){ 0 };
	f->response = (struct http_response){ 0 };
	return true;
}

/* Looks for a head in what is held. True: go on reading. */
static bool take_head(struct fetch *f)
{
	while (f->step == FETCH_TALKING && buf_len(&f->held) > 0) {
		enum http_reason why;
		size_t used = 0;
		struct slice bytes = buf_slice(&f->held);
		switch (http_response_parse(bytes, f->order.limits, &f->arena, &f->scan,
					    f->order.method, &f->response, &used, &why)) {
		case HTTP_MORE:
			return true;
		case HTTP_BAD:
			fail(f, "the answer is malformed: %s", http_reason_words(why));
			return false;
		case HTTP_DONE:
			break;
		}
		if (is_informational(f)) {
			buf_take(&f->held, used);
			continue;
		}
		keep_head(f, slice_of(bytes.at, used));
		http_body_init(&f->decoder, f->response.body, f->response.content_length);
		return take_body(f, slice_skip(bytes, used));
	}
	return f->step == FETCH_TALKING;
}

static bool take(struct fetch *f, struct slice bytes)
{
	f->is_answered = true;
	if (f->has_head)
		return take_body(f, bytes);
	buf_append(&f->held, bytes, SIZE_MAX); /* the parser bounds it: one read beyond its limit */
	return take_head(f);
}

/* ---- talking -------------------------------------------------------------------------------------------- */

/* The other side had closed an idle connection before it saw our request: one more try, a new one. */
static bool is_stale(const struct fetch *f)
{
	return f->is_reused && !f->is_answered;
}

static void begin_anew(struct fetch *f);

static void broke_off(struct fetch *f, enum io how)
{
	if (is_stale(f)) {
		begin_anew(f);
		return;
	}
	if (how == IO_EOF && f->has_head && http_body_end(&f->decoder) == HTTP_DONE) {
		finish(f);
		return;
	}
	fail(f, "%s%s", f->is_answered ? "the answer is not whole: " : "",
	     how == IO_EOF ? "the connection was closed" : fetch_connection_failure(f->connection));
}

/* Whoever answers before all was sent may not read the rest: what it says counts. */
static void send_some(struct fetch *f)
{
	while (f->sent < f->request.len && !f->is_write_broken) {
		size_t put = 0;
		enum io result = fetch_connection_write(f->connection,
							slice_skip(f->request, f->sent), &put);
		f->sent += put;
		f->is_write_broken = result == IO_FAIL;
		if (result != IO_OK)
			return;
	}
	if (!f->is_write_broken)
		f->is_write_broken = fetch_connection_flush(f->connection) == IO_FAIL;
}

static void read_some(struct fetch *f)
{
	static char into[READ_BYTES];
	for (unsigned i = 0; i < READS_MOST; i++) {
		size_t got = 0;
		enum io result = fetch_connection_read(f->connection, into, sizeof into, &got);
		if (result == IO_WAIT)
			break;
		if (result != IO_OK) {
			broke_off(f, result);
			return;
		}
		if (!take(f, slice_of(into, got)))
			return;
	}
	bool is_all_sent = f->sent == f->request.len || f->is_write_broken;
	fetch_connection_watch(f->connection, !is_all_sent);
	if (f->connection->tls != NULL && tls_has_bytes(f->connection->tls))
		loop_later(&f->task); /* the socket does not show these */
}

static void shake(struct fetch *f)
{
	switch (tls_shake(f->connection->tls)) {
	case IO_OK:
		f->step = FETCH_TALKING;
		go_on(f);
		break;
	case IO_WAIT:
		fetch_connection_watch(f->connection, false);
		break;
	default:
		fail(f, "%s", fetch_connection_failure(f->connection));
	}
}

/* ---- connecting ----------------------------------------------------------------------------------------- */

static uint64_t time_left(const struct fetch *f)
{
	uint64_t now = clock_milliseconds();
	return f->deadline > now ? f->deadline - now : 1;
}

static void connected(struct fetch *f)
{
	struct err why;
	timer_set(&f->timer, time_left(f));
	f->step = FETCH_TALKING;
	if (f->url.is_secure) {
		f->connection->tls = tls_new(&f->connection->stream, f->url.host, &f->order.trust,
					     &why);
		if (f->connection->tls == NULL) {
			fail(f, "%s", why.text);
			return;
		}
		f->step = FETCH_SHAKING;
	}
	go_on(f);
}

static void await(struct fetch *f)
{
	switch (stream_await(&f->connection->stream)) {
	case IO_OK:
		connected(f);
		break;
	case IO_WAIT:
		fetch_connection_watch(f->connection, true);
		break;
	default:
		snprintf(f->reason, sizeof f->reason, "%s",
			 fetch_connection_failure(f->connection));
		drop_connection(f);
		connect_next(f);
	}
}

static void go_on(struct fetch *f)
{
	switch (f->step) {
	case FETCH_CONNECTING:
		await(f);
		break;
	case FETCH_SHAKING:
		shake(f);
		break;
	case FETCH_TALKING:
		send_some(f);
		read_some(f);
		break;
	default:
		break;
	}
}

static void on_ready(struct stream *s)
{
	go_on(container_of(s, struct fetch_connection, stream)->user);
}

/* The next address of the host; the last one's failure is the reason when there is none left. */
static void connect_next(struct fetch *f)
{
	const char *why;
	while (f->tried < f->lookup.count) {
		unsigned left = f->lookup.count - f->tried;
		struct addr to = addr_with_port(&f->lookup.addresses[f->tried++], f->url.port);
		f->connection = fetch_connection_open(&to, f->key, on_ready, f, &why);
		if (f->connection == NULL) {
			snprintf(f->reason, sizeof f->reason, "%s", why);
			continue;
		}
		/* one that is silent must leave time for the others */
		timer_set(&f->timer, time_left(f) / left + 1);
		f->step = FETCH_CONNECTING;
		fetch_connection_watch(f->connection, true);
		return;
	}
	fail(f, "cannot connect to '%.*s': %s", SLICE_PRINT(f->url.authority),
	     arena_copy(&f->arena, slice_of_string(f->reason)).at);
}

static void on_resolved(struct dns_lookup *l)
{
	struct fetch *f = container_of(l, struct fetch, lookup);
	f->tried = 0;
	if (l->result == DNS_FOUND)
		connect_next(f);
	else
		fail(f, "cannot resolve '%.*s': %s", SLICE_PRINT(f->url.host), l->reason);
}

/* From the beginning, by a new connection. */
static void begin_anew(struct fetch *f)
{
	drop_connection(f);
	f->is_reused = f->is_write_broken = false;
	f->sent = 0;
	f->step = FETCH_RESOLVING;
	dns_cancel(&f->lookup);
	dns_find(&f->lookup, f->url.host, DNS_ANY, on_resolved);
}

static void on_timeout(struct timer *timer)
{
	struct fetch *f = container_of(timer, struct fetch, timer);
	if (f->step != FETCH_CONNECTING || f->tried >= f->lookup.count) {
		fail(f, "timed out");
		return;
	}
	snprintf(f->reason, sizeof f->reason, "timed out");
	drop_connection(f);
	connect_next(f);
}

/* ---- the beginning -------------------------------------------------------------------------------------- */

/* Without a path, the target is "/"; a query has one before it (RFC 9112 3.2.1). */
static struct slice write_target(struct fetch *f, const struct fetch_url *url)
{
	const struct slice parts[] = { SLICE("/"), url->path };
	if (slice_is_absent(url->path))
		return SLICE("/");
	return url->has_query_only ? arena_join(&f->arena, parts, 2) : url->path;
}

static struct slice write_fields(struct fetch *f, const struct fetch_order *order)
{
	const struct http_fields *fields = order->fields;
	struct buf lines = { 0 };
	if (http_fields_find_id(fields, HTTP_FIELD_HOST) == NULL) {
		buf_append(&lines, SLICE("Host: "), SIZE_MAX);
		buf_append(&lines, order->url->authority, SIZE_MAX);
		buf_append(&lines, SLICE("\r\n"), SIZE_MAX);
	}
	if (http_fields_find_id(fields, HTTP_FIELD_USER_AGENT) == NULL)
		buf_append(&lines, SLICE("User-Agent: weir\r\n"), SIZE_MAX);
	for (unsigned i = 0; i < fields->count; i++) {
		buf_append(&lines, fields->at[i].name, SIZE_MAX);
		buf_append(&lines, SLICE(": "), SIZE_MAX);
		buf_append(&lines, fields->at[i].value, SIZE_MAX);
		buf_append(&lines, SLICE("\r\n"), SIZE_MAX);
	}
	struct slice copy = arena_copy(&f->arena, buf_slice(&lines));
	buf_release(&lines);
	return copy;
}

static struct slice write_request(struct fetch *f, const struct fetch_order *order)
{
	bool has_body = !slice_is_absent(order->body);
	struct slice length = SLICE("");
	if (has_body)
		length = arena_print(&f->arena, "Content-Length: %zu\r\n", order->body.len);
	const struct slice parts[] = {
		order->method_name,
		SLICE(" "),
		write_target(f, order->url),
		SLICE(" HTTP/1.1\r\n"),
		write_fields(f, order),
		length,
		SLICE("\r\n"),
		has_body ? order->body : SLICE(""),
	};
	return arena_join(&f->arena, parts, sizeof parts / sizeof *parts);
}

/* What the order's pointers lead to, as far as it is needed later. */
static void keep_order(struct fetch *f, const struct fetch_order *order)
{
	f->order = *order;
	f->url = *order->url;
	f->url.host = arena_copy(&f->arena, f->url.host);
	f->url.authority = arena_copy(&f->arena, f->url.authority);
	f->order.url = NULL;
	f->order.fields = NULL;
	f->order.body = SLICE_ABSENT;
	size_t count = order->trust.authority_count;
	f->order.trust.authorities = arena_new(&f->arena, (count + 1) * sizeof(struct slice));
	for (size_t i = 0; i < count; i++)
		f->order.trust.authorities[i] = arena_copy(&f->arena, order->trust.authorities[i]);
	snprintf(f->key, sizeof f->key, "http%s://%.*s:%u%s", f->url.is_secure ? "s" : "",
		 SLICE_PRINT(f->url.host), f->url.port, order->trust.verifies ? "" : "!");
	for (char *at = f->key; *at != '\0'; at++)
		*at = slice_lower(*at);
}

struct fetch *fetch_start(const struct fetch_order *order, void (*on_done)(struct fetch *),
			  void *user)
{
	struct fetch *f = memory_new(1, sizeof *f);
	f->on_done = on_done;
	f->user = user;
	f->task.run = on_task;
	arena_init(&f->arena);
	keep_order(f, order);
	f->request = write_request(f, order);
	f->deadline = clock_milliseconds() + order->timeout_milliseconds;
	timer_init(&f->timer, on_timeout);
	timer_set(&f->timer, order->timeout_milliseconds);
	timer_init(&f->lookup.timer, NULL);
	if (order->takes_idle)
		f->connection = fetch_connection_take(f->key, on_ready, f);
	f->is_reused = f->connection != NULL;
	if (f->is_reused) {
		f->step = FETCH_TALKING;
		loop_later(&f->task);
	} else {
		begin_anew(f);
	}
	return f;
}

void fetch_free(struct fetch *f)
{
	dns_cancel(&f->lookup);
	loop_forget(&f->task);
	timer_release(&f->timer);
	fetch_connection_close(f->connection);
	http_body_release(&f->decoder);
	buf_release(&f->held);
	buf_release(&f->body);
	arena_release(&f->arena);
	free(f);
}
