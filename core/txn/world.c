/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/world.h"

#include "base/check.h"
#include "base/log.h"
#include "base/memory.h"
#include "dns/dns.h"
#include "fetch/fetch_connection.h"
#include "net/dial.h"
#include "txn/session.h"
#include "txn/txn.h"
#include "txn/txn_http.h"
#include "txn/txn_tcp.h"
#include "txn/udp_server.h"
#include "txn/udp_session.h"

#include <stdlib.h>

/* Rules that compute for longer let others have a turn: nobody waits longer for a rule's loop. */
#define RULE_TURN_NANOSECONDS 150000

/* ---- opening ------------------------------------------------------------------------------------- */

static enum rule_protocol protocol_for_rules(const struct conf_vserver *conf)
{
	switch (conf->protocol) {
	case CONF_PROTOCOL_HTTP:
		return RULE_HTTP;
	case CONF_PROTOCOL_TCP:
		return RULE_STREAM;
	case CONF_PROTOCOL_UDP:
		return RULE_UDP;
	default:
		return RULE_TURNS;
	}
}

static void add_phases(unsigned *phases, const struct conf_rule_uses *uses, unsigned phase)
{
	for (size_t i = 0; i < uses->count; i++)
		phases[uses->list[i].rule] |= phase;
}

/* In which phases each rule is attached, for the checks at load. Freed by the caller. */
static unsigned *rule_phases(const struct conf *conf)
{
	unsigned *phases = memory_new(conf->rule_count, sizeof *phases);
	for (size_t i = 0; i < conf->vserver_count; i++) {
		const struct conf_vserver *v = &conf->vservers[i];
		unsigned protocol = RULE_OF(protocol_for_rules(v));
		add_phases(phases, &v->request_rules, RULE_IN_REQUEST | protocol);
		add_phases(phases, &v->response_rules, RULE_IN_RESPONSE | protocol);
		add_phases(phases, &v->completion_rules, RULE_IN_COMPLETION | protocol);
	}
	return phases;
}

static bool is_pool(const struct conf *conf, struct slice name)
{
	return conf_find_pool(conf, name) != conf->pool_count;
}

static bool is_rate_class(const struct conf *conf, struct slice name)
{
	return conf_find_rate_class(conf, name) != NULL;
}

static bool is_persistence_class(const struct conf *conf, struct slice name)
{
	return conf_find_persistence_class(conf, name) != 0;
}

static bool is_slm_class(const struct conf *conf, struct slice name)
{
	return conf_find_slm_class(conf, name) != NULL;
}

/*
 * What the first argument of functions names, where it is a plain text: of one function, or of a family
 * ("rate.") but for one that is for asking whether there is such a thing.
 */
static const struct {
	const char *functions, *asking, *what;
	bool (*is_there)(const struct conf *conf, struct slice name);
} named[] = {
	{ "pool.", "pool.checknode", "pool", is_pool },
	{ "connection.checkLimits", "", "pool", is_pool },
	{ "http.cache.exists", "", "pool", is_pool },
	{ "http.cache.respondIfCached", "", "pool", is_pool },
	{ "rate.", "", "rate class", is_rate_class },
	{ "slm.", "", "service level class", is_slm_class },
	{ "connection.setPersistence", "", "persistence class", is_persistence_class },
	{ "connection.setServiceLevelClass", "", "service level class", is_slm_class },
};

static bool is_of(const char *function, const char *functions)
{
	size_t len = strlen(functions);
	bool is_family = functions[len - 1] == '.';
	return strncmp(function, functions, len) == 0 && (is_family || function[len] == '\0');
}

static void check_name(const struct conf *conf, const struct rule_literal *literal,
		       struct complaints *complaints)
{
	for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
		bool is_meant = is_of(literal->function, named[i].functions) &&
				strcmp(literal->function, named[i].asking) != 0;
		if (is_meant && !named[i].is_there(conf, slice_of_string(literal->text)))
			complaints_add(complaints, literal->path, literal->line, literal->column,
				       "there is no %s '%s'", named[i].what, literal->text);
	}
}

/* What a rule names must be there. */
static void check_names(const struct conf *conf, const struct rule *rule,
			struct complaints *complaints)
{
	const struct rule_literal *list;
	size_t count = rule_literals(rule, &list);
	for (size_t i = 0; i < count; i++)
		check_name(conf, &list[i], complaints);
}

