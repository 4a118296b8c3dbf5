/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/supervisor.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cache/cache_store.h"
#include "proc/reload.h"
#include "share/life.h"
#include "share/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define QUICK_DEATH_MS 1000 /* a life shorter than this makes the next start wait */
#define FIRST_PAUSE_MS 100
#define LONGEST_PAUSE_MS 5000
#define ABORT_GRACE_MS 1000 /* from SIGABRT to SIGKILL: time to write a core file */
#define CUT_GRACE_MS \
	1000             /* a worker cuts its own transactions at the end of the time; then we do */
#define START_PATIENCE 6 /* a worker that compiles its rules does not turn: so many times longer */

/* Owned by the supervisor. */
struct process {
	struct child child;
	bool is_worker;
	char name[24];
	pid_t pid;             /* 0: not running */
	uint64_t started;      /* milliseconds, as all times here */
	uint64_t start_at;     /* when not running: not before */
	unsigned quick_deaths; /* in a row */
	bool is_ready;
	uint64_t aborted; /* when the watchdog sent SIGABRT; 0: it did not */
};

struct supervisor {
	const struct supervisor_plan *plan;
	struct process *list; /* the workers, then the keeper */
	unsigned count;
	int signals;    /* signalfd */
	int life[2];    /* the children read; never written */
	int reports[2]; /* the children write */
	sigset_t old_mask;
	uint64_t looked; /* when the watchdog last looked */
	bool was_ready;  /* all at once, at some time */
	bool is_stopping;
	uint64_t kill_at; /* while stopping */
	bool was_cut;
	struct reload reload;
};

uint64_t supervisor_beat_milliseconds(uint64_t watchdog_milliseconds)
{
	uint64_t beat = watchdog_milliseconds / 4;
	if (watchdog_milliseconds == 0 || beat > 1000)
		return 1000;
	return beat < 10 ? 10 : beat;
}

uint64_t supervisor_pause_milliseconds(unsigned quick_deaths)
{
	if (quick_deaths == 0)
		return 0;
	uint64_t doublings = quick_deaths < 16 ? quick_deaths - 1 : 16;
	uint64_t pause = (uint64_t)FIRST_PAUSE_MS << doublings;
	return pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
}

/* ---- starting ----------------------------------------------------------------------------------- */

