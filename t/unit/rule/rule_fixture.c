/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct rule_vm *vm;
struct subject subject;
struct rule_limits limits;
struct complaints complaints;
static const char *rules_dir = "/nonexistent";

static enum rule_answer say(struct rule_call *call)
{
	struct subject *to = rule_call_subject(call);
	for (unsigned i = 1; i <= rule_argument_count(call); i++) {
		struct slice text = rule_argument_string(call, i);
		int len = snprintf(to->said + to->said_len, sizeof to->said - to->said_len,
				   "%s%.*s", i > 1 ? " " : "", SLICE_PRINT(text));
		to->said_len += (size_t)len;
		cr_assert(to->said_len < sizeof to->said - 2);
	}
	to->said[to->said_len++] = '\n';
	to->said[to->said_len] = '\0';
	return RULE_RETURN;
}

static enum rule_answer get(struct rule_call *call)
{
	struct slice name = rule_argument_string(call, 1);
	rule_push_string(call,
			 slice_is_equal(name, SLICE("absent")) ? SLICE_ABSENT : SLICE("value"));
	return RULE_RETURN;
}

static enum rule_answer decide(struct rule_call *call)
{
	struct subject *to = rule_call_subject(call);
	snprintf(to->decided, sizeof to->decided, "%.*s",
		 SLICE_PRINT(rule_argument_string(call, 1)));
	return RULE_VERDICT;
}

static enum rule_answer decide_if(struct rule_call *call)
{
	return rule_argument_boolean(call, 1) ? RULE_VERDICT : RULE_RETURN;
}

static enum rule_answer finish_wait(struct rule_call *call)
{
	struct subject *to = rule_call_subject(call);
	if (to->finishes > 0) {
		to->finishes--;
		rule_wait(call, finish_wait);
		return RULE_WAIT;
	}
	rule_push_string(call, SLICE("waited"));
	rule_push_integer(call, ++to->waits);
	return RULE_RETURN;
}

static enum rule_answer wait_now(struct rule_call *call)
{
	rule_wait(call, finish_wait);
	return RULE_WAIT;
}

static enum rule_answer finish_badly(struct rule_call *call)
{
	rule_error(call, "line %u is too much", rule_call_line(call));
}

static enum rule_answer wait_badly(struct rule_call *call)
{
	rule_wait(call, finish_badly);
	return RULE_WAIT;
}

static enum rule_answer finish_deciding(struct rule_call *call)
{
	(void)call;
	return RULE_VERDICT;
}

static enum rule_answer wait_deciding(struct rule_call *call)
{
	rule_wait(call, finish_deciding);
	return RULE_WAIT;
}

static enum rule_answer finish_with_many(struct rule_call *call)
{
	for (int i = 0; i < 300; i++)
		rule_push_integer(call, i);
	return RULE_RETURN;
}

static enum rule_answer wait_for_many(struct rule_call *call)
{
	rule_wait(call, finish_with_many);
	return RULE_WAIT;
}

static enum rule_answer line(struct rule_call *call)
{
	struct subject *to = rule_call_subject(call);
	to->line = rule_call_line(call);
	rule_push_string(call, slice_of_string(rule_call_rule_name(call)));
	return RULE_RETURN;
}

static enum rule_answer types(struct rule_call *call)
{
	rule_push_integer(call, rule_argument_integer(call, 1, -5, 10));
	rule_push_number(call, rule_argument_number(call, 2));
	rule_push_boolean(call, rule_argument_boolean(call, 3));
	rule_push_boolean(call, rule_argument_is_absent(call, 4));
	rule_push_boolean(call, rule_argument_is_table(call, 5));
	rule_push_boolean(call,
			  rule_argument_is_number(call, 1) && rule_argument_is_boolean(call, 3));
	rule_push_nil(call);
	return RULE_RETURN;
}

static void say_pair(struct rule_call *call, struct slice key, struct slice value, void *extra)
{
	int *count = extra;
	struct subject *to = rule_call_subject(call);
	if (slice_is_equal(key, SLICE("bad")))
		rule_argument_error(call, 1, "'%.*s' is not wanted", SLICE_PRINT(key));
	to->said_len += (size_t)sprintf(to->said + to->said_len, "%.*s=%.*s;", SLICE_PRINT(key),
					SLICE_PRINT(value));
	++*count;
}

