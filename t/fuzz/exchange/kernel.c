/* It is long because the calls of one kernel stand together: each is short, and all share the table. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel.h"

#include "../fuzz.h"

#include "base/memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define OURS __attribute__((visibility("default")))
#define BACKLOG 16
#define PIPE_BYTES 65536
/* Bytes behind what was read, that a reader may not look at. */
#define SCRIBBLE "\r\n\r\nGET /scribble HTTP/1.1\r\nHost: scribble\r\n\r\n"

struct kernel kernel;

enum kind { FREE, UNCONNECTED, STREAM, LISTENER, PIPE_OUT, PIPE_IN, EPOLL };

struct pipe_end {
	char *bytes; /* PIPE_BYTES, shared by both ends */
	size_t start, len;
	unsigned ends;
};

static struct descriptor {
	enum kind kind;
	struct wire *wire;
	struct pipe_end *pipe;
	struct addr address;
	struct wire *backlog[BACKLOG];
	unsigned waiting;
	uint32_t events; /* watched for */
	bool is_watched;
	epoll_data_t data;
} table[KERNEL_FDS];

static struct descriptor *descriptor_of(int fd)
{
	int at = fd - KERNEL_FIRST_FD;
	return at >= 0 && at < KERNEL_FDS && table[at].kind != FREE ? &table[at] : NULL;
}

static struct wire *wire_of(int fd)
{
	struct descriptor *d = descriptor_of(fd);
	return d != NULL && d->kind == STREAM ? d->wire : NULL;
}

static int failed(int error)
{
	errno = error;
	return -1;
}

/* Pipes stay from one run to the next, like listening sockets and epoll. */
static bool is_counted(enum kind kind)
{
	return kind == UNCONNECTED || kind == STREAM;
}

static int descriptor_new(enum kind kind)
{
	for (int i = 0; i < KERNEL_FDS; i++)
		if (table[i].kind == FREE) {
			table[i] = (struct descriptor){ .kind = kind };
			kernel.open_fds += is_counted(kind);
			return KERNEL_FIRST_FD + i;
		}
	kernel.was_full = true;
	return failed(EMFILE);
}

/* ---- wires ----------------------------------------------------------------------------------------- */

void wire_bytes_add(struct wire_bytes *to, const void *bytes, size_t len)
{
	if (to->len + len > to->capacity) {
		to->capacity = (to->len + len) * 2;
		to->at = memory_resize(to->at, to->capacity);
	}
	if (len > 0)
		memcpy(to->at + to->len, bytes, len);
	to->len += len;
}

struct slice wire_bytes_rest(const struct wire_bytes *bytes, size_t at)
{
	return at == bytes->len ? SLICE("") : slice_of(bytes->at + at, bytes->len - at);
}

static struct wire *wire_new(void)
{
	if (kernel.wire_count == KERNEL_WIRES) {
		kernel.was_full = true;
		return NULL;
	}
	struct wire *wire = &kernel.wires[kernel.wire_count++];
	struct wire_bytes to = wire->to_weir, from = wire->from_weir;
	to.len = from.len = 0;
	*wire = (struct wire){ .fd = -1, .to_weir = to, .from_weir = from, .window = SIZE_MAX };
	return wire;
}

int kernel_listen(const struct addr *at)
{
	int fd = descriptor_new(LISTENER);
	descriptor_of(fd)->address = *at;
	return fd;
}

struct wire *kernel_connect(int listen_fd, const struct addr *from)
{
	struct descriptor *listener = descriptor_of(listen_fd);
	struct wire *wire = listener->waiting < BACKLOG ? wire_new() : NULL;
	if (wire == NULL)
		return NULL;
	wire->is_client = true;
	wire->peer = *from;
	wire->local = listener->address;
	listener->backlog[listener->waiting++] = wire;
	return wire;
}

void kernel_send(struct wire *wire, const void *bytes, size_t len)
{
	wire_bytes_add(&wire->to_weir, bytes, len);
}

static bool has_end_arrived(const struct wire *wire)
{
	return wire->is_ended && wire->arrived == wire->to_weir.len;
}

/* Behind an end in good order a reset is an EPIPE, and only for who writes (Linux, SOCK_DONE). */
void kernel_break(struct wire *wire, int error)
{
	if (wire->is_broken || wire->is_cut)
		return;
	wire->is_broken = true;
	wire->is_connecting = false;
	wire->is_ended = has_end_arrived(wire);
	wire->error = wire->is_ended ? EPIPE : error;
	kernel.moves++;
}

