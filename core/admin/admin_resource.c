/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_resource.h"

#include "admin/admin_recent.h"
#include "admin/admin_status.h"
#include "admin/admin_trace.h"
#include "base/log.h"
#include "cache/cache_store.h"
#include "http/http_path.h"
#include "share/reload.h"
#include "share/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_MOST 8

/* A question that has found its resource. */
struct visit {
	const struct admin_question *q;
	struct arena *arena;
	struct admin_answer *answer;
	struct slice names[PARTS_MOST]; /* what stands for each "*" of the pattern */
};

/* ---- answers -------------------------------------------------------------------------------------- */

/* Takes the reference to `value`. */
static void answer_json(struct admin_answer *answer, struct arena *arena, unsigned status,
			json_t *value)
{
	char *text = json_dumps(value, JSON_INDENT(2));
	answer->status = text == NULL ? 500 : status;
	answer->body = text == NULL ? SLICE("{}\n") : arena_print(arena, "%s\n", text);
	free(text);
	json_decref(value);
}

void admin_answer_refuse(struct admin_answer *answer, struct arena *arena, unsigned status,
			 const char *format, ...)
{
	char words[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(words, sizeof words, format, arguments);
	va_end(arguments);
	json_t *value = json_object(), *text = json_string(words);
	/* no JSON text: somebody's bytes are in it that are no UTF-8 */
	json_object_set_new(value, "error", text != NULL ? text : json_string("malformed request"));
	answer_json(answer, arena, status, value);
}

#define REFUSE(v, status, ...) admin_answer_refuse((v)->answer, (v)->arena, status, __VA_ARGS__)

/* ---- /status, /recent, /stop ---------------------------------------------------------------------- */

static void get_status(struct visit *v)
{
	answer_json(v->answer, v->arena, 200, admin_status(v->q->admin));
}

static void get_recent(struct visit *v)
{
	answer_json(v->answer, v->arena, 200, admin_recent(v->q->admin));
}

static void post_stop(struct visit *v)
{
	struct admin *a = v->q->admin;
	const char *before = a->is_stopping ? "stopping" : "running";
	if (!a->on_stop(a)) {
		REFUSE(v, 503, "the supervisor cannot be told to stop");
		return;
	}
	log_write(LOG_AUDIT, "user %u (process %d): weir: %s -> stopping", (unsigned)v->q->peer.uid,
		  (int)v->q->peer.pid, before);
	json_t *value = json_object();
	json_object_set_new(value, "state", json_string("stopping"));
	answer_json(v->answer, v->arena, 202, value);
}

/* ---- /web-cache ----------------------------------------------------------------------------------- */

static void delete_cache(struct visit *v)
{
	struct admin *a = v->q->admin;
	if (a->share->cache == NULL) {
		REFUSE(v, 409, "there is no web cache: no virtual server has it enabled");
		return;
	}
	uint64_t count = cache_store_clear(a->share->cache);
	log_write(LOG_AUDIT, "user %u (process %d): web cache: %llu answers -> none",
		  (unsigned)v->q->peer.uid, (int)v->q->peer.pid, (unsigned long long)count);
	json_t *o = json_object();
	json_object_set_new(o, "removed", json_integer((json_int_t)count));
	answer_json(v->answer, v->arena, 200, o);
}

/* ---- /reload -------------------------------------------------------------------------------------- */

static json_t *reload_state(const struct share *s)
{
	static const char *const words[] = { [RELOAD_NONE] = "none",
					     [RELOAD_ACCEPTED] = "accepted",
					     [RELOAD_UNCHANGED] = "unchanged",
					     [RELOAD_REFUSED] = "refused" };
	uint64_t answered = reload_load(&s->reload->answered);
	uint32_t outcome = __atomic_load_n(&s->reload->outcome, __ATOMIC_RELAXED);
	json_t *o = json_object();
	json_object_set_new(o, "answered", json_integer((json_int_t)answered));
	json_object_set_new(o, "outcome",
			    json_string(words[outcome <= RELOAD_REFUSED ? outcome : 0]));
	json_object_set_new(o, "rules_version", json_integer((json_int_t)reload_version(s)));
	return o;
}

static void get_reload(struct visit *v)
{
	const struct share *s = v->q->admin->share;
	json_t *o = reload_state(s);
	/* the next answer may be written meanwhile: what is read then is odd, but ends */
	struct slice text = slice_of(s->reload->text,
				     strnlen(s->reload->text, RELOAD_TEXT_BYTES - 1));
	text = arena_copy(v->arena, text);
	json_t *words = json_stringn(text.at, text.len);
	json_object_set_new(o, "text",
			    words != NULL ? words : json_string("(text that is no UTF-8)"));
	answer_json(v->answer, v->arena, 200, o);
}

static void post_reload(struct visit *v)
{
	struct admin *a = v->q->admin;
	uint64_t number = reload_ask(a->share);
	if (a->is_stopping) {
		REFUSE(v, 409, "weir is stopping");
		return;
	}
	if (!a->on_reload(a, v->q->peer.uid, v->q->peer.pid)) {
		REFUSE(v, 503, "the supervisor cannot be told to reload");
		return;
	}
	json_t *o = reload_state(a->share);
	json_object_set_new(o, "number", json_integer((json_int_t)number));
	answer_json(v->answer, v->arena, 202, o);
}

/* ---- /trace --------------------------------------------------------------------------------------- */

static void post_trace(struct visit *v)
{
	unsigned status;
	const char *words;
	json_t *o = admin_trace_begin(v->q->admin, v->q->body, &status, &words);
	if (o == NULL) {
		REFUSE(v, status, "%s", words);
		return;
	}
	log_write(LOG_AUDIT, "user %u (process %d): follows transactions: %.*s",
		  (unsigned)v->q->peer.uid, (int)v->q->peer.pid, SLICE_PRINT(v->q->body));
	answer_json(v->answer, v->arena, 201, o);
}

static void get_trace(struct visit *v)
{
	json_t *o = admin_trace_take(v->q->admin, v->names[0]);
	if (o == NULL)
		REFUSE(v, 404, "that trace is over");
	else
		answer_json(v->answer, v->arena, 200, o);
}

static void delete_trace(struct visit *v)
{
	if (admin_trace_end(v->q->admin, v->names[0]))
		answer_json(v->answer, v->arena, 200, json_object());
	else
		REFUSE(v, 404, "that trace is over");
}

/* ---- /pools/NAME/nodes/ADDRESS -------------------------------------------------------------------- */

static bool find_node(struct visit *v, unsigned *pool, unsigned *node)
{
	const struct conf *conf = v->q->admin->conf;
	struct addr address;
	*pool = conf_find_pool(conf, v->names[0]);
	if (*pool >= conf->pool_count) {
		REFUSE(v, 404, "there is no pool '%.*s'", SLICE_PRINT(v->names[0]));
		return false;
	}
	const struct conf_pool *p = &conf->pools[*pool];
	if (!addr_parse(v->names[1], &address)) {
		REFUSE(v, 400, "'%.*s' is no address:port", SLICE_PRINT(v->names[1]));
		return false;
	}
	for (*node = 0; *node < p->node_count; ++*node)
		if (addr_is_equal(&p->nodes[*node].address, &address))
			return true;
	REFUSE(v, 404, "pool '%s' has no node '%.*s'", p->name, SLICE_PRINT(v->names[1]));
	return false;
}

static bool find_state(const char *word, enum share_node_state *state)
{
	static const char *const words[] = { [SHARE_NODE_ACTIVE] = "active",
					     [SHARE_NODE_DRAINING] = "draining",
					     [SHARE_NODE_DISABLED] = "disabled" };
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0) {
			*state = (enum share_node_state)i;
			return true;
		}
	return false;
}

