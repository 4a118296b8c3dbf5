/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/start.h"

#include "api/api.h"
#include "base/log.h"
#include "base/memory.h"
#include "cache/cache_store.h"
#include "proc/keeper.h"
#include "proc/reload.h"
#include "proc/secret.h"
#include "proc/supervisor.h"
#include "proc/worker.h"
#include "rule/rule.h"
#include "rule/rule_file.h"
#include "share/clients.h"
#include "share/reload.h"
#include "txn/refusal.h"
#include "txn/txn.h"
#include "txn/world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- checking ------------------------------------------------------------------------------------- */

static void check_rules(const struct conf *conf, struct complaints *complaints)
{
	size_t count;
	const struct rule_function *functions = api_functions(&count);
	struct rule_vm *vm = rule_vm_new(conf->rules_dir, functions, count);
	struct rule **rules = memory_new(conf->rule_count + 1, sizeof *rules);
	world_load_rules(conf, vm, rules, complaints);
	free(rules);
	rule_vm_free(vm);
}

/* What rules look things up in. Read before anyone becomes a user who may not be allowed to. */
static void open_lookups(const struct conf *conf, struct resources *resources, struct geo **geo,
			 struct complaints *complaints)
{
	struct err e;
	if (!resources_open(resources, conf->resources_dir, &e))
		complaints_add(complaints, conf->path, conf->resources_place.line,
			       conf->resources_place.column, "%s", e.text);
	*geo = conf->geo_database == NULL ? NULL : geo_open(conf->geo_database, &e);
	if (*geo == NULL && conf->geo_database != NULL)
		complaints_add(complaints, conf->path, conf->geo_place.line, conf->geo_place.column,
			       "%s", e.text);
}

/* Only where some client will hold a node's address. */
static void read_secret(const struct conf *conf, uint64_t secret[2], struct complaints *complaints)
{
	struct err e;
	bool is_used = conf->session.secret_file != NULL;
	for (size_t i = 0; i < conf->persistence_class_count; i++)
		is_used |= conf->persistence_classes[i].type == CONF_PERSISTENCE_TRANSPARENT;
	if (is_used && !secret_read(conf->session.secret_file, secret, &e))
		complaints_add(complaints, conf->path, conf->secret_place.line,
			       conf->secret_place.column, "%s", e.text);
}

static void check_lookups(const struct conf *conf, struct complaints *complaints)
{
	struct resources resources;
	struct geo *geo;
	uint64_t secret[2];
	open_lookups(conf, &resources, &geo, complaints);
	read_secret(conf, secret, complaints);
	resources_release(&resources);
	geo_free(geo);
}

