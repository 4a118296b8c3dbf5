/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_hold.h"

#include "base/check.h"
#include "base/clock.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_compress.h"
#include "txn/txn_rules.h"

#include <stdint.h>

/* Reads per turn, as in txn_body.c: a fast sender must not keep the loop from all others. */
#define READS_PER_TURN 2

/* ---- what there is -------------------------------------------------------------------------------- */

struct slice txn_hold_text(const struct txn_hold *h)
{
	return buf_slice(h->decoder != NULL ? &h->text : &h->raw);
}

static enum txn_hold_result judge(const struct txn_hold *h)
{
	size_t has = txn_hold_text(h).len;
	if (h->trouble != NULL || has >= h->wanted)
		return TXN_HOLD_READY;
	if (h->is_too_long)
		return TXN_HOLD_LONG;
	return txn_hold_is_over(h) ? TXN_HOLD_READY : TXN_HOLD_WAIT;
}

bool txn_hold_is_over(const struct txn_hold *h)
{
	bool has_more = h->is_stream && h->decoder != NULL && !h->is_decoded && !h->is_dry;
	return h->is_whole && !h->drops && !has_more;
}

bool txn_hold_wants_read(const struct txn_body *b)
{
	return (b->state == TXN_BODY_HELD || b->pumps) && b->hold->wanted > 0 &&
	       !b->relay.in.is_done && judge(b->hold) == TXN_HOLD_WAIT;
}

/* ---- taking it ---------------------------------------------------------------------------------- */

/* Lets the decoder have what has come since, as far as there is room for what it makes. */
static void decode(struct txn_hold *h)
{
	size_t used = 0;
	struct slice rest = slice_skip(buf_slice(&h->raw), h->fed);
	if (h->decoder == NULL || h->trouble != NULL || h->is_too_long)
		return;
	/* one byte more than the limit shows that there is one */
	enum http_parse result = http_decoder_take(h->decoder, rest, &used, &h->text, h->limit + 1);
	h->fed += used;
	h->is_decoded = result == HTTP_DONE;
	h->is_dry = h->fed == buf_len(&h->raw) && buf_len(&h->text) <= h->limit;
	if (h->is_stream) {
		buf_take(&h->raw, h->fed);
		h->fed = 0;
	} else {
		h->is_too_long = buf_len(&h->text) > h->limit;
	}
	if (result == HTTP_BAD)
		h->trouble = "the body's content coding is malformed";
	else if (h->is_whole && h->is_dry && !h->is_decoded && h->has_bytes)
		h->trouble = "the body's content coding ends in the middle";
}

/* The body has come to its end. */
static void end(struct txn_body *b)
{
	b->hold->drops = false;
	b->hold->is_whole = true;
	decode(b->hold);
	if (b->relay.tap != NULL)
		b->relay.tap->on_end(b->relay.tap);
}

/* Body bytes that have come. False: they are too many, and were not taken. */
static bool keep(struct txn_hold *h, struct slice data)
{
	if (h->drops || data.len == 0)
		return true;
	if (!buf_append(&h->raw, data, h->limit))
		return false;
	h->has_bytes = true;
	decode(h);
	return true;
}

/* Some of what waits in the inbox. False when nothing more can be taken. */
static bool take(struct txn_body *b)
{
	struct txn_hold *h = b->hold;
	struct http_body before = b->relay.in;
	struct slice in = inbox_slice(b->inbox), data;
	size_t used, room = h->drops ? in.len : h->limit - buf_len(&h->raw);
	/* without room there may still be framing to come; a byte of data is left where it is */
	if (in.len > room)
		in.len = room > 0 ? room : 1;
	enum http_parse parsed = http_body_take(&b->relay.in, in, b->relay.limits, b->relay.arena,
						&used, &data, &b->relay.why);
	if (parsed == HTTP_BAD) {
		b->state = TXN_BODY_BAD;
		return false;
	}
	if (!keep(h, data)) {
		b->relay.in = before;
		h->is_too_long = true;
		return false;
	}
	if (b->relay.tap != NULL && data.len > 0)
		b->relay.tap->on_data(b->relay.tap, data);
	inbox_use(b->inbox, used);
	b->has_moved = true;
	if (parsed == HTTP_DONE)
		end(b);
	return true;
}

