/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>

TestSuite(rule_call, .init = fixture_open, .fini = fixture_close);

Test(rule_call, arguments_and_results)
{
	cr_assert_str_eq(
		fixture_say(
			"local function s(...) local t = {...} for i = 1, 7 do t[i] = tostring(t[i]) end return unpack(t, 1, 7) end "
			"test.say(s(test.types(3, 1.5, true))) test.say(s(test.types('7', '2', false, 0, {})))"),
		"3 1.5 true true false true nil\n7 2 false false true false nil\n");
	cr_assert_str_eq(
		fixture_say(
			"test.say(test.get(1), tostring(test.get('absent')), select('#', test.get('absent')))"),
		"value nil 1\n");
	cr_assert_str_eq(
		fixture_say("local t, after = test.table() test.say(t.key, t[1], t[2], #t, after)"),
		"value first second 2 after\n");
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "test.get()", "t.lua:1: test.get: argument 1 (name): expected a string, got nothing" },
	{ "\ntest.get(nil)", "t.lua:2: test.get: argument 1 (name): expected a string, got nil" },
	{ "test.get({})", "t.lua:1: test.get: argument 1 (name): expected a string, got table" },
	{ "test.get(true)",
	  "t.lua:1: test.get: argument 1 (name): expected a string, got boolean" },
	{ "local x = test.get(test.get)",
	  "t.lua:1: test.get: argument 1 (name): expected a string, got function" },
	{ "test.types('x')",
	  "t.lua:1: test.types: argument 1 (whole): expected a number, got string" },
	{ "test.types(1.5)",
	  "t.lua:1: test.types: argument 1 (whole): expected a whole number, got 1.5" },
	{ "test.types(0/0)",
	  "t.lua:1: test.types: argument 1 (whole): expected a whole number, got -nan" },
	{ "test.types(1/0)",
	  "t.lua:1: test.types: argument 1 (whole): expected a whole number, got inf" },
	{ "test.types(11)",
	  "t.lua:1: test.types: argument 1 (whole): expected a number from -5 to 10, got 11" },
	{ "test.types(-6)",
	  "t.lua:1: test.types: argument 1 (whole): expected a number from -5 to 10, got -6" },
	{ "test.types(1e300)",
	  "t.lua:1: test.types: argument 1 (whole): expected a number from -5 to 10, got 1e+300" },
	{ "test.types(1, {})",
	  "t.lua:1: test.types: argument 2 (any): expected a number, got table" },
	{ "test.types(1, 2, 1)",
	  "t.lua:1: test.types: argument 3 (yes): expected a boolean, got number" },
	{ "test.pairs('x')",
	  "t.lua:1: test.pairs: argument 1 (headers): expected a table, got string" },
	{ "test.pairs({1})",
	  "t.lua:1: test.pairs: argument 1 (headers): expected names as keys, got number" },
	{ "test.pairs({a = true})",
	  "t.lua:1: test.pairs: argument 1 (headers): expected text as a value, got boolean" },
	{ "test.pairs({a = {{}}})",
	  "t.lua:1: test.pairs: argument 1 (headers): expected text as an item of a value, got table" },
	{ "test.pairs({bad = 1})",
	  "t.lua:1: test.pairs: argument 1 (headers): 'bad' is not wanted" },
	{ "\n\nlocal function f()\n\ttest.decideIf(1)\nend\nf()",
	  "t.lua:4: test.decideIf: argument 1 (really): expected a boolean, got number" },
	{ "test.say('a', {})", "t.lua:1: test.say: argument 2: expected a string, got table" },
	{ "test.say({})", "t.lua:1: test.say: argument 1 (...): expected a string, got table" },
};

Test(rule_call, wrong_arguments_say_everything)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		cr_expect_eq(fixture_run(wrong[i].text), RULE_RESULT_FAILED, "%s", wrong[i].text);
		cr_expect_str_eq(rule_failure_message(vm), wrong[i].message, "%s: %s",
				 wrong[i].text, rule_failure_message(vm));
	}
}

Test(rule_call, wrong_arguments_can_be_caught)
{
	cr_assert_str_eq(
		fixture_say("\nlocal ok, e = pcall(test.get) test.say(tostring(ok), e)"),
		"false t.lua:2: test.get: argument 1 (name): expected a string, got nothing\n");
	cr_assert_str_eq(
		fixture_say(
			"local co = coroutine.create(function() test.get() end) test.say(select(2, coroutine.resume(co)))"),
		"t.lua:1: test.get: argument 1 (name): expected a string, got nothing\n");
}

Test(rule_call, pairs_take_values_and_arrays)
{
	cr_assert_str_eq(fixture_say("test.say(test.pairs({}), test.pairs({a = 1}))"), "a=1;0 1\n");
	cr_assert_str_eq(fixture_say("test.say(test.pairs({a = {'x', 2, 'z'}}))"),
			 "a=x;a=2;a=z;3\n");
	cr_assert_str_eq(fixture_say("test.say(test.pairs({a = {}}))"), "0\n");
}

Test(rule_call, knows_rule_and_line)
{
	cr_assert_str_eq(fixture_say("\n\ntest.say(test.line())"), "t\n");
	cr_assert_eq(subject.line, 3);
	fixture_say("local function f()\nreturn (test.line()) end\n\ntest.say(f())");
	cr_assert_eq(subject.line, 2);
	fixture_say("\npcall(test.line)");
	cr_assert_eq(subject.line, 2);
}

Test(rule_call, values_are_kept)
{
	struct rule_run *run;
	fixture_say("test.keep({name = 'kept', f = function() return 7 end})");
	int handle = subject.kept;
	cr_assert_neq(handle, 0);
	struct rule *rule = fixture_load("local t = test.kept() test.say(t.name, t.f())");
	cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
		     RULE_RESULT_FINISHED);
	cr_assert_str_eq(subject.said, "kept 7\n");
	rule_drop_kept(vm, handle);
	fixture_say("test.keep(nil)");
	cr_assert_eq(subject.kept, 0);
	cr_assert_str_eq(fixture_say("test.keep() test.say(tostring(test.kept()))"), "nil\n");
	rule_drop_kept(vm, 0);
	/* a handle that was given back is used again */
	rule = fixture_load("test.keep('x')");
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
			     RULE_RESULT_FINISHED);
		cr_assert_lt(subject.kept, 100);
		rule_drop_kept(vm, subject.kept);
	}
}
