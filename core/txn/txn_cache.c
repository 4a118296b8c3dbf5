/*
 * From looking up to storing, in the order in which a request meets it. It is long because a stored
 * answer can stand in at four places (found, confirmed, in place of an error, held on to for a rule), and
 * what each leaves behind has to fit the others.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_cache.h"

#include "base/check.h"
#include "base/clock.h"
#include "cache/cache_answer.h"
#include "http/http_path.h"
#include "txn/txn_http.h"
#include "txn/txn_node.h"
#include "txn/txn_trace.h"

static struct cache_store *store_of(const struct txn *t)
{
	return t->vserver->world->share->cache;
}

struct txn_cache *txn_cache_for(struct txn *t)
{
	if (t->cache != NULL)
		return t->cache;
	t->cache = arena_new(&t->arena, sizeof *t->cache);
	t->cache->txn = t;
	return t->cache;
}

static bool is_on(const struct txn *t)
{
	bool is_wanted = t->cache->wish == TXN_CACHE_AS_CONFIGURED
				 ? t->vserver->conf->cache_enabled
				 : t->cache->wish == TXN_CACHE_ENABLED;
	return is_wanted && store_of(t) != NULL;
}

struct slice txn_cache_word(const struct txn *t)
{
	static const struct slice words[] = {
		[TXN_CACHE_NONE] = { NULL, 0 },
		[TXN_CACHE_PASS] = SLICE_INIT("pass"),
		[TXN_CACHE_MISS] = SLICE_INIT("miss"),
		[TXN_CACHE_HIT] = SLICE_INIT("hit"),
		[TXN_CACHE_UPDATED] = SLICE_INIT("updated"),
		[TXN_CACHE_STALE] = SLICE_INIT("stale"),
	};
	return t->cache == NULL ? SLICE_ABSENT : words[t->cache->part];
}

/* Says for the client too what became of it, where that is configured. */
static void say(struct txn *t, const char *what, const char *why)
{
	if (!t->vserver->world->conf->cache_verbose)
		return;
	http_fields_set(&t->response.fields, &t->arena, SLICE("X-Cache-Info"),
			arena_print(&t->arena, "%s%s%s", what, why == NULL ? "" : "; ",
				    why == NULL ? "" : why));
}

/* ---- the key -------------------------------------------------------------------------------------- */

/* Where the request goes if it is no node of the pool's own; absent: one of these. */
static struct slice destination_of(struct txn *t, const struct pool *pool)
{
	char text[ADDR_TEXT_BYTES];
	if (t->forced.family != ADDR_NONE)
		return arena_copy(&t->arena, slice_of_string(addr_format(&t->forced, text)));
	if (pool->conf->original_destination)
		return arena_copy(&t->arena,
				  slice_of_string(addr_format(session_dest(t->session), text)));
	return SLICE("-");
}

/* What the node gets as Host. */
static struct slice host_of(struct txn *t)
{
	const struct http_field *host = http_fields_find_id(&t->request.fields, HTTP_FIELD_HOST);
	if (host != NULL)
		return host->value;
	return slice_is_absent(t->request.authority) ? txn_http_destination(t)
						     : t->request.authority;
}

static struct cache_asked asked_of(struct txn *t, const struct pool *pool)
{
	const struct conf_vserver *conf = t->vserver->conf;
	return (struct cache_asked){
		.server = (unsigned)(t->vserver - t->vserver->world->vservers),
		.host = host_of(t),
		.path = t->request.path,
		.query = t->request.query,
		.sorts_query = t->vserver->world->conf->cache_sorts_query,
		.pool = slice_of_string(pool->conf->name),
		.destination = destination_of(t, pool),
		.extra = t->cache->extra,
		.fields = &t->request.fields,
		.hides_proto = conf->add_x_forwarded_proto || conf->strip_x_forwarded_proto,
	};
}

/* One that a stored answer could be for: whatever the node may look at is in the key. */
static bool may_be_answered(const struct txn *t)
{
	const struct http_request *r = &t->request;
	bool is_read = r->method_id == HTTP_METHOD_GET || r->method_id == HTTP_METHOD_HEAD;
	return is_read && r->body == HTTP_BODY_NONE && !r->wants_upgrade && r->path.at[0] == '/' &&
	       r->path.len + r->query.len <= t->vserver->world->conf->cache_path_length;
}

static bool is_safe(enum http_method method)
{
	return method == HTTP_METHOD_GET || method == HTTP_METHOD_HEAD ||
	       method == HTTP_METHOD_OPTIONS || method == HTTP_METHOD_TRACE;
}

