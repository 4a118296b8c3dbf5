/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_body.h"

#include "base/check.h"
#include "net/splice.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_compress.h"
#include "txn/txn_hold.h"

#include <stdint.h>

/* Reads per turn: a fast pair must not keep the loop from all others. */
#define READS_PER_TURN 2
/* The same for what is made from a coding, or becomes one, in pieces of `limit` bytes. */
#define PUMPS_PER_TURN 16
/* The same for stored ones. */
#define STORED_PER_TURN 16
/* From so many bytes on it is cheaper to splice than to copy (fuzzing makes do with less). */
#ifndef SPLICE_LEAST
#define SPLICE_LEAST (32 * 1024)
#endif

void txn_body_start(struct txn_body *b, struct stream *from, struct inbox *inbox, struct stream *to,
		    struct slice head, size_t limit)
{
	b->state = TXN_BODY_MOVING;
	b->from = from;
	b->inbox = inbox;
	b->to = to;
	b->head = head;
	b->limit = limit;
	b->has_consumed = false;
}

void txn_body_rewind(struct txn_body *b)
{
	if (b->hold == NULL) {
		txn_body_release(b);
		return;
	}
	b->relay.is_ended = false;
	b->state = TXN_BODY_HELD;
}

void txn_body_release(struct txn_body *b)
{
	http_relay_release(&b->relay);
	if (b->hold != NULL)
		txn_hold_release(b->hold);
	b->hold = NULL;
	b->held = SLICE_ABSENT;
	b->state = TXN_BODY_OFF;
}

bool txn_body_wants_read(const struct txn_body *b)
{
	if (b->state != TXN_BODY_MOVING)
		return b->state == TXN_BODY_HELD && txn_hold_wants_read(b);
	if (b->bandwidth != NULL && b->bandwidth->resume_at != 0)
		return false;
	/* a coder takes bytes before the head has left */
	return !b->relay.in.is_done && (b->head.len == 0 || b->compress != NULL) &&
	       !b->to->is_connecting && stream_is_flushed(b->to);
}

enum io txn_body_read(struct txn_body *b)
{
	if (!b->from->is_readable && !b->from->is_eof)
		return IO_WAIT;
	enum io result = inbox_read(b->inbox, b->from, b->limit, b->limit);
	if (result == IO_FAIL)
		b->state = TXN_BODY_FROM_BROKEN;
	return result;
}

/* Brings bytes into an empty inbox. False when the body has to wait or has ended badly. */
static bool fill(struct txn_body *b, struct http_pieces *pieces, enum http_parse *parsed)
{
	switch (txn_body_read(b)) {
	case IO_OK:
		return true;
	case IO_EOF:
		*parsed = http_relay_end(&b->relay, pieces);
		if (*parsed != HTTP_DONE)
			b->state = TXN_BODY_FROM_CUT;
		return *parsed == HTTP_DONE;
	case IO_WAIT:
	case IO_FAIL:
		break;
	}
	return false;
}

/*
 * Before connect() is answered the pieces may be refused as a whole, so the body behind the head is
 * only taken once there is a connection, except where taking it can be undone by a copy.
 */
static bool may_take(const struct txn_body *b)
{
	return !b->to->is_connecting || b->relay.in.kind == HTTP_BODY_LENGTH;
}

static enum io write_pieces(struct txn_body *b, const struct http_pieces *pieces, bool is_last)
{
	if (pieces->count == 0)
		return IO_OK;
	return is_last ? stream_write_last(b->to, pieces->at, pieces->count)
		       : stream_write(b->to, pieces->at, pieces->count);
}

/* One write: the head if it is still here, and some of what a rule had before us. True: go on. */
static __attribute__((noinline)) bool move_held(struct txn_body *b)
{
	struct http_pieces pieces;
	struct slice part = slice_of(b->held.at, b->held.len < b->limit ? b->held.len : b->limit);
	bool is_all = part.len == b->held.len;
	bool is_made = b->pumps ||
		       b->compress != NULL; /* more of it, maybe, of what has come already */
	bool is_end = is_all && (b->ends_held || (b->relay.in.is_done && !is_made));
	pieces.count = 0;
	pieces.bytes = 0;
	if (b->head.len > 0)
		pieces.at[pieces.count++] = (struct iovec){ (void *)(uintptr_t)b->head.at,
							    b->head.len };
	http_relay_put(&b->relay, part, is_end, &pieces);
	switch (write_pieces(b, &pieces, is_end && b->is_last)) {
	case IO_OK:
		break;
	case IO_WAIT:
		b->relay.is_ended = false;
		return false;
	case IO_EOF:
	case IO_FAIL:
		b->state = TXN_BODY_TO_BROKEN;
		return false;
	}
	b->head = (struct slice){ 0 };
	b->held = is_all ? SLICE_ABSENT : slice_skip(b->held, part.len);
	b->has_moved = true;
	if (is_end)
		b->state = TXN_BODY_DONE;
	return !is_end;
}

