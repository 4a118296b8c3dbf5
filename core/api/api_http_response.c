/*
 * http.*, the response: its line, its headers and its cookies. In a completion rule there may have
 * been none, if weir itself answered or nobody did: then all is absent.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_http.h"

#include "base/check.h"
#include "http/http_cookie.h"
#include "http/http_head.h"

/* NULL when no node answered. */
static struct http_response *response_of(const struct rule_call *call)
{
	struct txn *t = api_txn(call);
	return t->has_response ? &t->response : NULL;
}

static enum rule_answer nothing(struct rule_call *call)
{
	rule_push_nil(call);
	return RULE_RETURN;
}

/* Of a rule that changes the response: it runs while there is one. */
static struct http_fields *fields_of(const struct rule_call *call)
{
	struct http_response *r = response_of(call);
	check(r != NULL);
	return &r->fields;
}

/* ---- status line ----------------------------------------------------------------------------------------- */

static enum rule_answer get_code(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	/* what the client got: an answer of our own stands in for the node's */
	if (rule_call_phase(call) == RULE_COMPLETION && t->answer_status != 0 &&
	    (!slice_is_absent(t->answer) || t->out != NULL))
		rule_push_integer(call, t->answer_status);
	else if (t->has_response)
		rule_push_integer(call, t->response.status);
	else
		rule_push_nil(call);
	return RULE_RETURN;
}

static enum rule_answer set_code(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	unsigned status = (unsigned)rule_argument_integer(call, 1, 200, 599);
	struct slice reason = slice_of_string(http_status_words(status));
	if (!rule_argument_is_absent(call, 2))
		reason = api_http_value(call, 2);
	if (rule_call_phase(call) == RULE_REQUEST) {
		t->wishes.status = status;
		t->wishes.reason = reason;
		return RULE_RETURN;
	}
	if (t->response.body == HTTP_BODY_TUNNEL)
		rule_error(call, "the response switches protocols: its code cannot be changed");
	t->response.status = status;
	t->response.reason = reason;
	return RULE_RETURN;
}

static enum rule_answer get_version(struct rule_call *call)
{
	struct http_response *r = response_of(call);
	if (r == NULL)
		return nothing(call);
	rule_push_string(call, r->version_minor == 0 ? SLICE("1.0") : SLICE("1.1"));
	return RULE_RETURN;
}

static enum rule_answer get_response(struct rule_call *call)
{
	struct http_response *r = response_of(call);
	if (r == NULL)
		return nothing(call);
	rule_spend(call, r->reason.len);
	struct slice line = arena_print(api_arena(call), "HTTP/1.%u %u %.*s", r->version_minor,
					r->status, SLICE_PRINT(r->reason));
	return api_http_get_head(call, line, &r->fields);
}

/* ---- headers --------------------------------------------------------------------------------------------- */

static enum rule_answer get_header(struct rule_call *call)
{
	struct http_response *r = response_of(call);
	return r == NULL ? nothing(call) : api_http_get_header(call, &r->fields);
}

static enum rule_answer header_exists(struct rule_call *call)
{
	static const struct http_fields none;
	struct http_response *r = response_of(call);
	return api_http_header_exists(call, r == NULL ? &none : &r->fields);
}

static enum rule_answer get_headers(struct rule_call *call)
{
	struct http_response *r = response_of(call);
	return r == NULL ? nothing(call) : api_http_get_headers(call, &r->fields);
}

static enum rule_answer list_header_names(struct rule_call *call)
{
	struct http_response *r = response_of(call);
	return r == NULL ? nothing(call) : api_http_list_names(call, &r->fields);
}

static enum rule_answer set_header(struct rule_call *call)
{
	return api_http_set_header(call, fields_of(call));
}

/* As the original does it: the value goes behind what is there, in the same line. */
static enum rule_answer add_header(struct rule_call *call)
{
	struct http_fields *f = fields_of(call);
	struct slice name = api_http_name(call, 1), value = api_http_value(call, 2);
	struct slice before = http_fields_joined(f, name, api_arena(call));
	if (slice_is_absent(before) || http_field_id(name) == HTTP_FIELD_SET_COOKIE) {
		http_fields_add(f, api_arena(call), name, value);
		return RULE_RETURN;
	}
	rule_spend(call, before.len + value.len);
	const struct slice parts[] = { before, slice_of_string(before.len == 0 ? "" : ", "),
				       value };
	http_fields_set(f, api_arena(call), name, arena_join(api_arena(call), parts, 3));
	return RULE_RETURN;
}

static enum rule_answer remove_header(struct rule_call *call)
{
	return api_http_remove_header(call, fields_of(call));
}

static enum rule_answer scrub_headers(struct rule_call *call)
{
	return api_http_scrub(call, fields_of(call));
}

/* ---- cookies --------------------------------------------------------------------------------------------- */

static enum rule_answer get_cookie(struct rule_call *call)
{
	struct slice wanted = rule_argument_string(call, 1);
	struct http_response *r = response_of(call);
	struct http_cookie_position position = { 0 };
	struct slice name, value, attributes;
	while (r != NULL &&
	       http_set_cookie_next(&r->fields, &position, &name, &value, &attributes)) {
		if (!slice_is_equal(name, wanted))
			continue;
		rule_push_string(call, value);
		return RULE_RETURN;
	}
	return nothing(call);
}

