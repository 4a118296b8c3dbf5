/*
 * The supervisor with small workers of the test's own. All of them write log lines into one pipe;
 * the test waits for lines, never for time. It is long because all tests share those workers.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/supervisor.h"

#include "base/clock.h"
#include "base/log.h"
#include "share/life.h"
#include "share/stats.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static struct share share;
static struct supervisor_plan plan;
static pid_t weir;
static FILE *lines;

/* ---- workers ------------------------------------------------------------------------------------ */

/* Waits for SIGTERM or the supervisor's end, turning all the while. */
static const char *wait_for_end(const struct child *child)
{
	struct pollfd life = { .fd = child->life, .events = POLLIN };
	struct timespec none = { 0 };
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	for (;;) {
		clock_update();
		life_turn(&share, child->index, clock_milliseconds());
		if (sigtimedwait(&stop, NULL, &none) == SIGTERM)
			return "told to stop";
		if (poll(&life, 1, 10) == 1)
			return "orphaned";
	}
}

static void come_up(const struct child *child)
{
	alarm(60);
	stats_add(&stats_vserver_row(&share, child->index, 0)->sessions_current, 1);
	stats_add(&stats_vserver_row(&share, child->index, 0)->sessions, 1);
	child_report_ready(child);
	log_info("up as process %d", (int)getpid());
}

static int run_well(const struct child *child, void *extra)
{
	(void)extra;
	come_up(child);
	log_info("%s", wait_for_end(child));
	_exit(0);
}

static int run_and_lose(const struct child *child, void *extra)
{
	(void)extra;
	come_up(child);
	wait_for_end(child);
	_exit(1);
}

static __attribute__((noreturn)) int run_deaf(const struct child *child, void *extra)
{
	(void)extra;
	come_up(child);
	for (;;) {
		clock_update();
		life_turn(&share, child->index, clock_milliseconds());
		poll(NULL, 0, 10);
	}
}

static int run_and_die(const struct child *child, void *extra)
{
	(void)child, (void)extra;
	_exit(3);
}

/* Lives just long enough to be nobody's quick death. */
static int run_a_while(const struct child *child, void *extra)
{
	(void)extra;
	come_up(child);
	for (uint64_t end = clock_read_microseconds() + 1100000; clock_read_microseconds() < end;)
		poll(NULL, 0, 100);
	_exit(3);
}

static int run_unable(const struct child *child, void *extra)
{
	(void)extra;
	if (child->index == 1)
		_exit(CHILD_CANNOT_START);
	return run_well(child, extra);
}

/* Worker 0 hangs in its first life; the others turn. */
static int run_and_hang(const struct child *child, void *extra)
{
	const char *how = extra;
	if (child->index != 0 || life_restarts(&share, 0) > 0)
		return run_well(child, NULL);
	come_up(child);
	if (strcmp(how, "stopped") == 0)
		raise(SIGSTOP);
	for (;;)
		pause();
}

static bool is_up(unsigned worker)
{
	return life_turned(&share, worker) != 0 && life_pid(&share, worker) != 0;
}

static int run_and_ask(const struct child *child, void *extra)
{
	(void)extra;
	child_report_stop(child);
	return run_well(child, NULL);
}

static int run_keeper(const struct child *child, void *extra)
{
	const char *how = extra;
	alarm(60);
	log_info("up as process %d", (int)getpid());
	if (how != NULL && strcmp(how, "keeper asks") == 0) {
		while (!is_up(0) || !is_up(1))
			poll(NULL, 0, 1);
		child_report_stop(child);
	}
	struct pollfd life = { .fd = child->life, .events = POLLIN };
	struct timespec none = { 0 };
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	while (poll(&life, 1, 10) == 0)
		if (sigtimedwait(&stop, NULL, &none) == SIGTERM)
			break;
	log_info("the workers are processes %d and %d", (int)life_pid(&share, 0),
		 (int)life_pid(&share, 1));
	_exit(0);
}

/* ---- the test's hands --------------------------------------------------------------------------- */

static void prepare(void)
{
	static struct share_counts counts = { .workers = 2, .vservers = 1, .outcomes = 1 };
	struct err e;
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
	plan = (struct supervisor_plan){ .workers = 2,
					 .run_worker = run_well,
					 .run_keeper = run_keeper,
					 .share = &share,
					 .shutdown_milliseconds = 60000 };
}

