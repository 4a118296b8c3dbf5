/*
 * splice: bytes move from one connection to another without coming up into our memory (splice(2),
 * through a pipe). The pipe is empty whenever nobody is in here: what the receiver does not take at
 * once is copied into its stream, so no byte of one connection can ever turn up in another.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_SPLICE_H
#define WEIR_NET_SPLICE_H

#include "net/stream.h"

/* False when there is no descriptor for it: then bytes have to be copied. */
bool splice_is_possible(void);

/*
 * Moves up to `most` bytes, at least 1, where it is possible. `to` must be flushed and connected.
 * IO_OK: *moved of them, at least one, are on their way (look at stream_is_flushed(to)); IO_WAIT: none
 * can be moved, but a read may find some; IO_EOF: the sender has ended; IO_FAIL: one of the two is
 * broken: look at `error` of `to`; *moved bytes, maybe none, were read and are lost.
 *
 * `goes_on`: if from->is_readable afterwards, there are more bytes for sure, and the caller moves
 * them next, now or when it is their turn. Until then the kernel keeps back what fills no segment.
 */
enum io splice_move(struct stream *from, struct stream *to, size_t most, bool goes_on,
		    size_t *moved);

#endif