bool world_load_rules(const struct conf *conf, struct rule_vm *vm, struct rule **rules,
		      struct complaints *complaints)
{
	unsigned *phases = rule_phases(conf);
	/* where the configuration itself is wrong, a pool may only seem to be missing */
	bool knows_pools = complaints->errors == 0;
	for (size_t i = 0; i < conf->rule_count; i++) {
		rules[i] = rule_load(vm, conf->rules[i].name, conf->rules[i].path, phases[i],
				     complaints);
		if (rules[i] != NULL && knows_pools)
			check_names(conf, rules[i], complaints);
	}
	free(phases);
	return complaints->errors == 0;
}

/* ---- the rules of one time ------------------------------------------------------------------------ */

static struct world_rules *rules_new(const struct world *w, struct rule_set *set)
{
	struct world_rules *r = memory_new(1, sizeof *r);
	r->set = set;
	r->list = memory_new(w->conf->rule_count, sizeof *r->list);
	r->phases = rule_phases(w->conf);
	r->of_vserver = memory_new(w->conf->vserver_count, sizeof *r->of_vserver);
	return r;
}

static void rules_free(struct world_rules *r, size_t vserver_count)
{
	if (r == NULL)
		return;
	rule_set_free(r->set);
	for (size_t i = 0; i < vserver_count; i++)
		for (int phase = RULE_REQUEST; phase <= RULE_COMPLETION; phase++)
			free(r->of_vserver[i][phase].list);
	free(r->of_vserver);
	free(r->phases);
	free(r->list);
	free(r);
}

static void list_rules(struct vserver_rules *rules, const struct world *w,
		       struct rule *const *loaded, const struct conf_rule_uses *uses)
{
	rules->count = uses->count;
	rules->list = memory_new(uses->count, sizeof *rules->list);
	for (size_t i = 0; i < uses->count; i++)
		rules->list[i] = (struct vserver_rule){
			.rule = loaded[uses->list[i].rule],
			.number = uses->list[i].rule,
			.once_per_connection = uses->list[i].once_per_connection,
			.stats = stats_rule_row(w->share, w->worker, uses->list[i].row),
			.errors = &w->rule_errors[uses->list[i].rule],
		};
}

/* All are loaded: new transactions use them. */
static void begin_to_use(struct world *w, struct world_rules *r)
{
	for (size_t i = 0; i < w->conf->vserver_count; i++) {
		const struct conf_vserver *v = &w->conf->vservers[i];
		list_rules(&r->of_vserver[i][RULE_REQUEST], w, r->list, &v->request_rules);
		list_rules(&r->of_vserver[i][RULE_RESPONSE], w, r->list, &v->response_rules);
		list_rules(&r->of_vserver[i][RULE_COMPLETION], w, r->list, &v->completion_rules);
		w->vservers[i].rules = r->of_vserver[i];
	}
	w->rules = r;
}

void world_rules_leave(struct world *w, struct world_rules *rules)
{
	rules->users--;
	if (rules->users == 0 && rules != w->rules)
		rules_free(rules, w->conf->vserver_count);
}

static enum world_reload finish_reload(struct world *w)
{
	struct world_rules *old = w->rules;
	old->users++; /* those who use it may be none: then it goes right now */
	begin_to_use(w, w->reloading);
	w->reloading = NULL;
	world_rules_leave(w, old);
	return WORLD_RELOAD_DONE;
}

enum world_reload world_reload_rules(struct world *w, struct complaints *complaints)
{
	if (w->reloading == NULL)
		w->reloading = rules_new(w, rule_set_new(w->vm));
	struct world_rules *r = w->reloading;
	if (r->loaded == w->conf->rule_count)
		return finish_reload(w);
	const struct conf_rule *next = &w->conf->rules[r->loaded];
	struct rule *rule = rule_load(w->vm, next->name, next->path, r->phases[r->loaded],
				      complaints);
	if (rule != NULL)
		check_names(w->conf, rule, complaints);
	if (complaints->errors == 0) {
		r->list[r->loaded++] = rule;
		return WORLD_RELOAD_GOES_ON;
	}
	rules_free(r, w->conf->vserver_count);
	w->reloading = NULL;
	return WORLD_RELOAD_FAILED;
}

