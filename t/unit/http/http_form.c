/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_form.h"

#include <criterion/criterion.h>

static struct arena arena;

static void start(void)
{
	arena_init(&arena);
}

static void end(void)
{
	arena_release(&arena);
	arena_drop_spares();
}

TestSuite(http_form, .init = start, .fini = end);

static struct slice pairs(const char *text)
{
	struct slice rest = slice_of_string(text), all = SLICE(""), name, value;
	while (http_form_next(&rest, &name, &value))
		all = arena_print(&arena, "%.*s<%.*s=%.*s>", SLICE_PRINT(all), SLICE_PRINT(name),
				  SLICE_PRINT(value));
	return all;
}

Test(http_form, pairs)
{
	cr_expect(slice_is_equal(pairs("a=1&b&=2&&c=x=y&"), SLICE("<a=1><b=><=2><c=x=y>")));
	cr_expect(slice_is_equal(pairs(""), SLICE("")));
	cr_expect(slice_is_equal(pairs("&&"), SLICE("")));
}

Test(http_form, names_are_compared_decoded)
{
	cr_expect(http_form_is(SLICE("b+c"), SLICE("b c")));
	cr_expect(http_form_is(SLICE("%62%20c"), SLICE("b c")));
	cr_expect(http_form_is(SLICE("%zz%"), SLICE("%zz%")));
	cr_expect_not(http_form_is(SLICE("b+c"), SLICE("b+c")));
	cr_expect_not(http_form_is(SLICE("b"), SLICE("b ")));
	cr_expect_not(http_form_is(SLICE("bc"), SLICE("b")));
}

Test(http_form, media_types_and_parameters)
{
	struct slice type = SLICE("Multipart/Form-Data ; x=\"a;b=c\\\"\"; boundary=XX");
	cr_expect(http_media_is(type, SLICE("multipart/form-data")));
	cr_expect(http_media_is(type, SLICE("multipart/")));
	cr_expect_not(http_media_is(type, SLICE("multipart/mixed")));
	cr_expect(slice_is_equal(http_parameter(type, SLICE("BOUNDARY")), SLICE("XX")));
	cr_expect(slice_is_equal(http_parameter(type, SLICE("x")), SLICE("a;b=c\\\"")));
	cr_expect(slice_is_absent(http_parameter(type, SLICE("b"))));
	cr_expect(slice_is_absent(http_parameter(SLICE("a/b; \"x"), SLICE("x"))));
}

/* The parts of a body with the boundary "XX": names and bodies. */
static struct slice parts(const char *body)
{
	struct http_parts p;
	struct http_part part;
	struct slice all = SLICE("");
	if (!http_parts_begin(&p, SLICE("multipart/mixed; boundary=\"XX\""), slice_of_string(body)))
		return SLICE_ABSENT;
	while (http_parts_next(&p, &arena, &part))
		all = arena_print(&arena, "%.*s<%.*s=%.*s>", SLICE_PRINT(all),
				  SLICE_PRINT(part.name), SLICE_PRINT(part.body));
	return all;
}

#define NAMED(name) "Content-Disposition: form-data; name=" name "\r\n"

Test(http_form, parts_of_a_body)
{
	static const struct {
		const char *body;
		const char *expected;
	} rows[] = {
		{ "--XX\r\n" NAMED("a") "\r\n1\r\n--XX\r\n" NAMED("b") "\r\n2\r\n--XX--",
		  "<a=1><b=2>" },
		{ "text\r\n--XX \t\r\n" NAMED("a") "\r\n\r\n--XX--\r\nmore", "<a=>" },
		{ "--XX\r\n\r\nno headers\r\n--XX--", "<=no headers>" },
		{ "--XX\r\n" NAMED("a") "\r\n--XXno\r\n --XX\r\n--XX--", "<a=--XXno\r\n --XX>" },
		{ "--XX\r\n" NAMED("a") "\r\n--XX--", "<a=>" },
		{ "--XX\r\nno header line\r\n\r\n1\r\n--XX--", "" },
		{ "--XX\r\n" NAMED("a") "\r\nnever ends", "" },
		{ "--XX\r\n--XX--", "" },
		{ "--XX--", "" },
		{ "--XX", "" },
		{ "", "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct slice found = parts(rows[i].body);
		cr_expect(slice_is_equal(found, slice_of_string(rows[i].expected)),
			  "row %zu: '%.*s'", i, SLICE_PRINT(found));
	}
}

Test(http_form, what_is_no_multipart)
{
	struct http_parts p;
	cr_expect_not(http_parts_begin(&p, SLICE_ABSENT, SLICE("--XX--")));
	cr_expect_not(http_parts_begin(&p, SLICE("text/plain; boundary=XX"), SLICE("--XX--")));
	cr_expect_not(http_parts_begin(&p, SLICE("multipart/mixed"), SLICE("--XX--")));
	cr_expect_not(http_parts_begin(&p, SLICE("multipart/mixed; boundary="), SLICE("--XX--")));
}
