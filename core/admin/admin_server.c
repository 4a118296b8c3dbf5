/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_server.h"

#include "admin/admin_resource.h"
#include "base/check.h"
#include "base/memory.h"
#include "http/http_write.h"
#include "net/inbox.h"
#include "net/stream.h"

#include <stdlib.h>
#include <unistd.h>

#define VISITS_MOST 32
#define HEAD_BYTES 8192
#define BODY_BYTES 4096
#define VISIT_MILLISECONDS 5000 /* from accept to the last byte of the answer */

static const struct http_limits limits = {
	.line_bytes = 4096,
	.head_bytes = HEAD_BYTES,
	.fields = 64,
};

/* One connection. Owned by its server. */
struct admin_visit {
	struct admin_server *server;
	struct stream stream;
	struct inbox inbox;
	struct timer timer;
	struct arena arena; /* for one look at the request, and its answer */
	struct http_head_scan scan;
	size_t expected; /* bytes of the request; 0 while its head is not whole */
	struct ucred peer;
	bool is_answered;
	TAILQ_ENTRY(admin_visit) link;
};

static void visit_close(struct admin_visit *v)
{
	TAILQ_REMOVE(&v->server->visits, v, link);
	v->server->visit_count--;
	timer_release(&v->timer);
	inbox_release(&v->inbox);
	arena_release(&v->arena);
	stream_close(&v->stream);
	free(v);
}

static void on_timeout(struct timer *timer)
{
	visit_close(container_of(timer, struct admin_visit, timer));
}

/* ---- answering ---------------------------------------------------------------------------------------- */

/* May close it. */
static void flush(struct admin_visit *v)
{
	if (stream_flush(&v->stream) != IO_WAIT || !stream_watch(&v->stream, false, true))
		visit_close(v);
}

/* Takes the answer to the socket; its memory goes at once. May close the visit. */
static void send_answer(struct admin_visit *v, const struct admin_answer *answer)
{
	struct slice bytes = http_write_answer(&v->arena, answer->status, SLICE_ABSENT,
					       SLICE("application/json"), answer->body,
					       answer->extra, false, true);
	enum io result = stream_write_slice(&v->stream, bytes);
	v->is_answered = true;
	arena_release(&v->arena);
	inbox_release(&v->inbox);
	if (result == IO_OK)
		flush(v);
	else
		visit_close(v);
}

static void refuse(struct admin_visit *v, unsigned status, const char *words)
{
	struct admin_answer answer = { 0 };
	admin_answer_refuse(&answer, &v->arena, status, "%s", words);
	send_answer(v, &answer);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* The whole request is in `in`. */
static void serve(struct admin_visit *v, const struct http_request *request, struct slice body)
{
	struct admin_answer answer = { 0 };
	struct admin_question question = { .admin = v->server->admin,
					   .peer = v->peer,
					   .method = request->method,
					   .path = request->path,
					   .body = body };
	admin_resource_answer(&question, &v->arena, &answer);
	send_answer(v, &answer);
}

/* What the head says about the bytes behind it: false when we do not take such a body. */
static bool accept_body(struct admin_visit *v, const struct http_request *request, size_t head)
{
	if (request->body != HTTP_BODY_NONE && request->body != HTTP_BODY_LENGTH) {
		refuse(v, 411, "a body needs a Content-Length");
		return false;
	}
	uint64_t length = request->body == HTTP_BODY_LENGTH ? request->content_length : 0;
	if (length > BODY_BYTES) {
		refuse(v, 413, "the body is too large");
		return false;
	}
	v->expected = head + (size_t)length;
	return true;
}

/* Looks at what has come. Serves or refuses it, or waits for more; may close the visit. */
static void read_request(struct admin_visit *v)
{
	struct http_request request = { 0 };
	enum http_reason why;
	size_t head;
	struct slice in = inbox_slice(&v->inbox);
	if (in.len < v->expected)
		return;
	if (v->expected != 0) /* the scan has come to its end before: it begins anew */
		v->scan = (struct http_head_scan){ 0 };
	switch (http_request_parse(in, &limits, &v->arena, &v->scan, &request, &head, &why)) {
	case HTTP_MORE:
		arena_release(&v->arena);
		return;
	case HTTP_BAD:
		refuse(v, http_reason_status(why), http_reason_words(why));
		return;
	case HTTP_DONE:
		if (!accept_body(v, &request, head))
			return;
		if (in.len >= v->expected)
			serve(v, &request, slice_of(in.at + head, v->expected - head));
		else
			arena_release(&v->arena);
		return;
	}
}

static void on_ready(struct stream *stream)
{
	struct admin_visit *v = container_of(stream, struct admin_visit, stream);
	if (v->is_answered) {
		flush(v);
		return;
	}
	switch (inbox_read(&v->inbox, &v->stream, HEAD_BYTES + BODY_BYTES,
			   HEAD_BYTES + BODY_BYTES)) {
	case IO_OK:
		read_request(v);
		return;
	case IO_WAIT:
		return;
	case IO_EOF:
	case IO_FAIL:
		visit_close(v);
		return;
	}
}

/* ---- connections -------------------------------------------------------------------------------------- */

static void on_accept(struct listener *listener, int fd, const struct addr *peer)
{
	(void)peer; /* a unix socket has none; its process is asked for instead */
	struct admin_server *s = container_of(listener, struct admin_server, listener);
	struct admin_visit *v = memory_new(1, sizeof *v);
	socklen_t len = sizeof v->peer;
	/* whoever means well is served in one turn, so the oldest is the one to give up */
	if (s->visit_count >= VISITS_MOST)
		visit_close(TAILQ_FIRST(&s->visits));
	v->server = s;
	stream_open(&v->stream, fd, on_ready);
	inbox_init(&v->inbox);
	arena_init(&v->arena);
	timer_init(&v->timer, on_timeout);
	timer_set(&v->timer, VISIT_MILLISECONDS);
	TAILQ_INSERT_TAIL(&s->visits, v, link);
	s->visit_count++;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &v->peer, &len) == -1 ||
	    !stream_watch(&v->stream, true, false))
		visit_close(v);
}

void admin_server_start(struct admin_server *s, struct admin *admin, int fd)
{
	*s = (struct admin_server){ .admin = admin };
	TAILQ_INIT(&s->visits);
	listener_start(&s->listener, fd, on_accept);
}

void admin_server_stop(struct admin_server *s)
{
	struct admin_visit *v, *next;
	listener_stop(&s->listener);
	for (v = TAILQ_FIRST(&s->visits); v != NULL; v = next) {
		next = TAILQ_NEXT(v, link);
		visit_close(v);
	}
}
