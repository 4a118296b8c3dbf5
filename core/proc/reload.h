/*
 * reload: how the supervisor gets the rules of a running weir replaced. A process of its own, with the
 * supervisor's rights but none of its duties, reads and compiles the files; if all is well, workers
 * are told by a signal to take the texts that it left. One reload at a time: the next begins when
 * every worker has the rules of the last.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_RELOAD_H
#define WEIR_PROC_RELOAD_H

#include "share/segment.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* What tells workers that there are new rules. */
#define RELOAD_SIGNAL SIGUSR1

/* Exit status of the process that looks at the files; anything else is a mishap. */
enum { RELOAD_EXIT_NEW = 0, RELOAD_EXIT_REFUSED = 1, RELOAD_EXIT_SAME = 3 };

/* Owned by the supervisor. */
struct reload {
	const struct share *share;
	int (*run_check)(void *extra); /* in the new process; NULL: there is no reload */
	void *extra;
	pid_t checker; /* 0: none */
	bool is_wanted, is_spreading;
	uint64_t number; /* the newest question that is being answered */
	char who[64];    /* asked, for the log */
	char asker[64];  /* of what is being answered */
};

/* Somebody asks, by a question that has its number already. */
void reload_want(struct reload *r, uid_t user, pid_t pid);

/* Once per turn: begins what is wanted, and ends what is everywhere. */
void reload_turn(struct reload *r);

/* A child has ended. False: it was not ours. */
bool reload_on_end(struct reload *r, pid_t pid, int status);

/* Weir stops: nothing is checked any more. */
void reload_stop(struct reload *r);

#endif
