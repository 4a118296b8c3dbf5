/*
 * rate.*: rate classes. Who must wait stands in a queue of this worker, one for each class and context,
 * in the order of arrival; its head asks the limits that all workers share (share/rates.h) again when
 * that may help.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "share/rates.h"
#include "txn/txn_rules.h"

#include <stdlib.h>

TAILQ_HEAD(waiters, waiter);

/* Those who wait for one class and context; it is there as long as somebody does. */
struct queue {
	uint64_t name;
	const struct conf_rate_class *rate_class;
	struct world *world;
	struct timer timer;
	struct waiters waiting, passing; /* passing: they may go on */
	bool is_passing;
};

struct waiter {
	struct txn_wait wait;
	TAILQ_ENTRY(waiter) link;
	struct queue *queue; /* NULL: it is in none any more */
	bool has_passed;     /* it is among those that pass */
};

static struct table queues; /* of this process, by name */

static struct slice key_of(const uint64_t *name)
{
	return slice_of((const char *)name, sizeof *name);
}

/* ---- what is asked for ---------------------------------------------------------------------------------- */

/* A class, and the name of its instance for a context. */
struct asked {
	const struct conf_rate_class *rate_class;
	uint64_t name;
};

/* False: there is no such class, and the rule hears it. */
static bool read_arguments(struct rule_call *call, struct asked *asked)
{
	const struct conf *conf = api_world(call)->conf;
	struct slice name = rule_argument_string(call, 1), context = SLICE("");
	if (!rule_argument_is_absent(call, 2))
		context = api_text(call, 2);
	asked->rate_class = conf_find_rate_class(conf, name);
	if (asked->rate_class == NULL) {
		api_warn(call, "there is no rate class '%.*s'",
			 name.len < 100 ? (int)name.len : 100, name.at);
		api_fail(call, "there is no such rate class");
		return false;
	}
	/* contexts are long or many: they are known by their hash; see table_hash for why that will do */
	uint64_t number = (uint64_t)(asked->rate_class - conf->rate_classes) + 1;
	asked->name = table_hash(context) ^ number * 0x9e3779b97f4a7c15u;
	asked->name += asked->name == 0;
	return true;
}

static struct rates_counts *counts_of(struct world *w, const struct conf_rate_class *class)
{
	return rates_counts_of(w->share->rates, w->worker,
			       (unsigned)(class - w->conf->rate_classes));
}

/* 0, and counted, when one may pass; else milliseconds to wait. */
static uint64_t take(struct world *w, const struct conf_rate_class *class, uint64_t name)
{
	const struct rates_limits limits = { class->max_rate_per_second,
					     class->max_rate_per_minute };
	uint64_t wait = rates_take(w->share->rates, name, &limits, clock_milliseconds());
	if (wait == 0)
		stats_add(&counts_of(w, class)->passed, 1);
	return wait;
}

/* ---- the queues ------------------------------------------------------------------------------------------ */

static void free_if_empty(struct queue *q)
{
	if (q->is_passing || !TAILQ_EMPTY(&q->waiting))
		return;
	table_remove(&queues, key_of(&q->name));
	timer_release(&q->timer);
	free(q);
}

/* It waits no longer, whatever the reason. */
static void leave_queue(struct waiter *one)
{
	struct queue *q = one->queue;
	TAILQ_REMOVE(&q->waiting, one, link);
	rates_wait_over(q->world->share->rates, q->world->worker, q->name);
	stats_subtract(&counts_of(q->world, q->rate_class)->waiting, 1);
}

static void on_timer(struct timer *timer)
{
	struct queue *q = container_of(timer, struct queue, timer);
	struct waiter *one;
	uint64_t wait = 0;
	while ((one = TAILQ_FIRST(&q->waiting)) != NULL &&
	       (wait = take(q->world, q->rate_class, q->name)) == 0) {
		leave_queue(one);
		one->has_passed = true;
		TAILQ_INSERT_TAIL(&q->passing, one, link);
	}
	if (one != NULL)
		timer_set(&q->timer, wait);
	q->is_passing = true; /* whoever goes on may come back at once, or end others */
	while ((one = TAILQ_FIRST(&q->passing)) != NULL) {
		TAILQ_REMOVE(&q->passing, one, link);
		one->queue = NULL;
		txn_rules_ready(&one->wait);
	}
	q->is_passing = false;
	free_if_empty(q);
}

