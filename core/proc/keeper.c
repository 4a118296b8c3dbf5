/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/keeper.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Waits until told to stop, or until the supervisor is gone. */
static bool wait_for_end(const struct child *child)
{
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM); /* blocked since our start, as signalfd wants it */
	int signals = signalfd(-1, &stop, SFD_CLOEXEC);
	if (signals == -1) {
		log_error("cannot watch signals: %s", strerror(errno));
		return false;
	}
	struct pollfd fds[] = { { .fd = child->life, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	while (poll(fds, 2, -1) == -1 && errno == EINTR)
		;
	close(signals);
	return true;
}

int keeper_run(const struct child *child, struct start *start)
{
	struct err e;
	listeners_close(&start->listeners);
	if (!privilege_drop(&start->privilege, false, &e)) {
		log_error("%s", e.text);
		return CHILD_CANNOT_START;
	}
	child_report_ready(child);
	return wait_for_end(child) ? 0 : 1;
}
