/*
 * http.sendResponse, http.redirect and http.changeSite: answers that rules give themselves. They
 * stand in for what a node would say, or has said, and end the rules of the phase.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_http.h"

#include "http/http_head.h"
#include "http/http_path.h"
#include "txn/txn_http.h"

#include <stdio.h>

/* An answer in the making; slices need live until it is given. */
struct answer {
	unsigned status;
	struct slice reason, type, body;
	struct http_fields extra; /* header lines */
};

/* ---- giving it --------------------------------------------------------------------------------------------- */

static size_t lines_size(const struct http_fields *f)
{
	size_t size = 0;
	for (unsigned i = 0; i < f->count; i++)
		size += f->at[i].name.len + f->at[i].value.len + 4;
	return size;
}

static char *put_lines(char *at, const struct http_fields *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		at = mempcpy(at, f->at[i].name.at, f->at[i].name.len);
		at = mempcpy(at, ": ", 2);
		if (f->at[i].value.len > 0)
			at = mempcpy(at, f->at[i].value.at, f->at[i].value.len);
		at = mempcpy(at, "\r\n", 2);
	}
	return at;
}

/* Its header lines, and the cookies that request rules have set, as one text. */
static enum rule_answer give(struct rule_call *call, const struct answer *a, const char *function)
{
	struct txn *t = api_txn(call);
	const struct http_fields *cookies = &t->wishes.cookies;
	if (t->out != NULL)
		rule_error(call, "a response was started already");
	char *lines = api_scratch(call, lines_size(&a->extra) + lines_size(cookies) + 1);
	char *end = put_lines(put_lines(lines, &a->extra), cookies);
	api_arena(call);
	txn_http_set_answer(t, a->status, a->reason, a->type, a->body,
			    slice_of(lines, (size_t)(end - lines)));
	t->rule_end = TXN_END_ANSWERED;
	t->verdict = arena_print(&t->arena, "%s %u", function, a->status);
	return RULE_VERDICT;
}

static enum rule_answer give_location(struct rule_call *call, unsigned status,
				      struct slice location, const char *function)
{
	struct answer a = { .status = status, .body = SLICE("") };
	http_fields_add(&a.extra, api_arena(call), SLICE("Location"), location);
	return give(call, &a, function);
}

/* ---- http.sendResponse --------------------------------------------------------------------------------------- */

static enum rule_answer send_response(struct rule_call *call)
{
	struct answer a = { 0 };
	a.status = api_http_code(call, 1, &a.reason);
	a.type = api_http_type(call, 2);
	a.body = api_text(call, 3);
	api_http_add_lines(call, 4, a.type, &a.extra);
	return give(call, &a, "http.sendResponse");
}

/* ---- http.redirect --------------------------------------------------------------------------------------------- */

static bool needs_escape(char byte)
{
	return (unsigned char)byte <= 0x20 || (unsigned char)byte >= 0x7f;
}

static enum rule_answer redirect(struct rule_call *call)
{
	static const char digits[] = "0123456789ABCDEF";
	struct slice url = api_text(call, 1);
	if (url.len == 0)
		rule_argument_error(call, 1, "expected a URL, got none");
	char *text = arena_alloc(api_arena(call), 3 * url.len), *at = text;
	for (size_t i = 0; i < url.len; i++) {
		unsigned char byte = (unsigned char)url.at[i];
		if (byte == '\r' || byte == '\n' || byte == '\0')
			rule_argument_error(call, 1, "expected a URL without CR, LF and NUL");
		if (!needs_escape(url.at[i])) {
			*at++ = url.at[i];
			continue;
		}
		*at++ = '%';
		*at++ = digits[byte >> 4];
		*at++ = digits[byte & 15];
	}
	return give_location(call, 302, slice_of(text, (size_t)(at - text)), "http.redirect");
}

/* ---- http.changeSite ------------------------------------------------------------------------------------------- */

/* Where a request goes, or should go. */
struct site {
	struct slice scheme; /* absent: not said */
	struct slice host;
	unsigned port;       /* 0: not said */
	struct slice prefix; /* of the path, without "/" at its end; may be empty */
};

