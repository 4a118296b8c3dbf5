/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>

TestSuite(rule_value, .init = fixture_open, .fini = fixture_close);

static const struct {
	const char *value, *said;
} walks[] = {
	{ "'a\\0b'", "'a" },
	{ "''", "'' " },
	{ "-1.5", "-1.5 " },
	{ "'7'", "'7' " },
	{ "false", "false " },
	{ "{}", "( ) " },
	{ "{1, 'two', true}", "[ 1 'two' true ] " },
	{ "{a = 1}", "{ 'a' = 1 } " },
	{ "{[2] = 'x'}", "{ 2 = 'x' } " },
	{ "{[true] = 1}", "{ true = 1 } " },
	{ "{[0.5] = 1}", "{ 0.5 = 1 } " },
	{ "{[-1] = 1}", "{ -1 = 1 } " },
	{ "{[2^40] = 1}", "{ 1099511627776 = 1 } " },
	{ "{{}, {{1}}, {a = {b = {}}}}", "[ ( ) [ [ 1 ] ] { 'a' = { 'b' = ( ) } } ] " },
	{ "{test.get}", "[ test.get ] " },
	{ "test.get", "test.get " },
	{ "test.mark({})", "[ ] " },
	{ "test.mark(test.mark({1}))", "[ 1 ] " },
	{ "setmetatable({1}, {__index = {2, 3}})", "[ 1 ] " },
};

Test(rule_value, walks_through_whatever_it_is)
{
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
		char text[256];
		snprintf(text, sizeof text, "test.walk(%s)", walks[i].value);
		const char *said = fixture_say(text);
		if (i == 0)
			cr_expect_eq(memcmp(said, "'a\0b'", 2), 0);
		else
			cr_expect_str_eq(said, walks[i].said, "%s: %s", walks[i].value, said);
	}
}

/* Order in a hash is Lua's; that it is whole is what counts. */
Test(rule_value, a_table_with_holes_or_names_is_a_hash)
{
	const char *said = fixture_say("test.walk({1, 2, [4] = 4, name = 'x'})");
	cr_expect_eq(said[0], '{');
	cr_expect_not_null(strstr(said, "1 = 1 "));
	cr_expect_not_null(strstr(said, "2 = 2 "));
	cr_expect_not_null(strstr(said, "4 = 4 "));
	cr_expect_not_null(strstr(said, "'name' = 'x' "));
}

#define WANTED "expected strings, numbers, booleans and tables of them, got "
static const struct {
	const char *text, *message;
} wrong[] = {
	{ "test.walk()", "t.lua:1: test.walk: argument 1 (value): expected a value, got nothing" },
	{ "test.walk(nil)", "t.lua:1: test.walk: argument 1 (value): " WANTED "nil" },
	{ "test.walk(pairs)", "t.lua:1: test.walk: argument 1 (value): " WANTED "function" },
	{ "test.walk({a = {print = tostring}})",
	  "t.lua:1: test.walk: argument 1 (value): " WANTED "function" },
	{ "test.walk({coroutine.create(function() end)})",
	  "t.lua:1: test.walk: argument 1 (value): " WANTED "thread" },
	{ "test.walk({[{}] = 1})",
	  "t.lua:1: test.walk: argument 1 (value): " WANTED "table as a key" },
	{ "test.walk({[test.get] = 1})",
	  "t.lua:1: test.walk: argument 1 (value): " WANTED "function as a key" },
	{ "local t = {} t[1] = t test.walk(t)",
	  "t.lua:1: test.walk: argument 1 (value): expected tables that do not hold themselves" },
	{ "local t = {} t.a = {b = {c = t}} test.walk(t)",
	  "t.lua:1: test.walk: argument 1 (value): expected tables that do not hold themselves" },
	{ "local t = {} for i = 1, 100 do t = {t} end test.walk(t)",
	  "t.lua:1: test.walk: argument 1 (value): expected at most 100 tables in each other" },
	{ "local t = {} for i = 1, 5001 do t[i] = {} end test.walk({a = t})",
	  "t.lua:1: test.walk: argument 1 (value): expected at most 5000 entries" },
	{ "test.mark(setmetatable({}, {}))",
	  "t.lua:1: test.mark: argument 1 (items): expected a table without a metatable" },
	{ "test.mark('x')",
	  "t.lua:1: test.mark: argument 1 (items): expected a table, got string" },
	{ "test.mark()", "t.lua:1: test.mark: argument 1 (items): expected a table, got nothing" },
};

Test(rule_value, wrong_values_say_what_was_expected)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		cr_expect_eq(fixture_run(wrong[i].text), RULE_RESULT_FAILED, "%s", wrong[i].text);
		cr_expect_str_eq(rule_failure_message(vm), wrong[i].message, "%s: %s",
				 wrong[i].text, rule_failure_message(vm));
	}
}

Test(rule_value, a_hundred_tables_in_each_other_are_walked)
{
	fixture_say("local t = {} for i = 1, 99 do t = {t} end test.walk(t)");
}

/* The same table twice is no circle. */
Test(rule_value, a_table_may_come_again)
{
	cr_expect_str_eq(fixture_say("local t = {1} test.walk({t, {t}})"), "[ [ 1 ] [ [ 1 ] ] ] ");
}

/* 2^99 visits of 100 tables. */
Test(rule_value, a_walk_is_paid_for)
{
	limits.budget = 20000;
	cr_assert_eq(fixture_run("local t = {} for i = 1, 60 do t = {t, t} end test.copy(t)"),
		     RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_BUDGET);
}

Test(rule_value, a_copy_is_the_same)
{
	cr_assert_str_eq(
		fixture_say(
			"local t, after = test.copy({a = {1, {x = true}, 'z'}, [3] = {}, [false] = test.get})\n"
			"test.say(t.a[1], tostring(t.a[2].x), t.a[3], type(t[3]), tostring(t[false] == test.get), after)\n"
			"test.say(tostring(getmetatable(t.a)), tostring(getmetatable(t)))"),
		"1 true z table true after\nfalse nil\n");
	cr_assert_str_eq(fixture_say("test.say(test.copy('x'))"), "x after\n");
	cr_assert_str_eq(fixture_say("test.walk(test.copy(test.mark({})))"), "[ ] ");
	cr_assert_str_eq(fixture_say("test.say(test.undo())"), "undone\n");
}

Test(rule_value, no_result_is_too_deep)
{
	cr_assert_str_eq(fixture_say("test.say(select(2, test.nest(100)))"), "0\n");
	cr_assert_str_eq(fixture_say("test.say(select(2, test.nest(103)))"), "3\n");
}

Test(rule_value, the_mark_of_an_array_is_out_of_reach)
{
	cr_assert_eq(fixture_run("setmetatable(test.mark({}), {})"), RULE_RESULT_FAILED);
	cr_assert_not_null(strstr(rule_failure_message(vm), "cannot change a protected metatable"));
}

/* 8 times as much as there is already, and half of it fits. */
Test(rule_value, a_building_cannot_take_all_memory)
{
	limits.memory = 1u << 20;
	limits.budget = limits.total_budget = 100000000;
	cr_assert_eq(fixture_run("local t = {} for i = 1, 5000 do t[i] = {} end\n"
				 "test.copy({t, t, t, t, t, t, t, t})"),
		     RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_MEMORY);
}
