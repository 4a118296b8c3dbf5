/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test_value.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>

#define ENTRIES_MOST 100000

enum step_kind { STEP_NIL, STEP_VALUE, STEP_OPEN, STEP_KEY, STEP_CLOSE };

struct test_value_step {
	enum step_kind kind;
	enum rule_table table;
	struct rule_value value;
};

void test_values_init(struct test_values *v)
{
	*v = (struct test_values){ 0 };
	arena_init(&v->arena);
}

void test_values_release(struct test_values *v)
{
	arena_release(&v->arena);
	free(v->steps);
	*v = (struct test_values){ 0 };
}

/* ---- recording ----------------------------------------------------------------------------------- */

static struct test_value_step *add(struct test_values *v, enum step_kind kind)
{
	if (v->count == v->capacity) {
		v->capacity = v->capacity == 0 ? 16 : 2 * v->capacity;
		v->steps = memory_resize(v->steps, v->capacity * sizeof *v->steps);
	}
	struct test_value_step *step = &v->steps[v->count++];
	*step = (struct test_value_step){ .kind = kind };
	return step;
}

static void add_value(struct test_values *v, enum step_kind kind, const struct rule_value *value)
{
	struct test_value_step *step = add(v, kind);
	step->value = *value;
	if (value->type == RULE_VALUE_STRING)
		step->value.string = arena_copy(&v->arena, value->string);
}

static void on_value(struct rule_call *call, const struct rule_value *value, void *extra)
{
	(void)call;
	add_value(extra, STEP_VALUE, value);
}

static void on_open(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)call;
	add(extra, STEP_OPEN)->table = table;
}

static void on_key(struct rule_call *call, const struct rule_value *key, void *extra)
{
	(void)call;
	add_value(extra, STEP_KEY, key);
}

static void on_close(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)call, (void)table;
	add(extra, STEP_CLOSE);
}

static void on_function(struct rule_call *call, const char *name, void *extra)
{
	struct rule_value value = { .type = RULE_VALUE_STRING, .string = slice_of_string(name) };
	on_value(call, &value, extra);
}

void test_values_add_argument(struct test_values *v, struct rule_call *call, unsigned n)
{
	static const struct rule_visitor visitor = { on_value, on_open,     on_key,
						     on_close, on_function, ENTRIES_MOST };
	if (rule_argument_is_absent(call, n))
		add(v, STEP_NIL);
	else
		rule_argument_walk(call, n, &visitor, v);
}

/* ---- telling it again ---------------------------------------------------------------------------- */

void test_values_push(const struct test_values *v, struct rule_call *call)
{
	struct rule_build build;
	unsigned depth = 0;
	for (size_t i = 0; i < v->count; i++) {
		const struct test_value_step *step = &v->steps[i];
		if (depth == 0)
			rule_build_start(&build, call);
		switch (step->kind) {
		case STEP_NIL:
			rule_push_nil(call);
			break;
		case STEP_VALUE:
			rule_build_value(&build, &step->value);
			break;
		case STEP_OPEN:
			check(rule_build_open(&build, step->table)); /* as deep as it came */
			depth++;
			break;
		case STEP_KEY:
			rule_build_key(&build, &step->value);
			break;
		case STEP_CLOSE:
			rule_build_close(&build);
			depth--;
			break;
		}
	}
}
