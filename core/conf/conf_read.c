/*
 * It is long because sections lead to each other: what reads one calls what reads those below it, and
 * all of them read their keys in the same few ways.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_read.h"

#include "base/check.h"
#include "base/memory.h"
#include "conf/conf_list.h"
#include "conf/conf_schema.h"
#include "conf/conf_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is being read, for messages: "virtual server 'shop'" and where its name stands. */
struct scope {
	char what[128]; /* "" at the top */
	struct conf_place place;
};

static void read_section(struct conf_reader *r, enum conf_section section, void *base,
			 const struct conf_yaml *value, const struct scope *scope);

/* ---- defaults -------------------------------------------------------------------------------- */

static void set_preset(struct conf_reader *r, const struct conf_key *key, void *at)
{
	struct err why;
	struct conf_scalar scalar = { slice_of_string(key->preset), false, r->conf->path,
				      &r->conf->memory };
	check(conf_value_parse(key, &scalar, at, &why));
}

static void set_presets(struct conf_reader *r, enum conf_section section, void *base)
{
	size_t count;
	const struct conf_key *keys = conf_schema_keys(section, &count);
	for (size_t i = 0; i < count; i++) {
		char *at = (char *)base + keys[i].offset;
		bool is_below = keys[i].type == CONF_MAPPING || keys[i].type == CONF_CAPTURE;
		if (is_below && (keys[i].flags & CONF_INHERITS) == 0)
			set_presets(r, keys[i].below, at);
		else if (keys[i].preset != NULL)
			set_preset(r, &keys[i], at);
	}
}

/* ---- keys that weir does not take ------------------------------------------------------------ */

/* Complains if `name` is known from elsewhere. */
static bool complain_if_recognised(struct conf_reader *r, enum conf_section section,
				   const char *name, struct conf_place place)
{
	const char *instead;
	switch (conf_schema_recognise(section, name, &instead)) {
	case CONF_UNKNOWN:
		return false;
	case CONF_LATER:
		CONF_COMPLAIN(r, place, "weir does not have '%s' yet", name);
		return true;
	case CONF_INSTEAD:
		CONF_COMPLAIN(r, place, "weir does not have '%s'; it has %s", name, instead);
		return true;
	}
	return false;
}

/* The same for the keys below an unknown one: `connection: {max_queue_size: 3}`. */
static bool complain_if_recognised_below(struct conf_reader *r, enum conf_section section,
					 const struct conf_yaml_entry *entry)
{
	bool has_complained = false;
	if (entry->value->kind != CONF_YAML_MAPPING)
		return false;
	for (const struct conf_yaml_entry *e = entry->value->entries; e != NULL; e = e->next) {
		char name[128];
		snprintf(name, sizeof name, "%.60s.%.60s", entry->key->text.at, e->key->text.at);
		has_complained |= complain_if_recognised(r, section, name, e->key->place);
	}
	return has_complained;
}

/* The original's `http.add_cluster_ip: yes` for what is `http: {add_cluster_ip: true}` here. */
static bool complain_if_dotted(struct conf_reader *r, enum conf_section section,
			       const struct conf_yaml *name)
{
	size_t dot = slice_find(name->text, '.');
	if (dot == name->text.len)
		return false;
	const struct conf_key *key = conf_schema_find(section, slice_of(name->text.at, dot));
	if (key == NULL || key->type != CONF_MAPPING)
		return false;
	if (conf_schema_find(key->below, slice_skip(name->text, dot + 1)) == NULL)
		return complain_if_recognised(r, key->below, name->text.at + dot + 1, name->place);
	CONF_COMPLAIN(r, name->place, "'%.60s' is written '%s: {%s: ...}'", name->text.at,
		      key->name, name->text.at + dot + 1);
	return true;
}

