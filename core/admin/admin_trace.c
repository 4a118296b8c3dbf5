/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_trace.h"

#include "base/clock.h"
#include "net/addr.h"
#include "share/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MOST 1000 /* of one worker, in one answer */

static json_t *refuse(unsigned *status, const char **words, unsigned why, const char *text)
{
	*status = why;
	*words = text;
	return NULL;
}

/* ---- what is asked for ---------------------------------------------------------------------------- */

static bool has_rule(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->rule_count; i++)
		if (strcmp(conf->rules[i].name, name) == 0)
			return true;
	return false;
}

/* Copies what fits whole. */
static bool set_text(char *to, size_t size, const char *from)
{
	return (size_t)snprintf(to, size, "%s", from) < size;
}

/* One key of the body; NULL or what is wrong with it. */
static const char *set_filter(const struct admin *a, struct trace_filter *filter, const char *key,
			      const char *value)
{
	struct addr client;
	char text[ADDR_TEXT_BYTES];
	if (value == NULL)
		return "client, host and rule are texts";
	if (strcmp(key, "client") == 0) {
		if (!addr_parse_ip(slice_of_string(value), &client))
			return "the client is no IP address";
		set_text(filter->client, sizeof filter->client, addr_format_ip(&client, text));
	} else if (strcmp(key, "host") == 0) {
		if (*value == '\0' || !set_text(filter->host, sizeof filter->host, value))
			return "the host is no name";
	} else if (strcmp(key, "rule") == 0) {
		if (!has_rule(a->conf, value))
			return "there is no rule by that name";
		set_text(filter->rule, sizeof filter->rule, value);
	} else {
		return "only client, host and rule can be asked for";
	}
	return NULL;
}

static const char *read_filter(const struct admin *a, json_t *body, struct trace_filter *filter)
{
	const char *key, *wrong = NULL;
	json_t *value;
	memset(filter, 0, sizeof *filter);
	if (!json_is_object(body))
		return "the body must be {} or have client, host or rule";
	json_object_foreach(body, key, value)
	{
		if (wrong == NULL)
			wrong = set_filter(a, filter, key, json_string_value(value));
	}
	return wrong;
}

json_t *admin_trace_begin(const struct admin *a, struct slice body, unsigned *status,
			  const char **words)
{
	struct trace_filter filter;
	json_error_t error;
	json_t *asked = json_loadb(body.at, body.len, JSON_REJECT_DUPLICATES, &error);
	const char *wrong = read_filter(a, asked, &filter);
	json_decref(asked);
	if (wrong != NULL)
		return refuse(status, words, 400, wrong);
	uint64_t number = trace_begin(a->share, &filter, clock_milliseconds());
	if (number == 0)
		return refuse(status, words, 409, "somebody else traces already");
	json_t *o = json_object();
	json_object_set_new(o, "trace", json_integer((json_int_t)number));
	return o;
}

/* ---- what was seen -------------------------------------------------------------------------------- */

static json_t *line_of(unsigned worker, const struct trace_line *line, const char *text)
{
	static const char *const kinds[] = {
		[TRACE_CLIENT] = "client", [TRACE_REQUEST] = "request",
		[TRACE_RULE] = "rule",     [TRACE_CACHE] = "cache",
		[TRACE_WAIT] = "wait",     [TRACE_POOL] = "pool",
		[TRACE_NODE] = "node",     [TRACE_CONNECTION] = "connection",
		[TRACE_ANSWER] = "answer", [TRACE_END] = "end",
	};
	char name[32];
	json_t *o = json_object();
	snprintf(name, sizeof name, "%u.%u", worker, line->transaction);
	json_object_set_new(o, "transaction", json_string(name));
	json_object_set_new(o, "microseconds", json_integer((json_int_t)line->microseconds));
	json_object_set_new(o, "what",
			    json_string(line->kind < TRACE_KINDS ? kinds[line->kind] : "-"));
	json_object_set_new(o, "text", json_stringn(text, line->bytes));
	return o;
}

static uint64_t number_of(struct slice text)
{
	char digits[24];
	snprintf(digits, sizeof digits, "%.*s", SLICE_PRINT(text));
	return strtoull(digits, NULL, 10);
}

json_t *admin_trace_take(const struct admin *a, struct slice number)
{
	struct trace_line line;
	char text[TRACE_TEXT_BYTES];
	uint64_t trace = number_of(number);
	if (trace == 0 || !trace_renew(a->share, trace, clock_milliseconds()))
		return NULL;
	json_t *lines = json_array(), *o = json_object();
	for (unsigned i = 0; i < a->share->workers; i++)
		for (unsigned k = 0; k < LINES_MOST && trace_take(a->share, i, &line, text); k++)
			if (line.trace == trace)
				json_array_append_new(lines, line_of(i, &line, text));
	json_object_set_new(o, "lines", lines);
	json_object_set_new(o, "lost", json_integer((json_int_t)trace_take_lost(a->share)));
	return o;
}

bool admin_trace_end(const struct admin *a, struct slice number)
{
	uint64_t trace = number_of(number);
	if (trace == 0 || trace_number(a->share) != trace)
		return false;
	trace_end(a->share, trace);
	return true;
}
