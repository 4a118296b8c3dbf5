/*
 * txn_cache: a transaction and the web cache (core/cache): behind the request rules it looks for a stored
 * answer, which then takes the place of the node's as if it had just come; a node's answer is stored as
 * it comes, before response rules see it, so that what they make of it is made for each client.
 * Most transactions have none of this, and pay a look at a pointer.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_CACHE_H
#define WEIR_TXN_CACHE_H

#include "cache/cache_store.h"
#include "txn/txn.h"

/* How the cache took part: words of the log. */
enum txn_cache_part {
	TXN_CACHE_NONE,
	TXN_CACHE_PASS,    /* the request is none that it answers */
	TXN_CACHE_MISS,    /* nothing was there */
	TXN_CACHE_HIT,     /* it was used as it was */
	TXN_CACHE_UPDATED, /* it was used after its node had confirmed it */
	TXN_CACHE_STALE,   /* it was used because its node failed */
};

/* What rules say of it; without a word the virtual server's `web_cache: {enabled}` holds. */
enum txn_cache_wish { TXN_CACHE_AS_CONFIGURED, TXN_CACHE_ENABLED, TXN_CACHE_DISABLED };

/* In the transaction's arena. */
struct txn_cache {
	struct http_tap tap; /* on the body of a node's answer */
	struct txn *txn;
	enum txn_cache_wish wish;
	struct slice extra; /* http.cache.setkey; absent: none */
	enum txn_cache_part part;
	struct cache_wishes wishes; /* of the request */
	struct cache_key key;
	struct cache_found found;    /* held on to; entry 0: none */
	struct http_response stored; /* its head */
	bool is_looked_up;           /* `found` is what there is */
	bool asks;                   /* its node is asked whether it still holds */
	bool is_unsafe;              /* the request may change what is stored for its URI */
	bool may_store;              /* the answer, if that allows it */
	bool is_tapped;              /* some of its body has gone by */
	bool is_whole;               /* all of it has */
	uint64_t asked;              /* milliseconds, when the node was */
	struct http_response answer; /* of the node, as it came, while it may be stored */
	struct cache_moment came;
	uint32_t filling;           /* entry that is made of it; 0: none */
	uint64_t filled;            /* bytes */
	const char *why_not;        /* it is not stored; NULL: it is, or nobody has looked yet */
	struct cache_reader reader; /* of what is on its way to the client */
};

/* That of the transaction, made when it has none yet. */
struct txn_cache *txn_cache_for(struct txn *t);

/* May there be an answer for it, or shall one be stored? */
static inline bool txn_cache_is_used(const struct txn *t)
{
	return t->cache != NULL || t->vserver->conf->cache_enabled;
}

/* Request rules have run. True: t->response is a stored answer, or the transaction has ended. */
bool txn_cache_look(struct txn *t);

/*
 * Is there an answer that could be used now, of that pool (NULL: the one that will be used)? It is held on
 * to, for txn_cache_look, if `holds`.
 */
bool txn_cache_has(struct txn *t, struct pool *pool, bool holds);

/*
 * A rule has changed what it wants of the cache, or the key: what that means for an answer that is on its
 * way. False: it comes too late to have any effect.
 */
bool txn_cache_reconsider(struct txn *t);

/* The request for the node, where it differs from the client's. */
void txn_cache_ask(struct txn *t, struct http_request *request);

/*
 * The head of the node's answer is here. False: that was not about what we have, and the node is asked
 * again. Otherwise t->response is what the client is to get, of the node or stored.
 */
bool txn_cache_take(struct txn *t);

/* The transaction is about to end so: true when a stored answer takes the place of an error. */
bool txn_cache_rescue(struct txn *t, enum txn_end end);

/* The answer leaves: whatever there is to store of it has its head now. */
void txn_cache_send(struct txn *t);

/* A response rule wants another answer: nothing more is looked up or stored. */
void txn_cache_forget(struct txn *t);

/* Lets go of everything. */
void txn_cache_release(struct txn *t);

/* "hit" and the like; absent without a part in it. */
struct slice txn_cache_word(const struct txn *t);

#endif