/* ---- looking -------------------------------------------------------------------------------------- */

static void let_go(struct txn *t)
{
	struct txn_cache *c = t->cache;
	if (c->found.entry != 0)
		cache_store_leave(store_of(t), t->vserver->world->worker, c->found.entry);
	c->found.entry = 0;
	c->asks = false;
}

static void look_up(struct txn *t, const struct pool *pool)
{
	struct txn_cache *c = t->cache;
	struct cache_asked asked = asked_of(t, pool);
	let_go(t);
	cache_wishes_read(&t->request, &c->wishes);
	cache_key_make(&c->key, &asked, &t->arena);
	if (cache_store_find(store_of(t), t->vserver->world->worker, &c->key, &t->arena, &c->found))
		cache_answer_read(c->found.head, c->found.facts.status, c->found.body_bytes,
				  &t->arena, &c->stored);
}

/* Is what was found good enough as it is? */
static bool is_usable(const struct txn *t)
{
	const struct txn_cache *c = t->cache;
	return c->found.entry != 0 && !cache_answer_is_for_node(&t->request.fields) &&
	       cache_policy_may_use(&c->found.facts, &c->wishes, clock_milliseconds());
}

bool txn_cache_has(struct txn *t, struct pool *pool, bool holds)
{
	struct txn_cache *c = txn_cache_for(t), before = *c;
	pool = pool != NULL ? pool : txn_node_pool(t);
	if (pool == NULL || !is_on(t) || !may_be_answered(t))
		return false;
	c->found.entry = 0; /* in later phases another answer may be on its way */
	look_up(t, pool);
	bool has = is_usable(t);
	c->is_looked_up = true;
	if (has && holds)
		return true;
	let_go(t);
	*c = before;
	return has;
}

/* Near its end one of all who want it, once a second, brings a fresh one in time. */
static bool must_refresh(const struct txn *t)
{
	uint64_t now = clock_milliseconds(), before = t->vserver->conf->cache_refresh_milliseconds;
	return before > 0 && t->request.method_id == HTTP_METHOD_GET &&
	       !t->cache->wishes.control.only_if_cached &&
	       cache_policy_left(&t->cache->found.facts, now) * 1000 <= before &&
	       cache_store_claim(store_of(t), t->cache->found.entry, (uint32_t)(now / 1000));
}

/* t->response becomes what the client wants of the stored answer. */
static void serve(struct txn *t, enum txn_cache_part part)
{
	struct txn_cache *c = t->cache;
	struct http_response *r = &t->response;
	const char *control = t->vserver->conf->cache_control_out;
	uint64_t from = 0, bytes = 0, age = cache_policy_age(&c->found.facts, clock_milliseconds());
	*r = c->stored;
	http_fields_set(&r->fields, &t->arena, SLICE("Age"),
			arena_print(&t->arena, "%llu", (unsigned long long)age));
	if (control != NULL)
		http_fields_set(&r->fields, &t->arena, SLICE("Cache-Control"),
				slice_of_string(control));
	if (!cache_answer_is_known(&t->request.fields, r))
		cache_answer_cut(&t->request.fields, r, &t->arena, &from, &bytes);
	if (r->body == HTTP_BODY_LENGTH && r->status != 204)
		http_fields_add(
			&r->fields, &t->arena, SLICE("Content-Length"),
			arena_print(&t->arena, "%llu", (unsigned long long)r->content_length));
	cache_reader_open(&c->reader, store_of(t), c->found.entry, from, bytes);
	t->down.stored = &c->reader;
	c->part = part;
	c->may_store = c->asks = false;
	say(t, "cached", NULL);
	TXN_TRACE(t, TRACE_CACHE, "%.*s: %u, age %llu s, fresh for %llu s more",
		  SLICE_PRINT(txn_cache_word(t)), r->status, (unsigned long long)age,
		  (unsigned long long)cache_policy_left(&c->found.facts, clock_milliseconds()));
	if (part == TXN_CACHE_UPDATED)
		stats_add(&t->vserver->stats->cache_updates, 1);
	else
		stats_add(&t->vserver->stats->cache_hits, 1);
}

static bool may_store(const struct txn *t)
{
	return t->request.method_id == HTTP_METHOD_GET &&
	       !cache_answer_is_for_node(&t->request.fields);
}

/* The node has to be asked, maybe by what is there. */
static void prepare(struct txn *t)
{
	struct txn_cache *c = t->cache;
	c->part = TXN_CACHE_MISS;
	c->may_store = may_store(t);
	c->asks = c->may_store && c->found.entry != 0 &&
		  cache_policy_has_validator(&c->stored.fields);
	TXN_TRACE(t, TRACE_CACHE, "miss: %s",
		  c->found.entry == 0 ? "nothing is there"
		  : c->asks           ? "what is there is asked about"
				      : "what is there cannot be used");
}

