/*
 * kernel: as much of Linux as one worker asks for, in memory: connected sockets, listening ones,
 * pipes, epoll and the clock. The real code runs on it, libev too, because the C library's names are
 * defined here; descriptors from KERNEL_FIRST_FD on are ours, all others go to the real kernel. What
 * a connection does (how much arrives, how much it takes, how it ends) is for its peer to say: the
 * fields of struct wire are the peer's to change. Time stands still until the peer moves it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_KERNEL_H
#define WEIR_FUZZ_KERNEL_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_FIRST_FD 100
#define KERNEL_FDS 64
#define KERNEL_WIRES 64

/* What was sent in one direction, all of it, for who looks at it afterwards. */
struct wire_bytes {
	char *at;
	size_t len, capacity;
};

void wire_bytes_add(struct wire_bytes *to, const void *bytes, size_t len);

/* What was sent from `at` on. */
struct slice wire_bytes_rest(const struct wire_bytes *bytes, size_t at);

/* One connection of weir's, seen from the other end. */
struct wire {
	int fd; /* weir's end; -1 when it is closed */
	struct addr local, peer;
	bool is_client; /* it was accepted, not dialled */
	struct wire_bytes to_weir, from_weir;
	size_t arrived;                        /* bytes of to_weir that weir may read */
	size_t taken;                          /* that it has read */
	size_t window;                         /* bytes that weir may still send */
	bool is_connecting, is_ended, is_gone; /* ours: before the answer; FIN; closed both ways */
	bool is_broken;                        /* by a reset of either side, or refused */
	int error;                             /* told to weir once */
	bool is_shut, is_cut; /* weir's: it ended, or closed; it closed by a reset */
	bool lingers_not;     /* SO_LINGER of 0 */
	size_t told;          /* bytes of to_weir that had arrived when epoll last told of it */
	size_t tried_from;    /* where in from_weir weir last began to write, taken or not */
	size_t tried_told;    /* `told` when it first did so */
	size_t asked_from;    /* where in from_weir a request begins that is not whole yet */
	size_t asked_told;    /* `told` when weir first tried to write it */
};

/* Which of the descriptors that are ready are told now (bit 0: KERNEL_FIRST_FD), and in which order. */
struct kernel_turn {
	uint64_t told;
	bool is_reversed;
};

struct kernel {
	bool is_on;        /* the clock is ours */
	uint64_t now;      /* microseconds */
	uint64_t ready;    /* as told before on_wait */
	uint64_t moves;    /* grows when a byte moves or a connection begins or ends */
	unsigned open_fds; /* connections */
	unsigned wire_count;
	bool was_full; /* it has refused for want of room */
	struct wire wires[KERNEL_WIRES];
	/* weir would wait, at most `timeout` milliseconds (-1: for ever). */
	struct kernel_turn (*on_wait)(int timeout);
	/* weir has written */
	void (*on_written)(struct wire *wire);
	/* weir dials; false: refused at once. */
	bool (*on_dial)(struct wire *wire);
};

extern struct kernel kernel;

/* A listening socket at that address. */
int kernel_listen(const struct addr *at);

/* A client's connection to the listening socket, to be accepted; NULL when there are too many. */
struct wire *kernel_connect(int listen_fd, const struct addr *from);

/* Sends to weir; the bytes arrive when the peer says so. */
void kernel_send(struct wire *wire, const void *bytes, size_t len);

/* A reset by the peer. `error`: what weir hears. */
void kernel_break(struct wire *wire, int error);

/* Looks again which descriptors are ready. */
uint64_t kernel_ready(void);

/* Forgets all connections; every one must have been closed by weir. */
void kernel_forget(void);

#endif
