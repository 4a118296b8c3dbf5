/* SPDX-License-Identifier: Apache-2.0 */
#include "peers.h"

#include "../fuzz.h"
#include "judge.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct peers peers;

static char request_body[MODEL_BODY_MOST], node_body[MODEL_BODY_MOST], answer_body[MODEL_BODY_MOST];

void peers_reset(void)
{
	struct wire_bytes bytes = peers.answer_bytes;
	memset(&peers, 0, sizeof peers);
	peers.answer_bytes = bytes;
	peers.answer_bytes.len = 0;
	for (unsigned i = 0; i < PEERS_CLIENTS; i++) {
		peers.clients[i].piece = SIZE_MAX;
		peers.clients[i].known = 1;
		peers.clients[i].address = (struct addr){ .ip = { 10, 9, 0, (uint8_t)(i + 1) },
							  .port = (uint16_t)(5000 + i),
							  .family = ADDR_IPV4 };
	}
	peers.piece = SIZE_MAX;
	peers.window = SIZE_MAX;
	peers.is_calm = true;
}

/* ---- reading what was said --------------------------------------------------------------------------------- */

bool peers_read_request(struct client *c, unsigned index, struct model_message *m)
{
	m->body = request_body;
	if (c->wire == NULL || index >= PEERS_REQUESTS)
		return false;
	for (; c->known <= index; c->known++) {
		model_read_request(wire_bytes_rest(&c->wire->to_weir, c->starts[c->known - 1]), m);
		if (m->verdict == MODEL_NEVER || m->body_verdict == MODEL_NEVER ||
		    !m->is_body_whole)
			return false;
		c->starts[c->known] = c->starts[c->known - 1] + m->total;
	}
	if (c->starts[index] == c->wire->to_weir.len)
		return false;
	model_read_request(wire_bytes_rest(&c->wire->to_weir, c->starts[index]), m);
	return true;
}

static bool asks_head(const struct asked *asked)
{
	struct slice request = wire_bytes_rest(&asked->wire->from_weir, asked->at);
	return slice_has_prefix(request, SLICE("HEAD "));
}

struct slice peers_read_answer(const struct asked *asked, struct model_message *m)
{
	const struct wire *wire = asked->wire;
	struct slice rest = SLICE("");
	bool is_over = wire->is_ended;
	enum model_verdict worst = MODEL_SURE; /* of those before it */
	m->body = answer_body;
	if (asked->is_answered)
		rest = wire_bytes_rest(&wire->to_weir, asked->answer_at);
	for (;;) {
		model_read_response(rest, asks_head(asked), is_over, m);
		worst = m->verdict > worst ? m->verdict : worst;
		m->verdict = worst;
		if (!m->is_head_whole || worst == MODEL_NEVER || m->status >= 200 ||
		    m->status == 101)
			return rest;
		rest = slice_skip(rest, m->total);
	}
}

/* ---- answering --------------------------------------------------------------------------------------------- */

static void add(const char *bytes, size_t len)
{
	wire_bytes_add(&peers.answer_bytes, bytes, len);
}

#define MARK "X-Mark: 000\r\n"
#define MARK_DIGITS 8
#define MARK_NAME "x-mark"

/* Nobody but us may write a mark: the last letter of the name becomes another one. */
static char without_mark(char byte)
{
	const size_t before = sizeof MARK_NAME - 2;
	const struct wire_bytes *said = &peers.answer_bytes;
	bool would_be = (byte == 'k' || byte == 'K') && said->len >= before &&
			strncasecmp(said->at + said->len - before, MARK_NAME, before) == 0;
	return would_be ? 'c' : byte;
}

/*
 * A head begins at the start or behind an empty line; its mark goes behind its first line, which may
 * end in the next answer: a node says the two one after the other.
 */
struct answer *peers_add_answer(const char *bytes, size_t len)
{
	static struct answer spare;
	struct answer *a = peers.answer_count < PEERS_ANSWERS ? &peers.answers[peers.answer_count++]
							      : &spare;
	*a = (struct answer){ .at = peers.answer_bytes.len };
	for (size_t i = 0; i < len; i++) {
		bool is_start = i == 0 || (i >= 4 && memcmp(bytes + i - 4, "\r\n\r\n", 4) == 0);
		if (is_start && len - i >= 7 && memcmp(bytes + i, "HTTP/1.", 7) == 0)
			peers.is_in_first_line = true;
		char byte = without_mark(bytes[i]);
		add(&byte, 1);
		if (peers.is_in_first_line && bytes[i] == '\n') {
			add(MARK, sizeof MARK - 1);
			peers.is_in_first_line = false;
		}
	}
	a->len = peers.answer_bytes.len - a->at;
	return a;
}

