/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include "base/buf.h"
#include "base/memory.h"
#include "conf/conf_check.h"
#include "conf/conf_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MOST ((size_t)16 << 20)
#define PIECE_BYTES ((size_t)64 << 10)

/* Reads the whole file; false after a complaint. A pipe will do, so that `-c /dev/stdin` works. */
static bool read_file(const char *path, int fd, struct buf *into, struct complaints *complaints)
{
	char *room;
	while (buf_reserve(into, PIECE_BYTES, FILE_MOST + PIECE_BYTES, &room)) {
		ssize_t len = read(fd, room, PIECE_BYTES);
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1) {
			complaints_add(complaints, path, 0, 0, "cannot read '%s': %s", path,
				       strerror(errno));
			return false;
		}
		if (len == 0)
			break;
		buf_grow(into, (size_t)len);
	}
	if (buf_len(into) > FILE_MOST)
		complaints_add(complaints, path, 0, 0, "cannot read '%s': it is larger than 16 MiB",
			       path);
	return buf_len(into) <= FILE_MOST;
}

/* What can be read of it; every error is a complaint. */
static struct conf *read_text(const char *path, struct slice text, struct complaints *complaints)
{
	size_t errors_before = complaints->errors;
	struct arena tree;
	struct conf_reader r = { .conf = memory_new(1, sizeof *r.conf), .complaints = complaints };
	arena_init(&tree);
	arena_init(&r.conf->memory);
	r.conf->path = (char *)arena_copy(&r.conf->memory, slice_of_string(path)).at;
	r.conf->text = arena_copy(&r.conf->memory, text);
	table_init(&r.conf->pools_by_name);
	table_init(&r.rules);
	const struct conf_yaml *top = conf_yaml_parse(path, text, &tree, complaints);
	if (complaints->errors == errors_before || top != NULL) {
		conf_read_tree(&r, top);
		conf_check_all(&r);
	}
	table_release(&r.rules, NULL);
	arena_release(&tree);
	if (geteuid() != 0)
		r.conf->user = NULL;
	return r.conf;
}

/* NULL unless all is well. */
static struct conf *only_good(struct conf *c, const struct complaints *complaints, size_t errors)
{
	if (complaints->errors == errors)
		return c;
	conf_free(c);
	return NULL;
}

struct conf *conf_read(const char *path, struct complaints *complaints)
{
	size_t errors = complaints->errors;
	return only_good(conf_read_anyway(path, complaints), complaints, errors);
}

struct conf *conf_read_text(const char *path, struct slice text, struct complaints *complaints)
{
	size_t errors = complaints->errors;
	return only_good(read_text(path, text, complaints), complaints, errors);
}

struct conf *conf_read_anyway(const char *path, struct complaints *complaints)
{
	struct conf *c = NULL;
	struct buf text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		complaints_add(complaints, path, 0, 0, "cannot open '%s': %s", path,
			       strerror(errno));
		return NULL;
	}
	buf_init(&text);
	if (read_file(path, fd, &text, complaints))
		c = read_text(path, buf_slice(&text), complaints);
	buf_release(&text);
	close(fd);
	return c;
}

/* One value and all in it; the order of keys counts, as it does for what is chosen first. */
static bool is_same_value(const struct conf_yaml *a, const struct conf_yaml *b,
			  struct conf_place *place)
{
	*place = b->place;
	if (a->kind != b->kind || a->is_quoted != b->is_quoted || a->count != b->count)
		return false;
	if (a->kind == CONF_YAML_SCALAR)
		return slice_is_equal(a->text, b->text);
	const struct conf_yaml_entry *other = b->entries;
	for (const struct conf_yaml_entry *e = a->entries; e != NULL;
	     e = e->next, other = other->next)
		if ((e->key != NULL && !is_same_value(e->key, other->key, place)) ||
		    !is_same_value(e->value, other->value, place))
			return false;
	return true;
}

bool conf_is_same(const struct conf *before, const struct conf *now, struct conf_place *place)
{
	struct complaints none = { 0 };
	struct arena trees;
	*place = (struct conf_place){ 0 };
	if (slice_is_equal(before->text, now->text))
		return true;
	arena_init(&trees);
	const struct conf_yaml *a = conf_yaml_parse(before->path, before->text, &trees, &none);
	const struct conf_yaml *b = conf_yaml_parse(now->path, now->text, &trees, &none);
	bool is_same = a == NULL || b == NULL ? a == b : is_same_value(a, b, place);
	arena_release(&trees);
	complaints_release(&none);
	return is_same;
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	table_release(&c->pools_by_name, NULL);
	arena_release(&c->memory);
	free(c);
}

bool conf_networks_hold(const struct conf_networks *networks, const struct addr *a)
{
	for (size_t i = 0; i < networks->count; i++)
		if (addr_is_within(a, &networks->list[i].base, networks->list[i].prefix_bits))
			return true;
	return false;
}

uint32_t conf_find_pool(const struct conf *c, struct slice name)
{
	if (slice_is_equal(name, SLICE("discard")))
		return CONF_POOL_DISCARD;
	const struct conf_pool *pool = table_get(&c->pools_by_name, name);
	return (uint32_t)(pool == NULL ? c->pool_count : (size_t)(pool - c->pools));
}

/* Of `count` items of `size` bytes that begin with a conf_named; NULL when there is none. */
static const void *find_named(const void *list, size_t count, size_t size, struct slice name)
{
	for (size_t i = 0; i < count; i++) {
		const struct conf_named *one = (const void *)((const char *)list + i * size);
		if (slice_is_equal(name, slice_of_string(one->name)))
			return one;
	}
	return NULL;
}

uint32_t conf_find_bandwidth_class(const struct conf *c, struct slice name)
{
	const struct conf_bandwidth_class *found = find_named(
		c->bandwidth_classes, c->bandwidth_class_count, sizeof *c->bandwidth_classes, name);
	return found == NULL ? 0 : (uint32_t)(found - c->bandwidth_classes) + 1;
}

uint32_t conf_find_persistence_class(const struct conf *c, struct slice name)
{
	const struct conf_persistence_class *found = find_named(
		c->persistence_classes, c->persistence_class_count, sizeof *c->persistence_classes,
		name);
	return found == NULL ? 0 : (uint32_t)(found - c->persistence_classes) + 1;
}

enum conf_sessions conf_sessions_of(enum conf_persistence_type type)
{
	switch (type) {
	case CONF_PERSISTENCE_IP:
		return CONF_SESSIONS_IP;
	case CONF_PERSISTENCE_UNIVERSAL:
		return CONF_SESSIONS_UNIVERSAL;
	case CONF_PERSISTENCE_COOKIE:
		return CONF_SESSIONS_COOKIE;
	case CONF_PERSISTENCE_J2EE:
		return CONF_SESSIONS_J2EE;
	case CONF_PERSISTENCE_ASP:
		return CONF_SESSIONS_ASP;
	case CONF_PERSISTENCE_NAMED:
	case CONF_PERSISTENCE_TRANSPARENT:
	case CONF_PERSISTENCE_X_ZEUS:
		break;
	}
	return CONF_SESSIONS_COUNT;
}

const struct conf_rate_class *conf_find_rate_class(const struct conf *c, struct slice name)
{
	return find_named(c->rate_classes, c->rate_class_count, sizeof *c->rate_classes, name);
}

const struct conf_slm_class *conf_find_slm_class(const struct conf *c, struct slice name)
{
	return find_named(c->slm_classes, c->slm_class_count, sizeof *c->slm_classes, name);
}
