/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_rules.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "share/life.h"
#include "txn/txn_out.h"
#include "txn/txn_trace.h"

static const struct vserver_rule *current_rule(const struct txn *t)
{
	return &t->rules[t->phase].list[t->rule_index];
}

static void log_more(const char *name, const char *what, const char *text)
{
	if (*text != '\0')
		log_error("rule '%s': %s: %s", name, what, text);
}

/*
 * One line for the error, one for the source line, one for each level of the traceback, one for the
 * locals; a rule's lines are bounded. `vm` NULL: the rule did nothing wrong where it stood.
 */
static void log_failure(const struct txn *t, const char *message, const struct rule_vm *vm)
{
	unsigned left_out;
	const char *name = rule_name(current_rule(t)->rule);
	if (!log_limit_allows(current_rule(t)->errors, &left_out))
		return;
	log_error("rule '%s' failed: %s", name, message);
	if (vm != NULL) {
		log_more(name, "source", rule_failure_source_line(vm));
		struct slice rest = slice_of_string(rule_failure_traceback(vm)), line;
		while (slice_next_item(&rest, '\n', &line))
			if (line.len > 0)
				log_error("rule '%s': %.*s", name, SLICE_PRINT(line));
		log_more(name, "locals", rule_failure_locals(vm));
	}
	if (left_out > 0)
		log_error("rule '%s': %u more failures were not logged", name, left_out);
}

/* ---- counting ------------------------------------------------------------------------------------- */

/* The run under way is over. */
static void count_run(struct txn *t, enum stats_rule_end end)
{
	stats_rule_ended(current_rule(t)->stats, end, t->rule_nanoseconds);
	t->rule_nanoseconds = 0;
}

static void count_wait(struct txn *t)
{
	t->parked_at = clock_nanoseconds();
	stats_add(&current_rule(t)->stats->waits, 1);
}

static void end_wait(struct txn *t)
{
	uint64_t waited = clock_nanoseconds() - t->parked_at;
	stats_add(&current_rule(t)->stats->waited_nanoseconds, waited);
	TXN_TRACE(t, TRACE_WAIT, "'%s' goes on after %llu us", rule_name(current_rule(t)->rule),
		  (unsigned long long)waited / 1000);
}

static enum stats_rule_end end_of_run(const struct rule_vm *vm, enum rule_result result)
{
	static const enum stats_rule_end failures[] = {
		[RULE_FAILURE_ERROR] = STATS_RULE_ERROR,
		[RULE_FAILURE_BUDGET] = STATS_RULE_BUDGET,
		[RULE_FAILURE_MEMORY] = STATS_RULE_MEMORY,
	};
	if (result == RULE_RESULT_FAILED)
		return failures[rule_failure_kind(vm)];
	return result == RULE_RESULT_VERDICT ? STATS_RULE_VERDICT : STATS_RULE_FINISHED;
}

/* ---- what became of a run ------------------------------------------------------------------------- */

static enum txn_end end_of_failure(enum rule_failure failure)
{
	switch (failure) {
	case RULE_FAILURE_BUDGET:
		return TXN_END_RULE_BUDGET;
	case RULE_FAILURE_MEMORY:
		return TXN_END_RULE_MEMORY;
	case RULE_FAILURE_ERROR:
		break;
	}
	return TXN_END_RULE_FAILED;
}

/* After a failed rule the next one may run, as if this one had said nothing. */
static bool may_go_on(const struct txn *t)
{
	/* what it has begun to answer cannot be taken back */
	bool may_forget = t->out == NULL || t->out->is_ended;
	return t->phase == RULE_COMPLETION ||
	       (may_forget && t->vserver->conf->rules.on_error == CONF_ON_ERROR_CONTINUE);
}

/* True: go on with the next rule. */
static bool rule_has_failed(struct txn *t)
{
	struct rule_vm *vm = t->vserver->world->vm;
	stats_add(&t->vserver->stats->rule_failures, 1);
	log_failure(t, rule_failure_message(vm), vm);
	if (may_go_on(t))
		return true;
	txn_end(t, end_of_failure(rule_failure_kind(vm)), rule_name(current_rule(t)->rule));
	return false;
}

static bool verdict_is_in(struct txn *t)
{
	t->verdict_rule = rule_name(current_rule(t)->rule);
	t->verdict_line = rule_verdict_line(t->vserver->world->vm);
	t->rule_index = t->rules[t->phase].count;
	if (t->rule_end == TXN_END_NONE)
		return true;
	txn_end(t, t->rule_end, NULL);
	return false;
}

static enum rule_result start_or_resume(struct txn *t)
{
	struct vserver *v = t->vserver;
	if (t->run == NULL) {
		t->step_since = clock_milliseconds(); /* rules.wall_time is for each run */
		return rule_start(v->world->vm, current_rule(t)->rule, t->phase, &v->rule_limits, t,
				  &t->run);
	}
	t->is_rule_ready = false;
	if (!rule_is_put_off(t->run))
		end_wait(t);
	return rule_resume(t->run);
}

