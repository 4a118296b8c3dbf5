/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_compress.h"

#include "base/check.h"
#include "base/clock.h"
#include "http/http_negotiate.h"
#include "net/loop.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_hold.h"
#include "txn/txn_trace.h"

#include <stdint.h>

/* So much leaves at once; as little as there is when the node pauses. */
#define MADE_BYTES (16 * 1024)
/* What is put in at a time, and in one turn of the loop: a millisecond or two of the slowest coder. */
#define PIECE_BYTES (16 * 1024)
#define WORK_BYTES (32 * 1024)
/* A node that says nothing for so long pauses: each flush costs bytes, and the next segment may be near. */
#define PAUSE_MILLISECONDS 5

static const struct conf_compress *conf_of(const struct txn *t)
{
	return &t->vserver->conf->compress;
}

/* ---- the request ------------------------------------------------------------------------------------ */

/* Tags that stand for bodies in that coding, of ours, or in any (NONE), become those of the node. */
static void unwrap(struct txn *t, struct slice name, enum http_coding coding)
{
	struct http_fields *f = &t->request.fields;
	struct slice said = http_fields_joined(f, name, &t->arena);
	if (slice_is_absent(said))
		return;
	struct slice known = http_negotiate_unwrap(said, coding, &t->arena);
	if (known.at != said.at)
		http_fields_set(f, &t->arena, name, known);
}

struct txn_compress *txn_compress_for(struct txn *t)
{
	if (t->compress != NULL)
		return t->compress;
	struct txn_compress *c = arena_new(&t->arena, sizeof *c);
	const struct http_fields *f = &t->request.fields;
	/* who speaks HTTP/1.0 may keep it for others without looking at Vary, and would lose the connection */
	bool is_able = t->request.version_minor > 0 &&
		       !http_negotiate_has_directive(f, SLICE("no-transform"));
	c->coding = is_able ? http_negotiate_coding(f, conf_of(t)->brotli) : HTTP_CODING_NONE;
	c->if_none_match = http_fields_joined(f, SLICE("If-None-Match"), &t->arena);
	if (conf_of(t)->etag_rewrite == CONF_ETAG_WRAP) {
		/* in another coding than the answer's it is another body: 304 would name a tag of none there */
		if (c->coding != HTTP_CODING_NONE)
			unwrap(t, SLICE("If-None-Match"), c->coding);
		unwrap(t, SLICE("If-Match"), HTTP_CODING_NONE);
	}
	t->compress = c;
	return c;
}

/* ---- which answers ---------------------------------------------------------------------------------- */

static bool has_type(const struct conf_compress *conf, const struct http_fields *f)
{
	static const struct slice preset[] = { SLICE_INIT("text/html"), SLICE_INIT("text/plain") };
	const struct http_field *type = http_fields_find_id(f, HTTP_FIELD_CONTENT_TYPE);
	const struct slice *types = conf->type_count > 0 ? conf->types : preset;
	size_t count = conf->type_count > 0 ? conf->type_count : sizeof preset / sizeof preset[0];
	for (size_t i = 0; type != NULL && i < count; i++)
		if (http_negotiate_is_type(type->value, types[i]))
			return true;
	return false;
}

static bool has_size(const struct conf_compress *conf, uint64_t length)
{
	if (length == UINT64_MAX)
		return conf->no_size;
	return length > 0 && length >= conf->min_size &&
	       (conf->max_size == 0 || length <= conf->max_size);
}

/* A part of a whole, bytes that somebody has summed up, or that nobody is to change. */
static bool is_bound_to_bytes(const struct http_response *head)
{
	static const struct slice names[] = {
		SLICE_INIT("Content-Range"),  SLICE_INIT("Digest"),
		SLICE_INIT("Content-Digest"), SLICE_INIT("Repr-Digest"),
		SLICE_INIT("Content-MD5"),
	};
	const struct http_fields *f = &head->fields;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (http_fields_find(f, names[i]) != NULL)
			return true;
	return head->status == 206 || http_coding_of(f) != HTTP_CODING_NONE ||
	       http_negotiate_has_directive(f, SLICE("no-transform"));
}

/* Would it be compressed, for a client that likes that? */
static bool is_meant(const struct txn *t, const struct http_response *head, uint64_t length)
{
	const struct conf_compress *conf = conf_of(t);
	switch (t->compress->order) {
	case TXN_COMPRESS_DISABLED:
		return false;
	case TXN_COMPRESS_AS_CONFIGURED:
		if (!conf->enabled || !has_type(conf, &head->fields))
			return false;
		break;
	case TXN_COMPRESS_ENABLED:
		break;
	}
	return head->status >= 200 && head->status != 204 && head->status != 304 &&
	       has_size(conf, length) && !is_bound_to_bytes(head);
}

/* ---- the head --------------------------------------------------------------------------------------- */

