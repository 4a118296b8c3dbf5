/*
 * admin_trace: transactions that are followed live, as JSON: what may be asked for, and the lines
 * that workers have written since the last look.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_TRACE_H
#define WEIR_ADMIN_TRACE_H

#include "admin/admin_server.h"
#include "base/slice.h"

#include <jansson.h>

/*
 * Begins a trace that the body asks for: {"client": IP, "host": NAME, "rule": NAME}, each of which
 * may be missing. Gives {"trace": number}; NULL with a status and words when it cannot be.
 */
json_t *admin_trace_begin(const struct admin *a, struct slice body, unsigned *status,
			  const char **words);

/* {"lines": [..], "lost": n}: what is new; NULL when that trace is over. `number` is text. */
json_t *admin_trace_take(const struct admin *a, struct slice number);

/* Ends that trace; false when it is over already. */
bool admin_trace_end(const struct admin *a, struct slice number);

#endif
