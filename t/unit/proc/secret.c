/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/secret.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/weir-unit-secret-XXXXXX";

static void write_secret(const char *text)
{
	int fd = mkstemp(path);
	cr_assert_neq(fd, -1);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void remove_secret(void)
{
	unlink(path);
}

TestSuite(secret, .fini = remove_secret);

Test(secret, of_a_file_is_always_the_same)
{
	uint64_t one[2], two[2], machine[2];
	struct err e;
	write_secret("sixteen bytes, ok");
	cr_assert(secret_read(path, one, &e));
	cr_assert(secret_read(path, two, &e));
	cr_expect_arr_eq(one, two, sizeof one);
	cr_expect_neq(one[0], one[1]);
	cr_assert(secret_read(NULL, machine, &e));
	cr_expect_neq(machine[0], one[0]);
}

Test(secret, a_short_file_is_none)
{
	uint64_t secret[2];
	struct err e;
	write_secret("fifteen bytes..");
	cr_expect_not(secret_read(path, secret, &e));
	cr_expect_not_null(strstr(e.text, "it has fewer than 16 bytes"), "%s", e.text);
}

Test(secret, a_missing_file_is_an_error)
{
	uint64_t secret[2];
	struct err e;
	cr_expect_not(secret_read("/nowhere/secret", secret, &e));
	cr_expect_str_eq(e.text, "cannot read '/nowhere/secret': No such file or directory");
}
