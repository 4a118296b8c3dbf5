/* connection.*: ending it, waiting, its names, and values that live as long as it does. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/memory.h"
#include "txn/txn_rules.h"

#include <stdint.h>

#define SLEEP_MOST 86400000 /* milliseconds; rules.wall_time ends it earlier */
#define KEYS_MOST 1000      /* of connection.data, per connection */
#define KEY_BYTES 1024

/* ---- ending it and waiting ------------------------------------------------------------------------- */

static enum rule_answer discard(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	t->rule_end = TXN_END_DISCARDED;
	t->verdict = SLICE("connection.discard");
	return RULE_VERDICT;
}

static enum rule_answer close_with(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct slice data = rule_argument_string(call, 1);
	if (!rule_argument_is_absent(call, 2))
		rule_argument_boolean(call, 2);
	t->answer = arena_copy(&t->arena, data);
	t->keep_client = false;
	t->rule_end = TXN_END_CLOSED;
	t->verdict = SLICE("connection.close");
	return RULE_VERDICT;
}

static enum rule_answer slept(struct rule_call *call)
{
	(void)call;
	return RULE_RETURN;
}

static enum rule_answer sleep_for(struct rule_call *call)
{
	txn_rules_sleep(api_txn(call), (uint64_t)rule_argument_integer(call, 1, 0, SLEEP_MOST));
	rule_wait(call, slept);
	return RULE_WAIT;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static enum rule_answer get_node(struct rule_call *call)
{
	char text[ADDR_TEXT_BYTES];
	const struct addr *node = &api_txn(call)->node_address;
	if (node->family == ADDR_NONE)
		rule_push_nil(call);
	else
		rule_push_string(call, slice_of_string(addr_format(node, text)));
	return RULE_RETURN;
}

static enum rule_answer get_pool(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	struct slice name = SLICE_ABSENT;
	if (t->is_discarded_pool || t->end == TXN_END_DISCARDED)
		name = SLICE("discard");
	else if (t->pool != NULL)
		name = slice_of_string(t->pool->conf->name);
	rule_push_string(call, name);
	return RULE_RETURN;
}

static enum rule_answer get_virtual_server(struct rule_call *call)
{
	rule_push_string(call, slice_of_string(api_txn(call)->vserver->conf->name));
	return RULE_RETURN;
}

/* The pool that argument 1 names, or the chosen one, or the default; NULL: "discard". */
static struct pool *asked_pool(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	uint32_t preset = t->vserver->conf->pool;
	if (rule_argument_is_absent(call, 1)) {
		bool is_chosen = t->pool != NULL || t->is_discarded_pool;
		return is_chosen || preset == CONF_POOL_DISCARD ? t->pool
								: &api_world(call)->pools[preset];
	}
	return api_named_pool(call);
}

static enum rule_answer check_limits(struct rule_call *call)
{
	struct pool *p = asked_pool(call);
	bool would_wait = p != NULL && p->has_limits &&
			  (pool_queue_length(p) > 0 || pool_is_full(p));
	rule_push_boolean(call, !would_wait);
	return RULE_RETURN;
}

static enum rule_answer get_memory(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	size_t bytes = t->arena.total + inbox_slice(&t->session->inbox).len +
		       buf_len(&t->session->client.out);
	if (t->connection != NULL)
		bytes += inbox_slice(&t->connection->inbox).len +
			 buf_len(&t->connection->stream.out);
	rule_push_integer(call, (int64_t)bytes);
	return RULE_RETURN;
}

/* ---- connection.data: handles of Lua values, kept in the table as they are (never 0) ------------------- */

static struct slice data_key(struct rule_call *call)
{
	struct slice key = rule_argument_string(call, 1);
	if (key.len > KEY_BYTES)
		rule_argument_error(call, 1, "expected at most %d bytes, got %zu", KEY_BYTES,
				    key.len);
	return key;
}

static enum rule_answer data_get(struct rule_call *call)
{
	const struct table *data = api_txn(call)->session->data;
	struct slice key = data_key(call);
	void *kept = data == NULL ? NULL : table_get(data, key);
	rule_push_kept(call, (int)(intptr_t)kept);
	return RULE_RETURN;
}

/* Why no more can be kept; NULL: it can. */
static const char *why_not(struct rule_call *call, const struct session *s, bool is_new,
			   size_t bytes)
{
	if (is_new && s->data->count >= KEYS_MOST)
		return "1000 keys are all that a connection can have"; /* KEYS_MOST */
	if (bytes > s->vserver->rule_limits.memory)
		return "the connection's keys and strings would be more than 'rules: {memory}'";
	if (!rule_may_keep(call))
		return "all rules of the worker hold more than 'data: {kept_size}'";
	return NULL;
}

/* What a key counts with the value of that handle; nothing where there is none. */
static size_t bytes_of(struct rule_call *call, struct slice key, int handle)
{
	return handle == 0 ? 0 : key.len + rule_kept_bytes(api_world(call)->vm, handle);
}

static enum rule_answer data_set(struct rule_call *call)
{
	struct session *s = api_txn(call)->session;
	struct slice key = data_key(call);
	if (rule_argument_count(call) < 2)
		rule_argument_error(call, 2, "expected a value, got nothing");
	if (s->data == NULL)
		s->data = memory_new(1, sizeof *s->data);
	int old = (int)(intptr_t)table_get(s->data, key), handle = rule_keep_argument(call, 2);
	size_t bytes = s->data_bytes - bytes_of(call, key, old) + bytes_of(call, key, handle);
	const char *why = handle == 0 ? NULL : why_not(call, s, old == 0, bytes);
	if (why != NULL) {
		api_warn(call, "connection.data.set: %s", why);
		rule_drop_kept(api_world(call)->vm, handle);
		rule_push_boolean(call, false);
		return RULE_RETURN;
	}
	if (handle == 0)
		table_remove(s->data, key);
	else
		table_set(s->data, key, (void *)(intptr_t)handle);
	rule_drop_kept(api_world(call)->vm, old);
	s->data_bytes = bytes;
	rule_push_boolean(call, true);
	return RULE_RETURN;
}

#define IN_REQUEST_AND_RESPONSE (RULE_IN_REQUEST | RULE_IN_RESPONSE)

/* clang-format off */
static const struct rule_function functions[] = {
	{ "connection.discard", discard, IN_REQUEST_AND_RESPONSE, "", "",
	  "Drops the connection without an answer. A verdict: it does not return.",
	  "connection.discard" },
	{ "connection.close", close_with, IN_REQUEST_AND_RESPONSE, "data: string, read?: boolean", "",
	  "Sends the bytes as they are in place of an answer, then closes. What the client is still "
	  "sending is read and thrown away for a while, so that the bytes reach it whatever `read` says. "
	  "A verdict: it does not return.",
	  "connection.close" },
	{ "connection.sleep", sleep_for, RULE_IN_ANY | RULE_WAITS, "milliseconds: integer", "",
	  "Waits; other transactions go on meanwhile. At most a day, and `rules: {wall_time}` ends it "
	  "earlier.",
	  "connection.sleep" },
	{ "connection.getNode", get_node, RULE_IN_ANY, "", "string|nil",
	  "The node, as \"10.0.0.1:80\" or \"[fd00::1]:80\"; nil before one was chosen.",
	  "connection.getNode" },
	{ "connection.getPool", get_pool, RULE_IN_ANY, "", "string|nil",
	  "The name of the pool; nil before one was chosen: the default pool is chosen after the last "
	  "request rule.",
	  "connection.getPool" },
	{ "connection.getVirtualServer", get_virtual_server, RULE_IN_ANY, "", "string",
	  "The name of the virtual server.", "connection.getVirtualServer" },
	{ "connection.checkLimits", check_limits, RULE_IN_ANY, "pool?: string", "boolean",
	  "Would the pool (by default the chosen one) take a transaction at once? `false` when it would wait, "
	  "because others wait for it already or every node that could be used has as much as "
	  "`max_connections_per_node` and `max_transactions_per_node` allow, this transaction included if it "
	  "has one of them. An unknown pool is an error.",
	  "connection.checkLimits" },
	{ "connection.getMemoryUsage", get_memory, RULE_IN_ANY, "", "integer",
	  "Bytes that are held for the connection and this transaction: what came and has not gone on, and "
	  "what was made for it.", "connection.getMemoryUsage" },
	{ "connection.data.get", data_get, RULE_IN_ANY, "key: string", "any",
	  "The value that connection.data.set gave to the key, or nil.", "connection.data.get" },
	{ "connection.data.set", data_set, IN_REQUEST_AND_RESPONSE, "key: string, value: any",
	  "boolean",
	  "Keeps a value, a table too, for as long as the client's connection lives: for later rules and "
	  "later requests of it. Nil removes the key. A connection has at most 1,000 keys of up to 1,024 "
	  "bytes; its keys and strings are at most `rules: {memory}`, and all that rules of a worker hold is "
	  "at most `data: {kept_size}`. More than that gives `false` and a warning in the log.",
	  "connection.data.set" },
};
/* clang-format on */

API_FAMILY(api_connection, functions);
