/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_check.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- rule files ------------------------------------------------------------------------------ */

#define NEIGHBOURS_MOST 500

/* The rule in the directory whose name is likeliest, copied to `out`; false if none is. */
static bool find_neighbour(const char *directory, const char *name, char out[256])
{
	char *names[NEIGHBOURS_MOST];
	size_t count = 0;
	DIR *d = opendir(directory);
	const struct dirent *entry;
	while (d != NULL && count < NEIGHBOURS_MOST && (entry = readdir(d)) != NULL) {
		size_t len = strlen(entry->d_name);
		if (len > 4 && strcmp(entry->d_name + len - 4, ".lua") == 0)
			names[count++] = memory_copy_string(entry->d_name, len - 4);
	}
	if (d != NULL)
		closedir(d);
	const char *nearest = complaint_nearest(name, (const char *const *)names, count);
	if (nearest != NULL)
		snprintf(out, 256, "%s", nearest);
	while (count > 0)
		free(names[--count]);
	return nearest != NULL;
}

static void check_rule(struct conf_reader *r, const struct conf_rule *rule)
{
	struct stat about;
	char neighbour[256];
	if (access(rule->path, R_OK) == 0 && stat(rule->path, &about) == 0) {
		if (!S_ISREG(about.st_mode))
			CONF_COMPLAIN(r, rule->place, "rule '%s' is not a file: '%s'", rule->name,
				      rule->path);
		return;
	}
	if (errno == ENOENT && find_neighbour(r->conf->rules_dir, rule->name, neighbour))
		CONF_COMPLAIN(r, rule->place,
			      "no rule '%s': there is no file '%s'; did you mean '%s'?", rule->name,
			      rule->path, neighbour);
	else if (errno == ENOENT)
		CONF_COMPLAIN(r, rule->place, "no rule '%s': there is no file '%s'", rule->name,
			      rule->path);
	else
		CONF_COMPLAIN(r, rule->place, "cannot read rule '%s': %s", rule->path,
			      strerror(errno));
}

/* ---- listeners ------------------------------------------------------------------------------- */

/* TCP and UDP have ports of their own. */
enum transport { OVER_TCP, OVER_UDP, TRANSPORTS };

static enum transport transport_of(const struct conf_vserver *v)
{
	return v->protocol == CONF_PROTOCOL_UDP ? OVER_UDP : OVER_TCP;
}

/* A listener that is taken. */
struct listener {
	const struct conf_vserver *vserver;
	struct conf_place place;
};

static struct addr any_address_of(const struct addr *a)
{
	return (struct addr){ .family = a->family, .port = a->port };
}

static void take_listener(struct conf_reader *r, struct table *taken, const struct conf_vserver *v,
			  size_t i)
{
	char text[ADDR_TEXT_BYTES];
	struct slice name = slice_of_string(addr_format(&v->listens[i], text));
	const struct listener *before = table_get(taken, name);
	if (before != NULL) {
		CONF_COMPLAIN(r, v->listen_places[i],
			      "virtual server '%s' listens on '%s' already (line %u)",
			      before->vserver->name, text, before->place.line);
		return;
	}
	struct listener *one = memory_new(1, sizeof *one);
	*one = (struct listener){ v, v->listen_places[i] };
	table_set(taken, name, one);
}

/* The kernel gives one address to a listener only if nobody has all addresses of that port. */
static void check_covered(struct conf_reader *r, const struct table *taken,
			  const struct conf_vserver *v, size_t i)
{
	char text[ADDR_TEXT_BYTES], any_text[ADDR_TEXT_BYTES];
	struct addr any = any_address_of(&v->listens[i]);
	if (addr_is_equal(&any, &v->listens[i]))
		return;
	const struct listener *all = table_get(taken, slice_of_string(addr_format(&any, any_text)));
	if (all != NULL)
		CONF_COMPLAIN(
			r, v->listen_places[i],
			"'%s' is part of '%s', on which virtual server '%s' listens (line %u)",
			addr_format(&v->listens[i], text), any_text, all->vserver->name,
			all->place.line);
}

