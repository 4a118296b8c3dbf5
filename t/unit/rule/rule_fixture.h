/*
 * rule_fixture: a state with a few functions for rules, and one call that runs a text to its end.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_T_RULE_FIXTURE_H
#define WEIR_T_RULE_FIXTURE_H

#include "rule/rule.h"

/* What the functions for rules leave behind for the test; the subject of each run. */
struct subject {
	char said[65536]; /* what test.say got, a line each */
	size_t said_len;
	char decided[256]; /* what test.decide got */
	unsigned line;     /* what rule_call_line said in test.line */
	int kept;          /* the handle of test.keep */
	unsigned waits;
	unsigned begun, released; /* works of test.pieces */
	unsigned finishes;        /* answers of test.wait to come before it ends */
};

extern struct rule_vm *vm;
extern struct subject subject;
extern struct rule_limits limits;
extern struct complaints complaints;

void fixture_open(void);
void fixture_close(void);
void fixture_set_rules_dir(const char *dir);

/* Loads "t.lua" for request rules; fails the test when it does not load. */
struct rule *fixture_load(const char *text);
/* Loads and starts; resumes while it waits. */
enum rule_result fixture_run(const char *text);
/* The same, and fails the test unless it finishes; returns what it said. */
const char *fixture_say(const char *text);
/* What the first complaint about `text` says, as "line:column: text"; "" if there is none. */
const char *fixture_complaint(const char *text);

#endif