/* The state that the body asks for: {"state": "draining"}. */
static bool read_state(struct visit *v, enum share_node_state *state)
{
	json_error_t error;
	json_t *body = json_loadb(v->q->body.at, v->q->body.len, JSON_REJECT_DUPLICATES, &error);
	const char *word = json_string_value(json_object_get(body, "state"));
	bool is_found = false;
	if (body == NULL)
		REFUSE(v, 400, "the body is no JSON: %s", error.text);
	else if (word == NULL || json_object_size(body) != 1)
		REFUSE(v, 400, "the body must be {\"state\": \"active\"}, or draining or disabled");
	else if (!(is_found = find_state(word, state)))
		REFUSE(v, 400, "a node's state is active, draining or disabled, not '%s'", word);
	json_decref(body);
	return is_found;
}

static void patch_node(struct visit *v)
{
	const struct admin *a = v->q->admin;
	enum share_node_state state;
	unsigned pool, node;
	if (!find_node(v, &pool, &node) || !read_state(v, &state))
		return;
	struct share_node *n = share_node(a->share, segment_node_row(a->share, pool, node));
	if (share_node_state(n) != state) {
		const char *before = admin_status_state(a, pool, node);
		share_node_set_state(n, state);
		log_write(LOG_AUDIT, "user %u (process %d): node '%s' of pool '%s': %s -> %s",
			  (unsigned)v->q->peer.uid, (int)v->q->peer.pid,
			  a->conf->pools[pool].nodes[node].text, a->conf->pools[pool].name, before,
			  admin_status_state(a, pool, node));
	}
	answer_json(v->answer, v->arena, 200, admin_status_node(a, pool, node));
}