/* The same of a stored answer, all of which is there. */
static __attribute__((noinline)) void take_stored(struct txn_body *b)
{
	struct txn_hold *h = b->hold;
	while (txn_hold_wants_read(b)) {
		size_t room = h->drops ? b->limit : h->limit - buf_len(&h->raw);
		h->is_too_long = room == 0;
		if (h->is_too_long)
			return;
		keep(h, cache_reader_next(b->stored, room));
		b->relay.in.left = b->stored->left;
		b->relay.in.is_done = b->stored->left == 0;
		b->has_moved = true;
		if (b->relay.in.is_done)
			end(b);
	}
}

/* Brings bytes into the empty inbox. False when there are none now, or there will be none any more. */
static bool fill(struct txn_body *b)
{
	switch (txn_body_read(b)) {
	case IO_OK:
		return true;
	case IO_EOF:
		if (http_body_end(&b->relay.in) == HTTP_DONE)
			end(b);
		else
			b->state = TXN_BODY_FROM_CUT;
		break;
	case IO_WAIT:
	case IO_FAIL:
		break;
	}
	return false;
}

static void take_all(struct txn_body *b)
{
	if (b->stored != NULL) {
		take_stored(b);
		return;
	}
	for (int reads = 0; txn_hold_wants_read(b);) {
		bool is_empty = inbox_slice(b->inbox).len == 0;
		if (is_empty && (reads++ == READS_PER_TURN || !fill(b)))
			return;
		if (!take(b))
			return;
	}
}

static void move(struct txn_body *b)
{
	struct txn_hold *h = b->hold;
	if (b->state != TXN_BODY_HELD || h->wanted == 0)
		return;
	take_all(b);
	struct txn *t = h->wait.txn;
	bool is_over = b->state == TXN_BODY_HELD && judge(h) != TXN_HOLD_WAIT;
	if (is_over && t != NULL && t->wait == &h->wait)
		txn_rules_ready(&h->wait);
}

void txn_hold_move(struct txn *t)
{
	move(&t->up);
	move(&t->down);
}

/* ---- asking for it ------------------------------------------------------------------------------ */

static void open_hold(struct txn *t, struct txn_body *b, enum http_body_kind kind, uint64_t length,
		      const struct http_fields *fields)
{
	struct txn_hold *h = b->hold = arena_new(&t->arena, sizeof *h);
	enum http_coding coding = http_coding_of(fields);
	b->state = TXN_BODY_HELD;
	/* how it goes on is decided later, or was when a rule started an answer */
	http_relay_init(&b->relay, kind, length, b->relay.out, &t->vserver->http_limits, &t->arena);
	b->relay.tap = b->tap;
	h->limit = (size_t)t->vserver->conf->rules.buffer;
	if (coding == HTTP_CODING_UNKNOWN)
		h->trouble = "the body's content coding is not gzip, deflate or br";
	else if (coding != HTTP_CODING_NONE)
		h->decoder = http_decoder_new(coding);
	if (b->relay.in.is_done)
		end(b);
}

static void open_request(struct txn *t)
{
	struct txn_body *b = &t->up;
	if (b->hold != NULL)
		return;
	open_hold(t, b, t->request.body, t->request.content_length, &t->request.fields);
	b->from = &t->session->client;
	b->inbox = &t->session->inbox;
	b->limit = (size_t)t->vserver->conf->max_client_buffer;
	t->body_since = clock_milliseconds();
}

static void open_response(struct txn *t)
{
	struct txn_body *b = &t->down;
	if (b->hold != NULL)
		return;
	open_hold(t, b, t->response.body, t->response.content_length, &t->response.fields);
	if (b->stored == NULL) {
		b->from = &t->connection->stream;
		b->inbox = &t->connection->inbox;
	}
	b->limit = (size_t)t->vserver->conf->max_server_buffer;
}

static enum txn_hold_result ask(struct txn_body *b, size_t wanted)
{
	struct txn_hold *h = b->hold;
	bool is_counted = b->relay.in.kind == HTTP_BODY_LENGTH && !h->drops;
	h->wanted = 0;
	if (is_counted && wanted > h->limit && b->relay.in.left > 0 &&
	    b->relay.in.left > h->limit - buf_len(&h->raw))
		return TXN_HOLD_LONG;
	h->wanted = wanted;
	take_all(b);
	return judge(h);
}

