/* http.*, the request: its line, its headers and its cookies. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_http.h"

#include "http/http_cookie.h"
#include "http/http_path.h"

static struct http_request *request_of(const struct rule_call *call)
{
	return &api_txn(call)->request;
}

static struct http_fields *fields_of(const struct rule_call *call)
{
	return &request_of(call)->fields;
}

/* ---- method and version ---------------------------------------------------------------------------------- */

static enum rule_answer get_method(struct rule_call *call)
{
	rule_push_string(call, request_of(call)->method);
	return RULE_RETURN;
}

static enum rule_answer set_method(struct rule_call *call)
{
	struct http_request *r = request_of(call);
	struct slice method = api_text(call, 1);
	if (!http_is_token(method))
		rule_argument_error(call, 1, "expected a method, got '%.*s'",
				    API_HTTP_PRINT(method));
	enum http_method id = http_method_id(method);
	if (id == HTTP_METHOD_CONNECT)
		rule_argument_error(call, 1, "a request cannot become a CONNECT");
	if (id != HTTP_METHOD_OPTIONS && r->path.at[0] != '/')
		rule_argument_error(call, 1, "the path '*' is for OPTIONS only");
	r->method = arena_copy(api_arena(call), method);
	r->method_id = id;
	return RULE_RETURN;
}

static enum rule_answer get_version(struct rule_call *call)
{
	rule_push_string(call, request_of(call)->version_minor == 0 ? SLICE("1.0") : SLICE("1.1"));
	return RULE_RETURN;
}

/* ---- path and query -------------------------------------------------------------------------------------- */

/* Path and query as one text; what was received lies side by side and needs no copy. */
static struct slice raw_url(struct rule_call *call)
{
	struct http_request *r = request_of(call);
	const char *path_end = r->path.at + r->path.len;
	if (slice_is_absent(r->query))
		return r->path;
	if (r->query.at == path_end + 1 && *path_end == '?')
		return slice_of(r->path.at, r->path.len + 1 + r->query.len);
	rule_spend(call, r->path.len + r->query.len);
	return arena_print(api_arena(call), "%.*s?%.*s", SLICE_PRINT(r->path),
			   SLICE_PRINT(r->query));
}

static enum rule_answer get_raw_url(struct rule_call *call)
{
	rule_push_string(call, raw_url(call));
	return RULE_RETURN;
}

static enum rule_answer get_path(struct rule_call *call)
{
	struct slice path = request_of(call)->path;
	/* most paths hold no escape: nothing to copy */
	if (slice_find(path, '%') != path.len) {
		rule_spend(call, path.len);
		path = http_path_decode(api_arena(call), path, false);
	}
	rule_push_string(call, path);
	return RULE_RETURN;
}

/* How a text becomes the path, or the query if it has one: encoded, or checked as it is. */
typedef struct slice (*spell_function)(struct rule_call *call, struct slice text, bool is_query);

static struct slice spell_encoded(struct rule_call *call, struct slice text, bool is_query)
{
	rule_spend(call, text.len);
	return is_query ? http_query_encode(api_arena(call), text, true)
			: http_path_encode(api_arena(call), text, true);
}

static struct slice spell_raw(struct rule_call *call, struct slice text, bool is_query)
{
	if (is_query ? !http_query_is_valid(text) : !http_path_is_valid(text))
		rule_argument_error(
			call, 1,
			"a blank, control, '#', backslash or byte beyond ASCII cannot stand in "
			"a URL: percent-encode it");
	return arena_copy(api_arena(call), text);
}

/* The path, and the query behind the first "?" if there is one; without, the request's query stays. */
static enum rule_answer set_path(struct rule_call *call, spell_function spell)
{
	struct http_request *r = request_of(call);
	struct slice text = api_text(call, 1);
	size_t path_length = slice_find(text, '?');
	if (text.len == 0 || text.at[0] != '/')
		rule_argument_error(call, 1, "expected a path that begins with '/', got '%.*s'",
				    API_HTTP_PRINT(text));
	struct slice path = spell(call, slice_of(text.at, path_length), false);
	if (path_length < text.len)
		r->query = spell(call, slice_skip(text, path_length + 1), true);
	r->path = path;
	return RULE_RETURN;
}

static enum rule_answer set_encoded_path(struct rule_call *call)
{
	return set_path(call, spell_encoded);
}

static enum rule_answer set_raw_path(struct rule_call *call)
{
	return set_path(call, spell_raw);
}

static enum rule_answer get_query(struct rule_call *call)
{
	struct slice query = request_of(call)->query;
	rule_spend(call, query.len);
	rule_push_string(call, http_path_decode(api_arena(call), query, false));
	return RULE_RETURN;
}

