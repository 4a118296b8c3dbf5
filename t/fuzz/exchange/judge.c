/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include "../fuzz.h"
#include "rewrite.h"

#include <stdio.h>
#include <string.h>

static bool is_word(struct slice s, const char *word)
{
	return slice_is_equal(s, slice_of_string(word));
}

static bool is_same_start(const char *whole, size_t whole_len, const char *part, size_t part_len)
{
	return part_len <= whole_len && (part_len == 0 || memcmp(whole, part, part_len) == 0);
}

/* ---- requests at nodes ------------------------------------------------------------------------------------ */

/* weir says whose it is, whatever the client may have said. */
static struct client *client_of(struct slice ip)
{
	char text[ADDR_TEXT_BYTES];
	for (unsigned i = 0; i < PEERS_CLIENTS; i++)
		if (is_word(ip, addr_format_ip(&peers.clients[i].address, text)))
			return &peers.clients[i];
	fuzz_expect(!"a request without its client's address");
	return NULL;
}

/* A request that may be sent twice (RFC 9110 9.2.2). */
static bool may_repeat(const struct model_message *request)
{
	static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE" };
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (is_word(request->method, methods[i]))
			return true;
	return false;
}

static void check_first(const struct asked *asked)
{
	for (unsigned i = 0; i < peers.asked_count; i++) {
		const struct asked *other = &peers.asked[i];
		bool is_other = other == asked || other->client != asked->client ||
				other->index != asked->index;
		fuzz_expect(is_other); /* sent twice */
	}
}

/* What the rule makes of that body; absent when this cannot be known. */
static struct slice rewritten(enum rewrite_way way, unsigned op, const struct model_message *m)
{
	if (m->is_coded && rewrite_reads(way, op))
		return SLICE_ABSENT;
	return rewrite_body(way, op, slice_of(m->body, m->body_len));
}

static unsigned request_op(const struct client *c, const struct model_message *sent,
			   const struct model_message *got)
{
	if (c->server != PEERS_REWRITE)
		return 0;
	unsigned op = rewrite_op(REWRITE_REQUEST, got);
	if (sent->verdict == MODEL_SURE)
		fuzz_expect(op == rewrite_op_of(REWRITE_REQUEST, sent->target));
	return op;
}

/* How its end is told: as the client did, or counted when a rule put another body in its place. */
static void judge_framing(unsigned op, const struct model_message *sent,
			  const struct model_message *got)
{
	if (rewrite_leaves(op)) {
		fuzz_expect(sent->framing == got->framing && sent->length == got->length);
		return;
	}
	struct slice body = rewritten(REWRITE_REQUEST, op, sent);
	/* nothing in the place of nothing stays so */
	bool has_none = sent->framing == MODEL_NO_BODY && got->framing == MODEL_NO_BODY;
	fuzz_expect(!rewrite_answers(op));
	fuzz_expect(got->framing == MODEL_LENGTH || (has_none && body.len == 0));
	fuzz_expect(slice_is_absent(body) || got->length == body.len);
	fuzz_expect(sent->is_body_whole);
}

void judge_head(struct asked *asked, const struct model_message *got)
{
	struct client *c = client_of(got->client);
	struct model_message sent;
	/* the one before it has been answered: its answer is all with the client */
	judge_answers(c);
	asked->client = (unsigned)(c - peers.clients);
	asked->index = c->heard;
	fuzz_expect(c->wire != NULL && !c->is_over);
	if (asked->index > 0) {
		fuzz_expect(peers_read_request(c, asked->index - 1, &sent));
		fuzz_expect(sent.is_body_whole && sent.body_verdict != MODEL_NEVER && !sent.closes);
	}
	fuzz_expect(peers_read_request(c, asked->index, &sent));
	fuzz_expect(sent.is_head_whole && sent.verdict != MODEL_NEVER);
	fuzz_expect(got->verdict != MODEL_NEVER && got->version_minor == 1);
	fuzz_expect(slice_is_equal(sent.method, got->method));
	judge_framing(request_op(c, &sent, got), &sent, got);
	if (sent.verdict == MODEL_SURE)
		fuzz_expect(slice_is_equal(sent.target, got->target));
	if (!may_repeat(&sent))
		check_first(asked);
	/* a transparent node sees the right client for every single request */
	if (asked->wire->local.family != ADDR_NONE)
		fuzz_expect(addr_is_same_ip(&asked->wire->local, &c->address));
}

void judge_body(const struct asked *asked, const struct model_message *got)
{
	struct client *c = &peers.clients[asked->client];
	struct model_message sent;
	fuzz_expect(got->body_verdict != MODEL_NEVER);
	fuzz_expect(peers_read_request(c, asked->index, &sent));
	struct slice body = rewritten(REWRITE_REQUEST, request_op(c, &sent, got), &sent);
	if (got->is_body_whole)
		fuzz_expect(sent.is_body_whole && sent.body_verdict != MODEL_NEVER);
	if (slice_is_absent(body))
		return;
	fuzz_expect(is_same_start(body.at, body.len, got->body, got->body_len));
	fuzz_expect(!got->is_body_whole || body.len == got->body_len);
}

