/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/session_limit.h"

#include "base/clock.h"
#include "share/clients.h"

#include <criterion/criterion.h>
#include <unistd.h>

#define WORKERS 2

/* Two workers with the same two virtual servers, as they share their counts. */
static char names[2][2] = { "a", "b" };
static struct conf_vserver vserver_confs[2] = { { .name = names[0] }, { .name = names[1] } };
static struct conf conf = { .vservers = vserver_confs, .vserver_count = 2 };
static struct share share;
static struct world worlds[WORKERS];
static struct vserver vservers[WORKERS][2];

static void open_worlds(void)
{
	struct share_counts counts = { .workers = WORKERS,
				       .vservers = 2,
				       .refusals = REFUSAL_COUNT,
				       .client_rows = clients_rows_for(1) };
	struct err e;
	clock_update();
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
	for (unsigned w = 0; w < WORKERS; w++) {
		worlds[w] = (struct world){ .conf = &conf, .share = &share, .worker = w };
		for (unsigned v = 0; v < 2; v++)
			vservers[w][v] = (struct vserver){
				.world = &worlds[w],
				.conf = &vserver_confs[v],
				.stats = stats_vserver_row(&share, w, v),
			};
	}
}

static void close_worlds(void)
{
	segment_close(&share);
}

TestSuite(session_limit, .init = open_worlds, .fini = close_worlds);

static struct session session_of(unsigned worker, unsigned vserver, const char *ip)
{
	struct session s = { .vserver = &vservers[worker][vserver],
			     .opened = clock_milliseconds() };
	cr_assert(addr_parse_ip(slice_of_string(ip), &s.remote));
	return s;
}

/* Does a session fit there? If so it stays. */
static bool fits(unsigned worker, unsigned vserver, const char *ip)
{
	struct session s = session_of(worker, vserver, ip);
	bool is_in = session_limit_enter(&s);
	if (!is_in)
		session_limit_leave(&s);
	return is_in;
}

static uint64_t refusals(unsigned worker, unsigned vserver, enum refusal why)
{
	return stats_refusals(&share, vservers[worker][vserver].stats)[why];
}

Test(session_limit, of_a_virtual_server_over_all_workers)
{
	vserver_confs[0].max_concurrent_connections = 3;
	cr_expect(fits(0, 0, "10.0.0.1") && fits(0, 0, "10.0.0.1") && fits(1, 0, "10.0.0.1"));
	cr_expect(!fits(0, 0, "10.0.0.1") && !fits(1, 0, "10.0.0.2"));
	cr_expect(fits(1, 1, "10.0.0.1"), "another one is not concerned");
	cr_expect_eq(refusals(0, 0, REFUSAL_CONNECTIONS_MOST), 1);
	cr_expect_eq(refusals(1, 0, REFUSAL_CONNECTIONS_MOST), 1);
	cr_expect_eq(stats_vserver_sessions(&share, 0), 3);
	stats_give_back(&share, 0);
	cr_expect(fits(1, 0, "10.0.0.1") && fits(1, 0, "10.0.0.1") && !fits(1, 0, "10.0.0.1"));
}

Test(session_limit, of_all_virtual_servers)
{
	conf.max_connections = 2;
	cr_expect(fits(0, 0, "10.0.0.1") && fits(1, 1, "10.0.0.1"));
	cr_expect(!fits(0, 1, "10.0.0.1") && !fits(1, 0, "10.0.0.1"));
	cr_expect_eq(refusals(0, 1, REFUSAL_CONNECTIONS_OF_ALL), 1);
	cr_expect_eq(stats_sessions(&share), 2);
}

