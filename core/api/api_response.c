/* response.*: the node's side of the connection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

static enum rule_answer get_remote_ip(struct rule_call *call)
{
	api_push_ip(call, &api_txn(call)->node_address);
	return RULE_RETURN;
}

static enum rule_answer get_remote_port(struct rule_call *call)
{
	api_push_port(call, &api_txn(call)->node_address);
	return RULE_RETURN;
}

static enum rule_answer get_local_ip(struct rule_call *call)
{
	api_push_ip(call, txn_source(api_txn(call)));
	return RULE_RETURN;
}

static enum rule_answer get_local_port(struct rule_call *call)
{
	api_push_port(call, txn_source(api_txn(call)));
	return RULE_RETURN;
}

static enum rule_answer get_length(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	uint64_t got = t->node_received;
	if (t->connection != NULL)
		got = t->connection->stream.bytes_in - t->node_bytes_in;
	rule_push_integer(call, (int64_t)got);
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "response.getRemoteIP", get_remote_ip, RULE_IN_ANY, "", "string|nil",
	  "The address of the node; the last one when several were tried; nil before one was chosen.",
	  "response.getRemoteIP" },
	{ "response.getRemotePort", get_remote_port, RULE_IN_ANY, "", "integer|nil",
	  "The port of the node; nil before one was chosen.", "response.getRemotePort" },
	{ "response.getLocalIP", get_local_ip, RULE_IN_ANY, "", "string|nil",
	  "The address that the node sees: ours, or the client's when the pool is transparent. Nil when "
	  "there was no connection to a node.", "response.getLocalIP" },
	{ "response.getLocalPort", get_local_port, RULE_IN_ANY, "", "integer|nil",
	  "The port that the node sees; nil when there was no connection to a node.",
	  "response.getLocalPort" },
	{ "response.getLength", get_length, RULE_IN_ANY, "", "integer",
	  "How many bytes the node has sent so far, as received: on HTTP head and body. Never waits.",
	  "response.getLength" },
};
/* clang-format on */

API_FAMILY(api_response, functions);
