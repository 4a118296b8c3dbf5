/* SPDX-License-Identifier: Apache-2.0 */
#include "admin_unit.h"

#include "share/stats.h"
#include "txn/refusal.h"
#include "txn/txn.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

struct admin unit_admin;
struct share unit_share;
unsigned unit_stops;
bool unit_can_stop = true;
char unit_directory[64];

static bool on_stop(struct admin *a)
{
	unit_stops++;
	a->is_stopping = unit_can_stop;
	return unit_can_stop;
}

void unit_open(const char *text)
{
	struct complaints complaints = { 0 };
	struct err e;
	alarm(60);
	struct conf *conf = conf_read_text("weir.yaml", slice_of_string(text), &complaints);
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	cr_assert_not_null(conf);
	unsigned *pool_nodes = calloc(conf->pool_count + 1, sizeof *pool_nodes);
	for (size_t i = 0; i < conf->pool_count; i++)
		pool_nodes[i] = (unsigned)conf->pools[i].node_count;
	struct share_counts counts = { .workers = (unsigned)conf->workers,
				       .data_size = 65536,
				       .vservers = (unsigned)conf->vserver_count,
				       .outcomes = TXN_END_COUNT,
				       .refusals = REFUSAL_COUNT,
				       .pools = (unsigned)conf->pool_count,
				       .pool_nodes = pool_nodes,
				       .rules = 4 };
	cr_assert(segment_open(&unit_share, &counts, &e), "%s", e.text);
	free(pool_nodes);
	unit_admin = (struct admin){ .conf = conf, .share = &unit_share, .on_stop = on_stop };
}

static void remove_directory(void)
{
	DIR *directory = opendir(unit_directory);
	struct dirent *entry;
	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory != NULL)
		closedir(directory);
	rmdir(unit_directory);
}

void unit_close(void)
{
	if (unit_directory[0] != '\0')
		remove_directory();
	if (unit_admin.conf == NULL)
		return;
	conf_free((struct conf *)(uintptr_t)unit_admin.conf);
	segment_close(&unit_share);
}

struct stats_node *unit_node_stats(unsigned worker, unsigned pool, unsigned node)
{
	return stats_node_row(&unit_share, worker, segment_node_row(&unit_share, pool, node));
}

json_t *unit_at(json_t *value, const char *path)
{
	char text[128], *rest = text, *key;
	snprintf(text, sizeof text, "%s", path);
	while ((key = strsep(&rest, "/")) != NULL)
		value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10))
					     : json_object_get(value, key);
	cr_assert_not_null(value, "nothing at %s", path);
	return value;
}

long long unit_number(json_t *value, const char *path)
{
	json_t *found = unit_at(value, path);
	cr_assert(json_is_integer(found), "no number at %s", path);
	return json_integer_value(found);
}

const char *unit_text(json_t *value, const char *path)
{
	json_t *found = unit_at(value, path);
	cr_assert(json_is_string(found), "no text at %s", path);
	return json_string_value(found);
}

void unit_make_directory(void)
{
	alarm(60);
	snprintf(unit_directory, sizeof unit_directory, "/tmp/weir-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(unit_directory));
}

const char *unit_path(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", unit_directory, name);
	return path;
}
