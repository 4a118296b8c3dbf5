/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_pace.h"

#include "base/clock.h"
#include "txn/txn.h"

#include <criterion/criterion.h>

/* A transaction of which only the bodies and the client's connection exist; time is moved by hand. */
static struct conf_vserver conf;
static struct vserver vserver = { .conf = &conf };
static struct session session = { .vserver = &vserver, .client = { .fd = -1 } };
static struct stream node = { .fd = -1 };
static struct txn t = { .session = &session, .vserver = &vserver };
static uint64_t now;

static void open_pace(void)
{
	clock_update();
	now = clock_milliseconds();
	conf.min_upload_rate = conf.min_download_rate = 1000;
	conf.rate_grace_milliseconds = 10000;
}

static void close_pace(void)
{
	buf_release(&session.client.out);
	buf_release(&node.out);
}

TestSuite(txn_pace, .init = open_pace, .fini = close_pace);

static void begin_upload(void)
{
	t.up = (struct txn_body){ .state = TXN_BODY_MOVING, .from = &session.client, .to = &node };
}

static void begin_download(void)
{
	buf_append(&session.client.out, SLICE("x"), 1);
}

Test(txn_pace, nobody_is_waited_for_at_first)
{
	txn_pace_note(&t);
	cr_expect(!t.waits_for_client);
	cr_expect_eq(txn_pace_deadline(&t), TIMER_NEVER);
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
}

Test(txn_pace, a_client_that_brings_nothing_has_the_grace)
{
	begin_upload();
	txn_pace_note(&t);
	cr_expect(t.waits_for_client);
	cr_expect_eq(txn_pace_deadline(&t), now + 10000);
	t.upload.since -= 9999;
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
	cr_expect_eq(txn_pace_deadline(&t), now + 1);
	t.upload.since -= 1;
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_UPLOAD_SLOW);
}

Test(txn_pace, bytes_earn_time_but_never_more_than_the_grace)
{
	begin_upload();
	txn_pace_note(&t);
	t.upload.since -= 8000;
	session.client.bytes_in += 3000;
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
	cr_expect_eq(txn_pace_deadline(&t), now + 10000 - 8000 + 3000);
	session.client.bytes_in += 1000000000;
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
	cr_expect_eq(txn_pace_deadline(&t), now + 10000);
}

Test(txn_pace, the_clock_stands_while_the_node_is_slow)
{
	begin_upload();
	txn_pace_note(&t);
	t.upload.since -= 4000;
	buf_append(&node.out, SLICE("x"), 1); /* it has not taken what came before */
	txn_pace_note(&t);
	cr_expect(!t.waits_for_client);
	cr_expect_eq(txn_pace_deadline(&t), TIMER_NEVER);
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
	buf_release(&node.out);
	txn_pace_note(&t);
	cr_expect_eq(txn_pace_deadline(&t), now + 6000);
}

Test(txn_pace, many_short_waits_of_a_fast_client_cost_one_look)
{
	begin_upload();
	for (int i = 0; i < 100; i++) {
		txn_pace_note(&t);
		t.upload.since -= 1000;
		session.client.bytes_in += 5000;
		buf_append(&node.out, SLICE("x"), 1);
		txn_pace_note(&t);
		buf_release(&node.out);
	}
	txn_pace_note(&t);
	cr_expect_eq(txn_pace_deadline(&t), now + 1);
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
	cr_expect_eq(txn_pace_deadline(&t), now + 10000);
}

Test(txn_pace, who_does_not_count)
{
	begin_upload();
	session.client.is_readable = true; /* its bytes are here, it is our turn */
	txn_pace_note(&t);
	cr_expect(!t.waits_for_client);
	session.client.is_readable = false;
	t.request.expects_continue = true;
	txn_pace_note(&t);
	cr_expect(!t.waits_for_client);
	t.informational = 1;
	txn_pace_note(&t);
	cr_expect(t.waits_for_client);
	t.up.is_tunnel = t.down.is_tunnel = true;
	begin_download();
	txn_pace_note(&t);
	cr_expect(!t.waits_for_client);
	t.up.is_tunnel = t.down.is_tunnel = false;
	conf.min_upload_rate = conf.min_download_rate = 0;
	txn_pace_note(&t);
	cr_expect(!t.waits_for_client);
}

Test(txn_pace, a_client_that_takes_its_answer_moves)
{
	begin_download();
	txn_pace_note(&t);
	t.download.since -= 9000;
	session.client.bytes_out += 1;
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
	cr_expect_eq(t.moved_at, now);
	t.moved_at = 0;
	t.download.since -= 1001; /* a byte is a millisecond */
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_DOWNLOAD_SLOW);
	cr_expect_eq(t.moved_at, 0);
}

Test(txn_pace, the_nearer_of_two_deadlines_counts)
{
	begin_upload();
	txn_pace_note(&t);
	t.upload.since -= 2000;
	begin_download();
	txn_pace_note(&t);
	cr_expect_eq(txn_pace_deadline(&t), now + 8000);
	t.download.since -= 3000;
	cr_expect_eq(txn_pace_deadline(&t), now + 7000);
}

Test(txn_pace, a_whole_body_has_its_own_time)
{
	begin_upload();
	conf.body_milliseconds = 5000;
	t.body_since = now - 4999;
	txn_pace_note(&t);
	cr_expect_eq(txn_pace_deadline(&t), now + 1);
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
	t.body_since--;
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_BODY_LATE);
	t.up.state = TXN_BODY_DONE;
	cr_expect_eq(txn_pace_check(&t), TXN_PACE_FINE);
}