static enum rule_answer pairs_of(struct rule_call *call)
{
	int count = 0;
	rule_argument_pairs(call, 1, say_pair, &count);
	rule_push_integer(call, count);
	return RULE_RETURN;
}

static enum rule_answer table(struct rule_call *call)
{
	rule_push_table(call);
	rule_table_set(call, SLICE("key"), SLICE("value"));
	rule_table_append(call, SLICE("first"));
	rule_table_append(call, SLICE("second"));
	rule_push_string(call, SLICE("after"));
	return RULE_RETURN;
}

static enum rule_answer keep(struct rule_call *call)
{
	struct subject *to = rule_call_subject(call);
	to->kept = rule_keep_argument(call, 1);
	return RULE_RETURN;
}

static enum rule_answer kept(struct rule_call *call)
{
	struct subject *to = rule_call_subject(call);
	rule_push_kept(call, to->kept);
	return RULE_RETURN;
}

static enum rule_answer work(struct rule_call *call)
{
	rule_spend(call, (size_t)rule_argument_integer(call, 1, 0, INT64_MAX));
	return RULE_RETURN;
}

/* Pushes "0" and so on, one with each piece; or raises an error in that piece, or in none. */
struct pieces {
	int64_t done;
	struct subject *to;
};

static void release_pieces(void *state)
{
	struct pieces *p = state;
	p->to->released++;
}

static enum rule_answer pieces(struct rule_call *call)
{
	struct pieces *p = rule_work(call);
	int64_t count = rule_argument_integer(call, 1, 0, 1000);
	if (p == NULL) {
		p = rule_work_begin(call, sizeof *p, release_pieces);
		p->to = rule_call_subject(call);
		p->to->begun++;
	}
	while (p->done < count) {
		char text[8];
		rule_spend(call, 8192);
		if (!rule_argument_is_absent(call, 2) &&
		    rule_argument_number(call, 2) == (double)p->done)
			rule_error(call, "no piece %d", (int)p->done);
		snprintf(text, sizeof text, "%d", (int)p->done++);
		rule_push_string(call, slice_of_string(text));
		if (rule_turn_is_over(call, 8192))
			return RULE_GO_ON;
	}
	return RULE_RETURN;
}

/* ---- values of any depth: what a walk says, and a copy that the walk builds ---- */

static void say_text(struct rule_call *call, const char *format, ...)
{
	struct subject *to = rule_call_subject(call);
	va_list arguments;
	va_start(arguments, format);
	to->said_len += (size_t)vsnprintf(to->said + to->said_len, sizeof to->said - to->said_len,
					  format, arguments);
	va_end(arguments);
	cr_assert(to->said_len < sizeof to->said);
}

static void say_value(struct rule_call *call, const struct rule_value *value, void *extra)
{
	(void)extra;
	if (value->type == RULE_VALUE_STRING)
		say_text(call, "'%.*s' ", SLICE_PRINT(value->string));
	else if (value->type == RULE_VALUE_NUMBER)
		say_text(call, "%.14g ", value->number);
	else
		say_text(call, "%s ", value->boolean ? "true" : "false");
}

static void say_key(struct rule_call *call, const struct rule_value *key, void *extra)
{
	say_value(call, key, extra);
	say_text(call, "= ");
}

static void say_open(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)extra;
	say_text(call, "%c ", "[{("[table]);
}

static void say_close(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)extra;
	say_text(call, "%c ", "]})"[table]);
}

static void say_function(struct rule_call *call, const char *name, void *extra)
{
	(void)extra;
	say_text(call, "%s ", name);
}

static enum rule_answer walk(struct rule_call *call)
{
	static const struct rule_visitor visitor = { say_value, say_open,     say_key,
						     say_close, say_function, 5000 };
	rule_argument_walk(call, 1, &visitor, NULL);
	return RULE_RETURN;
}

/* Nothing may be pushed in a walk: what it finds is written down, and built from after it. */
struct note {
	enum { NOTE_VALUE, NOTE_OPEN, NOTE_KEY, NOTE_CLOSE, NOTE_FUNCTION } kind;
	struct rule_value value;
	enum rule_table table;
	const char *name;
};
static struct note notes[200000];
static size_t note_count;

