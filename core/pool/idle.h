/*
 * idle: connections to nodes that wait for their next use. The key is (node address, source
 * address, whom its PROXY header named): a connection that carries one client's address never serves
 * another client. Bounded
 * per node; the longest idle one goes first. A byte or an end that comes while idle closes it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_IDLE_H
#define WEIR_POOL_IDLE_H

#include "pool/node.h"

/*
 * The most recently used idle connection of that key, now the caller's; NULL when there is none.
 * One that the loop has already seen end or speak, and has yet to close, is not given; neither is
 * one that came back in this very turn: nobody has asked the kernel yet whether it stays quiet, and
 * a node that says more than it was asked says it right behind its answer.
 */
struct node_connection *idle_lease(struct node *n, const struct addr *to, const struct addr *source,
				   const struct node_announced *announced,
				   void (*on_ready)(struct stream *s));

/* Takes over a connection that is between two messages; may close it at once. */
void idle_give_back(struct node_connection *c);

/* Closes the idle connection of a node that has been so for longest; there is one. */
void idle_close_oldest(struct node *n);

/* Closes all idle connections of a node. */
void idle_close_all(struct node *n);

#endif
