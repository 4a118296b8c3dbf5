/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_cookie.h"

#include <criterion/criterion.h>

static struct arena arena;
static struct http_fields fields;

static void start(void)
{
	arena_init(&arena);
	fields = (struct http_fields){ 0 };
	http_fields_add(&fields, &arena, SLICE("Host"), SLICE("h"));
}

static void end(void)
{
	arena_release(&arena);
}

TestSuite(http_cookie, .init = start, .fini = end);

static void add(const char *name, const char *value)
{
	http_fields_add(&fields, &arena, slice_of_string(name), slice_of_string(value));
}

static struct slice listing(void)
{
	struct http_cookie_position position = { 0 };
	struct slice text = SLICE(""), name, value;
	while (http_cookie_next(&fields, &position, &name, &value))
		text = arena_print(&arena, "%.*s<%.*s=%.*s>", SLICE_PRINT(text), SLICE_PRINT(name),
				   SLICE_PRINT(value));
	return text;
}

/* All lines of that name, one behind the other. */
static struct slice lines(const char *name)
{
	struct slice text = SLICE("");
	for (unsigned i = 0; i < fields.count; i++)
		if (slice_is_equal_nocase(fields.at[i].name, slice_of_string(name)))
			text = arena_print(&arena, "%.*s[%.*s]", SLICE_PRINT(text),
					   SLICE_PRINT(fields.at[i].value));
	return text;
}

Test(http_cookie, all_lines_are_walked)
{
	add("Cookie", "a=1;b = 2 ; c=\"x y\";; lone; =empty; d==; e=");
	add("X", "z=1");
	add("cookie", " ; f=3");
	add("Cookie", "");
	cr_expect_str_eq(listing().at, "<a=1><b=2><c=\"x y\"><=empty><d==><e=><f=3>");
}

Test(http_cookie, no_cookies)
{
	cr_expect(listing().len == 0);
	cr_expect(slice_is_absent(http_cookie_get(&fields, SLICE("a"))));
}

Test(http_cookie, the_first_of_a_name_is_given)
{
	add("Cookie", "A=0; a=1; a=2");
	cr_expect(slice_is_equal(http_cookie_get(&fields, SLICE("a")), SLICE("1")));
	cr_expect(slice_is_absent(http_cookie_get(&fields, SLICE("b"))));
}

Test(http_cookie, set_replaces_and_makes_one_line)
{
	add("Cookie", "a=1; lone");
	add("X", "y");
	add("Cookie", "b=2;a=3;c=4");
	http_cookie_set(&fields, &arena, SLICE("a"), SLICE("new"));
	cr_expect_str_eq(lines("Cookie").at, "[a=new; lone; b=2; c=4]");
	http_cookie_set(&fields, &arena, SLICE("d"), SLICE(""));
	cr_expect_str_eq(lines("Cookie").at, "[a=new; lone; b=2; c=4; d=]");
	cr_expect(fields.count == 3 && slice_is_equal(fields.at[1].name, SLICE("Cookie")));
}

Test(http_cookie, set_makes_the_first_line)
{
	http_cookie_set(&fields, &arena, SLICE("a"), SLICE("1"));
	cr_expect_str_eq(lines("Cookie").at, "[a=1]");
}

Test(http_cookie, remove_takes_all_of_a_name)
{
	add("Cookie", "a=1; b=2; a=3");
	cr_expect(http_cookie_remove(&fields, &arena, SLICE("x")) == 0);
	cr_expect_str_eq(lines("Cookie").at, "[a=1; b=2; a=3]");
	cr_expect(http_cookie_remove(&fields, &arena, SLICE("a")) == 2);
	cr_expect_str_eq(lines("Cookie").at, "[b=2]");
	cr_expect(http_cookie_remove(&fields, &arena, SLICE("b")) == 1);
	cr_expect(fields.count == 1);
}

Test(http_cookie, many_cookies_take_linear_time)
{
	char *text = arena_alloc(&arena, 600001);
	for (size_t i = 0; i < 200000; i++)
		memcpy(text + 3 * i, "a=;", 4);
	add("Cookie", text);
	http_cookie_set(&fields, &arena, SLICE("b"), SLICE("1"));
	cr_expect(http_cookie_remove(&fields, &arena, SLICE("a")) == 200000);
	cr_expect_str_eq(lines("Cookie").at, "[b=1]");
}

