/*
 * pair: a Lua text in weir's engine, and as it stands in plain LuaJIT. Both give it the same few
 * functions, `t.*`, and note what it says with them: the engine's budget, its own patterns and the
 * code that it writes into a rule must not be seen in that.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_PAIR_H
#define WEIR_FUZZ_PAIR_H

#include "rule/rule.h"

/* What a text has said; cut where it is full, in both in the same place. */
struct pair_said {
	char text[4096];
	size_t len;
};

#define PAIR_INPUTS 4

/* What t.input(1) to t.input(PAIR_INPUTS) answer. */
extern struct slice pair_inputs[PAIR_INPUTS];

/* The engine, made anew now and then: what it has loaded stays until then. */
struct rule_vm *pair_vm(void);

/* How often it was made: what was loaded under another number is gone. */
unsigned pair_generation(void);

/* Runs a rule to its end; one that still waits after `resumes` waits is given up. */
enum rule_result pair_run(struct rule *rule, enum rule_phase phase,
			  const struct rule_limits *limits, unsigned resumes,
			  struct pair_said *said);

/* Did both say the same? If not, shows it. */
bool pair_is_same(const struct pair_said *weir, const struct pair_said *plain);

/* Runs the text as it stands. False: it does not compile, or it raised an error that is none of ours. */
bool pair_run_plain(struct slice text, struct pair_said *said);

#endif