enum txn_hold_result txn_hold_stream(struct txn *t, size_t wanted)
{
	open_response(t);
	struct txn_hold *h = t->down.hold;
	if (!h->is_stream) {
		h->is_stream = true;
		h->is_too_long = false;
		if (h->decoder != NULL)
			buf_take(&h->raw, h->fed);
		h->fed = 0;
	}
	check(wanted <= h->limit);
	/* there may be room again for what the decoder could not put anywhere */
	if (txn_hold_text(h).len < wanted)
		decode(h);
	return ask(&t->down, wanted);
}

void txn_hold_consume(struct txn_hold *h, size_t len)
{
	buf_take(h->decoder != NULL ? &h->text : &h->raw, len);
}

/* The client was to be told whether to send its body, and by whom: now it is us who want it. */
static void ask_client(struct txn *t)
{
	if (!t->request.expects_continue)
		return;
	t->request.expects_continue = false;
	/* a stream that breaks at it tells so when the body is read */
	if (!t->up.relay.in.is_done)
		stream_write_slice(&t->session->client, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

enum txn_hold_result txn_hold_request(struct txn *t, size_t wanted)
{
	open_request(t);
	enum txn_hold_result result = ask(&t->up, wanted);
	if (result != TXN_HOLD_LONG)
		ask_client(t);
	return result;
}

enum txn_hold_result txn_hold_response(struct txn *t, size_t wanted)
{
	open_response(t);
	return ask(&t->down, wanted);
}

static void stop(struct txn_wait *w)
{
	container_of(w, struct txn_hold, wait)->wanted = 0;
}

void txn_hold_wait(struct txn *t, struct txn_hold *h)
{
	txn_rules_wait(t, &h->wait, stop);
}

/* ---- another one in its place ----------------------------------------------------------------------- */

static void replace(struct txn_body *b, struct slice body)
{
	struct txn_hold *h = b->hold;
	buf_release(&h->raw);
	buf_release(&h->text);
	http_decoder_free(h->decoder);
	h->decoder = NULL;
	h->trouble = NULL;
	h->is_too_long = h->is_stream = false;
	h->is_whole = true;
	h->drops = !b->relay.in.is_done;
	b->ends_held = true;
	buf_append(&h->raw, body, SIZE_MAX);
}

void txn_hold_replace_request(struct txn *t, struct slice body)
{
	open_request(t);
	replace(&t->up, body);
}

void txn_hold_replace_response(struct txn *t, struct slice body)
{
	struct txn_body *b = &t->down;
	open_response(t);
	replace(b, body);
	ask(b, TXN_HOLD_ALL);
	if (!b->relay.in.is_done || b->state != TXN_BODY_HELD)
		t->response.keep_alive = false;
	b->state = TXN_BODY_HELD;
	b->relay.in.is_done = true;
}

/* ---- on its way ------------------------------------------------------------------------------------- */

void txn_hold_start(struct txn_body *b)
{
	b->held = buf_slice(&b->hold->raw);
}

void txn_hold_pump(struct txn *t)
{
	struct txn_body *b = &t->down;
	txn_hold_stream(t, 1);
	txn_body_start(b, b->from, b->inbox, &t->session->client, SLICE(""), b->limit);
	b->pumps = true;
	txn_bandwidth_of_response(t);
	if (b->compress != NULL)
		txn_compress_start(b);
}

bool txn_hold_refill(struct txn_body *b)
{
	struct txn_hold *h = b->hold;
	txn_hold_consume(h, h->handed);
	h->handed = 0;
	h->wanted = 1;
	if (txn_hold_text(h).len == 0) {
		/* little at a time: it is made while nobody else has a turn */
		h->limit = b->limit;
		decode(h);
		take_all(b);
	}
	if (h->trouble != NULL && txn_hold_text(h).len == 0)
		b->state = TXN_BODY_FROM_CUT;
	if (b->state != TXN_BODY_MOVING || judge(h) != TXN_HOLD_READY)
		return false;
	b->held = txn_hold_text(h);
	b->ends_held = b->held.len == 0;
	h->handed = b->held.len;
	return true;
}

void txn_hold_release(struct txn_hold *h)
{
	buf_release(&h->raw);
	buf_release(&h->text);
	http_decoder_free(h->decoder);
	h->decoder = NULL;
}