static struct note *note(int kind)
{
	cr_assert_lt(note_count, sizeof notes / sizeof *notes);
	notes[note_count] = (struct note){ .kind = kind };
	return &notes[note_count++];
}

static void note_value(struct rule_call *call, const struct rule_value *value, void *extra)
{
	(void)call;
	(void)extra;
	note(NOTE_VALUE)->value = *value;
}

static void note_open(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)call;
	(void)extra;
	note(NOTE_OPEN)->table = table;
}

static void note_key(struct rule_call *call, const struct rule_value *key, void *extra)
{
	(void)call;
	(void)extra;
	note(NOTE_KEY)->value = *key;
}

static void note_close(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)call;
	(void)extra;
	note(NOTE_CLOSE)->table = table;
}

static void note_function(struct rule_call *call, const char *name, void *extra)
{
	(void)call;
	(void)extra;
	note(NOTE_FUNCTION)->name = name;
}

static void build_from(struct rule_build *build, const struct note *n)
{
	switch (n->kind) {
	case NOTE_VALUE:
		rule_build_value(build, &n->value);
		return;
	case NOTE_OPEN:
		cr_assert(rule_build_open(build, n->table));
		if (n->table == RULE_TABLE_ARRAY)
			rule_build_mark_array(build);
		return;
	case NOTE_KEY:
		if (n->value.type == RULE_VALUE_STRING)
			cr_assert_not(rule_build_has(build, n->value.string));
		rule_build_key(build, &n->value);
		return;
	case NOTE_CLOSE:
		rule_build_close(build);
		return;
	case NOTE_FUNCTION:
		rule_build_function(build, n->name);
		return;
	}
}

/* The copy, and "after". */
static enum rule_answer copy(struct rule_call *call)
{
	static const struct rule_visitor visitor = { note_value, note_open,     note_key,
						     note_close, note_function, SIZE_MAX };
	struct rule_build build;
	note_count = 0;
	rule_argument_walk(call, 1, &visitor, NULL);
	rule_build_start(&build, call);
	for (size_t i = 0; i < note_count; i++)
		build_from(&build, &notes[i]);
	rule_push_string(call, SLICE("after"));
	return RULE_RETURN;
}

/* A table that is not finished is taken back: only "undone". */
static enum rule_answer undo(struct rule_call *call)
{
	struct rule_build build;
	struct rule_value key = { .type = RULE_VALUE_STRING, .string = SLICE("a") };
	rule_build_start(&build, call);
	rule_build_open(&build, RULE_TABLE_HASH);
	rule_build_key(&build, &key);
	rule_build_open(&build, RULE_TABLE_ARRAY);
	rule_build_undo(&build);
	rule_push_string(call, SLICE("undone"));
	return RULE_RETURN;
}

static enum rule_answer mark(struct rule_call *call)
{
	rule_argument_mark_array(call, 1);
	return RULE_RETURN;
}

/* As many tables in each other as it is told; what it could not open it says. */
static enum rule_answer nest(struct rule_call *call)
{
	struct rule_build build;
	int64_t depth = rule_argument_integer(call, 1, 0, 1000);
	rule_build_start(&build, call);
	while (depth > 0 && rule_build_open(&build, RULE_TABLE_ARRAY))
		depth--;
	while (build.depth > 0)
		rule_build_close(&build);
	rule_push_integer(call, depth);
	return RULE_RETURN;
}

