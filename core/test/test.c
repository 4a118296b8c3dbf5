/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test.h"

#include "base/memory.h"
#include "net/loop.h"
#include "rule/rule_file.h"
#include "test/test_cover.h"
#include "test/test_file.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS_DEEP 16
/* An editor writes a file in several steps: wait until it is quiet for so long. */
#define QUIET_MILLISECONDS 50

/* ---- which files --------------------------------------------------------------------------------- */

struct found {
	char **files, **folders;
	size_t file_count, folder_count;
};

static void add(char ***list, size_t *count, const char *text)
{
	*list = memory_resize(*list, (*count + 1) * sizeof **list);
	(*list)[(*count)++] = memory_copy_string(text, strlen(text));
}

static void release(struct found *f)
{
	for (size_t i = 0; i < f->file_count; i++)
		free(f->files[i]);
	for (size_t i = 0; i < f->folder_count; i++)
		free(f->folders[i]);
	free(f->files);
	free(f->folders);
}

static bool is_test_file(const char *name)
{
	size_t len = strlen(name), ending = strlen(".test.lua");
	return len > ending && strcmp(name + len - ending, ".test.lua") == 0;
}

static int is_shown(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Everything below a folder, in the order of names. */
static void find_below(struct found *f, const char *folder, int depth)
{
	struct dirent **entries;
	add(&f->folders, &f->folder_count, folder);
	int count = scandir(folder, &entries, is_shown, alphasort);
	for (int i = 0; i < count; i++) {
		char path[4096];
		struct stat status;
		int len = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		bool is_there = len < (int)sizeof path && stat(path, &status) == 0;
		if (is_there && S_ISDIR(status.st_mode) && depth < FOLDERS_DEEP)
			find_below(f, path, depth + 1);
		else if (is_there && S_ISREG(status.st_mode) && is_test_file(path))
			add(&f->files, &f->file_count, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* False, and said which, when a path is none. */
static bool find(struct found *f, const struct test_options *options)
{
	*f = (struct found){ 0 };
	for (size_t i = 0; i < options->path_count; i++) {
		struct stat status;
		const char *path = options->paths[i];
		if (stat(path, &status) == -1) {
			fprintf(stderr, "weir: cannot read '%s': %s\n", path, strerror(errno));
			release(f);
			return false;
		}
		if (S_ISDIR(status.st_mode))
			find_below(f, path, 0);
		else
			add(&f->files, &f->file_count, path);
	}
	return true;
}

/* ---- one time ------------------------------------------------------------------------------------ */

static bool write_junit(struct test_report *report, const char *path)
{
	if (path == NULL || test_report_write_junit(report, path))
		return true;
	fprintf(stderr, "weir: cannot write to '%s': %s\n", path, strerror(errno));
	return false;
}

static int run_once(const struct test_options *options, const struct found *f)
{
	struct test_report report;
	if (f->file_count == 0) {
		fprintf(stderr, "weir: no test: no file is named NAME.test.lua\n");
		return 1;
	}
	test_report_begin(&report, stdout, options->as_tap, options->junit != NULL);
	if (options->covers)
		test_cover_start();
	for (size_t i = 0; i < f->file_count; i++)
		test_file_run(f->files[i], options->config, &report);
	test_report_end(&report);
	if (options->covers) /* TAP has the standard output for itself */
		test_cover_print(options->as_tap ? stderr : stdout);
	bool is_good = write_junit(&report, options->junit) && report.failed == 0;
	test_report_release(&report);
	rule_files_forget();
	return is_good ? 0 : 1;
}

/* ---- again and again ----------------------------------------------------------------------------- */

/* A file is watched through its folder: editors put a new one in its place. */
static void watch_folder_of(int fd, const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	snprintf(folder, sizeof folder, "%.*s", len == 0 ? 1 : (int)len,
		 len > 0         ? path
		 : slash == NULL ? "."
				 : "/");
	inotify_add_watch(fd, folder,
			  IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE);
}

/* The folders that were given, those of files that were, and the one above a folder `test`. */
static int watch(const struct test_options *options, const struct found *f)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[4200];
	for (size_t i = 0; fd != -1 && i < f->folder_count; i++) {
		snprintf(path, sizeof path, "%s/.", f->folders[i]);
		watch_folder_of(fd, path);
	}
	for (size_t i = 0; fd != -1 && i < f->file_count; i++) {
		watch_folder_of(fd, f->files[i]);
		const char *slash = strrchr(f->files[i], '/');
		snprintf(path, sizeof path, "%.*s/../.",
			 slash == NULL ? 1 : (int)(slash - f->files[i]),
			 slash == NULL ? "." : f->files[i]);
		watch_folder_of(fd, path);
	}
	if (fd != -1 && options->config != NULL)
		watch_folder_of(fd, options->config);
	return fd;
}

/* Returns once something has changed and nothing more does. */
static bool wait_for_change(int fd)
{
	char events[8192];
	struct pollfd p = { .fd = fd, .events = POLLIN };
	if (poll(&p, 1, -1) == -1)
		return errno == EINTR;
	do
		while (read(fd, events, sizeof events) > 0)
			;
	while (poll(&p, 1, QUIET_MILLISECONDS) == 1);
	return true;
}

/* Watches first and runs then: what changes while the tests run is not missed. */
static int run_on_changes(const struct test_options *options)
{
	for (;;) {
		struct found f;
		if (!find(&f, options))
			return 2;
		int fd = watch(options, &f);
		if (fd == -1) {
			fprintf(stderr, "weir: cannot watch files: %s\n", strerror(errno));
			release(&f);
			return 1;
		}
		run_once(options, &f);
		printf("waiting for changes\n\n");
		fflush(stdout);
		bool goes_on = wait_for_change(fd);
		close(fd);
		release(&f);
		if (!goes_on)
			return 1;
	}
}

int test_run(const struct test_options *options)
{
	struct found f;
	int status;
	loop_open();
	if (options->watches) {
		status = run_on_changes(options);
	} else if (find(&f, options)) {
		status = run_once(options, &f);
		release(&f);
	} else {
		status = 2;
	}
	loop_close();
	return status;
}