static void start_weir(void)
{
	int ends[2];
	cr_assert_eq(pipe(ends), 0);
	fflush(NULL);
	weir = fork();
	if (weir == 0) {
		alarm(60); /* a failed test leaves nobody behind: here, and where children set it */
		setpgid(0, 0);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		_exit(supervisor_run(&plan));
	}
	setpgid(weir, weir);
	close(ends[1]);
	lines = fdopen(ends[0], "r");
	setvbuf(lines, NULL, _IONBF, 0);
}

/* The next log line; false when all writers are gone. */
static bool next_line(char *line, size_t size)
{
	struct pollfd p = { .fd = fileno(lines), .events = POLLIN };
	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1, "no line in time");
	return fgets(line, (int)size, lines) != NULL;
}

/* Reads lines up to one that holds `text`; it is left in `line`. */
static void wait_line(const char *text, char line[4096])
{
	do
		cr_assert(next_line(line, 4096), "all gone, but no line '%s'", text);
	while (strstr(line, text) == NULL);
}

static pid_t wait_up(const char *name)
{
	char text[64], line[4096];
	snprintf(text, sizeof text, "%s: up as process ", name);
	wait_line(text, line);
	return (pid_t)atoi(strstr(line, text) + strlen(text));
}

/* All three in any order. */
static void wait_all_up(pid_t pids[3])
{
	static const char *const names[] = { "worker 0", "worker 1", "keeper" };
	char line[4096], text[64];
	for (int seen = 0; seen < 4;) {
		cr_assert(next_line(line, sizeof line));
		if (strstr(line, ": ready\n") != NULL)
			seen++;
		for (int i = 0; i < 3; i++) {
			snprintf(text, sizeof text, "%s: up as process ", names[i]);
			const char *at = strstr(line, text);
			if (at == NULL)
				continue;
			pids[i] = (pid_t)atoi(at + strlen(text));
			seen++;
		}
	}
}

