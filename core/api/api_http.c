/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_http.h"

#include "http/http_cookie.h"
#include "http/http_head.h"

/* ---- what a rule may write --------------------------------------------------------------------------- */

bool api_http_is_ours(enum http_field_id id)
{
	return http_field_is_framing(id) || id == HTTP_FIELD_EXPECT;
}

static void check_name(struct rule_call *call, unsigned n, struct slice name)
{
	if (!http_field_name_is_valid(name))
		rule_argument_error(call, n, "expected a header name, got '%.*s'",
				    API_HTTP_PRINT(name));
	enum http_field_id id = http_field_id(name);
	if (api_http_is_ours(id))
		rule_argument_error(call, n, "header '%.*s' is written by weir itself",
				    API_HTTP_PRINT(name));
	if (http_field_is_hop_by_hop(id))
		rule_argument_error(
			call, n,
			"header '%.*s' is for one connection only and would not be forwarded",
			API_HTTP_PRINT(name));
}

struct slice api_http_name(struct rule_call *call, unsigned n)
{
	struct slice name = api_text(call, n);
	check_name(call, n, name);
	return arena_copy(api_arena(call), name);
}

struct slice api_http_value(struct rule_call *call, unsigned n)
{
	struct slice value = api_text(call, n);
	if (!http_field_value_is_valid(value))
		rule_argument_error(call, n, API_HTTP_NO_CONTROLS);
	return arena_copy(api_arena(call), slice_trim(value));
}

void api_http_check_line(struct rule_call *call, unsigned n, struct slice name, struct slice value)
{
	rule_spend(call, name.len + value.len);
	check_name(call, n, name);
	if (!http_field_value_is_valid(value))
		rule_argument_error(call, n, "header '%.*s': " API_HTTP_NO_CONTROLS,
				    API_HTTP_PRINT(name));
}

/* The three digits at the start of `text`, or 0. */
static unsigned leading_code(struct slice text)
{
	unsigned code = 0;
	if (text.len < 3 || (text.len > 3 && text.at[3] != ' '))
		return 0;
	for (size_t i = 0; i < 3; i++) {
		unsigned digit = (unsigned)(text.at[i] - '0');
		if (digit > 9)
			return 0;
		code = code * 10 + digit;
	}
	return code;
}

unsigned api_http_code(struct rule_call *call, unsigned n, struct slice *reason)
{
	*reason = SLICE_ABSENT;
	if (rule_argument_is_number(call, n))
		return (unsigned)rule_argument_integer(call, n, 200, 599);
	struct slice text = api_text(call, n);
	unsigned code = leading_code(text);
	if (code < 200 || code > 599)
		rule_argument_error(
			call, n,
			"expected a code from 200 to 599, perhaps with its words, got '%.*s'",
			API_HTTP_PRINT(text));
	if (text.len <= 4)
		return code;
	if (!http_field_value_is_valid(text))
		rule_argument_error(call, n, API_HTTP_NO_CONTROLS);
	*reason = arena_copy(api_arena(call), slice_trim(slice_skip(text, 4)));
	return code;
}

struct slice api_http_type(struct rule_call *call, unsigned n)
{
	struct slice type = SLICE_ABSENT;
	if (!rule_argument_is_absent(call, n))
		type = api_http_value(call, n);
	return type.len == 0 ? SLICE_ABSENT : type;
}

/* Lines that argument `n` holds. */
struct lines {
	unsigned n;
	struct slice type;
	struct http_fields *to;
};

static void add_line(struct rule_call *call, struct slice name, struct slice value, void *extra)
{
	const struct lines *lines = extra;
	enum http_field_id id = http_field_id(name);
	value = slice_trim(value);
	api_http_check_line(call, lines->n, name, value);
	if (id == HTTP_FIELD_DATE)
		rule_argument_error(call, lines->n, "header 'Date' is written by weir itself");
	if (id == HTTP_FIELD_CONTENT_TYPE && !slice_is_absent(lines->type))
		rule_argument_error(call, lines->n, "header 'Content-Type' is argument 2 already");
	http_fields_add(lines->to, api_arena(call), arena_copy(api_arena(call), name),
			arena_copy(api_arena(call), value));
}

static void add_text(struct rule_call *call, struct lines *lines, struct slice text)
{
	while (text.len > 0) {
		size_t len = slice_find(text, '\n');
		struct slice line = slice_of(text.at, len);
		text = slice_skip(text, len < text.len ? len + 1 : len);
		if (line.len > 0 && line.at[line.len - 1] == '\r')
			line.len--;
		size_t colon = slice_find(line, ':');
		if (colon == line.len)
			rule_argument_error(call, lines->n,
					    "expected lines 'name: value', got '%.*s'",
					    API_HTTP_PRINT(line));
		add_line(call, slice_of(line.at, colon), slice_skip(line, colon + 1), lines);
	}
}

void api_http_add_lines(struct rule_call *call, unsigned n, struct slice type,
			struct http_fields *to)
{
	struct lines lines = { n, type, to };
	if (rule_argument_is_table(call, n))
		rule_argument_pairs(call, n, add_line, &lines);
	else if (!rule_argument_is_absent(call, n))
		add_text(call, &lines, api_text(call, n));
}