static bool look(struct txn *t)
{
	struct txn_cache *c = t->cache;
	struct pool *pool = txn_node_settle_pool(t);
	if (pool == NULL)
		return false;
	if (!may_be_answered(t)) {
		struct cache_asked asked = asked_of(t, pool);
		c->part = TXN_CACHE_PASS;
		c->is_unsafe = !is_safe(t->request.method_id);
		c->key.uri = cache_key_uri(&asked, &t->arena);
		c->why_not = "the request is none that a stored answer could be for";
		return false;
	}
	if (!c->is_looked_up)
		look_up(t, pool);
	stats_add(&t->vserver->stats->cache_lookups, 1);
	if (is_usable(t) && !must_refresh(t)) {
		serve(t, TXN_CACHE_HIT);
		txn_http_has_answer(t);
		return true;
	}
	prepare(t);
	if (!c->wishes.control.only_if_cached)
		return false;
	txn_end(t, TXN_END_NOT_CACHED, NULL); /* RFC 9111 5.2.1.7 */
	return true;
}

bool txn_cache_look(struct txn *t)
{
	txn_cache_for(t);
	return t->end == TXN_END_NONE && is_on(t) && look(t);
}

/* ---- asking --------------------------------------------------------------------------------------- */

void txn_cache_ask(struct txn *t, struct http_request *request)
{
	struct txn_cache *c = t->cache;
	c->asked = clock_milliseconds();
	if (c->asks && !cache_answer_ask(&c->stored.fields, &request->fields, &t->arena))
		c->asks = false;
}

/* ---- storing -------------------------------------------------------------------------------------- */

static void stop_filling(struct txn *t, const char *why)
{
	struct txn_cache *c = t->cache;
	if (c->filling != 0)
		cache_store_give_up(store_of(t), c->filling);
	c->filling = 0;
	c->may_store = false;
	c->why_not = why;
	t->down.tap = t->down.relay.tap = NULL;
	TXN_TRACE(t, TRACE_CACHE, "not stored: %s", why);
}

static uint64_t most_bytes(const struct txn *t)
{
	const struct conf *conf = t->vserver->world->conf;
	return conf->cache_file_size != 0 ? conf->cache_file_size : conf->cache_size / 50;
}

static struct cache_limits limits_of(const struct txn *t)
{
	const struct conf_vserver *conf = t->vserver->conf;
	return (struct cache_limits){ .most = conf->cache_most_milliseconds / 1000,
				      .errors = conf->cache_error_milliseconds / 1000 };
}

/* Why the answer may not be stored, or NULL: then it is described by `new`. */
static const char *describe(struct txn *t, const struct http_response *answer,
			    struct cache_new *new, char values[CACHE_VALUES_MOST])
{
	struct txn_cache *c = t->cache;
	const struct cache_limits limits = limits_of(t);
	const char *why = cache_policy_may_store(&c->wishes, answer, &limits, &c->came,
						 &new->facts);
	if (why != NULL)
		return why;
	if (answer->body == HTTP_BODY_LENGTH && answer->content_length > most_bytes(t))
		return "the answer is longer than max_file_size";
	if (!cache_key_names(&answer->fields, &t->arena, &new->names) ||
	    !cache_key_vary(&c->key, new->names, values, &new->values.len))
		return "Vary says that no other request gets the same answer";
	new->key = &c->key;
	new->values.at = values;
	new->head = cache_answer_write(answer, c->came.wall, &t->arena);
	return NULL;
}

/* The first byte of the body goes by, or the answer leaves: rules can change the key no more. */
static void start_filling(struct txn *t)
{
	struct txn_cache *c = t->cache;
	char values[CACHE_VALUES_MOST];
	struct cache_new new = { 0 };
	struct cache_asked asked = asked_of(t, t->pool);
	c->is_tapped = true;
	cache_key_make(&c->key, &asked, &t->arena);
	const char *why = describe(t, &c->answer, &new, values);
	if (why == NULL) {
		c->filling = cache_store_begin(store_of(t), t->vserver->world->worker, &new);
		why = c->filling == 0 ? "there is no room for it" : NULL;
	}
	if (why != NULL)
		stop_filling(t, why);
}

