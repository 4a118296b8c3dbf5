/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/control.h"

#include "admin_unit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct control control;
static struct err why;

TestSuite(control, .init = unit_make_directory, .fini = unit_close);

static void open_at(const char *path)
{
	cr_assert_eq(control_open(&control, path, &why), CONTROL_OPEN, "%s", why.text);
}

/* A process that listens at `path` until it is killed. */
static pid_t run_other(const char *path)
{
	int ready[2];
	char byte;
	cr_assert_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct control other;
		struct err e;
		alarm(60);
		if (control_open(&other, path, &e) == CONTROL_OPEN && write(ready[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_other(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(control, listens_for_its_owner_only_and_removes_its_file)
{
	struct stat found;
	const char *path = unit_path("sock");
	mode_t before = umask(022);
	open_at(path);
	cr_expect_eq(umask(022), 022, "the process's own mask is as it was");
	umask(before);
	cr_assert_eq(stat(path, &found), 0);
	cr_expect_eq(found.st_mode & 0777, 0600);
	int fd = control_connect(path);
	cr_expect_neq(fd, -1);
	close(fd);
	control_close(&control);
	cr_expect_eq(control.fd, -1);
	cr_expect_eq(stat(path, &found), -1);
	control_close(&control);
}

Test(control, a_dead_ones_socket_is_replaced)
{
	const char *path = unit_path("sock");
	end_other(run_other(path));
	cr_expect_eq(access(path, F_OK), 0);
	cr_expect_eq(control_connect(path), -1);
	open_at(path);
	control_close(&control);
}

Test(control, a_living_one_is_named_and_left_alone)
{
	const char *path = unit_path("sock");
	char name[32];
	pid_t other = run_other(path);
	cr_expect_eq(control_open(&control, path, &why), CONTROL_FAILED);
	snprintf(name, sizeof name, "process %d ", (int)other);
	cr_expect_not_null(strstr(why.text, name), "%s", why.text);
	cr_expect_eq(control.fd, -1);
	int fd = control_connect(path);
	cr_expect_neq(fd, -1);
	close(fd);
	end_other(other);
}

static void close_later(int fd)
{
	if (fork() == 0) {
		alarm(60);
		poll(NULL, 0, 100);
		close(fd);
		_exit(0);
	}
	close(fd);
}

Test(control, children_of_a_killed_one_may_let_go_first)
{
	const char *path = unit_path("sock");
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	/* a process listens and ends; its child holds the socket for a moment */
	pid_t pid = fork();
	if (pid == 0) {
		struct control other;
		struct err e;
		if (control_open(&other, path, &e) != CONTROL_OPEN)
			_exit(1);
		close_later(other.fd);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	int fd = control_connect(path);
	cr_expect_neq(fd, -1, "it is still held");
	close(fd);
	open_at(path);
	control_close(&control);
}

Test(control, what_another_has_put_there_is_not_removed)
{
	const char *path = unit_path("sock");
	open_at(path);
	cr_assert_eq(unlink(path), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	control_close(&control);
	cr_expect_eq(access(path, F_OK), 0);
}

Test(control, a_worker_closes_it_and_leaves_the_file)
{
	const char *path = unit_path("sock");
	open_at(path);
	control_let_go(&control);
	cr_expect_eq(control.fd, -1);
	cr_expect_eq(access(path, F_OK), 0);
}

Test(control, only_the_last_directory_is_made)
{
	char path[128];
	struct err e;
	snprintf(path, sizeof path, "%s", unit_path("new/sock"));
	open_at(path);
	control_close(&control);
	cr_assert_eq(rmdir(unit_path("new")), 0);
	cr_expect_eq(control_open(&control, unit_path("a/b/sock"), &e), CONTROL_FAILED);
	cr_expect_not_null(strstr(e.text, "No such file"), "%s", e.text);
}

Test(control, other_files_are_left_alone)
{
	const char *path = unit_path("file");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	cr_expect_eq(control_open(&control, path, &why), CONTROL_FAILED);
	cr_expect_not_null(strstr(why.text, "no socket"), "%s", why.text);
	cr_expect_eq(access(path, F_OK), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(symlink("/nowhere", path), 0);
	cr_expect_eq(control_open(&control, path, &why), CONTROL_FAILED);
}

Test(control, a_path_may_have_107_bytes)
{
	char path[160];
	size_t len = (size_t)snprintf(path, sizeof path, "%s/", unit_directory);
	memset(path + len, 'x', 108 - len);
	path[108] = '\0';
	cr_expect_eq(control_open(&control, path, &why), CONTROL_FAILED);
	cr_expect_not_null(strstr(why.text, "107 bytes"), "%s", why.text);
	path[107] = '\0';
	open_at(path);
	control_close(&control);
}

Test(control, a_directory_that_may_not_be_written_is_forbidden)
{
	cr_assert_eq(chmod(unit_directory, 0500), 0);
	if (geteuid() == 0 && seteuid(65534) == -1)
		cr_skip_test("only root is mapped here");
	cr_expect_eq(control_open(&control, unit_path("sock"), &why), CONTROL_FORBIDDEN, "%s",
		     why.text);
	cr_expect_eq(control_open(&control, "/nowhere-of-ours/sock", &why), CONTROL_FORBIDDEN, "%s",
		     why.text);
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
}