/*
 * The receiver broke at bytes that still lie in the inbox. They may go to another one, from where the
 * relay stood before; and bytes that nobody took must not count as taken, or else what is left of this
 * body would be read as the next request.
 */
static void give_up(struct txn_body *b, const struct http_relay *before, size_t used)
{
	b->state = TXN_BODY_TO_BROKEN;
	b->relay.is_ended = before->is_ended;
	if (http_body_go_back(&b->relay.in, &before->in))
		return;
	inbox_use(b->inbox, used);
	b->has_consumed = true;
}

/* One write: the head if it is still here, and what the inbox holds. True: go on at once. */
static bool move_once(struct txn_body *b, bool may_read)
{
	struct http_pieces pieces;
	struct http_relay copy, *before = &b->relay;
	enum http_parse parsed = HTTP_MORE;
	size_t used = 0;
	pieces.count = 0;
	pieces.bytes = 0;
	if (b->head.len > 0)
		pieces.at[pieces.count++] = (struct iovec){ (void *)(uintptr_t)b->head.at,
							    b->head.len };
	bool has_head = pieces.count > 0;
	struct slice waiting = inbox_slice(b->inbox);
	if (!b->relay.in.is_done) { /* else it does not change */
		copy = b->relay;
		before = &copy;
	}
	if (b->relay.in.is_done)
		parsed = HTTP_DONE; /* no body, or a counted one of no bytes */
	else if (waiting.len == 0 && !has_head && !(may_read && fill(b, &pieces, &parsed)))
		return false;
	waiting = inbox_slice(b->inbox);
	if (b->bandwidth != NULL && waiting.len > b->limit)
		waiting.len = b->limit;
	if (parsed == HTTP_MORE && waiting.len > 0 && may_take(b))
		parsed = http_relay_take(&b->relay, waiting, &used, &pieces);
	if (parsed == HTTP_BAD) {
		b->state = TXN_BODY_BAD;
		return false;
	}
	switch (write_pieces(b, &pieces, parsed == HTTP_DONE && b->is_last)) {
	case IO_OK:
		break;
	case IO_WAIT:
		b->relay = *before;
		return false;
	case IO_EOF:
	case IO_FAIL:
		give_up(b, before, used);
		return false;
	}
	b->head = (struct slice){ 0 };
	b->has_moved = true;
	b->has_consumed |= used > 0;
	if (used > 0)
		inbox_use(b->inbox, used);
	if (parsed == HTTP_DONE)
		b->state = TXN_BODY_DONE;
	return parsed != HTTP_DONE;
}

/* Is the rest long enough, and nobody's to look into, to move it past us? */
static bool may_splice(const struct txn_body *b)
{
	return http_relay_may_pass(&b->relay) >= SPLICE_LEAST && b->head.len == 0 &&
	       b->relay.tap == NULL && inbox_slice(b->inbox).len == 0 && b->from->is_readable &&
	       !b->to->is_connecting && splice_is_possible();
}

/* Like move_once, without the bytes coming to us. */
static bool splice_once(struct txn_body *b)
{
	uint64_t left = http_relay_may_pass(&b->relay);
	size_t most = left < b->limit ? (size_t)left : b->limit, moved = 0;
	/* what rests behind it must not keep the kernel from sending it */
	bool goes_on = left - most >= SPLICE_LEAST && b->bandwidth == NULL;
	enum io result = splice_move(b->from, b->to, most, goes_on, &moved);
	/* also when the receiver broke at them: they are gone, and nobody gets this body whole any more */
	b->has_consumed |= moved > 0;
	switch (result) {
	case IO_OK:
		break;
	case IO_WAIT: /* an urgent byte stops splices, and not reads, which leave it out */
		b->from->is_readable = true;
		return move_once(b, true);
	case IO_EOF:
		b->state = TXN_BODY_FROM_CUT;
		return false;
	case IO_FAIL:
		b->state = b->to->error != 0 ? TXN_BODY_TO_BROKEN : TXN_BODY_FROM_BROKEN;
		return false;
	}
	b->has_moved = true;
	if (http_relay_pass(&b->relay, moved) == HTTP_MORE)
		return true;
	b->state = TXN_BODY_DONE;
	return false;
}

