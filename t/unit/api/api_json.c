/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_json, .init = api_unit_open, .fini = api_unit_close);

static const struct {
	const char *value, *text;
} written[] = {
	{ "'a'", "\"a\"" },
	{ "1", "1" },
	{ "-0.5", "-0.5" },
	{ "0.1", "0.1" },
	{ "1/3", "0.3333333333333333" },
	{ "2^53", "9007199254740992" },
	{ "1e300", "1e+300" },
	{ "true", "true" },
	{ "{}", "{}" },
	{ "json.array({})", "[]" },
	{ "{1, {2, {}}, 'x'}", "[1,[2,{}],\"x\"]" },
	{ "{a = {b = false}}", "{\"a\":{\"b\":false}}" },
	{ "{json.null, json.null}", "[null,null]" },
	{ "json.null", "null" },
	{ "{n = json.null}", "{\"n\":null}" },
	{ "'\\n\\t\\r\\b\\f\"\\\\/\\0\\31\\127'",
	  "\"\\\\n\\\\t\\\\r\\\\b\\\\f\\\\\"\\\\\\\\/\\\\u0000\\\\u001f\\127\"" },
	{ "'\\195\\164'", "\"\\195\\164\"" },
	{ "'a\\255b\\195'", "\"a\\239\\191\\189b\\239\\191\\189\"" },
};

Test(api_json, serialize_writes_every_value)
{
	for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
		char rule[512];
		snprintf(rule, sizeof rule,
			 "local got = json.serialize(%s) assert(got == '%s', got)",
			 written[i].value, written[i].text);
		api_unit_passes(rule);
	}
	api_unit_passes("local text = json.serialize({a = 1, b = 2})\n"
			"assert(text == '{\"a\":1,\"b\":2}' or text == '{\"b\":2,\"a\":1}')");
}

Test(api_json, deserialize_gives_tables)
{
	api_unit_passes(
		"local t = json.deserialize('{\"a\":[1,2.5,\"x\",null,true,{}],\"\":\"\"}')\n"
		"local a = t.a\n"
		"assert(#a == 6 and a[1] == 1 and a[2] == 2.5 and a[3] == 'x' and a[5] == true)\n"
		"assert(a[4] == json.null and a[4] ~= nil and next(a[6]) == nil and t[''] == '')\n"
		"assert(json.deserialize('null') == json.null and json.deserialize(' 7 ') == 7)\n"
		"assert(json.deserialize('\"\\\\u00e4\\\\u0000\"') == '\\195\\164\\0')\n"
		"assert(select('#', json.deserialize('1')) == 1 and json.null() == nil)\n");
}

/* What a rule changes a body with: nothing else of it changes. */
Test(api_json, what_was_text_becomes_the_same_text)
{
	api_unit_passes(
		"for _, text in ipairs({ '[]', '{}', '[[],{}]', '[1,[2,[null]],\"a\\\\\\\\b\"]',\n"
		"\t'{\"a\":{\"b\":[]}}', '1.5e-07', '-12', '\"\\\\\"\"' }) do\n"
		"\tlocal got = json.serialize(json.deserialize(text)) assert(got == text, got)\n"
		"end\n"
		"local t = json.deserialize('[1]') table.remove(t)\n"
		"assert(json.serialize(t) == '[]')\n");
}

Test(api_json, deserialize_says_what_is_wrong_and_where)
{
	api_unit_passes(
		"local function bad(text, wanted)\n"
		"\tlocal value, why = json.deserialize(text)\n"
		"\tassert(value == nil and why == wanted, why)\n"
		"end\n"
		"bad('', 'the text ends too early at position 1')\n"
		"bad('{\"a\":1,\"a\":2}', 'a name that is there already at position 11')\n"
		"bad('{\"a\":null,\"a\":2}', 'a name that is there already at position 14')\n"
		"bad('[[[[', 'the text ends too early at position 5')\n"
		"bad('\"\\255\"', 'invalid UTF-8 at position 2')\n"
		"bad(('['):rep(101), 'too many arrays and objects in each other at position 101')\n"
		"bad('1e999', 'a number out of range at position 6')\n");
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "json.serialize()", "json.serialize: argument 1 (value): expected a value, got nothing" },
	{ "json.serialize(nil)", "json.serialize: argument 1 (value): expected strings" },
	{ "json.serialize(pairs)", "json.serialize: argument 1 (value): expected strings" },
	{ "json.serialize({json.array})",
	  "json.serialize: argument 1 (value): expected no functions, got json.array" },
	{ "json.serialize(0/0)", "argument 1 (value): expected numbers that are finite, got" },
	{ "json.serialize({1/0})",
	  "argument 1 (value): expected numbers that are finite, got inf" },
	{ "json.serialize({[3] = 1})",
	  "argument 1 (value): expected names, or positions 1 to n, as keys, got 3" },
	{ "json.serialize({[true] = 1})", "argument 1 (value): expected names as keys, got true" },
	{ "local t = {} t.t = t json.serialize(t)", "expected tables that do not hold themselves" },
	{ "local t = {} for i = 1, 101 do t = {t} end json.serialize(t)",
	  "expected at most 100 tables in each other" },
	{ "json.deserialize()", "argument 1 (text): expected a string, got nothing" },
	{ "json.deserialize({})", "argument 1 (text): expected a string, got table" },
	{ "json.array()", "json.array: argument 1 (items): expected a table, got nothing" },
	{ "json.array(setmetatable({}, {}))", "expected a table without a metatable" },
};

Test(api_json, wrong_arguments)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		api_unit_fails(wrong[i].text, wrong[i].message);
}

/* 3 MB of text that would be a million tables. */
Test(api_json, what_is_built_is_bounded)
{
	api_unit_fails("json.deserialize('[' .. ('[],'):rep(1000000) .. '[]]')", "");
	api_unit_fails("local s = json.serialize(('x'):rep(1000000))\n"
		       "for i = 1, 1000 do json.deserialize(s) end",
		       "budget exhausted");
}
