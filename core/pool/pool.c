/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/memory.h"
#include "pool/balance.h"
#include "pool/idle.h"

#include <stdlib.h>

static void node_init(struct node *n, struct pool *p)
{
	n->pool = p;
	TAILQ_INIT(&n->idle);
}

static int compare_addresses(const void *one, const void *other)
{
	const struct node *const *a = one, *const *b = other;
	return memcmp(&(*a)->conf->address, &(*b)->conf->address, sizeof(struct addr));
}

static void sort_by_address(struct pool *p)
{
	p->by_address = memory_new(p->conf->node_count, sizeof(struct node *));
	for (size_t i = 0; i < p->conf->node_count; i++)
		p->by_address[i] = &p->nodes[i];
	qsort(p->by_address, p->conf->node_count, sizeof *p->by_address, compare_addresses);
}

struct pool *pools_open(const struct conf *conf, const struct share *share, unsigned worker)
{
	struct pool *pools = memory_new(conf->pool_count, sizeof *pools);
	/* or all workers would choose the same nodes at random */
	srandom((unsigned)clock_microseconds() + worker);
	for (size_t i = 0; i < conf->pool_count; i++) {
		struct pool *p = &pools[i];
		p->conf = &conf->pools[i];
		p->share = share;
		p->number = (unsigned)i;
		p->worker = worker;
		p->has_limits = p->conf->max_connections_per_node != 0 ||
				p->conf->max_transactions_per_node != 0;
		pool_queue_open(p);
		p->nodes = memory_new(p->conf->node_count, sizeof *p->nodes);
		node_init(&p->others, p);
		for (size_t j = 0; j < p->conf->node_count; j++) {
			unsigned row = segment_node_row(share, (unsigned)i, (unsigned)j);
			node_init(&p->nodes[j], p);
			p->nodes[j].conf = &p->conf->nodes[j];
			p->nodes[j].share = share;
			p->nodes[j].row = row;
			p->nodes[j].state = share_node(share, row);
			p->nodes[j].stats = stats_node_row(share, worker, row);
		}
		sort_by_address(p);
		turns_open(&p->turns, p->nodes, p->conf->node_count);
	}
	return pools;
}

void pools_free(struct pool *pools, const struct conf *conf)
{
	for (size_t i = 0; i < conf->pool_count; i++) {
		for (size_t j = 0; j < pools[i].conf->node_count; j++)
			idle_close_all(&pools[i].nodes[j]);
		idle_close_all(&pools[i].others);
		pool_queue_release(&pools[i]);
		turns_release(&pools[i].turns);
		free(pools[i].by_address);
		free(pools[i].nodes);
	}
	free(pools);
}

static bool was_tried(const struct pool_tried *tried, const struct node *n)
{
	for (size_t i = 0; i < tried->count; i++)
		if (tried->list[i] == n)
			return true;
	return false;
}

static bool is_avoided(const struct pool_avoided *avoided, const struct node *n)
{
	for (size_t i = 0; avoided != NULL && i < avoided->count; i++)
		if (addr_is_equal(&avoided->list[i], &n->conf->address))
			return true;
	return false;
}

/* What a choice of a node goes by. */
struct choice {
	const struct pool_tried *tried;
	const struct pool_avoided *avoided; /* NULL: none */
	bool also_failed;
	uint64_t now;
	unsigned *full_priority; /* the highest of a node that is only full; 0: there is none */
};

/* May it be taken but for its limits? A full one keeps those of lower priorities from being taken. */
static bool has_room(const struct node *n, const struct choice *c)
{
	if (n->conf->priority < *c->full_priority)
		return false;
	if (node_has_room(n))
		return true;
	*c->full_priority = n->conf->priority;
	return false;
}

static bool may_take(const struct node *n, const void *choice)
{
	const struct choice *c = choice;
	bool is_good = c->also_failed ? share_node_state(n->state) == SHARE_NODE_ACTIVE
				      : share_node_is_usable(n->state, c->now);
	return is_good && !was_tried(c->tried, n) && !is_avoided(c->avoided, n) &&
	       (!n->pool->has_limits || has_room(n, c));
}

/* Offers the candidates of the highest priority that has any. */
static __attribute__((noinline)) struct node *choose_least_loaded(struct pool *p,
								  const struct choice *c)
{
	struct balance b;
	unsigned priority = 0;
	balance_init(&b, p->conf->algorithm == CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS);
	for (int offering = 0; offering < 2; offering++)
		for (size_t i = 0; i < p->conf->node_count; i++) {
			struct node *n = &p->nodes[i];
			if (!may_take(n, c))
				continue;
			if (offering == 0)
				priority = n->conf->priority > priority ? n->conf->priority
									: priority;
			else if (n->conf->priority == priority)
				balance_offer(&b, n);
		}
	return balance_end(&b);
}

