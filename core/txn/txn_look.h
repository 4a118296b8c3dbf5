/*
 * txn_look: what rules have looked at of one side of a session of TCP or UDP. Bytes come off the inbox only
 * when a rule asks for them; then they are held here, from the beginning of the message on, so that
 * later rules see them too and another node can be sent the same. It knows no protocol. At most
 * `limit` bytes are held.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_LOOK_H
#define WEIR_TXN_LOOK_H

#include "txn/txn.h"

#define TXN_LOOK_NO_END SIZE_MAX

/* Part of a transaction. */
struct txn_look {
	struct txn_wait wait;
	struct stream *from; /* NULL: nothing can come, only what is held is there */
	struct inbox *inbox;
	struct buf held;
	size_t limit;
	size_t end;    /* of the message, in `held`; TXN_LOOK_NO_END: nobody has said where it is */
	size_t wanted; /* bytes that a parked rule waits for; 0: none does */
	bool is_over;  /* the sender has ended or broken: nothing more will come */
	void *question; /* for the function that waits: what it was asked, in the arena */
};

enum txn_look_result {
	TXN_LOOK_READY, /* so much is there, or all there will be */
	TXN_LOOK_WAIT,  /* txn_look_wait */
	TXN_LOOK_LONG,  /* it would be more than may be held */
};

/* A new message from there; what an earlier one left behind its end stays. */
void txn_look_open(struct txn_look *l, struct stream *from, struct inbox *inbox, size_t limit);

/* Asks for the first `wanted` bytes; 0: whatever has come. */
enum txn_look_result txn_look_ask(struct txn_look *l, size_t wanted);

/* The rule waits for so many. In `finish` call txn_rules_waited, and ask again. */
void txn_look_wait(struct txn *t, struct txn_look *l, size_t wanted);

/* Before each step in which a rule may wait: takes what has come, and wakes the rule. */
void txn_look_move(struct txn *t, struct txn_look *l);

/* Does a rule wait for bytes that have to be read? */
bool txn_look_wants_read(const struct txn_look *l);

/* What is there of the message. Valid until more is asked for. */
struct slice txn_look_text(const struct txn_look *l);

/* Puts other bytes in its place, or drops its first ones. */
void txn_look_replace(struct txn_look *l, struct slice text);
void txn_look_drop(struct txn_look *l, size_t count);

/* The message is dealt with: only what follows its end stays. */
void txn_look_end(struct txn_look *l);

/* Frees what it owns. */
void txn_look_release(struct txn_look *l);

#endif
