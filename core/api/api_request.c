/* request.*: the client's side of the connection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "net/proxy_header.h"
#include "txn/session_proxy.h"

static enum rule_answer get_remote_ip(struct rule_call *call)
{
	api_push_ip(call, &api_txn(call)->remote);
	return RULE_RETURN;
}

static enum rule_answer get_remote_port(struct rule_call *call)
{
	api_push_port(call, &api_txn(call)->session->remote);
	return RULE_RETURN;
}

static enum rule_answer get_local_ip(struct rule_call *call)
{
	api_push_ip(call, session_local(api_txn(call)->session));
	return RULE_RETURN;
}

static enum rule_answer get_local_port(struct rule_call *call)
{
	api_push_port(call, session_local(api_txn(call)->session));
	return RULE_RETURN;
}

static enum rule_answer get_dest_ip(struct rule_call *call)
{
	api_push_ip(call, session_dest(api_txn(call)->session));
	return RULE_RETURN;
}

static enum rule_answer get_dest_port(struct rule_call *call)
{
	api_push_port(call, session_dest(api_txn(call)->session));
	return RULE_RETURN;
}

static enum rule_answer set_remote_ip(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct slice ip = rule_argument_string(call, 1);
	struct addr given;
	bool is_good = addr_parse_ip(ip, &given);
	if (is_good)
		t->remote = addr_with_port(&given, t->remote.port);
	else
		api_warn(call, "request.setRemoteIP: '%.*s' is no IP address",
			 ip.len < 64 ? (int)ip.len : 64, ip.at);
	rule_push_boolean(call, is_good);
	return RULE_RETURN;
}

static enum rule_answer get_proxy_tlv(struct rule_call *call)
{
	uint8_t type = (uint8_t)rule_argument_integer(call, 1, 0, UINT8_MAX);
	const struct session_proxy *proxy = api_txn(call)->session->proxy;
	struct slice value = SLICE_ABSENT;
	if (proxy != NULL)
		value = proxy_header_find_tlv(slice_of(proxy->tlvs, proxy->tlv_bytes), type);
	rule_push_string(call, value);
	return RULE_RETURN;
}

static enum rule_answer get_length(struct rule_call *call)
{
	const struct txn *t = api_txn(call);
	rule_push_integer(call, (int64_t)(t->session->client.bytes_in - t->client_bytes_in));
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "request.getRemoteIP", get_remote_ip, RULE_IN_ANY, "", "string",
	  "The client's address; after request.setRemoteIP the one that was set.",
	  "request.getRemoteIP" },
	{ "request.getRemotePort", get_remote_port, RULE_IN_ANY, "", "integer",
	  "The client's port; 0 when its PROXY header says so.", "request.getRemotePort" },
	{ "request.getLocalIP", get_local_ip, RULE_IN_ANY, "", "string",
	  "The address on this machine that accepted the connection.", "request.getLocalIP" },
	{ "request.getLocalPort", get_local_port, RULE_IN_ANY, "", "integer",
	  "The port on this machine that accepted the connection.", "request.getLocalPort" },
	{ "request.getDestIP", get_dest_ip, RULE_IN_ANY, "", "string",
	  "The address that the client was headed for. It differs from request.getLocalIP only for a "
	  "redirected connection, and where a PROXY header (`proxy_protocol`) says so.",
	  "request.getDestIP" },
	{ "request.getDestPort", get_dest_port, RULE_IN_ANY, "", "integer",
	  "The port that the client was headed for.", "request.getDestPort" },
	{ "request.setRemoteIP", set_remote_ip, RULE_IN_REQUEST | RULE_IN_RESPONSE, "ip: string",
	  "boolean",
	  "Says who the client is: for this transaction's log line, for headers that name the client, "
	  "and for the address that a transparent pool's nodes see (chosen before response rules run). "
	  "The port stays. `false`, and a warning in the log, when it is no IPv4 or IPv6 address.",
	  "request.setRemoteIP" },
	{ "request.getProxyTLV", get_proxy_tlv, RULE_IN_ANY, "type: integer", "string|nil",
	  "What the PROXY header, version 2, with which the client's connection began brought along under "
	  "this type (0 to 255), as bytes: 2 is the host name that the client asked for, 5 a unique "
	  "number of the connection, 32 (0x20) what is known of its TLS. The first when there are several; "
	  "nil when there is none, and without a header. In `weir test` it is nil unless the test answers it.",
	  "weir" },
	{ "request.getLength", get_length, RULE_IN_ANY, "", "integer",
	  "How many bytes of this transaction the client has sent so far, as received; on HTTP that is "
	  "head and body, and what may have come of a next request. Never waits.",
	  "request.getLength" },
};
/* clang-format on */

API_FAMILY(api_request, functions);
