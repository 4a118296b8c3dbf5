/* sys.*: time, the names of this machine. Nothing here asks the network. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/clock.h"
#include "http/http_date.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* The years 0 to 9999, which every form of a date can write. */
#define TIME_LEAST (-62167219200ll)
#define TIME_MOST 253402300799ll
#define FORMAT_BYTES 256
#define FORMATTED_BYTES 8192
#define NAME_BYTES 256

static time_t now(void)
{
	return (time_t)(clock_read_wall_microseconds() / 1000000);
}

static time_t time_argument(struct rule_call *call, unsigned n)
{
	if (rule_argument_is_absent(call, n))
		return now();
	double value = rule_argument_number(call, n);
	if (!(value >= TIME_LEAST && value < TIME_MOST + 1.0))
		rule_argument_error(call, n, "expected seconds since 1970, got %.14g", value);
	time_t whole = (time_t)value;
	return (double)whole > value ? whole - 1 : whole;
}

static enum rule_answer answer_integer(struct rule_call *call, int64_t value)
{
	rule_push_integer(call, value);
	return RULE_RETURN;
}

static struct tm local_time(struct rule_call *call)
{
	struct tm parts = { 0 };
	time_t when = time_argument(call, 1);
	localtime_r(&when, &parts);
	return parts;
}

/* ---- time -------------------------------------------------------------------------------------------- */

static enum rule_answer time_now(struct rule_call *call)
{
	return answer_integer(call, now());
}

static enum rule_answer time_highres(struct rule_call *call)
{
	rule_push_number(call, (double)clock_read_wall_microseconds() / 1e6);
	return RULE_RETURN;
}

static enum rule_answer time_hour(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_hour);
}

static enum rule_answer time_minutes(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_min);
}

static enum rule_answer time_seconds(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_sec);
}

static enum rule_answer time_weekday(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_wday + 1);
}

static enum rule_answer time_month(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_mon + 1);
}

static enum rule_answer time_monthday(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_mday);
}

static enum rule_answer time_year(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_year + 1900);
}

static enum rule_answer time_yearday(struct rule_call *call)
{
	return answer_integer(call, local_time(call).tm_yday + 1);
}

static enum rule_answer time_to_string(struct rule_call *call)
{
	char text[30];
	if (rule_argument_is_absent(call, 1))
		rule_argument_number(call, 1); /* raises what it raises for nothing */
	http_date_format(time_argument(call, 1), text);
	rule_push_string(call, slice_of_string(text));
	return RULE_RETURN;
}

/* As strftime, which has no way to say that there is nothing: hence the blank. */
static enum rule_answer format_time(struct rule_call *call, bool is_local)
{
	char format[FORMAT_BYTES + 2], out[FORMATTED_BYTES];
	struct slice given = rule_argument_string(call, 1);
	time_t when = time_argument(call, 2);
	struct tm parts = { 0 };
	if (given.len > FORMAT_BYTES || memchr(given.at, '\0', given.len) != NULL)
		rule_argument_error(call, 1, "expected at most %d bytes without NUL", FORMAT_BYTES);
	memcpy(format, given.at, given.len);
	memcpy(format + given.len, " ", 2);
	if (is_local)
		localtime_r(&when, &parts);
	else
		gmtime_r(&when, &parts);
	size_t len = strftime(out, sizeof out, format, &parts);
	if (len == 0)
		rule_argument_error(call, 1, "expected a format of less than %d bytes of result",
				    FORMATTED_BYTES);
	rule_push_string(call, slice_of(out, len - 1));
	return RULE_RETURN;
}

static enum rule_answer localtime_format(struct rule_call *call)
{
	return format_time(call, true);
}

static enum rule_answer gmtime_format(struct rule_call *call)
{
	return format_time(call, false);
}

/* ---- this machine ------------------------------------------------------------------------------------ */

static struct slice host_name(char name[NAME_BYTES + 1])
{
	name[NAME_BYTES] = '\0';
	if (gethostname(name, NAME_BYTES) == -1)
		name[0] = '\0';
	return slice_of_string(name);
}

static enum rule_answer hostname(struct rule_call *call)
{
	char name[NAME_BYTES + 1];
	rule_push_string(call, host_name(name));
	return RULE_RETURN;
}

static enum rule_answer domainname(struct rule_call *call)
{
	char name[NAME_BYTES + 1];
	struct slice host = host_name(name);
	size_t dot = slice_find(host, '.');
	if (dot < host.len) {
		rule_push_string(call, slice_skip(host, dot + 1));
		return RULE_RETURN;
	}
	name[NAME_BYTES] = '\0';
	if (getdomainname(name, NAME_BYTES) == -1 || strcmp(name, "(none)") == 0)
		name[0] = '\0';
	rule_push_string(call, name[0] == '\0' ? SLICE_ABSENT : slice_of_string(name));
	return RULE_RETURN;
}

static enum rule_answer get_pid(struct rule_call *call)
{
	return answer_integer(call, getpid());
}

#define PART(name, run, words) \
	{ \
		"sys.time." name, run, RULE_IN_ANY, "time?: number", "integer", words, \
			"sys.time." name \
	}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "sys.time", time_now, RULE_IN_ANY, "", "integer", "Seconds since 1970.", "sys.time" },
	{ "sys.time.highres", time_highres, RULE_IN_ANY, "", "number",
	  "Seconds since 1970 with their fraction, to the microsecond.", "sys.time.highres" },
	PART("hour", time_hour, "The hour, 0 to 23, of now or of `time` (seconds since 1970), local time."),
	PART("minutes", time_minutes, "The minute, 0 to 59; as sys.time.hour."),
	PART("seconds", time_seconds, "The second, 0 to 60; as sys.time.hour."),
	PART("weekday", time_weekday, "The day of the week, 1 (Sunday) to 7; as sys.time.hour."),
	PART("month", time_month, "The month, 1 to 12; as sys.time.hour."),
	PART("monthday", time_monthday, "The day of the month, 1 to 31; as sys.time.hour."),
	PART("year", time_year, "The year, as 2026; as sys.time.hour."),
	PART("yearday", time_yearday, "The day of the year, 1 to 366; as sys.time.hour."),
	{ "sys.timeToString", time_to_string, RULE_IN_ANY, "time: number", "string",
	  "Seconds since 1970 as a date of RFC 9110 5.6.7: \"Sun, 06 Nov 1994 08:49:37 GMT\".",
	  "sys.timeToString" },
	{ "sys.localtime.format", localtime_format, RULE_IN_ANY, "format: string, time?: number", "string",
	  "Now, or `time` (seconds since 1970), in local time, by a format as of strftime(3).",
	  "sys.localtime.format" },
	{ "sys.gmtime.format", gmtime_format, RULE_IN_ANY, "format: string, time?: number", "string",
	  "As sys.localtime.format, in UTC.", "sys.gmtime.format" },
	{ "sys.hostname", hostname, RULE_IN_ANY, "", "string", "The name of this machine.", "sys.hostname" },
	{ "sys.domainname", domainname, RULE_IN_ANY, "", "string|nil",
	  "What stands behind the first dot of this machine's name, else its NIS domain, else nil.",
	  "sys.domainname" },
	{ "sys.getpid", get_pid, RULE_IN_ANY, "", "integer", "The number of the worker's process.",
	  "sys.getpid" },
};
/* clang-format on */

API_FAMILY(api_sys, functions);
