/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/worker.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/loop.h"
#include "net/timer.h"
#include "proc/supervisor.h"
#include "share/life.h"
#include "txn/world.h"

#include <signal.h>
#include <stdlib.h>

/* Access lines leave in batches: a write per turn would be a third of all system calls. */
#define LOG_MILLISECONDS 100

static struct {
	const struct child *child;
	struct start *start;
	struct world world;
	struct loop_signal on_term;
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
	/* rules are read before we become a user who may not be allowed to: nothing of them runs yet */
	if (!open_world())
		return CHILD_CANNOT_START;
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
