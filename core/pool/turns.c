/* SPDX-License-Identifier: Apache-2.0 */
#include "pool/turns.h"

#include "base/memory.h"

#include <stdlib.h>

/* Of weight 1. No two nodes of a group are due further apart than this. */
#define STRIDE ((uint64_t)1 << 40)
/* So many nodes that may not be taken are met before all of the group are looked at. */
#define TRIES_MOST 32

/* What a caller wants. */
struct wish {
	bool is_random;
	bool (*may_take)(const struct node *n, const void *extra);
	const void *extra;
};

static bool may_take(const struct wish *w, const struct turn *t)
{
	return w->may_take(t->node, w->extra);
}

static uint64_t stride_of(const struct turn *t)
{
	return STRIDE / t->node->conf->weight;
}

/* Of two that are due at once, the first of the file: all are in one array. */
static bool is_before(const struct turn *a, const struct turn *b)
{
	int64_t later = (int64_t)(a->due - b->due);
	return later < 0 || (later == 0 && a->node < b->node);
}

/* ---- the heap ----------------------------------------------------------------------------------- */

static void sift_down(struct turn_group *g, size_t at)
{
	struct turn moved = g->heap[at];
	for (;;) {
		size_t below = 2 * at + 1;
		if (below >= g->count)
			break;
		if (below + 1 < g->count && is_before(&g->heap[below + 1], &g->heap[below]))
			below++;
		if (!is_before(&g->heap[below], &moved))
			break;
		g->heap[at] = g->heap[below];
		at = below;
	}
	g->heap[at] = moved;
}

static void make_heap(struct turn_group *g)
{
	for (size_t at = g->count / 2; at > 0; at--)
		sift_down(g, at - 1);
}

/* The node whose turn it is; the turn is over. */
static struct turn pass_on(struct turn_group *g)
{
	struct turn first = g->heap[0];
	g->heap[0].due += stride_of(&first);
	sift_down(g, 0);
	return first;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static int compare_priorities(const void *one, const void *other)
{
	const struct turn *a = one, *b = other;
	unsigned left = a->node->conf->priority, right = b->node->conf->priority;
	return (left < right) - (left > right);
}

void turns_open(struct turns *t, struct node *nodes, size_t count)
{
	t->list = memory_new(count, sizeof *t->list);
	t->groups = memory_new(count, sizeof *t->groups);
	t->group_count = 0;
	for (size_t i = 0; i < count; i++) {
		t->list[i].node = &nodes[i];
		t->list[i].due = stride_of(&t->list[i]) / 2;
	}
	qsort(t->list, count, sizeof *t->list, compare_priorities);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || compare_priorities(&t->list[i - 1], &t->list[i]) != 0)
			t->groups[t->group_count++].heap = &t->list[i];
		t->groups[t->group_count - 1].count++;
	}
	for (size_t i = 0; i < t->group_count; i++)
		make_heap(&t->groups[i]);
}

void turns_release(struct turns *t)
{
	free(t->list);
	free(t->groups);
}

/* ---- taking ------------------------------------------------------------------------------------- */

/* Looks at all of them. Whoever was due earlier than the one that is taken loses those turns. */
static struct node *search_due(struct turn_group *g, const struct wish *w)
{
	struct turn *best = NULL;
	for (size_t i = 0; i < g->count; i++)
		if ((best == NULL || is_before(&g->heap[i], best)) && may_take(w, &g->heap[i]))
			best = &g->heap[i];
	if (best == NULL)
		return NULL;
	const struct turn taken = *best;
	for (size_t i = 0; i < g->count; i++)
		if (!is_before(&taken, &g->heap[i]))
			g->heap[i].due = taken.due + stride_of(&g->heap[i]);
	make_heap(g);
	return taken.node;
}

/* The same for chance: each that may be taken is as likely as the others. */
static struct node *search_random(struct turn_group *g, const struct wish *w)
{
	struct node *chosen = NULL;
	long count = 0;
	for (size_t i = 0; i < g->count; i++)
		if (may_take(w, &g->heap[i]) && random() % ++count == 0)
			chosen = g->heap[i].node;
	return chosen;
}

static struct node *take_of_group(struct turn_group *g, const struct wish *w)
{
	size_t tries = g->count < TRIES_MOST ? g->count : TRIES_MOST;
	for (size_t i = 0; i < tries; i++) {
		struct turn next = w->is_random ? g->heap[(size_t)random() % g->count] : pass_on(g);
		if (may_take(w, &next))
			return next.node;
	}
	return w->is_random ? search_random(g, w) : search_due(g, w);
}

struct node *turns_take(struct turns *t, bool is_random,
			bool (*may)(const struct node *n, const void *extra), const void *extra)
{
	const struct wish wish = { .is_random = is_random, .may_take = may, .extra = extra };
	struct node *taken = NULL;
	for (size_t i = 0; i < t->group_count && taken == NULL; i++)
		taken = take_of_group(&t->groups[i], &wish);
	return taken;
}
