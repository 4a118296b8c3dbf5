/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_list.h"

#include "base/check.h"
#include "conf/conf_value.h"

#include <stdio.h>
#include <string.h>

struct conf_items conf_items_of(const struct conf_yaml *value)
{
	if (value->kind == CONF_YAML_LIST)
		return (struct conf_items){ NULL, value->entries, value->count };
	return (struct conf_items){ value, NULL, 1 };
}

const struct conf_yaml *conf_items_take(struct conf_items *items)
{
	const struct conf_yaml *item = items->single;
	items->single = NULL;
	if (item != NULL || items->next == NULL)
		return item;
	item = items->next->value;
	items->next = items->next->next;
	return item;
}

const char *conf_describe(const struct conf_yaml *value, char out[CONF_FOUND_BYTES])
{
	if (value->kind == CONF_YAML_SCALAR)
		snprintf(out, CONF_FOUND_BYTES, "'%.60s'", value->text.at);
	else
		snprintf(out, CONF_FOUND_BYTES, "a %s",
			 value->kind == CONF_YAML_LIST ? "list" : "mapping");
	return out;
}

/* ---- plain values ---------------------------------------------------------------------------- */

/* Is the item a scalar? Complains if not. */
static bool is_scalar(struct conf_reader *r, const struct conf_yaml *item, const char *expected)
{
	char found[CONF_FOUND_BYTES];
	if (item->kind != CONF_YAML_SCALAR)
		CONF_COMPLAIN(r, item->place, "here stands %s, not %s", expected,
			      conf_describe(item, found));
	return item->kind == CONF_YAML_SCALAR;
}

static void read_listens(struct conf_reader *r, const struct conf_yaml *value,
			 struct conf_vserver *v)
{
	struct conf_items items = conf_items_of(value);
	const struct conf_yaml *item;
	if (items.count == 0)
		CONF_COMPLAIN(r, value->place,
			      "'listen' is empty; it takes an address such as \"0.0.0.0:80\"");
	v->listens = arena_new(&r->conf->memory, items.count * sizeof *v->listens);
	v->listen_places = arena_new(&r->conf->memory, items.count * sizeof *v->listen_places);
	while ((item = conf_items_take(&items)) != NULL) {
		struct err why;
		struct addr address;
		if (!is_scalar(r, item, "an address with a port"))
			continue;
		if (!conf_value_parse_address(item->text, &address, &why)) {
			CONF_COMPLAIN(r, item->place, "%s", why.text);
			continue;
		}
		v->listens[v->listen_count] = address;
		v->listen_places[v->listen_count++] = item->place;
	}
}

/* False after a complaint. */
static bool read_network(struct conf_reader *r, const struct conf_yaml *item,
			 struct conf_network *network)
{
	char first[ADDR_TEXT_BYTES];
	struct conf_network found;
	if (!is_scalar(r, item, "a network"))
		return false;
	if (!addr_parse_network(item->text, &found.base, &found.prefix_bits)) {
		CONF_COMPLAIN(r, item->place,
			      "'%.60s' is no network such as 10.0.0.0/8 or fd00::/8",
			      item->text.at);
		return false;
	}
	struct addr clean = addr_network(&found.base, found.prefix_bits);
	if (!addr_is_same_ip(&clean, &found.base)) {
		CONF_COMPLAIN(r, item->place,
			      "'%.60s' has bits behind its prefix; did you mean '%s/%u'?",
			      item->text.at, addr_format_ip(&clean, first), found.prefix_bits);
		return false;
	}
	*network = found;
	return true;
}

static void read_networks(struct conf_reader *r, const struct conf_key *key,
			  const struct conf_yaml *value, struct conf_networks *networks)
{
	struct conf_items items = conf_items_of(value);
	const struct conf_yaml *item;
	if (items.count == 0)
		CONF_COMPLAIN(r, value->place,
			      "'%s' is empty; it takes a network such as 10.0.0.0/8", key->name);
	*networks = (struct conf_networks){
		arena_new(&r->conf->memory, items.count * sizeof *networks->list), 0
	};
	while ((item = conf_items_take(&items)) != NULL)
		if (read_network(r, item, &networks->list[networks->count]))
			networks->count++;
}

static void read_ports(struct conf_reader *r, const struct conf_yaml *value, struct conf_vserver *v)
{
	struct conf_items items = conf_items_of(value);
	const struct conf_yaml *item;
	v->capture_ports = arena_new(&r->conf->memory, items.count * sizeof *v->capture_ports);
	while ((item = conf_items_take(&items)) != NULL) {
		uint64_t port;
		if (!is_scalar(r, item, "a port"))
			continue;
		if (!item->is_quoted && conf_value_parse_number(item->text, &port) && port > 0 &&
		    port < 65536)
			v->capture_ports[v->capture_port_count++] = (uint16_t)port;
		else
			CONF_COMPLAIN(r, item->place, "'%.60s' is no port from 1 to 65535",
				      item->text.at);
	}
}

