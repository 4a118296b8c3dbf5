/*
 * udp_hold: datagrams that wait, because a rule does or because another node may have to be sent the
 * same. Bounded for each session, and for all sessions of this worker together.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_UDP_HOLD_H
#define WEIR_TXN_UDP_HOLD_H

#include "base/slice.h"

#include <stdbool.h>
#include <sys/queue.h>

/* A session's first datagram. Zero-initialise. */
struct udp_kept {
	struct slice bytes; /* absent: none; where it was read, or in its own memory */
	char *memory;       /* NULL: it still lies where it was read */
	size_t size;        /* of memory */
};

/* It stays valid from now on. False, and it is gone, when too much is held already. */
bool udp_hold_keep(struct udp_kept *k);
void udp_hold_let_go(struct udp_kept *k);

/*
 * What a session holds elsewhere counts here: so many bytes as of now, in place of *counted. False, and
 * nothing changes, when that is too much.
 */
bool udp_hold_count(size_t *counted, size_t bytes);

/* Datagrams in a row. */
struct udp_held {
	STAILQ_ENTRY(udp_held) link;
	size_t bytes;
	char text[];
};
struct udp_queue {
	STAILQ_HEAD(, udp_held) list;
	size_t bytes;
	unsigned count;
};

void udp_hold_init(struct udp_queue *q);

/* Adds a copy, while all in `q` have at most `most` bytes. False: it is too much. */
bool udp_hold_add(struct udp_queue *q, struct slice bytes, size_t most);

/* The next of them, which the caller frees; NULL: none is left. */
struct udp_held *udp_hold_take(struct udp_queue *q);
void udp_hold_drop(struct udp_queue *q);

#endif
