/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_orders.h"

#include "txn/txn.h"

struct txn_orders *txn_orders_for(struct txn *t)
{
	if (t->orders == NULL)
		t->orders = arena_new(&t->arena, sizeof *t->orders);
	return t->orders;
}

static uint64_t value_of(const struct txn_order *order, uint64_t otherwise)
{
	return order->is_given ? order->value : otherwise;
}

uint64_t txn_orders_connection_attempts(const struct txn *t)
{
	uint64_t most = t->pool->conf->max_connection_attempts;
	return t->orders == NULL ? most : value_of(&t->orders->connection_attempts, most);
}

uint64_t txn_orders_timed_out_attempts(const struct txn *t)
{
	uint64_t most = t->pool->conf->max_timed_out_connection_attempts;
	return t->orders == NULL ? most : value_of(&t->orders->timed_out_attempts, most);
}

uint64_t txn_orders_reply_milliseconds(const struct txn *t)
{
	uint64_t limit = t->pool->conf->reply_milliseconds;
	return t->orders == NULL ? limit : value_of(&t->orders->reply, limit);
}

uint64_t txn_orders_transaction_milliseconds(const struct txn *t)
{
	uint64_t limit = t->vserver->conf->transaction_milliseconds;
	return t->orders == NULL ? limit : value_of(&t->orders->transaction, limit);
}

void txn_orders_mark(const struct txn *t)
{
	unsigned dscp = t->orders == NULL ? 0 : (unsigned)t->orders->dscp.value;
	struct node_connection *c = t->connection;
	if (c->dscp != dscp && stream_set_dscp(&c->stream, dscp))
		c->dscp = dscp;
}
