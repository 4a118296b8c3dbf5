/* http.*, forms: parameters of the query and of urlencoded or multipart bodies, and attachments. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_body.h"
#include "api/api_http.h"

#include "http/http_form.h"
#include "http/http_path.h"

/* ---- all parameters, one after the other ------------------------------------------------------------------ */

/* The query's come first, then the body's. */
struct position {
	struct slice query, body; /* what is left of them, urlencoded */
	struct http_parts parts;
	bool has_parts;
};

struct parameter {
	struct slice name, value;
	bool is_encoded; /* "+" and %XX mean something */
};

static struct slice content_type(const struct txn *t)
{
	const struct http_field *field = http_fields_find_id(&t->request.fields,
							     HTTP_FIELD_CONTENT_TYPE);
	return field == NULL ? SLICE_ABSENT : field->value;
}

/* Is there a body with parameters in it? */
static bool has_form(const struct txn *t)
{
	struct slice type = content_type(t);
	return t->request.method_id == HTTP_METHOD_POST && !slice_is_absent(type) &&
	       (http_media_is(type, SLICE("application/x-www-form-urlencoded")) ||
		http_media_is(type, SLICE("multipart/form-data")));
}

/* `body` is absent when it cannot be had, or is none of ours. */
static void begin(struct rule_call *call, struct position *p, struct slice body)
{
	struct txn *t = api_txn(call);
	*p = (struct position){ .query = t->request.query };
	rule_spend(call, p->query.len + body.len);
	if (slice_is_absent(body) || !has_form(t))
		return;
	p->has_parts = http_parts_begin(&p->parts, content_type(t), body);
	if (http_media_is(content_type(t), SLICE("application/x-www-form-urlencoded")))
		p->body = body;
}

/* Files are attachments, not parameters. */
static bool next(struct rule_call *call, struct position *p, struct parameter *found)
{
	struct http_part part;
	found->is_encoded = true;
	if (http_form_next(&p->query, &found->name, &found->value) ||
	    http_form_next(&p->body, &found->name, &found->value))
		return true;
	found->is_encoded = false;
	while (p->has_parts && http_parts_next(&p->parts, api_arena(call), &part)) {
		found->name = part.name;
		found->value = part.body;
		if (!slice_is_absent(part.name) && slice_is_absent(part.filename))
			return true;
	}
	return false;
}

static bool is_named(const struct parameter *p, struct slice name)
{
	return p->is_encoded ? http_form_is(p->name, name) : slice_is_equal(p->name, name);
}

static struct slice plain(struct rule_call *call, const struct parameter *p, struct slice text)
{
	if (!p->is_encoded ||
	    (slice_find(text, '%') == text.len && slice_find(text, '+') == text.len))
		return text;
	return http_path_decode(api_arena(call), text, true);
}

/* Asks for the body where that is a form, and answers from it and the query. */
static enum rule_answer ask(struct rule_call *call, struct api_body_question *q)
{
	if (!has_form(api_txn(call)))
		return q->answer(call, q, SLICE_ABSENT);
	q->wanted = TXN_HOLD_ALL;
	return api_body_ask(call, q);
}

/* ---- one parameter ---------------------------------------------------------------------------------------- */

static enum rule_answer answer_first(struct rule_call *call, const struct api_body_question *q,
				     struct slice body)
{
	struct position position;
	struct parameter p;
	begin(call, &position, body);
	while (next(call, &position, &p)) {
		if (!is_named(&p, q->name))
			continue;
		rule_push_string(call, plain(call, &p, p.value));
		return RULE_RETURN;
	}
	rule_push_nil(call);
	return RULE_RETURN;
}

static enum rule_answer answer_joined(struct rule_call *call, const struct api_body_question *q,
				      struct slice body)
{
	struct position position;
	struct parameter p;
	struct http_fields values = { 0 };
	size_t size = 0;
	begin(call, &position, body);
	while (next(call, &position, &p)) {
		if (!is_named(&p, q->name))
			continue;
		struct slice value = plain(call, &p, p.value);
		http_fields_add(&values, api_arena(call), SLICE("-"), value);
		size += value.len + q->separator.len;
	}
	if (values.count == 0) {
		rule_push_nil(call);
		return RULE_RETURN;
	}
	char *text = api_scratch(call, size), *at = text;
	for (unsigned i = 0; i < values.count; i++) {
		if (i > 0)
			at = mempcpy(at, q->separator.at, q->separator.len);
		if (values.at[i].value.len > 0)
			at = mempcpy(at, values.at[i].value.at, values.at[i].value.len);
	}
	rule_push_string(call, slice_of(text, (size_t)(at - text)));
	return RULE_RETURN;
}

static enum rule_answer answer_exists(struct rule_call *call, const struct api_body_question *q,
				      struct slice body)
{
	struct position position;
	struct parameter p;
	bool found = false;
	begin(call, &position, body);
	while (!found && next(call, &position, &p))
		found = is_named(&p, q->name);
	rule_push_boolean(call, found);
	return RULE_RETURN;
}

static enum rule_answer get_form_param(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_first };
	q.name = arena_copy(api_arena(call), api_text(call, 1));
	if (!rule_argument_is_absent(call, 2)) {
		q.answer = answer_joined;
		q.separator = arena_copy(api_arena(call), api_text(call, 2));
	}
	return ask(call, &q);
}

static enum rule_answer does_form_param_exist(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_exists };
	q.name = arena_copy(api_arena(call), api_text(call, 1));
	return ask(call, &q);
}

/* ---- all of them ------------------------------------------------------------------------------------------ */