static bool complain_if_elsewhere(struct conf_reader *r, enum conf_section section,
				  const struct conf_yaml *name, const struct scope *scope)
{
	const char *in = scope->what[0] == '\0' ? "" : " in ";
	const struct conf_key *home = conf_schema_find_home(section, name->text);
	if (home != NULL)
		CONF_COMPLAIN(r, name->place,
			      "unknown key '%.60s'%s%s; did you mean '%s: {%.60s: ...}'?",
			      name->text.at, in, scope->what, home->name, name->text.at);
	else if (conf_schema_find(CONF_IN_TOP, name->text) != NULL)
		CONF_COMPLAIN(r, name->place,
			      "unknown key '%.60s'%s%s; it belongs at the top level", name->text.at,
			      in, scope->what);
	else
		return false;
	return true;
}

static void complain_of_key(struct conf_reader *r, enum conf_section section,
			    const struct conf_yaml_entry *entry, const struct scope *scope)
{
	const struct conf_yaml *name = entry->key;
	/* hundreds of complaints are not shown, and neighbours are slow to find */
	if (r->complaints->errors > 200)
		return;
	if (complain_if_recognised_below(r, section, entry) ||
	    complain_if_recognised(r, section, name->text.at, name->place) ||
	    complain_if_dotted(r, section, name) || complain_if_elsewhere(r, section, name, scope))
		return;
	const char *nearest = conf_schema_nearest(section, name->text.at);
	CONF_COMPLAIN(r, name->place, "unknown key '%.60s'%s%s%s%s%s", name->text.at,
		      scope->what[0] == '\0' ? "" : " in ", scope->what,
		      nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
		      nearest == NULL ? "" : "'?");
}

/* ---- scalars --------------------------------------------------------------------------------- */

static void complain_of_kind(struct conf_reader *r, const struct conf_key *key,
			     const struct conf_yaml *value)
{
	char expected[CONF_EXPECTED_BYTES], found[CONF_FOUND_BYTES];
	CONF_COMPLAIN(r, value->place, "'%s' takes %s, not %s", key->name,
		      conf_value_expected(key, expected), conf_describe(value, found));
}

/* Is it a scalar? Complains if not. */
static bool is_scalar(struct conf_reader *r, const struct conf_key *key,
		      const struct conf_yaml *value)
{
	if (value->kind != CONF_YAML_SCALAR)
		complain_of_kind(r, key, value);
	return value->kind == CONF_YAML_SCALAR;
}

static void read_scalar(struct conf_reader *r, const struct conf_key *key, void *at,
			const struct conf_yaml *value)
{
	struct err why;
	char named[160];
	struct conf_scalar scalar = { value->text, value->is_quoted, r->conf->path,
				      &r->conf->memory };
	if (!is_scalar(r, key, value) || conf_value_parse(key, &scalar, at, &why))
		return;
	snprintf(named, sizeof named, "%s: %.100s", key->name, value->text.at);
	if (!complain_if_recognised(r, key->section, named, value->place))
		CONF_COMPLAIN(r, value->place, "%s", why.text);
}

static void read_pool_name(struct conf_reader *r, const struct conf_key *key, uint32_t *index,
			   const struct conf_yaml *value)
{
	*index = CONF_POOL_DISCARD;
	if (!is_scalar(r, key, value) || slice_is_equal(value->text, SLICE("discard")))
		return;
	const struct conf_pool *pool = table_get(&r->conf->pools_by_name, value->text);
	if (pool != NULL) {
		*index = (uint32_t)(pool - r->conf->pools);
		return;
	}
	if (r->complaints->errors > 200)
		return;
	const char **names = memory_new(r->conf->pool_count + 1, sizeof *names);
	for (size_t i = 0; i < r->conf->pool_count; i++)
		names[i] = r->conf->pools[i].name;
	const char *nearest = complaint_nearest(value->text.at, names, r->conf->pool_count);
	CONF_COMPLAIN(r, value->place, "no pool is named '%.60s'%s%s%s", value->text.at,
		      nearest == NULL ? "" : "; did you mean '", nearest == NULL ? "" : nearest,
		      nearest == NULL ? "" : "'?");
	free(names);
}