static enum rule_answer get_raw_query(struct rule_call *call)
{
	rule_push_string(call, request_of(call)->query);
	return RULE_RETURN;
}

static enum rule_answer set_query(struct rule_call *call, spell_function spell)
{
	struct http_request *r = request_of(call);
	r->query = rule_argument_is_absent(call, 1) ? SLICE_ABSENT
						    : spell(call, api_text(call, 1), true);
	return RULE_RETURN;
}

static enum rule_answer set_encoded_query(struct rule_call *call)
{
	return set_query(call, spell_encoded);
}

static enum rule_answer set_raw_query(struct rule_call *call)
{
	return set_query(call, spell_raw);
}

static enum rule_answer normalize_path(struct rule_call *call)
{
	struct slice url = api_text(call, 1);
	size_t path_length = slice_find(url, '?');
	struct slice path;
	rule_spend(call, path_length);
	if (http_path_normalize(api_arena(call), slice_of(url.at, path_length), true, &path) !=
	    HTTP_REASON_NONE)
		path = SLICE_ABSENT;
	else if (path_length < url.len) {
		struct slice query = slice_skip(url, path_length);
		char *text = api_scratch(call, path.len + query.len);
		memcpy(mempcpy(text, path.at, path.len), query.at, query.len);
		path = slice_of(text, path.len + query.len);
	}
	rule_push_string(call, path);
	return RULE_RETURN;
}

/* ---- headers --------------------------------------------------------------------------------------------- */

static enum rule_answer get_header(struct rule_call *call)
{
	return api_http_get_header(call, fields_of(call));
}

static enum rule_answer header_exists(struct rule_call *call)
{
	return api_http_header_exists(call, fields_of(call));
}

static enum rule_answer get_headers(struct rule_call *call)
{
	return api_http_get_headers(call, fields_of(call));
}

static enum rule_answer list_header_names(struct rule_call *call)
{
	return api_http_list_names(call, fields_of(call));
}

/* Where the request goes by its Host; the node and the rest of the rules have to agree on it. */
static void set_authority(struct rule_call *call, struct slice value)
{
	struct slice host;
	unsigned port;
	if (!http_authority_parse(value, &host, &port))
		rule_argument_error(call, 2, "expected a host or host:port, got '%.*s'",
				    API_HTTP_PRINT(value));
	request_of(call)->authority = value;
}

static enum rule_answer set_header(struct rule_call *call)
{
	struct slice name = api_http_name(call, 1), value = api_http_value(call, 2);
	if (http_field_id(name) == HTTP_FIELD_HOST)
		set_authority(call, value);
	http_fields_set(fields_of(call), api_arena(call), name, value);
	http_fields_remove_lookalikes(fields_of(call), name);
	return RULE_RETURN;
}

static enum rule_answer add_header(struct rule_call *call)
{
	struct slice name = api_http_name(call, 1), value = api_http_value(call, 2);
	if (http_field_id(name) == HTTP_FIELD_HOST) {
		if (http_fields_find_id(fields_of(call), HTTP_FIELD_HOST) != NULL)
			rule_argument_error(
				call, 1, "a request has one Host: change it with http.setHeader");
		set_authority(call, value);
	}
	http_fields_add(fields_of(call), api_arena(call), name, value);
	http_fields_remove_lookalikes(fields_of(call), name);
	return RULE_RETURN;
}

static enum rule_answer remove_header(struct rule_call *call)
{
	struct slice name = rule_argument_string(call, 1);
	if (http_field_id(name) == HTTP_FIELD_HOST)
		rule_argument_error(call, 1,
				    "a request needs its Host: change it with http.setHeader");
	enum rule_answer answer = api_http_remove_header(call, fields_of(call));
	http_fields_remove_lookalikes(fields_of(call), name);
	return answer;
}

static enum rule_answer scrub_headers(struct rule_call *call)
{
	return api_http_scrub(call, fields_of(call));
}

static enum rule_answer get_host(struct rule_call *call)
{
	struct slice host;
	unsigned port;
	if (!http_authority_parse(request_of(call)->authority, &host, &port)) {
		rule_push_nil(call);
		return RULE_RETURN;
	}
	if (host.len > 1 && host.at[host.len - 1] == '.')
		host.len--;
	char *text = api_scratch(call, host.len);
	for (size_t i = 0; i < host.len; i++)
		text[i] = slice_lower(host.at[i]);
	rule_push_string(call, slice_of(text, host.len));
	return RULE_RETURN;
}

