/*
 * The back end of the benchmark: one process, one epoll. Usage: backend ADDRESS PORT
 *
 *     GET /s  100 bytes       GET /m  16 KiB       GET /l  1 MiB      GET /h  10 GB
 *     PUT /u  swallows the body, then the 100 bytes
 *     GET /count              requests answered and body bytes swallowed since the last asking
 *
 * It is strict where that shows a proxy's mistake: a request with "X-From: A" that does not come
 * from address A is answered 409, what it does not know 400. Wanted: few instructions per request,
 * because it shares a processor with the client.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MOST 8192
#define SWALLOW_BYTES (1u << 20)
#define EVENTS 256
#define HUGE_BYTES 10000000000
#define STORED_MOST ((size_t)23 << 16)   /* whole turns of the pattern */
#define HUGE_SEND_MOST ((size_t)1 << 16) /* see neighbour.c, PIECE_BYTES */

struct answer {
	char *bytes;
	size_t len;    /* to be sent */
	size_t stored; /* of them; behind these, the body begins anew */
	size_t head_len;
};

struct connection {
	int fd;
	bool wants_write;
	bool must_close; /* behind the answer */
	size_t head_used;
	uint64_t body_left;
	const struct answer *answer; /* being sent, or due when body_left is 0 */
	size_t sent;
	char peer[INET_ADDRSTRLEN];
	char head[HEAD_MOST + 1];
};

static struct answer small, middle, large, huge, swallowed, bad, conflict, counts;
static uint64_t requests, swallowed_bytes;
static int epoll_fd;

/* The body is a pattern of letters that the checks of t/bench know: byte i is 'a' + i % 23. */
static struct answer make_answer(const char *status, size_t body)
{
	struct answer made;
	char head[256];
	int len = snprintf(
		head, sizeof head,
		"HTTP/1.1 %s\r\nServer: backend\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		"Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
		status, body);
	made.head_len = (size_t)len;
	made.len = made.head_len + body;
	made.stored = made.head_len + (body < STORED_MOST ? body : STORED_MOST);
	made.bytes = malloc(made.stored);
	if (made.bytes == NULL)
		err(1, "malloc");
	memcpy(made.bytes, head, (size_t)len);
	for (size_t i = 0; i < made.stored - made.head_len; i++)
		made.bytes[(size_t)len + i] = (char)('a' + i % 23);
	return made;
}

static const struct answer *make_counts(void)
{
	char text[101];
	snprintf(text, sizeof text, "%-99s\n", "");
	int len = snprintf(text, sizeof text, "%llu %llu", (unsigned long long)requests,
			   (unsigned long long)swallowed_bytes);
	text[len] = ' ';
	memcpy(counts.bytes + counts.len - 100, text, 100);
	requests = swallowed_bytes = 0;
	return &counts;
}

/* The value of a header field, without blanks before it; NULL without the field. */
static const char *find_field(const char *head, const char *name)
{
	size_t len = strlen(name);
	for (const char *line = strchr(head, '\n'); line != NULL; line = strchr(line, '\n')) {
		line++;
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		return line + strspn(line, " ");
	}
	return NULL;
}

static bool is_from_its_client(const struct connection *c, const char *head)
{
	const char *from = find_field(head, "X-From");
	size_t len = strlen(c->peer);
	return from == NULL || (strncmp(from, c->peer, len) == 0 && from[len] == '\r');
}

static const struct answer *choose(const struct connection *c, const char *head)
{
	if (strncmp(head, "GET /count ", 11) == 0)
		return make_counts();
	requests++;
	if (!is_from_its_client(c, head))
		return &conflict;
	if (strncmp(head, "GET /s ", 7) == 0)
		return &small;
	if (strncmp(head, "GET /m ", 7) == 0)
		return &middle;
	if (strncmp(head, "GET /l ", 7) == 0)
		return &large;
	if (strncmp(head, "GET /h ", 7) == 0)
		return &huge;
	if (strncmp(head, "PUT /u ", 7) == 0 && c->body_left > 0)
		return &swallowed;
	return &bad;
}

static void close_connection(struct connection *c)
{
	close(c->fd);
	free(c);
}

