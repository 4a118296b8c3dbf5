/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/dns.h"

#include <criterion/criterion.h>

Test(dns, names_of_hosts)
{
	static const char *const good[] = { "a", "a.", "A-1.b_c.example", "1", "xn--bcher-kva.ch" };
	static const char *const bad[] = { "",    ".",    "a..b",     ".a", "a b",
					   "a/b", "a:80", "\xc3\xa4", "*" };
	char label[66] = { 0 };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_expect(dns_is_host_name(slice_of_string(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_expect_not(dns_is_host_name(slice_of_string(bad[i])), "%s", bad[i]);
	memset(label, 'x', 64);
	cr_expect(dns_is_host_name(slice_of(label, 63)));
	cr_expect_not(dns_is_host_name(slice_of(label, 64)));
}

Test(dns, a_whole_name_has_253_bytes)
{
	char name[256];
	for (size_t i = 0; i < sizeof name; i++)
		name[i] = i % 50 == 49 ? '.' : 'x';
	cr_expect(dns_is_host_name(slice_of(name, 253)));
	cr_expect_not(dns_is_host_name(slice_of(name, 254)));
}

/* ---- answers that need no server ---------------------------------------------------------------------- */

static unsigned calls;

static void on_done(struct dns_lookup *l)
{
	(void)l;
	calls++;
	loop_stop();
}

static void open_all(void)
{
	loop_open();
	dns_open(&(struct dns_options){ .timeout_milliseconds = 50 });
}

static void close_all(void)
{
	dns_close();
	loop_close();
}

Test(dns, an_address_is_its_own_answer, .init = open_all, .fini = close_all)
{
	struct dns_lookup l;
	char text[ADDR_TEXT_BYTES];
	dns_find(&l, SLICE("10.1.2.3"), DNS_ANY, on_done);
	cr_expect_eq(calls, 0, "never before the loop turns");
	loop_run(NULL);
	cr_expect_eq(calls, 1);
	cr_expect_eq(l.result, DNS_FOUND);
	cr_expect_str_eq(addr_format_ip(&l.addresses[0], text), "10.1.2.3");
	dns_find(&l, SLICE("10.1.2.3"), DNS_IPV6, on_done);
	loop_run(NULL);
	cr_expect_eq(l.result, DNS_NO_SUCH);
	cr_expect_eq(l.count, 0);
}

Test(dns, nobody_hears_of_what_was_given_up, .init = open_all, .fini = close_all)
{
	struct dns_lookup given_up, other;
	dns_find(&given_up, SLICE("10.1.2.3"), DNS_ANY, on_done);
	dns_find(&other, SLICE("localhost"), DNS_ANY, on_done);
	dns_cancel(&given_up);
	loop_run(NULL);
	cr_expect_eq(calls, 1);
	cr_expect_eq(other.result, DNS_FOUND);
	dns_cancel(&other);
	cr_expect_eq(dns_cached(), 0, "/etc/hosts has no time to live");
}
