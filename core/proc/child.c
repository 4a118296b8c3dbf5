/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/child.h"

#include "base/log.h"
#include "proc/reload.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static bool report_for(const struct child *c, enum child_word word, uid_t user, pid_t asker)
{
	struct child_report r = { .pid = getpid(), .word = word, .user = user, .asker = asker };
	bool is_told = write(c->reports, &r, sizeof r) != -1;
	if (!is_told)
		log_error("cannot report to the supervisor: %s", strerror(errno));
	return is_told;
}

static bool report(const struct child *c, enum child_word word)
{
	return report_for(c, word, 0, 0);
}

void child_report_ready(const struct child *c)
{
	report(c, CHILD_READY);
}

bool child_report_stop(const struct child *c)
{
	return report(c, CHILD_WANTS_STOP);
}

bool child_report_reload(const struct child *c, uid_t user, pid_t asker)
{
	return report_for(c, CHILD_WANTS_RELOAD, user, asker);
}

void child_report_reloaded(const struct child *c)
{
	report(c, CHILD_HAS_RELOADED);
}

void child_accept_stop(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, RELOAD_SIGNAL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
