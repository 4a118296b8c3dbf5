/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_control.h"

#include <criterion/criterion.h>

static struct arena arena;

static struct cache_control read(const char *one, const char *two)
{
	struct http_fields f = { 0 };
	struct cache_control c;
	if (one != NULL)
		http_fields_add(&f, &arena, SLICE("Cache-Control"), slice_of_string(one));
	if (two != NULL)
		http_fields_add(&f, &arena, SLICE("cache-control"), slice_of_string(two));
	cache_control_read(&f, &c);
	return c;
}

Test(cache_control, flags_of_any_case_and_in_any_line)
{
	struct cache_control c = read("NO-Store,, Public ,x=1", "must-revalidate");
	cr_expect(c.is_there && c.no_store && c.is_public && c.must_revalidate);
	cr_expect_not(c.no_cache || c.is_private || c.proxy_revalidate);
	cr_expect_not(read(NULL, NULL).is_there);
}

Test(cache_control, qualified_words_are_for_all)
{
	struct cache_control c = read("no-cache=\"a, b\", private=\"x\"", NULL);
	cr_expect(c.no_cache && c.is_private);
}

Test(cache_control, a_quoted_comma_or_quote_ends_nothing)
{
	cr_expect_not(read("ext=\"a, no-store\"", NULL).no_store);
	cr_expect_not(read("ext=\"a\\\", no-store\"", NULL).no_store);
	cr_expect(read("ext=\"a\\\"\", no-store", NULL).no_store);
	cr_expect_not(read("ext=\"a\\", NULL).no_store);
	/* nor does a quote that is never closed hide what follows */
	cr_expect(read("ext=\"a, no-store", NULL).no_store);
	cr_expect(read("max-age=\"5, private, x=\"y\"", NULL).is_private);
}

static void expect_seconds(struct cache_seconds s, uint64_t value)
{
	cr_expect(s.is_given);
	cr_expect_eq(s.value, value, "%llu", (unsigned long long)s.value);
}

Test(cache_control, seconds_are_the_strictest_that_are_said)
{
	expect_seconds(read("max-age=60", NULL).max_age, 60);
	expect_seconds(read("max-age=\"60\"", NULL).max_age, 60);
	expect_seconds(read("max-age=60, max-age=5", "max-age=9").max_age, 5);
	expect_seconds(read("min-fresh=60, min-fresh=5", NULL).min_fresh, 60);
	expect_seconds(read("max-stale", NULL).max_stale, CACHE_SECONDS_MOST);
	expect_seconds(read("max-stale, max-stale=3", NULL).max_stale, 3);
	expect_seconds(read("s-maxage=99999999999999999999999", NULL).s_maxage, CACHE_SECONDS_MOST);
}

Test(cache_control, what_is_no_number_allows_nothing)
{
	static const char *const bad[] = { "max-age=",    "max-age",   "max-age=-1",
					   "max-age=1.5", "max-age=a", "max-age=1 2" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		expect_seconds(read(bad[i], NULL).max_age, 0);
	expect_seconds(read("min-fresh=a", NULL).min_fresh, CACHE_SECONDS_MOST);
}
