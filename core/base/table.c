/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "base/memory.h"
#include "base/siphash.h"

#include <stdlib.h>
#include <sys/random.h>

struct table_entry {
	struct table_entry *next;
	void *value;
	uint64_t hash;
	size_t key_len;
	char key[];
};

/* ---- the hash ----------------------------------------------------------------------------------- */

static const uint64_t *secret(void)
{
	static uint64_t key[2];
	while (key[0] == 0)
		if (getrandom(key, sizeof key, 0) != sizeof key)
			key[0] = 0;
	return key;
}

void table_make_key(void)
{
	secret();
}

uint64_t table_hash(struct slice s)
{
	return siphash_1_3(secret(), s);
}

/* ---- the table ---------------------------------------------------------------------------------- */

void table_init(struct table *t)
{
	*t = (struct table){ 0 };
}

void table_release(struct table *t, void (*free_value)(void *value))
{
	for (size_t i = 0; i < t->slot_count; i++) {
		struct table_entry *e = t->slots[i];
		while (e != NULL) {
			struct table_entry *next = e->next;
			if (free_value != NULL)
				free_value(e->value);
			free(e);
			e = next;
		}
	}
	free(t->slots);
	table_init(t);
}

/* The link that points to `key`'s entry, or to the NULL where it would go. */
static struct table_entry **find(const struct table *t, struct slice key, uint64_t hash)
{
	struct table_entry **link = &t->slots[hash & (t->slot_count - 1)];
	while (*link != NULL && ((*link)->hash != hash ||
				 !slice_is_equal(slice_of((*link)->key, (*link)->key_len), key)))
		link = &(*link)->next;
	return link;
}

void *table_get(const struct table *t, struct slice key)
{
	if (t->count == 0)
		return NULL;
	struct table_entry *e = *find(t, key, table_hash(key));
	return e == NULL ? NULL : e->value;
}

static void grow(struct table *t)
{
	struct table bigger = { .slot_count = t->slot_count == 0 ? 8 : t->slot_count * 2,
				.count = t->count };
	bigger.slots = memory_new(bigger.slot_count, sizeof(struct table_entry *));
	for (size_t i = 0; i < t->slot_count; i++)
		while (t->slots[i] != NULL) {
			struct table_entry *e = t->slots[i];
			struct table_entry **slot =
				&bigger.slots[e->hash & (bigger.slot_count - 1)];
			t->slots[i] = e->next;
			e->next = *slot;
			*slot = e;
		}
	free(t->slots);
	*t = bigger;
}

void *table_set(struct table *t, struct slice key, void *value)
{
	if (t->count >= t->slot_count)
		grow(t);
	uint64_t hash = table_hash(key);
	struct table_entry **link = find(t, key, hash);
	if (*link != NULL) {
		void *before = (*link)->value;
		(*link)->value = value;
		return before;
	}
	struct table_entry *e = memory_new(1, sizeof *e + key.len);
	*e = (struct table_entry){ .value = value, .hash = hash, .key_len = key.len };
	if (key.len > 0)
		memcpy(e->key, key.at, key.len);
	*link = e;
	t->count++;
	return NULL;
}

void *table_remove(struct table *t, struct slice key)
{
	if (t->count == 0)
		return NULL;
	struct table_entry **link = find(t, key, table_hash(key));
	struct table_entry *e = *link;
	if (e == NULL)
		return NULL;
	void *value = e->value;
	*link = e->next;
	free(e);
	t->count--;
	return value;
}

void table_each(const struct table *t, bool (*visit)(struct slice key, void *value, void *extra),
		void *extra)
{
	for (size_t i = 0; i < t->slot_count; i++)
		for (struct table_entry *e = t->slots[i]; e != NULL; e = e->next)
			if (!visit(slice_of(e->key, e->key_len), e->value, extra))
				return;
}