static void read_address(struct conf_reader *r, const struct conf_key *key, struct addr *address,
			 const struct conf_yaml *value)
{
	struct err why;
	*address = (struct addr){ 0 };
	if (!is_scalar(r, key, value))
		return;
	if (!conf_value_parse_address(value->text, address, &why))
		CONF_COMPLAIN(r, value->place, "%s", why.text);
	else if (addr_kind(address) == ADDR_UNSPECIFIED)
		CONF_COMPLAIN(r, value->place, "'%.60s' is every address; a node has one",
			      value->text.at);
	else
		return;
	*address = (struct addr){ 0 };
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void read_rule_name(struct conf_reader *r, const struct conf_key *key,
			   const struct conf_yaml **name, const struct conf_yaml *value)
{
	struct slice text = value->text;
	if (!is_scalar(r, key, value))
		return;
	if (!conf_value_is_name(text))
		CONF_COMPLAIN(
			r, value->place,
			"'%.60s' cannot be the name of a rule: letters, digits, '.', '_' and '-', at most 64",
			text.at);
	else if (text.len > 4 && slice_is_equal(slice_skip(text, text.len - 4), SLICE(".lua")))
		CONF_COMPLAIN(r, value->place, "the name of a rule goes without '.lua': '%.*s'",
			      (int)text.len - 4, text.at);
	else
		*name = value;
}

static void read_rule_uses(struct conf_reader *r, const struct conf_key *key,
			   struct conf_rule_uses *uses, const struct conf_yaml *value)
{
	struct conf_items items = conf_items_of(value);
	const struct conf_key *name_key = conf_schema_find(CONF_IN_RULE_USE, SLICE("rule"));
	const struct conf_yaml *item;
	*uses = (struct conf_rule_uses){
		arena_new(&r->conf->memory, items.count * sizeof *uses->list), 0
	};
	while ((item = conf_items_take(&items)) != NULL) {
		struct conf_rule_entry entry = { 0 };
		struct scope scope = { .place = item->place };
		snprintf(scope.what, sizeof scope.what, "an entry of '%s'", key->name);
		set_presets(r, CONF_IN_RULE_USE, &entry);
		if (item->kind == CONF_YAML_MAPPING)
			read_section(r, CONF_IN_RULE_USE, &entry, item, &scope);
		else
			read_rule_name(r, name_key, &entry.rule, item);
		if (entry.rule != NULL && entry.enabled)
			uses->list[uses->count++] = conf_list_add_rule(
				r, entry.rule, entry.run == CONF_RUN_ONCE_PER_CONNECTION);
	}
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void read_node(struct conf_reader *r, struct conf_pool *pool, const struct conf_yaml *item)
{
	struct conf_node *node = &pool->nodes[pool->node_count];
	struct scope scope = { .place = item->place };
	char text[ADDR_TEXT_BYTES];
	snprintf(scope.what, sizeof scope.what, "a node of pool '%s'", pool->name);
	*node = (struct conf_node){ .place = item->place };
	set_presets(r, CONF_IN_NODE, node);
	if (item->kind == CONF_YAML_MAPPING)
		read_section(r, CONF_IN_NODE, node, item, &scope);
	else
		read_address(r, conf_schema_find(CONF_IN_NODE, SLICE("address")), &node->address,
			     item);
	if (node->address.family == ADDR_NONE)
		return;
	node->text = (char *)arena_copy(&r->conf->memory,
					slice_of_string(addr_format(&node->address, text)))
			     .at;
	pool->node_count++;
}

static void read_nodes(struct conf_reader *r, struct conf_pool *pool, const struct conf_yaml *value)
{
	struct conf_items items = conf_items_of(value);
	const struct conf_yaml *item;
	if (value->kind == CONF_YAML_SCALAR &&
	    slice_is_equal(value->text, SLICE("original_destination"))) {
		pool->original_destination = true;
		return;
	}
	if (items.count == 0)
		CONF_COMPLAIN(r, value->place, "pool '%s' has no nodes", pool->name);
	pool->nodes = arena_new(&r->conf->memory, items.count * sizeof *pool->nodes);
	while ((item = conf_items_take(&items)) != NULL)
		read_node(r, pool, item);
}

/* ---- named things ---------------------------------------------------------------------------- */

static bool check_name(struct conf_reader *r, const struct conf_yaml *name, const char *kind)
{
	if (slice_is_equal(name->text, SLICE("discard")) && strcmp(kind, "pool") == 0) {
		CONF_COMPLAIN(r, name->place,
			      "the pool 'discard' is built in; give this one another name");
		return false;
	}
	if (!conf_value_is_name(name->text))
		CONF_COMPLAIN(
			r, name->place,
			"'%.60s' cannot be the name of a %s: letters, digits, '.', '_' and '-', at most 64",
			name->text.at, kind);
	return conf_value_is_name(name->text);
}

/* Are these names with something below them? Complains if not. */
static bool is_mapping(struct conf_reader *r, const struct conf_key *key,
		       const struct conf_yaml *value)
{
	if (value->kind != CONF_YAML_MAPPING)
		complain_of_kind(r, key, value);
	return value->kind == CONF_YAML_MAPPING;
}

/* All pools are known now. */
static void resolve_failure_pool(struct conf_reader *r, struct conf_pool *pool)
{
	const struct conf_yaml *named = pool->failure_pool_named;
	uint32_t index;
	if (named == NULL)
		return;
	pool->failure_pool_named = NULL;
	read_pool_name(r, conf_schema_find(CONF_IN_POOL, SLICE("failure_pool")), &index, named);
	pool->failure_pool = index == CONF_POOL_DISCARD ? index : index + 1;
	if (pool->failure_pool != 0 && index == (uint32_t)(pool - r->conf->pools))
		CONF_COMPLAIN(r, named->place, "pool '%s' cannot stand in for itself", pool->name);
}

static void read_pools(struct conf_reader *r, const struct conf_key *key,
		       const struct conf_yaml *value)
{
	struct conf *c = r->conf;
	if (!is_mapping(r, key, value))
		return;
	c->pools = arena_new(&c->memory, value->count * sizeof *c->pools);
	for (const struct conf_yaml_entry *e = value->entries; e != NULL; e = e->next) {
		struct conf_pool *pool = &c->pools[c->pool_count];
		struct scope scope = { .place = e->key->place };
		if (!check_name(r, e->key, "pool"))
			continue;
		c->pool_count++;
		pool->name = (char *)arena_copy(&c->memory, e->key->text).at;
		pool->place = e->key->place;
		pool->idle_milliseconds = c->idle_milliseconds;
		table_set(&r->conf->pools_by_name, e->key->text, pool);
		snprintf(scope.what, sizeof scope.what, "pool '%s'", pool->name);
		set_presets(r, key->below, pool);
		read_section(r, key->below, pool, e->value, &scope);
	}
	for (size_t i = 0; i < c->pool_count; i++)
		resolve_failure_pool(r, &c->pools[i]);
}

static void read_vservers(struct conf_reader *r, const struct conf_key *key,
			  const struct conf_yaml *value)
{
	struct conf *c = r->conf;
	if (!is_mapping(r, key, value))
		return;
	c->vservers = arena_new(&c->memory, value->count * sizeof *c->vservers);
	for (const struct conf_yaml_entry *e = value->entries; e != NULL; e = e->next) {
		struct conf_vserver *vserver = &c->vservers[c->vserver_count];
		struct scope scope = { .place = e->key->place };
		if (!check_name(r, e->key, "virtual server"))
			continue;
		c->vserver_count++;
		vserver->name = (char *)arena_copy(&c->memory, e->key->text).at;
		vserver->place = e->key->place;
		vserver->rules = c->rule_limits;
		snprintf(scope.what, sizeof scope.what, "virtual server '%s'", vserver->name);
		set_presets(r, key->below, vserver);
		read_section(r, key->below, vserver, e->value, &scope);
	}
}

static void read_bandwidth_name(struct conf_reader *r, const struct conf_key *key, uint32_t *number,
				const struct conf_yaml *value)
{
	if (!is_scalar(r, key, value))
		return;
	*number = conf_find_bandwidth_class(r->conf, value->text);
	if (*number == 0)
		CONF_COMPLAIN(r, value->place, "there is no bandwidth class '%.60s'",
			      value->text.at);
}

/* A class of a kind, in a list of the configuration. */
struct class_list {
	const char *kind;
	size_t size; /* of one, which begins with a conf_named */
	void *list;
	size_t count;
};

static void read_classes(struct conf_reader *r, const struct conf_key *key,
			 const struct conf_yaml *value, struct class_list *classes)
{
	if (!is_mapping(r, key, value))
		return;
	classes->list = arena_new(&r->conf->memory, value->count * classes->size);
	for (const struct conf_yaml_entry *e = value->entries; e != NULL; e = e->next) {
		struct scope scope = { .place = e->key->place };
		if (!check_name(r, e->key, classes->kind))
			continue;
		void *one = (char *)classes->list + classes->count++ * classes->size;
		struct conf_named *named = one;
		named->name = (char *)arena_copy(&r->conf->memory, e->key->text).at;
		named->place = e->key->place;
		snprintf(scope.what, sizeof scope.what, "%s '%s'", classes->kind, named->name);
		set_presets(r, key->below, one);
		read_section(r, key->below, one, e->value, &scope);
	}
}

static void read_bandwidth_classes(struct conf_reader *r, const struct conf_key *key,
				   const struct conf_yaml *value)
{
	struct conf *c = r->conf;
	struct class_list classes = { .kind = "bandwidth class",
				      .size = sizeof *c->bandwidth_classes };
	read_classes(r, key, value, &classes);
	c->bandwidth_classes = classes.list;
	c->bandwidth_class_count = classes.count;
}

static void read_rate_classes(struct conf_reader *r, const struct conf_key *key,
			      const struct conf_yaml *value)
{
	struct conf *c = r->conf;
	struct class_list classes = { .kind = "rate class", .size = sizeof *c->rate_classes };
	read_classes(r, key, value, &classes);
	c->rate_classes = classes.list;
	c->rate_class_count = classes.count;
}

static void read_slm_classes(struct conf_reader *r, const struct conf_key *key,
			     const struct conf_yaml *value)
{
	struct conf *c = r->conf;
	struct class_list classes = { .kind = "service level class",
				      .size = sizeof *c->slm_classes };
	read_classes(r, key, value, &classes);
	c->slm_classes = classes.list;
	c->slm_class_count = classes.count;
}

static void read_persistence_classes(struct conf_reader *r, const struct conf_key *key,
				     const struct conf_yaml *value)
{
	struct conf *c = r->conf;
	struct class_list classes = { .kind = "persistence class",
				      .size = sizeof *c->persistence_classes };
	read_classes(r, key, value, &classes);
	c->persistence_classes = classes.list;
	c->persistence_class_count = classes.count;
}

static void read_persistence_name(struct conf_reader *r, const struct conf_key *key,
				  uint32_t *number, const struct conf_yaml *value)
{
	if (!is_scalar(r, key, value))
		return;
	*number = conf_find_persistence_class(r->conf, value->text);
	if (*number == 0)
		CONF_COMPLAIN(r, value->place, "there is no persistence class '%.60s'",
			      value->text.at);
}

static void read_slm_name(struct conf_reader *r, const struct conf_key *key, uint32_t *number,
			  const struct conf_yaml *value)
{
	if (!is_scalar(r, key, value))
		return;
	const struct conf_slm_class *found = conf_find_slm_class(r->conf, value->text);
	if (found == NULL)
		CONF_COMPLAIN(r, value->place, "no service level class is named '%.60s'",
			      value->text.at);
	else
		*number = (uint32_t)(found - r->conf->slm_classes) + 1;
}

/* ---- sections -------------------------------------------------------------------------------- */

static void read_below(struct conf_reader *r, const struct conf_key *key, void *at,
		       const struct conf_yaml_entry *entry, const struct scope *scope)
{
	struct scope inner = { .place = entry->key->place };
	snprintf(inner.what, sizeof inner.what, "'%s'%s%.90s", key->name,
		 scope->what[0] == '\0' ? "" : " of ", scope->what);
	read_section(r, key->below, at, entry->value, &inner);
}

static void read_capture(struct conf_reader *r, const struct conf_key *key,
			 struct conf_vserver *vserver, const struct conf_yaml_entry *entry,
			 const struct scope *scope)
{
	struct conf_key mode = *conf_schema_find(key->below, SLICE("mode"));
	mode.name = key->name;
	if (entry->value->kind == CONF_YAML_MAPPING)
		read_below(r, key, vserver, entry, scope);
	else if (is_scalar(r, key, entry->value))
		read_scalar(r, &mode, &vserver->capture, entry->value);
}

/* Classes, and the name of one. */
static void read_class_key(struct conf_reader *r, const struct conf_key *key, void *at,
			   const struct conf_yaml *value)
{
	if (key->type == CONF_RATE_CLASSES)
		read_rate_classes(r, key, value);
	else if (key->type == CONF_SLM_CLASSES)
		read_slm_classes(r, key, value);
	else if (key->type == CONF_BANDWIDTH_CLASSES)
		read_bandwidth_classes(r, key, value);
	else if (key->type == CONF_PERSISTENCE_CLASSES)
		read_persistence_classes(r, key, value);
	else if (key->type == CONF_PERSISTENCE_NAME)
		read_persistence_name(r, key, at, value);
	else if (key->type == CONF_SLM_NAME)
		read_slm_name(r, key, at, value);
	else
		read_bandwidth_name(r, key, at, value);
}

/* Of a rule, of a pool above, or of one that may stand further down. */
static void read_name(struct conf_reader *r, const struct conf_key *key, void *at,
		      const struct conf_yaml *value)
{
	if (key->type == CONF_POOL_NAME)
		read_pool_name(r, key, at, value);
	else if (key->type == CONF_RULE_NAME)
		read_rule_name(r, key, at, value);
	else if (is_scalar(r, key, value))
		*(const struct conf_yaml **)at = value;
}

static void read_key(struct conf_reader *r, const struct conf_key *key, void *base,
		     const struct conf_yaml_entry *entry, const struct scope *scope)
{
	void *at = (char *)base + key->offset;
	const struct conf_yaml *value = entry->value;
	if (conf_yaml_is_null(value)) {
		char expected[CONF_EXPECTED_BYTES];
		CONF_COMPLAIN(r, entry->key->place, "'%s' has no value; it takes %s", key->name,
			      conf_value_expected(key, expected));
		return;
	}
	switch (key->type) {
	case CONF_POOL_NAME:
	case CONF_LATER_POOL_NAME:
	case CONF_RULE_NAME:
		read_name(r, key, at, value);
		break;
	case CONF_ADDRESS:
		read_address(r, key, at, value);
		break;
	case CONF_LISTENS:
	case CONF_NETWORK:
	case CONF_NETWORKS:
	case CONF_PORTS:
	case CONF_MEDIA_TYPES:
	case CONF_SERVERS:
		conf_list_read(r, key, value, at);
		break;
	case CONF_RULE_USES:
		read_rule_uses(r, key, at, value);
		break;
	case CONF_NODES:
		read_nodes(r, at, value);
		break;
	case CONF_CAPTURE:
		read_capture(r, key, at, entry, scope);
		break;
	case CONF_MAPPING:
		read_below(r, key, at, entry, scope);
		break;
	case CONF_VSERVERS:
		read_vservers(r, key, value);
		break;
	case CONF_POOLS:
		read_pools(r, key, value);
		break;
	case CONF_RATE_CLASSES:
	case CONF_SLM_CLASSES:
	case CONF_BANDWIDTH_CLASSES:
	case CONF_SLM_NAME:
	case CONF_BANDWIDTH_NAME:
	case CONF_PERSISTENCE_CLASSES:
	case CONF_PERSISTENCE_NAME:
		read_class_key(r, key, at, value);
		break;
	default:
		read_scalar(r, key, at, value);
	}
}

/* Puts each entry of the mapping beside its row; complains of those that have none. */
static void sort_entries(struct conf_reader *r, enum conf_section section,
			 const struct conf_yaml *value, const struct scope *scope,
			 const struct conf_yaml_entry *given[CONF_KEYS_MOST])
{
	size_t count;
	const struct conf_key *keys = conf_schema_keys(section, &count);
	for (const struct conf_yaml_entry *e = value->entries; e != NULL; e = e->next) {
		const struct conf_key *key = conf_schema_find(section, e->key->text);
		if (key == NULL)
			complain_of_key(r, section, e, scope);
		else
			given[key - keys] = e;
	}
}

/* The key that a mapping for the section cannot be without, or NULL. */
static const char *needed_key(enum conf_section section)
{
	size_t count;
	const struct conf_key *keys = conf_schema_keys(section, &count);
	for (size_t i = 0; i < count; i++)
		if ((keys[i].flags & CONF_REQUIRED) != 0)
			return keys[i].name;
	return NULL;
}

/* Something else stands where the section's mapping should. */
static void complain_of_no_mapping(struct conf_reader *r, enum conf_section section,
				   const struct conf_yaml *value, const struct scope *scope)
{
	char found[CONF_FOUND_BYTES];
	const char *key = needed_key(section);
	CONF_COMPLAIN(r, value->place, "%s takes a mapping%s%s%s, not %s",
		      scope->what[0] == '\0' ? "the file" : scope->what,
		      key == NULL ? "" : " with '", key == NULL ? "" : key, key == NULL ? "" : "'",
		      conf_describe(value, found));
}

static void read_section(struct conf_reader *r, enum conf_section section, void *base,
			 const struct conf_yaml *value, const struct scope *scope)
{
	const struct conf_yaml_entry *given[CONF_KEYS_MOST] = { NULL };
	size_t count;
	const struct conf_key *keys = conf_schema_keys(section, &count);
	check(count <= CONF_KEYS_MOST);
	if (value->kind != CONF_YAML_MAPPING && !conf_yaml_is_null(value)) {
		complain_of_no_mapping(r, section, value, scope);
		return;
	}
	sort_entries(r, section, value, scope, given);
	for (size_t i = 0; i < count; i++) {
		if (given[i] != NULL)
			read_key(r, &keys[i], base, given[i], scope);
		else if ((keys[i].flags & CONF_REQUIRED) != 0)
			CONF_COMPLAIN(r, scope->place, "%s needs '%s'", scope->what, keys[i].name);
	}
}

/* Where these stand, for what is wrong with them only when weir starts. */
static void note_places(struct conf *conf, const struct conf_yaml *top)
{
	if (top->kind != CONF_YAML_MAPPING)
		return;
	for (const struct conf_yaml_entry *e = top->entries; e != NULL; e = e->next)
		if (slice_is_equal(e->key->text, SLICE("control")))
			conf->control_place = e->value->place;
		else if (slice_is_equal(e->key->text, SLICE("user")))
			conf->user_place = e->value->place;
		else if (slice_is_equal(e->key->text, SLICE("resources_dir")))
			conf->resources_place = e->value->place;
		else if (slice_is_equal(e->key->text, SLICE("geo")))
			conf->geo_place = e->value->place;
		else if (slice_is_equal(e->key->text, SLICE("session")))
			conf->secret_place = e->value->place;
}

void conf_read_tree(struct conf_reader *r, const struct conf_yaml *top)
{
	struct scope scope = { .place = { 1, 1 } };
	set_presets(r, CONF_IN_TOP, r->conf);
	if (top != NULL) {
		read_section(r, CONF_IN_TOP, r->conf, top, &scope);
		note_places(r->conf, top);
	}
	conf_list_take_rules(r);
}
