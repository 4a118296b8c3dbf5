/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup/resources.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct resources all;
static struct err e;

static const char *in_dir(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *to = fopen(in_dir(name), "w");
	cr_assert_not_null(to);
	fputs(text, to);
	fclose(to);
}

static void open_dir(void)
{
	snprintf(dir, sizeof dir, "/tmp/weir-resources-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(mkdir(in_dir("res"), 0700), 0);
}

static void close_dir(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(resources, .init = open_dir, .fini = close_dir);

Test(resources, plain_files_are_kept_as_they_were)
{
	write_file("res/a.txt", "one");
	write_file("res/empty", "");
	cr_assert_eq(mkdir(in_dir("res/folder"), 0700), 0);
	write_file("res/folder/below", "x");
	cr_assert(resources_open(&all, in_dir("res"), &e), "%s", e.text);
	write_file("res/a.txt", "two, and longer");
	write_file("res/late", "x");
	const struct resource *file = resources_find(&all, SLICE("a.txt"));
	cr_assert_not_null(file);
	cr_expect(slice_is_equal(slice_of(file->bytes, file->len), SLICE("one")));
	cr_expect_gt(file->modified, 1000000000);
	cr_expect_eq(resources_find(&all, SLICE("empty"))->len, 0);
	cr_expect_null(resources_find(&all, SLICE("late")));
	cr_expect_null(resources_find(&all, SLICE("folder")));
	cr_expect_null(resources_find(&all, SLICE("folder/below")));
	cr_expect_null(resources_find(&all, SLICE("../res/a.txt")));
	cr_expect_null(resources_find(&all, SLICE("")));
	resources_release(&all);
}

Test(resources, a_link_may_not_lead_out)
{
	write_file("secret", "x");
	write_file("res/a", "inside");
	cr_assert_eq(symlink("a", in_dir("res/good")), 0);
	cr_assert(resources_open(&all, in_dir("res"), &e), "%s", e.text);
	cr_expect_eq(resources_find(&all, SLICE("good"))->len, strlen("inside"));
	resources_release(&all);
	cr_assert_eq(symlink("../secret", in_dir("res/bad")), 0);
	cr_assert_not(resources_open(&all, in_dir("res"), &e));
	cr_expect_str_eq(
		e.text, "cannot read resource 'bad': it is a link that leads out of the directory");
	cr_assert_eq(unlink(in_dir("res/bad")), 0);
	cr_assert_eq(symlink(in_dir("secret"), in_dir("res/bad")), 0);
	cr_assert_not(resources_open(&all, in_dir("res"), &e));
	cr_expect_str_eq(
		e.text, "cannot read resource 'bad': it is a link that leads out of the directory");
}

/* A pipe without a writer must not hold the start up. */
Test(resources, only_plain_files)
{
	cr_assert_eq(mkfifo(in_dir("res/pipe"), 0600), 0);
	cr_assert_not(resources_open(&all, in_dir("res"), &e));
	cr_expect_str_eq(e.text, "cannot read resource 'pipe': it is no plain file");
}

Test(resources, too_big)
{
	write_file("res/big", "");
	cr_assert_eq(truncate(in_dir("res/big"), (off_t)RESOURCES_BYTES + 1), 0);
	cr_assert_not(resources_open(&all, in_dir("res"), &e));
	cr_expect_str_eq(e.text,
			 "cannot read resource 'big': all together would be more than 64 MiB");
}

Test(resources, no_directory)
{
	cr_assert(resources_open(&all, NULL, &e));
	cr_expect_null(resources_find(&all, SLICE("a")));
	resources_release(&all);
	cr_assert_not(resources_open(&all, in_dir("none"), &e));
	cr_expect_not_null(strstr(e.text, "none': No such file or directory"), "%s", e.text);
	write_file("file", "x");
	cr_assert_not(resources_open(&all, in_dir("file"), &e));
	cr_expect_not_null(strstr(e.text, "file': Not a directory"), "%s", e.text);
}
