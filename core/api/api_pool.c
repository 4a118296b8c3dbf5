/* pool.*: which pool a transaction goes to, and how its nodes are. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

/* ---- choosing -------------------------------------------------------------------------------------------- */

/* The address that arguments 2 and 3 are; ADDR_NONE when there are none. */
static struct addr named_address(struct rule_call *call)
{
	struct addr a = { 0 };
	if (rule_argument_is_absent(call, 2)) {
		if (!rule_argument_is_absent(call, 3))
			rule_argument_error(call, 2, "expected an IP address before the port");
		return a;
	}
	struct slice host = rule_argument_string(call, 2);
	if (!addr_parse_ip(host, &a))
		rule_argument_error(call, 2, "expected an IP address, got '%.*s'",
				    host.len < 100 ? (int)host.len : 100, host.at);
	return addr_with_port(&a, (uint16_t)rule_argument_integer(call, 3, 1, 65535));
}

static void choose(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct pool *p = api_named_pool(call);
	struct addr forced = named_address(call);
	if (rule_call_phase(call) ==
	    RULE_RESPONSE) { /* the answer that is here stays that pool's */
		struct txn_orders *o = txn_orders_for(t);
		o->has_next_pool = true;
		o->next_pool = p;
		o->next_forced = forced;
		return;
	}
	t->pool = p;
	t->is_discarded_pool = p == NULL;
	t->forced = forced;
}

static enum rule_answer select_pool(struct rule_call *call)
{
	choose(call);
	return RULE_RETURN;
}

static enum rule_answer use_pool(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	char address[ADDR_TEXT_BYTES];
	choose(call);
	if (t->is_discarded_pool)
		t->rule_end = TXN_END_DISCARDED;
	const struct slice words[] = {
		SLICE("pool.use "),
		slice_of_string(t->pool == NULL ? "discard" : t->pool->conf->name),
		slice_of_string(t->forced.family == ADDR_NONE ? "" : " "),
		slice_of_string(addr_format(&t->forced, address)),
	};
	t->verdict = arena_join(&t->arena, words, sizeof words / sizeof words[0]);
	return RULE_VERDICT;
}

/* ---- how nodes are: each is in one state ------------------------------------------------------------------ */

enum state { ACTIVE, DRAINING, DISABLED, FAILED };

static enum state state_of(const struct node *n)
{
	enum share_node_state wanted = share_node_state(n->state);
	if (wanted == SHARE_NODE_DISABLED)
		return DISABLED;
	if (share_node_is_failed(n->state))
		return FAILED;
	return wanted == SHARE_NODE_DRAINING ? DRAINING : ACTIVE;
}

static enum rule_answer count_nodes(struct rule_call *call, enum state state)
{
	struct pool *p = api_named_pool(call);
	int64_t count = 0;
	for (size_t i = 0; p != NULL && i < p->conf->node_count; i++)
		count += state_of(&p->nodes[i]) == state;
	rule_push_integer(call, count);
	return RULE_RETURN;
}

static enum rule_answer list_nodes(struct rule_call *call, unsigned states)
{
	struct pool *p = api_named_pool(call);
	rule_push_table(call);
	for (size_t i = 0; p != NULL && i < p->conf->node_count; i++)
		if ((states & 1u << state_of(&p->nodes[i])) != 0)
			rule_table_append(call, slice_of_string(p->nodes[i].conf->text));
	return RULE_RETURN;
}

static enum rule_answer count_active(struct rule_call *call)
{
	return count_nodes(call, ACTIVE);
}

static enum rule_answer count_draining(struct rule_call *call)
{
	return count_nodes(call, DRAINING);
}

static enum rule_answer count_disabled(struct rule_call *call)
{
	return count_nodes(call, DISABLED);
}

static enum rule_answer count_failed(struct rule_call *call)
{
	return count_nodes(call, FAILED);
}

static enum rule_answer list_all(struct rule_call *call)
{
	return list_nodes(call, ~0u);
}

static enum rule_answer list_active(struct rule_call *call)
{
	return list_nodes(call, 1u << ACTIVE);
}

static enum rule_answer list_draining(struct rule_call *call)
{
	return list_nodes(call, 1u << DRAINING);
}

static enum rule_answer list_disabled(struct rule_call *call)
{
	return list_nodes(call, 1u << DISABLED);
}

static enum rule_answer list_failed(struct rule_call *call)
{
	return list_nodes(call, 1u << FAILED);
}

