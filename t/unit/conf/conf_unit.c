/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_unit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/weir-unit-conf-XXXXXX";
static char conf_path[128];

static const char *const files[] = { "rules/one.lua", "rules/two.lua" };
static const char *const directories[] = { "rules/three.lua", "rules", "conf", "." };

static void remove_all(void)
{
	char path[128];
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, files[i]);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, directories[i]);
		rmdir(i == 3 ? directory : path);
	}
}

const char *conf_unit_path(void)
{
	char path[128];
	if (conf_path[0] != '\0')
		return conf_path;
	cr_assert_not_null(mkdtemp(directory));
	atexit(remove_all);
	for (size_t i = sizeof directories / sizeof directories[0] - 1; i-- > 0;) {
		snprintf(path, sizeof path, "%s/%s", directory, directories[i]);
		cr_assert_eq(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, files[i]);
		FILE *file = fopen(path, "we");
		cr_assert_not_null(file);
		fclose(file);
	}
	snprintf(conf_path, sizeof conf_path, "%s/conf/weir.yaml", directory);
	return conf_path;
}

struct conf *conf_unit_read_with(const char *text, struct complaints *complaints)
{
	return conf_read_text(conf_unit_path(), slice_of_string(text), complaints);
}

struct conf *conf_unit_read(const char *text)
{
	struct complaints complaints = { 0 };
	struct conf *c = conf_unit_read_with(text, &complaints);
	cr_assert_not_null(c, "%s\n%s", text, conf_unit_join(&complaints));
	cr_assert_eq(complaints.errors, 0);
	complaints_release(&complaints);
	return c;
}

static int compare_places(const void *left, const void *right)
{
	const struct complaint *one = left, *other = right;
	if (one->line != other->line)
		return one->line < other->line ? -1 : 1;
	return (one->column > other->column) - (one->column < other->column);
}

const char *conf_unit_join(struct complaints *complaints)
{
	static char text[64 * 1024];
	size_t len = 0;
	text[0] = '\0';
	if (complaints->count > 0)
		qsort(complaints->list, complaints->count, sizeof *complaints->list,
		      compare_places);
	for (size_t i = 0; i < complaints->count && len < sizeof text; i++)
		len += (size_t)snprintf(
			text + len, sizeof text - len, "%s%u:%u: %s%s", i == 0 ? "" : "\n",
			complaints->list[i].line, complaints->list[i].column,
			complaints->list[i].is_warning ? "~" : "", complaints->list[i].text);
	return text;
}

const char *conf_unit_complaints(const char *text)
{
	struct complaints complaints = { 0 };
	struct conf *c = conf_unit_read_with(text, &complaints);
	cr_assert_eq(c == NULL, complaints.errors > 0);
	const char *joined = conf_unit_join(&complaints);
	conf_free(c);
	complaints_release(&complaints);
	return joined;
}

unsigned conf_unit_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*state >> 33);
}
