/*
 * inbox: bytes read from a stream and not yet used. All inboxes of a process read into one shared
 * buffer; what is left in it when another inbox needs it moves to the first one's own memory. So an
 * idle connection owns no buffer, and most messages are never copied.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_INBOX_H
#define WEIR_NET_INBOX_H

#include "base/buf.h"
#include "net/stream.h"

/* The size of the shared buffer: the most that one read can bring. */
#define INBOX_SHARED_BYTES (256 * 1024)

struct inbox {
	struct buf own; /* bytes in memory of our own; none while we hold the shared buffer */
};

/* Private to inbox.c and inbox_slice. */
extern struct inbox_shared {
	struct inbox *holder; /* whose bytes are in it, or NULL */
	struct slice rest;    /* those not yet used; at least one while there is a holder */
} inbox_shared;

void inbox_init(struct inbox *in);
void inbox_release(struct inbox *in);

/*
 * What waits to be used, in one piece. Valid until the next inbox_read of any inbox or inbox_use of
 * this one: keep no pointer into it over a wait.
 */
static inline struct slice inbox_slice(const struct inbox *in)
{
	return inbox_shared.holder == in ? inbox_shared.rest : buf_slice(&in->own);
}

/*
 * Reads more behind what waits: at most `most` bytes at a time and `limit` in all. IO_OK: more is
 * there; IO_WAIT, also when the limit is reached; IO_EOF; IO_FAIL.
 */
enum io inbox_read(struct inbox *in, struct stream *s, size_t most, size_t limit);

/* Drops the first `count` bytes. */
void inbox_use(struct inbox *in, size_t count);

#endif
