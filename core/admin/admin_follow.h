/*
 * admin_follow: the command that follows transactions of a running weir, line by line, until it is
 * interrupted or has seen enough.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_FOLLOW_H
#define WEIR_ADMIN_FOLLOW_H

#include <stdbool.h>

/* What to follow; NULL: whatever it is. */
struct admin_follow {
	const char *client, *host, *rule;
	unsigned long most; /* transactions; 0: until interrupted */
	bool as_json;       /* a JSON text per line */
};

/* `control` is the path of the weir's control socket. True when it could be followed. */
bool admin_command_trace(const char *control, const struct admin_follow *what);

#endif