static struct slice rewritten(const struct txn *t, struct slice tag, struct arena *arena)
{
	switch (conf_of(t)->etag_rewrite) {
	case CONF_ETAG_DELETE:
		return SLICE_ABSENT;
	case CONF_ETAG_IGNORE:
		return tag;
	case CONF_ETAG_WEAKEN:
		return http_negotiate_weaken(tag, arena);
	case CONF_ETAG_WRAP:
		break;
	}
	return http_negotiate_wrap(tag, t->compress->coding, arena);
}

static void rewrite_tag(struct txn *t, struct http_fields *f)
{
	struct slice name = SLICE("ETag");
	const struct http_field *field = http_fields_find(f, name);
	if (field == NULL)
		return;
	struct slice tag = rewritten(t, field->value, &t->arena);
	if (slice_is_absent(tag))
		http_fields_remove(f, name);
	else
		http_fields_set(f, &t->arena, name, tag);
}

/* What the client has, and may go on using, it knows by the tag that we gave it. */
static void answer_condition(struct txn *t, struct http_fields *f)
{
	const struct http_field *field = http_fields_find(f, SLICE("ETag"));
	const struct txn_compress *c = t->compress;
	if (field == NULL || slice_is_absent(c->if_none_match) || c->coding == HTTP_CODING_NONE)
		return;
	struct slice tag = rewritten(t, field->value, &t->arena);
	if (slice_is_absent(tag) || !http_negotiate_has_tag(c->if_none_match, tag))
		return;
	http_fields_set(f, &t->arena, SLICE("ETag"), tag);
	http_negotiate_vary(f, &t->arena, SLICE("Accept-Encoding"));
}

bool txn_compress_begin(struct txn *t, struct http_response *head, uint64_t length)
{
	struct txn_compress *c = t->compress;
	struct http_fields *f = &head->fields;
	if (head->status == 304)
		answer_condition(t, f);
	if (!is_meant(t, head, length))
		return false;
	http_negotiate_vary(f, &t->arena, SLICE("Accept-Encoding"));
	if (c->coding == HTTP_CODING_NONE)
		return false;
	rewrite_tag(t, f);
	http_fields_set(f, &t->arena, SLICE("Content-Encoding"), http_negotiate_name(c->coding));
	/* ranges would be those of other bytes */
	http_fields_remove(f, SLICE("Accept-Ranges"));
	if (t->wants_head_only)
		return true;
	c->encoder = http_encoder_new(c->coding, conf_of(t)->level);
	c->holds = true; /* the head */
	t->down.compress = c;
	TXN_TRACE(t, TRACE_ANSWER, "compressed with %.*s, level %u",
		  SLICE_PRINT(http_negotiate_name(c->coding)), conf_of(t)->level);
	return true;
}

/* ---- the body --------------------------------------------------------------------------------------- */

static void put(struct txn_compress *c, struct slice data, enum http_encoder_then then)
{
	size_t before = buf_len(&c->made);
	http_encoder_put(c->encoder, data, then, &c->made);
	c->worked += data.len;
	c->bytes_in += data.len;
	c->bytes_out += buf_len(&c->made) - before;
	c->holds = then == HTTP_ENCODER_GO_ON;
	if (!c->holds)
		c->flush_at = 0;
}

struct slice txn_compress_put(struct txn_compress *c, struct slice data,
			      enum http_encoder_then then)
{
	buf_release(&c->made);
	put(c, data, then);
	return buf_slice(&c->made);
}

/* What rules have held of it, or have put in its place. */
static void take_held(struct txn_body *b)
{
	struct txn_compress *c = b->compress;
	c->source = b->held;
	c->source_ends = b->ends_held;
	b->held = SLICE_ABSENT;
	b->ends_held = false;
}

void txn_compress_start(struct txn_body *b)
{
	struct txn_compress *c = b->compress;
	/* what is read is put in at once: what were left would have to be kept for the next turn */
	b->limit = b->limit < WORK_BYTES ? b->limit : WORK_BYTES;
	buf_release(&c->made);
	c->handed = 0;
	c->source = SLICE_ABSENT;
	if (b->hold != NULL && !b->pumps)
		take_held(b);
}

enum supply {
	SUPPLY_BYTES, /* some were put in */
	SUPPLY_END,
	SUPPLY_NONE, /* now; or the body is broken: its state says so */
};

static enum supply put_from_memory(struct txn_compress *c)
{
	size_t len = c->source.len < PIECE_BYTES ? c->source.len : PIECE_BYTES;
	put(c, slice_of(c->source.at, len), HTTP_ENCODER_GO_ON);
	c->source = slice_skip(c->source, len);
	return SUPPLY_BYTES;
}

