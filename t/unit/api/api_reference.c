/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include "base/table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* The text of a file, or of what `write` writes. Freed by the caller. */
static char *text_of(const char *path, void (*write)(FILE *to))
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size), *from = path == NULL ? NULL : fopen(path, "r");
	if (write != NULL)
		write(to);
	for (int c; from != NULL && (c = getc(from)) != EOF;)
		putc(c, to);
	if (from != NULL)
		fclose(from);
	fclose(to);
	return text;
}

static void expect_written(const char *path, void (*write)(FILE *to), const char *word)
{
	char *there = text_of(path, NULL), *wanted = text_of(NULL, write);
	cr_expect_str_eq(there, wanted, "%s is not up to date: weir reference %s >%s", path, word,
			 path);
	free(there);
	free(wanted);
}

Test(api_reference, committed_files_are_what_the_rows_say)
{
	expect_written("lua/weir.lua", api_write_stubs, "stubs");
	expect_written("docs/rules.md", api_write_reference, "rules");
}

Test(api_reference, every_row_is_whole_and_no_name_comes_twice)
{
	size_t count;
	struct table names;
	const struct rule_function *all = api_functions(&count);
	table_init(&names);
	for (size_t i = 0; i < count; i++) {
		const struct rule_function *f = &all[i];
		cr_expect_not_null(strchr(f->name, '.'), "%s", f->name);
		cr_expect_null(table_set(&names, slice_of_string(f->name), (void *)f->name),
			       "%s comes twice", f->name);
		cr_expect_not_null(f->run, "%s", f->name);
		cr_expect_neq(f->phases & RULE_IN_ANY, 0, "%s", f->name);
		cr_expect_not_null(f->arguments, "%s", f->name);
		cr_expect_not_null(f->results, "%s", f->name);
		cr_expect_gt(strlen(f->words), 10, "%s", f->name);
		cr_expect_gt(strlen(f->source), 0, "%s", f->name);
	}
	table_release(&names, NULL);
}

Test(api_reference, functions_are_one_table)
{
	size_t first, second;
	cr_expect_eq(api_functions(&first), api_functions(&second));
	cr_expect_eq(first, second);
}

Test(api_reference, a_stub_has_types_names_and_what_may_be_left_out)
{
	char *stubs = text_of(NULL, api_write_stubs);
	cr_expect_not_null(strstr(stubs, "---@param name string\n---@param host? string\n"
					 "---@param port? integer\n"
					 "function pool.use(name, host, port) end\n"));
	cr_expect_not_null(strstr(stubs,
				  "---@return integer|nil first\n---@return integer|nil last\n"
				  "function string.findr(s, part, init) end\n"));
	cr_expect_not_null(strstr(stubs, "\nconnection = {}\n"));
	cr_expect_not_null(strstr(stubs, "\nconnection.data = {}\n"));
	cr_expect_null(strstr(stubs, "\nstring = {}\n"), "string is Lua's own");
	free(stubs);
}

Test(api_reference, the_reference_has_signature_phases_and_source)
{
	char *reference = text_of(NULL, api_write_reference);
	cr_expect_not_null(strstr(reference, "\n## connection.data\n"));
	cr_expect_not_null(strstr(reference,
				  "\n### pool.use\n\n"
				  "`pool.use(name: string, host?: string, port?: integer)`\n"));
	cr_expect_not_null(strstr(reference, "For request and response rules. From: the original"));
	cr_expect_not_null(strstr(reference, "For any rule; it waits."));
	cr_expect_not_null(strstr(reference, "`string.icmp(a: string, b: string): integer`"));
	free(reference);
}