void kernel_forget(void)
{
	fuzz_expect(kernel.open_fds == 0);
	for (int i = 0; i < KERNEL_FDS; i++)
		table[i].waiting = 0;
	kernel.wire_count = 0;
	kernel.was_full = false;
}

static uint32_t wire_events(const struct wire *wire)
{
	if (wire->is_connecting)
		return 0;
	if (wire->is_broken)
		return EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP | (wire->error ? EPOLLERR : 0);
	uint32_t events = 0;
	if (has_end_arrived(wire))
		events |= EPOLLIN | EPOLLRDHUP | (wire->is_shut ? EPOLLHUP : 0);
	if (wire->arrived > wire->taken)
		events |= EPOLLIN;
	if (wire->window > 0 || wire->is_shut)
		events |= EPOLLOUT;
	return events;
}

/* ---- pipes ---------------------------------------------------------------------------------------------- */

static ssize_t pipe_read(struct pipe_end *pipe, void *into, size_t size)
{
	size_t len = size < pipe->len ? size : pipe->len;
	if (len == 0)
		return failed(EAGAIN);
	memcpy(into, pipe->bytes + pipe->start, len);
	pipe->start += len;
	pipe->len -= len;
	return (ssize_t)len;
}

/* What is left in a pipe would come out in somebody else's connection. */
static void expect_empty_pipes(void)
{
	for (int i = 0; i < KERNEL_FDS; i++)
		fuzz_expect(table[i].pipe == NULL || table[i].pipe->len == 0);
}

/* ---- reading and writing ----------------------------------------------------------------------------- */

static ssize_t wire_read(struct wire *wire, const struct iovec *into, size_t count, bool peeks)
{
	size_t done = 0, most = wire->arrived - wire->taken;
	if (wire->is_connecting)
		return failed(EAGAIN);
	for (size_t i = 0; i < count && done < most; i++) {
		size_t len = most - done < into[i].iov_len ? most - done : into[i].iov_len;
		char *at = into[i].iov_base;
		memcpy(at, wire->to_weir.at + wire->taken + done, len);
		done += len;
		size_t rest = into[i].iov_len - len;
		if (rest > 0 && !peeks)
			memcpy(at + len, SCRIBBLE, rest < sizeof SCRIBBLE ? rest : sizeof SCRIBBLE);
	}
	if (!peeks)
		wire->taken += done;
	if (done > 0) {
		kernel.moves += !peeks;
		return (ssize_t)done;
	}
	if (wire->error != 0 && !has_end_arrived(wire)) {
		int error = wire->error;
		wire->error = 0;
		kernel.moves++;
		return failed(error);
	}
	return has_end_arrived(wire) || wire->is_broken ? 0 : failed(EAGAIN);
}

static ssize_t wire_write(struct wire *wire, const struct iovec *from, size_t count)
{
	if (wire->is_connecting)
		return failed(EAGAIN);
	if (wire->error != 0) {
		int error = wire->error;
		wire->error = 0;
		kernel.moves++;
		return failed(error);
	}
	if (wire->is_broken || wire->is_shut)
		return failed(EPIPE);
	size_t done = 0, wanted = 0;
	for (size_t i = 0; i < count; i++)
		wanted += from[i].iov_len;
	if (wanted > 0 && wire->tried_from != wire->from_weir.len) {
		wire->tried_from = wire->from_weir.len;
		wire->tried_told = wire->told;
	}
	for (size_t i = 0; i < count; i++) {
		size_t room = wire->window - done;
		size_t len = from[i].iov_len < room ? from[i].iov_len : room;
		if (!wire->is_gone)
			wire_bytes_add(&wire->from_weir, from[i].iov_base, len);
		done += len;
	}
	if (done == 0 && wanted > 0)
		return failed(EAGAIN);
	if (wire->window != SIZE_MAX)
		wire->window -= done;
	kernel.moves += done > 0;
	if (done > 0)
		kernel.on_written(wire);
	/* nobody is there: the answer is a reset */
	if (wire->is_gone && done > 0)
		kernel_break(wire, ECONNRESET);
	return (ssize_t)done;
}

OURS ssize_t recv(int fd, void *into, size_t size, int flags)
{
	struct iovec piece = { into, size };
	struct wire *wire = wire_of(fd);
	return wire == NULL ? failed(ENOTSOCK) : wire_read(wire, &piece, 1, flags & MSG_PEEK);
}

