/*
 * session_limit: the bounds on client connections: how many there may be at one time, of all
 * clients and of each, and how long one of them serves. Counts are those of all workers together.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_SESSION_LIMIT_H
#define WEIR_TXN_SESSION_LIMIT_H

#include "txn/session.h"

/* The answer that is about to begin is the connection's last. */
bool session_limit_is_reached(const struct session *s);

/*
 * How long the session may wait for a request instead of `milliseconds` (0: for ever), so that it
 * does not outlive max_age.
 */
uint64_t session_limit_wait(const struct session *s, uint64_t milliseconds);

#endif
