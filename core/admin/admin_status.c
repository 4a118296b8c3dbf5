/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_status.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cache/cache_store.h"
#include "share/life.h"
#include "share/persist.h"
#include "share/rates.h"
#include "share/reload.h"
#include "share/slm.h"
#include "share/state.h"
#include "share/stats.h"
#include "share/store.h"
#include "txn/refusal.h"
#include "txn/txn.h"

#include <stdlib.h>

/* JSON has no unsigned numbers; a counter of bytes gets there in a few thousand years. */
static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* ---- virtual servers ------------------------------------------------------------------------------ */

static json_t *outcomes_of(const struct stats_vserver *sum)
{
	json_t *outcomes = json_object();
	for (unsigned i = TXN_END_NONE + 1; i < TXN_END_COUNT; i++)
		json_object_set_new(outcomes, txn_end_word((enum txn_end)i),
				    number(sum->outcomes[i]));
	return outcomes;
}

/* Those that there were: most never are. */
static json_t *refusals_of(const struct admin *a, struct stats_vserver *sum)
{
	json_t *refusals = json_object();
	const uint64_t *counts = stats_refusals(a->share, sum);
	for (unsigned i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++)
		if (counts[i] != 0)
			json_object_set_new(refusals, refusal_word((enum refusal)i),
					    number(counts[i]));
	return refusals;
}

static uint64_t transactions_of(const struct stats_vserver *sum)
{
	uint64_t begun = sum->transactions_current;
	for (unsigned i = 0; i < TXN_END_COUNT; i++)
		begun += sum->outcomes[i];
	return begun;
}

static json_t *listens_of(const struct conf_vserver *v)
{
	char text[ADDR_TEXT_BYTES];
	json_t *listens = json_array();
	for (size_t i = 0; i < v->listen_count; i++)
		json_array_append_new(listens, json_string(addr_format(&v->listens[i], text)));
	return listens;
}

/* ---- rules ---------------------------------------------------------------------------------------- */

static json_t *seconds(uint64_t nanoseconds)
{
	return json_real((double)nanoseconds / 1e9);
}

static json_t *ends_of(const struct stats_rule *sum)
{
	static const char *const words[] = {
		[STATS_RULE_FINISHED] = "finished", [STATS_RULE_VERDICT] = "verdict",
		[STATS_RULE_ERROR] = "error",       [STATS_RULE_BUDGET] = "budget",
		[STATS_RULE_MEMORY] = "memory",     [STATS_RULE_WALL_TIME] = "wall_time",
		[STATS_RULE_GIVEN_UP] = "given_up",
	};
	json_t *outcomes = json_object();
	for (unsigned i = 0; i < STATS_RULE_ENDS; i++)
		json_object_set_new(outcomes, words[i], number(sum->ends[i]));
	return outcomes;
}

/* The places of the histogram that hold something: up to `below` seconds, null for the last. */
static json_t *times_of(const struct stats_rule *sum)
{
	json_t *times = json_array();
	for (unsigned i = 0; i < STATS_RULE_TIMES; i++) {
		if (sum->times[i] == 0)
			continue;
		json_t *place = json_object();
		json_object_set_new(place, "below",
				    i + 1 == STATS_RULE_TIMES
					    ? json_null()
					    : seconds(1ull << (STATS_RULE_SHORTEST_BITS + i)));
		json_object_set_new(place, "runs", number(sum->times[i]));
		json_array_append_new(times, place);
	}
	return times;
}

static json_t *rule_of(const struct admin *a, const struct conf_rule_use *use, const char *phase)
{
	struct stats_rule sum;
	uint64_t runs = 0;
	stats_sum_rule(a->share, use->row, &sum);
	for (unsigned i = 0; i < STATS_RULE_ENDS; i++)
		runs += sum.ends[i];
	json_t *o = json_object();
	json_object_set_new(o, "rule", json_string(a->conf->rules[use->rule].name));
	json_object_set_new(o, "phase", json_string(phase));
	json_object_set_new(o, "runs_total", number(runs));
	json_object_set_new(o, "outcomes", ends_of(&sum));
	json_object_set_new(o, "waits_total", number(sum.waits));
	json_object_set_new(o, "seconds_total", seconds(sum.nanoseconds));
	json_object_set_new(o, "waited_seconds_total", seconds(sum.waited_nanoseconds));
	json_object_set_new(o, "times", times_of(&sum));
	return o;
}

static json_t *rules_of(const struct admin *a, const struct conf_vserver *v)
{
	const struct conf_rule_uses *phases[] = { &v->request_rules, &v->response_rules,
						  &v->completion_rules };
	static const char *const words[] = { "request", "response", "completion" };
	json_t *rules = json_array();
	for (unsigned phase = 0; phase < 3; phase++)
		for (size_t i = 0; i < phases[phase]->count; i++)
			json_array_append_new(rules,
					      rule_of(a, &phases[phase]->list[i], words[phase]));
	return rules;
}