OURS ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct wire *wire = wire_of(fd);
	return wire == NULL
		       ? failed(ENOTSOCK)
		       : wire_read(wire, message->msg_iov, message->msg_iovlen, flags & MSG_PEEK);
}

OURS ssize_t read(int fd, void *into, size_t size)
{
	struct descriptor *d = descriptor_of(fd);
	struct wire *wire = wire_of(fd);
	struct iovec piece = { into, size };
	if (d != NULL && d->kind == PIPE_OUT)
		return pipe_read(d->pipe, into, size);
	return wire == NULL ? syscall(SYS_read, fd, into, size) : wire_read(wire, &piece, 1, false);
}

OURS ssize_t readv(int fd, const struct iovec *into, int count)
{
	struct wire *wire = wire_of(fd);
	return wire == NULL ? syscall(SYS_readv, fd, into, count)
			    : wire_read(wire, into, (size_t)count, false);
}

/* Without MSG_NOSIGNAL a peer that is gone would kill the worker. */
OURS ssize_t send(int fd, const void *from, size_t size, int flags)
{
	struct iovec piece = { (void *)(uintptr_t)from, size };
	struct wire *wire = wire_of(fd);
	fuzz_expect(flags & MSG_NOSIGNAL);
	return wire == NULL ? failed(ENOTSOCK) : wire_write(wire, &piece, 1);
}

OURS ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct wire *wire = wire_of(fd);
	fuzz_expect(flags & MSG_NOSIGNAL);
	return wire == NULL ? failed(ENOTSOCK)
			    : wire_write(wire, message->msg_iov, message->msg_iovlen);
}

OURS ssize_t write(int fd, const void *from, size_t size)
{
	struct wire *wire = wire_of(fd);
	struct iovec piece = { (void *)(uintptr_t)from, size };
	return wire == NULL ? syscall(SYS_write, fd, from, size) : wire_write(wire, &piece, 1);
}

OURS ssize_t writev(int fd, const struct iovec *from, int count)
{
	struct wire *wire = wire_of(fd);
	return wire == NULL ? syscall(SYS_writev, fd, from, count)
			    : wire_write(wire, from, (size_t)count);
}

/* ---- pipes and splice --------------------------------------------------------------------------------- */

OURS int pipe2(int fds[2], int flags)
{
	(void)flags;
	int out = descriptor_new(PIPE_OUT), in = out == -1 ? -1 : descriptor_new(PIPE_IN);
	if (in == -1) {
		if (out != -1)
			close(out);
		return failed(EMFILE);
	}
	struct pipe_end *pipe = memory_new(1, sizeof *pipe);
	pipe->bytes = memory_new(1, PIPE_BYTES);
	pipe->ends = 2;
	descriptor_of(out)->pipe = descriptor_of(in)->pipe = pipe;
	fds[0] = out;
	fds[1] = in;
	return 0;
}

static ssize_t splice_in(struct wire *wire, struct pipe_end *pipe, size_t len)
{
	if (pipe->len == 0)
		pipe->start = 0;
	size_t room = PIPE_BYTES - pipe->start - pipe->len;
	struct iovec piece = { pipe->bytes + pipe->start + pipe->len, len < room ? len : room };
	if (room == 0)
		return failed(EAGAIN);
	ssize_t got = wire_read(wire, &piece, 1, false);
	if (got > 0)
		pipe->len += (size_t)got;
	return got;
}

static ssize_t splice_out(struct pipe_end *pipe, struct wire *wire, size_t len)
{
	struct iovec piece = { pipe->bytes + pipe->start, len < pipe->len ? len : pipe->len };
	if (pipe->len == 0)
		return failed(EAGAIN);
	ssize_t put = wire_write(wire, &piece, 1);
	if (put > 0) {
		pipe->start += (size_t)put;
		pipe->len -= (size_t)put;
	}
	return put;
}

OURS ssize_t splice(int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags)
{
	struct descriptor *in = descriptor_of(from), *out = descriptor_of(to);
	fuzz_expect(flags & SPLICE_F_NONBLOCK);
	fuzz_expect(in != NULL && out != NULL && from_at == NULL && to_at == NULL);
	if (in->kind == STREAM && out->kind == PIPE_IN)
		return splice_in(in->wire, out->pipe, len);
	if (in->kind == PIPE_OUT && out->kind == STREAM)
		return splice_out(in->pipe, out->wire, len);
	return failed(EINVAL);
}

