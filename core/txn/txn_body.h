/*
 * txn_body: one direction of a transaction: takes bytes from one stream, re-frames them, and writes
 * them to the other, as fast as the slower of the two. At most `limit` bytes wait on the way. What a
 * rule has asked for before that is in memory (txn_hold.h) and goes first. A stored answer (txn_cache.h)
 * comes from where it is stored, and no stream brings it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_BODY_H
#define WEIR_TXN_BODY_H

#include "cache/cache_store.h"
#include "http/http_body.h"
#include "net/inbox.h"
#include "net/stream.h"

enum txn_body_state {
	TXN_BODY_OFF,  /* not begun */
	TXN_BODY_HELD, /* not begun, but some of it was taken for a rule, or will be: txn_hold.h */
	TXN_BODY_MOVING,
	TXN_BODY_DONE,        /* all of it was written or waits in the stream */
	TXN_BODY_FROM_BROKEN, /* the sender's connection broke */
	TXN_BODY_FROM_CUT,    /* the sender ended in the middle */
	TXN_BODY_TO_BROKEN,   /* the receiver's connection broke */
	TXN_BODY_BAD,         /* the framing is malformed: relay.why */
};

struct txn_hold;
struct txn_compress;

/* Part of a transaction. */
struct txn_body {
	enum txn_body_state state;
	struct stream *from, *to;
	struct inbox *inbox; /* of `from` */
	struct http_relay relay;
	struct slice head;     /* to be written before the body, in the same call if possible */
	struct txn_hold *hold; /* what rules asked for of it; NULL mostly */
	struct slice
		held;   /* what of that is still to be written; absent: nothing, not even an end */
	bool pumps;     /* the rest comes through there, its coding undone */
	bool is_paused; /* that goes on at the next turn of the loop */
	bool ends_held; /* the body ends behind that, whatever else comes from its sender */
	size_t limit;
	struct cache_reader *stored;     /* what brings it in place of `from`; NULL mostly */
	struct http_tap *tap;            /* for `relay`, when it begins; NULL mostly */
	struct txn_compress *compress;   /* the coder that it goes through; NULL mostly */
	struct txn_bandwidth *bandwidth; /* how fast; NULL mostly: as fast as the two sides */
	bool is_last;                    /* the receiver's connection ends behind it, at once */
	bool is_tunnel;    /* bytes as they are; the end of one side is passed on to the other */
	bool is_bulk;      /* a tunnel in which much came at once */
	bool has_moved;    /* since somebody last looked */
	bool has_consumed; /* bytes of the body left the inbox: it cannot be sent again */
};

/* Begins to move; the head is written with what is there already. */
void txn_body_start(struct txn_body *b, struct stream *from, struct inbox *inbox, struct stream *to,
		    struct slice head, size_t limit);

/* Moves what can be moved now. */
void txn_body_move(struct txn_body *b);

/*
 * Brings bytes into its inbox, which is empty. IO_EOF: its sender has ended, which the caller judges;
 * IO_FAIL: its state says it.
 */
enum io txn_body_read(struct txn_body *b);

/* What it waits for: to be asked when streams are watched. */
bool txn_body_wants_read(const struct txn_body *b);

/* The same body once more, from its beginning, of which nothing was consumed: to be started again. */
void txn_body_rewind(struct txn_body *b);

/* Stops and frees what it holds. */
void txn_body_release(struct txn_body *b);

#endif
