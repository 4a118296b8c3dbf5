/*
 * api_pack: values of rules as bytes, for data.*, and back. The same value gives the same bytes,
 * whatever the order in which Lua holds a table's entries, so that values can be compared.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_API_PACK_H
#define WEIR_API_PACK_H

#include "api/api_private.h"

/*
 * Argument `n` as bytes behind those that are packed already (`is_first`: there are none); valid until
 * the next is packed as first. Returns where it begins: see api_packed. What cannot be packed, and more
 * bytes than a rule may use, raise an error. Paid for.
 */
size_t api_pack(struct rule_call *call, unsigned n, bool is_first);

/* What was packed, from there to `end`, or to where it ends now. */
struct slice api_packed(size_t from, size_t end);
size_t api_pack_end(void);

/* Pushes the value as the next result. Paid for. */
void api_unpack(struct rule_call *call, struct slice bytes);

#endif
