/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_date.h"

#include <criterion/criterion.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

Test(http_date, format_agrees_with_the_c_library)
{
	char got[30], wanted[30];
	for (int64_t seconds = -62135596800; seconds < 253402300800; seconds += 86399 * 1009 + 17) {
		struct tm tm;
		time_t time = seconds;
		int64_t back;
		gmtime_r(&time, &tm);
		strftime(wanted, sizeof wanted, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		/* strftime does not pad years below 1000. */
		if (tm.tm_year + 1900 < 1000)
			continue;
		http_date_format(seconds, got);
		cr_assert_str_eq(got, wanted);
		cr_assert(http_date_parse(slice_of_string(got), &back) && back == seconds, "%s",
			  got);
	}
	http_date_format(-1, got);
	cr_expect_str_eq(got, "Wed, 31 Dec 1969 23:59:59 GMT");
}

Test(http_date, three_forms_are_read)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 },
		{ "Wed Nov 16 08:49:37 1994", 784975777 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Thursday, 01-Jan-70 00:00:00 GMT", 0 },
		{ "Friday, 01-Jan-69 00:00:00 GMT", 3124224000 },
		{ "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
		{ "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 },
	};
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t seconds = 1;
		cr_expect(http_date_parse(slice_of_string(good[i].text), &seconds) &&
				  seconds == good[i].seconds,
			  "%s: %ld", good[i].text, (long)seconds);
		for (size_t len = 0; len < strlen(good[i].text); len++)
			cr_expect(!http_date_parse(slice_of(good[i].text, len), &seconds));
	}
}

Test(http_date, others_are_refused)
{
	static const char *const bad[] = {
		"",
		"now",
		"Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"sun, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Thu, 29 Feb 1900 00:00:00 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:61 GMT",
		"Sunday, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06-Nov-94 08:49:37 GMT",
		"Sun Nov 6 08:49:37 1994",
		"Sun, 06 Nov -994 08:49:37 GMT",
		"784111777",
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t seconds;
		cr_expect(!http_date_parse(slice_of_string(bad[i]), &seconds), "%s", bad[i]);
	}
}