static const struct rule_function functions[] = {
	{ "test.walk", walk, RULE_IN_ANY, "value: any", "", "", "" },
	{ "test.copy", copy, RULE_IN_ANY, "value: any", "any, string", "", "" },
	{ "test.undo", undo, RULE_IN_ANY, "", "string", "", "" },
	{ "test.mark", mark, RULE_IN_ANY, "items: table", "table", "", "" },
	{ "test.nest", nest, RULE_IN_ANY, "depth: integer", "table, integer", "", "" },
	{ "test.say", say, RULE_IN_ANY, "...: string", "", "", "" },
	{ "test.get", get, RULE_IN_ANY, "name: string", "string|nil", "", "" },
	{ "test.decide", decide, RULE_IN_ANY, "what: string", "", "", "" },
	{ "test.decideIf", decide_if, RULE_IN_ANY, "really: boolean", "", "", "" },
	{ "test.wait", wait_now, RULE_IN_ANY | RULE_WAITS, "", "string, number", "", "" },
	{ "test.wait.badly", wait_badly, RULE_IN_ANY | RULE_WAITS, "", "", "", "" },
	{ "test.wait.unmarked", wait_badly, RULE_IN_ANY, "", "", "", "" },
	{ "test.wait.deciding", wait_deciding, RULE_IN_ANY | RULE_WAITS, "", "", "", "" },
	{ "test.wait.many", wait_for_many, RULE_IN_ANY | RULE_WAITS, "", "", "", "" },
	{ "test.line", line, RULE_IN_ANY, "", "string", "", "" },
	{ "test.types", types, RULE_IN_ANY,
	  "whole: integer, any: number, yes: boolean, extra?: table", "", "", "" },
	{ "test.pairs", pairs_of, RULE_IN_ANY, "headers: table", "integer", "", "" },
	{ "test.table", table, RULE_IN_ANY, "", "table, string", "", "" },
	{ "test.keep", keep, RULE_IN_ANY, "value: any", "", "", "" },
	{ "test.kept", kept, RULE_IN_ANY, "", "any", "", "" },
	{ "test.pieces", pieces, RULE_IN_ANY | RULE_IN_PIECES, "count: integer, wrong?: integer",
	  "...: string", "", "" },
	{ "test.work", work, RULE_IN_ANY, "bytes: integer", "", "", "" },
	{ "http.getHeader", get, RULE_IN_REQUEST | RULE_IN_RESPONSE, "name: string", "string|nil",
	  "", "" },
	{ "http.getResponseCode", get, RULE_IN_RESPONSE, "", "number", "", "" },
	{ "data.local_.get", get, RULE_IN_ANY, "key: string", "any", "", "" },
	{ "string.wildmatch", get, RULE_IN_ANY, "s: string, pattern: string", "boolean", "", "" },
	{ "log.info", say, RULE_IN_ANY, "...: string", "", "", "" },
};

void fixture_set_rules_dir(const char *dir)
{
	rules_dir = dir;
}

void fixture_open(void)
{
	alarm(120); /* ends a test that does not; a time-out of Criterion's own leaks, says ASan */
	limits = (struct rule_limits){ 1000000, 10000000, 16u << 20, RULE_HTTP };
	vm = rule_vm_new(rules_dir, functions, sizeof functions / sizeof *functions);
}

void fixture_close(void)
{
	complaints_release(&complaints);
	rule_vm_free(vm);
}

struct rule *fixture_load(const char *text)
{
	struct rule *rule = rule_load_text(vm, "t", "t.lua", slice_of_string(text), RULE_IN_REQUEST,
					   &complaints);
	cr_assert(rule != NULL, "%s: line %u: %s", text, complaints.list[0].line,
		  complaints.list[0].text);
	return rule;
}

enum rule_result fixture_run(const char *text)
{
	struct rule_run *run;
	subject = (struct subject){ .finishes = subject.finishes };
	enum rule_result result = rule_start(vm, fixture_load(text), RULE_REQUEST, &limits,
					     &subject, &run);
	while (result == RULE_RESULT_WAITING)
		result = rule_resume(run);
	return result;
}

const char *fixture_say(const char *text)
{
	enum rule_result result = fixture_run(text);
	cr_assert(result == RULE_RESULT_FINISHED, "%s: result %d: %s", text, (int)result,
		  rule_failure_message(vm));
	return subject.said;
}

const char *fixture_complaint(const char *text)
{
	static char said[2048];
	said[0] = '\0';
	complaints_release(&complaints);
	complaints = (struct complaints){ 0 };
	struct rule *rule = rule_load_text(vm, "t", "t.lua", slice_of_string(text), RULE_IN_REQUEST,
					   &complaints);
	cr_assert((rule == NULL) == (complaints.errors > 0), "%s", text);
	if (complaints.count > 0)
		snprintf(said, sizeof said, "%u:%u: %s", complaints.list[0].line,
			 complaints.list[0].column, complaints.list[0].text);
	return said;
}