static void on_data(struct http_tap *tap, struct slice data)
{
	struct txn_cache *c = (struct txn_cache *)(void *)tap;
	struct txn *t = c->txn;
	if (!c->is_tapped)
		start_filling(t);
	if (c->filling == 0)
		return;
	c->filled += data.len;
	if (c->filled > most_bytes(t))
		stop_filling(t, "the answer is longer than max_file_size");
	else if (!cache_store_append(store_of(t), c->filling, data))
		stop_filling(t, "there is no room for it");
}

/* All of it is there, and no rule can have anything against it any more. */
static void finish_filling(struct txn *t)
{
	struct txn_cache *c = t->cache;
	if (c->filling == 0)
		return;
	bool is_stored = cache_store_finish(store_of(t), c->filling);
	c->filling = 0;
	c->may_store = false;
	t->down.tap = t->down.relay.tap = NULL;
	TXN_TRACE(t, TRACE_CACHE, is_stored ? "stored, %llu bytes" : "removed while it came",
		  (unsigned long long)c->filled);
}

static void on_end(struct http_tap *tap)
{
	struct txn_cache *c = (struct txn_cache *)(void *)tap;
	struct txn *t = c->txn;
	if (!c->is_tapped)
		start_filling(t);
	c->is_whole = true;
	if (t->step != TXN_HTTP_RESPONSE_RULES)
		finish_filling(t);
}

_Static_assert(offsetof(struct txn_cache, tap) == 0, "a tap leads to its txn_cache");

/* May the node's answer be stored, as far as that is known now? The tap sees its body then. */
static void offer(struct txn *t)
{
	struct txn_cache *c = t->cache;
	char values[CACHE_VALUES_MOST];
	struct cache_new new = { 0 };
	if (c->may_store)
		c->why_not = describe(t, &c->answer, &new, values);
	bool is_offered = c->may_store && is_on(t) && c->why_not == NULL;
	t->down.tap = is_offered ? &c->tap : NULL;
	t->down.relay.tap = t->down.tap;
}

bool txn_cache_reconsider(struct txn *t)
{
	struct txn_cache *c = t->cache;
	if (t->phase != RULE_RESPONSE)
		return store_of(t) != NULL;
	if (t->down.stored != NULL) /* there is nothing to store */
		return true;
	if (c->wish == TXN_CACHE_DISABLED && (c->may_store || c->filling != 0))
		stop_filling(t, "a rule says so");
	if (c->wish == TXN_CACHE_DISABLED || t->down.tap != NULL)
		return !c->is_tapped;
	/* a rule takes back what it or another one said */
	c->may_store = c->part == TXN_CACHE_MISS && !c->is_tapped && may_store(t);
	if (c->may_store)
		offer(t);
	return c->may_store;
}

void txn_cache_send(struct txn *t)
{
	struct txn_cache *c = t->cache;
	if (t->down.tap == NULL)
		return;
	t->down.relay.tap = t->down.tap;
	if (!c->is_tapped)
		start_filling(t);
	bool is_over = t->down.tap != NULL && t->down.relay.in.is_done;
	if (c->is_whole || (is_over && t->down.hold == NULL))
		finish_filling(t);
	else if (is_over)
		stop_filling(t, "a rule put another body in its place before all of it had come");
}

/* ---- unsafe methods --------------------------------------------------------------------------------- */

/* What the header names is removed too, if it is of the same host (RFC 9111 4.4). */
static void remove_named(struct txn *t, struct slice name)
{
	const struct http_field *field = http_fields_find(&t->response.fields, name);
	struct cache_asked asked = asked_of(t, t->pool);
	struct slice path;
	if (field == NULL)
		return;
	struct slice rest = field->value;
	if (slice_has_prefix(rest, SLICE("http://"))) {
		struct slice host = slice_skip(rest, 7);
		host.len = slice_find(host, '/');
		if (!slice_is_equal_nocase(host, asked.host))
			return;
		rest = slice_skip(rest, 7 + host.len);
	}
	rest.len = slice_find(rest, '#');
	size_t mark = slice_find(rest, '?');
	bool has_path = mark > 0 && rest.at[0] == '/';
	if (!has_path ||
	    http_path_normalize(&t->arena, slice_of(rest.at, mark), t->vserver->conf->merge_slashes,
				&path) != HTTP_REASON_NONE)
		return;
	asked.path = path;
	asked.query = mark == rest.len ? SLICE_ABSENT : slice_skip(rest, mark + 1);
	cache_store_remove(store_of(t), cache_key_uri(&asked, &t->arena));
}

static void invalidate(struct txn *t)
{
	if (t->response.status >= 400)
		return;
	unsigned count = cache_store_remove(store_of(t), t->cache->key.uri);
	TXN_TRACE(t, TRACE_CACHE, "%u answers for this URI were removed", count);
	remove_named(t, SLICE("Location"));
	remove_named(t, SLICE("Content-Location"));
}

