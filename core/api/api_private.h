/*
 * api_private: what the files of this room share: whom a call is for, memory for a result while it
 * is made, and lines in the log that name the rule. Nobody outside includes it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_PRIVATE_H
#define WEIR_API_PRIVATE_H

#include "api/api.h"

#include "base/log.h"
#include "txn/txn.h"

/* Ends a family's file: its rows as api.h declares them. */
#define API_FAMILY(name, rows) \
	const struct api_family name = { rows, sizeof(rows) / sizeof *(rows) }

static inline struct txn *api_txn(const struct rule_call *call)
{
	return rule_call_subject(call);
}

static inline struct world *api_world(const struct rule_call *call)
{
	return api_txn(call)->vserver->world;
}

/* The pool that argument 1 names, NULL for the built-in "discard"; another name raises an error. */
struct pool *api_named_pool(struct rule_call *call);

/* ---- api.c ---- */

/*
 * The transaction's arena, for what a function makes that must outlive it. A rule that calls it in
 * a loop fills it and nothing comes back before the transaction ends, so `rules.memory` holds
 * here, too: beyond it an error is raised.
 */
struct arena *api_arena(struct rule_call *call);

/* Argument `n` as text of which every byte will be looked at: paid for. */
struct slice api_text(struct rule_call *call, unsigned n);

/*
 * Room for `size` bytes of a result, until the next call of any rule function: one block for the
 * whole process, so nothing needs freeing when an error unwinds. More than a run may use raises an
 * error. Paid for.
 */
char *api_scratch(struct rule_call *call, size_t size);

/* The same block with room for `size` bytes; what is in it stays. It may move. */
char *api_scratch_grow(struct rule_call *call, size_t size);

/*
 * A result that grows while a function works in pieces; zeroed at first, and part of its state. When
 * it has more bytes than a run may use that raises an error.
 */
struct api_made {
	char *at;
	size_t len, capacity;
};
/* Room for `more` bytes behind what is there; the caller adds to `len` what it has written, and pays. */
char *api_made_room(struct rule_call *call, struct api_made *made, size_t more);
/* Paid for. */
void api_made_add(struct rule_call *call, struct api_made *made, struct slice s);
/* The whole as the next result. */
void api_made_push(struct rule_call *call, const struct api_made *made);
void api_made_release(struct api_made *made);

/* The address without port as text, nil for ADDR_NONE; and the port, nil likewise. */
void api_push_ip(struct rule_call *call, const struct addr *a);
void api_push_port(struct rule_call *call, const struct addr *a);

/* Answers a failure by value: nil and the reason. */
enum rule_answer api_fail(struct rule_call *call, const char *reason);

/* ---- api_orders.c ---- */

/* request.setIdempotent, which HTTP has as http.setIdempotent too. */
enum rule_answer api_orders_set_idempotent(struct rule_call *call);

/* ---- api_json.c ---- */

/*
 * Parses JSON text into the next result, a table. NULL when it is done; else why not, with nothing
 * pushed. `room` holds text.len bytes for strings.
 */
const char *api_json_push(struct rule_call *call, struct slice text, char *room, size_t *at);

/* ---- api_log.c ---- */

/*
 * One line that names the rule and its line, within the rate of the rule (log: {rule_rate}): what
 * log.* writes, and warnings about a rule's mistakes.
 */
void api_log_write(struct rule_call *call, enum log_level level, struct slice text);
void api_warn(struct rule_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* ---- api_string_regex.c ---- */

struct regex;

/*
 * The expression, which argument `n` gave, valid until the next one is asked for; what is no
 * expression raises an error. And a try to match it; regex_group tells where. Paid for.
 */
const struct regex *api_regex_find(struct rule_call *call, unsigned n, struct slice pattern,
				   unsigned flags);
bool api_regex_match(struct rule_call *call, const struct regex *regex, struct slice text,
		     size_t from);

#endif
