/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include "base/check.h"
#include "base/clock.h"
#include "net/loop_private.h"
#include "net/timer.h"

static struct {
	struct ev_loop *ev;
	ev_timer alarm; /* only bounds the wait: timers live in the wheel */
	ev_idle busy;   /* active while something put off waits for the next turn */
	uint64_t alarm_at;
	uint64_t turn;
	STAILQ_HEAD(, loop_task) later;
	unsigned later_count;
	void (*on_turn)(void);
	bool has_waited, is_stopped; /* since loop_run */
} loop = { .later = STAILQ_HEAD_INITIALIZER(loop.later) };

struct ev_loop *loop_ev(void)
{
	return loop.ev;
}

/*
 * One round: what these tasks put off in turn waits for the next turn, which then does not block.
 * A client with a thousand requests in one packet must not keep all others waiting.
 */
static void run_later(void)
{
	struct loop_task *task;
	for (unsigned round = loop.later_count; round > 0; round--) {
		if ((task = STAILQ_FIRST(&loop.later)) == NULL)
			break; /* some were forgotten */
		STAILQ_REMOVE_HEAD(&loop.later, link);
		loop.later_count--;
		task->is_queued = false;
		task->run(task);
	}
	bool is_busy = !STAILQ_EMPTY(&loop.later);
	if (is_busy == (bool)ev_is_active(&loop.busy))
		return;
	if (is_busy)
		ev_idle_start(loop.ev, &loop.busy);
	else
		ev_idle_stop(loop.ev, &loop.busy);
}

static void set_alarm(void)
{
	uint64_t next = timer_next();
	if (next == loop.alarm_at)
		return;
	loop.alarm_at = next;
	ev_timer_stop(loop.ev, &loop.alarm);
	if (next == TIMER_NEVER)
		return;
	uint64_t now = clock_milliseconds();
	double wait = next > now ? (double)(next - now) / 1000 : 0;
	/* libev counts from its own reading of the clock, which may be a moment older than ours */
	ev_timer_set(&loop.alarm, wait + 0.001, 0);
	ev_timer_start(loop.ev, &loop.alarm);
}

static void begin_turn(void)
{
	clock_update();
	loop.turn++;
	if (loop.on_turn != NULL)
		loop.on_turn();
	timer_advance(clock_milliseconds());
}

/*
 * libev calls this in the place of its callbacks: once before it waits for the first time, then
 * after each wait. Its own watchers for before and after a wait cost some 300 instructions more.
 */
static void on_pending(struct ev_loop *ev)
{
	if (loop.has_waited)
		begin_turn();
	loop.has_waited = true;
	ev_invoke_pending(ev);
	if (loop.is_stopped)
		return;
	run_later();
	set_alarm();
}

static void on_busy(struct ev_loop *ev, ev_idle *watcher, int events)
{
	(void)ev, (void)watcher, (void)events;
}

static void on_alarm(struct ev_loop *ev, ev_timer *watcher, int events)
{
	/* the turn has fired the timers already, and sets the alarm anew at its end */
	(void)ev, (void)watcher, (void)events;
	loop.alarm_at = 0;
}

void loop_open(void)
{
	clock_update();
	STAILQ_INIT(&loop.later);
	loop.later_count = 0;
	loop.alarm_at = 0;
	/* no timerfd: we do not use ev_periodic, and it would cost a descriptor and wake-ups */
	loop.ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOTIMERFD);
	check(loop.ev != NULL);
	ev_set_invoke_pending_cb(loop.ev, on_pending);
	ev_ref(loop.ev); /* it turns until it is stopped, also when nothing is watched */
	ev_init(&loop.alarm, on_alarm);
	ev_idle_init(&loop.busy, on_busy);
}

void loop_close(void)
{
	ev_loop_destroy(loop.ev);
	loop.ev = NULL;
}

void loop_run(void (*on_turn)(void))
{
	loop.on_turn = on_turn;
	loop.has_waited = loop.is_stopped = false;
	ev_run(loop.ev, 0);
}

void loop_stop(void)
{
	loop.is_stopped = true;
	ev_break(loop.ev, EVBREAK_ALL);
}

uint64_t loop_turn(void)
{
	return loop.turn;
}

void loop_later(struct loop_task *task)
{
	if (task->is_queued)
		return;
	task->is_queued = true;
	STAILQ_INSERT_TAIL(&loop.later, task, link);
	loop.later_count++;
}

void loop_forget(struct loop_task *task)
{
	if (!task->is_queued)
		return;
	STAILQ_REMOVE(&loop.later, task, loop_task, link);
	loop.later_count--;
	task->is_queued = false;
}

static void on_signal(struct ev_loop *ev, ev_signal *watcher, int events)
{
	(void)ev, (void)events;
	container_of(watcher, struct loop_signal, watcher)->on_signal(watcher->signum);
}

void loop_watch_signal(struct loop_signal *s, int signal_number, void (*callback)(int))
{
	s->on_signal = callback;
	ev_signal_init(&s->watcher, on_signal, signal_number);
	ev_signal_start(loop.ev, &s->watcher);
}

static void on_io(struct ev_loop *ev, ev_io *watcher, int events)
{
	(void)ev, (void)events;
	struct loop_io *io = container_of(watcher, struct loop_io, watcher);
	io->on_readable(io);
}

void loop_io_start(struct loop_io *io, int fd, void (*on_readable)(struct loop_io *))
{
	io->on_readable = on_readable;
	ev_io_init(&io->watcher, on_io, fd, EV_READ);
	ev_io_start(loop.ev, &io->watcher);
}

void loop_io_stop(struct loop_io *io)
{
	if (loop_io_is_on(io))
		ev_io_stop(loop.ev, &io->watcher);
}

static void on_poll(struct ev_loop *ev, ev_io *watcher, int events)
{
	(void)ev;
	struct loop_poll *p = container_of(watcher, struct loop_poll, watcher);
	p->on_ready(p, (events & EV_READ) != 0, (events & EV_WRITE) != 0);
}

void loop_poll_set(struct loop_poll *p, int fd, bool wants_read, bool wants_write)
{
	if (ev_is_active(&p->watcher))
		ev_io_stop(loop.ev, &p->watcher);
	if (!wants_read && !wants_write)
		return;
	ev_io_init(&p->watcher, on_poll, fd,
		   (wants_read ? EV_READ : 0) | (wants_write ? EV_WRITE : 0));
	ev_io_start(loop.ev, &p->watcher);
}