static struct slice check_address(struct pool *p, const struct addr *address)
{
	static const struct slice words[] = { [ACTIVE] = SLICE_INIT("ACTIVE"),
					      [DRAINING] = SLICE_INIT("DRAINING"),
					      [DISABLED] = SLICE_INIT("DISABLED"),
					      [FAILED] = SLICE_INIT("DEAD") };
	const struct node *n = p == NULL ? NULL : pool_find_node(p, address);
	return n == NULL ? SLICE("NOTINPOOL") : words[state_of(n)];
}

static enum rule_answer check_node(struct rule_call *call)
{
	struct slice name = rule_argument_string(call, 1), host = rule_argument_string(call, 2);
	uint16_t port = (uint16_t)rule_argument_integer(call, 3, 1, 65535);
	struct pool *p = world_find_pool(api_world(call), name);
	struct addr address;
	if (p == NULL && !slice_is_equal(name, SLICE("discard"))) {
		rule_push_string(call, SLICE("NOSUCHPOOL"));
		return RULE_RETURN;
	}
	if (!addr_parse_ip(host, &address)) {
		rule_push_string(call, SLICE("NOSUCHHOST"));
		return RULE_RETURN;
	}
	address = addr_with_port(&address, port);
	rule_push_string(call, check_address(p, &address));
	return RULE_RETURN;
}

#define CHOICE "name: string, host?: string, port?: integer"
#define CHOICE_WORDS \
	"An unknown pool is an error. With host (an IP address) and port the request goes to exactly " \
	"that address, which need not be in the pool: the pool lends its settings. \"discard\" drops the " \
	"connection."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "pool.use", use_pool, RULE_IN_REQUEST, CHOICE, "",
	  "Chooses the pool and ends request rules. " CHOICE_WORDS " A verdict: it does not return.",
	  "pool.use" },
	{ "pool.select", select_pool, RULE_IN_REQUEST | RULE_IN_RESPONSE, CHOICE, "",
	  "Chooses the pool and goes on: what follows may choose again. In a response rule it says where "
	  "request.retry sends the request, and without one it says nothing. " CHOICE_WORDS,
	  "pool.select" },
	{ "pool.activenodes", count_active, RULE_IN_ANY, "pool: string", "integer",
	  "How many nodes of the pool are in use: not draining, disabled or failed.",
	  "pool.activenodes" },
	{ "pool.drainingnodes", count_draining, RULE_IN_ANY, "pool: string", "integer",
	  "How many nodes of the pool are draining (and have not failed).", "pool.drainingnodes" },
	{ "pool.disablednodes", count_disabled, RULE_IN_ANY, "pool: string", "integer",
	  "How many nodes of the pool are disabled.", "pool.disablednodes" },
	{ "pool.failednodes", count_failed, RULE_IN_ANY, "pool: string", "integer",
	  "How many nodes of the pool have failed and have not been seen well since (disabled ones do "
	  "not count).", "pool.failednodes" },
	{ "pool.listallnodes", list_all, RULE_IN_ANY, "pool: string", "string[]",
	  "All nodes of the pool in the order of the configuration, as \"10.0.0.1:80\" or "
	  "\"[fd00::1]:80\".", "pool.listallnodes" },
	{ "pool.listactivenodes", list_active, RULE_IN_ANY, "pool: string", "string[]",
	  "The nodes that pool.activenodes counts.", "pool.listactivenodes" },
	{ "pool.listdrainingnodes", list_draining, RULE_IN_ANY, "pool: string", "string[]",
	  "The nodes that pool.drainingnodes counts.", "pool.listdrainingnodes" },
	{ "pool.listdisablednodes", list_disabled, RULE_IN_ANY, "pool: string", "string[]",
	  "The nodes that pool.disablednodes counts.", "pool.listdisablednodes" },
	{ "pool.listfailednodes", list_failed, RULE_IN_ANY, "pool: string", "string[]",
	  "The nodes that pool.failednodes counts.", "pool.listfailednodes" },
	{ "pool.checknode", check_node, RULE_IN_REQUEST | RULE_IN_RESPONSE,
	  "pool: string, host: string, port: integer", "string",
	  "\"ACTIVE\", \"DRAINING\", \"DISABLED\" or \"DEAD\"; \"NOTINPOOL\" for another address, "
	  "\"NOSUCHHOST\" when the host is no IP address, \"NOSUCHPOOL\" for an unknown pool.",
	  "pool.checknode" },
};
/* clang-format on */

API_FAMILY(api_pool, functions);
