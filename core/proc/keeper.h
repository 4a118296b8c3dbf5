/*
 * keeper: the one child for what is done once per machine, not once per worker: it serves the
 * control socket. It parses bytes of those who may control weir, so it has no privilege; what only
 * the supervisor can do it asks for.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_KEEPER_H
#define WEIR_PROC_KEEPER_H

#include "proc/child.h"
#include "proc/start.h"

/* Its whole life, from fork to exit status; started by the supervisor. */
int keeper_run(const struct child *child, struct start *start);

#endif
