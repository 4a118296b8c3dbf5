/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/reload.h"

#include "base/log.h"
#include "share/reload.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 2

static struct share share;
static struct reload reload;
static sigset_t told; /* RELOAD_SIGNAL is blocked: this process is the workers, too */

/* Ends as `extra` says; above 255 by a signal. */
static int check_files(void *extra)
{
	int end = *(int *)extra;
	if (end > 255)
		raise(end - 256);
	snprintf(share.reload->text, RELOAD_TEXT_BYTES, "one.lua: changed\n");
	return end;
}

static int end;

static void open_all(void)
{
	struct share_counts counts = { .workers = WORKERS, .vservers = 1 };
	struct err e;
	alarm(30);
	log_open(LOG_AUDIT, LOG_TEXT);
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
	reload = (struct reload){ .share = &share, .run_check = check_files, .extra = &end };
	sigemptyset(&told);
	sigaddset(&told, RELOAD_SIGNAL);
	sigprocmask(SIG_BLOCK, &told, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		life_set_pid(&share, i, getpid());
}

static void close_all(void)
{
	segment_close(&share);
}

TestSuite(reload, .init = open_all, .fini = close_all);

static uint64_t ask(void)
{
	uint64_t number = reload_ask(&share);
	reload_want(&reload, 0, 1);
	return number;
}

/* The process that looks at the files begins, and ends so. */
static void check(int how)
{
	int status;
	end = how;
	reload_turn(&reload);
	pid_t checker = reload.checker;
	cr_assert_gt(checker, 0);
	cr_assert_eq(waitpid(checker, &status, 0), checker);
	cr_expect(!reload_on_end(&reload, checker + 1, status), "somebody else's");
	cr_expect(reload_on_end(&reload, checker, status));
	cr_expect(!reload_on_end(&reload, checker, status), "it ends once");
}

static bool is_told(void)
{
	struct timespec none = { 0 };
	return sigtimedwait(&told, NULL, &none) == RELOAD_SIGNAL;
}

static void expect_answer(uint64_t number, enum reload_outcome outcome)
{
	cr_expect_eq(reload_load(&share.reload->answered), number);
	cr_expect_eq(share.reload->outcome, (uint32_t)outcome);
}

Test(reload, new_rules_are_answered_for_when_every_worker_has_them)
{
	uint64_t number = ask();
	check(RELOAD_EXIT_NEW);
	cr_expect_eq(reload_version(&share), 1);
	cr_expect(is_told());
	for (unsigned i = 0; i < WORKERS; i++) {
		reload_turn(&reload);
		expect_answer(0, RELOAD_NONE);
		reload_set_worker_version(&share, i, 1);
	}
	reload_turn(&reload);
	expect_answer(number, RELOAD_ACCEPTED);
}

/* It will have the new rules from its beginning. */
Test(reload, a_worker_that_is_gone_is_not_waited_for)
{
	uint64_t number = ask();
	check(RELOAD_EXIT_NEW);
	reload_set_worker_version(&share, 0, 1);
	reload_turn(&reload);
	expect_answer(0, RELOAD_NONE);
	life_set_pid(&share, 1, 0);
	reload_turn(&reload);
	expect_answer(number, RELOAD_ACCEPTED);
}

Test(reload, what_changes_nothing_is_told_to_nobody)
{
	uint64_t number = ask();
	check(RELOAD_EXIT_SAME);
	expect_answer(number, RELOAD_UNCHANGED);
	number = ask();
	check(RELOAD_EXIT_REFUSED);
	expect_answer(number, RELOAD_REFUSED);
	cr_expect_str_eq(share.reload->text, "one.lua: changed\n", "the words of who has looked");
	cr_expect_eq(reload_version(&share), 0);
	cr_expect(!is_told());
}

Test(reload, a_check_that_comes_to_grief_refuses)
{
	static const struct {
		int end;
		const char *words;
	} ends[] = {
		{ 2, "cannot check the rules: the process that did so ended with status 2\n" },
		{ 256 + SIGKILL,
		  "cannot check the rules: the process that did so ended with signal 9\n" },
	};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		uint64_t number = ask();
		check(ends[i].end);
		expect_answer(number, RELOAD_REFUSED);
		cr_expect_str_eq(share.reload->text, ends[i].words);
	}
	cr_expect_eq(reload_version(&share), 0);
}

Test(reload, one_at_a_time_and_the_last_question_is_not_forgotten)
{
	uint64_t first = ask();
	check(RELOAD_EXIT_NEW);
	uint64_t second = ask();
	reload_turn(&reload);
	cr_expect_eq(reload.checker, 0, "the first is still on its way to the workers");
	for (unsigned i = 0; i < WORKERS; i++)
		reload_set_worker_version(&share, i, 1);
	check(RELOAD_EXIT_SAME);
	cr_expect_eq(second, first + 1);
	expect_answer(second, RELOAD_UNCHANGED);
	reload_turn(&reload);
	cr_expect_eq(reload.checker, 0);
}

/* Who asks while files are looked at may have changed them since. */
Test(reload, a_question_during_a_check_is_one_more)
{
	int status;
	uint64_t first = ask();
	end = RELOAD_EXIT_SAME;
	reload_turn(&reload);
	pid_t checker = reload.checker;
	uint64_t second = ask();
	reload_turn(&reload);
	cr_expect_eq(reload.checker, checker);
	cr_assert_eq(waitpid(checker, &status, 0), checker);
	reload_on_end(&reload, checker, status);
	expect_answer(first, RELOAD_UNCHANGED);
	check(RELOAD_EXIT_SAME);
	expect_answer(second, RELOAD_UNCHANGED);
}

Test(reload, nothing_is_checked_when_weir_stops)
{
	int status;
	ask();
	end = RELOAD_EXIT_SAME;
	reload.run_check = NULL;
	reload_turn(&reload);
	cr_expect_eq(reload.checker, 0, "there is nothing to reload here");
	reload.run_check = check_files;
	ask();
	end = 256 + SIGSTOP;
	reload_turn(&reload);
	pid_t checker = reload.checker;
	ask();
	reload_stop(&reload);
	cr_assert_eq(waitpid(checker, &status, 0), checker);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	reload_on_end(&reload, checker, status);
	reload_turn(&reload);
	cr_expect_eq(reload.checker, 0);
}