static int wait_exit(void)
{
	int status;
	cr_assert_eq(waitpid(weir, &status, 0), weir);
	cr_assert(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* Reads the rest; fails when a line holds `text`. */
static void expect_no_line(const char *text)
{
	char line[4096];
	while (next_line(line, sizeof line))
		cr_expect_null(strstr(line, text), "%s", line);
}

TestSuite(supervisor, .init = prepare);

/* ---- starting and starting again ------------------------------------------------------------------ */

Test(supervisor, starts_all_and_stops_gracefully)
{
	pid_t pids[3];
	start_weir();
	wait_all_up(pids);
	kill(weir, SIGTERM);
	cr_expect_eq(wait_exit(), 0);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(kill(pids[i], 0), -1);
}

Test(supervisor, others_can_see_which_processes_the_workers_are)
{
	pid_t pids[3];
	start_weir();
	wait_all_up(pids);
	cr_expect_eq(life_pid(&share, 0), pids[0]);
	cr_expect_eq(life_pid(&share, 1), pids[1]);
	kill(pids[1], SIGKILL);
	pid_t next = wait_up("worker 1");
	cr_expect_neq(next, pids[1]);
	/* it may speak before the supervisor has noted it */
	for (int patience = PATIENCE_MS; life_pid(&share, 1) != next && patience > 0; patience--)
		poll(NULL, 0, 1);
	cr_expect_eq(life_pid(&share, 1), next);
	kill(weir, SIGTERM);
	wait_exit();
}

Test(supervisor, stops_when_the_keeper_asks_and_the_keeper_goes_last)
{
	char line[4096];
	plan.extra = "keeper asks";
	start_weir();
	wait_line("stopping: told to over the control socket", line);
	wait_line("keeper: the workers are processes 0 and 0", line);
	cr_expect_eq(wait_exit(), 0);
}

Test(supervisor, a_worker_cannot_stop_weir)
{
	pid_t pids[3];
	char line[4096];
	plan.run_worker = run_and_ask;
	start_weir();
	wait_all_up(pids);
	kill(weir, SIGTERM);
	wait_line("stopping: ", line);
	cr_expect_not_null(strstr(line, "told to by SIGTERM"), "%s", line);
	wait_exit();
}

Test(supervisor, a_killed_child_is_replaced_and_the_others_live_on)
{
	static const char *const names[] = { "worker 0", "worker 1", "keeper" };
	char line[4096];
	pid_t pids[3];
	start_weir();
	wait_all_up(pids);
	for (int i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		wait_line("was killed by signal 9", line);
		cr_expect_not_null(strstr(line, names[i]), "%s", line);
		cr_expect_neq(wait_up(names[i]), pids[i]);
	}
	cr_expect_eq(life_restarts(&share, 0), 1);
	cr_expect_eq(life_restarts(&share, 1), 1);
	kill(weir, SIGTERM);
	expect_no_line("was killed");
	cr_expect_eq(wait_exit(), 0);
}

Test(supervisor, what_a_dead_worker_had_open_is_given_back)
{
	pid_t pids[3];
	start_weir();
	wait_all_up(pids);
	kill(pids[1], SIGKILL);
	wait_up("worker 1");
	struct stats_vserver *sum = malloc(share.vserver_bytes);
	stats_sum_vserver(&share, 0, sum);
	cr_expect_eq(sum->sessions, 3);
	cr_expect_eq(sum->sessions_current, 2);
	free(sum);
	kill(weir, SIGTERM);
	wait_exit();
}

Test(supervisor, a_child_that_lived_a_while_is_replaced_at_once)
{
	char line[4096];
	plan.run_worker = run_a_while;
	start_weir();
	wait_line("exited with status 3", line);
	cr_expect_not_null(strstr(line, "; starting another\n"), "%s", line);
	kill(weir, SIGINT);
	kill(weir, SIGINT);
	wait_exit();
}

Test(supervisor, a_child_that_dies_at_once_waits_longer_each_time)
{
	char line[4096];
	plan.workers = 1;
	plan.run_worker = run_and_die;
	start_weir();
	wait_line("starting another in 100 ms", line);
	wait_line("starting another in ", line);
	cr_expect_not_null(strstr(line, "in 200 ms"), "%s", line);
	wait_line("starting another in ", line);
	cr_expect_not_null(strstr(line, "in 400 ms"), "%s", line);
	kill(weir, SIGTERM);
	expect_no_line("starting another");
	cr_expect_eq(wait_exit(), 0, "nothing ran that could be cut");
}

Test(supervisor, pauses_double_up_to_five_seconds)
{
	cr_expect_eq(supervisor_pause_milliseconds(0), 0);
	cr_expect_eq(supervisor_pause_milliseconds(1), 100);
	cr_expect_eq(supervisor_pause_milliseconds(6), 3200);
	cr_expect_eq(supervisor_pause_milliseconds(7), 5000);
	cr_expect_eq(supervisor_pause_milliseconds(64), 5000);
	cr_expect_eq(supervisor_pause_milliseconds(UINT32_MAX), 5000);
}

Test(supervisor, a_worker_that_cannot_be_set_up_ends_the_start)
{
	char line[4096];
	plan.run_worker = run_unable;
	start_weir();
	wait_line("worker 1 cannot be set up", line);
	expect_no_line("supervisor: ready");
	cr_expect_eq(wait_exit(), 1);
}

/* ---- readiness -------------------------------------------------------------------------------------- */

static int open_notify_socket(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int len = snprintf(name.sun_path, sizeof name.sun_path, "@weir-unit-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name.sun_path, 1);
	name.sun_path[0] = '\0'; /* an abstract name, which systemd writes with an @ */
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, size), 0);
	return fd;
}

static void expect_notice(int fd, const char *text)
{
	char got[256] = "";
	struct pollfd p = { .fd = fd, .events = POLLIN };
	cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1);
	cr_assert_gt(recv(fd, got, sizeof got - 1, 0), 0);
	cr_expect_str_eq(got, text);
}

Test(supervisor, systemd_hears_of_ready_and_stopping)
{
	int fd = open_notify_socket();
	start_weir();
	expect_notice(fd, "READY=1");
	kill(weir, SIGTERM);
	expect_notice(fd, "STOPPING=1");
	cr_expect_eq(wait_exit(), 0);
	close(fd);
}

Test(supervisor, ready_is_said_once)
{
	pid_t pids[3];
	start_weir();
	wait_all_up(pids);
	kill(pids[0], SIGKILL);
	wait_up("worker 0");
	kill(weir, SIGTERM);
	expect_no_line(": ready");
	cr_expect_eq(wait_exit(), 0);
}

