/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_value.h"

#include <criterion/criterion.h>

static const struct conf_key duration = {
	.name = "d", .type = CONF_DURATION, .least = 0, .most = 3600000
};
static const struct conf_key size = { .name = "s", .type = CONF_SIZE, .least = 1, .most = 1 << 30 };
static const struct conf_key text_key = { .name = "t", .type = CONF_TEXT };

static bool parse(const struct conf_key *key, const char *text, void *at)
{
	struct err why;
	struct conf_scalar scalar = { slice_of_string(text), false, "f", NULL };
	return conf_value_parse(key, &scalar, at, &why);
}

struct good {
	const char *text;
	uint64_t value;
};

static void check_good(const struct conf_key *key, const struct good *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UINT64_MAX;
		cr_expect(parse(key, rows[i].text, &value), "%s", rows[i].text);
		cr_expect_eq(value, rows[i].value, "%s", rows[i].text);
	}
}

static void check_bad(const struct conf_key *key, const char *const *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value;
		cr_expect(!parse(key, rows[i], &value), "%s", rows[i]);
	}
}

#define COUNT(rows) (sizeof rows / sizeof rows[0])

Test(conf_value, durations)
{
	static const struct good good[] = { { "0", 0 },       { "0s", 0 },      { "1ms", 1 },
					    { "10s", 10000 }, { "2m", 120000 }, { "1h", 3600000 } };
	static const char *const bad[] = { "",         "1",   "-1s",   "1.5s",
					   "1 s",      "s",   "1S",    "01s",
					   "2h",       "1d",  "1sm",   "+1s",
					   "1s ",      "1ss", "1m30s", "18446744073709551615h",
					   "3600001ms" };
	check_good(&duration, good, COUNT(good));
	check_bad(&duration, bad, COUNT(bad));
}

Test(conf_value, sizes)
{
	static const struct good good[] = {
		{ "1", 1 }, { "512", 512 }, { "64k", 65536 }, { "1m", 1 << 20 }, { "1g", 1 << 30 }
	};
	static const char *const bad[] = { "",
					   "0",
					   "k",
					   "1K",
					   "1kb",
					   "1.5k",
					   "2g",
					   "-1k",
					   "1024m1",
					   "01k",
					   "18446744073709551615g",
					   "17179869185g" };
	check_good(&size, good, COUNT(good));
	check_bad(&size, bad, COUNT(bad));
}

Test(conf_value, numbers)
{
	uint64_t number;
	cr_expect(conf_value_parse_number(SLICE("0"), &number) && number == 0);
	cr_expect(conf_value_parse_number(SLICE("9999999999999999999"), &number));
	cr_expect_eq(number, UINT64_C(9999999999999999999));
	cr_expect(!conf_value_parse_number(SLICE(""), &number));
	cr_expect(!conf_value_parse_number(SLICE("00"), &number));
	cr_expect(!conf_value_parse_number(SLICE("0x1"), &number));
	cr_expect(!conf_value_parse_number(SLICE("1_000"), &number));
	cr_expect(!conf_value_parse_number(SLICE("10000000000000000000"), &number));
}

Test(conf_value, names)
{
	static const char *const good[] = { "a", "A-b_c.d", "0", "-", "a..b" };
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "a b", "\xc3\xa4", "a\n" };
	for (size_t i = 0; i < COUNT(good); i++)
		cr_expect(conf_value_is_name(slice_of_string(good[i])), "%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		cr_expect(!conf_value_is_name(slice_of_string(bad[i])), "%s", bad[i]);
	char longest[66] = { 0 };
	memset(longest, 'a', 65);
	cr_expect(conf_value_is_name(slice_of(longest, 64)));
	cr_expect(!conf_value_is_name(slice_of(longest, 65)));
}

Test(conf_value, texts_are_words)
{
	static const char *const bad[] = { "", "a b", "a/b", "a\tb" };
	check_bad(&text_key, bad, COUNT(bad));
}

Test(conf_value, paths_are_relative_to_the_file)
{
	static const struct {
		const char *file, *path, *resolved;
	} rows[] = {
		{ "conf/weir.yaml", "../rules", "conf/../rules" },
		{ "weir.yaml", "rules", "rules" },
		{ "/etc/weir.yaml", "rules", "/etc/rules" },
		{ "/weir.yaml", "rules", "/rules" },
		{ "conf/weir.yaml", "/rules", "/rules" },
	};
	struct arena arena;
	arena_init(&arena);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_scalar scalar = { slice_of_string(rows[i].path), false, rows[i].file,
					      &arena };
		cr_expect_str_eq(conf_value_resolve_path(&scalar), rows[i].resolved);
	}
	arena_release(&arena);
}

Test(conf_value, says_what_a_key_takes)
{
	char out[CONF_EXPECTED_BYTES];
	struct conf_key choice = { .name = "c", .type = CONF_CHOICE, .choices = "a b c" };
	cr_expect_str_eq(conf_value_expected(&choice, out), "a, b or c");
	choice.choices = "a";
	cr_expect_str_eq(conf_value_expected(&choice, out), "a");
	cr_expect_str_eq(conf_value_expected(&duration, out),
			 "a duration such as 10s, 500ms or 2m, from 0s to 3600s");
	cr_expect_str_eq(conf_value_expected(&size, out), "a size such as 64k or 1m, from 1 to 1g");
}
