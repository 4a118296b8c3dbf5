/* admin_recent: the connections that ended last, as JSON, newest first; and the command that shows them. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_RECENT_H
#define WEIR_ADMIN_RECENT_H

#include "admin/admin_server.h"

#include <jansson.h>

/* Those of all workers, {"connections": [..]}; the caller's to json_decref. */
json_t *admin_recent(const struct admin *a);

/* Prints the newest `most` of them (0: all), as JSON or as a table. `control` is weir's control socket. */
bool admin_command_recent(const char *control, unsigned long most, bool as_json);

#endif