static struct node *choose_among(struct pool *p, const struct choice *c)
{
	switch (p->conf->algorithm) {
	case CONF_ALGORITHM_LEAST_CONNECTIONS:
	case CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS:
		return choose_least_loaded(p, c);
	case CONF_ALGORITHM_RANDOM:
	case CONF_ALGORITHM_ROUND_ROBIN:
	case CONF_ALGORITHM_WEIGHTED_ROUND_ROBIN:
		break;
	}
	return turns_take(&p->turns, p->conf->algorithm == CONF_ALGORITHM_RANDOM, may_take, c);
}

static struct node *choose_usable(struct pool *p, const struct choice *choice)
{
	struct node *n;
	struct share_failing failing;
	while ((n = choose_among(p, choice)) != NULL) {
		failing = node_failing(n);
		if (share_node_claim(n->state, choice->now, &failing))
			return n;
		/* another worker has just taken the one attempt: the node is not usable any more */
	}
	return NULL;
}

/* There is none that is neither avoided nor full: is there another one, in need? */
static __attribute__((noinline)) struct node *choose_in_need(struct pool *p, struct choice *choice,
							     bool *is_full)
{
	struct node *n = NULL;
	bool has_full = *choice->full_priority != 0;
	if (choice->avoided != NULL && !has_full) {
		choice->avoided = NULL;
		n = choose_usable(p, choice);
		has_full = *choice->full_priority != 0;
	}
	if (n == NULL && !has_full && p->conf->failure_pool == 0) {
		choice->also_failed = true;
		n = choose_among(p, choice);
		has_full = *choice->full_priority != 0;
	}
	*is_full = n == NULL && has_full;
	return n;
}

struct node *pool_choose(struct pool *p, const struct pool_tried *tried,
			 const struct pool_avoided *avoided, bool *is_full)
{
	unsigned full_priority = 0;
	struct choice choice = { .tried = tried,
				 .avoided = avoided,
				 .now = clock_milliseconds(),
				 .full_priority = &full_priority };
	struct node *n = choose_usable(p, &choice);
	if (n == NULL)
		return choose_in_need(p, &choice, is_full);
	*is_full = false;
	return n;
}

bool pool_is_full(const struct pool *p)
{
	unsigned priority = 0;
	bool has_any_room = false;
	uint64_t now = clock_milliseconds();
	for (size_t i = 0; p->has_limits && i < p->conf->node_count; i++) {
		const struct node *n = &p->nodes[i];
		if (n->conf->priority < priority || !share_node_is_usable(n->state, now))
			continue;
		if (n->conf->priority > priority)
			has_any_room = false;
		priority = n->conf->priority;
		has_any_room |= node_has_room(n);
	}
	return priority != 0 && !has_any_room;
}

void pool_add_tried(struct pool_tried *tried, struct arena *arena, const struct node *n)
{
	if (tried->count == tried->capacity) {
		size_t capacity = tried->capacity == 0 ? 4 : tried->capacity * 2;
		const struct node **list = arena_alloc(arena, capacity * sizeof *list);
		if (tried->count > 0)
			memcpy(list, tried->list, tried->count * sizeof *list);
		tried->list = list;
		tried->capacity = capacity;
	}
	tried->list[tried->count++] = n;
}

static int compare_with_node(const void *address, const void *node)
{
	return memcmp(address, &(*(const struct node *const *)node)->conf->address,
		      sizeof(struct addr));
}

struct node *pool_find_node(struct pool *p, const struct addr *address)
{
	struct node **found = bsearch(address, p->by_address, p->conf->node_count,
				      sizeof *p->by_address, compare_with_node);
	return found == NULL ? NULL : *found;
}

struct node *pool_find_host(struct pool *p, const struct addr *address)
{
	struct node *n = pool_find_node(p, address);
	const struct addr host = addr_without_port(address);
	size_t first = 0, behind = p->conf->node_count;
	if (n != NULL)
		return n;
	/* sorted by all bytes, so those of one IP lie together, behind where it would be without a port */
	while (first < behind) {
		size_t middle = first + (behind - first) / 2;
		if (compare_with_node(&host, &p->by_address[middle]) > 0)
			first = middle + 1;
		else
			behind = middle;
	}
	if (first == p->conf->node_count ||
	    !addr_is_same_ip(&p->by_address[first]->conf->address, address))
		return NULL;
	return p->by_address[first];
}

enum pool_hold pool_may_hold(struct node *n, const struct pool_tried *tried)
{
	uint64_t now = clock_milliseconds();
	struct share_failing failing = node_failing(n);
	if (was_tried(tried, n))
		return POOL_HOLD_TRIED;
	if (share_node_state(n->state) == SHARE_NODE_DISABLED)
		return POOL_HOLD_DISABLED;
	return share_node_claim(n->state, now, &failing) ? POOL_HOLD_GOOD : POOL_HOLD_FAILED;
}
