/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor of the benchmark: what the kernel alone costs. A relay that moves each message with one
 * recv and one send and looks into nothing: no parsing, no limits, no timers, no log. Usage:
 *
 *     floor ADDRESS PORT NODE-PORT keep|close
 *
 * Node connections are lent to one request at a time and kept, or closed behind each answer. It knows
 * only messages that one recv brings whole, as those of the scenarios with small answers are, and
 * clients that keep their connections; anything else ends it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define FDS_MOST 20000
#define BYTES 65536

static struct end {
	int peer;     /* of a request under way; -1: none */
	bool is_node; /* else a client */
} ends[FDS_MOST];
static int idle[FDS_MOST], idle_count;
static int poll_fd, listen_fd;
static struct sockaddr_in node_address;
static bool keeps_nodes;

static int checked(int result, const char *what)
{
	if (result == -1)
		err(1, "cannot %s", what);
	return result;
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	if (fd >= FDS_MOST)
		errx(1, "too many descriptors");
	checked(epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event), "watch a socket");
}

static int open_socket(void)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	checked(fd, "make a socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return fd;
}

static int take_node(void)
{
	if (idle_count > 0)
		return idle[--idle_count];
	int fd = open_socket();
	if (connect(fd, (struct sockaddr *)&node_address, sizeof node_address) == -1 &&
	    errno != EINPROGRESS)
		err(1, "cannot connect");
	watch(fd);
	ends[fd] = (struct end){ .peer = -1, .is_node = true };
	return fd;
}

static void send_all(int fd, const char *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		err(1, "cannot send");
}

static void on_request(int fd, const char *bytes, size_t len)
{
	int node = take_node();
	ends[fd].peer = node;
	ends[node].peer = fd;
	send_all(node, bytes, len);
}

static void on_answer(int fd, const char *bytes, size_t len)
{
	int client = ends[fd].peer;
	send_all(client, bytes, len);
	ends[client].peer = ends[fd].peer = -1;
	if (keeps_nodes)
		idle[idle_count++] = fd;
	else
		close(fd);
}

static void on_readable(int fd)
{
	static char bytes[BYTES];
	ssize_t len = recv(fd, bytes, sizeof bytes, 0);
	if (len == -1 && errno == EAGAIN)
		return; /* an event of the connection that had this descriptor before */
	if (len <= 0) {
		if (ends[fd].is_node && keeps_nodes)
			errx(1, "a node closed its connection");
		close(fd);
	} else if (ends[fd].is_node) {
		on_answer(fd, bytes, (size_t)len);
	} else {
		on_request(fd, bytes, (size_t)len);
	}
}

/* The first bytes are there (TCP_DEFER_ACCEPT), so they are read at once; then it is watched. */
static void on_connection(void)
{
	int fd;
	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) != -1) {
		if (fd >= FDS_MOST)
			errx(1, "too many descriptors");
		ends[fd] = (struct end){ .peer = -1 };
		static char bytes[BYTES];
		ssize_t len = recv(fd, bytes, sizeof bytes, 0);
		if (len > 0)
			on_request(fd, bytes, (size_t)len);
		watch(fd);
	}
}

static void listen_at(const char *address, const char *port)
{
	int one = 1, seconds = 1;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	inet_pton(AF_INET, address, &at.sin_addr);
	node_address.sin_addr = at.sin_addr;
	listen_fd = open_socket();
	setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(listen_fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
	checked(bind(listen_fd, (struct sockaddr *)&at, sizeof at), "bind");
	checked(listen(listen_fd, 4096), "listen");
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	if (argc != 5)
		errx(2, "usage: floor ADDRESS PORT NODE-PORT keep|close");
	node_address.sin_family = AF_INET;
	node_address.sin_port = htons((uint16_t)atoi(argv[3]));
	keeps_nodes = strcmp(argv[4], "keep") == 0;
	poll_fd = checked(epoll_create1(0), "poll");
	listen_at(argv[1], argv[2]);
	watch(listen_fd);
	for (;;) {
		int count = epoll_wait(poll_fd, events, EVENTS, -1);
		if (count == -1 && errno != EINTR)
			err(1, "cannot wait");
		for (int i = 0; i < count; i++)
			if (events[i].data.fd == listen_fd)
				on_connection();
			else
				on_readable(events[i].data.fd);
	}
}