/* ---- virtual servers ------------------------------------------------------------------------------ */

static void on_accept(struct listener *l, int fd, const struct addr *peer)
{
	session_open(container_of(l, struct vserver_listener, listener)->vserver, fd, peer);
}

static void open_listeners(struct vserver *v, const int *listen_fds)
{
	if (v->conf->protocol == CONF_PROTOCOL_UDP) {
		v->udp = udp_server_open(v, listen_fds);
		return;
	}
	v->listeners = memory_new(v->conf->listen_count, sizeof *v->listeners);
	for (size_t i = 0; i < v->conf->listen_count; i++) {
		v->listeners[i].vserver = v;
		listener_start(&v->listeners[i].listener, listen_fds[i], on_accept);
	}
}

static const struct txn_protocol *protocol_of(const struct conf_vserver *conf)
{
	if (conf->protocol == CONF_PROTOCOL_HTTP)
		return &txn_http;
	return conf->protocol == CONF_PROTOCOL_UDP ? &txn_udp : txn_tcp_protocol(conf);
}

static void open_vserver(struct world *w, struct vserver *v, const struct conf_vserver *conf,
			 const int *listen_fds)
{
	v->world = w;
	v->conf = conf;
	v->protocol = protocol_of(conf);
	v->stats = stats_vserver_row(w->share, w->worker, (unsigned)(conf - w->conf->vservers));
	v->rule_limits = (struct rule_limits){
		.budget = conf->rules.budget,
		.total_budget = conf->rules.total_budget,
		.memory = (size_t)conf->rules.memory,
		.protocol = protocol_for_rules(conf),
	};
	v->http_limits = (struct http_limits){
		.line_bytes = (size_t)conf->max_request_line,
		.head_bytes = (size_t)conf->max_head,
		.fields = (unsigned)conf->max_fields,
		.trailer_bytes = (size_t)conf->max_trailer,
		.chunk_extension_bytes = (size_t)conf->max_chunk_extension,
		.merge_slashes = conf->merge_slashes,
	};
	if (listen_fds != NULL)
		open_listeners(v, listen_fds);
}

static void note_own_listeners(struct world *w)
{
	table_init(&w->own_listeners);
	table_init(&w->own_udp_listeners);
	for (size_t i = 0; i < w->conf->vserver_count; i++) {
		struct conf_vserver *v = &w->conf->vservers[i];
		struct table *own = v->protocol == CONF_PROTOCOL_UDP ? &w->own_udp_listeners
								     : &w->own_listeners;
		for (size_t j = 0; j < v->listen_count; j++)
			table_set(own, addr_key(&v->listens[j]), v);
	}
}

static struct log_limit *new_limits(size_t count, uint64_t most)
{
	struct log_limit *limits = memory_new(count, sizeof *limits);
	for (size_t i = 0; i < count; i++)
		limits[i].most = (unsigned)most;
	return limits;
}

bool world_open(struct world *w, const struct conf *conf, const struct share *share,
		unsigned worker, const struct rule_function *functions, size_t function_count,
		const int *listen_fds, struct complaints *complaints)
{
	struct err e;
	*w = (struct world){ .conf = conf, .share = share, .worker = worker };
	TAILQ_INIT(&w->sessions);
	w->vm = rule_vm_new(conf->rules_dir, functions, function_count);
	rule_vm_set_turn(w->vm, RULE_TURN_NANOSECONDS);
	rule_vm_set_kept(w->vm, (size_t)conf->data_kept_size);
	w->rules = rules_new(w, rule_set_new(w->vm));
	w->rule_errors = new_limits(conf->rule_count, 1);
	w->rule_lines = new_limits(conf->rule_count, conf->log_rule_rate);
	if (!world_load_rules(conf, w->vm, w->rules->list, complaints))
		return false;
	w->pools = pools_open(conf, share, worker);
	dns_open(&(struct dns_options){ .servers = conf->dns_servers,
					.server_count = conf->dns_server_count,
					.timeout_milliseconds = conf->dns_milliseconds });
	note_own_listeners(w);
	w->data = share->data;
	w->local_data = store_open(conf->data_local_size, &e);
	if (w->local_data == NULL) {
		complaints_add(complaints, conf->path, 0, 0, "%s", e.text);
		return false;
	}
	w->vservers = memory_new(conf->vserver_count, sizeof *w->vservers);
	begin_to_use(w, w->rules);
	for (size_t i = 0; i < conf->vserver_count; i++) {
		if (conf->vservers[i].enabled)
			open_vserver(w, &w->vservers[i], &conf->vservers[i], listen_fds);
		if (listen_fds != NULL)
			listen_fds += conf->vservers[i].listen_count;
	}
	return true;
}