static enum rule_answer get_request(struct rule_call *call)
{
	struct http_request *r = request_of(call);
	struct slice url = raw_url(call);
	rule_spend(call, r->method.len + url.len);
	struct slice line = arena_print(api_arena(call), "%.*s %.*s HTTP/1.%u",
					SLICE_PRINT(r->method), SLICE_PRINT(url), r->version_minor);
	return api_http_get_head(call, line, &r->fields);
}

/* ---- cookies --------------------------------------------------------------------------------------------- */

/* What the Cookie lines hold: how far a search may have to look. */
static size_t cookie_bytes(const struct http_fields *f)
{
	size_t size = 0;
	for (unsigned i = 0; i < f->count; i++)
		if (f->at[i].id == HTTP_FIELD_COOKIE)
			size += f->at[i].value.len;
	return size;
}

static enum rule_answer get_cookie(struct rule_call *call)
{
	struct slice name = rule_argument_string(call, 1);
	rule_spend(call, cookie_bytes(fields_of(call)));
	rule_push_string(call, http_cookie_get(fields_of(call), name));
	return RULE_RETURN;
}

static enum rule_answer get_cookies(struct rule_call *call)
{
	const struct http_fields *f = fields_of(call);
	struct http_cookie_position position = { 0 };
	struct http_fields pairs = { 0 };
	struct slice name, value;
	rule_spend(call, cookie_bytes(f));
	while (http_cookie_next(f, &position, &name, &value))
		http_fields_add(&pairs, api_arena(call), name, value);
	rule_push_table(call);
	/* backwards, so that the first of a name is what stays, without comparing each with each */
	for (unsigned i = pairs.count; i-- > 0;)
		rule_table_set(call, pairs.at[i].name, pairs.at[i].value);
	return RULE_RETURN;
}

static enum rule_answer set_cookie(struct rule_call *call)
{
	struct slice name, value;
	api_http_cookie(call, &name, &value);
	rule_spend(call, cookie_bytes(fields_of(call)));
	http_cookie_set(fields_of(call), api_arena(call), name, value);
	return RULE_RETURN;
}

static enum rule_answer remove_cookie(struct rule_call *call)
{
	struct slice name = api_text(call, 1);
	rule_spend(call, cookie_bytes(fields_of(call)));
	http_cookie_remove(fields_of(call), api_arena(call), name);
	return RULE_RETURN;
}

#define ENCODED \
	"The text is percent-encoded where it must be, \"%\" included: what the getter gave, decoded, can " \
	"be put back."
