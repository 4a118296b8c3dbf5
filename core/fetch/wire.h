/*
 * wire: connections that a rule opens and speaks on itself, byte by byte. Each belongs to the set
 * of one client's connection, has a number there, and does one thing at a time; what it does is
 * bounded by a time of its own. It does not know what the bytes mean.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FETCH_WIRE_H
#define WEIR_FETCH_WIRE_H

#include "net/addr.h"
#include "net/stream.h"
#include "net/timer.h"

#include <stddef.h>
#include <stdint.h>

/* Of one client's connection. */
#define WIRES_MOST 16

enum wire_state { WIRE_UNUSED, WIRE_CONNECTING, WIRE_QUIET, WIRE_READING, WIRE_WRITING };

struct wire {
	struct stream stream;
	struct timer timer;
	enum wire_state state;
	struct wire_wait *wait; /* who waits for it; NULL while quiet */
};

/* Owned by the client's connection; private to wire.c but for its pointer. */
struct wires {
	struct wire at[WIRES_MOST];
};

/* What somebody waits for; lives until on_done was called or wire_stop. */
struct wire_wait {
	struct wire *wire;
	void (*on_done)(struct wire_wait *w); /* in an event of the wire, the last thing it does */
	const char
		*reason; /* why it failed; NULL: it did not. Lives until the next failure of any */
};

struct wires *wires_new(void);

/* Closes all; nobody waits any more. NULL is fine. */
void wires_free(struct wires *set);

/* The wire of that number, from 1, or NULL; and its number. */
struct wire *wires_find(struct wires *set, int64_t number);
int wires_number(const struct wires *set, const struct wire *wire);

/* How many are open. */
unsigned wires_count(const struct wires *set);

/*
 * Begins to connect. False: it cannot even be tried, or there are WIRES_MOST already; *reason says
 * why. Otherwise w->wire is the new one, and it is closed again when it could not be connected.
 */
bool wire_connect(struct wires *set, struct wire_wait *w, const struct addr *to,
		  uint64_t milliseconds, const char **reason);

/* Waits until something can be read, be it an end; then wire_take tells what. */
void wire_wait_read(struct wire *wire, struct wire_wait *w, uint64_t milliseconds);

/* Reads what is there. Without waiting, and only after such a wait or to spare one. */
enum io wire_take(struct wire *wire, char *into, size_t size, size_t *got, const char **reason);

/* Writes all of it; a wire that failed to in its time is closed: nobody knows what has left. */
void wire_write(struct wire *wire, struct wire_wait *w, struct slice data, uint64_t milliseconds);

/* Nobody waits any more; one that was connecting or writing is closed. */
void wire_stop(struct wire *wire);

void wire_close(struct wire *wire);

#endif
