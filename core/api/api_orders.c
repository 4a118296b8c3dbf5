/*
 * request.*, requestlog.* and recentconns.*: what a rule orders for its one request: to send it again,
 * nodes to avoid, other limits than those of the configuration, whether it is logged and remembered.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/clock.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_orders.h"
#include "txn/txn_recent.h"

#define ATTEMPTS_MOST 99999
#define SECONDS_MOST 99999
#define AVOIDED_MOST 100 /* each choice of a node looks at all of them */

/* ---- sending it again ---------------------------------------------------------------------------------- */

static bool may_send_again(const struct txn *t)
{
	return txn_is_whole(t) && !t->is_answer_begun;
}

static enum rule_answer retry(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	uint64_t most = t->vserver->conf->rules.max_retries;
	bool is_enough = txn_orders_for(t)->retries >= most;
	if (is_enough)
		api_warn(call,
			 "request.retry: no more than rules.max_retries (%llu) for one request",
			 (unsigned long long)most);
	if (is_enough || !may_send_again(t)) {
		rule_push_boolean(call, false);
		return RULE_RETURN;
	}
	t->orders->wants_retry = true;
	t->verdict = SLICE("request.retry");
	return RULE_VERDICT;
}

static enum rule_answer get_retries(struct rule_call *call)
{
	const struct txn_orders *o = api_txn(call)->orders;
	rule_push_integer(call, o == NULL ? 0 : o->retries);
	return RULE_RETURN;
}

static enum rule_answer is_resendable(struct rule_call *call)
{
	rule_push_boolean(call, may_send_again(api_txn(call)));
	return RULE_RETURN;
}

enum rule_answer api_orders_set_idempotent(struct rule_call *call)
{
	api_txn(call)->repeat = rule_argument_boolean(call, 1) ? TXN_REPEAT_ALLOWED
							       : TXN_REPEAT_FORBIDDEN;
	return RULE_RETURN;
}

/* ---- which nodes, and how many --------------------------------------------------------------------------- */

static struct addr node_argument(struct rule_call *call, unsigned n)
{
	struct slice text = rule_argument_string(call, n);
	struct addr node;
	if (!addr_parse(text, &node))
		rule_argument_error(call, n, "expected a node such as 10.0.0.1:80, got '%.*s'",
				    text.len < 100 ? (int)text.len : 100, text.at);
	return node;
}

static bool is_in(const struct pool_avoided *avoided, const struct addr *node)
{
	for (size_t i = 0; i < avoided->count; i++)
		if (addr_is_equal(&avoided->list[i], node))
			return true;
	return false;
}

static enum rule_answer avoid_node(struct rule_call *call)
{
	struct addr node = node_argument(call, 1);
	struct pool_avoided *avoided = &txn_orders_for(api_txn(call))->avoided;
	bool is_new = !is_in(avoided, &node), is_full = avoided->count == AVOIDED_MOST;
	if (is_new && is_full)
		api_warn(call, "request.avoidNode: no more than %d nodes for one request",
			 AVOIDED_MOST);
	if (avoided->list == NULL)
		avoided->list = arena_alloc(&api_txn(call)->arena,
					    AVOIDED_MOST * sizeof *avoided->list);
	if (is_new && !is_full)
		avoided->list[avoided->count++] = node;
	rule_push_boolean(call, !is_new || !is_full);
	return RULE_RETURN;
}

static void give(struct txn_order *order, uint64_t value)
{
	*order = (struct txn_order){ .is_given = true, .value = value };
}

static enum rule_answer set_connection_attempts(struct rule_call *call)
{
	uint64_t most = (uint64_t)rule_argument_integer(call, 1, 0, ATTEMPTS_MOST);
	give(&txn_orders_for(api_txn(call))->connection_attempts, most);
	return RULE_RETURN;
}

static enum rule_answer set_timed_out_attempts(struct rule_call *call)
{
	uint64_t most = (uint64_t)rule_argument_integer(call, 1, 0, ATTEMPTS_MOST);
	give(&txn_orders_for(api_txn(call))->timed_out_attempts, most);
	return RULE_RETURN;
}

/* ---- how long ---------------------------------------------------------------------------------------------- */

