/*
 * fetch_connection: connections that outgoing requests use, in the clear or by TLS, and those that
 * wait for the next one to the same place. What is idle is bounded, by number and in time.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FETCH_CONNECTION_H
#define WEIR_FETCH_CONNECTION_H

#include "base/err.h"
#include "net/addr.h"
#include "net/stream.h"
#include "net/timer.h"
#include "tls/tls.h"

#include <stdint.h>
#include <sys/queue.h>

/* Idle ones of a worker, and of them those to one place; the oldest go. */
#define FETCH_IDLE_MOST 64
#define FETCH_IDLE_PLACE_MOST 8
/* "https://host:port!": a place, and how it was verified. */
#define FETCH_KEY_BYTES 300

struct fetch_connection {
	struct stream stream;
	struct tls *tls;    /* NULL in the clear */
	struct timer timer; /* idle only */
	void *user;
	TAILQ_ENTRY(fetch_connection) link;
	char key[FETCH_KEY_BYTES];
};

/* Begins to connect; NULL, and why, when it cannot even be tried. The owner waits with on_ready. */
struct fetch_connection *fetch_connection_open(const struct addr *to, const char *key,
					       void (*on_ready)(struct stream *s), void *user,
					       const char **why);

/* The idle one to that place that was used last, now the caller's; NULL: there is none. */
struct fetch_connection *fetch_connection_take(const char *key, void (*on_ready)(struct stream *s),
					       void *user);

/* Back among the idle ones, where it is not closed earlier for `milliseconds`. */
void fetch_connection_give_back(struct fetch_connection *c, uint64_t milliseconds);

/* Closes and frees. NULL is fine. */
void fetch_connection_close(struct fetch_connection *c);

/* Closes all idle ones, and how many there are. */
void fetch_connection_close_idle(void);
unsigned fetch_connection_count_idle(void);

/* As those of stream.h and tls.h; write takes from the start of `bytes`, *put of them. */
enum io fetch_connection_read(struct fetch_connection *c, char *into, size_t size, size_t *got);
enum io fetch_connection_write(struct fetch_connection *c, struct slice bytes, size_t *put);
enum io fetch_connection_flush(struct fetch_connection *c);

/* Waits for reads, and for writes if they are wanted or TLS needs them. */
void fetch_connection_watch(struct fetch_connection *c, bool wants_write);

/* Why it failed. */
const char *fetch_connection_failure(const struct fetch_connection *c);

#endif
