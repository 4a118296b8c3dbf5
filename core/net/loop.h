/*
 * loop: one event loop per process, on libev. It reads the clock once per turn, fires timers, and
 * runs what was put off with loop_later before it waits again, so that nothing recurses.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_LOOP_H
#define WEIR_NET_LOOP_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* Opens the loop of this process; call it after fork. */
void loop_open(void);
void loop_close(void);

/* Turns until loop_stop; every turn first calls `on_turn` (may be NULL), before anything else. */
void loop_run(void (*on_turn)(void));
void loop_stop(void);

/* The number of the turn that runs now: what two readings of it enclose has been waited for. */
uint64_t loop_turn(void);

/* Something to do before the loop waits again; embedded in its owner, once in the queue at a time. */
struct loop_task {
	STAILQ_ENTRY(loop_task) link;
	bool is_queued;
	void (*run)(struct loop_task *task);
};

void loop_later(struct loop_task *task);

/* Takes it out of the queue, before its memory goes. */
void loop_forget(struct loop_task *task);

/* Calls `on_signal` in the loop when the signal comes; for the life of the loop. */
struct loop_signal {
	ev_signal watcher;
	void (*on_signal)(int signal_number);
};
void loop_watch_signal(struct loop_signal *s, int signal_number,
		       void (*on_signal)(int signal_number));

/* A descriptor that is watched for reading, outside of streams: a pipe, a listening socket. */
struct loop_io {
	ev_io watcher;
	void (*on_readable)(struct loop_io *io);
};
void loop_io_start(struct loop_io *io, int fd, void (*on_readable)(struct loop_io *io));
void loop_io_stop(struct loop_io *io);

static inline bool loop_io_is_on(const struct loop_io *io)
{
	return ev_is_active(&io->watcher);
}

/* A descriptor of a foreign library, watched for what that says. Zero-initialise. */
struct loop_poll {
	ev_io watcher;
	void (*on_ready)(struct loop_poll *p, bool is_readable, bool is_writable);
};

/* Watches `fd` for this from now on; with neither, not any more (before its memory goes). */
void loop_poll_set(struct loop_poll *p, int fd, bool wants_read, bool wants_write);

#endif
