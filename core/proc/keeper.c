/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/keeper.h"

#include "admin/admin_server.h"
#include "base/log.h"
#include "net/loop.h"

#include <signal.h>
#include <unistd.h>

static struct {
	const struct child *child;
	struct admin admin;
	struct admin_server server;
	struct loop_signal on_term;
	struct loop_io life;
} keeper;

static void on_term(int signal_number)
{
	(void)signal_number;
	loop_stop();
}

/* Left alone: another weir may want the control socket. */
static void on_life(struct loop_io *io)
{
	loop_io_stop(io);
	loop_stop();
}

static bool on_stop(struct admin *admin)
{
	admin->is_stopping = child_report_stop(keeper.child);
	return admin->is_stopping;
}

static bool on_reload(struct admin *admin, uid_t user, pid_t process)
{
	(void)admin;
	return child_report_reload(keeper.child, user, process);
}

int keeper_run(const struct child *child, struct start *start)
{
	struct err e;
	keeper.child = child;
	keeper.admin = (struct admin){ .conf = start->conf,
				       .share = &start->share,
				       .on_stop = on_stop,
				       .on_reload = on_reload };
	listeners_close(&start->listeners);
	for (unsigned i = 0; i < 2; i++)
		close(start->rule_texts[i]);
	if (!privilege_drop(&start->privilege, false, &e)) {
		log_error("%s", e.text);
		return CHILD_CANNOT_START;
	}
	loop_open();
	loop_watch_signal(&keeper.on_term, SIGTERM, on_term);
	loop_io_start(&keeper.life, child->life, on_life);
	if (start->control.fd != -1)
		admin_server_start(&keeper.server, &keeper.admin, start->control.fd);
	child_accept_stop();
	child_report_ready(child);
	loop_run(NULL);
	if (start->control.fd != -1)
		admin_server_stop(&keeper.server);
	loop_close();
	return 0;
}
