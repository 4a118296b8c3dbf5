/*
 * rewrite: what the rules of the virtual server `rewrite` make of bodies (rewrite.lua and
 * rewrite_answer.lua), once more in C. A rule says in X-Op which of its ways it went.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_REWRITE_H
#define WEIR_FUZZ_REWRITE_H

#include "model.h"

enum rewrite_way { REWRITE_REQUEST, REWRITE_RESPONSE };

/* Which way the rule has to go for a target that is surely what the rule sees. */
unsigned rewrite_op_of(enum rewrite_way way, struct slice target);

/* Which way it says that it went. */
unsigned rewrite_op(enum rewrite_way way, const struct model_message *got);

/* Does a request rule that goes this way answer by itself? */
bool rewrite_answers(unsigned op);

/* Does it leave the body as it is? */
bool rewrite_leaves(unsigned op);

/* Does what it makes depend on what the body was? */
bool rewrite_reads(enum rewrite_way way, unsigned op);

/* Is it an answer of its own, with its own status line? */
bool rewrite_begins_anew(unsigned op);

/* What it makes of that body, in a buffer that the next call overwrites, or the body itself. */
struct slice rewrite_body(enum rewrite_way way, unsigned op, struct slice body);

#endif
