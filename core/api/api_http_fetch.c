/*
 * http.request.*: requests of a rule's own. They may reach weir's own listeners and so the same rule
 * again; each tells, under the key of this weir, how many such requests led to it, and at HOPS_MOST it
 * is not made.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_http.h"

#include "base/check.h"
#include "base/memory.h"
#include "fetch/fetch.h"
#include "txn/txn_rules.h"

#include <stdlib.h>

#define SECONDS_MOST 86400
#define SECONDS_PRESET 30
#define AUTHORITIES_MOST 100
/* Requests of rules that led to one another. */
#define HOPS_MOST 4
#define HOPS_HEADER "Weir-Hops"

/* One that a rule waits for. Freed when the rule goes on, or is given up. */
struct http_fetch {
	struct txn_wait wait;
	struct fetch *fetch;
};

/* ---- hops ----------------------------------------------------------------------------------------------- */

/*
 * Nobody else can make such a value: a client that could, would choose which calls of rules fail. The
 * key is one for all processes of this weir.
 */
static struct slice hops_value(struct arena *arena, unsigned hops)
{
	struct slice text = arena_print(arena, HOPS_HEADER ": %u", hops);
	return arena_print(arena, "%u-%016llx", hops, (unsigned long long)table_hash(text));
}

/* How many requests of rules led to this transaction. */
static unsigned hops_so_far(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	const struct http_field *field = http_fields_find(&t->request.fields, SLICE(HOPS_HEADER));
	for (unsigned hops = HOPS_MOST; field != NULL && hops > 0; hops--)
		if (slice_is_equal(field->value, hops_value(api_arena(call), hops)))
			return hops;
	return 0;
}

/* ---- the last argument ---------------------------------------------------------------------------------- */

struct options {
	unsigned argument;
	bool is_for_certain; /* nothing else can stand there */
	bool has_verify, verifies;
	bool has_others;
	struct slice key;
};

static void on_key(struct rule_call *call, const struct rule_value *key, void *extra)
{
	struct options *o = extra;
	o->key = key->type == RULE_VALUE_STRING ? key->string : SLICE_ABSENT;
	if (o->is_for_certain && !slice_is_equal(o->key, SLICE("verify")))
		rule_argument_error(call, o->argument, "expected the option 'verify', got '%.*s'",
				    API_HTTP_PRINT(o->key));
	o->has_others |= !slice_is_equal(o->key, SLICE("verify"));
}

static void on_value(struct rule_call *call, const struct rule_value *value, void *extra)
{
	struct options *o = extra;
	if (slice_is_equal(o->key, SLICE("verify")) && value->type == RULE_VALUE_BOOLEAN) {
		o->has_verify = true;
		o->verifies = value->boolean;
	} else if (o->is_for_certain) {
		rule_argument_error(call, o->argument, "expected a boolean as the option 'verify'");
	}
}

static void on_table(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)call, (void)table;
	struct options *o = extra;
	o->key = SLICE_ABSENT;
}

/*
 * Takes `{verify = ..}` if it stands as the last argument, from `first` on; at `last` nothing else
 * may. Headers have no booleans. Gives the number of the arguments that are left.
 */
static unsigned take_options(struct rule_call *call, unsigned first, unsigned last, bool *verifies)
{
	static const struct rule_visitor visitor = {
		.value = on_value,
		.open = on_table,
		.key = on_key,
		.close = on_table,
		.most_entries = 1000,
	};
	unsigned count = rule_argument_count(call);
	if (count > last)
		count = last;
	struct options o = { .argument = count, .is_for_certain = count == last };
	if (count == last && !rule_argument_is_absent(call, last) &&
	    !rule_argument_is_table(call, last))
		rule_argument_error(call, last, "expected a table of options");
	if (count < first || !rule_argument_is_table(call, count))
		return count;
	rule_argument_walk(call, count, &visitor, &o);
	if (!o.has_verify && !o.is_for_certain)
		return count;
	if (o.has_others)
		rule_argument_error(call, count,
				    "expected the option 'verify' and nothing beside it");
	*verifies = o.verifies || !o.has_verify;
	return count - 1;
}

/* ---- the other arguments -------------------------------------------------------------------------------- */

static uint64_t take_timeout(struct rule_call *call, unsigned n)
{
	double seconds = rule_argument_number(call, n);
	if (!(seconds > 0 && seconds <= SECONDS_MOST))
		rule_argument_error(call, n, "expected seconds above 0 and up to %d, got %.14g",
				    SECONDS_MOST, seconds);
	return (uint64_t)(seconds * 1000) + 1;
}