static void watch(struct connection *c, bool wants_write)
{
	if (c->wants_write == wants_write)
		return;
	c->wants_write = wants_write;
	struct epoll_event event = { .events = wants_write ? EPOLLOUT : EPOLLIN, .data.ptr = c };
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/* Sends what the answer still has. False: the connection is gone. */
static bool send_answer(struct connection *c)
{
	const struct answer *a = c->answer;
	while (c->sent < a->len) {
		size_t at = c->sent < a->stored ? c->sent
						: a->head_len + (c->sent - a->head_len) %
									(a->stored - a->head_len);
		size_t most = a->stored - at < a->len - c->sent ? a->stored - at : a->len - c->sent;
		if (a == &huge && most > HUGE_SEND_MOST)
			most = HUGE_SEND_MOST;
		ssize_t put = send(c->fd, a->bytes + at, most, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put == -1 && errno == EAGAIN) {
			watch(c, true);
			return true;
		}
		if (put == -1) {
			close_connection(c);
			return false;
		}
		c->sent += (size_t)put;
	}
	c->answer = NULL;
	if (c->must_close) {
		close_connection(c);
		return false;
	}
	watch(c, false);
	return true;
}

/* One head is here, whole: `len` bytes at c->head; behind it the first bytes of the body may lie. */
static bool take_head(struct connection *c, size_t len)
{
	const char *length = find_field(c->head, "Content-Length");
	const char *wish = find_field(c->head, "Connection");
	size_t more = c->head_used - len;
	c->body_left = length == NULL ? 0 : strtoull(length, NULL, 10);
	c->answer = choose(c, c->head);
	c->sent = 0;
	c->must_close = (wish != NULL && strncasecmp(wish, "close", 5) == 0) ||
			strncmp(strchr(c->head, '\r') - 3, "1.0", 3) == 0 || c->answer == &bad;
	if (more > c->body_left) /* pipelining is not for this back end */
		c->answer = &bad, c->must_close = true, more = c->body_left;
	c->body_left -= more;
	swallowed_bytes += more;
	c->head_used = 0;
	return c->body_left > 0 || send_answer(c);
}

static bool read_head(struct connection *c)
{
	ssize_t got = recv(c->fd, c->head + c->head_used, HEAD_MOST - c->head_used, MSG_DONTWAIT);
	if (got == -1 && errno == EAGAIN)
		return true;
	if (got <= 0) {
		close_connection(c);
		return false;
	}
	c->head_used += (size_t)got;
	c->head[c->head_used] = '\0';
	char *end = strstr(c->head, "\r\n\r\n");
	if (end != NULL) {
		end[2] = '\0';
		return take_head(c, (size_t)(end + 4 - c->head));
	}
	if (c->head_used < HEAD_MOST)
		return true;
	close_connection(c);
	return false;
}

/* MSG_TRUNC: TCP forgets the bytes without copying them. */
static void swallow(struct connection *c)
{
	static char nowhere[SWALLOW_BYTES];
	size_t most = c->body_left < SWALLOW_BYTES ? (size_t)c->body_left : SWALLOW_BYTES;
	ssize_t got = recv(c->fd, nowhere, most, MSG_DONTWAIT | MSG_TRUNC);
	if (got == -1 && errno == EAGAIN)
		return;
	if (got <= 0) {
		close_connection(c);
		return;
	}
	swallowed_bytes += (uint64_t)got;
	c->body_left -= (uint64_t)got;
	if (c->body_left == 0)
		send_answer(c);
}

static void on_event(struct connection *c)
{
	if (c->answer == NULL)
		read_head(c);
	else if (c->body_left > 0)
		swallow(c);
	else
		send_answer(c);
}

static void accept_all(int listener)
{
	const int on = 1;
	for (int i = 0; i < 64; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof from;
		int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
		if (fd == -1)
			return;
		struct connection *c = malloc(sizeof *c);
		if (c == NULL)
			err(1, "malloc");
		memset(c, 0, offsetof(struct connection, head));
		c->fd = fd;
		inet_ntop(AF_INET, &from.sin_addr, c->peer, sizeof c->peer);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
			err(1, "epoll_ctl");
		if (read_head(c) && c->body_left > 0)
			swallow(c);
	}
}

static int listen_at(const char *address, const char *port)
{
	const int on = 1;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		errx(2, "no IPv4 address: %s", address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) == -1 || listen(fd, 4096) == -1)
		err(1, "cannot listen at %s:%s", address, port);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS], event = { .events = EPOLLIN, .data.ptr = NULL };
	struct rlimit files;
	if (argc != 3)
		errx(2, "usage: backend ADDRESS PORT");
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	small = make_answer("200 OK", 100);
	middle = make_answer("200 OK", 16384);
	large = make_answer("200 OK", 1 << 20);
	huge = make_answer("200 OK", HUGE_BYTES);
	swallowed = make_answer("200 OK", 100);
	bad = make_answer("400 Bad Request", 0);
	conflict = make_answer("409 Conflict", 0);
	counts = make_answer("200 OK", 100);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int listener = listen_at(argv[1], argv[2]);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int count = epoll_wait(epoll_fd, events, EVENTS, -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				accept_all(listener);
			else
				on_event(events[i].data.ptr);
		}
	}
}
