/* pool_unit: what the tests of pool/ share: one pool with its shared memory, and nodes that listen. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_UNIT_H
#define WEIR_POOL_UNIT_H

#include "pool/pool.h"

#include <stdbool.h>
#include <stdint.h>

#define UNIT_NODES 4
#define UNIT_WORKERS 2

extern struct conf_node
	unit_conf_nodes[UNIT_NODES]; /* 127.0.0.1:81 and on, weight and priority 1 */
extern struct conf_pool unit_conf;   /* to be changed before unit_open, or what pool/ reads later */
extern struct share unit_share;
extern struct pool *unit_pool;        /* as worker 0 sees it */
extern struct pool *unit_other_pools; /* as worker 1 sees it */

/* Opens the pool with so many nodes, and the loop. */
void unit_open(unsigned node_count, enum conf_algorithm algorithm);
void unit_close(void);

/* The name of a node: "a" is the first. */
char unit_name(const struct node *n);

/* A socket that listens on loopback; its address goes to *at. */
int unit_listen(struct addr *at);

/* A connection to `at`, answered, ready to be given back; *theirs is the other end. */
struct node_connection *unit_connect(struct node *n, int listen_fd, const struct addr *at,
				     const struct addr *source, int *theirs);

/* Turns the loop until is_done() says so; the test fails when that takes seconds. */
void unit_turn_until(bool (*is_done)(void));

/* Goes on to the loop's next turn. */
void unit_turn(void);

/* Connections to that node that are open now, as the counters have it. */
uint64_t unit_sessions(const struct node *n);

#endif
