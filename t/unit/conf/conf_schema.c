/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_schema.h"

#include "conf_unit.h"

#include <criterion/criterion.h>

Test(conf_schema, every_section_has_keys_and_words)
{
	for (unsigned section = 0; section < CONF_IN_COUNT; section++) {
		size_t count;
		const struct conf_key *keys = conf_schema_keys(section, &count);
		cr_expect_gt(count, 0);
		cr_expect_leq(count, CONF_KEYS_MOST);
		cr_expect_gt(strlen(conf_schema_words(section)), 0);
		for (size_t i = 0; i < count; i++) {
			cr_expect_eq(conf_schema_find(section, slice_of_string(keys[i].name)),
				     &keys[i], "%s stands twice", keys[i].name);
			cr_expect_null(strchr(keys[i].words, '|'), "%s", keys[i].words);
			if (keys[i].type == CONF_SIGNED)
				cr_expect_leq((int64_t)keys[i].least, (int64_t)keys[i].most);
			else
				cr_expect_leq(keys[i].least, keys[i].most);
		}
	}
}

/* A key that weir learns must leave the list of those that it does not have. */
Test(conf_schema, no_key_is_both_there_and_not)
{
	for (unsigned section = 0; section < CONF_IN_COUNT; section++) {
		size_t count;
		const char *instead;
		const struct conf_key *keys = conf_schema_keys(section, &count);
		for (size_t i = 0; i < count; i++)
			cr_expect_eq(conf_schema_recognise(section, keys[i].name, &instead),
				     CONF_UNKNOWN, "%s", keys[i].name);
	}
}

Test(conf_schema, choices)
{
	const struct conf_key *key = conf_schema_find(CONF_IN_POOL, SLICE("algorithm"));
	unsigned number;
	cr_assert_not_null(key);
	cr_expect(conf_schema_find_choice(key, SLICE("random"), &number));
	cr_expect_eq(number, CONF_ALGORITHM_RANDOM);
	cr_expect(!conf_schema_find_choice(key, SLICE("ran"), &number));
	cr_expect(!conf_schema_find_choice(key, SLICE(""), &number));
	struct slice nearest = conf_schema_nearest_choice(key, "least_conections");
	cr_expect(slice_is_equal(nearest, SLICE("least_connections")));
	cr_expect(slice_is_absent(conf_schema_nearest_choice(key, "zzz")));
}

Test(conf_schema, knows_what_it_does_not_have)
{
	const char *instead = "";
	cr_expect_eq(conf_schema_recognise(CONF_IN_POOL, "monitors", &instead), CONF_LATER);
	cr_expect_null(instead);
	cr_expect_eq(conf_schema_recognise(CONF_IN_VSERVER, "port", &instead), CONF_INSTEAD);
	cr_expect_not_null(instead);
	cr_expect_eq(conf_schema_recognise(CONF_IN_POOL, "port", &instead), CONF_UNKNOWN);
}

Test(conf_schema, a_key_that_belongs_elsewhere_is_sent_there)
{
	static const char *const rows[][2] = {
		{ CONF_UNIT_VSERVER("max_requests: 5"),
		  "5:5: unknown key 'max_requests' in virtual server 'a'; did you mean "
		  "'connection: {max_requests: ...}'?" },
		{ CONF_UNIT_VSERVER("max_connections: 5"),
		  "5:5: unknown key 'max_connections' in virtual server 'a'; it belongs at the "
		  "top level" },
		{ "level: info\n", "1:1: unknown key 'level'; did you mean 'log: {level: ...}'?" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *joined = conf_unit_complaints(rows[i][0]);
		cr_expect_str_eq(joined, rows[i][1], "%s", joined);
	}
}