/* Argument 1 as seconds, also with a fraction; in milliseconds. */
static uint64_t seconds_argument(struct rule_call *call, double least)
{
	double seconds = rule_argument_number(call, 1);
	if (!(seconds >= least && seconds <= SECONDS_MOST))
		rule_argument_error(call, 1, "expected seconds from %g to %d, got %.14g", least,
				    SECONDS_MOST, seconds);
	return (uint64_t)(seconds * 1000 + 0.5);
}

static enum rule_answer set_reply_time(struct rule_call *call)
{
	uint64_t limit = seconds_argument(call, 0.001);
	give(&txn_orders_for(api_txn(call))->reply, limit);
	return RULE_RETURN;
}

static enum rule_answer set_vserver_timeout(struct rule_call *call)
{
	uint64_t limit = seconds_argument(call, 0);
	api_txn(call)->session->close_at = limit == 0 ? 0 : clock_milliseconds() + limit;
	return RULE_RETURN;
}

static enum rule_answer get_duration(struct rule_call *call)
{
	rule_push_number(call, (double)txn_orders_transaction_milliseconds(api_txn(call)) / 1000);
	return RULE_RETURN;
}

static enum rule_answer set_duration(struct rule_call *call)
{
	uint64_t limit = seconds_argument(call, 0);
	give(&txn_orders_for(api_txn(call))->transaction, limit);
	return RULE_RETURN;
}

/* ---- DSCP --------------------------------------------------------------------------------------------------- */

static void push_dscp(struct rule_call *call, int dscp)
{
	if (dscp == -1)
		rule_push_nil(call);
	else
		rule_push_integer(call, dscp);
}

static enum rule_answer get_node_dscp(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	if (t->orders != NULL && t->orders->dscp.is_given)
		push_dscp(call, (int)t->orders->dscp.value);
	else
		push_dscp(call, t->connection == NULL ? -1 : stream_dscp(&t->connection->stream));
	return RULE_RETURN;
}

static enum rule_answer set_node_dscp(struct rule_call *call)
{
	uint64_t dscp = (uint64_t)rule_argument_integer(call, 1, 0, 63);
	struct txn *t = api_txn(call);
	give(&txn_orders_for(t)->dscp, dscp);
	if (t->connection != NULL)
		txn_orders_mark(t);
	return RULE_RETURN;
}

static enum rule_answer get_client_dscp(struct rule_call *call)
{
	push_dscp(call, stream_dscp(&api_txn(call)->session->client));
	return RULE_RETURN;
}

static enum rule_answer set_client_dscp(struct rule_call *call)
{
	unsigned dscp = (unsigned)rule_argument_integer(call, 1, 0, 63);
	rule_push_boolean(call, stream_set_dscp(&api_txn(call)->session->client, dscp));
	return RULE_RETURN;
}

/* ---- bandwidth classes ---------------------------------------------------------------------------------- */

static enum rule_answer push_class(struct rule_call *call, uint32_t class)
{
	const struct conf *conf = api_world(call)->conf;
	rule_push_string(
		call, class == 0 ? SLICE_ABSENT
				 : slice_of_string(conf->bandwidth_classes[class - 1].named.name));
	return RULE_RETURN;
}

static enum rule_answer set_class(struct rule_call *call, struct txn_order *order)
{
	struct slice name = rule_argument_string(call, 1);
	uint32_t class = conf_find_bandwidth_class(api_world(call)->conf, name);
	bool is_known = class != 0 || name.len == 0;
	if (is_known)
		give(order, class);
	else
		api_warn(call, "there is no bandwidth class '%.*s'",
			 name.len < 100 ? (int)name.len : 100, name.at);
	rule_push_boolean(call, is_known);
	return RULE_RETURN;
}

static enum rule_answer get_node_class(struct rule_call *call)
{
	return push_class(call, txn_bandwidth_class_of_request(api_txn(call)));
}

static enum rule_answer set_node_class(struct rule_call *call)
{
	return set_class(call, &txn_orders_for(api_txn(call))->request_bandwidth);
}

static enum rule_answer get_client_class(struct rule_call *call)
{
	return push_class(call, txn_bandwidth_class_of_response(api_txn(call)));
}

static enum rule_answer set_client_class(struct rule_call *call)
{
	return set_class(call, &txn_orders_for(api_txn(call))->response_bandwidth);
}

/* ---- requestlog.* -------------------------------------------------------------------------------------------- */

static enum rule_answer log_include(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	if (t->orders != NULL)
		t->orders->is_not_logged = false;
	return RULE_RETURN;
}

