/* SPDX-License-Identifier: Apache-2.0 */
#include "base/complaint.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/weir-unit-complaint-XXXXXX";

static void write_file(const char *text, size_t len)
{
	int fd = mkstemp(path);
	cr_assert_neq(fd, -1);
	cr_assert_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void remove_file(void)
{
	unlink(path);
}

/* What is printed, with the name of the file as F. */
static const char *printed(struct complaints *c)
{
	static char out[64 * 1024];
	char *text, *end = out;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	complaints_print(c, to);
	fclose(to);
	for (const char *rest = text; *rest != '\0';) {
		if (strncmp(rest, path, strlen(path)) == 0) {
			rest += strlen(path);
			*end++ = 'F';
		} else {
			*end++ = *rest++;
		}
	}
	*end = '\0';
	free(text);
	complaints_release(c);
	return out;
}

#define FILE_IS(text) write_file(text, sizeof(text) - 1)

Test(complaint, shows_the_line_and_a_caret, .fini = remove_file)
{
	struct complaints c = { 0 };
	FILE_IS("one\ntwo three\nfour");
	complaints_add(&c, path, 2, 5, "not '%s'", "three");
	complaints_add(&c, path, 3, 5, "behind the end");
	complaints_add(&c, path, 1, 0, "the whole line");
	complaints_add(&c, path, 0, 0, "the whole file");
	complaints_add(&c, path, 9, 1, "no such line");
	cr_expect_str_eq(printed(&c), "F: the whole file\n"
				      "F:1: the whole line\n    one\n"
				      "F:2:5: not 'three'\n    two three\n        ^\n"
				      "F:3:5: behind the end\n    four\n        ^\n"
				      "F:9:1: no such line\n");
}

Test(complaint, the_caret_is_right_behind_tabs_and_unicode, .fini = remove_file)
{
	struct complaints c = { 0 };
	FILE_IS("\tab\n  \tab\n\xc3\xa4\xe2\x82\xac!\n\xef\xbb\xbf");
	complaints_add(&c, path, 1, 3, "b");
	complaints_add(&c, path, 2, 5, "b");
	complaints_add(&c, path, 3, 6, "mark");
	cr_expect_str_eq(printed(&c), "F:1:3: b\n            ab\n             ^\n"
				      "F:2:5: b\n            ab\n             ^\n"
				      "F:3:6: mark\n    \xc3\xa4\xe2\x82\xac!\n      ^\n");
}

Test(complaint, bytes_that_do_not_print_are_escaped, .fini = remove_file)
{
	struct complaints c = { 0 };
	FILE_IS("\x1b[31m\xff\xc2\x9b!\r\n");
	complaints_add(&c, path, 1, 9,
		       "a\x1b"
		       "b\nc\xff\xc2\x9b\xc3\xa4");
	cr_expect_str_eq(printed(&c), "F:1:9: a\\x1bb\\x0ac\\xff\\xc2\\x9b\xc3\xa4\n"
				      "    \\x1b[31m\\xff\\xc2\\x9b!\n"
				      "                        ^\n");
}

Test(complaint, a_byte_order_mark_is_not_shown, .fini = remove_file)
{
	struct complaints c = { 0 };
	FILE_IS("\xef\xbb\xbf"
		"ab\n");
	complaints_add(&c, path, 1, 2, "b");
	cr_expect_str_eq(printed(&c), "F:1:2: b\n    ab\n     ^\n");
}

/* The place of the caret in what is shown is the place of the byte in the line. */
Test(complaint, long_lines_are_cut_around_the_spot, .fini = remove_file)
{
	char line[3000];
	for (unsigned column = 1; column <= sizeof line; column += 7) {
		struct complaints c = { 0 };
		memset(line, '.', sizeof line);
		line[column - 1] = 'X';
		strcpy(path + sizeof path - 7, "XXXXXX");
		write_file(line, sizeof line);
		complaints_add(&c, path, 1, column, "here");
		const char *shown = strchr(printed(&c), '\n') + 1;
		const char *carets = strchr(shown, '\n') + 1;
		cr_expect_lt(strchr(shown, '\n') - shown, 120);
		cr_expect_eq(shown[strchr(carets, '^') - carets], 'X', "column %u", column);
		remove_file();
	}
}

Test(complaint, files_come_in_order_of_appearance)
{
	struct complaints c = { 0 };
	complaints_add(&c, "b", 2, 1, "first");
	complaints_warn(&c, "a", 1, 1, "second");
	complaints_add(&c, "b", 1, 2, "third");
	complaints_add(&c, "b", 1, 1, "fourth");
	complaints_add(&c, "b", 1, 1, "fifth");
	cr_expect_eq(c.count, 5);
	cr_expect_eq(c.errors, 4);
	cr_expect_str_eq(printed(&c), "b:1:1: fourth\nb:1:1: fifth\nb:1:2: third\nb:2:1: first\n"
				      "a:1:1: warning: second\n");
}

Test(complaint, only_so_many_are_kept_but_all_are_counted)
{
	struct complaints c = { 0 };
	for (unsigned i = 0; i < 300; i++)
		complaints_add(&c, "a", 300 - i, 1, "number %u", i);
	cr_expect_eq(c.count, 201);
	cr_expect_eq(c.errors, 300);
	const char *text = printed(&c);
	const char *last =
		"a:300:1: number 0\na: there are more complaints; the first 200 are shown\n";
	cr_expect_str_eq(text + strlen(text) - strlen(last), last);
}

Test(complaint, directories_and_devices_are_not_read)
{
	struct complaints c = { 0 };
	complaints_add(&c, "/dev/zero", 1, 1, "x");
	complaints_add(&c, "/tmp", 1, 1, "y");
	cr_expect_str_eq(printed(&c), "/dev/zero:1:1: x\n/tmp:1:1: y\n");
}

Test(complaint, release_makes_it_empty)
{
	struct complaints c = { 0 };
	complaints_add(&c, "a", 1, 1, "x");
	complaints_release(&c);
	cr_expect_eq(c.count + c.errors, 0);
	complaints_add(&c, "a", 1, 1, "x");
	cr_expect_eq(c.count, 1);
	complaints_release(&c);
}

Test(complaint, names_near_enough_are_found)
{
	static const char *const known[] = { "listen", "pool", "timeouts", "request_rules", "tcp" };
	static const struct {
		const char *given, *nearest;
	} rows[] = {
		{ "lissten", "listen" },
		{ "lsiten", "listen" },
		{ "LISTEN", "listen" },
		{ "listn", "listen" },
		{ "polo", "pool" },
		{ "pools", "pool" },
		{ "timeout", "timeouts" },
		{ "requestrules", "request_rules" },
		{ "tpc", "tcp" },
		{ "loop", NULL },
		{ "tc", "tcp" },
		{ "t", NULL },
		{ "", NULL },
		{ "listening", "listen" },
		{ "lsitne", "listen" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *found = complaint_nearest(rows[i].given, known, 5);
		cr_expect(found == rows[i].nearest || (found != NULL && rows[i].nearest != NULL &&
						       strcmp(found, rows[i].nearest) == 0),
			  "%s gives %s", rows[i].given, found == NULL ? "nothing" : found);
	}
	cr_expect_null(complaint_nearest("a", known, 0));
	char longest[200] = { 0 };
	memset(longest, 'l', sizeof longest - 1);
	cr_expect_null(complaint_nearest(longest, known, 5));
}
