/*
 * test_peer: the other ends of a case's connections: the client, and the nodes that answer what the
 * test says. They are pairs of sockets inside this process, so the engine moves bytes as it does for
 * a worker; no network is needed.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_PEER_H
#define WEIR_TEST_PEER_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/table.h"
#include "http/http_head.h"
#include "net/addr.h"
#include "net/dial.h"
#include "net/stream.h"

#include <sys/queue.h>

/* One end: what came, and what waits to be sent. */
struct test_peer {
	struct stream stream;
	struct buf in;
	bool is_full; /* more came than is kept */
	struct test_peers *peers;
	struct addr address;             /* of the node */
	struct addr client, destination; /* that a PROXY header told it; ADDR_NONE: none did */
	size_t answered;                 /* bytes of `in` that are requests which were answered */
	TAILQ_ENTRY(test_peer) next;
};

/* A request as a node got it. Lies in the arena. */
struct test_request {
	struct test_request *next;
	struct addr node;
	struct addr client, destination; /* by the PROXY header of the connection; or ADDR_NONE */
	struct http_request head;
	struct slice body;
};

/* What a node answers, one after the other; the last one again and again. */
struct test_script {
	struct test_reply *first, *current;
	bool refuses; /* connections */
};

/* All ends of a case. */
struct test_peers {
	struct test_peer client;
	bool has_client;
	TAILQ_HEAD(, test_peer) nodes;
	struct table scripts; /* by "10.0.0.1:80"; "" for all others */
	struct test_request *requests, **last_request;
	unsigned tries; /* connections begun */
	struct arena *arena;
};

/* The arena is the case's and outlives it. */
void test_peers_init(struct test_peers *p, struct arena *arena);
/* The engine's ends must be closed before. */
void test_peers_release(struct test_peers *p);

/* The node of that name refuses connections, or answers these bytes next and then, if so, closes. */
void test_peers_refuse(struct test_peers *p, struct slice address);
void test_peers_reply(struct test_peers *p, struct slice address, struct slice bytes, bool closes);

/* What was given of nodes, and what they got, is forgotten; connections stay. */
void test_peers_forget(struct test_peers *p);
/* A client sends `bytes`, the one before has gone; the engine's end of its connection, or -1. */
int test_peers_connect_client(struct test_peers *p, struct slice bytes);
/* The client that is there sends more. False when the engine has ended its connection. */
bool test_peers_client_sends(struct test_peers *p, struct slice bytes);

/* The answer to the client, without interim ones; false when what it got is none, or is not whole. */
bool test_peers_client_got(struct test_peers *p, enum http_method method,
			   struct http_response *head, struct slice *body);

/* dial_open for this case: the engine's end of a new connection to the node. */
enum dial_result test_peers_dial(struct test_peers *p, const struct dial *d, int *fd, int *error);

#endif