static void awake(struct txn *t)
{
	t->wait = NULL;
	t->is_rule_ready = true;
	txn_run(t);
}

static void on_next_turn(struct loop_task *task)
{
	awake(container_of(task, struct txn, next_turn));
}

static void stay_away(struct txn_wait *w)
{
	loop_forget(&w->txn->next_turn);
}

static void let_others(struct txn *t)
{
	txn_rules_wait(t, &t->sleep, stay_away);
	loop_later(&t->next_turn);
}

/* The current rule, up to its end or its next wait. */
static enum rule_result run_rule(struct txn *t)
{
	const struct world *w = t->vserver->world;
	uint64_t began = clock_nanoseconds();
	life_set_rule(w->share, w->worker, current_rule(t)->number + 1); /* should it hang here */
	enum rule_result result = start_or_resume(t);
	life_set_rule(w->share, w->worker, 0);
	clock_update(); /* a rule may have used up what others call a long time */
	t->rule_nanoseconds += clock_nanoseconds() - began;
	txn_trace_rule(t, result);
	if (result == RULE_RESULT_WAITING && rule_is_put_off(t->run)) {
		let_others(t);
	} else if (result == RULE_RESULT_WAITING) {
		count_wait(t);
	} else {
		t->run = NULL;
		count_run(t, end_of_run(t->vserver->world->vm, result));
	}
	return result;
}

bool txn_rules_run_phase(struct txn *t)
{
	if (t->run != NULL && !t->is_rule_ready)
		return false;
	clock_update(); /* what was done before is not the rule's time */
	while (t->rule_index < t->rules[t->phase].count) {
		if (current_rule(t)->once_per_connection &&
		    (t->session->transactions > 1 || t->is_later_turn)) {
			t->rule_index++;
			continue;
		}
		enum rule_result result = run_rule(t);
		if (result == RULE_RESULT_WAITING)
			return false;
		if (result == RULE_RESULT_VERDICT)
			return verdict_is_in(t);
		if (result == RULE_RESULT_FAILED && !rule_has_failed(t))
			return false;
		t->rule_index++;
	}
	return true;
}

/* The parked run, if there is one, goes, and what it waits for. */
static void give_up(struct txn *t, enum stats_rule_end end)
{
	struct txn_wait *w = t->wait;
	t->wait = NULL;
	t->is_rule_ready = false;
	if (w != NULL)
		w->cancel(w);
	if (t->run == NULL)
		return;
	count_run(t, end);
	rule_cancel(t->run);
	t->run = NULL;
}

enum txn_next txn_rules_timeout(struct txn *t)
{
	const char *name = rule_name(current_rule(t)->rule);
	stats_add(&t->vserver->stats->rule_failures, 1);
	log_failure(t, "it took longer than rules.wall_time", NULL);
	TXN_TRACE(t, TRACE_RULE, "'%s' took longer than rules.wall_time", name);
	give_up(t, STATS_RULE_WALL_TIME);
	if (!may_go_on(t))
		return txn_end(t, TXN_END_RULE_TIMEOUT, name);
	t->rule_index++;
	return TXN_GO_ON;
}

void txn_rules_cancel(struct txn *t)
{
	if (t->wait != NULL || t->run != NULL)
		give_up(t, STATS_RULE_GIVEN_UP);
}

/* ---- waiting -------------------------------------------------------------------------------------- */

void txn_rules_wait(struct txn *t, struct txn_wait *w, void (*cancel)(struct txn_wait *w))
{
	check(t->wait == NULL);
	w->txn = t;
	w->cancel = cancel;
	t->wait = w;
}

void txn_rules_ready(struct txn_wait *w)
{
	check(w->txn->wait == w);
	w->txn->is_rule_ready = true;
	txn_run(w->txn);
}

struct txn_wait *txn_rules_waited(struct txn *t)
{
	struct txn_wait *w = t->wait;
	check(w != NULL);
	t->wait = NULL;
	return w;
}

static void on_sleep_timer(struct timer *timer)
{
	awake(container_of(timer, struct txn, sleep_timer));
}

static void stop_sleeping(struct txn_wait *w)
{
	timer_stop(&w->txn->sleep_timer);
}

void txn_rules_sleep(struct txn *t, uint64_t milliseconds)
{
	txn_rules_wait(t, &t->sleep, stop_sleeping);
	/* 0 still lets others have a turn */
	timer_set(&t->sleep_timer, milliseconds == 0 ? 1 : milliseconds);
}

void txn_rules_init(struct txn *t)
{
	timer_init(&t->sleep_timer, on_sleep_timer);
	t->next_turn.run = on_next_turn;
}
