/* SPDX-License-Identifier: Apache-2.0 */
#include "share/recent.h"

#include <string.h>

/* The worker writes; whoever reads takes the number before and after: 0 while it is being written. */
struct recent_place {
	uint64_t number; /* of the record, from 1 */
	struct recent_record record;
};

struct recent_ring {
	uint64_t added; /* ever */
	char apart[120];
	struct recent_place places[];
};

static size_t ring_bytes(unsigned most)
{
	return (sizeof(struct recent_ring) + most * sizeof(struct recent_place) + 127) / 128 * 128;
}

size_t recent_bytes(unsigned workers, unsigned most)
{
	return workers * ring_bytes(most);
}

static struct recent_ring *ring_of(const struct share *s, unsigned worker)
{
	return (void *)(s->recent + worker * ring_bytes(s->recent_most));
}

void recent_put_text(char *to, size_t size, struct slice text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;
	for (size_t i = 0; i < len; i++)
		to[i] = text.at[i] >= ' ' && text.at[i] < 0x7f ? text.at[i] : '?';
	to[len] = '\0';
}

void recent_add(const struct share *s, unsigned worker, const struct recent_record *record)
{
	if (s->recent_most == 0)
		return;
	struct recent_ring *ring = ring_of(s, worker);
	struct recent_place *place = &ring->places[ring->added % s->recent_most];
	__atomic_store_n(&place->number, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	place->record = *record;
	__atomic_store_n(&place->number, ring->added + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&ring->added, ring->added + 1, __ATOMIC_RELEASE);
}

bool recent_get(const struct share *s, unsigned worker, unsigned age, struct recent_record *record)
{
	if (s->recent_most == 0)
		return false;
	const struct recent_ring *ring = ring_of(s, worker);
	uint64_t added = __atomic_load_n(&ring->added, __ATOMIC_ACQUIRE);
	if (age >= added || age >= s->recent_most)
		return false;
	uint64_t number = added - age;
	const struct recent_place *place = &ring->places[(number - 1) % s->recent_most];
	if (__atomic_load_n(&place->number, __ATOMIC_ACQUIRE) != number)
		return false;
	*record = place->record;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (__atomic_load_n(&place->number, __ATOMIC_RELAXED) != number)
		return false;
	/* a worker gone mad may have written anything */
	char *const texts[] = { record->client, record->dest, record->node, record->source };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		texts[i][RECENT_ADDRESS_BYTES - 1] = '\0';
	record->method[sizeof record->method - 1] = record->host[sizeof record->host - 1] = '\0';
	record->uri[sizeof record->uri - 1] = record->rule[sizeof record->rule - 1] = '\0';
	return true;
}
