/* log.* and rule.*: lines that a rule writes, and what it may know of itself. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>

/* Longer messages are cut here; base/log would cut them a little later. */
#define MESSAGE_BYTES 3500
#define EVENT_NAME_BYTES 100

/* The rate of the rule that is calling, in this worker. */
static struct log_limit *limit_of(const struct rule_call *call)
{
	struct world *w = api_world(call);
	for (size_t i = 0; i < w->conf->rule_count; i++)
		if (strcmp(w->conf->rules[i].name, rule_call_rule_name(call)) == 0)
			return &w->rule_lines[i];
	check(!"a rule of the configuration");
	return NULL;
}

/* printf ends a text at a NUL, and log escapes every other control character. */
static const char *without_nul(struct slice text, char out[MESSAGE_BYTES])
{
	size_t len = 0;
	for (size_t i = 0; i < text.len && len + 5 < MESSAGE_BYTES; i++) {
		if (text.at[i] != '\0') {
			out[len++] = text.at[i];
			continue;
		}
		memcpy(out + len, "\\x00", 4);
		len += 4;
	}
	out[len] = '\0';
	return out;
}

void api_log_write(struct rule_call *call, enum log_level level, struct slice text)
{
	unsigned left_out;
	char message[MESSAGE_BYTES];
	if (!log_is_on(level) || !log_limit_allows(limit_of(call), &left_out))
		return;
	const char *name = rule_call_rule_name(call);
	if (left_out > 0)
		log_warn("rule '%s': %u lines were left out", name, left_out);
	log_write(level, "rule '%s' line %u: %s", name, rule_call_line(call),
		  without_nul(text, message));
}

void api_warn(struct rule_call *call, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	api_log_write(call, LOG_WARN, slice_of_string(text));
}

static enum rule_answer log_info_line(struct rule_call *call)
{
	api_log_write(call, LOG_INFO, rule_argument_string(call, 1));
	return RULE_RETURN;
}

static enum rule_answer log_warn_line(struct rule_call *call)
{
	api_log_write(call, LOG_WARN, rule_argument_string(call, 1));
	return RULE_RETURN;
}

static enum rule_answer log_error_line(struct rule_call *call)
{
	api_log_write(call, LOG_ERROR, rule_argument_string(call, 1));
	return RULE_RETURN;
}

static enum rule_answer emit(struct rule_call *call)
{
	struct slice name = rule_argument_string(call, 1), message = rule_argument_string(call, 2);
	if (name.len == 0 || name.len > EVENT_NAME_BYTES)
		rule_argument_error(call, 1, "expected a name of 1 to %d bytes, got %zu",
				    EVENT_NAME_BYTES, name.len);
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] == '/' || (unsigned char)name.at[i] < 0x20 || name.at[i] == 0x7f)
			rule_argument_error(call, 1, "expected a name without \"/\" and controls");
	char text[MESSAGE_BYTES];
	size_t len = (size_t)snprintf(text, sizeof text, "event '%.*s': ", SLICE_PRINT(name));
	size_t left = sizeof text - len < message.len ? sizeof text - len : message.len;
	if (left > 0)
		memcpy(text + len, message.at, left);
	api_log_write(call, LOG_INFO, slice_of(text, len + left));
	return RULE_RETURN;
}

static enum rule_answer get_name(struct rule_call *call)
{
	rule_push_string(call, slice_of_string(rule_call_rule_name(call)));
	return RULE_RETURN;
}

static enum rule_answer get_state(struct rule_call *call)
{
	static const char *const names[] = { [RULE_REQUEST] = "REQUEST",
					     [RULE_RESPONSE] = "RESPONSE",
					     [RULE_COMPLETION] = "COMPLETION" };
	rule_push_string(call, slice_of_string(names[rule_call_phase(call)]));
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "log.info", log_info_line, RULE_IN_ANY, "message: string", "",
	  "Writes one line to the log at level info, with the rule's name and line. Control characters "
	  "are escaped. A rule may write `log: {rule_rate: 100}` lines a second in each worker; how many "
	  "were left out is logged.",
	  "log.info" },
	{ "log.warn", log_warn_line, RULE_IN_ANY, "message: string", "",
	  "As log.info, at level warn.", "log.warn" },
	{ "log.error", log_error_line, RULE_IN_ANY, "message: string", "",
	  "As log.info, at level error.", "log.error" },
	{ "event.emit", emit, RULE_IN_ANY, "name: string, message: string", "",
	  "Tells those who watch the log of something that happened: one line \"event 'NAME': MESSAGE\", "
	  "as log.info writes it. A name has 1 to 100 bytes, no \"/\" and no controls, or it is an error.",
	  "event.emit" },
	{ "rule.getName", get_name, RULE_IN_ANY, "", "string",
	  "The name of the rule that is running, as in the configuration.", "rule.getName" },
	{ "rule.getState", get_state, RULE_IN_ANY, "", "string",
	  "The phase it runs in: \"REQUEST\", \"RESPONSE\" or \"COMPLETION\".", "rule.getState" },
};
/* clang-format on */

API_FAMILY(api_log, functions);