/* Says it, as the answer number `mark`. */
static void say(struct wire *wire, struct slice bytes, unsigned mark)
{
	size_t start = wire->to_weir.len;
	kernel_send(wire, bytes.at, bytes.len);
	for (size_t at = start; at + sizeof MARK - 1 <= wire->to_weir.len; at++) {
		char *text = wire->to_weir.at + at;
		if (memcmp(text, MARK, MARK_DIGITS) != 0)
			continue;
		for (unsigned digit = 3, left = mark; digit > 0; digit--, left /= 10)
			text[MARK_DIGITS + digit - 1] = (char)('0' + left % 10);
	}
}

static void end(struct wire *wire)
{
	wire->is_ended = true;
	kernel.moves++;
}

static void answer_by_default(struct asked *asked, unsigned mark)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n" MARK "Content-Length: 13\r\n\r\n";
	char body[14];
	snprintf(body, sizeof body, "default %04u\n", mark);
	say(asked->wire, slice_of(head, sizeof head - 1), mark);
	say(asked->wire, slice_of(body, 13), mark);
}

static bool is_interim(const struct answer *a)
{
	const char *text = peers.answer_bytes.at + a->at;
	return a->len > 12 && memcmp(text, "HTTP/1.", 7) == 0 && text[9] == '1' &&
	       memcmp(text + 9, "101", 3) != 0;
}

/* Interim answers and then a final one, if there are such in the queue; else the default. */
static void answer(struct asked *asked, bool is_whole)
{
	unsigned mark = (unsigned)(asked - peers.asked);
	while (!asked->is_done && !asked->wire->is_ended &&
	       peers.answer_next < peers.answer_count) {
		const struct answer *a = &peers.answers[peers.answer_next];
		if (!is_whole && !a->is_early)
			return;
		peers.is_calm &= is_whole && !a->is_broken;
		peers.answer_next++;
		if (!asked->is_answered)
			asked->answer_at = asked->wire->to_weir.len;
		asked->is_answered = true;
		asked->is_done = !is_interim(a);
		say(asked->wire, slice_of(peers.answer_bytes.at + a->at, a->len), mark);
		if (a->is_last)
			end(asked->wire);
		if (a->is_broken)
			kernel_break(asked->wire, ECONNRESET);
		if (a->is_broken)
			return;
	}
	if (asked->is_done || !is_whole || peers.holds || asked->wire->is_ended)
		return;
	if (!asked->is_answered)
		asked->answer_at = asked->wire->to_weir.len;
	asked->is_answered = asked->is_done = true;
	answer_by_default(asked, mark);
}

/* ---- nodes read ---------------------------------------------------------------------------------------------- */

static struct asked *last_asked(const struct wire *wire)
{
	for (unsigned i = peers.asked_count; i > 0; i--)
		if (peers.asked[i - 1].wire == wire)
			return &peers.asked[i - 1];
	return NULL;
}

bool peers_is_asked(const struct wire *wire)
{
	const struct asked *last = last_asked(wire);
	struct model_message m;
	if (last == NULL)
		return false;
	peers_read_answer(last, &m);
	return !last->is_done || !m.is_head_whole || !m.is_body_whole;
}

static bool is_switched(const struct asked *asked)
{
	struct model_message m;
	peers_read_answer(asked, &m);
	return m.is_head_whole && m.status == 101;
}

/* Where the answer ends in all that the node has said. */
static size_t answer_end(const struct asked *asked)
{
	struct model_message m;
	struct slice rest = peers_read_answer(asked, &m);
	return (size_t)(rest.at - asked->wire->to_weir.at) + m.total;
}

/*
 * A node that says more than it was asked may be in time to spoil the next request: no proxy can know
 * what comes just now. But weir must not use a connection again once it was told of such bytes. What it
 * hears of while it sends a request, or tries to, is taken for a hasty answer to that.
 */
static struct asked *new_asked(struct wire *wire, size_t at, const struct asked *last)
{
	size_t expected = last == NULL ? 0 : answer_end(last);
	fuzz_expect(last == NULL || wire->asked_told <= expected);
	fuzz_expect(peers.asked_count < PEERS_ASKED);
	struct asked *asked = &peers.asked[peers.asked_count++];
	*asked =
		(struct asked){ .wire = wire, .at = at, .is_spoilt = wire->to_weir.len > expected };
	peers.is_calm &= !asked->is_spoilt;
	return asked;
}

