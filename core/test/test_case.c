/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test_case.h"

#include "api/api.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "net/loop.h"
#include "proc/start.h"
#include "test/test_cover.h"
#include "txn/txn_http.h"
#include "txn/txn_rules.h"

#include <stdlib.h>
#include <unistd.h>

/* Waits of rules are answered at once, so nothing takes long but what hangs. */
#define CASE_MILLISECONDS 5000

/* The one that is open: connections and log lines have no other way to their case. */
static struct test_case *current;

/* ---- what the engine would ask the outside ------------------------------------------------------- */

static enum dial_result open_connection(const struct dial *d, int *fd, int *error)
{
	check(current != NULL);
	return test_peers_dial(&current->peers, d, fd, error);
}

static struct test_line *add_line(struct test_case *c, struct test_line ***last, struct slice text)
{
	struct test_line *line = arena_new(&c->arena, sizeof *line);
	line->text = arena_copy(&c->arena, text);
	**last = line;
	*last = &line->next;
	return line;
}

static void note_line(enum log_level level, const char *message)
{
	if (current != NULL)
		add_line(current, &current->last_line, slice_of_string(message))->level = level;
}

/* ---- functions that the test answers ------------------------------------------------------------- */

/*
 * The rows that rules are given: those of the engine, each behind `intercept`. Nothing of that is in
 * the way of a worker.
 */
static struct {
	const struct rule_function *real;
	struct rule_function *rows;
	size_t count;
} functions;

/* What waits for others than the transaction's own client and node must be answered by the test. */
static bool asks_outside(const struct rule_function *f)
{
	static const char *const inside[] = { "http.", "request.", "response.", "pool." };
	struct slice name = slice_of_string(f->name);
	if ((f->phases & RULE_WAITS) == 0)
		return false;
	if (slice_has_prefix(name, SLICE("http.request.")))
		return true;
	for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
		if (slice_has_prefix(name, slice_of_string(inside[i])))
			return false;
	return true;
}

static enum rule_answer give_answer(struct rule_call *call)
{
	struct txn *t = rule_call_subject(call);
	struct test_case *c = container_of(t->vserver->world, struct test_case, world);
	txn_rules_waited(t);
	test_values_push(&c->values, call);
	return RULE_RETURN;
}

/* The run is given up: whatever the test would have answered, nobody waits for it. */
static void forget(struct txn_wait *wait)
{
	wait->txn = NULL;
}

static enum rule_answer ask_test(struct test_case *c, struct rule_call *call)
{
	c->asked = rule_call_function(call)->name;
	rule_call_place(call, c->place, sizeof c->place);
	test_values_release(&c->values);
	test_values_init(&c->values);
	for (unsigned i = 1; i <= rule_argument_count(call); i++)
		test_values_add_argument(&c->values, call, i);
	c->event = TEST_EVENT_CALL;
	txn_rules_wait(rule_call_subject(call), &c->wait, forget);
	rule_wait(call, give_answer);
	loop_stop();
	return RULE_WAIT;
}

static enum rule_answer intercept(struct rule_call *call)
{
	const struct rule_function *row = rule_call_function(call);
	const struct rule_function *real = &functions.real[row - functions.rows];
	struct txn *t = rule_call_subject(call);
	struct test_case *c = container_of(t->vserver->world, struct test_case, world);
	if (table_get(&c->answered, slice_of_string(real->name)) != NULL)
		return ask_test(c, call);
	if (!asks_outside(real))
		return real->run(call);
	char text[4300];
	rule_call_place(call, c->place, sizeof c->place);
	snprintf(text, sizeof text, "%s: %s", c->place, real->name);
	add_line(c, &c->last_unanswered, slice_of_string(text));
	rule_error(call, "the test does not answer it");
}

static void prepare_functions(void)
{
	if (functions.rows != NULL)
		return;
	functions.real = api_functions(&functions.count);
	functions.rows = memory_new(functions.count, sizeof *functions.rows);
	for (size_t i = 0; i < functions.count; i++) {
		functions.rows[i] = functions.real[i];
		functions.rows[i].run = intercept;
	}
}