static struct slice set_listing(void)
{
	struct http_cookie_position position = { 0 };
	struct slice text = SLICE(""), name, value, attributes;
	while (http_set_cookie_next(&fields, &position, &name, &value, &attributes))
		text = arena_print(
			&arena, "%.*s<%.*s=%.*s|%.*s>", SLICE_PRINT(text), SLICE_PRINT(name),
			SLICE_PRINT(value),
			SLICE_PRINT(slice_is_absent(attributes) ? SLICE("-") : attributes));
	return text;
}

Test(http_cookie, set_cookies_are_walked)
{
	add("Set-Cookie", "a = 1 ; Path=/; HttpOnly ");
	add("Set-Cookie", "no pair; x=y");
	add("X", "y=z");
	add("set-cookie", "b=c=d");
	add("Set-Cookie", "e=;");
	cr_expect_str_eq(set_listing().at, "<a=1|Path=/; HttpOnly><b=c=d|-><e=|>");
}

Test(http_cookie, set_cookie_is_set)
{
	add("Set-Cookie", "a=1; Path=/");
	add("Set-Cookie", "b=2");
	add("Set-Cookie", "a=3; Path=/x");
	http_set_cookie_set(&fields, &arena, SLICE("a"), SLICE("new"), SLICE_ABSENT);
	cr_expect_str_eq(lines("Set-Cookie").at, "[a=new; Path=/][b=2]");
	http_set_cookie_set(&fields, &arena, SLICE("a"), SLICE("n"), SLICE("Secure"));
	http_set_cookie_set(&fields, &arena, SLICE("b"), SLICE("m"), SLICE_ABSENT);
	http_set_cookie_set(&fields, &arena, SLICE("c"), SLICE("o"), SLICE(""));
	cr_expect_str_eq(lines("Set-Cookie").at, "[a=n; Secure][b=m][c=o]");
	http_set_cookie_set(&fields, &arena, SLICE("a"), SLICE("n"), SLICE(""));
	cr_expect_str_eq(lines("Set-Cookie").at, "[a=n][b=m][c=o]");
}

Test(http_cookie, set_cookie_is_removed)
{
	add("Set-Cookie", "a=1; Path=/");
	add("Set-Cookie", "b=2");
	add("Set-Cookie", "a=3");
	cr_expect(http_set_cookie_remove(&fields, SLICE("a")) == 2);
	cr_expect(http_set_cookie_remove(&fields, SLICE("a")) == 0);
	cr_expect_str_eq(lines("Set-Cookie").at, "[b=2]");
}

Test(http_cookie, what_may_stand_in_a_cookie)
{
	cr_expect(http_cookie_name_is_valid(SLICE("a-b")));
	cr_expect(!http_cookie_name_is_valid(SLICE("a=b")));
	cr_expect(!http_cookie_name_is_valid(SLICE("")));
	cr_expect(http_cookie_value_is_valid(SLICE("")));
	cr_expect(http_cookie_value_is_valid(SLICE_ABSENT));
	cr_expect(http_cookie_value_is_valid(SLICE("a=b/c%20")));
	cr_expect(http_cookie_value_is_valid(SLICE("\"ab\"")));
	cr_expect(http_cookie_value_is_valid(SLICE("\"\"")));
	cr_expect(!http_cookie_value_is_valid(SLICE("\"")));
	cr_expect(!http_cookie_value_is_valid(SLICE("a\"b")));
	cr_expect(!http_cookie_value_is_valid(SLICE("a b")));
	cr_expect(!http_cookie_value_is_valid(SLICE("a,b")));
	cr_expect(!http_cookie_value_is_valid(SLICE("a;b")));
	cr_expect(!http_cookie_value_is_valid(SLICE("a\\b")));
	cr_expect(!http_cookie_value_is_valid(SLICE("a\r\n")));
	cr_expect(!http_cookie_value_is_valid(SLICE("\xc3\xa4")));
}