/* ---- opening and closing --------------------------------------------------------------------------------- */

OURS int socket(int domain, int type, int protocol)
{
	return kernel.is_on ? descriptor_new(UNCONNECTED)
			    : (int)syscall(SYS_socket, domain, type, protocol);
}

OURS int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
	struct descriptor *listener = descriptor_of(fd);
	struct sockaddr_storage name;
	(void)flags;
	if (listener->waiting == 0)
		return failed(EAGAIN);
	int taken = descriptor_new(STREAM);
	if (taken == -1)
		return -1;
	struct wire *wire = listener->backlog[0];
	memmove(listener->backlog, listener->backlog + 1,
		--listener->waiting * sizeof listener->backlog[0]);
	wire->fd = taken;
	descriptor_of(taken)->wire = wire;
	if (from != NULL) {
		socklen_t size = addr_to_sockaddr(&wire->peer, &name);
		memcpy(from, &name, size);
		*len = size;
	}
	kernel.moves++;
	return taken;
}

OURS int bind(int fd, const struct sockaddr *to, socklen_t len)
{
	struct descriptor *d = descriptor_of(fd);
	struct sockaddr_storage name;
	if (d == NULL)
		return (int)syscall(SYS_bind, fd, to, len);
	memcpy(&name, to, len);
	d->address = addr_from_sockaddr(&name);
	return 0;
}

OURS int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	struct descriptor *d = descriptor_of(fd);
	struct sockaddr_storage name;
	if (d == NULL)
		return (int)syscall(SYS_connect, fd, to, len);
	struct wire *wire = wire_new();
	if (wire == NULL)
		return failed(EADDRNOTAVAIL);
	memcpy(&name, to, len);
	d->kind = STREAM;
	d->wire = wire;
	wire->fd = fd;
	wire->peer = addr_from_sockaddr(&name);
	wire->local = d->address;
	wire->is_connecting = true;
	kernel.moves++;
	return kernel.on_dial(wire) ? failed(EINPROGRESS) : failed(ECONNREFUSED);
}

static void wire_close(struct wire *wire)
{
	/* closing with unread bytes is a reset too (RFC 9293 3.10.4) */
	wire->is_cut = !wire->is_broken && (wire->lingers_not || wire->arrived > wire->taken);
	wire->is_shut = true;
	wire->fd = -1;
	kernel.moves++;
}

OURS int close(int fd)
{
	struct descriptor *d = descriptor_of(fd);
	/* what is not open would be somebody else's by now */
	fuzz_expect(d != NULL || fd < KERNEL_FIRST_FD || fd >= KERNEL_FIRST_FD + KERNEL_FDS);
	if (d == NULL)
		return (int)syscall(SYS_close, fd);
	if (d->kind == STREAM)
		wire_close(d->wire);
	if (d->pipe != NULL && --d->pipe->ends == 0) {
		free(d->pipe->bytes);
		free(d->pipe);
	}
	kernel.open_fds -= is_counted(d->kind);
	*d = (struct descriptor){ .kind = FREE };
	return 0;
}

OURS int shutdown(int fd, int how)
{
	struct wire *wire = wire_of(fd);
	if (wire == NULL || wire->is_connecting || wire->is_broken)
		return failed(ENOTCONN);
	if (how != SHUT_RD)
		wire->is_shut = true;
	kernel.moves++;
	return 0;
}

/* ---- asking about sockets -------------------------------------------------------------------------------- */

OURS int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	struct wire *wire = wire_of(fd);
	if (descriptor_of(fd) == NULL)
		return (int)syscall(SYS_setsockopt, fd, level, option, value, len);
	if (wire != NULL && level == SOL_SOCKET && option == SO_LINGER) {
		const struct linger *linger = value;
		wire->lingers_not = linger->l_onoff && linger->l_linger == 0;
	}
	return 0;
}

OURS int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
	struct wire *wire = wire_of(fd);
	if (descriptor_of(fd) == NULL)
		return (int)syscall(SYS_getsockopt, fd, level, option, value, len);
	if (wire == NULL || level != SOL_SOCKET || option != SO_ERROR)
		return failed(ENOPROTOOPT);
	memcpy(value, &wire->error, sizeof wire->error);
	wire->error = 0;
	return 0;
}

