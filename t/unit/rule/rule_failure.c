/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule.h"
#include "rule/rule_file.h"

#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

TestSuite(rule_failure, .init = fixture_open, .fini = fixture_close);

Test(rule_failure, says_where_it_failed)
{
	cr_assert_eq(fixture_run("local x\nlocal function f()\n\tx.y = 1\nend\n\nf()"),
		     RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_ERROR);
	cr_assert_str_eq(rule_failure_message(vm),
			 "t.lua:3: attempt to index upvalue 'x' (a nil value)");
	cr_assert_str_eq(rule_failure_traceback(vm), "t.lua:3: in f\nt.lua:6: in main chunk");
	cr_assert_eq(fixture_run("\nerror({})"), RULE_RESULT_FAILED);
	cr_assert_str_eq(rule_failure_message(vm), "t.lua:2: error value is a table");
	cr_assert_eq(fixture_run("\n\nwhile true do end"), RULE_RESULT_FAILED);
	cr_assert_str_eq(
		rule_failure_message(vm),
		"t.lua:3: budget exhausted: more than 1000000 steps between two waits or 10000000 in all");
	cr_assert_eq(fixture_run("local n = #test.say"), RULE_RESULT_FAILED);
	cr_assert_str_eq(rule_failure_message(vm),
			 "t.lua:1: attempt to get length of global 'test.say' (a function value)");
	cr_assert_eq(fixture_run("\ncoroutine.yield()"), RULE_RESULT_FAILED);
	cr_assert_str_eq(rule_failure_message(vm),
			 "t.lua:2: attempt to yield from outside a coroutine");
}

/* ---- locals ---------------------------------------------------------------------------------- */

static const struct {
	const char *text, *locals;
} failing[] = {
	{ "local a, b, c, d = 1, 'x', nil, true\nlocal n = c.d",
	  "a = 1, b = \"x\", c = nil, d = true" },
	/* those that are not in sight at that line are left out */
	{ "local a = 1 do local b = 2 end local c = a.x.y local d", "a = 1" },
	{ "local a = 'q\\34\\92\\n\\0\\200' error(a)", "a = \"q\\\"\\\\\\n\\000\310\"" },
	{ "local t = {1, 2, 3} local f = function() end error('no')",
	  "t = a table of 3, f = a function" },
	/* of the frame that failed, and what it uses of those around it */
	{ "local out, unused = 'o', 1 local function f(given) local own = given + 1 error(out) end f(1)",
	  "given = 1, own = 2, out = \"o\"" },
	{ "for i = 1, 3 do for k, v in pairs({ a = 'b' }) do error('no') end end",
	  "i = 1, k = \"a\", v = \"b\"" },
	/* what the rule catches itself is not what failed */
	{ "pcall(function() local wrong = 1 error('no') end) local right = 2 error('no')",
	  "right = 2" },
	/* a function for rules, before and behind a wait */
	{ "local a = 1 test.get({})", "a = 1" },
	{ "local a = 1 test.wait() local b = 2 error('no')", "a = 1, b = 2" },
	/* the budget, also where a pcall or a coroutine tries to keep it */
	{ "local a = 1 while true do end", "a = 1" },
	{ "local a = 1 pcall(function() local b = 2 while true do end end)", "b = 2" },
	{ "local a = 1 coroutine.wrap(function() local c = 3 while true do end end)()", "c = 3" },
	{ "local a = 1 local s = string.rep('x', 1e9)", "a = 1" },
	{ "error('no')", "" },
	/* as Lua would read it */
	{ "local a = 'q\"\\\\\\n\\1\\31 ~\\127' error('no')",
	  "a = \"q\\\"\\\\\\n\\001\\031 ~\\127\"" },
};

Test(rule_failure, shows_the_locals_of_the_frame)
{
	for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
		cr_expect_eq(fixture_run(failing[i].text), RULE_RESULT_FAILED, "%s",
			     failing[i].text);
		cr_expect_str_eq(rule_failure_locals(vm), failing[i].locals, "%s: '%s'",
				 failing[i].text, rule_failure_locals(vm));
	}
}

Test(rule_failure, what_it_shows_is_bounded)
{
	cr_assert_eq(fixture_run("local a = string.rep('x', 100000) error('no')"),
		     RULE_RESULT_FAILED);
	const char *locals = rule_failure_locals(vm);
	cr_assert_lt(strlen(locals), 120);
	cr_assert_not_null(strstr(locals, "...\" (100000 bytes)"));
	char text[8192] = "";
	for (int i = 0; i < 150; i++)
		sprintf(text + strlen(text), "local name%d = string.rep('\\0', 60) ", i);
	strcat(text, "error('no')");
	cr_assert_eq(fixture_run(text), RULE_RESULT_FAILED);
	cr_assert_lt(strlen(rule_failure_locals(vm)), 2048);
}

/* Each failure shows its own: nothing of the one before it is left. */
Test(rule_failure, forgets_the_last_one)
{
	cr_assert_eq(fixture_run("local a = 1 error('no')"), RULE_RESULT_FAILED);
	cr_assert_eq(fixture_run("local function f() return 1 + f() end f()"), RULE_RESULT_FAILED);
	cr_assert_null(strstr(rule_failure_locals(vm), "a = 1"));
}

Test(rule_failure, shows_the_line_of_the_source)
{
	char path[] = "/tmp/weir-unit-XXXXXX";
	int fd = mkstemp(path);
	const char text[] = "local a\n\n\t local n = a.b -- why \r\nlocal z";
	cr_assert(fd != -1 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
	struct rule_run *run;
	struct rule *rule = rule_load(vm, "t", path, RULE_IN_REQUEST, &complaints);
	unlink(path);
	close(fd);
	cr_assert_not_null(rule);
	cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
		     RULE_RESULT_FAILED);
	cr_expect_str_eq(rule_failure_source_line(vm), "local n = a.b -- why");
	cr_expect(slice_is_equal(rule_file_line(path, 1), SLICE("local a")));
	cr_expect_eq(rule_file_line(path, 2).len, 0);
	cr_expect(slice_is_equal(rule_file_line(path, 4), SLICE("local z")));
	cr_expect(slice_is_absent(rule_file_line(path, 0)));
	cr_expect(slice_is_absent(rule_file_line(path, 5)));
	cr_expect(slice_is_absent(rule_file_line("elsewhere", 1)));
	rule_files_forget();
	cr_assert_eq(fixture_run("error('no')"), RULE_RESULT_FAILED);
	cr_expect_str_eq(rule_failure_source_line(vm), "");
}