static void give_up(struct txn_wait *w)
{
	struct waiter *one = container_of(w, struct waiter, wait);
	struct queue *q = one->queue;
	if (q != NULL && one->has_passed) {
		TAILQ_REMOVE(&q->passing, one, link);
	} else if (q != NULL) {
		leave_queue(one);
		stats_add(&counts_of(q->world, q->rate_class)->given_up, 1);
		free_if_empty(q);
	}
	free(one);
}

static struct queue *open_queue(struct world *w, const struct asked *asked)
{
	struct queue *q = memory_new(1, sizeof *q);
	q->name = asked->name;
	q->rate_class = asked->rate_class;
	q->world = w;
	TAILQ_INIT(&q->waiting);
	TAILQ_INIT(&q->passing);
	timer_init(&q->timer, on_timer);
	table_set(&queues, key_of(&q->name), q);
	return q;
}

/* ---- the functions --------------------------------------------------------------------------------------- */

static enum rule_answer passed(struct rule_call *call)
{
	struct txn_wait *w = txn_rules_waited(api_txn(call));
	free(container_of(w, struct waiter, wait));
	rule_push_boolean(call, true);
	return RULE_RETURN;
}

/* False: too many wait already. */
static bool begin_to_wait(struct rule_call *call, const struct asked *asked, struct queue *q,
			  uint64_t milliseconds)
{
	struct world *w = api_world(call);
	struct rates_counts *counts = counts_of(w, asked->rate_class);
	if (counts->waiting >= asked->rate_class->max_queue ||
	    !rates_wait(w->share->rates, w->worker, asked->name))
		return false;
	stats_add(&counts->waiting, 1);
	if (q == NULL)
		q = open_queue(w, asked);
	if (TAILQ_EMPTY(&q->waiting))
		timer_set(&q->timer, milliseconds);
	struct waiter *one = memory_new(1, sizeof *one);
	one->queue = q;
	TAILQ_INSERT_TAIL(&q->waiting, one, link);
	txn_rules_wait(api_txn(call), &one->wait, give_up);
	return true;
}

static enum rule_answer use(struct rule_call *call)
{
	struct asked asked;
	struct world *w = api_world(call);
	if (!read_arguments(call, &asked))
		return RULE_RETURN;
	struct queue *q = table_get(&queues, key_of(&asked.name));
	uint64_t wait = 0;
	bool is_first = q == NULL || TAILQ_EMPTY(&q->waiting);
	if (is_first && (wait = take(w, asked.rate_class, asked.name)) == 0) {
		rule_push_boolean(call, true);
		return RULE_RETURN;
	}
	if (!begin_to_wait(call, &asked, q, wait)) {
		stats_add(&counts_of(w, asked.rate_class)->refused, 1);
		return api_fail(call, "the queue is full");
	}
	rule_wait(call, passed);
	return RULE_WAIT;
}

static enum rule_answer use_without_queue(struct rule_call *call)
{
	struct asked asked;
	struct world *w = api_world(call);
	if (!read_arguments(call, &asked))
		return RULE_RETURN;
	bool may_pass = take(w, asked.rate_class, asked.name) == 0;
	if (!may_pass)
		stats_add(&counts_of(w, asked.rate_class)->refused, 1);
	rule_push_boolean(call, may_pass);
	return RULE_RETURN;
}

static enum rule_answer get_backlog(struct rule_call *call)
{
	struct asked asked;
	if (read_arguments(call, &asked))
		rule_push_integer(
			call, (int64_t)rates_backlog(api_world(call)->share->rates, asked.name));
	return RULE_RETURN;
}

#define CLASS "class: string, context?: string"
#define CLASS_WORDS \
	" Each context (a user, an address, a URL) has limits and a queue of its own. Nil and the " \
	"reason, with a warning, for a class that `rate_classes` does not have."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "rate.use", use, RULE_IN_ANY | RULE_WAITS, CLASS, "boolean|nil, string|nil",
	  "Waits, in order of arrival, until the class lets one more pass, then gives true. The limits "
	  "hold for all workers together. Nil and the reason when `max_queue` of this worker wait for the "
	  "class already." CLASS_WORDS,
	  "rate.use" },
	{ "rate.use.noQueue", use_without_queue, RULE_IN_ANY, CLASS, "boolean|nil, string|nil",
	  "True within the limits, and counted; false beyond them, and not counted. Never waits."
	  CLASS_WORDS,
	  "rate.use.noQueue" },
	{ "rate.getbacklog", get_backlog, RULE_IN_ANY, CLASS, "integer|nil, string|nil",
	  "How many wait, in all workers." CLASS_WORDS, "rate.getbacklog" },
};
/* clang-format on */

API_FAMILY(api_rate, functions);
