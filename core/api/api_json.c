/*
 * json.*: tables as JSON text (RFC 8259) and back. Written without jansson, which knows neither the
 * budget nor the memory of a rule, and whose trees an error in the rule would leave behind.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "text/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_MOST 1000000
#define EXACT_MOST 0x1p53
/* Read at a time; and what one of them may take, as bytes of other work: of an item in a table. */
#define READ_BYTES 64
#define ITEM_BYTES 32
/* Writing a number costs as much as going through so many bytes. */
#define NUMBER_BYTES (256 * 8)
#define NULL_NAME "json.null"

/* ---- from text ------------------------------------------------------------------------------------- */

static const char *build_open(void *extra, bool is_array)
{
	/* as deep as json_parse goes, so it is never refused */
	rule_build_open(extra, is_array ? RULE_TABLE_ARRAY : RULE_TABLE_HASH);
	if (is_array)
		rule_build_mark_array(extra);
	return NULL;
}

static const char *build_key(void *extra, struct slice key)
{
	const struct rule_value value = { .type = RULE_VALUE_STRING, .string = key };
	if (rule_build_has(extra, key))
		return "a name that is there already";
	rule_build_key(extra, &value);
	return NULL;
}

static const char *build_string(void *extra, struct slice string)
{
	const struct rule_value value = { .type = RULE_VALUE_STRING, .string = string };
	rule_build_value(extra, &value);
	return NULL;
}

static const char *build_number(void *extra, double number)
{
	const struct rule_value value = { .type = RULE_VALUE_NUMBER, .number = number };
	rule_build_value(extra, &value);
	return NULL;
}

static const char *build_boolean(void *extra, bool boolean)
{
	const struct rule_value value = { .type = RULE_VALUE_BOOLEAN, .boolean = boolean };
	rule_build_value(extra, &value);
	return NULL;
}

static const char *build_null(void *extra)
{
	rule_build_function(extra, NULL_NAME);
	return NULL;
}

static const char *build_close(void *extra, bool is_array)
{
	(void)is_array;
	rule_build_close(extra);
	return NULL;
}

static const struct json_events events = { build_open,    build_key,  build_string, build_number,
					   build_boolean, build_null, build_close };

const char *api_json_push(struct rule_call *call, struct slice text, char *room, size_t *at)
{
	_Static_assert(JSON_DEPTH <= RULE_VALUE_DEPTH, "what is parsed can be built");
	struct rule_build build;
	rule_build_start(&build, call);
	const char *why = json_parse(text, room, &events, &build, at);
	if (why != NULL)
		rule_build_undo(&build);
	return why;
}

struct reading {
	struct json_parser parser;
	struct rule_build build;
	struct api_made room;
};

static void release_reading(void *state)
{
	struct reading *r = state;
	api_made_release(&r->room);
}

static struct reading *begin_reading(struct rule_call *call)
{
	struct slice text = rule_argument_string(call, 1);
	struct reading *r = rule_work_begin(call, sizeof *r, release_reading);
	char *room = api_made_room(call, &r->room, text.len + 1);
	rule_build_start(&r->build, call);
	json_open(&r->parser, text, room, &events, &r->build);
	return r;
}

static enum rule_answer deserialize(struct rule_call *call)
{
	char reason[128];
	struct reading *r = rule_work(call);
	const char *why = NULL;
	if (r == NULL)
		r = begin_reading(call);
	r->build.call = call;
	while (!r->parser.is_done && why == NULL) {
		const char *before = r->parser.at;
		why = json_go_on(&r->parser, READ_BYTES);
		rule_spend(call, 256 + 2 * (size_t)(r->parser.at - before));
		if (why == NULL && rule_turn_is_over(call, ITEM_BYTES * READ_BYTES))
			return RULE_GO_ON;
	}
	if (why == NULL)
		return RULE_RETURN;
	rule_build_undo(&r->build);
	snprintf(reason, sizeof reason, "%s at position %zu", why,
		 (size_t)(r->parser.at - r->parser.start) + 1);
	return api_fail(call, reason);
}

/* ---- to text ---------------------------------------------------------------------------------------- */

struct writer {
	struct rule_call *call;
	struct rule_walk walk;
	struct api_made made;
	bool wants_comma;
};

static void release_writer(void *state)
{
	struct writer *w = state;
	api_made_release(&w->made);
}

static void put(struct writer *w, struct slice s)
{
	memcpy(api_made_room(w->call, &w->made, s.len), s.at, s.len);
	w->made.len += s.len;
}

