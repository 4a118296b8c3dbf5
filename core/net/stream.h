/*
 * stream: one connected socket, with what waits to be written to it. Bytes are read when somebody
 * asks, written at once, and only what the kernel does not take is kept. Watching for writes begins
 * after the kernel said "later"; watching for reads stays on, unless it would spin.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_STREAM_H
#define WEIR_NET_STREAM_H

#include "base/buf.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum io {
	IO_OK,
	IO_WAIT, /* nothing now; the loop will call on_ready */
	IO_EOF,  /* the other side has said all it had to say */
	IO_FAIL, /* the connection is broken: see stream.error */
};

struct stream {
	ev_io watcher;
	void (*on_ready)(struct stream *s); /* something may be read or written now */
	struct buf out;                     /* written by us, not yet taken by the kernel */
	int fd;                             /* -1 when closed */
	int error;                          /* errno of what broke it, 0 while whole */
	bool is_connecting;                 /* connect() has not been answered yet */
	bool is_readable; /* the kernel said so, and we have not read to the end since */
	bool is_eof;      /* the other side has ended */
	bool is_shut;     /* we have ended */
	bool must_shut;   /* end when `out` is empty */
	bool has_nagle;   /* to be switched off before the second write: the first is not held up */
	unsigned long long bytes_in, bytes_out;
};

/* Takes the descriptor over; nothing is watched yet. */
void stream_open(struct stream *s, int fd, void (*on_ready)(struct stream *s));

/* Closes at once; what waits is lost. Safe when closed already. */
void stream_close(struct stream *s);

/* Closes with a reset instead of an orderly end. */
void stream_reset(struct stream *s);

/* Closes all but the descriptor, which is the caller's now. */
int stream_leave(struct stream *s);

static inline bool stream_is_open(const struct stream *s)
{
	return s->fd != -1;
}

/*
 * Reads up to `size` bytes, at least 1, to `into`; IO_OK: *got of them, at least one. What came
 * before the connection broke can still be read; behind it is IO_FAIL, not IO_EOF.
 */
enum io stream_read(struct stream *s, char *into, size_t size, size_t *got);

/*
 * Writes the pieces, in order; what the kernel does not take is copied and written later. IO_OK: all
 * of it is on its way (look at stream_is_flushed); IO_FAIL: broken; IO_WAIT: connect() has not been
 * answered yet, and nothing was taken: come again with the same. The caller bounds what waits: it
 * asks stream_is_flushed before it brings more.
 */
enum io stream_write(struct stream *s, const struct iovec *pieces, unsigned count);
enum io stream_write_slice(struct stream *s, struct slice bytes);

/*
 * The same for the last bytes of all, when stream_shut or stream_close follows at once: the kernel
 * keeps back what fills no segment, and sends it together with our end.
 */
enum io stream_write_last(struct stream *s, const struct iovec *pieces, unsigned count);

/*
 * Has connect() been answered? IO_OK: yes; IO_WAIT: not yet (it shows when writing is possible);
 * IO_FAIL: with a refusal. A system call while it is open.
 */
enum io stream_await(struct stream *s);

static inline bool stream_is_flushed(const struct stream *s)
{
	return buf_len(&s->out) == 0;
}

/* For stream_flush: there may be something to do. */
enum io stream_flush_rest(struct stream *s);

/* Writes what waits and ends then, if stream_shut was called; IO_WAIT while any of it waits. */
static inline enum io stream_flush(struct stream *s)
{
	bool is_idle = s->error == 0 && stream_is_flushed(s) && !s->must_shut;
	return is_idle ? IO_OK : stream_flush_rest(s);
}

/*
 * Bytes that were written and that the other side's kernel has not confirmed yet: ours holds them
 * for it, up to megabytes. A system call.
 */
size_t stream_unconfirmed(const struct stream *s);

/*
 * Ends our direction once everything has been written; reading goes on. Before connect() has been
 * answered, or while bytes wait, that is left to stream_flush.
 */
void stream_shut(struct stream *s);

/*
 * Says what the owner waits for. Costs nothing when nothing changes. Reads that are not wanted are
 * watched too, until they happen: an end must be noticed, and most connections never pay for a
 * change. False, once, when such a read turned out to be a reset (s->error is set).
 */
bool stream_watch(struct stream *s, bool want_read, bool want_write);

/*
 * Marks what is sent from now on with these six bits (RFC 2474); and those that are set, -1 when it
 * cannot be known. System calls.
 */
bool stream_set_dscp(struct stream *s, unsigned dscp);
int stream_dscp(const struct stream *s);

/*
 * From now on the kernel asks the other side whether it is still there: once `seconds` (at least 1)
 * have passed without a byte, then each quarter of that; four times without an answer break the
 * connection (ETIMEDOUT). System calls.
 */
void stream_probe(struct stream *s, unsigned seconds);

/* Does the loop look at it? Not before it was first watched. */
static inline bool stream_is_watched(const struct stream *s)
{
	return ev_is_active(&s->watcher);
}

/*
 * Looks, without reading, whether there is more to read: after reads that were no larger than what
 * was wanted, is_readable only says that there may be.
 */
void stream_peek(struct stream *s);

/* The loop has seen something happen to it in this turn and will call on_ready for it. */
bool stream_has_news(const struct stream *s);

#endif