/* ---- virtual servers, whole ----------------------------------------------------------------------- */

static json_t *vserver(const struct admin *a, unsigned index, struct stats_vserver *sum)
{
	static const char *const protocols[] = {
		[CONF_PROTOCOL_HTTP] = "http",
		[CONF_PROTOCOL_TCP] = "tcp",
		[CONF_PROTOCOL_CLIENT_FIRST] = "client_first",
		[CONF_PROTOCOL_SERVER_FIRST] = "server_first",
		[CONF_PROTOCOL_UDP] = "udp",
	};
	const struct conf_vserver *v = &a->conf->vservers[index];
	bool is_discard = v->pool == CONF_POOL_DISCARD;
	stats_sum_vserver(a->share, index, sum);
	json_t *o = json_object();
	json_object_set_new(o, "enabled", json_boolean(v->enabled));
	json_object_set_new(o, "protocol", json_string(protocols[v->protocol]));
	json_object_set_new(o, "listen", listens_of(v));
	json_object_set_new(o, "pool",
			    json_string(is_discard ? "discard" : a->conf->pools[v->pool].name));
	json_object_set_new(o, "sessions", number(sum->sessions_current));
	json_object_set_new(o, "sessions_total", number(sum->sessions));
	json_object_set_new(o, "transactions", number(sum->transactions_current));
	json_object_set_new(o, "transactions_total", number(transactions_of(sum)));
	json_object_set_new(o, "rule_failures_total", number(sum->rule_failures));
	json_object_set_new(o, "cache_lookups_total", number(sum->cache_lookups));
	json_object_set_new(o, "cache_hits_total", number(sum->cache_hits));
	json_object_set_new(o, "cache_updates_total", number(sum->cache_updates));
	json_object_set_new(o, "from_client_bytes_total", number(sum->from_client_bytes));
	json_object_set_new(o, "to_client_bytes_total", number(sum->to_client_bytes));
	json_object_set_new(o, "compressed_total", number(sum->compressed));
	json_object_set_new(o, "compressed_from_bytes_total", number(sum->compressed_from_bytes));
	json_object_set_new(o, "compressed_to_bytes_total", number(sum->compressed_to_bytes));
	json_object_set_new(o, "outcomes", outcomes_of(sum));
	json_object_set_new(o, "refusals", refusals_of(a, sum));
	json_object_set_new(o, "rules", rules_of(a, v));
	return o;
}

static json_t *vservers(const struct admin *a)
{
	json_t *all = json_object();
	struct stats_vserver *sum = memory_new(1, a->share->vserver_bytes);
	for (unsigned i = 0; i < a->conf->vserver_count; i++)
		json_object_set_new(all, a->conf->vservers[i].name, vserver(a, i, sum));
	free(sum);
	return all;
}

/* ---- pools and nodes ------------------------------------------------------------------------------ */

const char *admin_status_state(const struct admin *a, unsigned pool, unsigned node)
{
	const struct share_node *n = share_node(a->share, segment_node_row(a->share, pool, node));
	switch (share_node_state(n)) {
	case SHARE_NODE_ACTIVE:
		return share_node_is_failed(n) ? "failed" : "active";
	case SHARE_NODE_DRAINING:
		return "draining";
	case SHARE_NODE_DISABLED:
		return "disabled";
	}
	return "unknown";
}

json_t *admin_status_node(const struct admin *a, unsigned pool, unsigned node)
{
	const struct conf_node *n = &a->conf->pools[pool].nodes[node];
	struct stats_node sum;
	stats_sum_node(a->share, segment_node_row(a->share, pool, node), &sum);
	json_t *o = json_object();
	json_object_set_new(o, "address", json_string(n->text));
	json_object_set_new(o, "state", json_string(admin_status_state(a, pool, node)));
	json_object_set_new(o, "weight", number(n->weight));
	json_object_set_new(o, "priority", number(n->priority));
	json_object_set_new(o, "sessions", number(sum.sessions_current));
	json_object_set_new(o, "sessions_total", number(sum.sessions));
	json_object_set_new(o, "transactions", number(sum.transactions_current));
	json_object_set_new(o, "transactions_total", number(sum.transactions));
	json_object_set_new(o, "failures_total", number(sum.failures));
	json_object_set_new(o, "to_bytes_total", number(sum.to_bytes));
	json_object_set_new(o, "from_bytes_total", number(sum.from_bytes));
	return o;
}

