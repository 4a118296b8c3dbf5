/* SPDX-License-Identifier: Apache-2.0 */
#include "net/addr.h"

#include <criterion/criterion.h>

struct row {
	const char *text, *formatted; /* NULL: none */
};

#define COUNT(rows) (sizeof rows / sizeof rows[0])

Test(addr, addresses_without_a_port)
{
	static const struct row rows[] = {
		{ "1.2.3.4", "1.2.3.4" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "[::1]", "::1" },
		{ "FD00:0:0::1", "fd00::1" },
		{ "::ffff:1.2.3.4", "::ffff:1.2.3.4" },
		{ "fe80::1%1", "fe80::1%1" },
		{ "fe80::1%lo", "fe80::1%1" },
		{ "fe80::1%4294967295", "fe80::1%4294967295" },
		{ "", NULL },
		{ "1.2.3", NULL },
		{ "1.2.3.256", NULL },
		{ "01.2.3.4", NULL },
		{ "0x1.2.3.4", NULL },
		{ "1.2.3.4 ", NULL },
		{ "1.2.3.4:80", NULL },
		{ "[1.2.3.4]", NULL },
		{ "1.2.3.4%1", NULL },
		{ "[::1", NULL },
		{ "::1]", NULL },
		{ "[]", NULL },
		{ ":::", NULL },
		{ "1:2:3:4:5:6:7", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "fe80::1%", NULL },
		{ "fe80::1%no-such-if", NULL },
		{ "fe80::1%4294967296", NULL },
		{ "%1", NULL },
		{ "host", NULL },
		{ "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", NULL },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a;
		char out[ADDR_TEXT_BYTES];
		bool is_good = addr_parse_ip(slice_of_string(rows[i].text), &a);
		cr_expect_eq(is_good, rows[i].formatted != NULL, "%s", rows[i].text);
		if (is_good && rows[i].formatted != NULL)
			cr_expect_str_eq(addr_format_ip(&a, out), rows[i].formatted);
	}
	struct addr a;
	cr_expect(!addr_parse_ip(SLICE("1.2.3.4\0"), &a));
	cr_expect(!addr_parse_ip(SLICE("1.2.3.4\0x"), &a));
	cr_expect(!addr_parse_ip(SLICE_ABSENT, &a));
}

Test(addr, addresses_with_a_port)
{
	static const struct row rows[] = {
		{ "1.2.3.4:80", "1.2.3.4:80" },
		{ "1.2.3.4:1", "1.2.3.4:1" },
		{ "1.2.3.4:65535", "1.2.3.4:65535" },
		{ "[::1]:80", "[::1]:80" },
		{ "[fe80::1%1]:80", "[fe80::1%1]:80" },
		{ "1.2.3.4", NULL },
		{ "1.2.3.4:", NULL },
		{ "1.2.3.4:0", NULL },
		{ "1.2.3.4:65536", NULL },
		{ "1.2.3.4:-1", NULL },
		{ "1.2.3.4:+1", NULL },
		{ "1.2.3.4: 1", NULL },
		{ "1.2.3.4:80x", NULL },
		{ "1.2.3.4:99999999999", NULL },
		{ "1.2.3.4::80", NULL },
		{ "[1.2.3.4]:80", NULL },
		{ "::1:80", NULL },
		{ "[::1]", NULL },
		{ "[::1]80", NULL },
		{ ":80", NULL },
		{ "", NULL },
		{ "host:80", NULL },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a;
		char out[ADDR_TEXT_BYTES];
		bool is_good = addr_parse(slice_of_string(rows[i].text), &a);
		cr_expect_eq(is_good, rows[i].formatted != NULL, "%s", rows[i].text);
		if (is_good && rows[i].formatted != NULL)
			cr_expect_str_eq(addr_format(&a, out), rows[i].formatted);
	}
}

static struct addr address(const char *text)
{
	struct addr a;
	cr_assert(addr_parse_ip(slice_of_string(text), &a), "%s", text);
	return a;
}

