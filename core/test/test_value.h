/*
 * test_value: Lua values on their way from one state to another: what a rule gives to a function
 * that the test answers, and what the test answers. Recorded here and told again there, so that the
 * two states never call each other.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_VALUE_H
#define WEIR_TEST_VALUE_H

#include "base/arena.h"
#include "rule/rule.h"

struct test_value_step;

/* A list of values; zero-initialise, release. */
struct test_values {
	struct arena arena;
	struct test_value_step *steps;
	size_t count, capacity;
};

void test_values_init(struct test_values *v);
void test_values_release(struct test_values *v);

/*
 * Adds argument `n` of the call, whatever it is; nil too. A function for rules (json.null) becomes its
 * name. Raises an error for values that cannot leave their state.
 */
void test_values_add_argument(struct test_values *v, struct rule_call *call, unsigned n);

/* Pushes all of them as results of the call, in order. */
void test_values_push(const struct test_values *v, struct rule_call *call);

#endif
