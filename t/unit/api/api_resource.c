/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_resource, .init = api_unit_open, .fini = api_unit_close);

static const char *const names[] = { "get", "getLines", "getMD5", "getMTime" };

Test(api_resource, what_is_not_there)
{
	char rule[256];
	api_unit_keep_log();
	api_unit_passes("assert(resource.exists('a') == false)");
	cr_expect_str_eq(api_unit_log(), "");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(rule, sizeof rule,
			 "local value, why = resource.%s('a.txt')\n"
			 "assert(value == nil and why == 'no such resource')",
			 names[i]);
		api_unit_passes(rule);
	}
	cr_expect_not_null(strstr(api_unit_log(), "there is no resource 'a.txt'"));
}

Test(api_resource, wrong_arguments)
{
	char rule[256];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(rule, sizeof rule, "resource.%s()", names[i]);
		api_unit_fails(rule, "argument 1 (name): expected a string, got nothing");
	}
	api_unit_fails("resource.exists({})",
		       "resource.exists: argument 1 (name): expected a string, got table");
}
