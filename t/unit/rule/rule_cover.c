/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule.h"
#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Lines of "t.lua" as digits and letters: '1' to '9'. */
static char can[64], has[64];

static void note(void *extra, const char *path, unsigned line)
{
	char *list = extra;
	char sign[2] = { (char)('0' + line), '\0' };
	cr_assert_str_eq(path, "t.lua");
	cr_assert_lt(line, 10u);
	if (strchr(list, sign[0]) == NULL && strlen(list) < sizeof can - 1)
		strcat(list, sign);
}

static void can_run(void *extra, const char *path, unsigned line)
{
	(void)extra;
	note(can, path, line);
}

static void has_run(void *extra, const char *path, unsigned line)
{
	(void)extra;
	note(has, path, line);
}

static void cover(const char *text)
{
	static const struct rule_cover callbacks = { can_run, has_run, NULL };
	struct rule_run *run;
	struct rule *rule = fixture_load(text);
	rule_vm_cover(vm, &callbacks);
	cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
		     RULE_RESULT_FINISHED);
}

Test(rule_cover, lines_with_code_and_lines_that_ran, .init = fixture_open, .fini = fixture_close)
{
	cover("local a = 1\n"
	      "-- nothing\n"
	      "if a == 2 then\n"
	      "  a = 3\n"
	      "end\n"
	      "\n"
	      "a = 4\n");
	cr_assert_str_eq(can, "1347");
	cr_assert_str_eq(has, "137");
}

/* Compiled code would call no hook. */
Test(rule_cover, loops_stay_seen, .init = fixture_open, .fini = fixture_close)
{
	cover("local a = 0\n"
	      "for i = 1, 1000 do\n"
	      "  a = a + i\n"
	      "  if i == 900 then\n"
	      "    a = 0\n"
	      "  end\n"
	      "end\n");
	cr_assert_str_eq(has, "123457"); /* the end of the chunk lies on 7 */
}

Test(rule_cover, functions_in_functions, .init = fixture_open, .fini = fixture_close)
{
	cover("local function outer()\n"
	      "  return function()\n"
	      "    return 1\n"
	      "  end\n"
	      "end\n"
	      "local f = outer()\n");
	cr_assert_neq(strchr(can, '3'), NULL);
	cr_assert_eq(strchr(has, '3'), NULL);
	cr_assert_neq(strchr(has, '6'), NULL);
}

/* What they call in the sandbox is Lua, too, but nobody's rule: `note` would not know its path. */
Test(rule_cover, lines_of_the_sandbox_are_left_out, .init = fixture_open, .fini = fixture_close)
{
	cover("local a = math.floor(1.5)\n"
	      "local b = pcall(error)\n");
	cr_assert_str_eq(has, "12");
}

/* ---- modules of ours ------------------------------------------------------------------------------ */

Test(rule_module, is_required_and_left_out_of_positions, .init = fixture_open,
     .fini = fixture_close)
{
	cr_assert(rule_add_module(vm, "ours",
				  SLICE("local m = {}\n\n"
					"function m.fail() error('at the caller', 3) end\n"
					"function m.twice(x) return 2 * x end\n"
					"return m\n"),
				  &complaints));
	cr_assert_str_eq(fixture_say("test.say(require('ours').twice(21))"), "42\n");
	cr_assert_eq(fixture_run("local m = require('ours')\n\nlocal x = m.fail()\n"),
		     RULE_RESULT_FAILED);
	cr_assert_eq(strstr(rule_failure_traceback(vm), "weir"), NULL);
	cr_assert_neq(strstr(rule_failure_traceback(vm), "t.lua:3"), NULL, "%s",
		      rule_failure_traceback(vm));
}

Test(rule_module, that_does_not_compile, .init = fixture_open, .fini = fixture_close)
{
	cr_assert_not(rule_add_module(vm, "ours", SLICE("return +"), &complaints));
	cr_assert_eq(complaints.errors, 1u);
}