static void check_listeners_over(struct conf_reader *r, enum transport transport)
{
	const struct conf *c = r->conf;
	struct table taken;
	table_init(&taken);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < c->vserver_count; i++) {
			const struct conf_vserver *v = &c->vservers[i];
			bool is_meant = v->enabled && transport_of(v) == transport;
			for (size_t j = 0; is_meant && j < v->listen_count; j++)
				if (round == 0)
					take_listener(r, &taken, v, j);
				else
					check_covered(r, &taken, v, j);
		}
	table_release(&taken, free);
}

/* ---- pools ----------------------------------------------------------------------------------- */

static void check_nodes(struct conf_reader *r, struct conf_pool *pool)
{
	struct table seen;
	table_init(&seen);
	for (size_t i = 0; i < pool->node_count; i++) {
		struct conf_node *node = &pool->nodes[i];
		const struct conf_node *before = table_set(&seen, slice_of_string(node->text),
							   node);
		if (before != NULL)
			CONF_COMPLAIN(r, node->place, "node '%s' is in pool '%s' already (line %u)",
				      node->text, pool->name, before->place.line);
	}
	table_release(&seen, NULL);
}

static void check_accept_from(struct conf_reader *r, const struct conf_pool *pool)
{
	bool wants_mask = pool->accept_from == CONF_ACCEPT_FROM_IP_MASK;
	bool has_mask = pool->accept_from_mask.base.family != ADDR_NONE;
	if (wants_mask && !has_mask)
		CONF_COMPLAIN(r, pool->place,
			      "in pool '%s', udp: accept_from: ip_mask needs 'accept_from_mask'",
			      pool->name);
	else if (has_mask && !wants_mask)
		CONF_COMPLAIN(r, pool->place,
			      "in pool '%s', udp: accept_from_mask is for accept_from: ip_mask",
			      pool->name);
}

/* Pools that stand in for each other in a circle would be tried for ever. */
static void check_failure_pools(struct conf_reader *r, const struct conf_pool *pool)
{
	const struct conf_pool *next = pool;
	for (size_t i = 0; i < r->conf->pool_count; i++) {
		if (next->failure_pool == 0 || next->failure_pool == CONF_POOL_DISCARD)
			return;
		next = &r->conf->pools[next->failure_pool - 1];
		if (next == pool && i > 0) /* itself was told when it was read */
			CONF_COMPLAIN(r, pool->place,
				      "failure_pool of '%s' leads back to '%s' in the end",
				      pool->name, pool->name);
		if (next == pool)
			return;
	}
}

static void check_pool_limits(struct conf_reader *r, const struct conf_pool *pool)
{
	bool has_limits = pool->max_connections_per_node != 0 ||
			  pool->max_transactions_per_node != 0;
	if (pool->original_destination && has_limits)
		CONF_COMPLAIN(r, pool->place,
			      "pool '%s' lists no nodes: it can have no limits for each of them",
			      pool->name);
	if (pool->max_queue_size != 0 && !has_limits)
		CONF_WARN(
			r, pool->place,
			"pool '%s' has no limits that would make anybody wait: max_queue_size does nothing",
			pool->name);
}

static bool has_node_of(const struct conf_pool *pool, uint8_t family)
{
	for (size_t i = 0; i < pool->node_count; i++)
		if (pool->nodes[i].address.family == family)
			return true;
	return false;
}

/* ---- persistence classes --------------------------------------------------------------------- */