/* A control character, a quote or a backslash. */
static void put_escape(struct writer *w, char c)
{
	static const char values[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	char text[8];
	const char *found = c == '\0' ? NULL : strchr(values, c);
	int len = found != NULL
			  ? snprintf(text, sizeof text, "\\%c", names[found - values])
			  : snprintf(text, sizeof text, "\\u%04x", (unsigned)(unsigned char)c);
	put(w, slice_of(text, (size_t)len));
}

/* How many bytes need no escape: whole characters; 0 where one stands or what is no UTF-8. */
static size_t plain_length(struct slice s)
{
	size_t at = 0;
	while (at < s.len) {
		unsigned char c = (unsigned char)s.at[at];
		size_t len = c < 0x80 ? 1 : slice_utf8_length(slice_skip(s, at));
		if (len == 0 || c < 0x20 || c == '"' || c == '\\')
			break;
		at += len;
	}
	return at;
}

static void put_string(struct writer *w, struct slice s)
{
	put(w, SLICE("\""));
	while (s.len > 0) {
		size_t len = plain_length(s);
		put(w, slice_of(s.at, len));
		s = slice_skip(s, len);
		if (s.len == 0)
			break;
		if ((unsigned char)s.at[0] < 0x80)
			put_escape(w, s.at[0]);
		else
			put(w, SLICE("\xef\xbf\xbd"));
		s = slice_skip(s, 1);
	}
	put(w, SLICE("\""));
}

/* The shortest of the usual precisions that reads back as the same number. */
static void put_number(struct rule_call *call, struct writer *w, double number)
{
	char text[40];
	if (!isfinite(number))
		rule_argument_error(call, 1, "expected numbers that are finite, got %.14g", number);
	rule_spend(call, NUMBER_BYTES);
	int len = 0;
	if (number == floor(number) && fabs(number) <= EXACT_MOST)
		len = snprintf(text, sizeof text, "%.0f", number);
	for (int digits = 15; len == 0 || strtod(text, NULL) != number; digits++)
		len = snprintf(text, sizeof text, "%.*g", digits, number);
	put(w, slice_of(text, (size_t)len));
}

static void put_comma(struct writer *w)
{
	if (w->wants_comma)
		put(w, SLICE(","));
	w->wants_comma = true;
}

static void write_value(struct rule_call *call, const struct rule_value *value, void *extra)
{
	struct writer *w = extra;
	put_comma(w);
	switch (value->type) {
	case RULE_VALUE_STRING:
		rule_spend(call, value->string.len);
		put_string(w, value->string);
		return;
	case RULE_VALUE_NUMBER:
		put_number(call, w, value->number);
		return;
	case RULE_VALUE_BOOLEAN:
		put(w, value->boolean ? SLICE("true") : SLICE("false"));
		return;
	}
}

static void write_open(struct rule_call *call, enum rule_table table, void *extra)
{
	struct writer *w = extra;
	(void)call;
	put_comma(w);
	put(w, table == RULE_TABLE_ARRAY ? SLICE("[") : SLICE("{"));
	w->wants_comma = false;
}

static void write_key(struct rule_call *call, const struct rule_value *key, void *extra)
{
	struct writer *w = extra;
	if (key->type == RULE_VALUE_NUMBER)
		rule_argument_error(call, 1,
				    "expected names, or positions 1 to n, as keys, got %.14g",
				    key->number);
	if (key->type == RULE_VALUE_BOOLEAN)
		rule_argument_error(call, 1, "expected names as keys, got %s",
				    key->boolean ? "true" : "false");
	put_comma(w);
	rule_spend(call, key->string.len);
	put_string(w, key->string);
	put(w, SLICE(":"));
	w->wants_comma = false;
}

static void write_close(struct rule_call *call, enum rule_table table, void *extra)
{
	struct writer *w = extra;
	(void)call;
	put(w, table == RULE_TABLE_ARRAY ? SLICE("]") : SLICE("}"));
	w->wants_comma = true;
}

static void write_function(struct rule_call *call, const char *name, void *extra)
{
	struct writer *w = extra;
	if (strcmp(name, NULL_NAME) != 0)
		rule_argument_error(call, 1, "expected no functions, got %s", name);
	put_comma(w);
	put(w, SLICE("null"));
}

static enum rule_answer serialize(struct rule_call *call)
{
	static const struct rule_visitor visitor = { write_value, write_open,     write_key,
						     write_close, write_function, ENTRIES_MOST };
	struct writer *w = rule_work(call);
	bool is_first = w == NULL;
	if (is_first)
		w = rule_work_begin(call, sizeof *w, release_writer);
	w->call = call;
	if (is_first)
		rule_walk_start(&w->walk, call, 1, &visitor, w);
	if (!rule_walk_on(&w->walk, call))
		return RULE_GO_ON;
	rule_spend(call, w->made.len);
	api_made_push(call, &w->made);
	return RULE_RETURN;
}

static enum rule_answer mark_array(struct rule_call *call)
{
	rule_argument_mark_array(call, 1);
	return RULE_RETURN;
}

static enum rule_answer null(struct rule_call *call)
{
	rule_push_nil(call);
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "json.serialize", serialize, RULE_IN_ANY | RULE_IN_PIECES, "value: any", "string",
	  "The value as JSON text (RFC 8259), without white space. Tables with the keys 1 to n are arrays, "
	  "those with names are objects, in no certain order; other keys are an error, as are functions, "
	  "numbers that are not finite, a table in itself, more than 100 tables in each other and more "
	  "than 1,000,000 entries. An empty table is `{}` unless json.array or json.deserialize made it. "
	  "What is no UTF-8 in a string becomes U+FFFD. Whole numbers up to 2^53 are written without "
	  "exponent, others so that they read back the same.", "json.serialize" },
	{ "json.deserialize", deserialize, RULE_IN_ANY | RULE_IN_PIECES, "text: string", "any, string|nil reason",
	  "The value that the JSON text is; nil and a reason when it is none. Strict: one value, valid "
	  "UTF-8, no name twice in an object, at most 100 arrays and objects in each other. Null is "
	  "json.null. Every number is a double: whole ones are exact up to 2^53, one out of range is "
	  "refused. An array stays one for json.serialize, even when it is or becomes empty.",
	  "json.deserialize" },
	{ "json.array", mark_array, RULE_IN_ANY, "items: table", "table",
	  "Marks the table, which has no metatable yet, as an array and returns it: so that json.serialize "
	  "writes `[]` when it is empty.", "weir" },
	{ "json.null", null, RULE_IN_ANY, "", "nil",
	  "JSON's null. Not called, but compared and set: `value == json.null`, `t.name = json.null`.",
	  "weir" },
};
/* clang-format on */

API_FAMILY(api_json, functions);
