/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_list.h"

#include "conf_unit.h"

#include <criterion/criterion.h>
#include <string.h>

Test(conf_list, name_servers_have_their_port_by_custom)
{
	struct conf *c = conf_unit_read(
		"dns: {servers: [10.0.0.1, \"10.0.0.2:5353\", \"fd00::1\", \"[fd00::2]:54\"], timeout: 2s}\n");
	char text[ADDR_TEXT_BYTES];
	const char *wanted[] = { "10.0.0.1:53", "10.0.0.2:5353", "[fd00::1]:53", "[fd00::2]:54" };
	cr_assert_eq(c->dns_server_count, 4);
	for (size_t i = 0; i < 4; i++)
		cr_expect_str_eq(addr_format(&c->dns_servers[i], text), wanted[i]);
	cr_expect_eq(c->dns_milliseconds, 2000);
	conf_free(c);
	c = conf_unit_read("dns: {servers: 10.0.0.1}\n");
	cr_expect_eq(c->dns_server_count, 1);
	cr_expect_eq(c->dns_milliseconds, 5000);
	conf_free(c);
	cr_expect_str_eq(
		conf_unit_complaints("dns: {servers: [here, {}]}\n"),
		"1:17: 'here' is no address with a port such as '10.0.0.1:80' or '[fd00::1]:80'\n"
		"1:23: here stands an address, not a mapping");
	cr_expect_str_eq(
		conf_unit_complaints("dns: {timeout: 0s}\n"),
		"1:16: 'timeout' takes a duration such as 10s, 500ms or 2m, from 1ms to 60s, "
		"not '0s'");
}

Test(conf_list, who_may_send_proxy_headers)
{
	struct conf *c = conf_unit_read(
		CONF_UNIT_VSERVER("proxy_protocol: {from: [10.0.0.0/8, \"::1\"]}"));
	const struct conf_networks *from = &c->vservers[0].proxy_from;
	struct addr inside = { .ip = { 10, 200 }, .family = ADDR_IPV4 };
	struct addr outside = { .ip = { 11 }, .family = ADDR_IPV4 };
	struct addr six = { .ip = { [15] = 1 }, .family = ADDR_IPV6 };
	cr_assert_eq(from->count, 2);
	cr_expect(conf_networks_hold(from, &inside) && conf_networks_hold(from, &six));
	cr_expect_not(conf_networks_hold(from, &outside));
	conf_free(c);
	c = conf_unit_read(CONF_UNIT_VSERVER("proxy_protocol: {from: 192.0.2.1}"));
	cr_expect_eq(c->vservers[0].proxy_from.list[0].prefix_bits, 32);
	conf_free(c);
	c = conf_unit_read(CONF_UNIT_VSERVER("enabled: true"));
	cr_expect_eq(c->vservers[0].proxy_from.count, 0);
	conf_free(c);
	cr_expect_str_eq(
		conf_unit_complaints(CONF_UNIT_VSERVER("proxy_protocol: true")),
		"5:21: 'proxy_protocol' of virtual server 'a' takes a mapping with 'from', not 'true'");
	cr_expect_str_eq(conf_unit_complaints(CONF_UNIT_VSERVER("proxy_protocol: {}")),
			 "5:5: 'proxy_protocol' of virtual server 'a' needs 'from'");
	cr_expect_str_eq(conf_unit_complaints(CONF_UNIT_VSERVER("proxy_protocol: {from: []}")),
			 "5:28: 'from' is empty; it takes a network such as 10.0.0.0/8");
}

#define CONF_UDP(version) \
	"virtual_servers: {a: {listen: \"127.0.0.1:53\", protocol: udp, pool: p}}\n" \
	"pools: {p: {nodes: \"127.0.0.1:54\", proxy_protocol: " version "}}\n"

Test(conf_list, proxy_headers_of_datagrams_are_of_version_2)
{
	const char *joined = conf_unit_complaints(CONF_UDP("v1"));
	cr_expect_not_null(strstr(joined, "version 1 has no word for UDP"), "%s", joined);
	conf_free(conf_unit_read(CONF_UDP("v2")));
	conf_free(conf_unit_read(
		CONF_UNIT_VSERVER("protocol: udp\n    proxy_protocol: {from: 10.0.0.0/8}")));
}
