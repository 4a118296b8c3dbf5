/*
 * supervisor: starts the workers and the keeper, starts them again when they die, and passes on
 * the order to stop. It reads signals and its children's pipe and nothing else: no byte from a
 * network, no library with a loop. What a child does is a function given from above.
 *
 * A child that dies is replaced at once; one that dies within a second of its start after a pause
 * that doubles, up to 5 seconds. A worker whose loop has not turned for the watchdog's time is
 * killed and replaced. SIGHUP, or a report of the keeper, has the rules read again. SIGTERM, SIGINT or a report of the keeper stop gracefully, the workers first,
 * then the keeper; SIGINT while stopping kills at once.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_SUPERVISOR_H
#define WEIR_PROC_SUPERVISOR_H

#include "proc/child.h"
#include "proc/listeners.h"
#include "share/segment.h"

#include <stdint.h>

/* A child's whole life; returns its exit status, 0 when it finished what it had begun. */
typedef int (*supervisor_run_child)(const struct child *child, void *extra);

/* Everything stays the caller's and is inherited by the children. */
struct supervisor_plan {
	unsigned workers; /* at least 1, at most those of the segment */
	supervisor_run_child run_worker;
	supervisor_run_child run_keeper;
	void *extra; /* for both */
	struct share *share;
	struct listeners
		*listeners; /* closed here when stopping begins, so that clients are refused */
	uint64_t shutdown_milliseconds;
	uint64_t watchdog_milliseconds; /* 0: no watchdog */
	/* the name of a rule by its number in share/life.h; NULL: they have none */
	const char *(*name_rule)(uint64_t rule, void *extra);
	int (*check_rules)(void *extra); /* see reload.h; NULL: rules are never read again */
};

/*
 * Runs until stopped; returns weir's exit status: 0 after a whole graceful stop, 1 when a child
 * was cut short, or cannot be set up (CHILD_CANNOT_START) before all were ready for the first time.
 */
int supervisor_run(const struct supervisor_plan *plan);

/* How long a child waits for its next start after so many lives in a row that were too short. */
uint64_t supervisor_pause_milliseconds(unsigned quick_deaths);

/* How often a worker that lives proves it, for a watchdog of that time. */
uint64_t supervisor_beat_milliseconds(uint64_t watchdog_milliseconds);

#endif
