/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/child.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static bool report(const struct child *c, enum child_word word)
{
	struct child_report r = { .pid = getpid(), .word = word };
	bool is_told = write(c->reports, &r, sizeof r) != -1;
	if (!is_told)
		log_error("cannot report to the supervisor: %s", strerror(errno));
	return is_told;
}

void child_report_ready(const struct child *c)
{
	report(c, CHILD_READY);
}

bool child_report_stop(const struct child *c)
{
	return report(c, CHILD_WANTS_STOP);
}

void child_accept_stop(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