static json_t *limits_of(const struct conf_pool *p)
{
	json_t *o = json_object();
	json_object_set_new(o, "max_connections_per_node", number(p->max_connections_per_node));
	json_object_set_new(o, "max_transactions_per_node", number(p->max_transactions_per_node));
	json_object_set_new(o, "max_queue_size", number(p->max_queue_size));
	return o;
}

static json_t *queue_of(const struct admin *a, unsigned pool)
{
	struct stats_pool sum;
	stats_sum_pool(a->share, pool, &sum);
	json_t *o = json_object();
	json_object_set_new(o, "waiting", number(sum.waiting));
	json_object_set_new(o, "queued_total", number(sum.queued));
	json_object_set_new(o, "waited_seconds_total",
			    json_real((double)sum.waited_microseconds / 1e6));
	json_object_set_new(o, "refused_total", number(sum.refused));
	json_object_set_new(o, "timed_out_total", number(sum.timed_out));
	return o;
}

static json_t *pool_of(const struct admin *a, unsigned index)
{
	const struct conf_pool *p = &a->conf->pools[index];
	json_t *o = json_object(), *nodes = json_array();
	for (unsigned i = 0; i < p->node_count; i++)
		json_array_append_new(nodes, admin_status_node(a, index, i));
	json_object_set_new(o, "transparent", json_boolean(p->transparent));
	json_object_set_new(o, "original_destination", json_boolean(p->original_destination));
	json_object_set_new(o, "limits", limits_of(p));
	json_object_set_new(o, "queue", queue_of(a, index));
	json_object_set_new(o, "nodes", nodes);
	return o;
}

static json_t *pools(const struct admin *a)
{
	json_t *all = json_object();
	for (unsigned i = 0; i < a->conf->pool_count; i++)
		json_object_set_new(all, a->conf->pools[i].name, pool_of(a, i));
	return all;
}

/* ---- what rules share ----------------------------------------------------------------------------- */

static json_t *rate_classes(const struct admin *a)
{
	json_t *all = json_object();
	for (unsigned i = 0; i < a->conf->rate_class_count; i++) {
		const struct conf_rate_class *c = &a->conf->rate_classes[i];
		struct rates_counts sum;
		json_t *o = json_object();
		rates_sum(a->share->rates, i, &sum);
		json_object_set_new(o, "max_rate_per_second", number(c->max_rate_per_second));
		json_object_set_new(o, "max_rate_per_minute", number(c->max_rate_per_minute));
		json_object_set_new(o, "backlog", number(sum.waiting));
		json_object_set_new(o, "passed_total", number(sum.passed));
		json_object_set_new(o, "refused_total", number(sum.refused));
		json_object_set_new(o, "given_up_total", number(sum.given_up));
		json_object_set_new(all, c->named.name, o);
	}
	return all;
}

static json_t *slm_classes(const struct admin *a)
{
	json_t *all = json_object();
	for (unsigned i = 0; i < a->conf->slm_class_count; i++) {
		const struct conf_slm_class *c = &a->conf->slm_classes[i];
		struct slm_counts sum;
		json_t *o = json_object();
		slm_sum(&a->share->slm, i, &sum);
		double percent = slm_conforming(&a->share->slm, i, clock_milliseconds());
		const char *state = percent <= (double)c->serious_threshold  ? "serious"
				    : percent < (double)c->warning_threshold ? "warning"
									     : "ok";
		json_object_set_new(o, "conforming", json_real(percent));
		json_object_set_new(o, "state", json_string(state));
		json_object_set_new(o, "answers_total", number(sum.answers));
		json_object_set_new(o, "late_total", number(sum.late));
		json_object_set_new(all, c->named.name, o);
	}
	return all;
}

static json_t *persistence_classes(const struct admin *a)
{
	static const char *const types[] = {
		[CONF_PERSISTENCE_IP] = "ip",
		[CONF_PERSISTENCE_UNIVERSAL] = "universal",
		[CONF_PERSISTENCE_NAMED] = "named",
		[CONF_PERSISTENCE_TRANSPARENT] = "transparent",
		[CONF_PERSISTENCE_COOKIE] = "cookie",
		[CONF_PERSISTENCE_J2EE] = "j2ee",
		[CONF_PERSISTENCE_ASP] = "asp",
		[CONF_PERSISTENCE_X_ZEUS] = "x_zeus",
	};
	json_t *all = json_object();
	for (unsigned i = 0; i < a->conf->persistence_class_count; i++) {
		const struct conf_persistence_class *c = &a->conf->persistence_classes[i];
		struct persist_counts sum;
		json_t *o = json_object();
		persist_sum(a->share->persist, i, &sum);
		json_object_set_new(o, "type", json_string(types[c->type]));
		json_object_set_new(o, "kept_total", number(sum.kept));
		json_object_set_new(o, "begun_total", number(sum.begun));
		json_object_set_new(o, "lost_total", number(sum.lost));
		json_object_set_new(o, "without_total", number(sum.without));
		json_object_set_new(o, "displaced_total", number(sum.displaced));
		json_object_set_new(all, c->named.name, o);
	}
	return all;
}