Test(session_limit, of_a_client)
{
	vserver_confs[0].max_connections_per_client = 2;
	vserver_confs[1].max_connections_per_client = 1;
	cr_expect(fits(0, 0, "10.0.0.1") && fits(1, 0, "10.0.0.1"));
	cr_expect(!fits(0, 0, "10.0.0.1") && !fits(1, 0, "10.0.0.1"));
	cr_expect(!fits(0, 0, "::ffff:10.0.0.1"), "the same in another dress");
	cr_expect(fits(0, 0, "10.0.0.2"));
	cr_expect(fits(0, 1, "10.0.0.1") && !fits(1, 1, "10.0.0.1"));
	cr_expect_eq(refusals(1, 0, REFUSAL_CONNECTIONS_OF_CLIENT), 1);
	/* the first 64 bits of an IPv6 address are one client's */
	cr_expect(fits(0, 0, "2001:db8::1") && fits(1, 0, "2001:db8::ffff:2"));
	cr_expect(!fits(0, 0, "2001:db8::3"));
	cr_expect(fits(0, 0, "2001:db8:0:1::3"));
}

Test(session_limit, of_a_client_whom_a_proxy_header_is_to_name)
{
	struct conf_network front = { 0 };
	vserver_confs[0].max_connections_per_client = 1;
	vserver_confs[0].proxy_from = (struct conf_networks){ &front, 1 };
	struct session s[3];
	for (unsigned i = 0; i < 3; i++) {
		s[i] = session_of(i % 2, 0, "10.0.0.1");
		cr_assert(session_limit_enter(&s[i]), "the front is not the client");
	}
	cr_assert(addr_parse_ip(SLICE("192.0.2.1"), &s[0].remote));
	cr_assert(addr_parse_ip(SLICE("192.0.2.1"), &s[1].remote));
	cr_assert(addr_parse_ip(SLICE("192.0.2.2"), &s[2].remote));
	cr_expect(session_limit_enter_client(&s[0]));
	cr_expect(!session_limit_enter_client(&s[1]));
	cr_expect(session_limit_enter_client(&s[2]));
	cr_expect_eq(refusals(1, 0, REFUSAL_CONNECTIONS_OF_CLIENT), 1);
	session_limit_leave(&s[1]);
	session_limit_leave(&s[0]);
	cr_expect(session_limit_enter_client(&s[1]), "there is room again");
	vserver_confs[0].proxy_from.count = 0;
}

Test(session_limit, what_leaves_makes_room)
{
	struct session s = session_of(0, 0, "10.0.0.1");
	vserver_confs[0].max_concurrent_connections = 1;
	vserver_confs[0].max_connections_per_client = 1;
	conf.max_connections = 1;
	for (int i = 0; i < 3; i++) {
		cr_assert(session_limit_enter(&s));
		cr_expect(!fits(1, 0, "10.0.0.1"));
		session_limit_leave(&s);
	}
	cr_expect_eq(stats_sessions(&share), 0);
}

Test(session_limit, requests_of_a_connection)
{
	struct session s = session_of(0, 0, "10.0.0.1");
	s.transactions = 1000000;
	s.pipelined = 1000000;
	cr_expect(!session_limit_is_reached(&s));
	vserver_confs[0].max_requests = 3;
	s.transactions = 2;
	cr_expect(!session_limit_is_reached(&s));
	s.transactions = 3;
	cr_expect(session_limit_is_reached(&s));
	vserver_confs[0].max_requests = 0;
	vserver_confs[0].max_pipelined = 3;
	s.pipelined = 2;
	cr_expect(!session_limit_is_reached(&s));
	s.pipelined = 3;
	cr_expect(session_limit_is_reached(&s));
}

Test(session_limit, age_of_a_connection)
{
	struct session s = session_of(0, 0, "10.0.0.1");
	cr_expect_eq(session_limit_wait(&s, 0), 0);
	cr_expect_eq(session_limit_wait(&s, 7000), 7000);
	vserver_confs[0].age_milliseconds = 5000;
	s.opened -= 1000;
	cr_expect_eq(session_limit_wait(&s, 0), 4000);
	cr_expect_eq(session_limit_wait(&s, 7000), 4000);
	cr_expect_eq(session_limit_wait(&s, 3000), 3000);
	cr_expect(!session_limit_is_reached(&s));
	s.opened -= 4000;
	cr_expect_eq(session_limit_wait(&s, 0), 1);
	cr_expect(session_limit_is_reached(&s));
}
