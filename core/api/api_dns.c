/* net.dns.*: names to addresses and back. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/check.h"
#include "base/memory.h"
#include "dns/dns.h"
#include "txn/txn_rules.h"

#include <stdlib.h>

/* A lookup that a rule waits for. Freed when the rule goes on, or is given up. */
struct resolve {
	struct txn_wait wait;
	struct dns_lookup lookup;
	struct addr address; /* whose name is looked for */
};

static void on_done(struct dns_lookup *l)
{
	txn_rules_ready(&container_of(l, struct resolve, lookup)->wait);
}

static void give_up(struct txn_wait *w)
{
	struct resolve *r = container_of(w, struct resolve, wait);
	dns_cancel(&r->lookup);
	free(r);
}

/* The operation that the rule waits for from now on. */
static struct resolve *begin(struct rule_call *call, rule_function_run finish)
{
	struct resolve *r = memory_new(1, sizeof *r);
	txn_rules_wait(api_txn(call), &r->wait, give_up);
	rule_wait(call, finish);
	return r;
}

/* What it came to; the operation is gone. */
static struct dns_lookup take(struct rule_call *call, struct addr *address)
{
	struct resolve *r = container_of(txn_rules_waited(api_txn(call)), struct resolve, wait);
	struct dns_lookup lookup = r->lookup;
	*address = r->address;
	free(r);
	return lookup;
}

static enum rule_answer address_found(struct rule_call *call)
{
	struct addr unused;
	struct dns_lookup l = take(call, &unused);
	if (l.result != DNS_FOUND)
		return api_fail(call, l.reason);
	api_push_ip(call, &l.addresses[0]);
	return RULE_RETURN;
}

static enum rule_answer resolve_host_of(struct rule_call *call, enum dns_kind kind)
{
	struct slice host = api_text(call, 1);
	struct addr address;
	if (!addr_parse_ip(host, &address) && !dns_is_host_name(host)) {
		api_warn(call, "'%.*s' is no host name", (int)(host.len < 100 ? host.len : 100),
			 host.at);
		return api_fail(call, "it is no host name");
	}
	dns_find(&begin(call, address_found)->lookup, host, kind, on_done);
	return RULE_WAIT;
}

static enum rule_answer resolve_host(struct rule_call *call)
{
	return resolve_host_of(call, DNS_IPV4);
}

static enum rule_answer resolve_host_6(struct rule_call *call)
{
	return resolve_host_of(call, DNS_IPV6);
}

static enum rule_answer name_found(struct rule_call *call)
{
	struct addr address;
	struct dns_lookup l = take(call, &address);
	if (l.result == DNS_FAILED)
		return api_fail(call, l.reason);
	if (l.result == DNS_FOUND)
		rule_push_string(call, slice_of_string(l.name));
	else
		api_push_ip(call, &address);
	return RULE_RETURN;
}

static enum rule_answer resolve_ip(struct rule_call *call)
{
	struct slice text = api_text(call, 1);
	struct addr address;
	if (!addr_parse_ip(text, &address)) {
		api_warn(call, "'%.*s' is no address", (int)(text.len < 100 ? text.len : 100),
			 text.at);
		return api_fail(call, "it is no address");
	}
	struct resolve *r = begin(call, name_found);
	r->address = address;
	dns_find_name(&r->lookup, &address, on_done);
	return RULE_WAIT;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "net.dns.resolveHost", resolve_host, RULE_IN_ANY | RULE_WAITS, "name: string",
	  "string|nil, string|nil reason",
	  "Waits for the IPv4 address of a host name, the first when there are several: of /etc/hosts, or "
	  "of the servers of `dns: {servers}`. Answers are kept for their time to live. An address is its "
	  "own answer. Nil and a reason without one, and when `dns: {timeout}` is over.",
	  "net.dns.resolveHost" },
	{ "net.dns.resolveHost6", resolve_host_6, RULE_IN_ANY | RULE_WAITS, "name: string",
	  "string|nil, string|nil reason", "The same for the IPv6 address.", "net.dns.resolveHost6" },
	{ "net.dns.resolveIP", resolve_ip, RULE_IN_ANY | RULE_WAITS, "ip: string",
	  "string|nil, string|nil reason",
	  "Waits for the name of an address; the address itself when it has none. Nil and a reason for "
	  "what is no address, and when no server answers in time.",
	  "net.dns.resolveIP" },
};
/* clang-format on */

API_FAMILY(api_dns, functions);
