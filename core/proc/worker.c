/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/worker.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/loop.h"
#include "net/timer.h"
#include "proc/reload.h"
#include "proc/supervisor.h"
#include "rule/rule_file.h"
#include "share/life.h"
#include "share/reload.h"
#include "txn/world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Access lines leave in batches: a write per turn would be a third of all system calls. */
#define LOG_MILLISECONDS 100

static struct {
	const struct child *child;
	struct start *start;
	struct world world;
	struct loop_signal on_term, on_reload;
	struct loop_task reload_task;
	uint64_t rules_version; /* that is being loaded, or in use */
	struct loop_io life;
	struct timer beat;
	struct timer log_timer;
	struct loop_task log_task;
	bool is_log_due; /* log_timer is set */
	struct timer limit;
	bool is_stopping;
	bool was_cut;
} worker;

/* ---- signs of life, and the log ------------------------------------------------------------------ */

static void report_dropped_lines(void)
{
	uint64_t dropped = log_access_take_dropped();
	if (dropped == 0)
		return;
	stats_add(&stats_worker_row(&worker.start->share, worker.child->index)->log_lines_dropped,
		  dropped);
	log_warn("%llu log lines were lost: whoever reads the log is too slow, or it cannot grow",
		 (unsigned long long)dropped);
}

static void on_beat(struct timer *timer)
{
	life_turn(&worker.start->share, worker.child->index, clock_milliseconds());
	report_dropped_lines();
	timer_set(timer, supervisor_beat_milliseconds(worker.start->conf->watchdog_milliseconds));
}

/* Put off to the end of the turn, so that this turn's lines leave too. */
static void on_log_timer(struct timer *timer)
{
	(void)timer;
	loop_later(&worker.log_task);
}

static void flush_log(struct loop_task *task)
{
	(void)task;
	worker.is_log_due = false;
	log_access_flush();
}

/* Whatever this turn will log leaves soon, and an idle worker sleeps. */
static void on_turn(void)
{
	if (worker.is_log_due || !log_access_is_on())
		return;
	worker.is_log_due = true;
	timer_set(&worker.log_timer, LOG_MILLISECONDS);
}

/* ---- other rules ------------------------------------------------------------------------------------- */

/* The others, or none for want of memory or the like: the supervisor must not wait for us. */
static void say_reloaded(void)
{
	reload_set_worker_version(&worker.start->share, worker.child->index, worker.rules_version);
	child_report_reloaded(worker.child);
}

/* One rule per turn of the loop: traffic goes on in between. */
static void load_next_rule(struct loop_task *task)
{
	struct complaints complaints = { 0 };
	enum world_reload result = world_reload_rules(&worker.world, &complaints);
	if (result == WORLD_RELOAD_FAILED)
		log_error("the rules that were reloaded do not compile here: the old ones stay");
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	if (result == WORLD_RELOAD_GOES_ON)
		loop_later(task);
	else
		say_reloaded();
}

/* Takes the texts of that version; the supervisor leaves them alone until we have said that we did. */
static bool read_texts(uint64_t version)
{
	struct err e;
	worker.rules_version = version;
	if (version == 0 || rule_files_read(start_rule_texts(worker.start, version), &e))
		return true;
	log_error("%s", e.text);
	return false;
}

static void on_reload(int signal_number)
{
	(void)signal_number;
	uint64_t version = reload_version(&worker.start->share);
	if (version == worker.rules_version || worker.is_stopping)
		return;
	if (read_texts(version))
		loop_later(&worker.reload_task);
	else
		say_reloaded();
}

/*
 * We could write there, as whoever opened them: opened anew we cannot, and the user that we become may
 * not. Where there is no /proc it stays as it is: the texts are no better guarded than the segment.
 */
static void only_read_texts(struct start *start)
{
	char path[32];
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", start->rule_texts[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd == -1) {
			log_debug("cannot open '%s': %s", path, strerror(errno));
			continue;
		}
		close(start->rule_texts[i]);
		start->rule_texts[i] = fd;
	}
}

/* ---- stopping --------------------------------------------------------------------------------------- */

static void on_empty(struct world *world)
{
	(void)world;
	loop_stop();
}

static void on_limit(struct timer *timer)
{
	(void)timer;
	worker.was_cut = true;
	log_warn("cutting off %u sessions: the time to finish is over", worker.world.session_count);
	loop_stop();
}

static void stop(void)
{
	uint64_t limit = worker.start->conf->shutdown_milliseconds;
	if (worker.is_stopping)
		return;
	worker.is_stopping = true;
	timer_set(&worker.limit, limit == 0 ? 1 : limit);
	world_stop(&worker.world, on_empty);
	/* from now on the kernel refuses who comes, and the port is free for another weir */
	listeners_close(&worker.start->listeners);
}

static void on_term(int signal_number)
{
	(void)signal_number;
	stop();
}

static void on_life(struct loop_io *io)
{
	loop_io_stop(io);
	log_warn("the supervisor is gone: stopping");
	stop();
}

/* ---- from start to end -------------------------------------------------------------------------------- */

static bool open_world(void)
{
	struct start *start = worker.start;
	struct complaints complaints = { 0 };
	size_t count;
	const struct rule_function *functions = api_functions(&count);
	int *fds = memory_new(start->listeners.count + 1, sizeof *fds);
	for (size_t i = 0; i < start->listeners.count; i++)
		fds[i] = start->listeners.list[i].fds[worker.child->index];
	bool is_open = world_open(&worker.world, start->conf, &start->share, worker.child->index,
				  functions, count, fds, &complaints);
	worker.world.resources = &start->resources;
	worker.world.geo = start->geo;
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	free(fds);
	return is_open;
}

static void watch(void)
{
	timer_init(&worker.beat, on_beat);
	timer_init(&worker.log_timer, on_log_timer);
	timer_init(&worker.limit, on_limit);
	worker.log_task.run = flush_log;
	worker.reload_task.run = load_next_rule;
	loop_watch_signal(&worker.on_reload, RELOAD_SIGNAL, on_reload);
	loop_watch_signal(&worker.on_term, SIGTERM, on_term);
	loop_io_start(&worker.life, worker.child->life, on_life);
	on_beat(&worker.beat);
}

int worker_run(const struct child *child, struct start *start)
{
	struct err e;
	worker.child = child;
	worker.start = start;
	listeners_keep(&start->listeners, child->index);
	control_let_go(&start->control);
	loop_open();
	only_read_texts(start);
	/* rules are read before we become a user who may not be allowed to: nothing of them runs yet */
	if (!read_texts(reload_version(&start->share)) || !open_world())
		return CHILD_CANNOT_START;
	reload_set_worker_version(&start->share, child->index, worker.rules_version);
	if (!privilege_drop(&start->privilege, true, &e)) {
		log_error("%s", e.text);
		return CHILD_CANNOT_START;
	}
	watch();
	child_accept_stop();
	child_report_ready(child);
	loop_run(on_turn);
	world_close(&worker.world);
	log_access_flush();
	loop_close();
	return worker.was_cut ? 1 : 0;
}