static int tell_address(const struct addr *a, struct sockaddr *to, socklen_t *len)
{
	static const struct addr our_own = { .ip = { 10, 2, 0, 254 },
					     .port = 40000,
					     .family = ADDR_IPV4 };
	struct sockaddr_storage name;
	socklen_t size = addr_to_sockaddr(a->family == ADDR_NONE ? &our_own : a, &name);
	memcpy(to, &name, size < *len ? size : *len);
	*len = size;
	return 0;
}

OURS int getsockname(int fd, struct sockaddr *to, socklen_t *len)
{
	struct wire *wire = wire_of(fd);
	return wire == NULL ? failed(ENOTSOCK) : tell_address(&wire->local, to, len);
}

OURS int getpeername(int fd, struct sockaddr *to, socklen_t *len)
{
	struct wire *wire = wire_of(fd);
	return wire == NULL ? failed(ENOTSOCK) : tell_address(&wire->peer, to, len);
}

OURS int getifaddrs(struct ifaddrs **all)
{
	*all = NULL;
	return 0;
}

OURS void freeifaddrs(struct ifaddrs *all)
{
	(void)all;
}

OURS int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	struct wire *wire = wire_of(fd);
	if (descriptor_of(fd) == NULL)
		return (int)syscall(SYS_ioctl, fd, request, argument);
	if (wire == NULL || (request != FIONREAD && request != TIOCOUTQ))
		return failed(ENOTTY);
	*(int *)argument = request == FIONREAD ? (int)(wire->arrived - wire->taken) : 0;
	return 0;
}

OURS int fcntl64(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	if (descriptor_of(fd) == NULL)
		return (int)syscall(SYS_fcntl, fd, command, argument);
	return command == F_GETPIPE_SZ || command == F_SETPIPE_SZ ? PIPE_BYTES : 0;
}

OURS int fcntl(int fd, int command, ...) __attribute__((alias("fcntl64")));

/* ---- waiting, and the time --------------------------------------------------------------------------------- */

OURS int epoll_create1(int flags)
{
	(void)flags;
	return descriptor_new(EPOLL);
}

OURS int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	struct descriptor *d = descriptor_of(fd);
	fuzz_expect(descriptor_of(epoll_fd)->kind == EPOLL);
	if (d == NULL)
		return failed(EBADF);
	if (d->is_watched == (operation == EPOLL_CTL_ADD))
		return failed(d->is_watched ? EEXIST : ENOENT);
	d->is_watched = operation != EPOLL_CTL_DEL;
	if (d->is_watched) {
		d->events = event->events;
		d->data = event->data;
	}
	return 0;
}

static uint32_t events_of(const struct descriptor *d)
{
	if (!d->is_watched)
		return 0;
	uint32_t always = EPOLLERR | EPOLLHUP;
	uint32_t there = d->kind == STREAM                       ? wire_events(d->wire)
			 : d->kind == LISTENER && d->waiting > 0 ? EPOLLIN
								 : 0;
	return there & (d->events | always);
}

uint64_t kernel_ready(void)
{
	uint64_t ready = 0;
	for (int i = 0; i < KERNEL_FDS; i++)
		if (events_of(&table[i]) != 0)
			ready |= 1ull << i;
	return ready;
}

OURS int epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout)
{
	int count = 0;
	fuzz_expect(descriptor_of(epoll_fd)->kind == EPOLL);
	expect_empty_pipes();
	struct kernel_turn turn = kernel.on_wait(timeout);
	for (int i = 0; i < KERNEL_FDS && count < most; i++) {
		int at = turn.is_reversed ? KERNEL_FDS - 1 - i : i;
		uint32_t there = turn.told & (1ull << at) ? events_of(&table[at]) : 0;
		if (there != 0 && table[at].kind == STREAM)
			table[at].wire->told = table[at].wire->arrived;
		if (there != 0)
			events[count++] = (struct epoll_event){ .events = there,
								.data = table[at].data };
	}
	return count;
}

OURS int clock_gettime(clockid_t clock, struct timespec *to)
{
	static int (*real)(clockid_t clock, struct timespec * to);
	if (real == NULL)
		real = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT,
									       "clock_gettime");
	/* the wall's clock is asked by libFuzzer too, in the middle of a run */
	if (!kernel.is_on || clock != CLOCK_MONOTONIC)
		return real(clock, to);
	to->tv_sec = (time_t)(kernel.now / 1000000);
	to->tv_nsec = (long)(kernel.now % 1000000 * 1000);
	return 0;
}
