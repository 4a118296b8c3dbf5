/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(rule_work, .init = fixture_open, .fini = fixture_close);

/* Starts with turns that are over at once, or without turns; *turns: how often it was put off. */
static enum rule_result start(const char *text, bool in_turns, struct rule_run **run)
{
	subject = (struct subject){ 0 };
	rule_vm_set_turn(vm, in_turns ? 1 : 0);
	return rule_start(vm, fixture_load(text), RULE_REQUEST, &limits, &subject, run);
}

static enum rule_result run_to_the_end(const char *text, bool in_turns, unsigned *turns)
{
	struct rule_run *run;
	enum rule_result result = start(text, in_turns, &run);
	for (*turns = 0; result == RULE_RESULT_WAITING; ++*turns) {
		cr_assert(rule_is_put_off(run));
		result = rule_resume(run);
	}
	return result;
}

static const struct {
	const char *text, *said;
} rows[] = {
	{ "test.say(test.pieces(0))", "\n" },
	{ "test.say(test.pieces(3))", "0 1 2\n" },
	{ "test.say(test.pieces('12'))", "0 1 2 3 4 5 6 7 8 9 10 11\n" },
	{ "test.pieces(5) test.say(test.pieces(2))", "0 1\n" },
	{ "test.say(tostring(pcall(test.pieces, 4)), select(2, pcall(test.pieces, 2)))",
	  "true 0 1\n" },
	{ "local w = coroutine.wrap(function(n) test.say(test.pieces(n)) coroutine.yield(1) end)"
	  " w(9) test.say(test.pieces(1)) w()",
	  "0 1 2 3 4 5 6 7 8\n0\n" },
	{ "local s = ('ab'):gsub('.', function(c) return table.concat({test.pieces(3)}) end) test.say(s)",
	  "012012\n" },
	{ "local t = setmetatable({}, {__index = function(_, n) return (select(n, test.pieces(n))) end})"
	  " test.say(t[7])",
	  "6\n" },
	{ "local t = {2, 1} table.sort(t, function(a, b) return #{test.pieces(a)} < #{test.pieces(b)} end)"
	  " test.say(tostring(t[1]))",
	  "1\n" },
	{ "local ok, why = pcall(test.pieces, 9, 6) test.say(why)",
	  "t.lua:1: test.pieces: no piece 6\n" },
	{ "\nlocal ok, why = pcall(function() local n = test.pieces(9, 6) end) test.say(why)",
	  "t.lua:2: test.pieces: no piece 6\n" },
	{ "for i = 1, 20 do pcall(test.pieces, 9, i % 9) end test.say(test.pieces(2))", "0 1\n" },
	{ "return test.pieces(3)", "" },
};

/* Wherever it is called: the same, and nothing is left. */
Test(rule_work, pieces_make_no_difference)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int in_turns = 0; in_turns < 2; in_turns++) {
			unsigned turns;
			cr_expect_eq(run_to_the_end(rows[i].text, in_turns, &turns),
				     RULE_RESULT_FINISHED, "%s: %s", rows[i].text,
				     rule_failure_message(vm));
			cr_expect_str_eq(subject.said, rows[i].said, "%s: '%s'", rows[i].text,
					 subject.said);
			cr_expect_gt(subject.begun, 0);
			cr_expect_eq(subject.released, subject.begun, "%s: %u of %u", rows[i].text,
				     subject.released, subject.begun);
			cr_expect(in_turns || turns == 0);
		}
}

/* Others have turns in the middle of one call: more than its first line and its last could give. */
Test(rule_work, others_have_turns_in_one_call)
{
	struct rule_run *run;
	unsigned parts = 0;
	enum rule_result result = start("local n = test.pieces(500) test.say('done')", true, &run);
	for (; result == RULE_RESULT_WAITING; result = rule_resume(run))
		parts += subject.begun == 1 && subject.released == 0;
	cr_expect_eq(result, RULE_RESULT_FINISHED);
	cr_expect_gt(parts, 400);
	cr_expect_str_eq(subject.said, "done\n");
}

/* The least budget that is enough for it. */
static uint64_t find_need(const char *text, bool in_turns)
{
	uint64_t low = 0, high = 100000;
	while (high - low > 1) {
		unsigned turns;
		limits.budget = (low + high) / 2;
		if (run_to_the_end(text, in_turns, &turns) == RULE_RESULT_FAILED)
			low = limits.budget;
		else
			high = limits.budget;
	}
	return high;
}

/*
 * Each piece is paid for, in turns or not. (What is owed for work is settled with a slice of steps,
 * and the way back into a coroutine takes steps of its own.)
 */
Test(rule_work, pieces_change_no_budget)
{
	static const struct {
		const char *text;
		uint64_t least, more;
	} needs[] = {
		{ "for i = 1, 3 do test.pieces(40) end", 3 * 40 * 32, 8 },
		{ "pcall(test.pieces, 90, 80) for i = 1, 20 do end", 81 * 32, 40 },
		{ "coroutine.wrap(function() test.pieces(70) end)()", 70 * 32, 80 },
	};
	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
		uint64_t alone = find_need(needs[i].text, false);
		uint64_t in_turns = find_need(needs[i].text, true);
		cr_expect(alone >= needs[i].least && in_turns >= needs[i].least, "%s: %llu",
			  needs[i].text, (unsigned long long)alone);
		cr_expect(in_turns + needs[i].more >= alone && in_turns <= alone + needs[i].more,
			  "%s: %llu, %llu in turns", needs[i].text, (unsigned long long)alone,
			  (unsigned long long)in_turns);
	}
}

Test(rule_work, work_that_is_given_up_is_released)
{
	struct rule_run *run;
	cr_assert_eq(start("test.pieces(500)", true, &run), RULE_RESULT_WAITING);
	while (subject.begun == 0)
		cr_assert_eq(rule_resume(run), RULE_RESULT_WAITING);
	cr_expect_eq(subject.released, 0);
	rule_cancel(run);
	cr_expect_eq(subject.released, 1);
}

/* Each goes on where it was. */
Test(rule_work, two_runs_work_at_a_time)
{
	static struct subject other;
	struct rule_run *first, *second;
	enum rule_result first_result = start("test.say(select(300, test.pieces(300)))", true,
					      &first);
	other = (struct subject){ 0 };
	enum rule_result second_result = rule_start(
		vm, fixture_load("test.say(select(200, test.pieces(200)))"), RULE_REQUEST, &limits,
		&other, &second);
	while (first_result == RULE_RESULT_WAITING || second_result == RULE_RESULT_WAITING) {
		if (first_result == RULE_RESULT_WAITING)
			first_result = rule_resume(first);
		if (second_result == RULE_RESULT_WAITING)
			second_result = rule_resume(second);
	}
	cr_expect_str_eq(subject.said, "299\n");
	cr_expect_str_eq(other.said, "199\n");
}
