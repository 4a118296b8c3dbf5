/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/reload.h"

#include "base/log.h"
#include "share/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_SECONDS 60 /* then the kernel ends it: a file system may hang */

void reload_want(struct reload *r, uid_t user, pid_t pid)
{
	r->is_wanted = true;
	snprintf(r->who, sizeof r->who, "user %u (process %d)", (unsigned)user, (int)pid);
}

static void answer(struct reload *r, enum reload_outcome outcome)
{
	reload_answer(r->share, r->number, outcome);
	r->is_spreading = false;
}

static void refuse(struct reload *r, const char *why)
{
	snprintf(r->share->reload->text, RELOAD_TEXT_BYTES, "cannot check the rules: %s\n", why);
	log_error("cannot check the rules: %s", why);
	answer(r, RELOAD_REFUSED);
}

/* ---- looking at the files ----------------------------------------------------------------------- */

static _Noreturn void check_files(const struct reload *r)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	alarm(CHECK_SECONDS);
	log_set_process("reload");
	exit(r->run_check(r->extra));
}

static void begin(struct reload *r)
{
	r->is_wanted = false;
	r->number = reload_load(&r->share->reload->asked);
	memcpy(r->asker, r->who, sizeof r->asker);
	fflush(NULL); /* or the child would write it too */
	r->checker = fork();
	if (r->checker == 0)
		check_files(r);
	if (r->checker != -1)
		return;
	r->checker = 0;
	refuse(r, strerror(errno));
}

/* ---- telling workers ---------------------------------------------------------------------------- */

static void spread(struct reload *r)
{
	reload_set_version(r->share, reload_version(r->share) + 1);
	r->is_spreading = true;
	for (unsigned i = 0; i < r->share->workers; i++)
		if (life_pid(r->share, i) != 0)
			kill(life_pid(r->share, i), RELOAD_SIGNAL);
}

static void finish(struct reload *r)
{
	unsigned long long version = reload_version(r->share);
	log_write(LOG_AUDIT, "%s: rules: version %llu -> %llu: %s", r->asker, version - 1, version,
		  r->share->reload->text);
	answer(r, RELOAD_ACCEPTED);
}

void reload_turn(struct reload *r)
{
	if (r->is_spreading && reload_is_everywhere(r->share))
		finish(r);
	if (!r->is_wanted || r->checker != 0 || r->is_spreading)
		return;
	if (r->run_check != NULL) {
		begin(r);
		return;
	}
	r->is_wanted = false;
	log_warn("there is nothing to reload here");
}

bool reload_on_end(struct reload *r, pid_t pid, int status)
{
	char words[64];
	if (r->checker == 0 || pid != r->checker)
		return false;
	r->checker = 0;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (code == RELOAD_EXIT_NEW) {
		spread(r);
	} else if (code == RELOAD_EXIT_SAME) {
		log_info("%s: rules are as they were", r->asker);
		answer(r, RELOAD_UNCHANGED);
	} else if (code == RELOAD_EXIT_REFUSED) {
		log_write(LOG_AUDIT, "%s: rules: reload refused, nothing has changed", r->asker);
		answer(r, RELOAD_REFUSED);
	} else {
		snprintf(words, sizeof words, "the process that did so ended with %s %d",
			 code == -1 ? "signal" : "status", code == -1 ? WTERMSIG(status) : code);
		refuse(r, words);
	}
	return true;
}

void reload_stop(struct reload *r)
{
	r->is_wanted = r->is_spreading = false;
	if (r->checker != 0)
		kill(r->checker, SIGKILL);
}
