/*
 * pool_queue: who waits because every node that it could use has as many connections or transactions
 * as the pool's limits allow. A queue of each worker, in order of arrival; counts are those of all
 * workers together. Room that another worker makes is seen by looking, every few milliseconds while
 * somebody waits. Nobody takes room for long that is due to whoever has waited longest in another
 * worker. A pool without limits has no queue.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_POOL_QUEUE_H
#define WEIR_POOL_QUEUE_H

#include "net/loop.h"
#include "net/timer.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct node;
struct pool;

/* Zero-initialise; `on_turn` is set before it enters. Owned by who waits. */
struct pool_waiter {
	TAILQ_ENTRY(pool_waiter) link;
	struct pool *pool; /* NULL: it does not wait */
	uint64_t since;    /* milliseconds */
	/* there is room, maybe: to be taken, and the queue to be left, at once or not at all */
	void (*on_turn)(struct pool_waiter *w);
};

/* Part of a pool. */
struct pool_queue {
	TAILQ_HEAD(, pool_waiter) waiting;
	struct pool_waiter *next;   /* while they have their turns: whose is next */
	struct pool_waiter *others; /* next time, behind the first; NULL: any */
	struct timer timer;
	struct loop_task task;
	uint64_t woken_turn;   /* of the loop */
	uint64_t yields_since; /* milliseconds: it leaves room to another worker; 0: it does not */
};

void pool_queue_open(struct pool *p);
void pool_queue_release(struct pool *p);

/* Waits from now on. False: `max_queue_size` wait already, in all workers. */
bool pool_queue_enter(struct pool *p, struct pool_waiter *w);

/* Waits no longer, whatever the reason; nothing happens when it does not wait. */
void pool_queue_leave(struct pool_waiter *w);

/* Would a newcomer go before somebody who waits? */
bool pool_queue_is_ahead(struct pool *p);

/* There may be room now. */
void pool_queue_wake(struct pool *p);

/*
 * A connection to that node of the pool is about to be kept idle. True: somebody in another worker
 * waits for its place, and it is to be closed instead.
 */
bool pool_queue_wants_place(struct pool *p, const struct node *n);

/* How many wait for the pool, in all workers. */
uint64_t pool_queue_length(const struct pool *p);

#endif
