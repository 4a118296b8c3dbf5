/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/log.h"

#include <criterion/criterion.h>

TestSuite(api_log, .init = api_unit_open, .fini = api_unit_close);

static int count_lines(const char *text)
{
	int count = 0;
	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void expect_line(const char *part)
{
	cr_expect_not_null(strstr(api_unit_log(), part), "no '%s' in: %s", part, api_unit_log());
}

Test(api_log, a_line_names_rule_and_line)
{
	api_unit_keep_log();
	api_unit_passes("log.info('one')\n"
			"log.warn('two')\n"
			"\n"
			"log.error(3)\n");
	cr_expect_eq(count_lines(api_unit_log()), 3);
	expect_line("rule 'test' line 1: one\n");
	expect_line("rule 'test' line 2: two\n");
	expect_line("rule 'test' line 4: 3\n");
	cr_expect(strstr(api_unit_log(), "info") < strstr(api_unit_log(), "one"));
	cr_expect(strstr(api_unit_log(), "warn") < strstr(api_unit_log(), "two"));
	cr_expect_not_null(strstr(strstr(api_unit_log(), "two"), "error"));
}

Test(api_log, control_characters_do_not_get_through)
{
	api_unit_keep_log();
	api_unit_passes("log.info('a\\0b\\nc\\27[31md%s')");
	cr_expect_eq(count_lines(api_unit_log()), 1);
	expect_line("a\\x00b\\x0ac\\x1b[31md%s\n");
}

Test(api_log, a_long_message_is_cut)
{
	api_unit_keep_log();
	api_unit_passes("log.info(('x'):rep(100000)) log.info(('\\0'):rep(100000))");
	cr_expect_eq(count_lines(api_unit_log()), 2);
	cr_expect_lt(strlen(api_unit_log()), 9000);
}

Test(api_log, lines_a_second_are_bounded_and_the_rest_is_counted)
{
	struct log_limit *limit = &api_unit_txn->vserver->world->rule_lines[0];
	api_unit_keep_log();
	api_unit_passes("for i = 1, 150 do log.info('many') end");
	cr_expect_eq(count_lines(api_unit_log()), 100);
	limit->second--; /* the next second begins */
	api_unit_passes("log.info('later')");
	expect_line("rule 'test': 50 lines were left out");
	expect_line("later");
}

Test(api_log, lines_below_the_level_cost_nothing)
{
	api_unit_keep_log();
	log_open(LOG_ERROR, LOG_TEXT);
	api_unit_passes("for i = 1, 150 do log.info('quiet') end log.error('loud')");
	cr_expect_eq(count_lines(api_unit_log()), 1);
	expect_line("loud");
}

Test(api_log, takes_text)
{
	api_unit_fails("log.info()",
		       "log.info: argument 1 (message): expected a string, got nothing");
	api_unit_fails("log.warn({})",
		       "log.warn: argument 1 (message): expected a string, got table");
	api_unit_fails("log.error(true)", "log.error: argument 1 (message): expected a string");
}

Test(api_log, a_rule_knows_its_name_and_phase)
{
	api_unit_passes("assert(rule.getName() == 'test' and rule.getState() == 'REQUEST')");
	cr_expect_eq(api_unit_run(RULE_RESPONSE, "assert(rule.getState() == 'RESPONSE')"),
		     RULE_RESULT_FINISHED);
	cr_expect_eq(api_unit_run(RULE_COMPLETION, "assert(rule.getState() == 'COMPLETION')"),
		     RULE_RESULT_FINISHED);
}

Test(api_log, an_event_is_a_line_with_its_name)
{
	api_unit_keep_log();
	api_unit_passes("event.emit('a b', 'what\\0was')");
	cr_expect_not_null(strstr(api_unit_log(), "rule 'test' line 1: event 'a b': what\\x00was"));
}

Test(api_log, an_event_has_a_name)
{
	api_unit_fails("event.emit('', 'x')",
		       "argument 1 (name): expected a name of 1 to 100 bytes");
	api_unit_fails("event.emit(('x'):rep(101), 'x')",
		       "expected a name of 1 to 100 bytes, got 101");
	api_unit_fails("event.emit('a/b', 'x')", "expected a name without \"/\" and controls");
	api_unit_fails("event.emit('a\\n', 'x')", "expected a name without \"/\" and controls");
	api_unit_fails("event.emit('a')", "argument 2 (message): expected a string, got nothing");
	api_unit_passes("event.emit(('x'):rep(100), ('y'):rep(5000))");
}