/* Those that some class uses. */
static json_t *session_caches(const struct admin *a)
{
	static const char *const kinds[] = {
		[CONF_SESSIONS_IP] = "ip",         [CONF_SESSIONS_UNIVERSAL] = "universal",
		[CONF_SESSIONS_COOKIE] = "cookie", [CONF_SESSIONS_J2EE] = "j2ee",
		[CONF_SESSIONS_ASP] = "asp",
	};
	json_t *all = json_object();
	for (unsigned i = 0; a->share->persist != NULL && i < CONF_SESSIONS_COUNT; i++) {
		uint64_t size = persist_size(a->share->persist, i);
		if (size == 0)
			continue;
		json_t *o = json_object();
		json_object_set_new(o, "size", number(size));
		json_object_set_new(
			o, "used",
			number(persist_used(a->share->persist, i, clock_milliseconds())));
		json_object_set_new(all, kinds[i], o);
	}
	return all;
}

static json_t *data(const struct admin *a)
{
	json_t *o = json_object();
	json_object_set_new(o, "used_bytes",
			    number(store_used(a->share->data, clock_milliseconds())));
	json_object_set_new(o, "free_bytes",
			    number(store_free(a->share->data, clock_milliseconds())));
	return o;
}

/* Null where there is none. */
static json_t *web_cache(const struct admin *a)
{
	struct cache_counts counts;
	if (a->share->cache == NULL)
		return json_null();
	json_t *o = json_object();
	cache_store_count(a->share->cache, &counts);
	json_object_set_new(o, "entries", number(counts.entries));
	json_object_set_new(o, "used_bytes", number(counts.used_bytes));
	json_object_set_new(o, "size_bytes", number(counts.size_bytes));
	json_object_set_new(o, "stored_total", number(counts.stored));
	json_object_set_new(o, "evicted_total", number(counts.evicted));
	json_object_set_new(o, "removed_total", number(counts.removed));
	return o;
}

static json_t *user_counters(const uint64_t *counters, uint64_t mask)
{
	json_t *all = json_array();
	for (unsigned i = 0; i < STATS_USER_COUNTERS; i++)
		json_array_append_new(all, number(counters[i] & mask));
	return all;
}

/* ---- workers -------------------------------------------------------------------------------------- */

static json_t *worker(const struct admin *a, unsigned index)
{
	uint64_t sessions = __atomic_load_n(&stats_worker_row(a->share, index)->sessions_current,
					    __ATOMIC_RELAXED);
	json_t *o = json_object();
	json_object_set_new(o, "pid", number((uint64_t)life_pid(a->share, index)));
	json_object_set_new(o, "restarts", number(life_restarts(a->share, index)));
	json_object_set_new(o, "sessions", number(sessions));
	return o;
}

static json_t *workers(const struct admin *a)
{
	json_t *all = json_array();
	for (unsigned i = 0; i < a->share->workers; i++)
		json_array_append_new(all, worker(a, i));
	return all;
}

json_t *admin_status(const struct admin *a)
{
	struct stats_worker sum;
	stats_sum_workers(a->share, &sum);
	json_t *o = json_object();
	json_object_set_new(o, "state", json_string(a->is_stopping ? "stopping" : "running"));
	json_object_set_new(o, "generation", number(1));
	json_object_set_new(o, "rules_version", number(reload_version(a->share)));
	json_object_set_new(o, "virtual_servers", vservers(a));
	json_object_set_new(o, "pools", pools(a));
	json_object_set_new(o, "workers", workers(a));
	json_object_set_new(o, "rate_classes", rate_classes(a));
	json_object_set_new(o, "slm_classes", slm_classes(a));
	json_object_set_new(o, "persistence_classes", persistence_classes(a));
	json_object_set_new(o, "session_caches", session_caches(a));
	json_object_set_new(o, "data", data(a));
	json_object_set_new(o, "web_cache", web_cache(a));
	json_object_set_new(o, "user_counters", user_counters(sum.user_counters, UINT32_MAX));
	json_object_set_new(o, "user_counters_64", user_counters(sum.user_counters_64, UINT64_MAX));
	json_object_set_new(o, "sessions_refused_total", number(sum.sessions_refused));
	json_object_set_new(o, "log_lines_dropped_total", number(sum.log_lines_dropped));
	return o;
}
