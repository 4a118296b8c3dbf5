/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch_url.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* The parts as "scheme host port path", or "why: ...". */
static const char *parts_of(const char *text)
{
	static char out[512];
	struct fetch_url url;
	const char *why = NULL;
	if (!fetch_url_parse(slice_of_string(text), &url, &why)) {
		snprintf(out, sizeof out, "why: %s", why);
		return out;
	}
	snprintf(out, sizeof out, "%s %.*s %u %.*s%s", url.is_secure ? "https" : "http",
		 SLICE_PRINT(url.host), url.port, SLICE_PRINT(url.path),
		 url.has_query_only ? " query only" : "");
	return out;
}

Test(fetch_url, good_ones)
{
	static const char *const rows[][2] = {
		{ "http://a.test", "http a.test 80 " },
		{ "HTTPS://a.test/", "https a.test 443 /" },
		{ "http://a.test:8080/x?y=/z?&#f", "http a.test 8080 /x?y=/z?&" },
		{ "http://a.test?x", "http a.test 80 ?x query only" },
		{ "http://a.test#x/y", "http a.test 80 " },
		{ "http://[::1]:81/", "http ::1 81 /" },
		{ "https://10.0.0.1", "https 10.0.0.1 443 " },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect_str_eq(parts_of(rows[i][0]), rows[i][1]);
}

Test(fetch_url, bad_ones)
{
	static const char *const bad[] = {
		"",
		"http",
		"http:/a/",
		"ftp://a/",
		"a.test/",
		"http://",
		"http:///x",
		"http://:80/",
		"http://a:99999/",
		"http://a:b/",
		"http://a b/",
		"http://a/\n",
		"http://u@a/",
		"http://u:p@a/",
		"http://[::1/",
		"http://a..b/",
		"http://[a]/",
		"http://a\\b/",
		"http://\xc3\xa4/",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect(strncmp(parts_of(bad[i]), "why: ", 5) == 0, "%s", bad[i]);
}