static enum supply put_from_cache(struct txn_body *b)
{
	if (b->stored->left == 0)
		return SUPPLY_END;
	put(b->compress, cache_reader_next(b->stored, PIECE_BYTES), HTTP_ENCODER_GO_ON);
	b->has_moved = true;
	return SUPPLY_BYTES;
}

/* The node has ended: with the body, or before. */
static enum supply end_from_node(struct txn_body *b)
{
	if (http_body_end(&b->relay.in) != HTTP_DONE) {
		b->state = TXN_BODY_FROM_CUT;
		return SUPPLY_NONE;
	}
	if (b->relay.tap != NULL)
		b->relay.tap->on_end(b->relay.tap);
	return SUPPLY_END;
}

static enum supply put_from_node(struct txn_body *b)
{
	struct http_relay *r = &b->relay;
	enum io result = inbox_slice(b->inbox).len > 0 ? IO_OK : txn_body_read(b);
	if (result == IO_EOF)
		return end_from_node(b);
	if (result != IO_OK)
		return SUPPLY_NONE;
	struct slice in = inbox_slice(b->inbox), data;
	size_t used;
	in.len = in.len < PIECE_BYTES ? in.len : PIECE_BYTES;
	enum http_parse parsed = http_body_take(&r->in, in, r->limits, r->arena, &used, &data,
						&r->why);
	if (parsed == HTTP_BAD) {
		b->state = TXN_BODY_BAD;
		return SUPPLY_NONE;
	}
	/* what is stored is what the node said */
	if (data.len > 0 && r->tap != NULL)
		r->tap->on_data(r->tap, data);
	if (data.len > 0)
		put(b->compress, data, HTTP_ENCODER_GO_ON);
	if (parsed == HTTP_DONE && r->tap != NULL)
		r->tap->on_end(r->tap);
	inbox_use(b->inbox, used);
	b->has_moved = true;
	return SUPPLY_BYTES;
}

static enum supply put_some(struct txn_body *b)
{
	struct txn_compress *c = b->compress;
	if (c->source.len == 0 && b->pumps && !c->source_ends) {
		if (!txn_hold_refill(b))
			return SUPPLY_NONE;
		take_held(b);
	}
	if (c->source.len > 0)
		return put_from_memory(c);
	if (c->source_ends || b->relay.in.is_done)
		return SUPPLY_END;
	return b->stored != NULL ? put_from_cache(b) : put_from_node(b);
}

/* Others want a turn, too. */
static bool has_worked_enough(struct txn_compress *c)
{
	if (c->turn != loop_turn()) {
		c->turn = loop_turn();
		c->worked = 0;
	}
	return c->worked >= WORK_BYTES;
}

static bool must_flush(struct txn_compress *c)
{
	uint64_t now = clock_milliseconds();
	if (!c->holds)
		return false;
	if (c->flush_at == 0)
		c->flush_at = now + PAUSE_MILLISECONDS;
	return c->flush_at <= now;
}

bool txn_compress_refill(struct txn_body *b)
{
	struct txn_compress *c = b->compress;
	bool is_flushed = false;
	buf_take(&c->made, c->handed);
	c->handed = 0;
	while (!c->is_over && !is_flushed && buf_len(&c->made) < MADE_BYTES) {
		if (has_worked_enough(c)) {
			b->is_paused = true;
			return false;
		}
		enum supply supply = put_some(b);
		if (b->state != TXN_BODY_MOVING)
			return false;
		if (supply == SUPPLY_NONE && !must_flush(c))
			return false;
		c->is_over = supply == SUPPLY_END;
		is_flushed = supply == SUPPLY_NONE;
		if (c->is_over || is_flushed)
			put(c, SLICE(""), c->is_over ? HTTP_ENCODER_FINISH : HTTP_ENCODER_FLUSH);
	}
	b->held = buf_slice(&c->made);
	b->ends_held = c->is_over;
	c->handed = b->held.len;
	return true;
}

uint64_t txn_compress_deadline(const struct txn_body *b, uint64_t deadline)
{
	uint64_t flush_at = b->compress->flush_at;
	/* what keeps it from being written tells by itself when that is over */
	bool may_write = b->state == TXN_BODY_MOVING && stream_is_flushed(b->to) &&
			 (b->bandwidth == NULL || b->bandwidth->resume_at == 0);
	return flush_at != 0 && may_write && flush_at < deadline ? flush_at : deadline;
}

void txn_compress_release(struct txn *t)
{
	struct txn_compress *c = t->compress;
	struct stats_vserver *stats = t->vserver->stats;
	if (c->encoder == NULL)
		return;
	stats_add(&stats->compressed, 1);
	stats_add(&stats->compressed_from_bytes, c->bytes_in);
	stats_add(&stats->compressed_to_bytes, c->bytes_out);
	http_encoder_free(c->encoder);
	buf_release(&c->made);
	t->compress = NULL;
}
