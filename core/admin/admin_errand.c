/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_errand.h"

#include "admin/admin_client.h"

#include <stdio.h>

bool admin_complain(const char *words)
{
	fprintf(stderr, "weir: %s\n", words);
	return false;
}

json_t *admin_errand_ask(struct errand *errand, const char *method, const char *target,
			 struct slice body, struct slice *raw, pid_t *pid)
{
	struct admin_reply reply;
	struct err e;
	json_error_t error;
	if (!admin_ask(&reply, errand->control, method, target, body, &e)) {
		admin_complain(e.text);
		return NULL;
	}
	json_t *value = json_loadb(reply.body.at, reply.body.len, 0, &error);
	if (value == NULL || reply.status >= 300) {
		const char *words = json_string_value(json_object_get(value, "error"));
		admin_complain(words != NULL ? words : "weir's answer cannot be understood");
		json_decref(value);
		value = NULL;
	}
	if (raw != NULL)
		*raw = arena_copy(&errand->arena, reply.body);
	if (pid != NULL)
		*pid = reply.pid;
	admin_reply_release(&reply);
	return value;
}

void admin_errand_open(struct errand *errand, const char *control)
{
	*errand = (struct errand){ .control = control };
	arena_init(&errand->arena);
}

bool admin_errand_close(struct errand *errand, bool is_done)
{
	json_decref(errand->status);
	arena_release(&errand->arena);
	return is_done;
}
