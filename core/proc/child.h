/*
 * child: what a process that the supervisor forked holds of it: who it is, a pipe that ends when
 * the supervisor is gone, and one for short reports: that it is ready, or that somebody wants weir
 * to stop. That is all they share besides the segment; the supervisor speaks to its children by
 * signals alone.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_CHILD_H
#define WEIR_PROC_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/* Owned by the supervisor's copy in the child; both descriptors are open until it exits. */
struct child {
	unsigned index; /* workers count from 0 */
	int life;       /* reads end-of-file when the supervisor is gone, nothing before */
	int reports;    /* takes a struct child_report each */
};

enum child_word {
	CHILD_READY,
	CHILD_WANTS_STOP,   /* only the keeper is heard */
	CHILD_WANTS_RELOAD, /* the same */
	CHILD_HAS_RELOADED,
};

/* What goes through the pipe, in one write. */
struct child_report {
	pid_t pid; /* of the child */
	enum child_word word;
	uid_t user; /* who made it say so, and which process */
	pid_t asker;
};

/* Exit status of a child that cannot be set up: when weir starts, this ends it (see supervisor.h). */
#define CHILD_CANNOT_START 78

/* Says that this child does its work from now on: a worker listens. */
void child_report_ready(const struct child *c);

/* In the keeper: asks for a graceful stop of weir. False, and logged, when it cannot be told. */
bool child_report_stop(const struct child *c);

/* In the keeper: asks for the rules to be read again, for that user and process. */
bool child_report_reload(const struct child *c, uid_t user, pid_t asker);

/* In a worker: it has the rules of now. */
void child_report_reloaded(const struct child *c);

/*
 * A child starts with SIGTERM and RELOAD_SIGNAL blocked, so that they cannot be lost or kill before
 * they are handled. Call this when the handlers are in place. SIGINT, SIGHUP and SIGPIPE are ignored: a terminal sends
 * them to the whole group, but what they mean is for the supervisor to say.
 */
void child_accept_stop(void);

#endif
