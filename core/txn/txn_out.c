/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_out.h"

#include "base/check.h"
#include "http/http_write.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_compress.h"
#include "txn/txn_http.h"
#include "txn/txn_rules.h"

#include <stdint.h>

/* So many bytes may be written in a row; then others have a turn. */
#define TURN_BYTES (256 * 1024)

/* How the end is told to this client. */
static enum http_body_kind framing(const struct txn *t, unsigned status, bool is_counted)
{
	if (t->wants_head_only || status == 204 || status == 304)
		return HTTP_BODY_NONE;
	if (is_counted)
		return HTTP_BODY_LENGTH;
	return t->request.version_minor == 0 ? HTTP_BODY_UNTIL_CLOSE : HTTP_BODY_CHUNKED;
}

void txn_out_start(struct txn *t, unsigned status, struct slice reason,
		   const struct http_fields *fields, uint64_t length)
{
	struct txn_out *o = arena_new(&t->arena, sizeof *o);
	o->has_length = length != UINT64_MAX;
	o->left = length;
	struct http_response head = { .status = status,
				      .reason = slice_is_absent(reason)
							? slice_of_string(http_status_words(status))
							: reason,
				      .version_minor = 1,
				      .fields = *fields };
	bool is_compressed = t->compress != NULL && txn_compress_begin(t, &head, length);
	enum http_body_kind kind = framing(t, status, o->has_length && !is_compressed);
	t->keep_client = t->keep_client && txn_took_request(t) && !txn_http_is_last(t) &&
			 kind != HTTP_BODY_UNTIL_CLOSE;
	/* also an answer without its body says what that would have */
	bool says_length = o->has_length && status != 204 && !is_compressed;
	struct http_additions add = {
		.body = says_length ? HTTP_BODY_LENGTH : kind,
		.content_length = length,
		.close = !t->keep_client,
		.keep_alive = t->keep_client && t->request.version_minor == 0,
	};
	o->head = http_write_response(&t->arena, &head, &add);
	t->down.relay.out = kind;
	t->out = o;
	txn_bandwidth_of_response(t);
	t->answer_status = status;
	txn_answer_begins(t);
}

bool txn_out_fits(const struct txn *t, size_t len)
{
	return !t->out->has_length || len <= t->out->left;
}

bool txn_out_is_short(const struct txn *t)
{
	return t->down.relay.out != HTTP_BODY_NONE && t->out->has_length && t->out->left > 0;
}

/* What leaves for what was collected. */
static struct slice encoded(const struct txn *t, bool is_last)
{
	struct slice data = buf_slice(&t->out->data);
	if (t->down.compress == NULL)
		return data;
	return txn_compress_put(t->compress, data,
				is_last ? HTTP_ENCODER_FINISH : HTTP_ENCODER_FLUSH);
}

/* Puts what was collected on its way; `is_last`: it is the end of the answer. */
static void put(struct txn *t, bool is_last)
{
	struct txn_out *o = t->out;
	struct http_pieces pieces;
	pieces.count = 0;
	pieces.bytes = 0;
	if (o->head.len > 0)
		pieces.at[pieces.count++] = (struct iovec){ (void *)(uintptr_t)o->head.at,
							    o->head.len };
	http_relay_put(&t->down.relay, encoded(t, is_last), is_last, &pieces);
	/* a stream that breaks at it says so to whoever looks next */
	if (pieces.count > 0)
		stream_write(&t->session->client, pieces.at, pieces.count);
	if (t->down.bandwidth != NULL)
		txn_bandwidth_spend(t->down.bandwidth, pieces.bytes);
	o->head = SLICE("");
	buf_release(&o->data);
}

void txn_out_flush(struct txn *t)
{
	if (t->out->head.len > 0 || buf_len(&t->out->data) > 0)
		put(t, false);
}

/* Does a bandwidth class allow more now? */
static bool may_write(const struct txn *t)
{
	return t->down.bandwidth == NULL || txn_bandwidth_may_move(t->down.bandwidth);
}

bool txn_out_write(struct txn *t, struct slice data)
{
	struct txn_out *o = t->out;
	check(txn_out_fits(t, data.len) && !o->is_ended);
	if (o->has_length)
		o->left -= data.len;
	if (t->down.relay.out != HTTP_BODY_NONE)
		buf_append(&o->data, data, SIZE_MAX);
	if (buf_len(&o->data) < TXN_OUT_BYTES)
		return true;
	o->unbroken += buf_len(&o->data);
	txn_out_flush(t);
	return stream_is_flushed(&t->session->client) && o->unbroken < TURN_BYTES && may_write(t);
}

void txn_out_end(struct txn *t)
{
	struct txn_out *o = t->out;
	check(!txn_out_is_short(t));
	put(t, true);
	o->is_ended = true;
}

/* ---- waiting ---------------------------------------------------------------------------------------- */

static void stop(struct txn_wait *w)
{
	w->txn->down.is_paused = false;
}

void txn_out_wait(struct txn *t)
{
	t->out->unbroken = 0;
	/* nothing to wait for but the others, who want a turn, too */
	t->down.is_paused = stream_is_flushed(&t->session->client) && may_write(t);
	txn_rules_wait(t, &t->out->wait, stop);
}

bool txn_out_waits(const struct txn *t)
{
	return t->wait == &t->out->wait;
}

void txn_out_move(struct txn *t)
{
	if (!txn_out_waits(t) || !stream_is_flushed(&t->session->client) || !may_write(t))
		return;
	t->down.is_paused = false;
	txn_rules_ready(&t->out->wait);
}

void txn_out_release(struct txn_out *o)
{
	buf_release(&o->data);
}
