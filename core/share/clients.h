/*
 * clients: how many sessions each client has, counted over all workers. Each worker keeps a table
 * of its own sessions, which only it writes; the others read it. A row is one word, a part of a
 * keyed hash that stands for the client and a count, so that nobody ever reads half of one; it does
 * not move while it counts. What a client is, is the caller's to say.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_CLIENTS_H
#define WEIR_SHARE_CLIENTS_H

#include "base/slice.h"
#include "share/segment.h"

#include <stdbool.h>
#include <stdint.h>

/* The most that a row can count. */
#define CLIENTS_COUNT_MOST ((1u << 20) - 1)

/* A session that is not counted. */
#define CLIENTS_NO_ROW UINT32_MAX

/*
 * One session more of `client` in this worker: *row is for clients_leave, *all is how many it has
 * now, this one included. Of workers that do so at the same moment at least one sees them all, so a
 * limit that is held against *all is never passed. False: the table has no room for another client
 * (or there is none), nothing was counted.
 */
bool clients_enter(const struct share *s, unsigned worker, struct slice client, uint32_t *row,
		   uint64_t *all);

/* One less. */
void clients_leave(const struct share *s, unsigned worker, uint32_t row);

/* For the supervisor: the worker is dead, and so are its sessions. */
void clients_give_back(const struct share *s, unsigned worker);

/* Rows per worker, so that so many sessions of it find room, whoever they are of. */
unsigned clients_rows_for(uint64_t sessions);

#endif
