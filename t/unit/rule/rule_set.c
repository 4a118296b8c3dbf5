/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule.h"
#include "rule/rule_file.h"

#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char directory[] = "/tmp/weir-unit-XXXXXX";

static void write_module(const char *text)
{
	char path[64];
	snprintf(path, sizeof path, "%s/m.lua", directory);
	FILE *to = fopen(path, "w");
	cr_assert(to != NULL && fputs(text, to) != EOF && fclose(to) == 0);
}

static void open_set(void)
{
	cr_assert_not_null(mkdtemp(directory));
	write_module("local n = 0 return function() n = n + 1 return 'old' .. n end");
	fixture_set_rules_dir(directory);
	fixture_open();
}

static void close_set(void)
{
	char path[64];
	fixture_close();
	rule_files_forget();
	snprintf(path, sizeof path, "%s/m.lua", directory);
	unlink(path);
	rmdir(directory);
}

TestSuite(rule_set, .init = open_set, .fini = close_set);

static const char *say(struct rule *rule)
{
	struct rule_run *run;
	subject.said_len = 0;
	enum rule_result result = rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run);
	cr_assert_eq(result, RULE_RESULT_FINISHED, "%s", rule_failure_message(vm));
	return subject.said;
}

/* Each set has its own modules and what they keep, whichever runs in between. */
Test(rule_set, modules_are_of_their_set)
{
	struct rule *old = fixture_load("test.say(require('m')())");
	cr_expect_str_eq(say(old), "old1\n");
	write_module("local n = 0 return function() n = n + 1 return 'new' .. n end");
	rule_files_forget();
	rule_set_new(vm);
	struct rule *new = fixture_load("test.say(require('m')())");
	cr_expect_str_eq(say(new), "new1\n");
	cr_expect_str_eq(say(old), "old2\n");
	cr_expect_str_eq(say(new), "new2\n");
}

/* Also when it is a name that is known only when the old rule runs. */
Test(rule_set, a_set_goes_and_the_other_stays)
{
	struct rule_set *first = rule_set_new(vm);
	struct rule *old = fixture_load("test.say(require('m')())");
	struct rule_set *second = rule_set_new(vm);
	struct rule *new = fixture_load("test.say(require('m')())");
	say(old);
	rule_set_free(first);
	cr_expect_str_eq(say(new), "old1\n");
	cr_expect_str_eq(say(new), "old2\n");
	rule_set_free(second);
	cr_expect_str_eq(fixture_say("test.say(require('m')())"), "old1\n");
}

Test(rule_set, memory_is_given_back)
{
	char text[4096] = "local t = {}\n";
	for (int i = 0; i < 60; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "t[%d] = function(x) return x .. 'padding %d' end\n", i, i);
	size_t before = 0;
	struct rule_set *set = rule_set_new(vm);
	for (int i = 0; i < 60; i++) {
		struct rule_set *next = rule_set_new(vm);
		say(fixture_load(text));
		rule_set_free(set);
		set = next;
		if (i == 10)
			before = rule_vm_memory(vm);
	}
	cr_expect_lt(rule_vm_memory(vm), before + 65536);
}

static void keep_two(const char *one, const char *two)
{
	struct slice text;
	struct err e;
	FILE *to = fopen(one, "w");
	cr_assert(to != NULL && fwrite("a\0b", 1, 3, to) == 3 && fclose(to) == 0);
	to = fopen(two, "w");
	cr_assert(to != NULL && fclose(to) == 0);
	cr_assert(rule_file_read(one, &text, &e) && rule_file_read(two, &text, &e));
}

Test(rule_set, texts_pass_from_one_process_to_another)
{
	char one[64], two[64], changed[256];
	struct slice text;
	struct err e;
	int fd = memfd_create("texts", 0);
	snprintf(one, sizeof one, "%s/one", directory);
	snprintf(two, sizeof two, "%s/two", directory);
	keep_two(one, two);
	cr_assert(rule_files_write(fd, &e), "%s", e.text);
	rule_files_forget();
	unlink(one);
	unlink(two);
	cr_assert(!rule_file_read(one, &text, &e));
	cr_assert(rule_files_read(fd, &e), "%s", e.text);
	cr_assert(rule_file_read(one, &text, &e));
	cr_expect(slice_is_equal(text, slice_of("a\0b", 3)));
	cr_assert(rule_file_read(two, &text, &e));
	cr_expect_eq(text.len, 0);

	rule_files_set_aside();
	keep_two(one, two);
	cr_expect_eq(rule_files_list_changed(changed, sizeof changed), 0);
	cr_expect_str_eq(changed, "");
	rule_files_forget();
	cr_expect(rule_file_read(two, &text, &e));
	cr_expect_eq(rule_files_list_changed(changed, sizeof changed), 1);
	cr_expect_str_eq(changed, two);
	cr_expect_eq(rule_files_list_changed(changed, 4), 1);
	cr_expect_eq(strlen(changed), 3);
	unlink(one);
	unlink(two);
	/* a shorter one does not leave the end of a longer one */
	rule_files_forget();
	cr_assert(rule_files_write(fd, &e) && rule_files_read(fd, &e));
	cr_expect(!rule_file_read(one, &text, &e));
	close(fd);
}
