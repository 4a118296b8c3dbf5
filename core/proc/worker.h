/*
 * worker: a process that carries traffic, between fork and exit: it opens its loop and its world,
 * gives up its privileges, says that it listens, and turns. Told to stop, or left alone by the
 * supervisor, it takes no new connection and ends when its transactions have, or their time has.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_WORKER_H
#define WEIR_PROC_WORKER_H

#include "proc/child.h"
#include "proc/start.h"

/* Its whole life; returns the exit status: 0 when all it had begun was finished. */
int worker_run(const struct child *child, struct start *start);

#endif
