/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/udp_hold.h"

#include "base/memory.h"

#include <stdlib.h>

/* Of one session, whatever their bytes. */
#define HELD_MOST 64
/* Bytes of all sessions of this worker. */
#define HELD_BYTES_MOST ((size_t)32 << 20)

static size_t held_bytes;

static bool may_hold(size_t bytes)
{
	return held_bytes + bytes <= HELD_BYTES_MOST;
}

/* ---- single ones ------------------------------------------------------------------------------------ */

bool udp_hold_keep(struct udp_kept *k)
{
	if (k->memory != NULL || slice_is_absent(k->bytes))
		return true;
	if (!may_hold(k->bytes.len)) {
		k->bytes = SLICE_ABSENT;
		return false;
	}
	k->size = k->bytes.len;
	k->memory = memory_new(1, k->size + 1); /* an empty one is there, too */
	memcpy(k->memory, k->bytes.at, k->size);
	k->bytes.at = k->memory;
	held_bytes += k->size;
	return true;
}

void udp_hold_let_go(struct udp_kept *k)
{
	held_bytes -= k->size;
	free(k->memory);
	*k = (struct udp_kept){ 0 };
}

bool udp_hold_count(size_t *counted, size_t bytes)
{
	if (bytes > *counted && !may_hold(bytes - *counted))
		return false;
	held_bytes += bytes - *counted;
	*counted = bytes;
	return true;
}

/* ---- those that wait ---------------------------------------------------------------------------------- */

void udp_hold_init(struct udp_queue *q)
{
	*q = (struct udp_queue){ .count = 0 };
	STAILQ_INIT(&q->list);
}

bool udp_hold_add(struct udp_queue *q, struct slice bytes, size_t most)
{
	if (q->count >= HELD_MOST || q->bytes + bytes.len > most || !may_hold(bytes.len))
		return false;
	struct udp_held *h = memory_new(1, sizeof *h + bytes.len);
	h->bytes = bytes.len;
	memcpy(h->text, bytes.at, bytes.len);
	STAILQ_INSERT_TAIL(&q->list, h, link);
	q->count++;
	q->bytes += bytes.len;
	held_bytes += bytes.len;
	return true;
}

struct udp_held *udp_hold_take(struct udp_queue *q)
{
	struct udp_held *h = STAILQ_FIRST(&q->list);
	if (h == NULL)
		return NULL;
	STAILQ_REMOVE_HEAD(&q->list, link);
	q->count--;
	q->bytes -= h->bytes;
	held_bytes -= h->bytes;
	return h;
}

void udp_hold_drop(struct udp_queue *q)
{
	struct udp_held *h;
	while ((h = udp_hold_take(q)) != NULL)
		free(h);
}