static enum rule_answer log_exclude(struct rule_call *call)
{
	txn_orders_for(api_txn(call))->is_not_logged = true;
	return RULE_RETURN;
}

static enum rule_answer log_is_included(struct rule_call *call)
{
	const struct txn_orders *o = api_txn(call)->orders;
	rule_push_boolean(call, log_access_is_on() && (o == NULL || !o->is_not_logged));
	return RULE_RETURN;
}

/* ---- recentconns.* ------------------------------------------------------------------------------------------- */

static enum rule_answer recent_include(struct rule_call *call)
{
	give(&txn_orders_for(api_txn(call))->is_recent, true);
	return RULE_RETURN;
}

static enum rule_answer recent_exclude(struct rule_call *call)
{
	give(&txn_orders_for(api_txn(call))->is_recent, false);
	return RULE_RETURN;
}

static enum rule_answer recent_is_included(struct rule_call *call)
{
	rule_push_boolean(call, txn_recent_is_wanted(api_txn(call)));
	return RULE_RETURN;
}

#define BEFORE_THE_END (RULE_IN_REQUEST | RULE_IN_RESPONSE)
#define OF_CONNECTIONS RULE_NOT_ON(RULE_UDP)

/* clang-format off */
static const struct rule_function functions[] = {
	{ "request.retry", retry, RULE_IN_RESPONSE, "", "boolean",
	  "Drops the node's answer and sends the request again: to the pool that pool.select chose, or to "
	  "the same one, with a fresh choice of the node (see request.avoidNode). Request rules do not run "
	  "again, response rules run on the new answer, from the first. A verdict: it does not return; but "
	  "when the request is no longer whole (request.isResendable), or was sent again "
	  "`rules: {max_retries: 10}` times already, it gives `false` and the rule goes on. Whether the "
	  "request may be sent twice is the rule's to judge: request.setIdempotent does not matter here.",
	  "request.retry" },
	{ "request.getRetries", get_retries, RULE_IN_ANY, "", "integer",
	  "How often request.retry has sent the request again so far.", "request.getRetries" },
	{ "request.isResendable", is_resendable, RULE_IN_ANY, "", "boolean",
	  "Could the request be sent again? Not when part of its body has gone to a node without being "
	  "kept, and not once an answer has begun to leave for the client.", "request.isResendable" },
	{ "request.avoidNode", avoid_node, BEFORE_THE_END, "node: string", "boolean",
	  "The node, as \"10.0.0.1:80\" or \"[fd00::1]:80\", is not chosen for this request while its pool "
	  "has another one that works, of whatever priority. What is no such text is an error; a node that "
	  "the pool does not have changes nothing. At most 100 for one request, then `false` and a warning "
	  "in the log.", "request.avoidNode" },
	{ "request.setIdempotent", api_orders_set_idempotent, BEFORE_THE_END, "resend: boolean", "",
	  "Says whether the request may be sent again, to the same node or another, when it is not known "
	  "what became of it. Without this it is by the method: GET, HEAD, PUT, DELETE, OPTIONS and TRACE "
	  "may.", "request.setIdempotent" },
	{ "request.setMaxConnectionAttempts", set_connection_attempts, BEFORE_THE_END, "most: integer", "",
	  "On how many nodes the request is tried, in place of the pool's `max_connection_attempts`: 0 (every "
	  "node) to 99,999. request.retry begins to count anew.", "request.setMaxConnectionAttempts" },
	{ "request.setMaxTimedOutConnectionAttempts", set_timed_out_attempts, BEFORE_THE_END | OF_CONNECTIONS,
	  "most: integer", "",
	  "On how many nodes the request is tried while they do not reply in time, in place of the pool's "
	  "`max_timed_out_connection_attempts`: 0 (every node) to 99,999.",
	  "request.setMaxTimedOutConnectionAttempts" },
	{ "request.setMaxReplyTime", set_reply_time, BEFORE_THE_END, "seconds: number", "",
	  "How long a node may take to reply, in place of the pool's `timeouts: {reply}`: 0.001 to 99,999 "
	  "seconds. In a response rule it is for what request.retry begins.", "request.setMaxReplyTime" },
	{ "request.setVirtualServerTimeout", set_vserver_timeout, BEFORE_THE_END, "seconds: number", "",
	  "Closes the client's connection so many seconds from now, whatever goes on: an answer that is on "
	  "its way is cut by a reset, one that has not begun never comes. Also between requests. At most "
	  "99,999; 0 takes an earlier call back.", "request.setVirtualServerTimeout" },
	{ "request.getMaxTransactionDuration", get_duration, RULE_IN_ANY, "", "number",
	  "How long the whole transaction may take, in seconds; 0 is no limit.",
	  "request.getMaxTransactionDuration" },
	{ "request.setMaxTransactionDuration", set_duration, BEFORE_THE_END, "seconds: number", "",
	  "How long the whole transaction may take, from its beginning, in place of the virtual server's "
	  "`timeouts: {transaction}`: up to 99,999 seconds; 0 is no limit.",
	  "request.setMaxTransactionDuration" },
	{ "request.getDSCP", get_node_dscp, RULE_IN_ANY | OF_CONNECTIONS, "", "integer|nil",
	  "The DSCP of what is sent to the node: what request.setDSCP said, or what its connection has; nil "
	  "while there is none.", "request.getDSCP" },
	{ "request.setDSCP", set_node_dscp, BEFORE_THE_END | OF_CONNECTIONS, "dscp: integer", "",
	  "Marks what is sent to the node for this request with these six bits (RFC 2474), 0 to 63. The "
	  "first packet of a new connection may leave before it.", "request.setDSCP" },
	{ "response.getDSCP", get_client_dscp, RULE_IN_ANY | OF_CONNECTIONS, "", "integer|nil",
	  "The DSCP of what is sent to the client; nil when the connection has gone.", "response.getDSCP" },
	{ "response.setDSCP", set_client_dscp, BEFORE_THE_END | OF_CONNECTIONS, "dscp: integer", "boolean",
	  "Marks what is sent to the client from now on, later answers of its connection too, with these "
	  "six bits (RFC 2474), 0 to 63. `false` when the connection has gone.", "response.setDSCP" },
	{ "request.getBandwidthClass", get_node_class, RULE_IN_ANY | OF_CONNECTIONS, "", "string|nil",
	  "The bandwidth class of what is written to the node; nil without one.",
	  "request.getBandwidthClass" },
	{ "request.setBandwidthClass", set_node_class, BEFORE_THE_END | OF_CONNECTIONS, "name: string", "boolean",
	  "The request is written to the node no faster than this class of `bandwidth_classes` allows, in "
	  "place of the pool's; \"\" is none. In a response rule it is for what request.retry begins. "
	  "`false` and a warning in the log when there is no such class.", "request.setBandwidthClass" },
	{ "response.getBandwidthClass", get_client_class, RULE_IN_ANY | OF_CONNECTIONS, "", "string|nil",
	  "The bandwidth class of what is written to the client; nil without one.",
	  "response.getBandwidthClass" },
	{ "response.setBandwidthClass", set_client_class, BEFORE_THE_END | OF_CONNECTIONS, "name: string", "boolean",
	  "The node's answer is written to the client no faster than this class of `bandwidth_classes` "
	  "allows, in place of the virtual server's; \"\" is none. `false` and a warning in the log when "
	  "there is no such class.", "response.setBandwidthClass" },
	{ "requestlog.include", log_include, RULE_IN_ANY, "", "",
	  "The transaction gets its line in the access log: takes requestlog.exclude back.",
	  "requestlog.include" },
	{ "requestlog.exclude", log_exclude, RULE_IN_ANY, "", "",
	  "The transaction gets no line in the access log; it is counted all the same.",
	  "requestlog.exclude" },
	{ "requestlog.markedForInclusion", log_is_included, RULE_IN_ANY, "", "boolean",
	  "Will it get its line? Not with `log: {access: off}` either.",
	  "requestlog.markedForInclusion" },
	{ "recentconns.include", recent_include, RULE_IN_ANY, "", "",
	  "`weir recent` shows the transaction when it is over, unless the virtual server's "
	  "`recent_connections: {enabled}` is off. The last of this and recentconns.exclude counts.",
	  "recentconns.include" },
	{ "recentconns.exclude", recent_exclude, RULE_IN_ANY, "", "",
	  "`weir recent` does not show the transaction, also where the virtual server's "
	  "`recent_connections: {save_all}` has it remember all.", "recentconns.exclude" },
	{ "recentconns.markedForInclusion", recent_is_included, RULE_IN_ANY, "", "boolean",
	  "Will it be shown, as things are now?", "recentconns.markedForInclusion" },
};
/* clang-format on */

API_FAMILY(api_orders, functions);
