/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include "base/clock.h"
#include "net/timer.h"
#include "net_unit.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <unistd.h>

static void open_loop(void)
{
	unit_set_limit();
	loop_open();
}

static void close_loop(void)
{
	loop_close();
}

TestSuite(loop, .init = open_loop, .fini = close_loop);

/* ---- time -------------------------------------------------------------------------------------- */

static struct timer timer;
static unsigned fired;

static void on_fire(struct timer *t)
{
	(void)t;
	fired++;
}

static bool has_fired(void)
{
	return fired > 0;
}

Test(loop, timers_fire_in_time)
{
	static const unsigned spans[] = { 1, 2, 10, 70, 200 };
	timer_init(&timer, on_fire);
	for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
		fired = 0;
		clock_update();
		uint64_t start = clock_microseconds() / 1000;
		timer_set(&timer, spans[i]);
		unit_turn_until(has_fired);
		cr_expect_geq(clock_milliseconds(), start + spans[i]);
	}
}

Test(loop, a_waiting_timer_does_not_wake_the_loop)
{
	timer_init(&timer, on_fire);
	timer_set(&timer, 60000);
	cr_expect_lt(unit_turns(100), 6);
	timer_release(&timer);
}

static struct loop_task tasks[3];

static void stop(struct loop_task *task)
{
	(void)task;
	loop_stop();
}

static void on_fire_stop(struct timer *t)
{
	on_fire(t);
	loop_stop();
}

Test(loop, the_next_loop_sets_its_own_alarm)
{
	timer_init(&timer, on_fire_stop);
	timer_set(&timer, 100);
	/* the first loop sets an alarm for it, and stops before it waits */
	tasks[0].run = stop;
	loop_later(&tasks[0]);
	loop_run(NULL);
	loop_close();
	loop_open();
	loop_run(NULL);
	cr_expect_eq(fired, 1);
}

/* ---- what is put off --------------------------------------------------------------------------- */

static unsigned ran[3];

static void run_task(struct loop_task *task)
{
	ran[task - tasks]++;
}

static void run_and_repeat(struct loop_task *task)
{
	run_task(task);
	loop_later(task);
}

static void run_and_forget_next(struct loop_task *task)
{
	run_task(task);
	loop_forget(task + 1);
}

static bool has_third_run(void)
{
	return ran[2] > 0;
}

Test(loop, tasks_run_once_in_their_order)
{
	for (int i = 0; i < 3; i++)
		tasks[i].run = run_task;
	loop_later(&tasks[0]);
	loop_later(&tasks[2]);
	loop_later(&tasks[0]);
	unit_turn_until(has_third_run);
	cr_expect_eq(ran[0], 1);
	cr_expect_eq(ran[2], 1);
	cr_expect(!tasks[0].is_queued);
}

Test(loop, a_task_may_forget_another)
{
	for (int i = 0; i < 3; i++)
		tasks[i].run = i == 0 ? run_and_forget_next : run_task;
	for (int i = 0; i < 3; i++)
		loop_later(&tasks[i]);
	unit_turn_until(has_third_run);
	cr_expect_eq(ran[1], 0);
	loop_forget(&tasks[1]);
}

Test(loop, forgetting_the_last_one_keeps_the_queue_whole)
{
	for (int i = 0; i < 3; i++)
		tasks[i].run = run_task;
	loop_later(&tasks[0]);
	loop_later(&tasks[1]);
	loop_forget(&tasks[1]);
	loop_later(&tasks[2]);
	unit_turn_until(has_third_run);
	cr_expect_eq(ran[0], 1);
}

Test(loop, a_task_without_end_lets_timers_and_others_in)
{
	tasks[0].run = run_and_repeat;
	loop_later(&tasks[0]);
	timer_init(&timer, on_fire);
	timer_set(&timer, 5);
	unit_turn_until(has_fired);
	cr_expect_gt(ran[0], 1);
	loop_forget(&tasks[0]);
}

Test(loop, sleeps_again_when_nothing_is_put_off)
{
	tasks[0].run = run_and_repeat;
	loop_later(&tasks[0]);
	unit_turns(5);
	loop_forget(&tasks[0]);
	cr_expect_lt(unit_turns(50), 6);
}

/* ---- descriptors and signals ------------------------------------------------------------------- */

static struct loop_io io;
static unsigned readable;

static void on_readable(struct loop_io *i)
{
	cr_assert_eq(i, &io);
	readable++;
	loop_io_stop(i);
	loop_io_stop(i);
}

static bool is_readable(void)
{
	return readable > 0;
}

Test(loop, watches_a_descriptor_until_told_to_stop)
{
	int ends[2];
	cr_assert_eq(pipe(ends), 0);
	loop_io_start(&io, ends[0], on_readable);
	cr_expect(loop_io_is_on(&io));
	cr_assert_eq(write(ends[1], "x", 1), 1);
	unit_turn_until(is_readable);
	cr_expect(!loop_io_is_on(&io));
	unit_turns(10);
	cr_expect_eq(readable, 1);
}

static int signal_seen;

static void on_signal(int number)
{
	signal_seen = number;
}

static bool is_signal_seen(void)
{
	return signal_seen != 0;
}

Test(loop, hears_signals)
{
	static struct loop_signal watch;
	loop_watch_signal(&watch, SIGUSR1, on_signal);
	kill(getpid(), SIGUSR1);
	unit_turn_until(is_signal_seen);
	cr_expect_eq(signal_seen, SIGUSR1);
}

static unsigned order, turn_at, fire_at;

static void note_turn(void)
{
	if (turn_at == 0)
		turn_at = ++order;
}

static void note_fire(struct timer *t)
{
	(void)t;
	fire_at = ++order;
	loop_stop();
}

Test(loop, a_turn_begins_with_on_turn)
{
	timer_init(&timer, note_fire);
	timer_set(&timer, 1);
	loop_run(note_turn);
	cr_expect_eq(turn_at, 1);
	cr_expect_eq(fire_at, 2);
}

static unsigned polled; /* events of the pipe's end */
static bool was_readable, was_writable;

static void on_poll(struct loop_poll *p, bool is_readable, bool is_writable)
{
	polled++;
	was_readable = is_readable;
	was_writable = is_writable;
	loop_poll_set(p, -1, false, false);
}

static bool has_polled(void)
{
	return polled > 0;
}

Test(loop, polls_for_foreign_libraries)
{
	struct loop_poll p = { .on_ready = on_poll };
	int ends[2];
	cr_assert_eq(pipe(ends), 0);
	loop_poll_set(&p, ends[0], true, false);
	cr_assert_eq(write(ends[1], "x", 1), 1);
	unit_turn_until(has_polled);
	cr_expect(was_readable);
	unit_turns(5);
	cr_expect_eq(polled, 1, "not watched any more");
	polled = 0;
	loop_poll_set(&p, ends[1], true, true);
	unit_turn_until(has_polled);
	cr_expect(was_writable);
	close(ends[0]);
	close(ends[1]);
}