/* ---- closing ------------------------------------------------------------------------------------- */

static void stop_listeners(struct vserver *v)
{
	for (size_t i = 0; v->listeners != NULL && i < v->conf->listen_count; i++) {
		listener_accept_rest(&v->listeners[i].listener);
		listener_stop(&v->listeners[i].listener);
	}
}

void world_stop(struct world *w, void (*on_empty)(struct world *))
{
	w->is_stopping = true; /* so that those who just made it hear Connection: close */
	for (size_t i = 0; i < w->conf->vserver_count; i++)
		stop_listeners(&w->vservers[i]);
	for (size_t i = 0; i < w->conf->vserver_count; i++)
		if (w->vservers[i].udp != NULL)
			udp_server_stop(w->vservers[i].udp);
	w->on_empty = on_empty;
	if (w->session_count == 0) {
		on_empty(w);
		return;
	}
	struct session *s, *next;
	for (s = TAILQ_FIRST(&w->sessions); s != NULL; s = next) {
		next = TAILQ_NEXT(s, in_world);
		if (s->vserver->udp != NULL)
			udp_session_stop(s);
		else if (s->txn == NULL && !s->is_lingering && !s->next.is_queued)
			session_close(s);
	}
}

void world_close(struct world *w)
{
	struct session *s;
	w->on_empty = NULL;
	while ((s = TAILQ_FIRST(&w->sessions)) != NULL) {
		if (s->vserver->udp != NULL)
			udp_session_abort(s);
		else if (s->txn != NULL)
			txn_abort(s->txn, TXN_END_SHUTDOWN);
		else
			session_close(s);
	}
	for (size_t i = 0; w->vservers != NULL && i < w->conf->vserver_count; i++) {
		free(w->vservers[i].listeners);
		udp_server_close(w->vservers[i].udp);
	}
	if (w->pools != NULL)
		pools_free(w->pools, w->conf);
	fetch_connection_close_idle();
	dns_close();
	store_close(w->local_data);
	table_release(&w->own_listeners, NULL);
	table_release(&w->own_udp_listeners, NULL);
	table_release(&w->udp_sources, NULL);
	rules_free(w->reloading, w->conf->vserver_count);
	rules_free(w->rules, w->conf->vserver_count);
	rule_vm_free(w->vm);
	free(w->vservers);
	free(w->rule_errors);
	free(w->rule_lines);
}

/* ---- looking things up --------------------------------------------------------------------------- */

struct pool *world_find_pool(struct world *w, struct slice name)
{
	uint32_t at = conf_find_pool(w->conf, name);
	return at < w->conf->pool_count ? &w->pools[at] : NULL;
}

struct node *world_find_row(const struct world *w, uint32_t row)
{
	const unsigned *first = w->share->first_row;
	size_t pool = 0, behind = w->conf->pool_count;
	check(row < w->share->nodes);
	/* the last pool whose first row is not behind it; one without nodes has the first row of the next */
	while (behind - pool > 1) {
		size_t middle = pool + (behind - pool) / 2;
		if (first[middle] <= row)
			pool = middle;
		else
			behind = middle;
	}
	return &w->pools[pool].nodes[row - first[pool]];
}

bool world_is_own_listener(const struct world *w, const struct addr *a, bool is_udp)
{
	const struct table *own = is_udp ? &w->own_udp_listeners : &w->own_listeners;
	/* whoever listens on all addresses of the port listens on this one if it is ours */
	const struct addr any = { .family = a->family, .port = a->port };
	if (table_get(own, addr_key(a)) != NULL)
		return true;
	return table_get(own, addr_key(&any)) != NULL &&
	       (addr_kind(a) == ADDR_LOOPBACK || dial_is_own_address(a));
}
