/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_key.h"

#include <stdio.h>
#include <string.h>

/* Items of a query that are put in order; one with more stays as it is. */
#define QUERY_ITEMS_MOST 64

/* ---- the query ------------------------------------------------------------------------------------ */

static struct slice name_of(struct slice item)
{
	return slice_of(item.at, slice_find(item, '='));
}

static bool is_behind(struct slice item, struct slice other)
{
	struct slice a = name_of(item), b = name_of(other);
	int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
	return order != 0 ? order > 0 : a.len > b.len;
}

/* Splits it at "&"; false when there are too many. Blanks are none here, so nothing is trimmed. */
static bool split(struct slice query, struct slice items[QUERY_ITEMS_MOST], size_t *count)
{
	*count = 0;
	for (;;) {
		size_t len = slice_find(query, '&');
		if (*count == QUERY_ITEMS_MOST)
			return false;
		items[(*count)++] = slice_of(query.at, len);
		if (len == query.len)
			return true;
		query = slice_skip(query, len + 1);
	}
}

/* In the order of the names; equal ones stay as they stand, because that order may mean something. */
static struct slice sort_query(struct slice query, struct arena *arena)
{
	struct slice items[QUERY_ITEMS_MOST];
	size_t count;
	bool is_sorted = true;
	if (query.len == 0 || !split(query, items, &count))
		return query;
	for (size_t i = 1; i < count; i++) {
		struct slice item = items[i];
		size_t at = i;
		for (; at > 0 && is_behind(items[at - 1], item); at--)
			items[at] = items[at - 1];
		items[at] = item;
		is_sorted = is_sorted && at == i;
	}
	if (is_sorted)
		return query;
	char *text = arena_alloc(arena, query.len), *end = text;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			*end++ = '&';
		end = mempcpy(end, items[i].at, items[i].len);
	}
	return slice_of(text, query.len);
}

struct slice cache_key_uri(const struct cache_asked *asked, struct arena *arena)
{
	char number[16];
	int len = snprintf(number, sizeof number, "%u ", asked->server);
	bool has_query = !slice_is_absent(asked->query);
	struct slice query = asked->sorts_query ? sort_query(asked->query, arena) : asked->query;
	const struct slice parts[] = { slice_of(number, (size_t)len), asked->host, asked->path,
				       has_query ? SLICE("?") : SLICE(""), query };
	return arena_join(arena, parts, sizeof parts / sizeof *parts);
}

/* ---- what nodes look at although no Vary says so ---------------------------------------------------- */

/*
 * Frameworks build links and choose what to serve from these, and seldom say so: an answer that one
 * client's header has changed would go to all. Signs in names are alike: CGI cannot tell them apart.
 */
static const char *const looked_at[] = {
	"forwarded",
	"front-end-https",
	"x-forwarded-host",
	"x-forwarded-port",
	"x-forwarded-prefix",
	"x-forwarded-proto",
	"x-forwarded-protocol",
	"x-forwarded-scheme",
	"x-forwarded-server",
	"x-forwarded-ssl",
	"x-host",
	"x-http-destinationurl",
	"x-http-host-override",
	"x-http-method",
	"x-http-method-override",
	"x-method-override",
	"x-original-host",
	"x-original-url",
	"x-rewrite-url",
	"x-scheme",
	"x-url-scheme",
};

static char plain(char byte)
{
	bool is_letter = slice_lower(byte) >= 'a' && slice_lower(byte) <= 'z';
	bool is_digit = byte >= '0' && byte <= '9';
	return is_letter ? slice_lower(byte) : is_digit ? byte : '-';
}

static bool is_alike(struct slice name, const char *known)
{
	size_t i = 0;
	while (i < name.len && known[i] != '\0' && plain(name.at[i]) == known[i])
		i++;
	return i == name.len && known[i] == '\0';
}

/* The known name that it is, or NULL. */
static const char *find_looked_at(struct slice name)
{
	char first = name.len == 0 ? '\0' : slice_lower(name.at[0]);
	if (first != 'x' && first != 'f')
		return NULL;
	for (size_t i = 0; i < sizeof looked_at / sizeof *looked_at; i++)
		if (is_alike(name, looked_at[i]))
			return looked_at[i];
	return NULL;
}

