/*
 * txn_compress: answers that leave in another coding than their node sent them in, because the client
 * likes that and the virtual server or a rule wants it. The body goes through a coder piece by piece,
 * at most some ten KiB wait at either end of it, and what the coder holds back leaves when the node
 * pauses. Nothing of it exists for a transaction that neither `gzip: {enabled}` nor a rule concerns.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_COMPRESS_H
#define WEIR_TXN_COMPRESS_H

#include "http/http_encoder.h"
#include "txn/txn.h"

/* What rules said. */
enum txn_compress_order {
	TXN_COMPRESS_AS_CONFIGURED,
	TXN_COMPRESS_ENABLED,
	TXN_COMPRESS_DISABLED,
};

/* In the transaction's arena. */
struct txn_compress {
	enum txn_compress_order order;
	enum http_coding coding;      /* of ours, the one that the client likes best; NONE: none */
	struct slice if_none_match;   /* as the client said it; absent: it did not */
	struct http_encoder *encoder; /* NULL: the answer is not compressed */
	struct buf made;              /* has come out of it */
	size_t handed;                /* of that: on its way to the client */
	struct slice source;          /* from memory, to be put in */
	bool source_ends;             /* the body ends behind that */
	bool is_over;                 /* all was put in */
	bool holds;                   /* bytes, or the answer's head, for more to come along */
	uint64_t flush_at;            /* milliseconds: they wait no longer than this */
	uint64_t turn;                /* of the loop: `worked` is of this one */
	size_t worked;                /* bytes that were put in */
	uint64_t bytes_in, bytes_out; /* of the coder, so far */
};

/*
 * That of the transaction, made when it has none yet: from what the request says now. Its
 * If-None-Match and If-Match become what its node knows them as.
 */
struct txn_compress *txn_compress_for(struct txn *t);

/*
 * Before the head of an answer is written: does its body leave compressed? Then the head says so, and
 * its framing must not be a length. `length` is UINT64_MAX when it is not known. Also for an answer
 * whose body is not sent because the client asked with HEAD.
 */
bool txn_compress_begin(struct txn *t, struct http_response *head, uint64_t length);

/* Of txn_out: what leaves for these bytes. Valid until the next call. */
struct slice txn_compress_put(struct txn_compress *c, struct slice data,
			      enum http_encoder_then then);

/* After txn_body_start: what memory holds of the body goes first. */
void txn_compress_start(struct txn_body *b);

/* For a body that is compressed: brings more into b->held. False when that has to wait. */
bool txn_compress_refill(struct txn_body *b);

/* The nearer of the deadline and the moment when something must leave. */
uint64_t txn_compress_deadline(const struct txn_body *b, uint64_t deadline);

/* The transaction ends: counts it, and frees what it owns. */
void txn_compress_release(struct txn *t);

#endif
