/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/memory.h"
#include "txn/session_proxy.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(api_request, .init = api_unit_open, .fini = api_unit_close);

Test(api_request, the_three_addresses)
{
	api_unit_passes("assert(request.getRemoteIP() == '192.0.2.7')\n"
			"assert(request.getRemotePort() == 4321)\n"
			"assert(request.getLocalIP() == '10.9.0.1')\n"
			"assert(request.getLocalPort() == 8080)\n"
			"assert(request.getDestIP() == '203.0.113.5')\n"
			"assert(request.getDestPort() == 80)\n");
}

Test(api_request, set_remote_ip_changes_who_the_client_is)
{
	api_unit_passes("assert(request.setRemoteIP('fd00::7') == true)\n"
			"assert(request.getRemoteIP() == 'fd00::7')\n"
			"assert(request.getRemotePort() == 4321)\n");
	cr_expect_eq(api_unit_txn->remote.family, ADDR_IPV6);
	cr_expect_eq(api_unit_txn->remote.port, 4321);
	cr_expect_eq(api_unit_txn->session->remote.family, ADDR_IPV4, "the peer stays");
}

Test(api_request, no_address_is_refused_with_a_warning)
{
	api_unit_keep_log();
	api_unit_passes(
		"for _, ip in ipairs{'', '1.2.3', '1.2.3.4:80', 'example.com', '1.2.3.4\\0'} do\n"
		"  assert(request.setRemoteIP(ip) == false)\n"
		"end\n"
		"assert(request.getRemoteIP() == '192.0.2.7')\n");
	cr_expect_not_null(strstr(api_unit_log(), "warn"));
	cr_expect_not_null(
		strstr(api_unit_log(), "rule 'test' line 2: request.setRemoteIP: 'example.com'"));
}

Test(api_request, set_remote_ip_wants_an_address_and_a_time)
{
	api_unit_fails("request.setRemoteIP()",
		       "rules/test.lua:1: request.setRemoteIP: argument 1 (ip): expected a string");
	api_unit_fails(
		"\nrequest.setRemoteIP({})",
		"rules/test.lua:2: request.setRemoteIP: argument 1 (ip): expected a string, got table");
	api_unit_run(RULE_RESPONSE, "request.setRemoteIP('10.0.0.9')");
	cr_expect_eq(api_unit_txn->remote.ip[3], 9);
}

Test(api_request, values_of_the_proxy_header)
{
	static const char tlvs[] = "\2\0\3abc\xe0\0\0\2\0\1x";
	api_unit_passes("assert(request.getProxyTLV(2) == nil)\n");
	struct session_proxy *proxy = memory_new(1, sizeof *proxy + sizeof tlvs - 1);
	proxy->tlv_bytes = sizeof tlvs - 1;
	memcpy(proxy->tlvs, tlvs, proxy->tlv_bytes);
	api_unit_txn->session->proxy = proxy;
	api_unit_passes("assert(request.getProxyTLV(2) == 'abc')\n"
			"assert(request.getProxyTLV(0xe0) == '')\n"
			"assert(request.getProxyTLV(0) == nil)\n"
			"assert(request.getProxyTLV(255) == nil)\n");
	api_unit_txn->session->proxy = NULL;
	free(proxy);
	api_unit_fails("\nrequest.getProxyTLV('AUTHORITY')",
		       "rules/test.lua:2: request.getProxyTLV: argument 1 (type): expected");
	api_unit_fails("request.getProxyTLV(256)",
		       "rules/test.lua:1: request.getProxyTLV: argument 1 (type): expected");
}

Test(api_request, length_is_what_came_since_the_transaction_began)
{
	api_unit_txn->session->client.bytes_in = 500;
	api_unit_txn->client_bytes_in = 400;
	api_unit_passes("assert(request.getLength() == 100)");
}
