/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_bandwidth.h"

#include "base/clock.h"
#include "share/bucket.h"
#include "txn/txn.h"

/* A bite lasts so long at the rate: the timers that it takes cost nothing to speak of. */
#define BITES_PER_SECOND 20
#define BITE_LEAST 64 /* bytes; a timer for each of fewer would be work for nothing */

static uint32_t ordered(const struct txn_order *order, uint32_t otherwise)
{
	return order->is_given ? (uint32_t)order->value : otherwise;
}

uint32_t txn_bandwidth_class_of_request(const struct txn *t)
{
	uint32_t class = t->pool == NULL ? 0 : t->pool->conf->bandwidth;
	return t->orders == NULL ? class : ordered(&t->orders->request_bandwidth, class);
}

uint32_t txn_bandwidth_class_of_response(const struct txn *t)
{
	uint32_t class = t->vserver->conf->bandwidth;
	return t->orders == NULL ? class : ordered(&t->orders->response_bandwidth, class);
}

static void limit(struct txn *t, struct txn_body *b, uint32_t class, uint64_t *of_connection)
{
	b->bandwidth = NULL;
	if (class == 0)
		return;
	const struct world *w = t->vserver->world;
	const struct conf_bandwidth_class *conf = &w->conf->bandwidth_classes[class - 1];
	struct txn_bandwidth *limited = arena_new(&t->arena, sizeof *limited);
	limited->conf = conf;
	limited->bucket = conf->sharing == CONF_SHARING_CONNECTION ? of_connection
								   : &w->share->buckets[class - 1];
	b->bandwidth = limited;
	uint64_t bite = conf->maximum / BITES_PER_SECOND;
	bite = bite < BITE_LEAST ? BITE_LEAST : bite;
	b->limit = bite < b->limit ? (size_t)bite : b->limit;
}

void txn_bandwidth_of_request(struct txn *t)
{
	limit(t, &t->up, txn_bandwidth_class_of_request(t), &t->session->written_to_node);
}

void txn_bandwidth_of_response(struct txn *t)
{
	limit(t, &t->down, txn_bandwidth_class_of_response(t), &t->session->written_to_client);
}

bool txn_bandwidth_may_move(struct txn_bandwidth *w)
{
	uint64_t free_at = bucket_free_at(w->bucket), now = clock_nanoseconds();
	w->resume_at = 0;
	if (free_at <= now)
		return true;
	w->resume_at = clock_milliseconds() + (free_at - now) / 1000000 + 1;
	return false;
}

void txn_bandwidth_spend(struct txn_bandwidth *w, uint64_t bytes)
{
	if (bytes > 0)
		bucket_spend(w->bucket, w->conf->maximum, bytes, clock_nanoseconds());
}