void api_http_cookie(struct rule_call *call, struct slice *name, struct slice *value)
{
	*name = api_text(call, 1);
	*value = api_text(call, 2);
	if (!http_cookie_name_is_valid(*name))
		rule_argument_error(call, 1, "expected a cookie name, got '%.*s'",
				    API_HTTP_PRINT(*name));
	if (!http_cookie_value_is_valid(*value))
		rule_argument_error(call, 2,
				    "expected text without blanks, quotes, commas, semicolons, "
				    "backslashes, controls and bytes beyond ASCII");
	*name = arena_copy(api_arena(call), *name);
	*value = arena_copy(api_arena(call), *value);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

enum rule_answer api_http_get_header(struct rule_call *call, const struct http_fields *f)
{
	struct slice name = rule_argument_string(call, 1);
	rule_push_string(call, http_fields_joined(f, name, api_arena(call)));
	return RULE_RETURN;
}

enum rule_answer api_http_header_exists(struct rule_call *call, const struct http_fields *f)
{
	rule_push_boolean(call, http_fields_find(f, rule_argument_string(call, 1)) != NULL);
	return RULE_RETURN;
}

/* Each line is compared with all before it. */
static bool is_first_of_its_name(const struct http_fields *f, const struct http_field *field)
{
	return http_fields_find(f, field->name) == field;
}

static struct slice in_lower_case(struct rule_call *call, struct slice name)
{
	char *text = api_scratch(call, name.len);
	for (size_t i = 0; i < name.len; i++)
		text[i] = slice_lower(name.at[i]);
	return slice_of(text, name.len);
}

enum rule_answer api_http_get_headers(struct rule_call *call, const struct http_fields *f)
{
	rule_spend(call, (size_t)f->count * f->count);
	rule_push_table(call);
	for (unsigned i = 0; i < f->count; i++) {
		const struct http_field *field = &f->at[i];
		if (!is_first_of_its_name(f, field))
			continue;
		struct slice value = http_fields_joined(f, field->name, api_arena(call));
		rule_table_set(call, in_lower_case(call, field->name), value);
	}
	return RULE_RETURN;
}

enum rule_answer api_http_list_names(struct rule_call *call, const struct http_fields *f)
{
	rule_spend(call, (size_t)f->count * f->count);
	rule_push_table(call);
	for (unsigned i = 0; i < f->count; i++)
		if (is_first_of_its_name(f, &f->at[i]))
			rule_table_append(call, f->at[i].name);
	return RULE_RETURN;
}

static size_t head_size(struct slice first_line, const struct http_fields *f)
{
	size_t size = first_line.len + 4;
	for (unsigned i = 0; i < f->count; i++)
		size += f->at[i].name.len + f->at[i].value.len + 4;
	return size;
}

static char *put(char *at, struct slice s)
{
	return s.len == 0 ? at : mempcpy(at, s.at, s.len);
}

enum rule_answer api_http_get_head(struct rule_call *call, struct slice first_line,
				   const struct http_fields *f)
{
	char *text = api_scratch(call, head_size(first_line, f));
	char *at = put(put(text, first_line), SLICE("\r\n"));
	for (unsigned i = 0; i < f->count; i++) {
		at = put(put(at, f->at[i].name), SLICE(": "));
		at = put(put(at, f->at[i].value), SLICE("\r\n"));
	}
	at = put(at, SLICE("\r\n"));
	rule_push_string(call, slice_of(text, (size_t)(at - text)));
	return RULE_RETURN;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

enum rule_answer api_http_set_header(struct rule_call *call, struct http_fields *f)
{
	struct slice name = api_http_name(call, 1), value = api_http_value(call, 2);
	http_fields_set(f, api_arena(call), name, value);
	return RULE_RETURN;
}

enum rule_answer api_http_remove_header(struct rule_call *call, struct http_fields *f)
{
	struct slice name = api_text(call, 1);
	if (api_http_is_ours(http_field_id(name)))
		rule_argument_error(call, 1, "header '%.*s' is written by weir itself",
				    API_HTTP_PRINT(name));
	http_fields_remove(f, name);
	return RULE_RETURN;
}

static bool is_named_by_arguments(struct rule_call *call, struct slice name)
{
	for (unsigned n = 1; n <= rule_argument_count(call); n++)
		if (slice_is_equal_nocase(rule_argument_string(call, n), name))
			return true;
	return false;
}

enum rule_answer api_http_scrub(struct rule_call *call, struct http_fields *f)
{
	unsigned kept = 0, arguments = rule_argument_count(call);
	for (unsigned n = 1; n <= (arguments > 0 ? arguments : 1); n++)
		rule_argument_string(call, n);
	rule_spend(call, (size_t)f->count * arguments);
	for (unsigned i = 0; i < f->count; i++) {
		enum http_field_id id = f->at[i].id;
		if (id == HTTP_FIELD_HOST || api_http_is_ours(id) ||
		    is_named_by_arguments(call, f->at[i].name))
			f->at[kept++] = f->at[i];
	}
	f->count = kept;
	return RULE_RETURN;
}
