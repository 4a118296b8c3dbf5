/*
 * admin_command: the commands that talk to a running weir. Each prints what it has to say on
 * standard output, and on standard error why it failed; true when it did what was asked.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_COMMAND_H
#define WEIR_ADMIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* `control` is the path of the weir's control socket. */
bool admin_command_status(const char *control, bool as_json);

/* Has the rules read again, and waits until all workers use them. */
bool admin_command_reload(const char *control);

/* Empties the web cache. */
bool admin_command_clear(const char *control);

/* Tells weir to stop and waits until it has gone. */
bool admin_command_stop(const char *control);

/*
 * Sets the state (active, draining, disabled) of each of the nodes, in the pool of that name, or,
 * if that is NULL, in every pool that has it. Changes nothing when one of them is unknown.
 */
bool admin_command_set_nodes(const char *control, const char *state, const char *pool,
			     char *const *nodes, size_t count);

#endif
