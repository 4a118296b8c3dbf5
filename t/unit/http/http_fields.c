/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_fields.h"

#include <criterion/criterion.h>
#include <ctype.h>

static struct arena arena;

static void start(void)
{
	arena_init(&arena);
}

static void end(void)
{
	arena_release(&arena);
}

TestSuite(http_fields, .init = start, .fini = end);

Test(http_fields, known_names_in_any_case)
{
	for (unsigned id = HTTP_FIELD_OTHER + 1; id < HTTP_FIELD_ID_COUNT; id++) {
		struct slice name = http_field_name((enum http_field_id)id);
		char other[32];
		cr_expect(http_field_id(name) == id, "%.*s", SLICE_PRINT(name));
		for (size_t i = 0; i < name.len; i++)
			other[i] = (char)(i % 2 ? toupper(name.at[i]) : tolower(name.at[i]));
		cr_expect(http_field_id(slice_of(other, name.len)) == id);
		cr_expect(http_field_id(slice_of(other, name.len - 1)) == HTTP_FIELD_OTHER);
		other[name.len] = 's';
		cr_expect(http_field_id(slice_of(other, name.len + 1)) == HTTP_FIELD_OTHER);
		other[name.len - 1] = '!';
		cr_expect(http_field_id(slice_of(other, name.len)) == HTTP_FIELD_OTHER);
	}
	cr_expect(http_field_id(SLICE("")) == HTTP_FIELD_OTHER);
	cr_expect(http_field_id(SLICE("\xe8ost")) == HTTP_FIELD_OTHER);
	/* Bytes that differ from a letter or dash by the bit of case only */
	cr_expect(http_field_id(SLICE("Set\rCookie")) == HTTP_FIELD_OTHER);
}

Test(http_fields, lookalikes)
{
	cr_expect(http_field_is_lookalike(SLICE("content_LENGTH")));
	cr_expect(http_field_is_lookalike(SLICE("X_Cluster-Client_Ip")));
	cr_expect(!http_field_is_lookalike(SLICE("Content-Length")));
	cr_expect(!http_field_is_lookalike(SLICE("Content_Lengths")));
	cr_expect(!http_field_is_lookalike(SLICE("c_stom_headers")));
	cr_expect(!http_field_is_lookalike(SLICE("_ost")));
	cr_expect(!http_field_is_lookalike(SLICE("")));
	cr_expect(http_field_is_lookalike(SLICE("Content.Length")));
	cr_expect(http_field_is_lookalike(SLICE("x~forwarded!for")));
	cr_expect(!http_field_is_lookalike(SLICE("content1length")));
}

Test(http_fields, framing)
{
	cr_expect(http_field_is_framing(HTTP_FIELD_CONTENT_LENGTH));
	cr_expect(http_field_is_framing(HTTP_FIELD_TRANSFER_ENCODING));
	cr_expect(http_field_is_framing(HTTP_FIELD_CONNECTION));
	cr_expect(!http_field_is_framing(HTTP_FIELD_HOST));
	cr_expect(!http_field_is_framing(HTTP_FIELD_OTHER));
}

Test(http_fields, names_and_values_are_checked)
{
	cr_expect(http_field_name_is_valid(SLICE("X-a_1")));
	cr_expect(!http_field_name_is_valid(SLICE("")));
	cr_expect(!http_field_name_is_valid(SLICE("a b")));
	cr_expect(!http_field_name_is_valid(SLICE("a:")));
	cr_expect(!http_field_name_is_valid(SLICE("a\r\n")));
	cr_expect(http_field_value_is_valid(SLICE("")));
	cr_expect(http_field_value_is_valid(SLICE_ABSENT));
	cr_expect(http_field_value_is_valid(SLICE("a \t \xff")));
	cr_expect(!http_field_value_is_valid(SLICE("a\r")));
	cr_expect(!http_field_value_is_valid(SLICE("a\n")));
	cr_expect(!http_field_value_is_valid(SLICE("a\0")));
	cr_expect(!http_field_value_is_valid(SLICE("a\x7f")));
}

/* "name=value" lines as one text. */
static struct slice listing(const struct http_fields *f)
{
	struct slice text = SLICE("");
	for (unsigned i = 0; i < f->count; i++)
		text = arena_print(&arena, "%.*s%.*s=%.*s\n", SLICE_PRINT(text),
				   SLICE_PRINT(f->at[i].name), SLICE_PRINT(f->at[i].value));
	return text;
}