/* ---- the node's answer ------------------------------------------------------------------------------ */

/* What there is still holds: it is kept for as long again as its node says, and the client gets it. */
static void confirm(struct txn *t)
{
	struct txn_cache *c = t->cache;
	char values[CACHE_VALUES_MOST];
	struct cache_new new = { 0 };
	cache_answer_update(&c->stored, &t->response, &t->arena);
	const char *why = describe(t, &c->stored, &new, values);
	if (why == NULL && cache_store_freshen(store_of(t), c->found.entry, &new))
		c->found.facts = new.facts;
	else if (why != NULL)
		cache_store_drop(store_of(t), c->found.entry);
	if (why != NULL) { /* the client gets it still: it was asked for anew */
		c->found.facts.stored_at = c->came.came;
		c->found.facts.age = 0;
	}
	txn_release_node(t, t->response.keep_alive && t->up.state == TXN_BODY_DONE);
	serve(t, TXN_CACHE_UPDATED);
}

bool txn_cache_take(struct txn *t)
{
	struct txn_cache *c = t->cache;
	unsigned status = t->response.status;
	if (c->part == TXN_CACHE_NONE)
		return true;
	c->came = (struct cache_moment){ .asked = c->asked,
					 .came = clock_milliseconds(),
					 .wall = (int64_t)(clock_wall_microseconds() / 1000000) };
	if (c->asks && status == 304) {
		if (cache_answer_is_meant(&c->stored.fields, &t->response.fields)) {
			confirm(t);
			return true;
		}
		cache_store_drop(store_of(t), c->found.entry);
		let_go(t);
		txn_node_ask_again(t);
		return false;
	}
	if (cache_policy_is_error(status) && c->found.entry != 0 &&
	    cache_policy_may_use_on_error(&c->found.facts, &c->wishes, clock_milliseconds())) {
		txn_release_node(t, false);
		serve(t, TXN_CACHE_STALE);
		return true;
	}
	if (c->is_unsafe)
		invalidate(t);
	c->answer = t->response;
	c->answer.fields.at = arena_alloc(&t->arena,
					  t->response.fields.count * sizeof *t->response.fields.at);
	memcpy(c->answer.fields.at, t->response.fields.at,
	       t->response.fields.count * sizeof *t->response.fields.at);
	c->answer.fields.capacity = c->answer.fields.count;
	c->tap = (struct http_tap){ on_data, on_end };
	offer(t);
	/* what it stands for has changed, and nothing takes its place */
	if (c->found.entry != 0 && c->may_store && t->down.tap == NULL && status < 500)
		cache_store_drop(store_of(t), c->found.entry);
	let_go(t);
	if (t->down.tap != NULL)
		say(t, "caching", NULL);
	else
		say(t, "not cacheable", c->why_not);
	if (t->down.tap == NULL && c->why_not != NULL)
		TXN_TRACE(t, TRACE_CACHE, "not stored: %s", c->why_not);
	return true;
}

bool txn_cache_rescue(struct txn *t, enum txn_end end)
{
	struct txn_cache *c = t->cache;
	switch (end) {
	case TXN_END_NO_NODE:
	case TXN_END_CONNECT_FAILED:
	case TXN_END_CONNECT_TIMEOUT:
	case TXN_END_NODE_CLOSED:
	case TXN_END_NODE_BROKEN:
	case TXN_END_NODE_BAD:
	case TXN_END_REPLY_TIMEOUT:
		break;
	default:
		return false;
	}
	if (c->found.entry == 0 || t->has_response || t->is_answer_begun ||
	    !cache_policy_may_use_on_error(&c->found.facts, &c->wishes, clock_milliseconds()))
		return false;
	txn_release_node(t, false);
	serve(t, TXN_CACHE_STALE);
	t->end_detail = txn_end_words(end); /* said in the log although the client gets an answer */
	txn_http_has_answer(t);
	return true;
}

/* ---- the end -------------------------------------------------------------------------------------- */

void txn_cache_release(struct txn *t)
{
	struct txn_cache *c = t->cache;
	if (c->filling != 0)
		cache_store_give_up(store_of(t), c->filling);
	c->filling = 0;
	t->down.stored = NULL;
	t->down.tap = t->down.relay.tap = NULL;
	if (store_of(t) != NULL)
		let_go(t);
}

void txn_cache_forget(struct txn *t)
{
	txn_cache_release(t);
	t->cache->may_store = t->cache->is_unsafe = false;
	t->cache->part = TXN_CACHE_NONE;
}