/* ---- a tunnel: bytes as they are, up to the end of the connection ---------------------------------- */

/* Writes what is in memory: the head, and behind it what was read. True: go on at once. */
static bool tunnel_write(struct txn_body *b)
{
	struct slice waiting = b->ends_held ? SLICE("") : inbox_slice(b->inbox);
	if (b->bandwidth != NULL && waiting.len > b->limit)
		waiting.len = b->limit;
	struct iovec pieces[] = { { (void *)(uintptr_t)b->head.at, b->head.len },
				  { (void *)(uintptr_t)waiting.at, waiting.len } };
	unsigned first = b->head.len > 0 ? 0 : 1, behind = waiting.len > 0 ? 2 : 1;
	switch (stream_write(b->to, pieces + first, behind - first)) {
	case IO_OK:
		break;
	case IO_WAIT:
		return false;
	case IO_EOF:
	case IO_FAIL:
		b->state = TXN_BODY_TO_BROKEN;
		return false;
	}
	b->head = (struct slice){ 0 };
	b->has_moved = true;
	b->has_consumed |= waiting.len > 0;
	if (waiting.len > 0)
		inbox_use(b->inbox, waiting.len);
	return true;
}

/* A connection that ends behind it at once needs no end of its own. */
static void tunnel_end(struct txn_body *b)
{
	b->state = TXN_BODY_DONE;
	if (!b->is_last)
		stream_shut(b->to);
}

/* Brings bytes into the empty inbox. True: go on at once. */
static bool tunnel_read(struct txn_body *b)
{
	switch (inbox_read(b->inbox, b->from, b->limit, b->limit)) {
	case IO_OK:
		b->is_bulk = inbox_slice(b->inbox).len >= SPLICE_LEAST;
		return true;
	case IO_WAIT:
		break;
	case IO_EOF:
		tunnel_end(b);
		break;
	case IO_FAIL:
		b->state = TXN_BODY_FROM_BROKEN;
		break;
	}
	return false;
}

/* Moves much at once past us, for as long as it comes in such pieces. */
static bool tunnel_splice(struct txn_body *b)
{
	size_t moved = 0;
	enum io result = splice_move(b->from, b->to, b->limit, false, &moved);
	b->has_consumed |= moved > 0;
	b->is_bulk = moved >= SPLICE_LEAST;
	switch (result) {
	case IO_OK:
		b->has_moved = true;
		return true;
	case IO_WAIT: /* an urgent byte stops splices, and not reads, which leave it out */
		b->from->is_readable = true;
		return true;
	case IO_EOF:
		tunnel_end(b);
		return false;
	case IO_FAIL:
		b->state = b->to->error != 0 ? TXN_BODY_TO_BROKEN : TXN_BODY_FROM_BROKEN;
		return false;
	}
	return false;
}

/* One step of it. True: go on at once. */
static bool tunnel_once(struct txn_body *b, bool may_read)
{
	if (b->head.len > 0 || (!b->ends_held && inbox_slice(b->inbox).len > 0))
		return tunnel_write(b);
	if (b->ends_held) {
		b->state = TXN_BODY_DONE;
		return false;
	}
	if (!may_read || (!b->from->is_readable && !b->from->is_eof))
		return false;
	if (b->is_bulk && b->from->is_readable && !b->to->is_connecting && splice_is_possible())
		return tunnel_splice(b);
	return tunnel_read(b);
}

/* ---- all of them ------------------------------------------------------------------------------------ */

static uint64_t written(const struct txn_body *b)
{
	return b->to->bytes_out + buf_len(&b->to->out);
}

/* Of what the body may write, all since `before`. */
static void spend(const struct txn_body *b, uint64_t before)
{
	if (b->bandwidth != NULL)
		txn_bandwidth_spend(b->bandwidth, written(b) - before);
}

