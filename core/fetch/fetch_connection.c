/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch_connection.h"

#include "base/check.h"
#include "base/memory.h"
#include "net/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is written at a time: what the kernel does not take of it is copied. */
#define WRITE_BYTES 65536

static struct {
	TAILQ_HEAD(idle_fetches, fetch_connection) list; /* used last is first */
	unsigned count;
} idle = { .list = TAILQ_HEAD_INITIALIZER(idle.list) };

static void on_idle_timeout(struct timer *timer);

/* ---- life ----------------------------------------------------------------------------------------------- */

struct fetch_connection *fetch_connection_open(const struct addr *to, const char *key,
					       void (*on_ready)(struct stream *), void *user,
					       const char **why)
{
	const struct dial d = { .to = *to };
	int fd, error;
	enum dial_result result = dial_open(&d, &fd, &error);
	if (result != DIAL_OK) {
		*why = error != 0 ? strerror(error) : dial_words(result);
		return NULL;
	}
	struct fetch_connection *c = memory_new(1, sizeof *c);
	stream_open(&c->stream, fd, on_ready);
	c->stream.is_connecting = true;
	c->stream.has_nagle = true;
	timer_init(&c->timer, on_idle_timeout);
	c->user = user;
	snprintf(c->key, sizeof c->key, "%s", key);
	return c;
}

void fetch_connection_close(struct fetch_connection *c)
{
	if (c == NULL)
		return;
	tls_free(c->tls);
	timer_release(&c->timer);
	stream_close(&c->stream);
	free(c);
}

/* ---- idle ones ------------------------------------------------------------------------------------------ */

static void take_out(struct fetch_connection *c)
{
	TAILQ_REMOVE(&idle.list, c, link);
	idle.count--;
	timer_release(&c->timer);
}

static void drop(struct fetch_connection *c)
{
	take_out(c);
	fetch_connection_close(c);
}

static void on_idle_timeout(struct timer *timer)
{
	drop(container_of(timer, struct fetch_connection, timer));
}

/* Nothing is expected: only TLS may have something to say below what it gives us. */
static bool is_quiet(struct fetch_connection *c)
{
	char byte;
	size_t got;
	return fetch_connection_read(c, &byte, 1, &got) == IO_WAIT;
}

static void on_idle_ready(struct stream *s)
{
	struct fetch_connection *c = container_of(s, struct fetch_connection, stream);
	if (is_quiet(c))
		fetch_connection_watch(c, false);
	else
		drop(c);
}

/* The oldest idle one, of one place or of all; *count: how many there are. */
static struct fetch_connection *oldest(const char *key, unsigned *count)
{
	struct fetch_connection *c, *last = NULL;
	*count = 0;
	TAILQ_FOREACH (c, &idle.list, link) {
		if (key != NULL && strcmp(c->key, key) != 0)
			continue;
		last = c;
		++*count;
	}
	return last;
}

void fetch_connection_give_back(struct fetch_connection *c, uint64_t milliseconds)
{
	unsigned count;
	struct fetch_connection *last = oldest(c->key, &count);
	if (count >= FETCH_IDLE_PLACE_MOST)
		drop(last);
	last = oldest(NULL, &count);
	if (count >= FETCH_IDLE_MOST)
		drop(last);
	if (milliseconds == 0) {
		fetch_connection_close(c);
		return;
	}
	TAILQ_INSERT_HEAD(&idle.list, c, link);
	idle.count++;
	c->user = NULL;
	c->stream.on_ready = on_idle_ready;
	timer_set(&c->timer, milliseconds);
	fetch_connection_watch(c, false);
}

struct fetch_connection *fetch_connection_take(const char *key, void (*on_ready)(struct stream *),
					       void *user)
{
	struct fetch_connection *c, *next;
	for (c = TAILQ_FIRST(&idle.list); c != NULL; c = next) {
		next = TAILQ_NEXT(c, link);
		if (strcmp(c->key, key) != 0)
			continue;
		/* the loop may not have told yet of what would be taken for the next answer */
		if (is_quiet(c))
			break;
		drop(c);
	}
	if (c == NULL)
		return NULL;
	take_out(c);
	c->stream.on_ready = on_ready;
	c->user = user;
	return c;
}

void fetch_connection_close_idle(void)
{
	struct fetch_connection *c;
	while ((c = TAILQ_FIRST(&idle.list)) != NULL)
		drop(c);
}

unsigned fetch_connection_count_idle(void)
{
	return idle.count;
}

/* ---- talking -------------------------------------------------------------------------------------------- */

enum io fetch_connection_read(struct fetch_connection *c, char *into, size_t size, size_t *got)
{
	return c->tls != NULL ? tls_read(c->tls, into, size, got)
			      : stream_read(&c->stream, into, size, got);
}

enum io fetch_connection_flush(struct fetch_connection *c)
{
	return stream_flush(&c->stream);
}

enum io fetch_connection_write(struct fetch_connection *c, struct slice bytes, size_t *put)
{
	bytes.len = bytes.len < WRITE_BYTES ? bytes.len : WRITE_BYTES;
	*put = 0;
	if (c->tls != NULL)
		return tls_write(c->tls, bytes, put);
	enum io result = stream_flush(&c->stream);
	if (result == IO_OK)
		result = stream_write_slice(&c->stream, bytes);
	*put = result == IO_OK ? bytes.len : 0;
	return result;
}

void fetch_connection_watch(struct fetch_connection *c, bool wants_write)
{
	bool is_held = !stream_is_flushed(&c->stream) ||
		       (c->tls != NULL && tls_wants_write(c->tls));
	stream_watch(&c->stream, true, wants_write || is_held);
}

const char *fetch_connection_failure(const struct fetch_connection *c)
{
	if (c->tls != NULL && tls_failure(c->tls)[0] != '\0')
		return tls_failure(c->tls);
	return c->stream.error != 0 ? strerror(c->stream.error) : "the connection broke off";
}
