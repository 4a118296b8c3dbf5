/*
 * test_case: one case of a rule test: a configuration, requests, and what became of each. It runs
 * in a world like a worker's, from the first byte of the request to the end of the transaction; a
 * rule that calls a function which the test answers parks as in any wait, until the answer is given.
 * This module knows no Lua: what a test file says comes through test_engine.h.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_CASE_H
#define WEIR_TEST_CASE_H

#include "base/log.h"
#include "net/timer.h"
#include "share/segment.h"
#include "test/test_peer.h"
#include "test/test_value.h"
#include "txn/txn.h"

enum test_event {
	TEST_EVENT_NONE,
	TEST_EVENT_CALL,  /* a rule calls a function that the test answers */
	TEST_EVENT_DONE,  /* the transaction is over */
	TEST_EVENT_STUCK, /* nothing has ended it in all the time there is */
};

/* A line that went to the log. In the case's arena. */
struct test_line {
	struct test_line *next;
	enum log_level level;
	struct slice text;
};

/* What is known of the transaction when it ends. Texts are the world's or the arena's. */
struct test_note {
	const char *pool; /* NULL: none was chosen */
	struct addr node, source;
	enum txn_end end;
	const char *verdict_rule; /* NULL: none decided */
	unsigned verdict_line;
	unsigned tries;
	enum http_method method; /* of the request as the client sent it */
};

/* Owned by who opened it; one at a time. */
struct test_case {
	struct arena arena;
	struct conf *conf;
	struct share share;
	bool has_share, has_world;
	struct world world;
	struct vserver *vserver;
	struct txn_protocol protocol;
	struct txn_step steps[16];
	struct test_peers peers;

	struct table answered; /* names of the functions that the test answers */
	enum test_event event;
	struct timer limit;
	struct txn_wait wait;
	const char *asked; /* TEST_EVENT_CALL: the function, and where it is called */
	char place[4200];
	struct test_values values; /* its arguments, then the answer */

	struct test_note note;
	struct test_line *lines, **last_line;
	struct test_line *unanswered, **last_unanswered; /* calls that nobody answered */
};

/*
 * Opens a case on the configuration in `text`, or in the file `path` when that is absent. `vserver` is
 * the virtual server that gets the request; absent: the first. False, and why in `complaints`.
 */
bool test_case_open(struct test_case *c, const char *path, struct slice text, struct slice vserver,
		    struct complaints *complaints);

/* Also for one that could not be opened. */
void test_case_close(struct test_case *c);

/* The state of a node in all pools: "failed", "draining", "disabled", "refuses"; false for others. */
bool test_case_set_node(struct test_case *c, struct slice address, struct slice state);

/* The test answers this function; false when there is none of that name. */
bool test_case_answers(struct test_case *c, struct slice function);

/*
 * Sends a request by a new connection of the client, and goes on until something happens; the one
 * before is over. Or by the connection that is there: stuck at once when weir has ended it.
 */
enum test_event test_case_send(struct test_case *c, struct slice bytes, const struct addr *client,
			       const struct session_origin *origin);
enum test_event test_case_send_more(struct test_case *c, struct slice bytes);
/* Forgets what was seen, and what nodes and the test were to answer: for the next request. */
void test_case_forget(struct test_case *c);
/* math.random gives the rules what follows from `seed`. */
void test_case_seed(struct test_case *c, uint32_t seed);
/* So much time passes: timers fire, and what expires expires. */
void test_case_pass(struct test_case *c, uint64_t milliseconds);

/* After TEST_EVENT_CALL: c->values is the answer. Goes on until something happens. */
enum test_event test_case_answer(struct test_case *c);

#endif
