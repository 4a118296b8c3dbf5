/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client beside others who must not suffer from it: one connection, until it is killed or the
 * time is over. Usage: neighbour ADDRESS PORT down|up|pipelined|dribbling MILLISECONDS
 *
 *   down       GET /h, 10 GB, read as fast as they come
 *   up         PUT /u of 10 GB, sent as fast as they go
 *   pipelined  1,000 requests in one go, then all of their answers, and again
 *   dribbling  a request byte by byte, one a millisecond, then its answer, and again
 *
 * It prints one line of JSON: the bytes it moved and the answers it had. Status 1 when an answer was
 * not what it must be, or the connection ended.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PIPELINED 1000
#define HUGE_BYTES 10000000000ull
/* A call moves so much: while it does, the others on this processor wait, and that is not the proxy. */
#define PIECE_BYTES (1u << 16)
#define BODY_BYTES 100 /* of a small answer */

static const char small_request[] = "GET /s HTTP/1.1\r\nHost: bench.example\r\n\r\n";
static char piece[PIECE_BYTES + 1];
static uint64_t ends_at, bytes, answers;

static uint64_t now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000 + (uint64_t)at.tv_nsec / 1000000;
}

static void finish(void)
{
	printf("{\"bytes\": %llu, \"answers\": %llu}\n", (unsigned long long)bytes,
	       (unsigned long long)answers);
	exit(0);
}

/* Until it is ready; at the end of the time, that is the end of all. */
static void wait_for(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };
	uint64_t at = now();
	if (at >= ends_at || poll(&one, 1, (int)(ends_at - at)) <= 0)
		finish();
}

static size_t receive(int fd, char *to, size_t most, int flags)
{
	wait_for(fd, POLLIN);
	ssize_t got = recv(fd, to, most, flags);
	if (got <= 0)
		errx(1, "the connection ended");
	bytes += (uint64_t)got;
	return (size_t)got;
}

static void send_all(int fd, const char *from, size_t len)
{
	while (len > 0) {
		wait_for(fd, POLLOUT);
		ssize_t put = send(fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put == -1 && errno == EAGAIN)
			continue;
		if (put == -1)
			err(1, "send");
		bytes += (uint64_t)put;
		from += put;
		len -= (size_t)put;
	}
}

/* Reads so many small answers. */
static void read_answers(int fd, unsigned count)
{
	size_t used = 0;
	while (count > 0) {
		used += receive(fd, piece + used, PIECE_BYTES - used, 0);
		piece[used] = '\0';
		char *at = piece, *end;
		while (count > 0 && (end = strstr(at, "\r\n\r\n")) != NULL &&
		       (size_t)(piece + used - end) >= 4 + BODY_BYTES) {
			if (strncmp(at, "HTTP/1.1 200", 12) != 0)
				errx(1, "unexpected answer: %.80s", at);
			at = end + 4 + BODY_BYTES;
			answers++;
			count--;
		}
		used -= (size_t)(at - piece);
		memmove(piece, at, used);
	}
}

static void download(int fd)
{
	static const char request[] = "GET /h HTTP/1.1\r\nHost: bench.example\r\n\r\n";
	for (;;) {
		send_all(fd, request, sizeof request - 1);
		uint64_t left = HUGE_BYTES;
		size_t got = receive(fd, piece, PIECE_BYTES, 0);
		piece[got] = '\0';
		char *end = strstr(piece, "\r\n\r\n");
		if (strncmp(piece, "HTTP/1.1 200", 12) != 0 || end == NULL)
			errx(1, "unexpected answer: %.80s", piece);
		left -= (uint64_t)(piece + got - (end + 4));
		while (left > 0) /* TCP forgets what it is told to truncate, without copying */
			left -= receive(fd, piece, left < PIECE_BYTES ? left : PIECE_BYTES,
					MSG_TRUNC);
		answers++;
	}
}

static void upload(int fd)
{
	char request[100];
	snprintf(request, sizeof request,
		 "PUT /u HTTP/1.1\r\nHost: bench.example\r\nContent-Length: %llu\r\n\r\n",
		 HUGE_BYTES);
	for (;;) {
		send_all(fd, request, strlen(request));
		memset(piece, 'u', PIECE_BYTES);
		for (uint64_t left = HUGE_BYTES; left > 0;) {
			size_t len = left < PIECE_BYTES ? left : PIECE_BYTES;
			send_all(fd, piece, len);
			left -= len;
		}
		read_answers(fd, 1);
	}
}

static void pipeline(int fd)
{
	static char requests[PIPELINED * (sizeof small_request - 1)];
	for (unsigned i = 0; i < PIPELINED; i++)
		memcpy(requests + i * (sizeof small_request - 1), small_request,
		       sizeof small_request - 1);
	for (;;) {
		send_all(fd, requests, sizeof requests);
		read_answers(fd, PIPELINED);
	}
}

static void dribble(int fd)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	for (;;) {
		for (size_t i = 0; i < sizeof small_request - 1; i++) {
			send_all(fd, small_request + i, 1);
			nanosleep(&pause, NULL);
		}
		read_answers(fd, 1);
	}
}

static int connect_to(const char *address, const char *port)
{
	const int on = 1;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1)
		errx(2, "no IPv4 address: %s", address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == -1)
		err(1, "connect");
	return fd;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(int fd);
	} kinds[] = { { "down", download },
		      { "up", upload },
		      { "pipelined", pipeline },
		      { "dribbling", dribble } };
	if (argc != 5)
		errx(2, "the head of neighbour.c says how it is used");
	ends_at = now() + strtoull(argv[4], NULL, 10);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(argv[3], kinds[i].name) == 0)
			kinds[i].run(connect_to(argv[1], argv[2]));
	errx(2, "no such kind: %s", argv[3]);
}
