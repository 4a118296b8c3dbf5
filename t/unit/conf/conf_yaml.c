/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_yaml.h"

#include "base/buf.h"
#include "conf_unit.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void print_value(const struct conf_yaml *value, FILE *to)
{
	if (value->kind == CONF_YAML_SCALAR) {
		fprintf(to, value->is_quoted ? "'%s'" : "%s", value->text.at);
		return;
	}
	const char *glue = "";
	fputs(value->kind == CONF_YAML_LIST ? "[" : "{", to);
	for (const struct conf_yaml_entry *e = value->entries; e != NULL; e = e->next, glue = " ") {
		fputs(glue, to);
		if (e->key != NULL)
			fprintf(to, "%s:", e->key->text.at);
		print_value(e->value, to);
	}
	fputs(value->kind == CONF_YAML_LIST ? "]" : "}", to);
}

/* The tree as one line, or its complaints. */
static const char *parsed(const char *text, size_t len)
{
	static char out[4096];
	struct complaints complaints = { 0 };
	struct arena arena;
	arena_init(&arena);
	const struct conf_yaml *top = conf_yaml_parse("f.yaml", slice_of(text, len), &arena,
						      &complaints);
	FILE *to = fmemopen(out, sizeof out, "w");
	if (complaints.count > 0)
		fputs(conf_unit_join(&complaints), to);
	else if (top != NULL)
		print_value(top, to);
	fclose(to);
	complaints_release(&complaints);
	arena_release(&arena);
	return out;
}

struct row {
	const char *text, *expected;
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_expect_str_eq(parsed(rows[i].text, strlen(rows[i].text)), rows[i].expected,
				 "%s\ngives    %s\nexpected %s", rows[i].text,
				 parsed(rows[i].text, strlen(rows[i].text)), rows[i].expected);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof rows / sizeof rows[0])

Test(conf_yaml, good_texts_become_trees)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "# nothing\n", "" },
		{ "a: b\nc: 'd'\n", "{a:b c:'d'}" },
		{ "\xef\xbb\xbf"
		  "a: b\n",
		  "{a:b}" },
		{ "a: b\r\nc: d\r\n", "{a:b c:d}" },
		{ "---\na: [1, {b: c}, \"d\"]\n...\n", "{a:[1 {b:c} 'd']}" },
		{ "a:\n  - b\n  - c\n", "{a:[b c]}" },
		{ "a: &x [1]\nb: *x\n", "{a:[1] b:[1]}" },
		{ "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\n", "{a:{b:1 c:2} d:{c:3 b:1}}" },
		{ "a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}\n",
		  "{a:{b:1} c:{b:2 d:3} e:{b:1 d:3}}" },
		{ "a: {\"<<\": 1}\n", "{a:{<<:1}}" },
		{ "a: \"\xc3\xa4\"\n", "{a:'\xc3\xa4'}" },
		{ "a: |\n  b\n  c\n", "{a:'b\nc\n'}" },
		{ "%YAML 1.1\n---\na: b\n", "{a:b}" },
	};
	CHECK_ROWS(rows);
}

Test(conf_yaml, bad_texts_are_complained_of_at_their_place)
{
	static const struct row rows[] = {
		{ "a: 1\nb: 2\na: 3\n", "3:1: duplicate key 'a'; it stands in line 1 already" },
		{ "a:\n\tb: c\n", "2:1: a tab cannot indent; use spaces" },
		{ "a: @b\n", "1:4: a value cannot start with '@'; put it in quotes" },
		{ "a: !!str b\n",
		  "1:4: tags such as 'tag:yaml.org,2002:str' have no meaning here" },
		{ "a: *b\n", "1:4: nothing before this is anchored as '&b'" },
		{ "a: &b [*b]\n", "1:8: nothing before this is anchored as '&b'" },
		{ "a: &b 1\nc: &b 2\n", "2:4: a second anchor '&b'; the first is in line 1" },
		{ "a: {<<: 3}\n", "1:5: '<<' takes a mapping or a list of mappings" },
		{ "a: {<<: [{b: 1}, 3]}\n", "1:5: '<<' takes a mapping or a list of mappings" },
		{ "? [a]\n: b\n", "1:3: a key must be a word, not a list" },
		{ "? {a: b}\n: b\n", "1:3: a key must be a word, not a mapping" },
		{ "a: b\n---\nc: d\n", "2:1: a second YAML document; a configuration is one" },
		{ "a: [b\n",
		  "2:1: not valid YAML: did not find expected ',' or ']', while parsing a "
		  "flow sequence that began in line 1" },
		{ "\xc3\xa4: [\xc3\xa4, @]\n",
		  "1:10: a value cannot start with '@'; put it in quotes" },
		{ "a: \x01\n",
		  "1:4: the file must be plain UTF-8 text, but here is a control character" },
		{ "a: b\rc: d\n", "1:5: the file must be plain UTF-8 text, but here is a carriage "
				  "return without a newline" },
		{ "a: b\n\xc3(\n",
		  "2:1: the file must be plain UTF-8 text, but here is not UTF-8" },
		{ "a: \xe2\x80\xa8\n",
		  "1:4: the file must be plain UTF-8 text, but here is a Unicode "
		  "line separator" },
		{ "a: \xc2\x85\n", "1:4: the file must be plain UTF-8 text, but here is a control "
				   "character" },
		{ "a: \xef\xbb\xbf\n", "1:4: the file must be plain UTF-8 text, but here is a byte "
				       "order mark" },
		{ "\xff\xfe"
		  "a\n",
		  "1:1: the file is UTF-16; it must be UTF-8" },
		{ "a: \"\\0\"\n", "1:4: a NUL byte in a text" },
	};
	CHECK_ROWS(rows);
}