/* What a class says must be of use: whoever wrote it meant something by it. */
static void check_persistence(struct conf_reader *r, const struct conf_persistence_class *class)
{
	const char *name = class->named.name;
	bool is_cookie = class->type == CONF_PERSISTENCE_COOKIE;
	bool is_url = class->failure_mode == CONF_FAILURE_URL;
	bool has_network = class->prefix_length_v4 != 0 || class->prefix_length_v6 != 0;
	bool has_cookie = class->always_sets_cookie || class->directives[0] != '\0';
	if (is_cookie != (class->cookie != NULL))
		CONF_COMPLAIN(r, class->named.place, "persistence class '%s' %s 'cookie'", name,
			      is_cookie ? "of type cookie needs"
					: "is not of type cookie and has no use for");
	if (is_url != (class->url != NULL))
		CONF_COMPLAIN(r, class->named.place, "persistence class '%s' %s 'url'", name,
			      is_url ? "with failure_mode url needs"
				     : "has another failure_mode than url and no use for");
	if (has_network && class->type != CONF_PERSISTENCE_IP)
		CONF_COMPLAIN(
			r, class->named.place,
			"persistence class '%s' is not of type ip and has no use for networks",
			name);
	if (has_cookie && class->type != CONF_PERSISTENCE_TRANSPARENT)
		CONF_COMPLAIN(
			r, class->named.place,
			"persistence class '%s' is not of type transparent and has no use for 'transparent'",
			name);
}

/* ---- virtual servers ------------------------------------------------------------------------- */

/* An IPv6 client cannot be the source towards an IPv4 node, nor the other way round. */
static void warn_of_families(struct conf_reader *r, const struct conf_vserver *v,
			     const struct conf_pool *pool)
{
	char text[ADDR_TEXT_BYTES];
	/* of which family a client is that a PROXY header names shows when it comes */
	if (!pool->transparent || pool->node_count == 0 || v->proxy_from.count > 0 ||
	    pool->on_spoof_failure != CONF_ON_SPOOF_FAILURE_FAIL)
		return;
	for (size_t i = 0; i < v->listen_count; i++)
		if (!has_node_of(pool, v->listens[i].family))
			CONF_WARN(
				r, v->listen_places[i],
				"clients of '%s' will be refused: transparent pool '%s' has no IPv%u node",
				addr_format(&v->listens[i], text), pool->name,
				v->listens[i].family);
}

#define AT(member) offsetof(struct conf_vserver, member)

/* A limit that lies beyond another one can never be reached: whoever wrote it meant something else. */
static const struct {
	size_t limit, bound;
	const char *limit_name, *bound_name, *unit;
} contradictions[] = {
	{ AT(max_request_line), AT(max_head), "http: max_request_line", "max_head", "" },
	{ AT(rules.budget), AT(rules.total_budget), "rules: budget", "total_budget", "" },
	{ AT(max_pipelined), AT(max_requests), "connection: max_pipelined", "max_requests", "" },
	{ AT(body_milliseconds), AT(transaction_milliseconds), "timeouts: body", "transaction",
	  "ms" },
	{ AT(max_connections_per_client), AT(max_concurrent_connections),
	  "max_connections_per_client", "max_concurrent_connections", "" },
};

#undef AT

static uint64_t limit_at(const struct conf_vserver *v, size_t offset)
{
	return *(const uint64_t *)(const void *)((const char *)v + offset);
}

static void check_against_all(struct conf_reader *r, const struct conf_vserver *v, uint64_t limit,
			      const char *name)
{
	if (r->conf->max_connections != 0 && limit > r->conf->max_connections)
		CONF_COMPLAIN(
			r, v->place,
			"in virtual server '%s', %s is more than max_connections at the top level",
			v->name, name);
}

/* 0 is no limit. */
static void check_limits(struct conf_reader *r, const struct conf_vserver *v)
{
	for (size_t i = 0; i < sizeof contradictions / sizeof contradictions[0]; i++) {
		uint64_t limit = limit_at(v, contradictions[i].limit);
		uint64_t bound = limit_at(v, contradictions[i].bound);
		const char *unit = contradictions[i].unit;
		if (bound == 0 || limit <= bound)
			continue;
		/* with the values: either may be a default that stands nowhere in the file */
		CONF_COMPLAIN(r, v->place,
			      "in virtual server '%s', %s (%" PRIu64 "%s) is more than %s (%" PRIu64
			      "%s)",
			      v->name, contradictions[i].limit_name, limit, unit,
			      contradictions[i].bound_name, bound, unit);
	}
	check_against_all(r, v, v->max_concurrent_connections, "max_concurrent_connections");
	check_against_all(r, v, v->max_connections_per_client, "max_connections_per_client");
}

