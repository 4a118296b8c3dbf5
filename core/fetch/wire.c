/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/wire.h"

#include "base/check.h"
#include "base/memory.h"
#include "net/dial.h"

#include <stdlib.h>
#include <string.h>

/* ---- sets ------------------------------------------------------------------------------------------- */

struct wires *wires_new(void)
{
	return memory_new(1, sizeof(struct wires));
}

void wires_free(struct wires *set)
{
	for (size_t i = 0; set != NULL && i < WIRES_MOST; i++)
		wire_close(&set->at[i]);
	free(set);
}

struct wire *wires_find(struct wires *set, int64_t number)
{
	if (set == NULL || number < 1 || number > WIRES_MOST)
		return NULL;
	struct wire *wire = &set->at[number - 1];
	return wire->state == WIRE_UNUSED ? NULL : wire;
}

int wires_number(const struct wires *set, const struct wire *wire)
{
	return (int)(wire - set->at) + 1;
}

unsigned wires_count(const struct wires *set)
{
	unsigned count = 0;
	for (size_t i = 0; set != NULL && i < WIRES_MOST; i++)
		count += set->at[i].state != WIRE_UNUSED;
	return count;
}

/* ---- events ----------------------------------------------------------------------------------------- */

void wire_close(struct wire *wire)
{
	if (wire->state == WIRE_UNUSED)
		return;
	timer_release(&wire->timer);
	stream_close(&wire->stream);
	wire->state = WIRE_UNUSED;
	wire->wait = NULL;
}

void wire_stop(struct wire *wire)
{
	if (wire->state == WIRE_CONNECTING || wire->state == WIRE_WRITING) {
		wire_close(wire);
		return;
	}
	timer_stop(&wire->timer);
	wire->wait = NULL;
	wire->state = wire->state == WIRE_UNUSED ? WIRE_UNUSED : WIRE_QUIET;
}

/* Nobody reads: only what the kernel says by itself is heard. */
static void rest(struct wire *wire)
{
	timer_stop(&wire->timer);
	wire->state = WIRE_QUIET;
	wire->wait = NULL;
	stream_watch(&wire->stream, false, false);
}

static void succeed(struct wire *wire)
{
	struct wire_wait *w = wire->wait;
	rest(wire);
	w->reason = NULL;
	w->on_done(w);
}

/* One that could not be connected or written to is of no use any more. */
static void fail(struct wire *wire, const char *reason)
{
	struct wire_wait *w = wire->wait;
	if (wire->state == WIRE_READING)
		rest(wire);
	else
		wire_close(wire);
	w->reason = reason;
	w->on_done(w);
}

static const char *stream_reason(const struct stream *s)
{
	return s->error != 0 ? strerror(s->error) : "the connection broke off";
}

static void on_ready(struct stream *s)
{
	struct wire *wire = container_of(s, struct wire, stream);
	enum io result = IO_OK;
	switch (wire->state) {
	case WIRE_CONNECTING:
		result = stream_await(s);
		break;
	case WIRE_WRITING:
		result = stream_flush(s);
		break;
	case WIRE_READING:
		result = s->is_readable ? IO_OK : IO_WAIT;
		break;
	default:
		stream_watch(s, false, false);
		return;
	}
	if (result == IO_FAIL)
		fail(wire, stream_reason(s));
	else if (result == IO_OK)
		succeed(wire);
	else if (!stream_watch(s, wire->state == WIRE_READING, wire->state != WIRE_READING))
		fail(wire, stream_reason(s));
}

static void on_timeout(struct timer *timer)
{
	fail(container_of(timer, struct wire, timer), "timed out");
}

static void wait_for(struct wire *wire, struct wire_wait *w, enum wire_state state,
		     uint64_t milliseconds)
{
	check(wire->wait == NULL);
	w->wire = wire;
	wire->wait = w;
	wire->state = state;
	timer_set(&wire->timer, milliseconds == 0 ? 1 : milliseconds);
	stream_watch(&wire->stream, state == WIRE_READING, state != WIRE_READING);
}

/* ---- what it does ----------------------------------------------------------------------------------- */

bool wire_connect(struct wires *set, struct wire_wait *w, const struct addr *to,
		  uint64_t milliseconds, const char **reason)
{
	const struct dial d = { .to = *to };
	struct wire *wire = set->at;
	int fd, error;
	while (wire < set->at + WIRES_MOST && wire->state != WIRE_UNUSED)
		wire++;
	if (wire == set->at + WIRES_MOST) {
		*reason = "the client's connection has too many sockets already";
		return false;
	}
	enum dial_result result = dial_open(&d, &fd, &error);
	if (result != DIAL_OK) {
		*reason = error != 0 ? strerror(error) : dial_words(result);
		return false;
	}
	stream_open(&wire->stream, fd, on_ready);
	wire->stream.is_connecting = true;
	timer_init(&wire->timer, on_timeout);
	wire->wait = NULL;
	wait_for(wire, w, WIRE_CONNECTING, milliseconds);
	return true;
}

void wire_wait_read(struct wire *wire, struct wire_wait *w, uint64_t milliseconds)
{
	wait_for(wire, w, WIRE_READING, milliseconds);
}

enum io wire_take(struct wire *wire, char *into, size_t size, size_t *got, const char **reason)
{
	enum io result = stream_read(&wire->stream, into, size, got);
	*reason = result == IO_FAIL ? stream_reason(&wire->stream) : NULL;
	return result;
}

void wire_write(struct wire *wire, struct wire_wait *w, struct slice data, uint64_t milliseconds)
{
	/* what breaks it shows at the flush, like all that comes later */
	stream_write_slice(&wire->stream, data);
	wait_for(wire, w, WIRE_WRITING, milliseconds);
}