static struct http_fields sample(void)
{
	struct http_fields f = { 0 };
	http_fields_add(&f, &arena, SLICE("Host"), SLICE("h"));
	http_fields_add(&f, &arena, SLICE("A"), SLICE("1"));
	http_fields_add(&f, &arena, SLICE("Cookie"), SLICE("a=b"));
	http_fields_add(&f, &arena, SLICE("a"), SLICE("2"));
	http_fields_add(&f, &arena, SLICE("COOKIE"), SLICE("c=d"));
	http_fields_add(&f, &arena, SLICE("Set-Cookie"), SLICE("x"));
	http_fields_add(&f, &arena, SLICE("Set-Cookie"), SLICE("y"));
	http_fields_add(&f, &arena, SLICE("A"), SLICE(""));
	return f;
}

Test(http_fields, found_in_order)
{
	struct http_fields f = sample();
	const struct http_field *field = http_fields_find(&f, SLICE("a"));
	cr_assert(field == &f.at[1]);
	field = http_fields_find_next(&f, field);
	cr_assert(field == &f.at[3]);
	field = http_fields_find_next(&f, field);
	cr_assert(field == &f.at[7]);
	cr_expect(http_fields_find_next(&f, field) == NULL);
	cr_expect(http_fields_find(&f, SLICE("host")) == &f.at[0]);
	cr_expect(http_fields_find_id(&f, HTTP_FIELD_SET_COOKIE) == &f.at[5]);
	cr_expect(http_fields_find(&f, SLICE("B")) == NULL);
	cr_expect(http_fields_find(&f, SLICE("TE")) == NULL);
}

Test(http_fields, joined)
{
	struct http_fields f = sample();
	cr_expect(slice_is_equal(http_fields_joined(&f, SLICE("A"), &arena), SLICE("1, 2, ")));
	cr_expect(
		slice_is_equal(http_fields_joined(&f, SLICE("cookie"), &arena), SLICE("a=b; c=d")));
	cr_expect(slice_is_equal(http_fields_joined(&f, SLICE("set-cookie"), &arena), SLICE("x")));
	cr_expect(http_fields_joined(&f, SLICE("HOST"), &arena).at == f.at[0].value.at);
	cr_expect(slice_is_absent(http_fields_joined(&f, SLICE("B"), &arena)));
}

Test(http_fields, set_replaces_all_in_the_place_of_the_first)
{
	struct http_fields f = sample();
	http_fields_set(&f, &arena, SLICE("a"), SLICE("3"));
	http_fields_set(&f, &arena, SLICE("B"), SLICE("4"));
	cr_expect_str_eq(listing(&f).at,
			 "Host=h\na=3\nCookie=a=b\nCOOKIE=c=d\nSet-Cookie=x\nSet-Cookie=y\n"
			 "B=4\n");
}

Test(http_fields, remove_tells_how_many)
{
	struct http_fields f = sample();
	cr_expect(http_fields_remove(&f, SLICE("A")) == 3);
	cr_expect(http_fields_remove(&f, SLICE("A")) == 0);
	cr_expect(http_fields_remove(&f, SLICE("set-cookie")) == 2);
	cr_expect_str_eq(listing(&f).at, "Host=h\nCookie=a=b\nCOOKIE=c=d\n");
}

Test(http_fields, many_lines_fit)
{
	struct http_fields f = { 0 };
	for (unsigned i = 0; i < 1000; i++)
		http_fields_add(&f, &arena, SLICE("X"), SLICE("1"));
	cr_expect(f.count == 1000 && http_fields_remove(&f, SLICE("x")) == 1000);
}

Test(http_fields, lookalikes_are_removed_and_the_name_itself_stays)
{
	struct http_fields f = { 0 };
	http_fields_add(&f, &arena, SLICE("X-A-B"), SLICE("1"));
	http_fields_add(&f, &arena, SLICE("x_A-b"), SLICE("2"));
	http_fields_add(&f, &arena, SLICE("x-a-b"), SLICE("3"));
	http_fields_add(&f, &arena, SLICE("X.A.B"), SLICE("4"));
	http_fields_add(&f, &arena, SLICE("X-A-Bc"), SLICE("5"));
	http_fields_remove_lookalikes(&f, SLICE("X-A-B"));
	cr_assert(f.count == 3);
	cr_expect(slice_is_equal(f.at[0].value, SLICE("1")));
	cr_expect(slice_is_equal(f.at[1].value, SLICE("3")));
	cr_expect(slice_is_equal(f.at[2].value, SLICE("5")));
}
