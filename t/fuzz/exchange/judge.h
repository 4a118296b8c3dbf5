/* judge: what must hold in an exchange, whatever its peers do; it stops the process when it does not. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_JUDGE_H
#define WEIR_FUZZ_JUDGE_H

#include "peers.h"

/* A request's head has come to a node: finds out whose it is, and whether it may be there. */
void judge_head(struct asked *asked, const struct model_message *got);

/* All of it has come, or, in the end, what there is of it. */
void judge_body(const struct asked *asked, const struct model_message *got);

/* Looks at the answers that the client has got; at the end of its connection also at a part of one. */
void judge_answers(struct client *c);

/* All is over. */
void judge_end(void);

#endif
