/*
 * admin_resource: what each path of the API answers, and the audit line for each change. Knows no
 * connection: a question in, an answer out.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ADMIN_RESOURCE_H
#define WEIR_ADMIN_RESOURCE_H

#include "admin/admin_server.h"
#include "base/arena.h"

#include <sys/socket.h>

struct admin_question {
	struct admin *admin;
	struct ucred peer; /* who asks */
	struct slice method;
	struct slice path; /* as received */
	struct slice body; /* as received; may be empty */
};

struct admin_answer {
	unsigned status;
	struct slice body;  /* JSON */
	struct slice extra; /* header lines, each with CRLF; may be empty or absent */
};

/* Answers, whatever the question; what the answer holds lies in `arena`. */
void admin_resource_answer(const struct admin_question *q, struct arena *arena,
			   struct admin_answer *answer);

/* Fills in an answer that says why there is no other: {"error": words}. */
void admin_answer_refuse(struct admin_answer *answer, struct arena *arena, unsigned status,
			 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
