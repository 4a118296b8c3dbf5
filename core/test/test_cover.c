/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test_cover.h"

#include "base/memory.h"
#include "base/table.h"

#include <stdlib.h>

enum { CAN_RUN = 1, HAS_RUN = 2 };

struct covered {
	size_t count;
	unsigned char *lines; /* by number; CAN_RUN, HAS_RUN */
	char path[];
};

static struct {
	bool is_on;
	struct table files;
} cover;

static void free_covered(void *value)
{
	struct covered *file = value;
	free(file->lines);
	free(file);
}

void test_cover_start(void)
{
	table_release(&cover.files, free_covered);
	table_init(&cover.files);
	cover.is_on = true;
}

static void mark(const char *path, unsigned line, unsigned char bit)
{
	struct slice key = slice_of_string(path);
	struct covered *file = table_get(&cover.files, key);
	if (file == NULL) {
		file = memory_new(1, sizeof *file + key.len + 1);
		memcpy(file->path, key.at, key.len);
		table_set(&cover.files, key, file);
	}
	if (line >= file->count) {
		file->lines = memory_resize(file->lines, line + 1);
		memset(file->lines + file->count, 0, line + 1 - file->count);
		file->count = line + 1;
	}
	file->lines[line] |= bit;
}

static void on_can_run(void *extra, const char *path, unsigned line)
{
	(void)extra;
	mark(path, line, CAN_RUN);
}

static void on_has_run(void *extra, const char *path, unsigned line)
{
	(void)extra;
	mark(path, line, HAS_RUN);
}

void test_cover_watch(struct rule_vm *vm)
{
	static const struct rule_cover callbacks = { on_can_run, on_has_run, NULL };
	if (cover.is_on)
		rule_vm_cover(vm, &callbacks);
}

/* ---- telling ------------------------------------------------------------------------------------- */

struct list {
	const struct covered **files;
	size_t count;
};

static bool collect(struct slice key, void *value, void *extra)
{
	struct list *list = extra;
	(void)key;
	list->files[list->count++] = value;
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct covered *const *left = a, *const *right = b;
	return strcmp((*left)->path, (*right)->path);
}

static bool is_missed(const struct covered *file, size_t line)
{
	return line < file->count && file->lines[line] == CAN_RUN;
}

/* ": 3, 5-7 never ran". Lines that cannot run do not part a range. */
static void print_missed(FILE *to, const struct covered *file)
{
	const char *before = ": ";
	for (size_t line = 1; line < file->count; line++) {
		size_t last = line;
		if (!is_missed(file, line))
			continue;
		for (size_t next = line + 1; next < file->count; next++) {
			if (is_missed(file, next))
				last = next;
			else if (file->lines[next] != 0)
				break;
		}
		fprintf(to, last > line ? "%s%zu-%zu" : "%s%zu", before, line, last);
		before = ", ";
		line = last;
	}
	fputs(*before == ':' ? "\n" : " never ran\n", to);
}

static void print_share(FILE *to, size_t run, size_t all, const char *what)
{
	fprintf(to, "%5.1f %%  %zu of %zu lines  %s",
		all == 0 ? 100.0 : 100.0 * (double)run / (double)all, run, all, what);
}

void test_cover_print(FILE *to)
{
	struct list list = { memory_new(cover.files.count + 1, sizeof *list.files), 0 };
	size_t all = 0, all_run = 0;
	table_each(&cover.files, collect, &list);
	qsort(list.files, list.count, sizeof *list.files, compare);
	for (size_t i = 0; i < list.count; i++) {
		const struct covered *file = list.files[i];
		size_t lines = 0, run = 0;
		for (size_t line = 0; line < file->count; line++) {
			lines += (file->lines[line] & CAN_RUN) != 0;
			run += file->lines[line] == (CAN_RUN | HAS_RUN);
		}
		print_share(to, run, lines, file->path);
		print_missed(to, file);
		all += lines;
		all_run += run;
	}
	print_share(to, all_run, all, "in all\n");
	free(list.files);
}
