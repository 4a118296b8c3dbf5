/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test_file.h"

#include "base/check.h"
#include "rule/rule.h"
#include "rule/rule_file.h"
#include "test/test_case.h"
#include "test/test_engine.h"

#include <stdlib.h>
#include <string.h>

/* lua/test.lua as it stands, as rule_vm.c has lua/sandbox.lua. */
__asm__(".pushsection .rodata\n"
	".globl test_module_start, test_module_end\n"
	".hidden test_module_start, test_module_end\n"
	"test_module_start: .incbin \"lua/test.lua\"\n"
	"test_module_end: .byte 0\n"
	".popsection\n");
extern const char test_module_start[], test_module_end[];

/* Between two cases, and for a whole file; as a rule's are, only more of it. */
static const struct rule_limits limits = { .budget = 10u * 1000 * 1000,
					   .total_budget = 1000u * 1000 * 1000,
					   .memory = 256u << 20 };

/* The part of `path` before its last "/": its length, 0 if there is none. */
static size_t folder_length(const char *path, size_t len)
{
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

/* "rules" for "rules/test/x.test.lua", "here" for "here/x.test.lua". */
static void write_rules_dir(const char *path, char *to, size_t size)
{
	size_t len = folder_length(path, strlen(path));
	struct slice folder = slice_of(path, len);
	bool is_test = slice_is_equal(folder, SLICE("test")) ||
		       (len > 5 && slice_is_equal(slice_skip(folder, len - 5), SLICE("/test")));
	if (is_test)
		len = folder_length(path, len);
	snprintf(to, size, "%.*s", len == 0 ? 1 : (int)len, len == 0 ? "." : path);
}

/* A complaint or an error of the file, as a case that failed. */
static void tell(struct test_engine *e, const char *name, const char *text)
{
	test_report_case(e->report, e->path, slice_of_string(name), slice_of_string(e->path),
			 slice_of_string(text), 0);
}

static void tell_complaints(struct test_engine *e, struct complaints *complaints)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	check(to != NULL);
	complaints_print(complaints, to);
	fclose(to);
	tell(e, "is read", text);
	free(text);
}

static void run(struct test_engine *e, struct rule_vm *vm, struct rule *rule)
{
	struct rule_run *waiting;
	enum rule_result result = rule_start(vm, rule, RULE_REQUEST, &limits, e, &waiting);
	while (result == RULE_RESULT_WAITING) {
		test_engine_work(e);
		result = rule_resume(waiting);
	}
	test_engine_end(e);
	if (result == RULE_RESULT_FAILED)
		tell(e, "runs to its end", rule_failure_message(vm));
	else if (e->cases == 0)
		tell(e, "has cases", "no case was run");
}

void test_file_run(const char *path, const char *config, struct test_report *report)
{
	char rules_dir[4096];
	struct complaints complaints = { 0 };
	size_t count;
	const struct rule_function *functions = test_engine_functions(&count);
	write_rules_dir(path, rules_dir, sizeof rules_dir);
	struct test_engine e = {
		.path = path, .rules_dir = rules_dir, .config = config, .report = report
	};
	struct rule_vm *vm = rule_vm_new(rules_dir, functions, count);
	bool is_added = rule_add_module(
		vm, "test",
		slice_of(test_module_start, (size_t)(test_module_end - test_module_start)),
		&complaints);
	if (!is_added)
		complaints_print(&complaints, stderr);
	check(is_added);
	struct rule *rule = rule_load(vm, path, path, 0, &complaints);
	if (rule == NULL)
		tell_complaints(&e, &complaints);
	else
		run(&e, vm, rule);
	complaints_release(&complaints);
	rule_vm_free(vm);
}
