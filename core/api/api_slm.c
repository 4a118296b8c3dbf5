/* slm.*, stats.*: how fast answers are, of a service level class and of this transaction. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/clock.h"
#include "share/slm.h"

/* ---- classes ---------------------------------------------------------------------------------------------- */

static const struct conf_slm_class *find_class(struct rule_call *call, struct slice name)
{
	const struct conf_slm_class *found = conf_find_slm_class(api_world(call)->conf, name);
	if (found == NULL)
		api_warn(call, "there is no service level class '%.*s'",
			 name.len < 100 ? (int)name.len : 100, name.at);
	return found;
}

/* The class that argument 1 names, or the connection's. False: there is no such class, and the rule hears it. */
static bool read_class(struct rule_call *call, const struct conf_slm_class **found)
{
	uint32_t number = api_txn(call)->session->service_level;
	*found = number == 0 ? NULL : &api_world(call)->conf->slm_classes[number - 1];
	if (rule_argument_is_absent(call, 1))
		return true;
	*found = find_class(call, rule_argument_string(call, 1));
	if (*found == NULL)
		api_fail(call, "there is no such service level class");
	return *found != NULL;
}

/* 100 without a class. */
static double conforming_of(struct rule_call *call, const struct conf_slm_class *found)
{
	const struct world *w = api_world(call);
	if (found == NULL)
		return 100;
	return slm_conforming(&w->share->slm, (unsigned)(found - w->conf->slm_classes),
			      clock_milliseconds());
}

static enum rule_answer conforming(struct rule_call *call)
{
	const struct conf_slm_class *found;
	if (read_class(call, &found))
		rule_push_number(call, conforming_of(call, found));
	return RULE_RETURN;
}

static enum rule_answer is_ok(struct rule_call *call)
{
	const struct conf_slm_class *found;
	if (read_class(call, &found))
		rule_push_boolean(call, found == NULL || conforming_of(call, found) >
								 (double)found->serious_threshold);
	return RULE_RETURN;
}

static enum rule_answer threshold(struct rule_call *call)
{
	const struct conf_slm_class *found;
	if (read_class(call, &found))
		rule_push_integer(call, found == NULL ? 0 : (int64_t)found->serious_threshold);
	return RULE_RETURN;
}

static enum rule_answer set_class(struct rule_call *call)
{
	const struct conf_slm_class *found = find_class(call, rule_argument_string(call, 1));
	if (found != NULL)
		api_txn(call)->session->service_level =
			(uint32_t)(found - api_world(call)->conf->slm_classes) + 1;
	rule_push_boolean(call, found != NULL);
	return RULE_RETURN;
}

static enum rule_answer get_class(struct rule_call *call)
{
	uint32_t number = api_txn(call)->session->service_level;
	if (number == 0)
		rule_push_nil(call);
	else
		rule_push_string(
			call,
			slice_of_string(api_world(call)->conf->slm_classes[number - 1].named.name));
	return RULE_RETURN;
}

/* ---- this transaction --------------------------------------------------------------------------------------- */

/* Milliseconds between two moments; 0 when one of them was not reached. */
static enum rule_answer push_time(struct rule_call *call, uint64_t from, uint64_t to)
{
	rule_push_integer(call, from == 0 || to < from ? 0 : (int64_t)((to - from) / 1000));
	return RULE_RETURN;
}

static enum rule_answer get_queue_time(struct rule_call *call)
{
	const struct txn_times *times = &api_txn(call)->times;
	return push_time(call, times->rules, times->connect);
}

static enum rule_answer get_server_response_time(struct rule_call *call)
{
	const struct txn_times *times = &api_txn(call)->times;
	return push_time(call, times->sent, times->response);
}

static enum rule_answer get_transaction_duration(struct rule_call *call)
{
	return push_time(call, api_txn(call)->times.began, clock_microseconds());
}

#define CLASS_WORDS \
	" Without a name: the connection's class. Nil and the reason, with a warning, for a class that " \
	"`slm_classes` does not have."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "slm.conforming", conforming, RULE_IN_ANY, "class?: string", "number|nil, string|nil",
	  "How many of a hundred answers of the last 10 seconds came within the class's `response_time`, in "
	  "all workers together: from when the request's head was here to the first byte to the client. "
	  "100 when there was no answer, and without a class." CLASS_WORDS,
	  "slm.conforming" },
	{ "slm.isOK", is_ok, RULE_IN_ANY, "class?: string", "boolean|nil, string|nil",
	  "Is slm.conforming above the class's `serious_threshold`? True without a class." CLASS_WORDS,
	  "slm.isOK" },
	{ "slm.threshold", threshold, RULE_IN_ANY, "class?: string", "integer|nil, string|nil",
	  "The class's `serious_threshold`; 0 without a class." CLASS_WORDS, "slm.threshold" },
	{ "connection.setServiceLevelClass", set_class, RULE_IN_ANY, "class: string", "boolean",
	  "The connection belongs to this class: its answers count there, from this one on if it has not "
	  "begun. False and a warning for a class that `slm_classes` does not have.",
	  "connection.setServiceLevelClass" },
	{ "connection.getServiceLevelClass", get_class, RULE_IN_ANY, "", "string|nil",
	  "The class that the virtual server's `slm_class` or a rule gave the connection; nil without one.",
	  "connection.getServiceLevelClass" },
	{ "stats.getQueueTime", get_queue_time, RULE_IN_ANY, "", "integer",
	  "Milliseconds from the end of the request rules to the attempt to reach the last node; 0 before.",
	  "stats.getQueueTime" },
	{ "stats.getServerResponseTime", get_server_response_time, RULE_IN_ANY, "", "integer",
	  "Milliseconds from when the node had the request (its head, when there is a body) to the whole "
	  "head of its answer; 0 without an answer.",
	  "stats.getServerResponseTime" },
	{ "stats.getTransactionDuration", get_transaction_duration, RULE_IN_ANY, "", "integer",
	  "Milliseconds since the transaction began, with the first byte of the request.",
	  "stats.getTransactionDuration" },
};
/* clang-format on */

API_FAMILY(api_slm, functions);