/* Headers and time-out from argument `n` on; `count` arguments are there. */
static void take_rest(struct rule_call *call, unsigned n, unsigned count, struct fetch_order *order,
		      struct http_fields *fields)
{
	const struct conf_vserver *conf = api_txn(call)->vserver->conf;
	if (n <= count)
		api_http_add_lines(call, n, SLICE_ABSENT, fields);
	order->timeout_milliseconds = SECONDS_PRESET * 1000;
	if (n + 1 <= count && !rule_argument_is_absent(call, n + 1))
		order->timeout_milliseconds = take_timeout(call, n + 1);
	order->fields = fields;
	order->limits = &api_txn(call)->vserver->http_limits;
	order->body_most = (size_t)conf->rules.buffer;
	order->informational_most = (unsigned)conf->max_informational;
	order->idle_milliseconds = api_world(call)->conf->idle_milliseconds;
}

/* ---- the request ---------------------------------------------------------------------------------------- */

static void on_done(struct fetch *f)
{
	struct http_fetch *h = f->user;
	txn_rules_ready(&h->wait);
}

static void give_up(struct txn_wait *w)
{
	struct http_fetch *h = container_of(w, struct http_fetch, wait);
	fetch_free(h->fetch);
	free(h);
}

static void push_answer(struct rule_call *call, const struct fetch *f)
{
	const struct http_field *type = http_fields_find_id(&f->response.fields,
							    HTTP_FIELD_CONTENT_TYPE);
	rule_push_string(call, buf_slice(&f->body));
	rule_push_integer(call, f->response.status);
	rule_push_string(call, type == NULL ? SLICE_ABSENT : type->value);
	rule_push_string(call, f->headers);
	rule_push_string(call, f->status_line);
}

static enum rule_answer answered(struct rule_call *call)
{
	struct http_fetch *h = container_of(txn_rules_waited(api_txn(call)), struct http_fetch,
					    wait);
	if (h->fetch->failure != NULL)
		api_fail(call, h->fetch->failure);
	else
		push_answer(call, h->fetch);
	fetch_free(h->fetch);
	free(h);
	return RULE_RETURN;
}

/* Everything is checked: no error is raised from here on. */
static enum rule_answer start(struct rule_call *call, struct fetch_order *order)
{
	struct http_fetch *h = memory_new(1, sizeof *h);
	h->fetch = fetch_start(order, on_done, h);
	txn_rules_wait(api_txn(call), &h->wait, give_up);
	rule_wait(call, answered);
	return RULE_WAIT;
}

/* The order is complete but for the URL, which is argument 1. */
static enum rule_answer ask(struct rule_call *call, enum http_method method, const char *name,
			    struct fetch_order *order, struct http_fields *fields)
{
	struct slice text = api_text(call, 1);
	struct arena *arena = api_arena(call);
	struct fetch_url url;
	const char *why;
	unsigned hops = hops_so_far(call);
	if (!fetch_url_parse(text, &url, &why)) {
		api_warn(call, "cannot ask for '%.*s': %s", API_HTTP_PRINT(text), why);
		return api_fail(call, why);
	}
	if (hops >= HOPS_MOST)
		return api_fail(call, "requests of rules have led to one another too often");
	http_fields_remove(fields, SLICE(HOPS_HEADER));
	http_fields_add(fields, arena, SLICE(HOPS_HEADER), hops_value(arena, hops + 1));
	order->method = method;
	order->method_name = slice_of_string(name);
	order->url = &url;
	return start(call, order);
}

static enum rule_answer ask_without_body(struct rule_call *call, enum http_method method,
					 const char *name)
{
	struct fetch_order order = { .body = SLICE_ABSENT,
				     .trust = { .verifies = true },
				     .takes_idle = true,
				     .leaves_idle = true };
	struct http_fields fields = { 0 };
	unsigned count = take_options(call, 2, 4, &order.trust.verifies);
	take_rest(call, 2, count, &order, &fields);
	return ask(call, method, name, &order, &fields);
}

static enum rule_answer ask_with_body(struct rule_call *call, enum http_method method,
				      const char *name)
{
	struct fetch_order order = { .trust = { .verifies = true }, .leaves_idle = true };
	struct http_fields fields = { 0 };
	unsigned count = take_options(call, 3, 5, &order.trust.verifies);
	order.body = api_text(call, 2);
	take_rest(call, 3, count, &order, &fields);
	return ask(call, method, name, &order, &fields);
}

