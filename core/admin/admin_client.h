/*
 * admin_client: one question to a running weir over its control socket, for the command line: it
 * waits for the answer, and whatever goes wrong on the way becomes words.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_CLIENT_H
#define WEIR_ADMIN_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

struct admin_reply {
	unsigned status;
	pid_t pid;      /* of the weir that answered: its supervisor; 0 when it cannot be seen */
	struct buf raw; /* all that came */
	struct slice body;
};

/*
 * Asks the weir whose control socket is `path`; an absent `body` is none. False with the reason in
 * `e`, and nothing to release, when no whole answer came: any status is an answer.
 */
bool admin_ask(struct admin_reply *r, const char *path, const char *method, const char *target,
	       struct slice body, struct err *e);

/* Frees the answer. */
void admin_reply_release(struct admin_reply *r);

#endif
