/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_key.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct http_fields fields;

static struct cache_asked asked(void)
{
	return (struct cache_asked){ .server = 1,
				     .host = SLICE("h"),
				     .path = SLICE("/a"),
				     .query = SLICE_ABSENT,
				     .sorts_query = true,
				     .pool = SLICE("web"),
				     .destination = SLICE("-"),
				     .extra = SLICE_ABSENT,
				     .fields = &fields };
}

static struct slice uri_of(const char *query)
{
	struct cache_asked a = asked();
	a.query = query == NULL ? SLICE_ABSENT : slice_of_string(query);
	return cache_key_uri(&a, &arena);
}

static void expect_same(const char *one, const char *other, bool is_same)
{
	cr_expect_eq(slice_is_equal(uri_of(one), uri_of(other)), is_same, "%s %s", one, other);
}

Test(cache_key, queries_are_put_in_the_order_of_their_names)
{
	expect_same("b=1&a=2", "a=2&b=1", true);
	expect_same("a=1&a=2", "a=2&a=1", false);
	expect_same("c&b=2&a=9&b=1", "a=9&b=2&b=1&c", true);
	expect_same("a", "a=", false);
	expect_same("a&b", "a=b", false);
	expect_same("", NULL, false);
	expect_same("&a", "a", false);
	expect_same("ab=1&a=1", "a=1&ab=1", true);
}

Test(cache_key, no_two_keys_can_be_read_alike)
{
	struct cache_key one, other;
	struct cache_asked a = asked(), b = asked();
	a.extra = SLICE("x\nx-forwarded-host:evil\n");
	b.extra = SLICE("x");
	fields = (struct http_fields){ 0 };
	cache_key_make(&one, &a, &arena);
	http_fields_add(&fields, &arena, SLICE("X-Forwarded-Host"), SLICE("evil"));
	cache_key_make(&other, &b, &arena);
	cr_expect_not(slice_is_equal(one.variant, other.variant));
	b.extra = SLICE("");
	a.extra = SLICE_ABSENT;
	cache_key_make(&one, &a, &arena);
	cache_key_make(&other, &b, &arena);
	cr_expect_not(slice_is_equal(one.variant, other.variant));
}

static bool names_of(const char *vary, struct slice *names)
{
	struct http_fields f = { 0 };
	if (vary != NULL)
		http_fields_add(&f, &arena, SLICE("Vary"), slice_of_string(vary));
	return cache_key_names(&f, &arena, names);
}

Test(cache_key, names_of_vary)
{
	struct slice names;
	cr_expect(names_of(NULL, &names) && names.len == 0);
	cr_expect(names_of("Accept,, X-Y ", &names));
	cr_expect(slice_is_equal(names, SLICE("accept,x-y")));
	static const char *const bad[] = {
		"*", "a, *", "a b", "X-Forwarded-For", "x_cluster-client-ip", "a\""
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(names_of(bad[i], &names), "%s", bad[i]);
	char long_one[CACHE_NAMES_MOST + 2];
	memset(long_one, 'a', sizeof long_one);
	long_one[sizeof long_one - 1] = '\0';
	cr_expect_not(names_of(long_one, &names));
}

Test(cache_key, values_tell_absent_empty_and_joined_apart)
{
	char to[CACHE_VALUES_MOST];
	size_t len;
	struct http_fields f = { 0 };
	struct cache_key key = { .fields = &f };
	cr_assert(cache_key_vary(&key, SLICE("a,b"), to, &len));
	cr_expect(slice_is_equal(slice_of(to, len), SLICE("\n\n")));
	http_fields_add(&f, &arena, SLICE("A"), SLICE(""));
	http_fields_add(&f, &arena, SLICE("b"), SLICE("1"));
	http_fields_add(&f, &arena, SLICE("B"), SLICE("2"));
	cr_assert(cache_key_vary(&key, SLICE("a,b"), to, &len));
	cr_expect(slice_is_equal(slice_of(to, len), SLICE("=\n=1, 2\n")));
	f.at[1].is_hop_by_hop = true;
	cr_assert(cache_key_vary(&key, SLICE("b"), to, &len));
	cr_expect(slice_is_equal(slice_of(to, len), SLICE("=2\n")));
	char *big = arena_alloc(&arena, CACHE_VALUES_MOST);
	memset(big, 'x', CACHE_VALUES_MOST);
	http_fields_add(&f, &arena, SLICE("c"), slice_of(big, CACHE_VALUES_MOST));
	cr_expect_not(cache_key_vary(&key, SLICE("c"), to, &len));
}