static enum rule_answer get(struct rule_call *call)
{
	return ask_without_body(call, HTTP_METHOD_GET, "GET");
}

static enum rule_answer head(struct rule_call *call)
{
	return ask_without_body(call, HTTP_METHOD_HEAD, "HEAD");
}

static enum rule_answer delete (struct rule_call *call) {
	return ask_without_body(call, HTTP_METHOD_DELETE, "DELETE");
}

static enum rule_answer post(struct rule_call *call)
{
	return ask_with_body(call, HTTP_METHOD_POST, "POST");
}

static enum rule_answer put(struct rule_call *call)
{
	return ask_with_body(call, HTTP_METHOD_PUT, "PUT");
}

/* ---- with authorities of its own ------------------------------------------------------------------------ */

static void on_authority(struct rule_call *call, const struct rule_value *value, void *extra)
{
	struct tls_trust *trust = extra;
	if (value->type != RULE_VALUE_STRING)
		rule_argument_error(call, 2, "expected PEM certificates as text");
	rule_spend(call, value->string.len);
	trust->authorities[trust->authority_count++] = value->string;
}

static void on_authorities(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)extra;
	if (table == RULE_TABLE_HASH)
		rule_argument_error(call, 2, "expected an array of PEM certificates");
}

static void on_authority_key(struct rule_call *call, const struct rule_value *key, void *extra)
{
	(void)key, (void)extra;
	rule_argument_error(call, 2, "expected an array of PEM certificates");
}

static enum rule_answer ssl_get(struct rule_call *call)
{
	static const struct rule_visitor visitor = {
		.value = on_authority,
		.open = on_authorities,
		.key = on_authority_key,
		.close = on_authorities,
		.most_entries = AUTHORITIES_MOST,
	};
	struct slice list[AUTHORITIES_MOST + 1];
	struct fetch_order order = { .body = SLICE_ABSENT,
				     .trust = { .verifies = true, .authorities = list } };
	struct http_fields fields = { 0 };
	if (!rule_argument_is_absent(call, 2))
		rule_argument_walk(call, 2, &visitor, &order.trust);
	take_rest(call, 3, rule_argument_count(call), &order, &fields);
	return ask(call, HTTP_METHOD_GET, "GET", &order, &fields);
}

#define RESULTS \
	"string|nil body, integer|string status, string|nil type, string|nil headers, string|nil line"
#define OPTIONAL "headers?: string|table, timeout?: number, options?: table"
#define WAITING (RULE_IN_ANY | RULE_WAITS)

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.request.get", get, WAITING, "url: string, " OPTIONAL, RESULTS,
	  "Asks an http or https URL and waits for the whole answer: body, status, content type or nil, header "
	  "lines, status line; nil and a reason when there is none within `timeout` seconds (30). Headers are as "
	  "in http.sendResponse. Redirections are not followed, content codings not undone; the body has at "
	  "most `rules: {buffer}` bytes. Certificates are verified unless `{verify = false}` is the last argument. "
	  "Connections are kept and used again. A request that was itself led to by four requests of rules "
	  "is not made.",
	  "http.request.get" },
	{ "http.request.head", head, WAITING, "url: string, " OPTIONAL, RESULTS,
	  "The same with HEAD; the body is empty.", "http.request.head" },
	{ "http.request.delete", delete, WAITING, "url: string, " OPTIONAL, RESULTS,
	  "The same with DELETE.", "http.request.delete" },
	{ "http.request.post", post, WAITING, "url: string, data: string, " OPTIONAL, RESULTS,
	  "The same with POST and a body, by a new connection: the request is never sent twice. Its "
	  "Content-Type is one of the headers, if any.", "http.request.post" },
	{ "http.request.put", put, WAITING, "url: string, data: string, " OPTIONAL, RESULTS,
	  "The same with PUT.", "http.request.put" },
	{ "http.request.ssl.get", ssl_get, WAITING,
	  "url: string, authorities?: string|table, headers?: string|table, timeout?: number", RESULTS,
	  "http.request.get by a connection of its own, whose certificate is verified by these PEM "
	  "certificates, a text or an array of up to 100 of them, and no others; by the system's without them.",
	  "http.request.ssl.get" },
};
/* clang-format on */

API_FAMILY(api_http_fetch, functions);