static enum rule_answer get_cookies(struct rule_call *call)
{
	struct http_response *r = response_of(call);
	struct http_cookie_position position = { 0 };
	struct http_fields pairs = { 0 };
	struct slice name, value, attributes;
	if (r == NULL)
		return nothing(call);
	while (http_set_cookie_next(&r->fields, &position, &name, &value, &attributes))
		http_fields_add(&pairs, api_arena(call), name, value);
	rule_push_table(call);
	/* backwards: the first of a name is what stays */
	for (unsigned i = pairs.count; i-- > 0;)
		rule_table_set(call, pairs.at[i].name, pairs.at[i].value);
	return RULE_RETURN;
}

/* "Path=/; Secure", also with a ";" in front; absent when argument 3 is. */
static struct slice cookie_options(struct rule_call *call)
{
	if (rule_argument_is_absent(call, 3))
		return SLICE_ABSENT;
	struct slice options = api_http_value(call, 3);
	if (options.len > 0 && options.at[0] == ';')
		options = slice_trim(slice_skip(options, 1));
	return options;
}

static enum rule_answer set_cookie(struct rule_call *call)
{
	struct slice name, value;
	bool is_early = rule_call_phase(call) == RULE_REQUEST;
	struct http_fields *f = is_early ? &api_txn(call)->wishes.cookies : fields_of(call);
	api_http_cookie(call, &name, &value);
	http_set_cookie_set(f, api_arena(call), name, value, cookie_options(call));
	return RULE_RETURN;
}

static enum rule_answer remove_cookie(struct rule_call *call)
{
	http_set_cookie_remove(fields_of(call), rule_argument_string(call, 1));
	return RULE_RETURN;
}

#define GETTERS (RULE_IN_RESPONSE | RULE_IN_COMPLETION)
#define NIL " `nil` in a completion rule when no node answered."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.getResponseCode", get_code, GETTERS, "", "integer|nil",
	  "The status code of the response; in a completion rule the one that the client got, also from weir "
	  "itself, or `nil` when it got none.", "http.getResponseCode" },
	{ "http.setResponseCode", set_code, RULE_IN_REQUEST | RULE_IN_RESPONSE,
	  "code: integer, message?: string", "",
	  "Changes the status code, 200 to 599; the message is by default the standard's. In a request rule: "
	  "of the response that the node will give. A body that may not follow the new code (204, 304) is "
	  "left out. The code of a response that switches protocols (101) stays: in a response rule an error.",
	  "http.setResponseCode" },
	{ "http.getResponseVersion", get_version, GETTERS, "", "string|nil",
	  "The node's version of HTTP: \"1.1\" or \"1.0\"." NIL, "http.getResponseVersion" },
	{ "http.getResponse", get_response, GETTERS, "", "string|nil",
	  "The status line and all headers as one text that ends in an empty line." NIL, "http.getResponse" },
	{ "http.getResponseHeader", get_header, GETTERS, "name: string", "string|nil",
	  "The value of a response header, any case; several lines joined by \", \" (Set-Cookie: the first). "
	  "`nil` when there is none.", "http.getResponseHeader" },
	{ "http.responseHeaderExists", header_exists, GETTERS, "name: string", "boolean",
	  "Is there such a response header?", "http.responseHeaderExists" },
	{ "http.getResponseHeaders", get_headers, GETTERS, "", "table<string, string>|nil",
	  "All response headers: names in lower case to what http.getResponseHeader gives." NIL,
	  "http.getResponseHeaders" },
	{ "http.listResponseHeaderNames", list_header_names, GETTERS, "", "string[]|nil",
	  "The names of the response headers as received, each once, in their order." NIL,
	  "http.listResponseHeaderNames" },
	{ "http.setResponseHeader", set_header, RULE_IN_RESPONSE, "name: string, value: string", "",
	  "Sets a response header in place of all lines of that name; errors as of http.setHeader.",
	  "http.setResponseHeader" },
	{ "http.addResponseHeader", add_header, RULE_IN_RESPONSE, "name: string, value: string", "",
	  "Puts the value behind what the header holds, after \", \"; unlike http.addHeader it makes no second "
	  "line, but for Set-Cookie. Errors as of http.setHeader.", "http.addResponseHeader" },
	{ "http.removeResponseHeader", remove_header, RULE_IN_RESPONSE, "name: string", "",
	  "Removes all lines of that name; headers that are weir's own are an error.",
	  "http.removeResponseHeader" },
	{ "http.scrubResponseHeaders", scrub_headers, RULE_IN_RESPONSE, "name: string, ...: string", "",
	  "Removes all response headers but those named and those that are weir's own.",
	  "http.scrubResponseHeaders" },
	{ "http.getResponseCookie", get_cookie, GETTERS, "name: string", "string|nil",
	  "The value of the first cookie of that name that the response sets. `nil` when there is none.",
	  "http.getResponseCookie" },
	{ "http.getResponseCookies", get_cookies, GETTERS, "", "table<string, string>|nil",
	  "All cookies that the response sets: name to value." NIL, "http.getResponseCookies" },
	{ "http.setResponseCookie", set_cookie, RULE_IN_REQUEST | RULE_IN_RESPONSE,
	  "name: string, value: string, options?: string", "",
	  "Sets a cookie at the client. Options are attributes such as \"Path=/; Secure\"; without them the "
	  "response's own for that cookie stay. In a request rule: with the response that a node will give, "
	  "or with the answer of a rule. Errors as of http.setCookie.", "http.setResponseCookie" },
	{ "http.removeResponseCookie", remove_cookie, RULE_IN_RESPONSE, "name: string", "",
	  "Removes the cookie of that name from the response: the client keeps what it has.",
	  "http.removeResponseCookie" },
};
/* clang-format on */

API_FAMILY(api_http_response, functions);
