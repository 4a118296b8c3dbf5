/* connection.*: session persistence: which class holds, and what tells the session. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "txn/txn_orders.h"
#include "txn/txn_persist.h"

static enum rule_answer set_persistence(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	uint32_t class_number = 0;
	if (!rule_argument_is_absent(call, 1)) {
		struct slice name = rule_argument_string(call, 1);
		class_number = conf_find_persistence_class(api_world(call)->conf, name);
		if (class_number == 0) {
			api_warn(call, "there is no persistence class '%.*s'",
				 name.len < 100 ? (int)name.len : 100, name.at);
			rule_push_boolean(call, false);
			return RULE_RETURN;
		}
	}
	txn_orders_for(t)->persistence = class_number;
	rule_push_boolean(call, true);
	return RULE_RETURN;
}

/* Where the transaction would go just now. */
static const struct pool *pool_of(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	const struct world *w = api_world(call);
	uint32_t pool = t->vserver->conf->pool;
	if (t->pool != NULL || t->is_discarded_pool)
		return t->pool;
	return pool == CONF_POOL_DISCARD ? NULL : &w->pools[pool];
}

static enum rule_answer get_persistence(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	const struct pool *p = pool_of(call);
	uint32_t class_number = p == NULL ? 0 : txn_persist_class(t, p);
	struct slice name = SLICE_ABSENT;
	if (class_number != 0)
		name = slice_of_string(
			api_world(call)->conf->persistence_classes[class_number - 1].named.name);
	rule_push_string(call, name);
	return RULE_RETURN;
}

static enum rule_answer set_key(struct rule_call *call)
{
	struct slice key = api_text(call, 1);
	uint64_t hash = table_hash(key);
	/* of the key no more is kept; 0 is for none */
	txn_orders_for(api_txn(call))->persistence_key = key.len == 0 ? 0 : hash + (hash == 0);
	return RULE_RETURN;
}

static enum rule_answer set_node(struct rule_call *call)
{
	struct slice text = rule_argument_string(call, 1);
	struct addr node = { 0 };
	if (text.len > 0 && !addr_parse(text, &node) && !addr_parse_ip(text, &node))
		rule_argument_error(
			call, 1,
			"expected a node such as 10.0.0.1:80, or its address alone, got '%.*s'",
			text.len < 100 ? (int)text.len : 100, text.at);
	txn_orders_for(api_txn(call))->persistence_node = node;
	return RULE_RETURN;
}

#define BEFORE_THE_END (RULE_IN_REQUEST | RULE_IN_RESPONSE)
#define FOR_RETRY " In a response rule it is for what request.retry begins."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "connection.setPersistence", set_persistence, BEFORE_THE_END, "class?: string", "boolean",
	  "This class of `persistence_classes` holds for this transaction, in place of its pool's; without "
	  "a name it is the pool's again. `false` and a warning in the log when there is no such class." FOR_RETRY,
	  "connection.setPersistence" },
	{ "connection.getPersistence", get_persistence, RULE_IN_ANY, "", "string|nil",
	  "The persistence class in force: what a rule set, or that of the pool to which the transaction "
	  "goes as things stand; nil without one.", "connection.getPersistence" },
	{ "connection.setPersistenceKey", set_key, BEFORE_THE_END, "key: string", "",
	  "The key that tells the session, for a class of type universal: transactions with the same key and "
	  "class go to the same node. \"\" removes it. Classes of other types ignore it. It holds for this "
	  "transaction." FOR_RETRY, "connection.setPersistenceKey" },
	{ "connection.setPersistenceNode", set_node, BEFORE_THE_END, "node: string", "",
	  "The node of the session, for a class of type named: \"10.0.0.1:80\", \"[fd00::1]:80\", or an "
	  "address without port. Where the pool has no node with that port, it is one with the address, always "
	  "the same; where it has none of these either, the class's `failure_mode` says what follows. \"\" removes "
	  "it. Classes of other types ignore it. It holds for this transaction. A text that is no address is an "
	  "error." FOR_RETRY, "connection.setPersistenceNode" },
};
/* clang-format on */

API_FAMILY(api_persist, functions);