static struct site parse_site(struct rule_call *call, struct slice text)
{
	struct site site = { .scheme = SLICE_ABSENT };
	struct slice rest = text;
	size_t colon = slice_find(text, ':');
	if (slice_has_prefix(slice_skip(text, colon), SLICE("://"))) {
		site.scheme = slice_of(text.at, colon);
		rest = slice_skip(text, colon + 3);
		if (!slice_is_equal_nocase(site.scheme, SLICE("http")) &&
		    !slice_is_equal_nocase(site.scheme, SLICE("https")))
			rule_argument_error(call, 1,
					    "expected the scheme http or https, got '%.*s'",
					    API_HTTP_PRINT(site.scheme));
	}
	size_t slash = slice_find(rest, '/');
	site.prefix = slice_skip(rest, slash);
	if (!http_authority_parse(slice_of(rest.at, slash), &site.host, &site.port) ||
	    (site.prefix.len > 0 && !http_path_is_valid(site.prefix)))
		rule_argument_error(
			call, 1,
			"expected host, host:port or scheme://host[:port][/prefix], got '%.*s'",
			API_HTTP_PRINT(text));
	while (site.prefix.len > 0 && site.prefix.at[site.prefix.len - 1] == '/')
		site.prefix.len--;
	return site;
}

/* Where the request has come to; the host is absent when it named none. */
static struct site current_site(const struct http_request *r)
{
	struct site site = { .host = SLICE_ABSENT };
	site.scheme = slice_is_absent(r->scheme) ? SLICE("http") : r->scheme;
	if (!http_authority_parse(r->authority, &site.host, &site.port))
		site.host = SLICE_ABSENT;
	return site;
}

static unsigned port_of(const struct site *site)
{
	if (site->port != 0)
		return site->port;
	return slice_is_equal_nocase(site->scheme, SLICE("https")) ? 443 : 80;
}

/* Is the request where the rule wants it? */
static bool is_there(const struct site *current, const struct site *wanted, struct slice path)
{
	return slice_is_equal_nocase(current->host, wanted->host) &&
	       slice_is_equal_nocase(current->scheme, wanted->scheme) &&
	       port_of(current) == port_of(wanted) && slice_has_prefix(path, wanted->prefix) &&
	       (path.len == wanted->prefix.len || path.at[wanted->prefix.len] == '/');
}

static enum rule_answer change_site(struct rule_call *call)
{
	struct http_request *r = &api_txn(call)->request;
	struct site wanted = parse_site(call, api_text(call, 1));
	struct site current = current_site(r);
	struct slice path = r->path.at[0] == '/' ? r->path : SLICE("/");
	if (slice_is_absent(wanted.scheme)) {
		wanted.scheme = current.scheme;
		wanted.port = wanted.port != 0 ? wanted.port : current.port;
	}
	if (is_there(&current, &wanted, path))
		return RULE_RETURN;
	char port[12] = "";
	if (wanted.port != 0)
		snprintf(port, sizeof port, ":%u", wanted.port);
	rule_spend(call, path.len + r->query.len);
	struct slice location = arena_print(
		api_arena(call), "%.*s://%.*s%s%.*s%.*s%s%.*s", SLICE_PRINT(wanted.scheme),
		SLICE_PRINT(wanted.host), port, SLICE_PRINT(wanted.prefix), SLICE_PRINT(path),
		slice_is_absent(r->query) ? "" : "?", SLICE_PRINT(r->query));
	return give_location(call, 301, location, "http.changeSite");
}

#define PHASES (RULE_IN_REQUEST | RULE_IN_RESPONSE)
#define ANSWER \
	" A verdict: it does not return, no node is asked (or its response is dropped), and response rules " \
	"do not run."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.sendResponse", send_response, PHASES,
	  "code: integer|string, type: string|nil, body: string, headers?: string|table", "",
	  "Answers the client. Code is 403, \"403\" or \"403 Forbidden\" (200 to 599). Headers are text of lines "
	  "or a table of names to a value or an array of values; Date, Content-Length, Connection and the like "
	  "are weir's own: giving them is an error, and so is a second Content-Type. A body that may not "
	  "follow the code (204, 304) is left out." ANSWER, "http.sendResponse" },
	{ "http.redirect", redirect, PHASES, "url: string", "",
	  "Sends the client elsewhere by a 302 without body. Blanks, controls and bytes beyond ASCII are "
	  "percent-encoded; CR, LF and NUL are an error." ANSWER, "http.redirect" },
	{ "http.changeSite", change_site, PHASES, "site: string", "",
	  "Sends the client to another site by a 301: host, host:port or scheme://host[:port][/prefix]. Path "
	  "and query stay, behind the prefix; scheme and port stay, too, but a scheme without a port drops the "
	  "old port. It returns and does nothing if the request is there already." ANSWER, "http.changeSite" },
};
/* clang-format on */

API_FAMILY(api_http_answer, functions);
