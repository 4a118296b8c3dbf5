/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of the benchmark: one process, one epoll, as many connections as asked for. Usage:
 *
 *     client -a ADDRESS -p PORT -t PATH [-l LENGTH] [-c CONNECTIONS] [-d MILLISECONDS | -n REQUESTS]
 *            [-u BYTES] [-r RATE] [-s SOURCE -k COUNT] [-H 'Name: value']... [-x] [-i]
 *
 *   -l  the length that each answer must have; every answer must be a 200 with this length
 *   -u  PUT with a body of so many bytes instead of GET
 *   -r  so many requests a second, whoever is slow, each timed from the moment it was due
 *   -s  the first of COUNT source addresses; each request then says X-From: its source
 *   -x  a new connection for every request, with Connection: close
 *   -i  one request per connection, then "idle" on standard output, then wait for standard input to end
 *
 * It prints one line of JSON: requests (answered as they must be), errors, nanoseconds, p50 and p99 in
 * microseconds. What is under way when the time is over is still waited for, two seconds at most.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define HEAD_MOST 2048
#define READ_BYTES (1u << 18)
#define DRAIN_NANOSECONDS 2000000000ull
#define TIMES_MOST (1u << 22)

enum state { FREE, SENDING, READING_HEAD, READING_BODY, READING_END };

struct request {
	char *head;
	size_t len;
	struct sockaddr_in source;
};

struct connection {
	int fd;
	enum state state;
	bool wants_write;
	const struct request *request;
	size_t sent; /* of head and body */
	uint64_t body_left;
	uint64_t due;
	size_t head_used;
	char head[HEAD_MOST + 1];
};

static struct {
	struct sockaddr_in to, source;
	const char *path, *fields[32];
	unsigned field_count, connections, source_count;
	uint64_t length, milliseconds, most, upload;
	double rate;
	bool new_connections, is_idle;
} want = { .connections = 1, .length = 100, .milliseconds = 1000, .source_count = 1 };

static struct {
	int epoll_fd;
	unsigned busy;
	uint64_t started, answered, errors, until, next_due, interval;
	struct connection **free;
	unsigned free_count;
	uint32_t *times; /* tenths of microseconds */
	uint32_t time_count;
	bool is_over;
} run;

static struct request *requests;
static char *body;

static uint64_t now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* ---- what is sent ------------------------------------------------------------------------------- */

static void make_request(struct request *r, unsigned number)
{
	char text[INET_ADDRSTRLEN];
	size_t size;
	FILE *out = open_memstream(&r->head, &size);
	r->source = want.source;
	r->source.sin_addr.s_addr = htonl(ntohl(want.source.sin_addr.s_addr) + number);
	fprintf(out, "%s %s HTTP/1.1\r\nHost: bench.example\r\n", want.upload ? "PUT" : "GET",
		want.path);
	for (unsigned i = 0; i < want.field_count; i++)
		fprintf(out, "%s\r\n", want.fields[i]);
	if (want.source.sin_family == AF_INET)
		fprintf(out, "X-From: %s\r\n",
			inet_ntop(AF_INET, &r->source.sin_addr, text, sizeof text));
	if (want.upload > 0)
		fprintf(out, "Content-Length: %llu\r\n", (unsigned long long)want.upload);
	if (want.new_connections)
		fprintf(out, "Connection: close\r\n");
	fprintf(out, "\r\n");
	fclose(out);
	r->len = size;
}

/* ---- connections ---------------------------------------------------------------------------------- */

