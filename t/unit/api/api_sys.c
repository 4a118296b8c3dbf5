/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

/* A zone with a rule of its own, so that nothing hangs on files of the machine. */
static void open_in_zone(void)
{
	setenv("TZ", "XST-5:30", 1);
	api_unit_open();
}

TestSuite(api_sys, .init = open_in_zone, .fini = api_unit_close);

Test(api_sys, parts_of_a_time_are_local)
{
	/* Thu, 29 Feb 2024 23:59:58 UTC is Friday, 1 March, 05:29:58 there */
	api_unit_passes(
		"local t = 1709251198\n"
		"assert(sys.time.hour(t) == 5 and sys.time.minutes(t) == 29)\n"
		"assert(sys.time.seconds(t) == 58 and sys.time.weekday(t) == 6)\n"
		"assert(sys.time.month(t) == 3 and sys.time.monthday(t) == 1)\n"
		"assert(sys.time.year(t) == 2024 and sys.time.yearday(t) == 61)\n"
		"assert(sys.time.seconds(-0.5) == 59 and sys.time.seconds(t + 0.9) == 58)\n"
		"for part, value in pairs(os.date('*t', t)) do\n"
		"\tlocal own = ({ hour = 'hour', min = 'minutes', sec = 'seconds',\n"
		"\t\twday = 'weekday', day = 'monthday', yday = 'yearday' })[part] or part\n"
		"\tif part ~= 'isdst' then assert(sys.time[own](t) == value, part) end\n"
		"end\n");
}

Test(api_sys, now)
{
	api_unit_passes("local before, now, after = os.time(), sys.time(), os.time()\n"
			"assert(before <= now and now <= after)\n"
			"local fine = sys.time.highres()\n"
			"assert(fine >= now and fine < now + 10)\n"
			"assert(sys.time.year() == tonumber(os.date('%Y')))\n"
			"assert(math.abs(sys.time.yearday() - os.date('*t').yday) <= 1)\n");
}

Test(api_sys, dates)
{
	api_unit_passes(
		"assert(sys.timeToString(784111777) == 'Sun, 06 Nov 1994 08:49:37 GMT')\n"
		"assert(sys.timeToString(784111777.9) == 'Sun, 06 Nov 1994 08:49:37 GMT')\n"
		"assert(sys.gmtime.format('%Y-%m-%d %H:%M:%S', 1709251198) == '2024-02-29 23:59:58')\n"
		"assert(sys.localtime.format('%d.%m. %H:%M %Z', 1709251198) == '01.03. 05:29 XST')\n"
		"assert(sys.gmtime.format('') == '' and sys.gmtime.format('%%') == '%')\n"
		"assert(sys.gmtime.format('%Y') == os.date('!%Y'))\n"
		"assert(string.gmtime.parse(sys.timeToString(5)) == 5)\n");
}

Test(api_sys, this_machine)
{
	api_unit_passes("assert(#sys.hostname() > 0 and not sys.hostname():find('%z'))\n"
			"local host, domain = sys.hostname(), sys.domainname()\n"
			"if host:find('.', 1, true) then\n"
			"\tassert(host:match('%.(.*)') == domain)\n"
			"else\n"
			"\tassert(domain == nil or #domain > 0)\n"
			"end\n"
			"assert(ssl.isSSL() == false)\n");
	char rule[64];
	snprintf(rule, sizeof rule, "assert(sys.getpid() == %d)", (int)getpid());
	api_unit_passes(rule);
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "sys.timeToString()",
	  "sys.timeToString: argument 1 (time): expected a number, got nothing" },
	{ "sys.timeToString({})", "argument 1 (time): expected a number, got table" },
	{ "sys.timeToString(0/0)", "argument 1 (time): expected seconds since 1970, got" },
	{ "sys.timeToString(253402300800)", "argument 1 (time): expected seconds since 1970" },
	{ "sys.time.hour('x')", "sys.time.hour: argument 1 (time): expected a number, got string" },
	{ "sys.time.year(1e18)", "sys.time.year: argument 1 (time): expected seconds since 1970" },
	{ "sys.gmtime.format()", "argument 1 (format): expected a string, got nothing" },
	{ "sys.gmtime.format('%Y', true)", "argument 2 (time): expected a number, got boolean" },
	{ "sys.gmtime.format('a\\0b')",
	  "argument 1 (format): expected at most 256 bytes without NUL" },
	{ "sys.localtime.format(('x'):rep(257))", "expected at most 256 bytes without NUL" },
	{ "sys.localtime.format('%9999Y')", "expected a format of less than 8192 bytes" },
};

Test(api_sys, wrong_arguments)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		api_unit_fails(wrong[i].text, wrong[i].message);
}