static void collect(struct rule_call *call, struct slice body, struct http_fields *all)
{
	struct position position;
	struct parameter p;
	begin(call, &position, body);
	while (next(call, &position, &p)) {
		rule_spend(call, sizeof *all->at);
		http_fields_add(all, api_arena(call), plain(call, &p, p.name),
				plain(call, &p, p.value));
	}
}

static enum rule_answer answer_table(struct rule_call *call, const struct api_body_question *q,
				     struct slice body)
{
	struct http_fields all = { 0 };
	(void)q;
	collect(call, body, &all);
	rule_push_table(call);
	/* backwards: the first of a name is what stays */
	for (unsigned i = all.count; i-- > 0;)
		rule_table_set(call, all.at[i].name, all.at[i].value);
	return RULE_RETURN;
}

static bool is_first_of_its_name(struct rule_call *call, const struct http_fields *f, unsigned at)
{
	for (unsigned i = 0; i < at; i++)
		if (slice_is_equal(f->at[i].name, f->at[at].name))
			return false;
	rule_spend(call, at * sizeof *f->at);
	return true;
}

static enum rule_answer answer_names(struct rule_call *call, const struct api_body_question *q,
				     struct slice body)
{
	struct http_fields all = { 0 };
	(void)q;
	collect(call, body, &all);
	rule_push_table(call);
	for (unsigned i = 0; i < all.count; i++)
		if (is_first_of_its_name(call, &all, i))
			rule_table_append(call, all.at[i].name);
	return RULE_RETURN;
}

static enum rule_answer get_form_params(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_table };
	return ask(call, &q);
}

static enum rule_answer list_form_param_names(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_names };
	return ask(call, &q);
}

/* ---- attachments ------------------------------------------------------------------------------------------ */

static void push_fields(struct rule_call *call, const struct http_fields *f)
{
	rule_push_table(call);
	for (unsigned i = f->count; i-- > 0;) {
		char *name = arena_alloc(api_arena(call), f->at[i].name.len);
		for (size_t k = 0; k < f->at[i].name.len; k++)
			name[k] = slice_lower(f->at[i].name.at[k]);
		rule_table_set(call, slice_of(name, f->at[i].name.len), f->at[i].value);
	}
}

static enum rule_answer answer_part(struct rule_call *call, const struct api_body_question *q,
				    struct slice body)
{
	struct http_parts parts;
	struct http_part part;
	uint64_t number = 0;
	rule_spend(call, body.len);
	if (slice_is_absent(body) || !http_parts_begin(&parts, content_type(api_txn(call)), body))
		return api_fail(call, "the request has no multipart body");
	while (http_parts_next(&parts, api_arena(call), &part)) {
		bool is_it = slice_is_absent(q->name) ? ++number == q->number
						      : slice_is_equal(part.name, q->name);
		if (!is_it)
			continue;
		rule_push_string(call, part.body);
		rule_push_string(call, http_fields_joined(&part.fields, SLICE("Content-Type"),
							  api_arena(call)));
		push_fields(call, &part.fields);
		return RULE_RETURN;
	}
	return api_fail(call, "the request has no such part");
}

static enum rule_answer get_multipart_attachment(struct rule_call *call)
{
	struct api_body_question q = { .answer = answer_part, .wanted = TXN_HOLD_ALL };
	struct slice type = content_type(api_txn(call));
	if (rule_argument_is_number(call, 1))
		q.number = (uint64_t)rule_argument_integer(call, 1, 1, (int64_t)1 << 53);
	else
		q.name = arena_copy(api_arena(call), api_text(call, 1));
	if (slice_is_absent(type) || !http_media_is(type, SLICE("multipart/")))
		return answer_part(call, &q, SLICE_ABSENT);
	return api_body_ask(call, &q);
}

#define FORM \
	" Parameters are those of the query and, in a POST, of an urlencoded or multipart body (but its files), " \
	"which is waited for as by http.getBody; in later rules only if it was read before. \"+\" and %XX are decoded."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.getFormParam", get_form_param, RULE_IN_ANY | RULE_WAITS, "name: string, separator?: string",
	  "string|nil, string|nil",
	  "The first value of a form parameter, or with a separator all of its values joined by it; `nil` when there "
	  "is none." FORM, "http.getFormParam" },
	{ "http.getFormParams", get_form_params, RULE_IN_ANY | RULE_WAITS, "", "table<string, string>|nil, string|nil",
	  "All form parameters: name to first value." FORM, "http.getFormParams" },
	{ "http.listFormParamNames", list_form_param_names, RULE_IN_ANY | RULE_WAITS, "", "string[]|nil, string|nil",
	  "The names of the form parameters, each once, in their order." FORM, "http.listFormParamNames" },
	{ "http.doesFormParamExist", does_form_param_exist, RULE_IN_ANY | RULE_WAITS, "name: string",
	  "boolean|nil, string|nil", "Is there such a form parameter?" FORM, "http.doesFormParamExist" },
	{ "http.getMultipartAttachment", get_multipart_attachment, RULE_IN_ANY | RULE_WAITS, "part: integer|string",
	  "string|nil, string|nil, table<string, string>|nil",
	  "A part of a multipart body, by its number (1 is the first) or the name of its form field: its bytes, its "
	  "Content-Type (`nil` without one) and its headers, names in lower case. `nil` and the reason when there is "
	  "none. Waits for the body as http.getBody does; in later rules only if it was read before.",
	  "http.getMultipartAttachment" },
};
/* clang-format on */

API_FAMILY(api_http_form, functions);