/* ---- the watchdog ------------------------------------------------------------------------------------- */

Test(supervisor, a_worker_that_hangs_is_replaced)
{
	char line[4096];
	plan.watchdog_milliseconds = 400;
	plan.run_worker = run_and_hang;
	plan.extra = "spinning";
	start_weir();
	wait_line("has not turned its loop", line);
	cr_expect_not_null(strstr(line, "worker 0"), "%s", line);
	wait_line("worker 0 was killed by signal 6", line);
	wait_up("worker 0");
	kill(weir, SIGTERM);
	expect_no_line("has not turned");
	cr_expect_eq(wait_exit(), 0);
}

Test(supervisor, one_that_does_not_die_of_the_first_signal_is_killed)
{
	char line[4096];
	plan.watchdog_milliseconds = 400;
	plan.run_worker = run_and_hang;
	plan.extra = "stopped";
	start_weir();
	wait_line("has not turned its loop", line);
	wait_line("worker 0 was killed by signal 9", line);
	wait_up("worker 0");
	kill(weir, SIGTERM);
	cr_expect_eq(wait_exit(), 0);
}

Test(supervisor, a_beat_is_well_within_the_watchdogs_time)
{
	cr_expect_eq(supervisor_beat_milliseconds(5000), 1000);
	cr_expect_eq(supervisor_beat_milliseconds(400), 100);
	cr_expect_eq(supervisor_beat_milliseconds(1), 10);
	cr_expect_eq(supervisor_beat_milliseconds(0), 1000, "without a watchdog no hurry");
}

/* ---- stopping ------------------------------------------------------------------------------------------ */

Test(supervisor, a_worker_that_cut_its_transactions_makes_the_status_1)
{
	pid_t pids[3];
	plan.run_worker = run_and_lose;
	start_weir();
	wait_all_up(pids);
	kill(weir, SIGTERM);
	cr_expect_eq(wait_exit(), 1);
}

Test(supervisor, workers_that_do_not_finish_in_time_are_killed)
{
	char line[4096];
	pid_t pids[3];
	plan.shutdown_milliseconds = 50;
	plan.run_worker = run_deaf;
	start_weir();
	wait_all_up(pids);
	kill(weir, SIGTERM);
	wait_line("the time to finish is over", line);
	cr_expect_eq(wait_exit(), 1);
	cr_expect_eq(kill(pids[0], 0), -1);
}

Test(supervisor, the_second_sigint_kills_at_once)
{
	char line[4096];
	pid_t pids[3];
	plan.run_worker = run_deaf;
	start_weir();
	wait_all_up(pids);
	kill(weir, SIGINT);
	wait_line("stopping: told to by SIGINT", line);
	kill(weir, SIGINT);
	cr_expect_eq(wait_exit(), 1);
	expect_no_line("starting another");
}

Test(supervisor, a_second_sigterm_changes_nothing)
{
	char line[4096];
	pid_t pids[3];
	plan.run_worker = run_deaf;
	start_weir();
	wait_all_up(pids);
	kill(weir, SIGTERM);
	wait_line("stopping: told to by SIGTERM", line);
	kill(weir, SIGTERM);
	kill(weir, SIGHUP);
	wait_line("nothing is reloaded any more", line); /* so the other has been taken too */
	cr_expect_eq(kill(pids[0], 0), 0);
	kill(weir, SIGINT);
	cr_expect_eq(wait_exit(), 1);
}

Test(supervisor, ctrl_c_reaches_the_children_by_the_supervisor_only)
{
	pid_t pids[3];
	start_weir();
	wait_all_up(pids);
	kill(-weir, SIGINT);
	cr_expect_eq(wait_exit(), 0);
	expect_no_line("was killed");
}

Test(supervisor, children_see_that_the_supervisor_is_gone)
{
	char line[4096];
	pid_t pids[3];
	start_weir();
	wait_all_up(pids);
	kill(weir, SIGKILL);
	int status;
	cr_assert_eq(waitpid(weir, &status, 0), weir);
	wait_line(": orphaned", line);
	wait_line(": orphaned", line);
	/* the last of them closes the pipe; the keeper may have had something to say before */
	expect_no_line(": orphaned");
}