static void set_signals(struct supervisor *s)
{
	static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
		sigaddset(&set, handled[i]);
	sigprocmask(SIG_BLOCK, &set, &s->old_mask);
	/* who started us may have ignored it; then no child could ever be waited for */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool supervisor_open(struct supervisor *s, const struct supervisor_plan *plan)
{
	check(plan->workers > 0 && plan->workers <= plan->share->workers);
	clock_update();
	*s = (struct supervisor){ .plan = plan,
				  .count = plan->workers + 1,
				  .reload = { .share = plan->share,
					      .run_check = plan->check_rules,
					      .extra = plan->extra },
				  .looked = clock_milliseconds(),
				  .signals = -1,
				  .life = { -1, -1 },
				  .reports = { -1, -1 } };
	s->list = memory_new(s->count, sizeof *s->list);
	set_signals(s);
	bool is_open = s->signals != -1 && pipe2(s->life, O_CLOEXEC) == 0 &&
		       pipe2(s->reports, O_CLOEXEC | O_NONBLOCK) == 0;
	if (!is_open)
		log_error("cannot open '%s': %s", s->signals == -1 ? "signalfd" : "pipe",
			  strerror(errno));
	for (unsigned i = 0; i < s->count; i++) {
		struct process *p = &s->list[i];
		p->is_worker = i < plan->workers;
		p->child = (struct child){ .index = p->is_worker ? i : 0,
					   .life = s->life[0],
					   .reports = s->reports[1] };
		if (p->is_worker)
			snprintf(p->name, sizeof p->name, "worker %u", i);
		else
			snprintf(p->name, sizeof p->name, "keeper");
	}
	return is_open;
}

static void close_open(int fd)
{
	if (fd != -1)
		close(fd);
}

static void supervisor_close(struct supervisor *s)
{
	close_open(s->signals);
	for (int i = 0; i < 2; i++) {
		close_open(s->life[i]);
		close_open(s->reports[i]);
	}
	free(s->list);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

/* In the child: lets go of what is the supervisor's, and lives. */
static _Noreturn void live(struct supervisor *s, const struct process *p)
{
	const struct supervisor_plan *plan = s->plan;
	const struct child child = p->child;
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, RELOAD_SIGNAL);
	sigprocmask(SIG_SETMASK, &stop, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	close(s->signals);
	close(s->life[1]);
	close(s->reports[0]);
	log_set_process(p->name);
	bool is_worker = p->is_worker;
	free(s->list);
	exit((is_worker ? plan->run_worker : plan->run_keeper)(&child, plan->extra));
}

/* When it may start again, and how long that is from now. */
static uint64_t plan_restart(struct process *p, uint64_t now)
{
	bool is_quick = now - p->started < QUICK_DEATH_MS;
	p->quick_deaths = is_quick ? p->quick_deaths + 1 : 0;
	uint64_t pause = supervisor_pause_milliseconds(p->quick_deaths);
	p->start_at = now + pause;
	return pause;
}

static void start(struct supervisor *s, struct process *p)
{
	uint64_t now = clock_milliseconds();
	p->started = now;
	p->is_ready = false;
	p->aborted = 0;
	if (p->is_worker) {
		life_turn(s->plan->share, p->child.index, now);
		life_set_rule(s->plan->share, p->child.index, 0);
		reload_set_worker_version(s->plan->share, p->child.index, 0);
	}
	fflush(NULL); /* or the child would write it too */
	pid_t pid = fork();
	if (pid == 0)
		live(s, p);
	if (pid == -1) {
		uint64_t pause = plan_restart(p, now);
		log_error("cannot start '%s': %s; trying again in %llu ms", p->name,
			  strerror(errno), (unsigned long long)pause);
		return;
	}
	p->pid = pid;
	if (p->is_worker)
		life_set_pid(s->plan->share, p->child.index, pid);
	log_debug("%s started as process %d", p->name, (int)pid);
}

static void start_due(struct supervisor *s)
{
	if (s->is_stopping)
		return;
	for (unsigned i = 0; i < s->count; i++)
		if (s->list[i].pid == 0 && s->list[i].start_at <= clock_milliseconds())
			start(s, &s->list[i]);
}

/* ---- stopping ------------------------------------------------------------------------------------ */

static void send_all(struct supervisor *s, unsigned count, int signal_number)
{
	for (unsigned i = 0; i < count; i++)
		if (s->list[i].pid != 0)
			kill(s->list[i].pid, signal_number);
}

/* The keeper goes last: it can still say what the others are waiting for. */
static void stop_keeper_when_alone(struct supervisor *s)
{
	pid_t keeper = s->list[s->plan->workers].pid;
	for (unsigned i = 0; i < s->plan->workers; i++)
		if (s->list[i].pid != 0)
			return;
	if (keeper != 0)
		kill(keeper, SIGTERM);
}

static void begin_stop(struct supervisor *s, const char *why)
{
	if (s->is_stopping)
		return;
	s->is_stopping = true;
	s->kill_at = clock_milliseconds() + s->plan->shutdown_milliseconds + CUT_GRACE_MS;
	log_info("stopping: %s; transactions have %llu ms to finish", why,
		 (unsigned long long)s->plan->shutdown_milliseconds);
	sd_notify(0, "STOPPING=1");
	/* a socket that only we hold would go on taking connections that nobody will ever accept */
	if (s->plan->listeners != NULL)
		listeners_close(s->plan->listeners);
	reload_stop(&s->reload);
	send_all(s, s->plan->workers, SIGTERM);
	stop_keeper_when_alone(s);
}

static void kill_rest(struct supervisor *s, const char *why)
{
	log_warn("stopping at once: %s", why);
	s->was_cut = true;
	s->kill_at = UINT64_MAX;
	send_all(s, s->count, SIGKILL);
}

static bool is_over(const struct supervisor *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->list[i].pid != 0)
			return false;
	return s->is_stopping;
}

/* ---- what happens to children -------------------------------------------------------------------- */

static struct process *find(struct supervisor *s, pid_t pid)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->list[i].pid == pid)
			return &s->list[i];
	return NULL;
}