/* Name servers have their port by custom. */
#define DNS_PORT 53

static void read_servers(struct conf_reader *r, const struct conf_yaml *value, struct conf *c)
{
	struct conf_items items = conf_items_of(value);
	const struct conf_yaml *item;
	c->dns_servers = arena_new(&c->memory, items.count * sizeof *c->dns_servers);
	while ((item = conf_items_take(&items)) != NULL) {
		struct err why;
		struct addr address;
		if (!is_scalar(r, item, "an address"))
			continue;
		if (addr_parse_ip(item->text, &address))
			address.port = DNS_PORT;
		else if (!conf_value_parse_address(item->text, &address, &why)) {
			CONF_COMPLAIN(r, item->place, "%s", why.text);
			continue;
		}
		c->dns_servers[c->dns_server_count++] = address;
	}
}

/* A type and a subtype, or the beginning of them and a star. */
static bool is_media_type(struct slice text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789!#$&^_.+-/";
	size_t slash = slice_find(text, '/');
	bool has_star = text.len > 0 && text.at[text.len - 1] == '*';
	size_t good = strspn(text.at, letters);
	return has_star ? good + 1 == text.len
			: good == text.len && slash > 0 && slash + 1 < text.len;
}

static void read_media_types(struct conf_reader *r, const struct conf_yaml *value,
			     struct conf_vserver *v)
{
	struct conf_items items = conf_items_of(value);
	const struct conf_yaml *item;
	v->compress.types = arena_new(&r->conf->memory, items.count * sizeof *v->compress.types);
	while ((item = conf_items_take(&items)) != NULL) {
		if (!is_scalar(r, item, "a media type"))
			continue;
		if (is_media_type(item->text))
			v->compress.types[v->compress.type_count++] = arena_copy(&r->conf->memory,
										 item->text);
		else
			CONF_COMPLAIN(r, item->place,
				      "'%.60s' is no media type such as text/css or text/*",
				      item->text.at);
	}
}

void conf_list_read(struct conf_reader *r, const struct conf_key *key,
		    const struct conf_yaml *value, void *at)
{
	switch (key->type) {
	case CONF_NETWORK:
		read_network(r, value, at);
		break;
	case CONF_LISTENS:
		read_listens(r, value, at);
		break;
	case CONF_NETWORKS:
		read_networks(r, key, value, at);
		break;
	case CONF_PORTS:
		read_ports(r, value, at);
		break;
	case CONF_MEDIA_TYPES:
		read_media_types(r, value, at);
		break;
	default:
		check(key->type == CONF_SERVERS);
		read_servers(r, value, at);
	}
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* A rule that is known by name, and its index in conf.rules to be. */
struct listed_rule {
	struct conf_rule rule;
	uint32_t number;
};

/* The number in conf.rules of a rule by that name, which is listed if it is not yet. */
static uint32_t number_of_rule(struct conf_reader *r, const struct conf_yaml *name)
{
	struct conf *c = r->conf;
	const struct listed_rule *known = table_get(&r->rules, name->text);
	if (known != NULL)
		return known->number;
	struct listed_rule *listed = arena_new(&c->memory, sizeof *listed);
	listed->rule = (struct conf_rule){
		.name = (char *)arena_copy(&c->memory, name->text).at,
		.path = (char *)arena_print(&c->memory, "%s/%s.lua", c->rules_dir, name->text.at)
				.at,
		.place = name->place,
	};
	listed->number = (uint32_t)r->rules.count;
	table_set(&r->rules, name->text, listed);
	return listed->number;
}

struct conf_rule_use conf_list_add_rule(struct conf_reader *r, const struct conf_yaml *name,
					bool once_per_connection)
{
	return (struct conf_rule_use){ .rule = number_of_rule(r, name),
				       .row = (uint32_t)r->conf->rule_use_count++,
				       .once_per_connection = once_per_connection };
}

static bool copy_rule(struct slice name, void *value, void *extra)
{
	const struct listed_rule *listed = value;
	struct conf_rule *rules = extra;
	(void)name;
	rules[listed->number] = listed->rule;
	return true;
}

void conf_list_take_rules(struct conf_reader *r)
{
	r->conf->rule_count = r->rules.count;
	r->conf->rules = arena_new(&r->conf->memory, r->rules.count * sizeof *r->conf->rules);
	table_each(&r->rules, copy_rule, r->conf->rules);
}