Test(addr, the_longest_text_fits)
{
	struct addr a = address("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295");
	char out[ADDR_TEXT_BYTES];
	a.port = 65535;
	cr_expect_str_eq(addr_format(&a, out),
			 "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
	struct addr none = { 0 };
	cr_expect_str_eq(addr_format(&none, out), "");
	cr_expect_str_eq(addr_format_ip(&none, out), "");
}

Test(addr, equality_and_ports)
{
	struct addr a = address("1.2.3.4"), b = addr_with_port(&a, 80);
	cr_expect(!addr_is_equal(&a, &b) && addr_is_same_ip(&a, &b));
	struct addr c = addr_without_port(&b);
	cr_expect(addr_is_equal(&a, &c));
	struct addr one = address("fe80::1%1"), two = address("fe80::1%2");
	cr_expect(!addr_is_same_ip(&one, &two));
	struct addr v6 = address("102:304::");
	cr_expect_eq(memcmp(v6.ip, a.ip, 4), 0);
	cr_expect(!addr_is_same_ip(&a, &v6), "the same bytes, another family");
}

Test(addr, mapped_addresses_become_ipv4)
{
	struct addr mapped = address("::ffff:1.2.3.4");
	mapped.port = 80;
	struct addr plain = addr_unmap(&mapped), expected = address("1.2.3.4");
	expected.port = 80;
	cr_expect_eq(memcmp(&plain, &expected, sizeof plain), 0);
	struct addr other = address("::fffe:1.2.3.4"), same = addr_unmap(&other);
	cr_expect(addr_is_equal(&other, &same));
}

Test(addr, to_the_kernel_and_back)
{
	static const char *const texts[] = { "1.2.3.4", "fd00::1", "fe80::1%3" };
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct sockaddr_storage kernel;
		struct addr a = address(texts[i]);
		a.port = 0x1234;
		socklen_t len = addr_to_sockaddr(&a, &kernel);
		cr_expect_eq(len, a.family == ADDR_IPV4 ? sizeof(struct sockaddr_in)
							: sizeof(struct sockaddr_in6));
		const uint8_t *port = (const uint8_t *)&kernel + 2;
		cr_expect(port[0] == 0x12 && port[1] == 0x34, "the port is in network order");
		struct addr back = addr_from_sockaddr(&kernel);
		cr_expect_eq(memcmp(&a, &back, sizeof a), 0);
	}
	struct sockaddr_storage other = { .ss_family = AF_UNIX };
	cr_expect_eq(addr_from_sockaddr(&other).family, ADDR_NONE);
}

Test(addr, networks)
{
	static const struct {
		const char *network, *address;
		bool is_within;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/9", "10.127.0.1", true },
		{ "10.0.0.0/9", "10.128.0.1", false },
		{ "10.0.0.0/31", "10.0.0.1", true },
		{ "10.0.0.0/31", "10.0.0.2", false },
		{ "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1/32", "10.0.0.0", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "1.2.3.4", false },
		{ "::/0", "ffff::1", true },
		{ "fe80::/10", "febf::1", true },
		{ "fe80::/10", "fec0::1", false },
		{ "fd00::1/128", "fd00::1", true },
		{ "fd00::1/128", "fd00::2", false },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr base, a = address(rows[i].address);
		unsigned bits;
		cr_assert(addr_parse_network(slice_of_string(rows[i].network), &base, &bits));
		cr_expect_eq(addr_is_within(&a, &base, bits), rows[i].is_within, "%s in %s",
			     rows[i].address, rows[i].network);
	}
}

Test(addr, texts_that_are_no_network)
{
	static const char *const rows[] = {
		"",         "/8",           "10.0.0.0/",   "10.0.0.0/33",
		"::/129",   "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/+8",
		"10.0.0/8", "host/8",       "10.0.0.0/ 8"
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr base;
		unsigned bits;
		cr_expect(!addr_parse_network(slice_of_string(rows[i]), &base, &bits), "%s",
			  rows[i]);
	}
}

Test(addr, link_local)
{
	static const char *const yes[] = { "169.254.0.0", "169.254.169.254", "fe80::1", "febf::1" };
	static const char *const no[] = { "169.253.255.255", "169.255.0.0", "10.0.0.1", "fec0::1",
					  "fe7f::1",         "::1",         "fd00::1" };
	for (size_t i = 0; i < COUNT(yes); i++) {
		struct addr a = address(yes[i]);
		cr_expect(addr_is_link_local(&a), "%s", yes[i]);
	}
	for (size_t i = 0; i < COUNT(no); i++) {
		struct addr a = address(no[i]);
		cr_expect(!addr_is_link_local(&a), "%s", no[i]);
	}
}

Test(addr, kinds)
{
	static const struct {
		const char *text;
		enum addr_kind kind;
	} rows[] = {
		{ "1.2.3.4", ADDR_UNICAST },
		{ "10.0.0.1", ADDR_UNICAST },
		{ "0.0.0.0", ADDR_UNSPECIFIED },
		{ "0.1.2.3", ADDR_UNSPECIFIED },
		{ "127.0.0.1", ADDR_LOOPBACK },
		{ "127.255.255.254", ADDR_LOOPBACK },
		{ "224.0.0.1", ADDR_MULTICAST },
		{ "239.255.255.255", ADDR_MULTICAST },
		{ "223.255.255.255", ADDR_UNICAST },
		{ "255.255.255.255", ADDR_BROADCAST },
		{ "::", ADDR_UNSPECIFIED },
		{ "::1", ADDR_LOOPBACK },
		{ "::2", ADDR_UNICAST },
		{ "fd00::1", ADDR_UNICAST },
		{ "ff02::1", ADDR_MULTICAST },
		{ "fe80::1", ADDR_UNICAST },
		{ "240.0.0.1", ADDR_UNICAST },
		{ "::ffff:1.2.3.4", ADDR_MAPPED },
		{ "::ffff:127.0.0.1", ADDR_MAPPED },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr a = address(rows[i].text);
		cr_expect_eq(addr_kind(&a), rows[i].kind, "%s", rows[i].text);
	}
}
