/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_client.h"

#include "admin/control.h"
#include "base/arena.h"
#include "base/clock.h"
#include "http/http_head.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MICROSECONDS 10000000ull
#define ANSWER_MOST ((size_t)64 * 1024 * 1024)
#define READ_BYTES 65536

/* Waits for `events` until the patience is over. */
static bool wait_for(int fd, short events, uint64_t give_up_at)
{
	struct pollfd p = { .fd = fd, .events = events };
	int count;
	do {
		uint64_t now = clock_read_microseconds();
		if (now >= give_up_at)
			return false;
		count = poll(&p, 1, (int)((give_up_at - now) / 1000) + 1);
	} while (count == -1 && errno == EINTR);
	errno = count == 0 ? ETIMEDOUT : errno;
	return count == 1;
}

static bool connect_to(int *fd, const char *path, uint64_t give_up_at, struct err *e)
{
	while ((*fd = control_connect(path)) == -1 && errno == EAGAIN &&
	       clock_read_microseconds() < give_up_at)
		poll(NULL, 0, 10); /* its queue is full, and poll cannot wait for room in it */
	if (*fd != -1)
		return true;
	const char *why = strerror(errno);
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		return err_set(
			e,
			"no weir runs at control socket '%s': %s; another is named by -c FILE"
			" (its `control:`) or --control PATH",
			path, why);
	case EACCES:
		return err_set(e,
			       "cannot connect to control socket '%s': %s; only its owner and root"
			       " may",
			       path, why);
	default:
		return err_set(e, "cannot connect to control socket '%s': %s", path, why);
	}
}

static bool send_all(int fd, struct slice bytes, uint64_t give_up_at)
{
	while (bytes.len > 0) {
		ssize_t sent = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
		if (sent > 0)
			bytes = slice_skip(bytes, (size_t)sent);
		else if (errno != EAGAIN || !wait_for(fd, POLLOUT, give_up_at))
			return false;
	}
	return true;
}

/* Everything up to the end of the connection. */
static bool receive_all(int fd, struct buf *raw, uint64_t give_up_at)
{
	char *room;
	while (buf_reserve(raw, READ_BYTES, ANSWER_MOST, &room)) {
		ssize_t got = recv(fd, room, READ_BYTES, 0);
		if (got > 0)
			buf_grow(raw, (size_t)got);
		else if (got == 0)
			return true;
		else if (errno != EAGAIN || !wait_for(fd, POLLIN, give_up_at))
			return false;
	}
	errno = EMSGSIZE;
	return false;
}

static bool parse(struct admin_reply *r, struct arena *arena)
{
	static const struct http_limits limits = { .line_bytes = 4096,
						   .head_bytes = 65536,
						   .fields = 64 };
	struct http_response response = { 0 };
	struct http_head_scan scan = { 0 };
	enum http_reason why;
	size_t head;
	struct slice raw = buf_slice(&r->raw);
	if (http_response_parse(raw, &limits, arena, &scan, HTTP_METHOD_GET, &response, &head,
				&why) != HTTP_DONE)
		return false;
	r->status = response.status;
	r->body = slice_skip(raw, head);
	return response.body == HTTP_BODY_LENGTH && response.content_length == r->body.len;
}

static bool talk(struct admin_reply *r, int fd, struct slice request, const char *path,
		 uint64_t give_up_at, struct err *e)
{
	struct ucred peer;
	socklen_t len = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		r->pid = peer.pid;
	/* it may have refused before it had read all: then there is an answer to read */
	bool is_sent = send_all(fd, request, give_up_at) || errno == EPIPE;
	if (!is_sent || !receive_all(fd, &r->raw, give_up_at))
		return err_set(e, "no answer from weir at control socket '%s': %s", path,
			       strerror(errno));
	struct arena arena;
	arena_init(&arena);
	bool is_whole = parse(r, &arena);
	arena_release(&arena);
	return is_whole ||
	       err_set(e, "what came from control socket '%s' is no whole answer", path);
}

bool admin_ask(struct admin_reply *r, const char *path, const char *method, const char *target,
	       struct slice body, struct err *e)
{
	uint64_t give_up_at = clock_read_microseconds() + PATIENCE_MICROSECONDS;
	struct arena arena;
	int fd;
	*r = (struct admin_reply){ 0 };
	if (!connect_to(&fd, path, give_up_at, e))
		return false;
	arena_init(&arena);
	struct slice request = arena_print(&arena,
					   "%s %s HTTP/1.1\r\nHost: weir\r\nContent-Length: %zu\r\n"
					   "\r\n%.*s",
					   method, target, body.len, SLICE_PRINT(body));
	bool is_done = talk(r, fd, request, path, give_up_at, e);
	arena_release(&arena);
	close(fd);
	if (!is_done)
		admin_reply_release(r);
	return is_done;
}

void admin_reply_release(struct admin_reply *r)
{
	buf_release(&r->raw);
	*r = (struct admin_reply){ 0 };
}
