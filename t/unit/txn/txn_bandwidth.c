/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_bandwidth.h"

#include "txn/txn.h"

#include <criterion/criterion.h>

/* A transaction of which only the body towards the client exists, of a virtual server with the class `number`. */
static struct conf_bandwidth_class classes[2];
static uint64_t buckets[2];
static struct conf conf = { .bandwidth_classes = classes };
static struct share share = { .buckets = buckets };
static struct world world = { .conf = &conf, .share = &share };
static struct conf_vserver vserver_conf;
static struct vserver vserver = { .world = &world, .conf = &vserver_conf };
static struct session session = { .vserver = &vserver };
static struct txn t = { .session = &session, .vserver = &vserver };

static const struct txn_body *body_of_class(uint32_t number, size_t limit)
{
	vserver_conf.bandwidth = number;
	t.down = (struct txn_body){ .limit = limit };
	txn_bandwidth_of_response(&t);
	return &t.down;
}

static void open_txn(void)
{
	arena_init(&t.arena);
	classes[0] = (struct conf_bandwidth_class){ .maximum = 200000,
						    .sharing = CONF_SHARING_CONNECTION };
	classes[1] = (struct conf_bandwidth_class){ .maximum = 200000,
						    .sharing = CONF_SHARING_MACHINE };
}

static void close_txn(void)
{
	arena_release(&t.arena);
	arena_drop_spares();
}

TestSuite(txn_bandwidth, .init = open_txn, .fini = close_txn);

Test(txn_bandwidth, each_connection_or_the_machine)
{
	cr_expect_null(body_of_class(0, 65536)->bandwidth);
	cr_expect_eq(body_of_class(1, 65536)->bandwidth->bucket, &session.written_to_client);
	cr_expect_eq(body_of_class(2, 65536)->bandwidth->bucket, &buckets[1]);
}

/* A twentieth of a second's, but no crumbs; and never more than is read at a time anyway. */
Test(txn_bandwidth, bites)
{
	cr_expect_eq(body_of_class(1, 65536)->limit, 10000);
	cr_expect_eq(body_of_class(1, 4096)->limit, 4096);
	classes[0].maximum = 100;
	cr_expect_eq(body_of_class(1, 65536)->limit, 64);
}
