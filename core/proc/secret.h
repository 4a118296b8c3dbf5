/*
 * secret: what makes the nodes in clients' cookies (pool/node_token.h) unreadable for others. It is the
 * same after a restart, so that clients keep their nodes: made from a file of the configuration, or
 * else from what the machine is known by; only a machine without that gets a new one each time.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROC_SECRET_H
#define WEIR_PROC_SECRET_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Fewer bytes in a file are no secret. */
#define SECRET_BYTES_LEAST 16

/* `path`: a file, or NULL. False, and why, when that cannot be read or is too short. */
bool secret_read(const char *path, uint64_t secret[2], struct err *e);

#endif