/* ---- answers at clients ------------------------------------------------------------------------------------- */

static struct asked *find_asked(struct slice mark)
{
	unsigned number = 0;
	for (size_t i = 0; i < mark.len; i++)
		number = number * 10 + (unsigned)(mark.at[i] - '0');
	fuzz_expect(number < peers.asked_count);
	return &peers.asked[number];
}

static bool has_rules(const struct client *c)
{
	return c->server == PEERS_RULES || c->server == PEERS_REWRITE;
}

/* What a request rule answered by itself: its own words, or those of this very client. */
static void judge_ruled(const struct model_message *sent, const struct model_message *got)
{
	unsigned op = rewrite_op(REWRITE_REQUEST, got);
	struct slice body = rewritten(REWRITE_REQUEST, op, sent);
	fuzz_expect(got->status == 200 && rewrite_answers(op));
	if (slice_is_absent(body))
		return;
	fuzz_expect(is_same_start(body.at, body.len, got->body, got->body_len));
	fuzz_expect(!got->is_body_whole || body.len == got->body_len);
}

/* weir's own: the status and its words, short; a rule's may be anything. */
static void judge_own(const struct client *c, const struct model_message *sent,
		      const struct model_message *got, bool is_head)
{
	char start[16];
	fuzz_expect(got->status >= 400 || has_rules(c));
	if (c->server == PEERS_REWRITE && !slice_is_absent(got->op) && !is_head)
		judge_ruled(sent, got);
	if (!got->is_body_whole || has_rules(c))
		return;
	snprintf(start, sizeof start, "%u ", got->status);
	fuzz_expect(is_head ? got->body_len == 0
			    : is_same_start(got->body, got->body_len, start, 4));
}

static unsigned response_op(const struct client *c, const struct model_message *sent,
			    const struct model_message *got)
{
	if (c->server != PEERS_REWRITE || got->status == 101)
		return 0;
	unsigned op = rewrite_op(REWRITE_RESPONSE, got);
	if (sent->verdict == MODEL_SURE)
		fuzz_expect(op == rewrite_op_of(REWRITE_RESPONSE, sent->target));
	return op;
}

/* A body that the node said in good order, and all of it. */
static bool is_sound(const struct model_message *gave)
{
	return gave->is_body_whole && gave->body_verdict != MODEL_NEVER;
}

/* A node's: the one that it gave to this very request, or what the rule makes of it, and nothing else. */
static void judge_relayed(const struct client *c, const struct model_message *sent,
			  const struct model_message *got, bool is_head)
{
	const struct asked *asked = find_asked(got->mark);
	struct model_message gave;
	fuzz_expect(asked->client == c - peers.clients && asked->index == c->heard);
	if (got->status < 200 && got->status != 101)
		return;
	unsigned op = response_op(c, sent, got);
	peers_read_answer(asked, &gave);
	fuzz_expect(gave.is_head_whole && gave.verdict != MODEL_NEVER);
	if (rewrite_begins_anew(op))
		fuzz_expect(got->status == 200 && is_word(got->reason, "OK"));
	else
		fuzz_expect(gave.status == got->status && slice_is_equal(gave.reason, got->reason));
	/* what is not whole must not look whole */
	if (got->is_body_whole && (rewrite_leaves(op) || rewrite_reads(REWRITE_RESPONSE, op)))
		fuzz_expect(is_sound(&gave));
	struct slice body = rewritten(REWRITE_RESPONSE, op, &gave);
	bool has_none = is_head || got->status == 204 || got->status == 304;
	if (slice_is_absent(body) || (has_none && !rewrite_leaves(op)))
		return;
	fuzz_expect(is_same_start(body.at, body.len, got->body, got->body_len));
	fuzz_expect(!got->is_body_whole || body.len == got->body_len);
}

/* Behind 101 both see what the other says, byte by byte. */
static void judge_tunnel(struct client *c, const struct model_message *got)
{
	const struct asked *asked = find_asked(got->mark);
	const struct wire *node = asked->wire;
	struct model_message gave, sent;
	struct slice said = peers_read_answer(asked, &gave);
	said = slice_skip(said, gave.head_len);
	struct slice heard = wire_bytes_rest(&c->wire->from_weir, c->heard_at + got->head_len);
	fuzz_expect(is_same_start(said.at, said.len, heard.at, heard.len));
	fuzz_expect(peers_read_request(c, asked->index, &sent) && sent.asks_upgrade);
	struct slice asks = wire_bytes_rest(&c->wire->to_weir,
					    c->starts[asked->index] + sent.head_len);
	struct slice gets = wire_bytes_rest(&node->from_weir, asked->at);
	model_read_request(gets, &sent);
	gets = slice_skip(gets, sent.head_len);
	fuzz_expect(is_same_start(asks.at, asks.len, gets.at, gets.len));
}