/* Does the rate allow some of it now? */
static bool may_write(const struct txn_body *b)
{
	return b->bandwidth == NULL || txn_bandwidth_may_move(b->bandwidth);
}

/* One write: the head if it is still here, and some of what is stored. True: go on. */
static bool write_stored(struct txn_body *b)
{
	struct cache_reader before = *b->stored;
	struct http_pieces pieces;
	size_t bytes = 0;
	pieces.count = 0;
	if (b->head.len > 0)
		pieces.at[pieces.count++] = (struct iovec){ (void *)(uintptr_t)b->head.at,
							    b->head.len };
	/* a body that nobody expects is not even looked at */
	if (b->relay.out == HTTP_BODY_NONE)
		b->stored->left = 0;
	while (b->stored->left > 0 && bytes < b->limit && pieces.count < HTTP_PIECES_MOST) {
		struct slice part = cache_reader_next(b->stored, b->limit - bytes);
		pieces.at[pieces.count++] = (struct iovec){ (void *)(uintptr_t)part.at, part.len };
		bytes += part.len;
	}
	bool is_end = b->stored->left == 0;
	switch (write_pieces(b, &pieces, is_end && b->is_last)) {
	case IO_OK:
		break;
	case IO_WAIT:
		*b->stored = before;
		return false;
	case IO_EOF:
	case IO_FAIL:
		b->state = TXN_BODY_TO_BROKEN;
		return false;
	}
	b->head = (struct slice){ 0 };
	b->has_moved = true;
	if (is_end)
		b->state = TXN_BODY_DONE;
	return !is_end;
}

/* As much as the client takes, but not for ever: who reads fast has others beside it. */
static __attribute__((noinline)) void move_stored(struct txn_body *b)
{
	b->is_paused = false;
	for (int turns = 0; turns < STORED_PER_TURN; turns++) {
		if (!may_write(b) || stream_flush(b->to) != IO_OK)
			return;
		uint64_t before = written(b);
		bool has_more = write_stored(b);
		spend(b, before);
		if (!has_more)
			return;
	}
	b->is_paused = true;
}

/* A few bytes of a coding may stand for any number of others, so there is a bound for each turn. */
static __attribute__((noinline)) void pump(struct txn_body *b)
{
	b->is_paused = false;
	for (int turns = 0; turns < PUMPS_PER_TURN; turns++) {
		while (!slice_is_absent(b->held)) {
			if (stream_flush(b->to) != IO_OK || !may_write(b))
				return;
			uint64_t before = written(b);
			bool has_more = move_held(b);
			spend(b, before);
			if (!has_more)
				return;
		}
		if (!(b->compress != NULL ? txn_compress_refill(b) : txn_hold_refill(b)))
			return;
	}
	b->is_paused = true;
}

void txn_body_move(struct txn_body *b)
{
	if (b->state != TXN_BODY_MOVING)
		return;
	/* what was read must all get on now: no event will tell of it again, only of what is unread */
	for (int reads = 0;;) {
		if (!may_write(b))
			return;
		switch (stream_flush(b->to)) {
		case IO_OK:
			break;
		case IO_FAIL:
			b->state = TXN_BODY_TO_BROKEN;
			return;
		case IO_WAIT:
		case IO_EOF:
			return;
		}
		if (b->compress != NULL) {
			pump(b);
			return;
		}
		uint64_t before = written(b);
		if (b->hold != NULL && !slice_is_absent(b->held)) {
			bool has_more = move_held(b);
			spend(b, before);
			if (!has_more)
				return;
			continue;
		}
		if (b->hold != NULL && b->pumps) {
			pump(b);
			return;
		}
		if (b->stored != NULL) {
			move_stored(b);
			return;
		}
		bool reads_now = inbox_slice(b->inbox).len == 0;
		/* an end that was seen already takes no read, and no event will tell of it again */
		bool may_read = reads < READS_PER_TURN || b->from->is_eof;
		bool goes_on = b->is_tunnel                ? tunnel_once(b, may_read)
			       : may_read && may_splice(b) ? splice_once(b)
							   : move_once(b, may_read);
		spend(b, before);
		if (!goes_on)
			return;
		reads += reads_now;
	}
}
