/*
 * What a process may do is only seen from inside: each test drops in a child (Criterion's own) and
 * looks at what is left. Those that need root are skipped without it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/privilege.h"

#include <criterion/criterion.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct err e;

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("wants root");
}

/* One line of /proc/self/status, behind its key. */
static void read_status(const char *key, char *value, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");
	cr_assert_not_null(file);
	value[0] = '\0';
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			snprintf(value, size, "%s", line + strlen(key) + 2);
	fclose(file);
	value[strcspn(value, "\n")] = '\0';
}

static void expect_status(const char *key, const char *expected)
{
	char value[256];
	read_status(key, value, sizeof value);
	cr_expect_str_eq(value, expected, "%s is '%s'", key, value);
}

static bool can_be_transparent(void)
{
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool can = setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) == 0;
	close(fd);
	return can;
}

Test(privilege, a_worker_becomes_the_user_and_keeps_nothing)
{
	need_root();
	const gid_t more[] = { 1, 2 };
	cr_assert_eq(setgroups(2, more), 0);
	struct privilege p;
	cr_assert(privilege_plan(&p, "nobody", NULL, &e), "%s", e.text);
	cr_assert(privilege_drop(&p, true, &e), "%s", e.text);
	const struct passwd *nobody = getpwnam("nobody");
	uid_t real, effective, saved;
	getresuid(&real, &effective, &saved);
	cr_expect(real == nobody->pw_uid && effective == real && saved == real);
	cr_expect_eq(getegid(), nobody->pw_gid);
	cr_expect_eq(getgroups(0, NULL), 0);
	expect_status("CapPrm", "0000000000000000");
	expect_status("CapEff", "0000000000000000");
	expect_status("CapInh", "0000000000000000");
	expect_status("CapAmb", "0000000000000000");
	expect_status("NoNewPrivs", "1");
	cr_expect_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	cr_expect_eq(setuid(0), -1, "there is a way back");
	cr_expect_not(can_be_transparent());
}

Test(privilege, a_worker_keeps_just_net_raw_where_it_is_needed)
{
	need_root();
	struct privilege p;
	cr_assert(privilege_plan(&p, "nobody", "transparent pool 'web'", &e), "%s", e.text);
	cr_assert(privilege_drop(&p, true, &e), "%s", e.text);
	expect_status("CapPrm", "0000000000002000");
	expect_status("CapEff", "0000000000002000");
	cr_expect_neq(geteuid(), 0);
	cr_expect(can_be_transparent());
}

Test(privilege, the_keeper_never_keeps_it)
{
	need_root();
	struct privilege p;
	cr_assert(privilege_plan(&p, "nobody", "transparent pool 'web'", &e), "%s", e.text);
	cr_assert(privilege_drop(&p, false, &e), "%s", e.text);
	expect_status("CapPrm", "0000000000000000");
	cr_expect_neq(geteuid(), 0);
}

Test(privilege, without_a_user_the_capabilities_go_all_the_same)
{
	need_root();
	struct privilege p;
	cr_assert(privilege_plan(&p, NULL, NULL, &e), "%s", e.text);
	cr_assert(privilege_drop(&p, true, &e), "%s", e.text);
	cr_expect_eq(geteuid(), 0);
	expect_status("CapEff", "0000000000000000");
}

Test(privilege, an_unknown_user_is_said)
{
	need_root();
	struct privilege p;
	cr_assert_not(privilege_plan(&p, "weir-no-such-user", NULL, &e));
	cr_expect_not_null(strstr(e.text, "cannot become user 'weir-no-such-user': "), "%s",
			   e.text);
}

Test(privilege, an_ordinary_user_stays_who_he_is)
{
	if (geteuid() == 0)
		cr_assert_eq(setuid(getpwnam("nobody")->pw_uid), 0);
	uid_t before = geteuid();
	struct privilege p;
	cr_assert(privilege_plan(&p, "weir-no-such-user", NULL, &e), "%s", e.text);
	cr_assert(privilege_drop(&p, true, &e), "%s", e.text);
	cr_expect_eq(geteuid(), before);
	expect_status("NoNewPrivs", "1");
}

Test(privilege, a_missing_capability_is_said_with_its_cure)
{
	if (geteuid() == 0)
		cr_assert_eq(setuid(getpwnam("nobody")->pw_uid), 0);
	struct privilege p;
	cr_assert_not(privilege_plan(&p, NULL, "transparent pool 'web'", &e));
	cr_expect_not_null(strstr(e.text, "transparent pool 'web'"), "%s", e.text);
	cr_expect_not_null(strstr(e.text, "CAP_NET_RAW is missing"), "%s", e.text);
	cr_expect_not_null(strstr(e.text, "setcap cap_net_raw+ep"), "%s", e.text);
}

Test(privilege, an_ordinary_user_with_the_capability_keeps_it)
{
	need_root();
	prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	cr_assert_eq(setuid(getpwnam("nobody")->pw_uid), 0);
	struct privilege p;
	cr_assert(privilege_plan(&p, "root", "transparent pool 'web'", &e), "%s", e.text);
	cr_assert(privilege_drop(&p, true, &e), "%s", e.text);
	expect_status("CapEff", "0000000000002000");
}

Test(privilege, files_are_raised_to_the_hard_limit)
{
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = 512 };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	privilege_raise_files();
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	cr_expect_eq(limit.rlim_cur, 512);
}
