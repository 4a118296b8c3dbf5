/*
 * admin_errand: one run of a command that talks to a running weir: its questions, and on standard
 * error why one was not answered. Shared by the files of commands.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_ERRAND_H
#define WEIR_ADMIN_ERRAND_H

#include "base/arena.h"
#include "base/slice.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

struct errand {
	const char *control;
	struct arena arena;
	json_t *status; /* of the weir, as it was before we changed anything; NULL: not asked */
};

void admin_errand_open(struct errand *errand, const char *control);

/* Frees it; gives `is_done`. */
bool admin_errand_close(struct errand *errand, bool is_done);

/* Says what is wrong; gives false. */
bool admin_complain(const char *words);

/*
 * The answer to a question as JSON, or NULL, and said why. `raw`, if not NULL, gets its text,
 * into the arena; `pid` weir's process.
 */
json_t *admin_errand_ask(struct errand *errand, const char *method, const char *target,
			 struct slice body, struct slice *raw, pid_t *pid);

#endif