static void tell_end(char *text, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
}

static void on_end_while_stopping(struct supervisor *s, const struct process *p, const char *how,
				  int status)
{
	bool is_fine = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (is_fine)
		log_debug("%s finished", p->name);
	else
		log_warn("%s %s before it had finished", p->name, how);
	s->was_cut = s->was_cut || !is_fine;
}

static void on_end(struct supervisor *s, struct process *p, int status)
{
	char how[80];
	tell_end(how, sizeof how, status);
	p->pid = 0;
	p->is_ready = false;
	if (p->is_worker) {
		segment_give_back(s->plan->share, p->child.index);
		if (s->plan->share->cache != NULL)
			cache_store_give_back(s->plan->share->cache, p->child.index);
		life_set_pid(s->plan->share, p->child.index, 0);
	}
	if (s->is_stopping) {
		on_end_while_stopping(s, p, how, status);
		stop_keeper_when_alone(s);
		return;
	}
	if (!s->was_ready && WIFEXITED(status) && WEXITSTATUS(status) == CHILD_CANNOT_START) {
		s->was_cut = true;
		log_error("%s cannot be set up", p->name);
		begin_stop(s, "weir cannot start");
		return;
	}
	uint64_t pause = plan_restart(p, clock_milliseconds());
	if (p->is_worker)
		life_count_restart(s->plan->share, p->child.index);
	if (pause == 0)
		log_error("%s %s; starting another", p->name, how);
	else
		log_error("%s %s soon after its start; starting another in %llu ms", p->name, how,
			  (unsigned long long)pause);
}

/* Every child that ended, also orphans that we inherit when we are process 1 of a container. */
static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct process *p = find(s, pid);
		if (p != NULL)
			on_end(s, p, status);
		else
			reload_on_end(&s->reload, pid, status);
	}
}

static void on_report(struct supervisor *s, const struct child_report *r)
{
	struct process *p = r->pid > 0 ? find(s, r->pid) : NULL;
	if (p == NULL)
		return;
	if (r->word == CHILD_READY)
		p->is_ready = true;
	else if (r->word == CHILD_WANTS_STOP && !p->is_worker)
		begin_stop(s, "told to over the control socket");
	else if (r->word == CHILD_WANTS_RELOAD && !p->is_worker && !s->is_stopping)
		reload_want(&s->reload, r->user, r->asker);
}

static void take_reports(struct supervisor *s)
{
	struct child_report r;
	/* bounded: a child gone mad must not hold us here */
	for (unsigned i = 0; i < s->count && read(s->reports[0], &r, sizeof r) == (ssize_t)sizeof r;
	     i++)
		on_report(s, &r);
	for (unsigned i = 0; i < s->plan->workers; i++)
		if (!s->list[i].is_ready)
			return;
	if (s->was_ready || s->is_stopping)
		return;
	s->was_ready = true;
	log_info("ready");
	sd_notify(0, "READY=1");
}

/* ---- the watchdog ----------------------------------------------------------------------------------- */