#define RAW "The text is taken as it is; a byte that cannot stand in a URL is an error."
#define QUERY_TOO "A \"?\" in it begins a new query, without one the query stays."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.getMethod", get_method, RULE_IN_ANY, "", "string",
	  "The method, as sent: \"GET\".", "http.getMethod" },
	{ "http.setMethod", set_method, RULE_IN_REQUEST, "method: string", "",
	  "Changes the method that the node sees. CONNECT is an error. A client that asked with HEAD gets "
	  "no body, whatever its method became.", "http.setMethod" },
	{ "http.getVersion", get_version, RULE_IN_ANY, "", "string",
	  "The client's version of HTTP: \"1.1\" or \"1.0\".", "http.getVersion" },
	{ "http.setIdempotent", api_orders_set_idempotent, RULE_IN_REQUEST | RULE_IN_RESPONSE, "resend: boolean", "",
	  "Says whether the request may be sent again, to the same node or another, when it is not known "
	  "what became of it. Without this GET, HEAD, PUT, DELETE, OPTIONS and TRACE may.",
	  "http.setIdempotent" },
	{ "http.getRawURL", get_raw_url, RULE_IN_ANY, "", "string",
	  "Path and query without scheme and host, not decoded: just what the node gets. The path is in "
	  "normal form, the query as sent, unless rules changed them.",
	  "http.getRawURL" },
	{ "http.getPath", get_path, RULE_IN_ANY, "", "string",
	  "The path in normal form, percent-decoded, without query, scheme and host. The normal form is made "
	  "before the first rule runs and is what the node gets: no \".\" and \"..\" segments, no escape "
	  "that need not be; \"//\" stays unless `http: {merge_slashes: true}`. A \"/\" that came as \"%2F\" "
	  "looks like any other here; http.getRawURL tells them apart.", "http.getPath" },
	{ "http.setPath", set_encoded_path, RULE_IN_REQUEST, "path: string", "",
	  "Changes the path. " ENCODED " " QUERY_TOO, "http.setPath" },
	{ "http.setEscapedPath", set_encoded_path, RULE_IN_REQUEST, "path: string", "",
	  "The same as http.setPath.", "http.setEscapedPath" },
	{ "http.setRawPath", set_raw_path, RULE_IN_REQUEST, "path: string", "",
	  "Changes the path. " RAW " " QUERY_TOO, "http.setRawPath" },
	{ "http.getQueryString", get_query, RULE_IN_ANY, "", "string|nil",
	  "What follows the \"?\", percent-decoded; \"+\" stays. `nil` without \"?\".",
	  "http.getQueryString" },
	{ "http.setQueryString", set_encoded_query, RULE_IN_REQUEST, "query?: string", "",
	  "Changes the query; `nil` removes it. " ENCODED, "http.setQueryString" },
	{ "http.getRawQueryString", get_raw_query, RULE_IN_ANY, "", "string|nil",
	  "What follows the \"?\", as sent. `nil` without \"?\".", "http.getRawQueryString" },
	{ "http.setRawQueryString", set_raw_query, RULE_IN_REQUEST, "query?: string", "",
	  "Changes the query; `nil` removes it. " RAW, "http.setRawQueryString" },
	{ "http.normalizePath", normalize_path, RULE_IN_ANY, "path: string", "string|nil",
	  "The one normal form of a path as it is sent: \"//\", \"/./\" and \"/../\" are resolved, escapes that "
	  "need not be are undone, others get upper-case digits. What follows a \"?\" stays. `nil` when it "
	  "leaves the root, does not begin with \"/\", or is one that weir refuses in a request: with a "
	  "malformed escape, a control, a byte that no URI has, or a \"..\" that only some readers see.",
	  "http.normalizePath" },
	{ "http.getHeader", get_header, RULE_IN_ANY, "name: string", "string|nil",
	  "The value of a request header, any case; several lines joined by \", \" (Cookie by \"; \"). "
	  "`nil` when there is none.", "http.getHeader" },
	{ "http.headerExists", header_exists, RULE_IN_ANY, "name: string", "boolean",
	  "Is there such a request header?", "http.headerExists" },
	{ "http.getHeaders", get_headers, RULE_IN_ANY, "", "table<string, string>",
	  "All request headers: names in lower case to what http.getHeader gives.", "http.getHeaders" },
	{ "http.listHeaderNames", list_header_names, RULE_IN_ANY, "", "string[]",
	  "The names of the request headers as received, each once, in their order.",
	  "http.listHeaderNames" },
	{ "http.setHeader", set_header, RULE_IN_REQUEST, "name: string, value: string", "",
	  "Sets a request header in place of all lines of that name. Content-Length, Transfer-Encoding, "
	  "Connection, Expect and the like are weir's own: setting them is an error. So are names that "
	  "are no token, and values with CR, LF, NUL or other controls. Host has to be host or host:port. Lines "
	  "whose names differ only in signs (X_User for X-User) go: many applications cannot tell them apart.",
	  "http.setHeader" },
	{ "http.addHeader", add_header, RULE_IN_REQUEST, "name: string, value: string", "",
	  "Adds one more line of that name; errors as of http.setHeader. A second Host is an error.",
	  "http.addHeader" },
	{ "http.removeHeader", remove_header, RULE_IN_REQUEST, "name: string", "",
	  "Removes all lines of that name, also with other signs (X_User for X-User). Host and headers that are weir's own are an error.",
	  "http.removeHeader" },
	{ "http.scrubRequestHeaders", scrub_headers, RULE_IN_REQUEST, "name: string, ...: string", "",
	  "Removes all request headers but those named, Host, and those that are weir's own.",
	  "http.scrubRequestHeaders" },
	{ "http.getHostHeader", get_host, RULE_IN_ANY, "", "string|nil",
	  "The host that the client asked for: lower case, without port and trailing dot. `nil` when an "
	  "HTTP/1.0 client named none.", "http.getHostHeader" },
	{ "http.getRequest", get_request, RULE_IN_ANY, "", "string",
	  "The request line and all headers as one text that ends in an empty line.", "http.getRequest" },
	{ "http.getCookie", get_cookie, RULE_IN_ANY, "name: string", "string|nil",
	  "The first cookie of that name in the request, its value as sent. `nil` when there is none.",
	  "http.getCookie" },
	{ "http.getCookies", get_cookies, RULE_IN_ANY, "", "table<string, string>",
	  "All cookies of the request: name to what http.getCookie gives.", "http.getCookies" },
	{ "http.setCookie", set_cookie, RULE_IN_REQUEST, "name: string, value: string", "",
	  "Sets a cookie in the request that the node sees; others stay. A name that is no token is an "
	  "error, and a value with blanks, quotes, commas, semicolons, backslashes or controls.",
	  "http.setCookie" },
	{ "http.removeCookie", remove_cookie, RULE_IN_REQUEST, "name: string", "",
	  "Removes all cookies of that name from the request.", "http.removeCookie" },
};
/* clang-format on */

API_FAMILY(api_http_request, functions);
