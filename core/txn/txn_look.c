/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_look.h"

#include "base/check.h"
#include "txn/txn_rules.h"

/* Reads per turn, as in txn_body.c: a fast sender must not keep the loop from all others. */
#define READS_PER_TURN 2
#define READ_BYTES (64 * 1024)

void txn_look_open(struct txn_look *l, struct stream *from, struct inbox *inbox, size_t limit)
{
	l->from = from;
	l->inbox = inbox;
	l->limit = limit;
	l->end = TXN_LOOK_NO_END;
	l->wanted = 0;
	l->is_over = false;
}

struct slice txn_look_text(const struct txn_look *l)
{
	struct slice text = buf_slice(&l->held);
	return l->end < text.len ? slice_of(text.at, l->end) : text;
}

/* ---- taking bytes -------------------------------------------------------------------------------- */

static void take(struct txn_look *l)
{
	struct slice waiting = inbox_slice(l->inbox);
	size_t held = buf_len(&l->held), room = held < l->limit ? l->limit - held : 0;
	if (waiting.len > room)
		waiting.len = room;
	if (waiting.len == 0)
		return;
	buf_append(&l->held, waiting, l->limit);
	inbox_use(l->inbox, waiting.len);
}

/* One read. False when there is nothing now. */
static bool fill(struct txn_look *l)
{
	if (!l->from->is_readable && !l->from->is_eof)
		return false;
	switch (inbox_read(l->inbox, l->from, READ_BYTES, READ_BYTES)) {
	case IO_OK:
		take(l);
		return true;
	case IO_WAIT:
		return false;
	case IO_EOF:
	case IO_FAIL:
		break;
	}
	l->is_over = true;
	return false;
}

static enum txn_look_result judge(const struct txn_look *l, size_t wanted)
{
	size_t held = buf_len(&l->held);
	bool is_whole = l->end <= held; /* what lies behind it is no part of it */
	if (held >= wanted || is_whole || l->is_over || l->from == NULL)
		return TXN_LOOK_READY;
	return wanted > l->limit && held >= l->limit ? TXN_LOOK_LONG : TXN_LOOK_WAIT;
}

enum txn_look_result txn_look_ask(struct txn_look *l, size_t wanted)
{
	if (l->from == NULL)
		return TXN_LOOK_READY;
	take(l);
	for (int reads = 0; reads < READS_PER_TURN && judge(l, wanted) == TXN_LOOK_WAIT; reads++)
		if (!fill(l))
			break;
	return judge(l, wanted);
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static void stop(struct txn_wait *w)
{
	container_of(w, struct txn_look, wait)->wanted = 0;
}

void txn_look_wait(struct txn *t, struct txn_look *l, size_t wanted)
{
	l->wanted = wanted;
	txn_rules_wait(t, &l->wait, stop);
}

bool txn_look_wants_read(const struct txn_look *l)
{
	return l->wanted > 0 && judge(l, l->wanted) == TXN_LOOK_WAIT;
}

void txn_look_move(struct txn *t, struct txn_look *l)
{
	if (l->wanted == 0 || t->wait != &l->wait)
		return;
	if (txn_look_ask(l, l->wanted) == TXN_LOOK_WAIT)
		return;
	l->wanted = 0;
	txn_rules_ready(&l->wait);
}

/* ---- changing it --------------------------------------------------------------------------------- */

void txn_look_drop(struct txn_look *l, size_t count)
{
	size_t len = txn_look_text(l).len;
	count = count < len ? count : len;
	if (count > 0)
		buf_take(&l->held, count);
	if (l->end != TXN_LOOK_NO_END)
		l->end -= count;
}

void txn_look_replace(struct txn_look *l, struct slice text)
{
	struct buf rest = l->held;
	size_t len = txn_look_text(l).len;
	buf_init(&l->held);
	buf_append(&l->held, text, SIZE_MAX);
	buf_append(&l->held, slice_skip(buf_slice(&rest), len), SIZE_MAX);
	buf_release(&rest);
	if (l->end != TXN_LOOK_NO_END)
		l->end = text.len;
}

void txn_look_end(struct txn_look *l)
{
	txn_look_drop(l, SIZE_MAX);
	l->end = TXN_LOOK_NO_END;
}

void txn_look_release(struct txn_look *l)
{
	buf_release(&l->held);
}