static void tell_hanging(const struct supervisor *s, const struct process *p, uint64_t since)
{
	uint64_t rule = life_rule(s->plan->share, p->child.index);
	const char *name = NULL;
	if (rule != 0 && s->plan->name_rule != NULL)
		name = s->plan->name_rule(rule, s->plan->extra);
	log_error("%s (process %d) has not turned its loop for %llu ms%s%s%s: killing it", p->name,
		  (int)p->pid, (unsigned long long)since, name != NULL ? ", in rule '" : "",
		  name != NULL ? name : "", name != NULL ? "'" : "");
}

static void watch(struct supervisor *s, struct process *p, uint64_t now)
{
	if (p->aborted != 0) {
		if (now - p->aborted >= ABORT_GRACE_MS)
			kill(p->pid, SIGKILL);
		return;
	}
	uint64_t limit = s->plan->watchdog_milliseconds * (p->is_ready ? 1 : START_PATIENCE);
	uint64_t turned = life_turned(s->plan->share, p->child.index);
	if (turned >= now || now - turned <= limit)
		return;
	tell_hanging(s, p, now - turned);
	p->aborted = now;
	kill(p->pid, SIGABRT);
}

static void watch_all(struct supervisor *s)
{
	uint64_t beat = supervisor_beat_milliseconds(s->plan->watchdog_milliseconds);
	uint64_t now = clock_milliseconds(), since = now - s->looked;
	if (s->plan->watchdog_milliseconds == 0 || since < beat)
		return;
	s->looked = now;
	/* we slept too, so all of us were stopped or starved: no proof against a worker */
	if (since > 2 * beat)
		return;
	for (unsigned i = 0; i < s->plan->workers; i++)
		if (s->list[i].pid != 0)
			watch(s, &s->list[i], now);
}

/* ---- one turn ---------------------------------------------------------------------------------------- */

static void on_signal(struct supervisor *s, const struct signalfd_siginfo *info)
{
	switch (info->ssi_signo) {
	case SIGTERM:
		begin_stop(s, "told to by SIGTERM");
		break;
	case SIGINT:
		if (s->is_stopping)
			kill_rest(s, "told to by SIGINT");
		else
			begin_stop(s, "told to by SIGINT");
		break;
	case SIGHUP:
		reload_ask(s->plan->share);
		if (s->is_stopping)
			log_warn("nothing is reloaded any more: weir is stopping");
		else
			reload_want(&s->reload, info->ssi_uid, (pid_t)info->ssi_pid);
		break;
	default:
		reap(s);
	}
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
		on_signal(s, &info);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Milliseconds to the next thing that happens by itself; -1: nothing does. */
static int time_to_next(const struct supervisor *s)
{
	uint64_t next = s->is_stopping ? s->kill_at : UINT64_MAX;
	for (unsigned i = 0; i < s->count && !s->is_stopping; i++)
		if (s->list[i].pid == 0)
			next = sooner(next, s->list[i].start_at);
	if (s->plan->watchdog_milliseconds != 0)
		next = sooner(next, s->looked + supervisor_beat_milliseconds(
							s->plan->watchdog_milliseconds));
	uint64_t now = clock_milliseconds();
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)sooner(next - now, 60000);
}

static void turn(struct supervisor *s)
{
	struct pollfd fds[] = { { .fd = s->signals, .events = POLLIN },
				{ .fd = s->reports[0], .events = POLLIN } };
	poll(fds, 2, time_to_next(s));
	clock_update();
	take_signals(s);
	take_reports(s);
	start_due(s);
	watch_all(s);
	reload_turn(&s->reload);
	if (s->is_stopping && clock_milliseconds() >= s->kill_at)
		kill_rest(s, "the time to finish is over");
}

int supervisor_run(const struct supervisor_plan *plan)
{
	struct supervisor s;
	bool is_whole = supervisor_open(&s, plan);
	if (is_whole) {
		start_due(&s);
		while (!is_over(&s))
			turn(&s);
		is_whole = !s.was_cut;
		log_info(is_whole ? "stopped" : "stopped; not everything was finished");
	}
	supervisor_close(&s);
	return is_whole ? 0 : 1;
}
