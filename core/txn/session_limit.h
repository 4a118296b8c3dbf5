/*
 * session_limit: the bounds on client connections: how many there may be at one time, of all
 * clients and of each, and how long one of them serves. Counts are those of all workers together.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_SESSION_LIMIT_H
#define WEIR_TXN_SESSION_LIMIT_H

#include "txn/refusal.h"
#include "txn/session.h"

/*
 * Counts a session that was just accepted, for its client too unless a PROXY header is still to say
 * who that is. False: it passes a limit and was refused; close it. Of
 * two that come at the same moment to two workers both may be refused where one would have fitted,
 * but no limit is ever passed.
 */
bool session_limit_enter(struct session *s);

/* The same without a word: REFUSAL_NONE, or which limit it passes. */
enum refusal session_limit_look(struct session *s);

/* The same for its client alone, once the header has said who it is. */
bool session_limit_enter_client(struct session *s);

/* It ends, refused or not. */
void session_limit_leave(struct session *s);

/* Counts and logs why a session is refused. */
void session_limit_refuse(struct session *s, enum refusal why);

/* The answer that is about to begin is the connection's last. */
bool session_limit_is_reached(const struct session *s);

/* The time that a rule gave the connection (close_at) is over. */
bool session_limit_is_over(const struct session *s);

/*
 * How long the session may wait for a request instead of `milliseconds` (0: for ever), so that it
 * does not outlive max_age or what a rule gave it.
 */
uint64_t session_limit_wait(const struct session *s, uint64_t milliseconds);

#endif