bool test_case_answers(struct test_case *c, struct slice function)
{
	for (size_t i = 0; i < functions.count; i++)
		if (slice_is_equal(function, slice_of_string(functions.real[i].name))) {
			table_set(&c->answered, function, &functions.rows[i]);
			return true;
		}
	return false;
}

/* ---- opening ------------------------------------------------------------------------------------- */

/* The last step of a transaction tells of it first. */
static enum txn_next finish(struct txn *t)
{
	struct test_case *c = container_of(t->vserver->world, struct test_case, world);
	c->note = (struct test_note){
		.pool = t->pool != NULL ? t->pool->conf->name : NULL,
		.node = t->node_address,
		.source = t->source,
		.end = t->end,
		.verdict_rule = t->verdict_rule,
		.verdict_line = t->verdict_line,
		.tries = t->tries,
		.method = t->wants_head_only ? HTTP_METHOD_HEAD : HTTP_METHOD_GET,
	};
	c->event = TEST_EVENT_DONE;
	loop_stop();
	return txn_http.steps[TXN_HTTP_FINISH].run(t);
}

static void on_limit(struct timer *timer)
{
	container_of(timer, struct test_case, limit)->event = TEST_EVENT_STUCK;
	loop_stop();
}

static struct vserver *find_vserver(struct test_case *c, struct slice name)
{
	for (size_t i = 0; i < c->conf->vserver_count; i++)
		if (c->conf->vservers[i].enabled &&
		    (slice_is_absent(name) ||
		     slice_is_equal(name, slice_of_string(c->conf->vservers[i].name))))
			return &c->world.vservers[i];
	return NULL;
}

static bool open_world(struct test_case *c, struct slice vserver, struct complaints *complaints)
{
	c->has_share = start_open_share(c->conf, &c->share, complaints);
	if (!c->has_share)
		return false;
	c->has_world = true;
	if (!world_open(&c->world, c->conf, &c->share, 0, functions.rows, functions.count, NULL,
			complaints))
		return false;
	c->vserver = find_vserver(c, vserver);
	if (c->vserver == NULL) {
		complaints_add(complaints, "", 0, 0, "there is no virtual server '%.*s'",
			       SLICE_PRINT(vserver));
		return false;
	}
	if (c->vserver->protocol != &txn_http) {
		complaints_add(
			complaints, "", 0, 0,
			"virtual server '%s' does not carry HTTP: weir test has no other requests",
			c->vserver->conf->name);
		return false;
	}
	_Static_assert(TXN_HTTP_FINISH < sizeof c->steps / sizeof *c->steps, "room for all steps");
	memcpy(c->steps, txn_http.steps, (TXN_HTTP_FINISH + 1) * sizeof *c->steps);
	c->steps[TXN_HTTP_FINISH].run = finish;
	c->protocol = txn_http;
	c->protocol.steps = c->steps;
	c->vserver->protocol = &c->protocol;
	test_cover_watch(c->world.vm);
	return true;
}

bool test_case_open(struct test_case *c, const char *path, struct slice text, struct slice vserver,
		    struct complaints *complaints)
{
	check(current == NULL);
	*c = (struct test_case){ 0 };
	current = c;
	prepare_functions();
	arena_init(&c->arena);
	test_peers_init(&c->peers, &c->arena);
	test_values_init(&c->values);
	table_init(&c->answered);
	timer_init(&c->limit, on_limit);
	c->last_line = &c->lines;
	c->last_unanswered = &c->unanswered;
	log_open(LOG_DEBUG, LOG_TEXT);
	log_set_sink(note_line);
	dial_offline(open_connection);
	c->conf = slice_is_absent(text) ? conf_read(path, complaints)
					: conf_read_text(path, text, complaints);
	return c->conf != NULL && open_world(c, vserver, complaints);
}

void test_case_close(struct test_case *c)
{
	check(current == c);
	timer_release(&c->limit);
	if (c->has_world)
		world_close(&c->world);
	if (c->has_share)
		segment_close(&c->share);
	test_peers_release(&c->peers);
	conf_free(c->conf);
	table_release(&c->answered, NULL);
	test_values_release(&c->values);
	arena_release(&c->arena);
	clock_stop_wall(0);
	log_set_sink(NULL);
	current = NULL;
}