/* ---- from a path to its resource ------------------------------------------------------------------ */

static const struct route {
	const char *method;
	const char *pattern; /* "*" stands for any one part */
	void (*serve)(struct visit *v);
} routes[] = {
	{ "GET", "/api/v1/status", get_status },
	{ "GET", "/api/v1/recent", get_recent },
	{ "POST", "/api/v1/stop", post_stop },
	{ "DELETE", "/api/v1/web-cache", delete_cache },
	{ "GET", "/api/v1/reload", get_reload },
	{ "POST", "/api/v1/reload", post_reload },
	{ "POST", "/api/v1/trace", post_trace },
	{ "GET", "/api/v1/trace/*", get_trace },
	{ "DELETE", "/api/v1/trace/*", delete_trace },
	{ "PATCH", "/api/v1/pools/*/nodes/*", patch_node },
};
#define ROUTE_COUNT (sizeof routes / sizeof *routes)

/* Part by part, so that an escaped "/" is part of a name. */
static bool is_match(struct visit *v, const char *pattern)
{
	struct slice wanted = slice_of_string(pattern), path = v->q->path, want, part;
	unsigned names = 0;
	for (;;) {
		bool has_want = slice_next_item(&wanted, '/', &want);
		bool has_part = slice_next_item(&path, '/', &part);
		if (!has_want || !has_part)
			return has_want == has_part;
		part = http_path_decode(v->arena, part, false);
		if (slice_is_equal(want, SLICE("*")) && part.len > 0 && names < PARTS_MOST)
			v->names[names++] = part;
		else if (!slice_is_equal(want, part))
			return false;
	}
}

void admin_resource_answer(const struct admin_question *q, struct arena *arena,
			   struct admin_answer *answer)
{
	struct visit v = { .q = q, .arena = arena, .answer = answer };
	const struct route *other = NULL;
	*answer = (struct admin_answer){ 0 };
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		if (!is_match(&v, routes[i].pattern))
			continue;
		if (slice_is_equal(q->method, slice_of_string(routes[i].method))) {
			routes[i].serve(&v);
			return;
		}
		other = &routes[i];
	}
	if (other == NULL) {
		REFUSE(&v, 404, "there is nothing at '%.*s'", SLICE_PRINT(q->path));
		return;
	}
	REFUSE(&v, 405, "'%.*s' takes %s", SLICE_PRINT(q->path), other->method);
	answer->extra = arena_print(arena, "Allow: %s\r\n", other->method);
}
