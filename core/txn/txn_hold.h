/*
 * txn_hold: the beginning of a body, or all of it, in memory, because a rule looks into it or has put
 * another one in its place. It is taken before the body begins to move and lives as long as the
 * transaction, so the same bytes can be sent to one node after the other, and read by later rules.
 *
 * A request body is asked for in request rules, a response body in response rules: the body's state is
 * TXN_BODY_HELD from then on until it begins to move. Bytes come by the events of the transaction; at
 * most `rules: {buffer}` of them are held, as they came and once more with their coding undone. Only
 * what was asked for is taken off the inbox: whatever follows is relayed as ever.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_HOLD_H
#define WEIR_TXN_HOLD_H

#include "http/http_coding.h"
#include "txn/txn.h"

#define TXN_HOLD_ALL SIZE_MAX

/* In the transaction's arena. */
struct txn_hold {
	struct txn_wait wait;
	struct buf raw;               /* body bytes as they came, chunks undone */
	struct buf text;              /* their content coding undone; unused without one */
	struct http_decoder *decoder; /* NULL: no coding, or one that cannot be undone */
	size_t fed;                   /* of `raw`: the decoder has these */
	size_t handed;                /* of what there is: on its way to the client */
	bool is_stream;               /* a rule reads it bit by bit, and what it has read is gone */
	size_t limit;                 /* of each of the two */
	size_t wanted;                /* bytes that a rule asks for now; 0: none does */
	bool drops;                   /* what still comes is thrown away */
	bool is_whole;                /* nothing more will come */
	bool is_too_long;             /* more than `limit` */
	bool has_bytes;               /* the body is not empty */
	bool is_dry;                  /* the decoder has made all that it can make of what it has */
	bool is_decoded;              /* the coding has come to its end */
	const char *trouble;          /* why the coding cannot be undone; NULL: it can */
	void *question; /* for the function that waits: what it was asked, in the arena */
};

enum txn_hold_result {
	TXN_HOLD_READY, /* what was asked for is there, or all there is */
	TXN_HOLD_WAIT,  /* txn_hold_wait; or the connection broke, then the transaction will end */
	TXN_HOLD_LONG,  /* more than may be held was asked for, and there is more */
};

/*
 * Asks for the first `wanted` bytes of the body with its codings undone (TXN_HOLD_ALL: all of it), and
 * takes what is there already. Who asked with Expect: 100-continue is told to send.
 */
enum txn_hold_result txn_hold_request(struct txn *t, size_t wanted);
enum txn_hold_result txn_hold_response(struct txn *t, size_t wanted);

/*
 * The same of a response that is read bit by bit: `wanted` bytes from where the rule stands, at most
 * rules.buffer of them. What was read is dropped by txn_hold_consume.
 */
enum txn_hold_result txn_hold_stream(struct txn *t, size_t wanted);
void txn_hold_consume(struct txn_hold *h, size_t len);

/* Will nothing come behind what there is? */
bool txn_hold_is_over(const struct txn_hold *h);

/* What is left of such a response goes to the client, its coding undone, in the framing of relay.out. */
void txn_hold_pump(struct txn *t);

/* For a body that does so: brings more into b->held. False when that has to wait. */
bool txn_hold_refill(struct txn_body *b);

/* The rule waits for what it asked for. In `finish` call txn_rules_waited, and ask again. */
void txn_hold_wait(struct txn *t, struct txn_hold *h);

/* What is there of the body with its codings undone. Valid until more is asked for. */
struct slice txn_hold_text(const struct txn_hold *h);

/*
 * Puts another body in the place of the one that comes; the head has to be changed by the caller. A
 * request's rest is thrown away, which may have to be waited for: ask for TXN_HOLD_ALL. A response's
 * node connection is given up when the rest is not there already.
 */
void txn_hold_replace_request(struct txn *t, struct slice body);
void txn_hold_replace_response(struct txn *t, struct slice body);

/* What a body does before it begins to move, if rules have asked for some of it: before each step. */
void txn_hold_move(struct txn *t);

/* Does a rule wait for bytes that have to be read? */
bool txn_hold_wants_read(const struct txn_body *b);

/* After txn_body_start: what is held goes first. */
void txn_hold_start(struct txn_body *b);

/* Frees what it owns. */
void txn_hold_release(struct txn_hold *h);

#endif
