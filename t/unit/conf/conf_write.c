/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"
#include "conf/conf_schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static char *written(void (*write)(FILE *to))
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	write(to);
	fclose(to);
	return text;
}

static char *file_text(const char *path)
{
	FILE *file = fopen(path, "re");
	cr_assert_not_null(file, "cannot open '%s': run me where the Makefile is", path);
	char *text = calloc(1, 1 << 20);
	cr_assert_lt(fread(text, 1, (1 << 20) - 1, file), (1 << 20) - 1);
	fclose(file);
	return text;
}

/* When it fails: `weir reference schema >conf/weir.schema.json`. */
Test(conf_write, the_schema_that_is_shipped_is_the_table)
{
	char *fresh = written(conf_write_schema), *shipped = file_text("conf/weir.schema.json");
	cr_expect(strcmp(fresh, shipped) == 0, "conf/weir.schema.json is not what weir writes");
	free(fresh);
	free(shipped);
}

Test(conf_write, the_reference_names_every_key)
{
	char *text = written(conf_write_reference);
	for (unsigned section = 0; section < CONF_IN_COUNT; section++) {
		size_t count;
		const struct conf_key *keys = conf_schema_keys(section, &count);
		for (size_t i = 0; i < count; i++) {
			char row[128];
			snprintf(row, sizeof row, "\n| `%s` | ", keys[i].name);
			cr_expect_not_null(strstr(text, row), "%s", row);
		}
	}
	cr_expect_not_null(strstr(text, "| `nodes` | a list of nodes, or original_destination | "
					"required |"));
	cr_expect_not_null(
		strstr(text, "| `budget` | a number from 1 to 1000000000000 | `1000000` |"));
	free(text);
}