/* What a virtual server of UDP cannot do, or has under another name. */
static void check_udp(struct conf_reader *r, const struct conf_vserver *v)
{
	if (v->capture == CONF_CAPTURE_REDIRECT)
		CONF_COMPLAIN(
			r, v->place,
			"virtual server '%s' cannot have 'capture: redirect': the kernel tells nobody where a redirected datagram was headed; use tproxy, or none when nobody asks where that was",
			v->name);
	if (v->max_concurrent_connections != 0)
		CONF_COMPLAIN(
			r, v->place,
			"in virtual server '%s', max_concurrent_connections is for TCP; with protocol: udp it is udp: {max_sessions}",
			v->name);
	if (v->max_connections_per_client != 0)
		CONF_COMPLAIN(
			r, v->place,
			"in virtual server '%s', max_connections_per_client is for TCP; with protocol: udp it is udp: {max_sessions_per_client}",
			v->name);
	if (v->bandwidth != 0)
		CONF_COMPLAIN(
			r, v->place,
			"virtual server '%s' cannot have a bandwidth_class: weir does not hold datagrams back",
			v->name);
	const struct conf_pool *pool = v->pool < r->conf->pool_count ? &r->conf->pools[v->pool]
								     : NULL;
	if (pool != NULL && pool->persistence != 0 &&
	    r->conf->persistence_classes[pool->persistence - 1].type != CONF_PERSISTENCE_IP)
		CONF_COMPLAIN(
			r, v->place,
			"virtual server '%s' cannot have pool '%s': with protocol: udp a persistence class is of type ip",
			v->name, pool->name);
	if (pool != NULL && pool->proxy_protocol == CONF_PROXY_PROTOCOL_V1)
		CONF_COMPLAIN(
			r, v->place,
			"virtual server '%s' cannot have pool '%s': with protocol: udp it is proxy_protocol: v2, version 1 has no word for UDP",
			v->name, pool->name);
}

static void check_vserver(struct conf_reader *r, const struct conf_vserver *v)
{
	if (v->protocol == CONF_PROTOCOL_UDP)
		check_udp(r, v);
	check_limits(r, v);
	if (v->banner != NULL && v->protocol != CONF_PROTOCOL_SERVER_FIRST)
		CONF_COMPLAIN(
			r, v->place,
			"in virtual server '%s', server_first_banner is for protocol server_first",
			v->name);
	if (v->pool >= r->conf->pool_count)
		return;
	const struct conf_pool *pool = &r->conf->pools[v->pool];
	if (pool->original_destination && v->capture == CONF_CAPTURE_NONE &&
	    v->proxy_from.count == 0)
		CONF_WARN(
			r, v->place,
			"virtual server '%s' captures nothing, so the original destination of pool '%s' is weir itself",
			v->name, pool->name);
	warn_of_families(r, v, pool);
}

void conf_check_all(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	for (size_t i = 0; i < c->rule_count; i++)
		check_rule(r, &c->rules[i]);
	for (unsigned transport = 0; transport < TRANSPORTS; transport++)
		check_listeners_over(r, transport);
	for (size_t i = 0; i < c->pool_count; i++) {
		check_nodes(r, &c->pools[i]);
		check_accept_from(r, &c->pools[i]);
		check_failure_pools(r, &c->pools[i]);
		check_pool_limits(r, &c->pools[i]);
	}
	for (size_t i = 0; i < c->persistence_class_count; i++)
		check_persistence(r, &c->persistence_classes[i]);
	for (size_t i = 0; i < c->vserver_count; i++)
		check_vserver(r, &c->vservers[i]);
	if (c->vserver_count == 0 && r->complaints->errors == 0)
		complaints_warn(r->complaints, c->path, 0, 0,
				"no virtual server: nothing will listen");
}
