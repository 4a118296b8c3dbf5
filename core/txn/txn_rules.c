/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_rules.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "txn/txn_http.h"

static const struct vserver_rule *current_rule(const struct txn *t)
{
	return &t->vserver->rules[t->phase].list[t->rule_index];
}

/* One line for the error, one for each level of the traceback; a rule's lines are bounded. */
static void log_failure(const struct txn *t, const char *message, const char *traceback)
{
	unsigned left_out;
	if (!log_limit_allows(current_rule(t)->errors, &left_out))
		return;
	log_error("rule '%s' failed: %s", rule_name(current_rule(t)->rule), message);
	struct slice rest = slice_of_string(traceback), line;
	while (slice_next_item(&rest, '\n', &line))
		if (line.len > 0)
			log_error("rule '%s': %.*s", rule_name(current_rule(t)->rule),
				  SLICE_PRINT(line));
	if (left_out > 0)
		log_error("rule '%s': %u more failures were not logged",
			  rule_name(current_rule(t)->rule), left_out);
}

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
	return t->phase == RULE_COMPLETION ||
	       t->vserver->conf->rules.on_error == CONF_ON_ERROR_CONTINUE;
}

/* True: go on with the next rule. */
static bool rule_has_failed(struct txn *t)
{
	struct rule_vm *vm = t->vserver->world->vm;
	stats_add(&t->vserver->stats->rule_failures, 1);
	log_failure(t, rule_failure_message(vm), rule_failure_traceback(vm));
	if (may_go_on(t))
		return true;
	txn_end(t, end_of_failure(rule_failure_kind(vm)), rule_name(current_rule(t)->rule));
	return false;
}

static bool verdict_is_in(struct txn *t)
{
	t->verdict_rule = rule_name(current_rule(t)->rule);
	t->verdict_line = rule_verdict_line(t->vserver->world->vm);
	t->rule_index = t->vserver->rules[t->phase].count;
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
	if (!t->is_rule_ready)
		return RULE_RESULT_WAITING;
	t->is_rule_ready = false;
	return rule_resume(t->run);
}

bool txn_rules_run(struct txn *t, enum rule_phase phase)
{
	if (t->phase != phase) {
		t->phase = phase;
		t->rule_index = 0;
	}
	if (t->vserver->rules[phase].count == 0)
		return true;
	while (t->rule_index < t->vserver->rules[phase].count) {
		if (current_rule(t)->once_per_connection && t->session->transactions > 1) {
			t->rule_index++;
			continue;
		}
		enum rule_result result = start_or_resume(t);
		clock_update(); /* a rule may have used up what others call a long time */
		if (result == RULE_RESULT_WAITING)
			return false;
		t->run = NULL;
		if (result == RULE_RESULT_VERDICT)
			return verdict_is_in(t);
		if (result == RULE_RESULT_FAILED && !rule_has_failed(t))
			return false;
		t->rule_index++;
	}
	return true;
}

enum txn_next txn_rules_timeout(struct txn *t)
{
	const char *name = rule_name(current_rule(t)->rule);
	stats_add(&t->vserver->stats->rule_failures, 1);
	log_failure(t, "it took longer than rules.wall_time", "");
	if (!may_go_on(t))
		return txn_end(t, TXN_END_RULE_TIMEOUT, name);
	txn_rules_cancel(t);
	t->rule_index++;
	return TXN_GO_ON;
}

void txn_rules_cancel(struct txn *t)
{
	struct txn_wait *w = t->wait;
	t->wait = NULL;
	t->is_rule_ready = false;
	if (w != NULL)
		w->cancel(w);
	if (t->run != NULL)
		rule_cancel(t->run);
	t->run = NULL;
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
	struct txn *t = container_of(timer, struct txn, sleep_timer);
	t->wait = NULL;
	t->is_rule_ready = true;
	txn_run(t);
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
}