struct conf *start_check(const char *path, struct complaints *complaints)
{
	struct conf *conf = conf_read_anyway(path, complaints);
	if (conf == NULL)
		return NULL;
	if (conf->rules_dir != NULL) /* else the file broke off before it */
		check_rules(conf, complaints);
	check_lookups(conf, complaints);
	if (complaints->errors == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

/* ---- checking again ------------------------------------------------------------------------------- */

/* What is wrong, for whoever asked and for the log. */
static void tell_complaints(struct start *s, struct complaints *complaints)
{
	FILE *to = fmemopen(s->share.reload->text, RELOAD_TEXT_BYTES, "w");
	if (to != NULL) {
		complaints_print(complaints, to);
		fclose(to);
	}
	s->share.reload->text[RELOAD_TEXT_BYTES - 1] = '\0';
	for (size_t i = 0; i < complaints->count; i++) {
		const struct complaint *c = &complaints->list[i];
		log_error("cannot reload: %s:%u:%u: %s", c->file, c->line, c->column, c->text);
	}
}

/* The configuration must be what it was; what else of it is new would go unnoticed. */
static void check_unchanged(const struct start *s, const struct conf *now,
			    struct complaints *complaints)
{
	struct conf_place place;
	if (!conf_is_same(s->conf, now, &place))
		complaints_add(complaints, now->path, place.line, place.column,
			       "the configuration has changed here since weir was started, and only"
			       " rules can be reloaded: restart weir");
}

static bool keep_texts(const struct start *s, struct complaints *complaints)
{
	struct err e;
	uint64_t next = reload_version(&s->share) + 1;
	if (rule_files_write(start_rule_texts(s, next), &e))
		return true;
	complaints_add(complaints, s->conf->path, 0, 0, "%s", e.text);
	return false;
}

/* In a process of its own, see reload.h: looks at the files as they are now. */
static int check_again(struct start *s)
{
	struct complaints complaints = { 0 };
	struct err e;
	uint64_t version = reload_version(&s->share);
	if (version != 0 && !rule_files_read(start_rule_texts(s, version), &e))
		complaints_add(&complaints, s->conf->path, 0, 0, "%s", e.text);
	rule_files_set_aside();
	struct conf *now = start_check(s->conf->path, &complaints);
	if (now != NULL)
		check_unchanged(s, now, &complaints);
	int status = RELOAD_EXIT_REFUSED;
	if (complaints.errors > 0)
		tell_complaints(s, &complaints);
	else if (rule_files_list_changed(s->share.reload->text, RELOAD_TEXT_BYTES) == 0)
		status = RELOAD_EXIT_SAME;
	else if (keep_texts(s, &complaints))
		status = RELOAD_EXIT_NEW;
	else
		tell_complaints(s, &complaints);
	conf_free(now);
	complaints_release(&complaints);
	rule_files_forget();
	return status;
}

/* ---- opening ----------------------------------------------------------------------------------------- */

/* What needs foreign source addresses, in words, and where it stands; false when nothing does. */
static bool find_transparent(const struct conf *conf, char *words, size_t size,
			     struct conf_place *place)
{
	for (size_t i = 0; i < conf->pool_count; i++)
		if (conf->pools[i].transparent) {
			snprintf(words, size, "transparent pool '%s'", conf->pools[i].name);
			*place = conf->pools[i].place;
			return true;
		}
	for (size_t i = 0; i < conf->vserver_count; i++)
		if (conf->vservers[i].capture == CONF_CAPTURE_TPROXY) {
			snprintf(words, size, "virtual server '%s' (capture: tproxy)",
				 conf->vservers[i].name);
			*place = conf->vservers[i].place;
			return true;
		}
	return false;
}

static void plan_privilege(struct start *s, struct complaints *complaints)
{
	char words[256];
	const char *net_raw_for = NULL;
	struct conf_place place = { 0 }, user_place = s->conf->user_place;
	struct err e;
	if (find_transparent(s->conf, words, sizeof words, &place))
		net_raw_for = words;
	if (!privilege_plan(&s->privilege, NULL, net_raw_for, &e)) {
		complaints_add(complaints, s->conf->path, place.line, place.column, "%s", e.text);
		net_raw_for = NULL;
	}
	if (!privilege_plan(&s->privilege, s->conf->user, net_raw_for, &e))
		complaints_add(complaints, s->conf->path, user_place.line, user_place.column, "%s",
			       e.text);
	for (size_t i = 0; i < s->conf->vserver_count; i++)
		if (s->conf->vservers[i].protocol == CONF_PROTOCOL_UDP)
			privilege_keep_low_ports(&s->privilege);
}

/* Room for as many clients as a worker can have descriptors; 0 when nobody counts clients. */
static unsigned client_rows(const struct conf *conf)
{
	struct rlimit files = { .rlim_cur = RLIM_INFINITY };
	for (size_t i = 0; i < conf->vserver_count; i++)
		if (conf->vservers[i].max_connections_per_client != 0 ||
		    conf->vservers[i].protocol == CONF_PROTOCOL_UDP) {
			getrlimit(RLIMIT_NOFILE, &files);
			return clients_rows_for(files.rlim_cur);
		}
	return 0;
}

/* For the types that there are. */
static void plan_sessions(const struct conf *conf, struct share_counts *counts)
{
	_Static_assert(CONF_SESSIONS_COUNT <= PERSIST_TABLES_MOST, "a table for each");
	for (size_t i = 0; i < conf->persistence_class_count; i++) {
		enum conf_sessions kind = conf_sessions_of(conf->persistence_classes[i].type);
		if (kind == CONF_SESSIONS_COUNT)
			continue;
		counts->sessions[kind] = (struct persist_table_plan){
			.entries = conf->session.cache_sizes[kind],
			.expiry_seconds = (conf->session.cache_expiries[kind] + 999) / 1000,
		};
	}
	counts->persistence_classes = (unsigned)conf->persistence_class_count;
}

/* Rules can turn it on, too. */
static bool may_cache(const struct conf *conf)
{
	bool is_enabled = conf->rule_count > 0;
	for (size_t i = 0; i < conf->vserver_count; i++)
		is_enabled = is_enabled || conf->vservers[i].cache_enabled;
	return is_enabled;
}

static void open_share(struct start *s, struct complaints *complaints)
{
	struct err e;
	const struct conf *conf = s->conf;
	unsigned *pool_nodes = memory_new(conf->pool_count + 1, sizeof *pool_nodes);
	for (size_t i = 0; i < conf->pool_count; i++)
		pool_nodes[i] = (unsigned)conf->pools[i].node_count;
	const struct cache_size cache = { .workers = (unsigned)conf->workers,
					  .bytes = conf->cache_size,
					  .entries = conf->cache_files };
	struct share_counts counts = { .workers = (unsigned)conf->workers,
				       .vservers = (unsigned)conf->vserver_count,
				       .outcomes = TXN_END_COUNT,
				       .refusals = REFUSAL_COUNT,
				       .pools = (unsigned)conf->pool_count,
				       .pool_nodes = pool_nodes,
				       .rules = (unsigned)conf->rule_use_count,
				       .client_rows = client_rows(conf),
				       .rate_classes = (unsigned)conf->rate_class_count,
				       .slm_classes = (unsigned)conf->slm_class_count,
				       .data_size = conf->data_size,
				       .recent = (unsigned)conf->recent_most,
				       .cache_bytes = may_cache(conf) ? cache_store_bytes(&cache)
								      : 0,
				       .buckets = (unsigned)conf->bandwidth_class_count };
	plan_sessions(conf, &counts);
	if (!segment_open(&s->share, &counts, &e))
		complaints_add(complaints, conf->path, 0, 0, "%s", e.text);
	else
		read_secret(conf, s->share.node_secret, complaints);
	if (s->share.cache != NULL)
		cache_store_make(s->share.cache, &cache);
	free(pool_nodes);
}

static void open_rule_texts(struct start *s, struct complaints *complaints)
{
	for (unsigned i = 0; i < 2; i++) {
		s->rule_texts[i] = memfd_create("weir-rules", MFD_CLOEXEC);
		/* a worker may read them, and must not change what others will run */
		if (s->rule_texts[i] == -1 || fchmod(s->rule_texts[i], 0600) == -1)
			complaints_add(complaints, s->conf->path, 0, 0,
				       "cannot open 'a file in memory': %s", strerror(errno));
	}
}

static void set_node_states(struct start *s)
{
	static const enum share_node_state states[] = {
		[CONF_NODE_ACTIVE] = SHARE_NODE_ACTIVE,
		[CONF_NODE_DRAINING] = SHARE_NODE_DRAINING,
		[CONF_NODE_DISABLED] = SHARE_NODE_DISABLED,
	};
	for (unsigned i = 0; i < s->conf->pool_count; i++)
		for (unsigned k = 0; k < s->conf->pools[i].node_count; k++)
			share_node_set_state(
				share_node(&s->share, segment_node_row(&s->share, i, k)),
				states[s->conf->pools[i].nodes[k].state]);
}

bool start_open_share(struct conf *conf, struct share *share, struct complaints *complaints)
{
	struct start s = { .conf = conf };
	size_t errors = complaints->errors;
	open_share(&s, complaints);
	if (complaints->errors > errors)
		return false;
	set_node_states(&s);
	*share = s.share;
	return true;
}

static void open_logs(const struct conf *conf, struct complaints *complaints)
{
	static const enum log_level levels[] = { [CONF_LOG_DEBUG] = LOG_DEBUG,
						 [CONF_LOG_INFO] = LOG_INFO,
						 [CONF_LOG_WARN] = LOG_WARN,
						 [CONF_LOG_ERROR] = LOG_ERROR };
	log_set_process("supervisor");
	log_open(levels[conf->log_level], conf->log_format == CONF_LOG_JSON ? LOG_JSON : LOG_TEXT);
	if (!log_access_open(conf->access_log))
		complaints_add(complaints, conf->path, 0, 0, "cannot open access log '%s': %s",
			       conf->access_log, strerror(errno));
}

/*
 * A weir without root, on the path that nobody chose, goes on without: whoever tries it out has
 * traffic to see, not commands to give. What was asked for must work.
 */
static void open_control(struct start *s, struct complaints *complaints)
{
	struct err e;
	const struct conf_place *place = &s->conf->control_place;
	enum control_result result = control_open(&s->control, s->conf->control, &e);
	if (result == CONTROL_FORBIDDEN && place->line == 0)
		log_warn("%s; going on without: weir status, stop and the like need a `control:`"
			 " path that may be written",
			 e.text);
	else if (result != CONTROL_OPEN)
		complaints_add(complaints, s->conf->path, place->line, place->column, "%s", e.text);
}

/* Everything that can fail, all of it tried, so that all that is wrong is told in one go. */
static bool open_all(struct start *s, struct complaints *complaints)
{
	open_logs(s->conf, complaints);
	privilege_raise_files();
	plan_privilege(s, complaints);
	listeners_open(&s->listeners, s->conf, (unsigned)s->conf->workers, complaints);
	open_share(s, complaints);
	open_lookups(s->conf, &s->resources, &s->geo, complaints);
	open_rule_texts(s, complaints);
	open_control(s, complaints);
	if (complaints->errors > 0)
		return false;
	set_node_states(s);
	return true;
}

/* ---- running ------------------------------------------------------------------------------------------- */

static int run_worker(const struct child *child, void *extra)
{
	return worker_run(child, extra);
}

static int run_keeper(const struct child *child, void *extra)
{
	return keeper_run(child, extra);
}

static const char *name_rule(uint64_t rule, void *extra)
{
	const struct conf *conf = ((const struct start *)extra)->conf;
	return rule > 0 && rule <= conf->rule_count ? conf->rules[rule - 1].name : NULL;
}

static int check_rules_again(void *extra)
{
	return check_again(extra);
}

static int supervise(struct start *s)
{
	struct supervisor_plan plan = { .workers = (unsigned)s->conf->workers,
					.run_worker = run_worker,
					.run_keeper = run_keeper,
					.name_rule = name_rule,
					.check_rules = check_rules_again,
					.extra = s,
					.share = &s->share,
					.listeners = &s->listeners,
					.shutdown_milliseconds = s->conf->shutdown_milliseconds,
					.watchdog_milliseconds = s->conf->watchdog_milliseconds };
	return supervisor_run(&plan);
}

int start_run(const char *path)
{
	struct complaints complaints = { 0 };
	struct start s = { .conf = start_check(path, &complaints),
			   .control = { .fd = -1 },
			   .rule_texts = { -1, -1 } };
	bool is_open = s.conf != NULL && open_all(&s, &complaints);
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	int status = is_open ? supervise(&s) : 1;
	control_close(&s.control);
	for (unsigned i = 0; i < 2; i++)
		if (s.rule_texts[i] != -1)
			close(s.rule_texts[i]);
	listeners_close(&s.listeners);
	segment_close(&s.share);
	resources_release(&s.resources);
	geo_free(s.geo);
	conf_free(s.conf);
	rule_files_forget();
	return status;
}