Test(conf_yaml, nul_bytes_are_refused)
{
	cr_expect_str_eq(parsed("a: b\0\n", 6),
			 "1:5: the file must be plain UTF-8 text, but here is "
			 "a NUL byte");
}

/* Nine lists of ten aliases each would be 10^9 values. */
Test(conf_yaml, billion_laughs_are_an_error)
{
	char text[1024];
	size_t len = (size_t)sprintf(text, "a: &a0 [x]\n");
	for (int i = 1; i < 10; i++) {
		len += (size_t)sprintf(text + len, "b%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			len += (size_t)sprintf(text + len, "%s*a%d", j == 0 ? "" : ",", i - 1);
		len += (size_t)sprintf(text + len, "]\n");
	}
	cr_expect_not_null(strstr(parsed(text, len), "more than 1000000 values, aliases counted as "
						     "often as they are used"));
}

/* No alias alone is too large here. */
Test(conf_yaml, many_small_aliases_are_an_error)
{
	char text[16384];
	size_t len = (size_t)sprintf(text, "a: &a [");
	for (int i = 0; i < 1000; i++)
		len += (size_t)sprintf(text + len, "x,");
	len += (size_t)sprintf(text + len, "]\nb: [");
	for (int i = 0; i < 1000; i++)
		len += (size_t)sprintf(text + len, "*a,");
	len += (size_t)sprintf(text + len, "]\n");
	/* 1005 values and 997 times 1001 are the most that fit */
	cr_expect_str_eq(parsed(text, len), "2:2996: more than 1000000 values, aliases counted as "
					    "often as they are used");
}

Test(conf_yaml, merged_laughs_are_an_error)
{
	char text[4096];
	size_t len = (size_t)sprintf(text, "a0: &a0 {x: [1,1,1,1,1,1,1,1,1,1]}\n");
	for (int i = 1; i < 25; i++)
		len += (size_t)sprintf(text + len, "a%d: &a%d {p%d: *a%d, q%d: *a%d, <<: *a%d}\n",
				       i, i, i, i - 1, i, i - 1, i - 1);
	cr_expect_not_null(strstr(parsed(text, len), "more than 1000000 values"));
}

static const char *nested(const char *open, size_t count)
{
	size_t unit = strlen(open);
	char *text = malloc(unit * count + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(text + i * unit, open, unit);
	const char *result = parsed(text, unit * count);
	free(text);
	return result;
}

Test(conf_yaml, deep_nesting_is_an_error)
{
	cr_expect_str_eq(nested("[", 10000), "1:33: nested more than 32 levels deep");
	cr_expect_str_eq(nested("{a: ", 10000), "1:126: nested more than 32 levels deep");
	cr_expect_str_eq(nested("- ", 10000), "1:65: nested more than 32 levels deep");
	cr_expect_str_eq(nested("? ", 10000), "1:65: nested more than 32 levels deep");
	cr_expect_null(strstr(nested("[", 32), "levels"));
}

/* Each alias is shallow enough on its own, but stands for more than its line shows. */
Test(conf_yaml, nesting_through_aliases_is_an_error)
{
	char text[4096];
	size_t len = (size_t)sprintf(text, "a0: &a0 [x]\n");
	for (int i = 1; i < 40; i++)
		len += (size_t)sprintf(text + len, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	cr_expect_not_null(strstr(parsed(text, len), "nested more than 32 levels deep"));
}

Test(conf_yaml, many_keys_take_linear_time)
{
	struct buf text;
	char line[32];
	struct complaints complaints = { 0 };
	struct arena arena;
	buf_init(&text);
	arena_init(&arena);
	for (int i = 0; i < 200000; i++) {
		snprintf(line, sizeof line, "k%d: {}\n", i);
		buf_append(&text, slice_of_string(line), SIZE_MAX / 2);
	}
	const struct conf_yaml *top = conf_yaml_parse("f.yaml", buf_slice(&text), &arena,
						      &complaints);
	cr_expect_not_null(top);
	cr_expect_eq(top->count, 200000);
	cr_expect_eq(complaints.count, 0);
	arena_release(&arena);
	buf_release(&text);
}