bool test_case_set_node(struct test_case *c, struct slice address, struct slice state)
{
	bool fails = slice_is_equal(state, SLICE("failed"));
	enum share_node_state as = slice_is_equal(state, SLICE("draining"))   ? SHARE_NODE_DRAINING
				   : slice_is_equal(state, SLICE("disabled")) ? SHARE_NODE_DISABLED
									      : SHARE_NODE_ACTIVE;
	if (slice_is_equal(state, SLICE("refuses"))) {
		test_peers_refuse(&c->peers, address);
		return true;
	}
	if (as == SHARE_NODE_ACTIVE && !fails)
		return false;
	for (size_t i = 0; i < c->conf->pool_count; i++)
		for (size_t k = 0; k < c->conf->pools[i].node_count; k++) {
			struct node *n = &c->world.pools[i].nodes[k];
			struct share_failing failing = node_failing(n);
			if (!slice_is_equal(address, slice_of_string(n->conf->text)))
				continue;
			share_node_set_state(n->state, as);
			for (unsigned m = 0; fails && m < failing.attempts; m++)
				share_node_failed(n->state, clock_milliseconds(), &failing);
		}
	return true;
}

/* ---- running ------------------------------------------------------------------------------------- */

/* Turns until something happens, if it has not happened yet. */
static enum test_event go_on(struct test_case *c)
{
	if (c->event == TEST_EVENT_NONE)
		loop_run(NULL);
	timer_stop(&c->limit);
	return c->event;
}

enum test_event test_case_send(struct test_case *c, struct slice bytes, const struct addr *client,
			       const struct session_origin *origin)
{
	clock_update();
	timer_set(&c->limit, CASE_MILLISECONDS);
	int fd = test_peers_connect_client(&c->peers, bytes);
	c->event = fd == -1 ? TEST_EVENT_STUCK : TEST_EVENT_NONE;
	if (fd != -1)
		session_open_from(c->vserver, fd, client, origin);
	return go_on(c);
}

enum test_event test_case_send_more(struct test_case *c, struct slice bytes)
{
	clock_update();
	timer_set(&c->limit, CASE_MILLISECONDS);
	bool is_there = test_peers_client_sends(&c->peers, bytes);
	c->event = is_there ? TEST_EVENT_NONE : TEST_EVENT_STUCK;
	return go_on(c);
}

void test_case_forget(struct test_case *c)
{
	test_peers_forget(&c->peers);
	table_release(&c->answered, NULL);
	table_init(&c->answered);
	c->note = (struct test_note){ 0 };
	c->lines = c->unanswered = NULL;
	c->last_line = &c->lines;
	c->last_unanswered = &c->unanswered;
}

void test_case_seed(struct test_case *c, uint32_t seed)
{
	static const struct rule_limits limits = { 1000, 1000, 1u << 20, RULE_HTTP };
	struct complaints complaints = { 0 };
	struct rule_run *run;
	struct slice text = arena_print(&c->arena, "math.randomseed(%u)", seed);
	struct rule *rule = rule_load_text(c->world.vm, "seed", "seed", text, 0, &complaints);
	complaints_release(&complaints);
	check(rule != NULL && rule_start(c->world.vm, rule, RULE_REQUEST, &limits, NULL, &run) ==
				      RULE_RESULT_FINISHED);
}

static void on_turn(struct timer *timer)
{
	(void)timer;
	loop_stop();
}

void test_case_pass(struct test_case *c, uint64_t milliseconds)
{
	struct timer turn;
	clock_skip(milliseconds);
	clock_update();
	c->event = TEST_EVENT_NONE;
	/* one that fires behind all whose time has come */
	timer_init(&turn, on_turn);
	timer_set(&turn, 1);
	loop_run(NULL);
	timer_release(&turn);
}

enum test_event test_case_answer(struct test_case *c)
{
	check(c->event == TEST_EVENT_CALL);
	clock_update();
	c->event = TEST_EVENT_NONE;
	timer_set(&c->limit, CASE_MILLISECONDS);
	if (c->wait.txn != NULL)
		txn_rules_ready(&c->wait);
	return go_on(c);
}
