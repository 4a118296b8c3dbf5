/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/pool_queue.h"

#include "base/check.h"
#include "base/clock.h"
#include "pool/idle.h"
#include "pool/pool.h"

/* How often room is looked for while somebody waits, and idle connections that others want. */
#define LOOK_MILLISECONDS 2
#define IDLE_LOOK_MILLISECONDS 20
/* Who has waited so much longer in another worker goes first, if it comes within this time. */
#define SLACK_MILLISECONDS 20
#define YIELD_MILLISECONDS 50
/* So many have a turn at a time, of the first and of those who had none last time: the first may all want
 * nodes that are full still. */
#define TURNS_OF_FIRST 32
#define TURNS_OF_OTHERS 32

/* ---- what others see -------------------------------------------------------------------------------- */

static struct stats_pool *row_of(const struct pool *p, unsigned worker)
{
	return stats_pool_row(p->share, worker, p->number);
}

/* Of this worker: how many wait, and since when the first of them does. */
static void publish(struct pool *p, int64_t more)
{
	struct stats_pool *row = row_of(p, p->worker);
	const struct pool_waiter *first = TAILQ_FIRST(&p->queue.waiting);
	uint64_t since = first == NULL ? 0 : first->since;
	stats_add(&row->waiting, (uint64_t)more);
	if (row->waiting_since != since)
		__atomic_store_n(&row->waiting_since, since, __ATOMIC_RELAXED);
}

uint64_t pool_queue_length(const struct pool *p)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < p->share->workers; i++)
		sum += __atomic_load_n(&row_of(p, i)->waiting, __ATOMIC_RELAXED);
	return sum;
}

/* Since when the first has waited in another worker; now when nobody does. */
static uint64_t others_since(const struct pool *p)
{
	uint64_t oldest = clock_milliseconds();
	for (unsigned i = 0; i < p->share->workers; i++) {
		uint64_t since = __atomic_load_n(&row_of(p, i)->waiting_since, __ATOMIC_RELAXED);
		if (i != p->worker && since != 0 && since < oldest)
			oldest = since;
	}
	return oldest;
}

static bool others_wait(const struct pool *p)
{
	return others_since(p) < clock_milliseconds();
}

/* Is the room that there is due to another worker? It is left for so long, and no longer. */
static bool must_yield(struct pool *p, uint64_t since)
{
	struct pool_queue *q = &p->queue;
	uint64_t now = clock_milliseconds();
	if (others_since(p) + SLACK_MILLISECONDS >= since) {
		q->yields_since = 0;
		return false;
	}
	if (q->yields_since == 0)
		q->yields_since = now;
	if (now - q->yields_since < YIELD_MILLISECONDS)
		return true;
	q->yields_since = 0;
	return false;
}

/* ---- taking turns ----------------------------------------------------------------------------------- */

static bool has_idle(const struct pool *p)
{
	for (size_t i = 0; i < p->conf->node_count; i++)
		if (p->nodes[i].idle_count > 0)
			return true;
	return false;
}

static void look_later(struct pool *p)
{
	bool may_give_place = p->conf->max_connections_per_node != 0 && has_idle(p);
	if (!TAILQ_EMPTY(&p->queue.waiting) || (may_give_place && others_wait(p)))
		timer_set(&p->queue.timer, LOOK_MILLISECONDS);
	else if (may_give_place)
		timer_set(&p->queue.timer, IDLE_LOOK_MILLISECONDS);
	else
		timer_stop(&p->queue.timer);
}

/* Idle connections of ours hold places that others wait for. */
static void give_places(struct pool *p)
{
	if (p->conf->max_connections_per_node == 0 || !others_wait(p))
		return;
	for (size_t i = 0; i < p->conf->node_count; i++)
		if (p->nodes[i].idle_count > 0 && !node_has_place(&p->nodes[i]))
			idle_close_oldest(&p->nodes[i]);
}

/* From that waiter on. Gives the one that would be next; NULL when there is none. */
static struct pool_waiter *give_some(struct pool *p, struct pool_waiter *w, unsigned left)
{
	struct pool_queue *q = &p->queue;
	for (; w != NULL && left > 0; left--) {
		if (pool_is_full(p))
			break;
		if (must_yield(p, w->since)) {
			give_places(p);
			break;
		}
		q->next = TAILQ_NEXT(w, link);
		w->on_turn(w); /* who knows what is left of it */
		w = q->next;
	}
	q->next = NULL;
	return w;
}

static void give_turns(struct pool *p)
{
	struct pool_queue *q = &p->queue;
	struct pool_waiter *next = give_some(p, TAILQ_FIRST(&q->waiting), TURNS_OF_FIRST);
	if (next != NULL)
		q->others = give_some(p, q->others == NULL ? next : q->others, TURNS_OF_OTHERS);
	look_later(p);
}

static void on_timer(struct timer *timer)
{
	struct pool *p = container_of(timer, struct pool, queue.timer);
	if (TAILQ_EMPTY(&p->queue.waiting))
		give_places(p);
	give_turns(p);
}

/* In the next turn of the loop: then what has become idle can be used. */
static void on_task(struct loop_task *task)
{
	struct pool *p = container_of(task, struct pool, queue.task);
	if (p->queue.woken_turn == loop_turn())
		loop_later(task);
	else
		give_turns(p);
}

void pool_queue_wake(struct pool *p)
{
	if (TAILQ_EMPTY(&p->queue.waiting) || p->queue.task.is_queued)
		return;
	p->queue.woken_turn = loop_turn();
	loop_later(&p->queue.task);
}

/* ---- coming and going ------------------------------------------------------------------------------- */

bool pool_queue_is_ahead(struct pool *p)
{
	return !TAILQ_EMPTY(&p->queue.waiting) || must_yield(p, clock_milliseconds());
}

bool pool_queue_wants_place(struct pool *p, const struct node *n)
{
	if (p->conf->max_connections_per_node == 0 || !TAILQ_EMPTY(&p->queue.waiting))
		return false;
	if (others_wait(p) && !node_has_place(n))
		return true;
	if (p->queue.timer.deadline == TIMER_NEVER)
		timer_set(&p->queue.timer, IDLE_LOOK_MILLISECONDS);
	return false;
}

bool pool_queue_enter(struct pool *p, struct pool_waiter *w)
{
	uint64_t most = p->conf->max_queue_size;
	check(w->pool == NULL);
	w->since = clock_milliseconds();
	TAILQ_INSERT_TAIL(&p->queue.waiting, w, link);
	w->pool = p;
	publish(p, 1);
	/* ours is seen before we look at those of the others: else two workers could miss each other */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (most != 0 && pool_queue_length(p) > most) {
		pool_queue_leave(w);
		return false;
	}
	look_later(p);
	return true;
}

void pool_queue_leave(struct pool_waiter *w)
{
	struct pool *p = w->pool;
	if (p == NULL)
		return;
	if (p->queue.next == w)
		p->queue.next = TAILQ_NEXT(w, link);
	if (p->queue.others == w)
		p->queue.others = TAILQ_NEXT(w, link);
	TAILQ_REMOVE(&p->queue.waiting, w, link);
	w->pool = NULL;
	publish(p, -1);
}

void pool_queue_open(struct pool *p)
{
	TAILQ_INIT(&p->queue.waiting);
	timer_init(&p->queue.timer, on_timer);
	p->queue.task.run = on_task;
}

void pool_queue_release(struct pool *p)
{
	check(TAILQ_EMPTY(&p->queue.waiting));
	timer_release(&p->queue.timer);
	loop_forget(&p->queue.task);
}