static bool is_seen_by_node(const struct cache_key *key, const struct http_field *field)
{
	return !field->is_hop_by_hop &&
	       !(key->hides_proto && field->id == HTTP_FIELD_X_FORWARDED_PROTO);
}

void cache_key_make(struct cache_key *key, const struct cache_asked *asked, struct arena *arena)
{
	const struct http_fields *fields = asked->fields;
	key->uri = cache_key_uri(asked, arena);
	key->fields = fields;
	key->hides_proto = asked->hides_proto;
	/* texts that may hold anything have their length in front: no two keys can be read alike */
	key->variant = slice_is_absent(asked->extra)
			       ? arena_print(arena, "%.*s %.*s\n", SLICE_PRINT(asked->pool),
					     SLICE_PRINT(asked->destination))
			       : arena_print(arena, "%.*s %.*s %zu ", SLICE_PRINT(asked->pool),
					     SLICE_PRINT(asked->destination), asked->extra.len);
	if (!slice_is_absent(asked->extra)) {
		const struct slice parts[] = { key->variant, asked->extra };
		key->variant = arena_join(arena, parts, 2);
	}
	for (unsigned i = 0; i < fields->count; i++) {
		const char *known = find_looked_at(fields->at[i].name);
		if (known == NULL || !is_seen_by_node(key, &fields->at[i]))
			continue;
		const struct slice parts[] = { key->variant, slice_of_string(known), SLICE(":"),
					       fields->at[i].value, SLICE("\n") };
		key->variant = arena_join(arena, parts, sizeof parts / sizeof *parts);
	}
}

/* ---- Vary ----------------------------------------------------------------------------------------- */

/* Weir writes these for each client. */
static bool is_of_client(struct slice name)
{
	return is_alike(name, "x-forwarded-for") || is_alike(name, "x-cluster-client-ip");
}

bool cache_key_names(const struct http_fields *answer, struct arena *arena, struct slice *names)
{
	struct slice rest = http_fields_joined(answer, SLICE("Vary"), arena), name;
	size_t len = 0;
	*names = SLICE("");
	if (slice_is_absent(rest))
		return true;
	if (rest.len > CACHE_NAMES_MOST)
		return false;
	char *text = arena_alloc(arena, rest.len + 1);
	while (slice_next_item(&rest, ',', &name)) {
		if (name.len == 0)
			continue;
		if (!http_field_name_is_valid(name) || slice_find(name, '*') < name.len ||
		    is_of_client(name))
			return false;
		if (len > 0)
			text[len++] = ',';
		for (size_t i = 0; i < name.len; i++)
			text[len++] = slice_lower(name.at[i]);
	}
	*names = slice_of(text, len);
	return true;
}

struct values {
	char *to;
	size_t len;
	bool is_full;
};

static void put(struct values *v, struct slice s)
{
	v->is_full = v->is_full || s.len > CACHE_VALUES_MOST - v->len;
	if (v->is_full || s.len == 0)
		return;
	memcpy(v->to + v->len, s.at, s.len);
	v->len += s.len;
}

/* All lines of that name as one value; one that is not there is not an empty one. */
static void put_value(struct values *v, const struct cache_key *key, struct slice name)
{
	bool is_first = true;
	for (const struct http_field *field = http_fields_find(key->fields, name); field != NULL;
	     field = http_fields_find_next(key->fields, field)) {
		if (!is_seen_by_node(key, field))
			continue;
		put(v, is_first ? SLICE("=") : SLICE(", "));
		put(v, field->value);
		is_first = false;
	}
	put(v, SLICE("\n"));
}

bool cache_key_vary(const struct cache_key *key, struct slice names, char *to, size_t *len)
{
	struct values v = { .to = to };
	struct slice name;
	while (slice_next_item(&names, ',', &name))
		if (name.len > 0)
			put_value(&v, key, name);
	*len = v.len;
	return !v.is_full;
}