/* See peers.c: it may have been answered by what the node said before it heard it. */
static bool is_spoilt(const struct client *c)
{
	bool found = false;
	for (unsigned i = 0; i < peers.asked_count; i++) {
		const struct asked *asked = &peers.asked[i];
		bool is_it = asked->client == c - peers.clients && asked->index == c->heard;
		found |= is_it && asked->is_spoilt;
	}
	return found;
}

static void judge_one(struct client *c, const struct model_message *sent,
		      const struct model_message *got, bool is_head)
{
	fuzz_expect(got->verdict != MODEL_NEVER && got->body_verdict != MODEL_NEVER);
	if (is_spoilt(c))
		return;
	if (slice_is_absent(got->mark))
		judge_own(c, sent, got, is_head);
	else
		judge_relayed(c, sent, got, is_head);
	if (got->status == 101)
		judge_tunnel(c, got);
}

/* The next answer, if its head is whole. False: there is no more. */
static bool judge_next(struct client *c)
{
	struct model_message asked = { 0 }, got;
	struct slice rest = wire_bytes_rest(&c->wire->from_weir, c->heard_at);
	bool is_over = c->wire->is_shut && !c->wire->is_cut && !c->wire->is_broken;
	static char body[MODEL_BODY_MOST];
	if (rest.len == 0)
		return false;
	/* it said that nothing follows */
	fuzz_expect(!c->is_over);
	bool is_head = peers_read_request(c, c->heard, &asked) && asked.is_head_whole &&
		       is_word(asked.method, "HEAD");
	got.body = body;
	model_read_response(rest, is_head, is_over, &got);
	fuzz_expect(got.verdict != MODEL_NEVER);
	if (!got.is_head_whole)
		return false;
	/* weir knows no method of a request that it refuses: it ends behind a body that is not expected */
	if (is_head && slice_is_absent(got.mark) && got.closes) {
		is_head = rest.len == got.total;
		model_read_response(rest, is_head, is_over, &got);
	}
	judge_one(c, &asked, &got, is_head);
	if (!got.is_body_whole || got.status == 101)
		return false;
	c->heard_at += got.total;
	if (got.status < 200)
		return true;
	bool is_good = !slice_is_absent(got.mark) || has_rules(c);
	c->heard_good += is_good && c->heard_good == c->heard;
	c->heard++;
	c->is_over = got.closes;
	return true;
}

void judge_answers(struct client *c)
{
	while (c->wire != NULL && judge_next(c))
		;
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

/* Did the nodes say nothing but what must be taken, in good order? */
static bool are_answers_sure(void)
{
	for (unsigned i = 0; i < peers.asked_count; i++) {
		struct model_message gave;
		peers_read_answer(&peers.asked[i], &gave);
		if (gave.verdict != MODEL_SURE || gave.body_verdict != MODEL_SURE ||
		    !gave.is_body_whole)
			return false;
	}
	return true;
}

/* The one rule of this test that drops a client without a word. */
static bool is_discarded(const struct client *c, const struct model_message *sent)
{
	return c->server == PEERS_RULES && slice_has_prefix(sent->target, SLICE("/discard"));
}

/* While nobody does wrong, each request that is surely one gets its answer from a node, whole. */
static void judge_calm(struct client *c)
{
	struct model_message sent;
	unsigned sure = 0;
	for (; peers_read_request(c, sure, &sent) && sent.is_head_whole; sure++) {
		if (sent.verdict != MODEL_SURE || sent.body_verdict != MODEL_SURE ||
		    !sent.is_body_whole || is_discarded(c, &sent))
			break;
		if (sent.closes) {
			sure++;
			break;
		}
	}
	fuzz_expect(c->heard >= sure || c->is_over);
	fuzz_expect(c->heard_good >= (c->heard < sure ? c->heard : sure));
}

static void judge_rest(void)
{
	static char body[MODEL_BODY_MOST];
	for (unsigned i = 0; i < peers.asked_count; i++) {
		const struct asked *asked = &peers.asked[i];
		struct model_message got = { .body = body };
		if (asked->is_whole)
			continue;
		model_read_request(wire_bytes_rest(&asked->wire->from_weir, asked->at), &got);
		judge_body(asked, &got);
	}
}

void judge_end(void)
{
	judge_rest();
	bool is_calm = peers.is_calm && !kernel.was_full && are_answers_sure();
	for (unsigned i = 0; i < PEERS_CLIENTS; i++) {
		struct client *c = &peers.clients[i];
		if (c->wire == NULL)
			continue;
		judge_answers(c);
		fuzz_expect(c->wire->fd == -1);
		if (is_calm)
			judge_calm(c);
	}
}
