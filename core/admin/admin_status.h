/*
 * admin_status: the numbers of a running weir as JSON, read from the shared segment. Keys that end
 * in _total only grow; the others say what is so at this moment.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_STATUS_H
#define WEIR_ADMIN_STATUS_H

#include "admin/admin_server.h"

#include <jansson.h>

/* All of it; the caller's to json_decref. */
json_t *admin_status(const struct admin *a);

/* One node. */
json_t *admin_status_node(const struct admin *a, unsigned pool, unsigned node);

/* "active", "draining", "disabled"; "failed" for an active one that does not answer. */
const char *admin_status_state(const struct admin *a, unsigned pool, unsigned node);

#endif