/* One request, or what there is of it. False: no more of it is here. */
static bool node_reads(struct wire *wire)
{
	struct model_message m = { .body = node_body };
	struct asked *last = last_asked(wire);
	bool is_new = last == NULL || last->is_whole;
	size_t at = last == NULL ? 0 : last->at + (is_new ? last->len : 0);
	if (at == wire->from_weir.len || (last != NULL && is_new && is_switched(last)))
		return false;
	if (is_new && wire->asked_from != at) {
		wire->asked_from = at;
		wire->asked_told = wire->tried_told;
	}
	model_read_request(wire_bytes_rest(&wire->from_weir, at), &m);
	fuzz_expect(m.verdict != MODEL_NEVER && m.body_verdict != MODEL_NEVER);
	if (!m.is_head_whole)
		return false;
	/* a node is asked again only once it has answered */
	fuzz_expect(!is_new || last == NULL || last->is_done);
	struct asked *asked = is_new ? new_asked(wire, at, last) : last;
	if (is_new)
		judge_head(asked, &m);
	asked->len = m.total;
	asked->is_whole = m.is_body_whole;
	if (asked->is_whole)
		judge_body(asked, &m);
	return asked->is_whole;
}

void peers_look(struct wire *wire)
{
	while (!wire->is_client && !wire->is_gone && node_reads(wire))
		;
}

static void node_acts(struct wire *wire)
{
	struct asked *last = last_asked(wire);
	if (!wire->is_gone && !wire->is_broken && last != NULL && !last->is_done)
		answer(last, last->is_whole);
}

/* ---- everybody ------------------------------------------------------------------------------------------------ */

static void arrive(struct wire *wire, size_t piece)
{
	size_t left = wire->to_weir.len - wire->arrived, least = wire->to_weir.len / 200;
	if (wire->is_broken)
		return;
	piece = piece < least ? least : piece; /* what comes byte by byte is short */
	kernel.moves += left > 0;
	wire->arrived += left < piece ? left : piece;
}

void peers_act(void)
{
	for (unsigned i = 0; i < kernel.wire_count; i++) {
		struct wire *wire = &kernel.wires[i];
		if (wire->is_client)
			continue;
		node_acts(wire);
		arrive(wire, peers.piece);
	}
	for (unsigned i = 0; i < PEERS_CLIENTS; i++)
		if (peers.clients[i].wire != NULL)
			arrive(peers.clients[i].wire, peers.clients[i].piece);
}

void peers_let_go(void)
{
	peers.holds = false;
	peers.dial = PEERS_ACCEPT;
	peers.piece = peers.window = SIZE_MAX;
	for (unsigned i = 0; i < kernel.wire_count; i++) {
		kernel.wires[i].window = SIZE_MAX;
		kernel.wires[i].is_connecting = false;
	}
	for (unsigned i = 0; i < PEERS_CLIENTS; i++)
		peers.clients[i].piece = SIZE_MAX;
	kernel.moves++;
}

bool peers_dial(struct wire *wire)
{
	wire->window = peers.window;
	peers.is_calm &= peers.dial == PEERS_ACCEPT || peers.dial == PEERS_LET_WAIT;
	switch (peers.dial) {
	case PEERS_ACCEPT:
		wire->is_connecting = false;
		return true;
	case PEERS_REFUSE:
		wire->is_broken = true;
		wire->is_connecting = false;
		return false;
	case PEERS_REFUSE_LATER:
		kernel_break(wire, ECONNREFUSED);
		return true;
	case PEERS_LET_WAIT:
		return true;
	}
	return true;
}

/* ---- for who looks into a finding ------------------------------------------------------------------------------- */

static void show(const char *who, const struct wire_bytes *bytes)
{
	fprintf(stderr, "  %s:\n    ", who);
	for (size_t i = 0; i < bytes->len; i++)
		if (bytes->at[i] == '\n')
			fprintf(stderr, "\\n\n    ");
		else if (bytes->at[i] == '\r')
			fprintf(stderr, "\\r");
		else if ((unsigned char)bytes->at[i] < ' ' || (unsigned char)bytes->at[i] >= 0x7f)
			fprintf(stderr, "\\x%02x", (unsigned char)bytes->at[i]);
		else
			fputc(bytes->at[i], stderr);
	fputc('\n', stderr);
}

void fuzz_show(void)
{
	for (unsigned i = 0; i < kernel.wire_count; i++) {
		const struct wire *wire = &kernel.wires[i];
		char from[ADDR_TEXT_BYTES];
		fprintf(stderr, "%s %s:%s%s%s%s%s%s%s%s\n", wire->is_client ? "client" : "node",
			addr_format(&wire->peer, from), wire->fd == -1 ? " closed" : "",
			wire->is_ended ? " has ended" : "", wire->is_gone ? " is gone" : "",
			wire->is_broken ? " is broken" : "",
			wire->is_shut ? ", weir has ended" : "", wire->is_cut ? " by a reset" : "",
			peers.is_calm ? ", calm" : "",
			wire->taken < wire->to_weir.len ? ", not all was read" : "");
		show("to weir", &wire->to_weir);
		show("from weir", &wire->from_weir);
	}
}