/* connect() may block: on one machine the answer does not wait for the other process. */
static void open_connection(struct connection *c)
{
	const int on = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		err(1, "socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (c->request->source.sin_family == AF_INET) {
		setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
		if (bind(c->fd, (const struct sockaddr *)&c->request->source,
			 sizeof c->request->source) == -1)
			err(1, "bind");
	}
	if (connect(c->fd, (struct sockaddr *)&want.to, sizeof want.to) == -1)
		err(1, "connect");
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	c->wants_write = false;
	if (epoll_ctl(run.epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == -1)
		err(1, "epoll_ctl");
}

static void watch(struct connection *c, bool wants_write)
{
	if (c->wants_write == wants_write)
		return;
	c->wants_write = wants_write;
	struct epoll_event event = { .events = EPOLLIN | (wants_write ? EPOLLOUT : 0u),
				     .data.ptr = c };
	epoll_ctl(run.epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void become_free(struct connection *c)
{
	c->state = FREE;
	run.busy--;
	run.free[run.free_count++] = c;
}

/* Says why once, then counts: a proxy that fails does so ten thousand times a second. */
static void fail(struct connection *c, const char *what)
{
	if (run.errors++ == 0)
		warnx("%s: %.*s", what, (int)c->head_used, c->head);
	if (run.errors > 1000)
		errx(1, "too many errors");
	close(c->fd);
	c->fd = -1;
	become_free(c);
}

static void answered(struct connection *c)
{
	run.answered++;
	if (run.time_count < TIMES_MOST)
		run.times[run.time_count++] = (uint32_t)((now() - c->due) / 100);
	if (want.new_connections) {
		close(c->fd);
		c->fd = -1;
	}
	become_free(c);
}

static void send_more(struct connection *c)
{
	size_t whole = c->request->len + want.upload;
	while (c->sent < whole) {
		bool is_head = c->sent < c->request->len;
		const char *from = is_head ? c->request->head + c->sent
					   : body + (c->sent - c->request->len);
		size_t len = is_head ? c->request->len - c->sent : whole - c->sent;
		ssize_t put = send(c->fd, from, len,
				   MSG_NOSIGNAL | MSG_DONTWAIT |
					   (is_head && want.upload > 0 ? MSG_MORE : 0));
		if (put == -1 && errno == EAGAIN) {
			watch(c, true);
			return;
		}
		if (put == -1) {
			fail(c, "cannot send");
			return;
		}
		c->sent += (size_t)put;
	}
	watch(c, false);
	c->state = READING_HEAD;
}

static void start(struct connection *c, uint64_t due)
{
	run.busy++;
	c->due = due;
	c->sent = c->head_used = 0;
	c->state = SENDING;
	if (c->fd == -1)
		open_connection(c);
	send_more(c);
}

/* ---- what comes back ------------------------------------------------------------------------------ */

/* True when the head promises what it must. */
static bool is_good_head(const char *head)
{
	const char *length = strcasestr(head, "\r\ncontent-length:");
	return strncmp(head, "HTTP/1.1 200", 12) == 0 && length != NULL &&
	       strtoull(length + 17, NULL, 10) == want.length;
}

static void body_came(struct connection *c, uint64_t count)
{
	if (count > c->body_left) {
		fail(c, "more than the answer's length");
		return;
	}
	c->body_left -= count;
	c->state = READING_BODY;
	if (c->body_left > 0)
		return;
	if (want.new_connections)
		c->state = READING_END;
	else
		answered(c);
}

static void head_came(struct connection *c, const char *bytes, size_t count)
{
	size_t room = HEAD_MOST - c->head_used;
	size_t taken = count < room ? count : room;
	size_t before = c->head_used;
	memcpy(c->head + before, bytes, taken);
	c->head_used += taken;
	c->head[c->head_used] = '\0';
	char *end = strstr(c->head, "\r\n\r\n");
	if (end == NULL) {
		if (taken < count)
			fail(c, "head too long");
		return;
	}
	if (!is_good_head(c->head)) {
		fail(c, "unexpected answer");
		return;
	}
	c->body_left = want.length;
	c->head_used = 0;
	body_came(c, count - ((size_t)(end + 4 - c->head) - before));
}

static void on_readable(struct connection *c)
{
	static char bytes[READ_BYTES];
	bool is_body = c->state == READING_BODY; /* TCP forgets it without copying */
	ssize_t got = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT | (is_body ? MSG_TRUNC : 0));
	if (got == -1 && errno == EAGAIN)
		return;
	if (got == 0 && c->state == READING_END) {
		answered(c);
		return;
	}
	if (got <= 0 &&
	    c->state == FREE) { /* closed while idle: what a kept connection must not be */
		run.busy++;
		fail(c, "closed while idle");
		return;
	}
	if (got <= 0 || c->state == FREE || c->state == READING_END) {
		fail(c, got <= 0 ? "closed early" : "bytes that nobody asked for");
		return;
	}
	if (is_body)
		body_came(c, (uint64_t)got);
	else
		head_came(c, bytes, (size_t)got);
}

/* ---- the run ---------------------------------------------------------------------------------------- */

/* Starts what is due now; gives how long nothing will be, in nanoseconds. */
static uint64_t start_due(void)
{
	uint64_t at = now();
	uint64_t begun = run.answered + run.errors + run.busy;
	run.is_over = want.most > 0 ? begun >= want.most : at >= run.until;
	if (want.rate == 0) {
		for (; !run.is_over && run.free_count > 0; begun++) {
			start(run.free[--run.free_count], now());
			run.is_over = want.most > 0 && begun + 1 >= want.most;
		}
		return want.most > 0 || run.is_over ? 1000000000 : run.until - at;
	}
	/* the schedule ends at `until`, also when it is behind: who is slow has a long tail */
	while (run.next_due <= at && run.next_due < run.until && run.free_count > 0) {
		struct connection *c = run.free[0]; /* the one that has been idle longest */
		memmove(run.free, run.free + 1, --run.free_count * sizeof *run.free);
		start(c, run.next_due);
		run.next_due += run.interval;
	}
	run.is_over = run.next_due >= run.until || at >= run.until + DRAIN_NANOSECONDS;
	if (run.free_count > 0 && !run.is_over)
		return run.next_due - at;
	return 100000000;
}

static void serve(uint64_t wait)
{
	struct epoll_event events[EVENTS];
	struct timespec most = { (time_t)(wait / 1000000000), (long)(wait % 1000000000) };
	int count = epoll_pwait2(run.epoll_fd, events, EVENTS, &most, NULL);
	for (int i = 0; i < count; i++) {
		struct connection *c = events[i].data.ptr;
		if (c->state == SENDING && (events[i].events & EPOLLIN))
			fail(c, "answered before the request was whole");
		else if (c->state == SENDING)
			send_more(c);
		else
			on_readable(c);
	}
}

static void go(struct connection *all)
{
	for (unsigned i = 0; i < want.connections; i++) {
		all[i].fd = -1;
		all[i].request = &requests[i % want.source_count];
		run.free[run.free_count++] = &all[i];
	}
	run.started = run.next_due = now();
	run.until = run.started + want.milliseconds * 1000000;
	if (want.rate > 0)
		run.interval = (uint64_t)(1e9 / want.rate);
	for (uint64_t wait = start_due(); !run.is_over; wait = start_due())
		serve(wait);
	uint64_t most = now() + DRAIN_NANOSECONDS;
	while (run.busy > 0 && now() < most)
		serve(10000000);
	run.errors += run.busy;
}

/* Each connection once, in small groups, so that no queue of connections overflows. */
static void go_idle(struct connection *all)
{
	char byte;
	run.started = now();
	for (unsigned i = 0; i < want.connections; i++) {
		all[i].fd = -1;
		all[i].request = &requests[i % want.source_count];
		start(&all[i], now());
		uint64_t most = now() + DRAIN_NANOSECONDS;
		while (run.busy > (i + 1 == want.connections ? 0 : 50) && now() < most)
			serve(10000000);
	}
	run.errors += run.busy;
	puts("idle");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	/* one that was closed meanwhile says so now */
	for (unsigned i = 0; i < want.connections / EVENTS + 1; i++)
		serve(0);
}

static int compare(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
	return a < b ? -1 : a > b;
}

static double percentile(double share)
{
	if (run.time_count == 0)
		return 0;
	return run.times[(uint32_t)((run.time_count - 1) * share)] / 10.0;
}

static void report(uint64_t took)
{
	qsort(run.times, run.time_count, sizeof *run.times, compare);
	printf("{\"requests\": %llu, \"errors\": %llu, \"nanoseconds\": %llu, \"p50\": %.1f, \"p99\": %.1f}\n",
	       (unsigned long long)run.answered, (unsigned long long)run.errors,
	       (unsigned long long)took, percentile(0.5), percentile(0.99));
}

/* ---- the command line ------------------------------------------------------------------------------- */

static void read_address(struct sockaddr_in *at, const char *text)
{
	at->sin_family = AF_INET;
	if (inet_pton(AF_INET, text, &at->sin_addr) != 1)
		errx(2, "no IPv4 address: %s", text);
}

static void read_options(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "a:p:t:l:c:d:n:u:r:s:k:H:xi")) != -1;) {
		uint64_t number = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);
		switch (o) {
		case 'a':
			read_address(&want.to, optarg);
			break;
		case 'p':
			want.to.sin_port = htons((uint16_t)number);
			break;
		case 't':
			want.path = optarg;
			break;
		case 'l':
			want.length = number;
			break;
		case 'c':
			want.connections = (unsigned)number;
			break;
		case 'd':
			want.milliseconds = number;
			break;
		case 'n':
			want.most = number;
			break;
		case 'u':
			want.upload = number;
			break;
		case 'r':
			want.rate = strtod(optarg, NULL);
			break;
		case 's':
			read_address(&want.source, optarg);
			break;
		case 'k':
			want.source_count = (unsigned)number;
			break;
		case 'x':
			want.new_connections = true;
			break;
		case 'i':
			want.is_idle = true;
			break;
		case 'H':
			if (want.field_count == sizeof want.fields / sizeof *want.fields)
				errx(2, "too many -H");
			want.fields[want.field_count++] = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (want.path == NULL || want.to.sin_port == 0 || want.connections == 0 ||
	    want.source_count == 0)
		errx(2, "the head of client.c says how it is used");
}

static void *make_room(size_t count, size_t size)
{
	void *room = calloc(count, size);
	if (room == NULL)
		err(1, "calloc");
	return room;
}

int main(int argc, char **argv)
{
	struct rlimit files;
	read_options(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	requests = make_room(want.source_count, sizeof *requests);
	for (unsigned i = 0; i < want.source_count; i++)
		make_request(&requests[i], i);
	body = make_room(want.upload + 1, 1);
	memset(body, 'u', want.upload);
	run.times = make_room(TIMES_MOST, sizeof *run.times);
	run.free = make_room(want.connections, sizeof *run.free);
	run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct connection *all = make_room(want.connections, sizeof *all);
	if (want.is_idle)
		go_idle(all);
	else
		go(all);
	report(now() - run.started);
	return run.errors == 0 && run.answered > 0 ? 0 : 1;
}
