/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/child.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

void child_report_ready(const struct child *c)
{
	pid_t pid = getpid();
	if (write(c->reports, &pid, sizeof pid) == -1)
		log_error("cannot report to the supervisor: %s", strerror(errno));
}

void child_accept_stop(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
