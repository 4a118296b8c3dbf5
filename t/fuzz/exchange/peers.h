/*
 * peers: the clients and nodes around weir in one run of the exchange target. Nodes read what they
 * get with the model and answer from a queue; every head they send carries a mark, so that each
 * answer can be traced to the one request that it was given to.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_PEERS_H
#define WEIR_FUZZ_PEERS_H

#include "kernel.h"
#include "model.h"

#define PEERS_CLIENTS 3
#define PEERS_REQUESTS 64 /* that a client may have begun */
#define PEERS_ASKED 800   /* that nodes may have begun to receive */
#define PEERS_ANSWERS 64  /* that wait for their requests */

enum peers_server { PEERS_PLAIN, PEERS_RULES, PEERS_CLEAR, PEERS_REWRITE, PEERS_SERVERS };

struct client {
	struct wire *wire; /* NULL: it has not come yet */
	struct addr address;
	enum peers_server server;
	size_t starts[PEERS_REQUESTS]; /* of its requests in wire->to_weir */
	unsigned known;                /* of these */
	size_t heard_at;               /* answers up to here in wire->from_weir have been judged */
	unsigned heard;                /* whole final answers in there */
	unsigned heard_good;           /* the first ones of these that came from nodes, or rules */
	bool is_over;                  /* the last of them said that nothing follows */
	size_t piece;                  /* bytes that arrive in a turn */
};

/* A request that came to a node. */
struct asked {
	struct wire *wire;
	unsigned client, index; /* whose, and which of its requests */
	size_t at, len;         /* in wire->from_weir; so much of it as has come */
	bool is_whole;
	bool is_answered; /* in part or wholly */
	bool is_done;     /* with a final answer */
	bool is_spoilt;   /* what the node had said unasked may be taken for its answer */
	size_t answer_at; /* in wire->to_weir */
};

struct answer {
	size_t at, len; /* in peers.answer_bytes */
	bool is_early;  /* once the head is there */
	bool is_last;   /* the node ends behind it */
	bool is_broken; /* the node resets behind it */
};

struct peers {
	struct client clients[PEERS_CLIENTS];
	struct asked asked[PEERS_ASKED];
	unsigned asked_count;
	struct answer answers[PEERS_ANSWERS];
	unsigned answer_count, answer_next;
	bool is_in_first_line; /* of an answer that is being added */
	struct wire_bytes answer_bytes;
	size_t piece;  /* bytes of an answer that arrive in a turn */
	size_t window; /* of new connections to nodes */
	bool holds;    /* nodes without an answer in the queue wait for one */
	bool is_calm;  /* nobody has done anything for which an exchange may fail */
	enum { PEERS_ACCEPT, PEERS_REFUSE, PEERS_REFUSE_LATER, PEERS_LET_WAIT } dial;
};

extern struct peers peers;

/* Nobody is there, nothing was said. */
void peers_reset(void);

/* Bytes arrive, nodes read and answer. */
void peers_act(void);

/* Nobody holds anything back any more. */
void peers_let_go(void);

/* See kernel.on_written: looks at once, while the order in which weir did things can be seen. */
void peers_look(struct wire *wire);

/* Has the node a request that it has not answered in full? */
bool peers_is_asked(const struct wire *wire);

/* weir dials a node; see kernel.on_dial. */
bool peers_dial(struct wire *wire);

/*
 * Reads the client's request number `index` into `m`, the body to a buffer that the next call
 * overwrites. False when it has not begun it.
 */
bool peers_read_request(struct client *c, unsigned index, struct model_message *m);

/*
 * Reads the final answer that the node gave; is_head_whole is false when there was none. The same.
 * Gives all that the node has said from there on.
 */
struct slice peers_read_answer(const struct asked *asked, struct model_message *m);

/* An answer of `bytes` for the queue; they are copied, with a place for the mark in each head. */
struct answer *peers_add_answer(const char *bytes, size_t len);

#endif
