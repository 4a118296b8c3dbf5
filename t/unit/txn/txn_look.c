/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_look.h"

#include "txn_unit.h"

#include <criterion/criterion.h>

#define LIMIT 10

static struct txn_look look;

static void open_look(void)
{
	struct session *s;
	unit_open();
	s = unit_txn->session;
	look = (struct txn_look){ 0 };
	txn_look_open(&look, &s->client, &s->inbox, LIMIT);
}

static void close_look(void)
{
	txn_look_release(&look);
	unit_close();
}

TestSuite(txn_look, .init = open_look, .fini = close_look);

static void expect_text(const char *text)
{
	struct slice is = txn_look_text(&look);
	cr_expect(slice_is_equal(is, slice_of_string(text)), "'%.*s', not '%s'", SLICE_PRINT(is),
		  text);
}

static void expect_left(const char *text)
{
	struct slice is = inbox_slice(&unit_txn->session->inbox);
	cr_expect(slice_is_equal(is, slice_of_string(text)), "'%.*s', not '%s'", SLICE_PRINT(is),
		  text);
}

Test(txn_look, takes_what_has_come)
{
	cr_expect_eq(txn_look_ask(&look, 0), TXN_LOOK_READY);
	expect_text("");
	cr_expect_eq(txn_look_ask(&look, 2), TXN_LOOK_WAIT);
	unit_client_says("ab");
	cr_expect_eq(txn_look_ask(&look, 2), TXN_LOOK_READY);
	expect_text("ab");
	cr_expect_eq(txn_look_ask(&look, 3), TXN_LOOK_WAIT);
	unit_client_says("cd");
	cr_expect_eq(txn_look_ask(&look, 3), TXN_LOOK_READY);
	expect_text("abcd");
	cr_expect_eq(txn_look_ask(&look, 1), TXN_LOOK_READY);
}

Test(txn_look, an_end_is_all_there_will_be)
{
	unit_client_says("ab");
	cr_expect_eq(txn_look_ask(&look, 5), TXN_LOOK_WAIT);
	unit_client_ends();
	cr_expect_eq(txn_look_ask(&look, 5), TXN_LOOK_READY);
	expect_text("ab");
	cr_expect(look.is_over);
}

Test(txn_look, holds_no_more_than_its_limit)
{
	unit_client_says("0123456789abc");
	cr_expect_eq(txn_look_ask(&look, LIMIT), TXN_LOOK_READY);
	expect_text("0123456789");
	expect_left("abc");
	cr_expect_eq(txn_look_ask(&look, LIMIT + 1), TXN_LOOK_LONG);
	expect_text("0123456789");
	expect_left("abc");
}

Test(txn_look, nobody_to_ask)
{
	unit_client_says("ab");
	look.from = NULL;
	cr_expect_eq(txn_look_ask(&look, 2), TXN_LOOK_READY);
	expect_text("");
}

Test(txn_look, behind_its_end_nothing_is_waited_for)
{
	unit_client_says("abcd");
	txn_look_ask(&look, 4);
	look.end = 3;
	expect_text("abc");
	cr_expect_eq(txn_look_ask(&look, 100), TXN_LOOK_READY);
	expect_text("abc");
	txn_look_end(&look);
	expect_text("d");
	cr_expect_eq(look.end, TXN_LOOK_NO_END);
	cr_expect_eq(txn_look_ask(&look, 2), TXN_LOOK_WAIT);
}

Test(txn_look, first_bytes_are_dropped)
{
	unit_client_says("abcdef");
	txn_look_ask(&look, 6);
	txn_look_drop(&look, 1);
	expect_text("bcdef");
	look.end = 3;
	txn_look_drop(&look, 1);
	expect_text("cd");
	cr_expect_eq(look.end, 2);
	txn_look_drop(&look, 100); /* not beyond its end */
	expect_text("");
	txn_look_end(&look);
	expect_text("ef");
	txn_look_drop(&look, 0);
	txn_look_drop(&look, 3);
	expect_text("");
}

Test(txn_look, other_bytes_in_its_place)
{
	unit_client_says("abcd");
	txn_look_ask(&look, 4);
	look.end = 3;
	txn_look_replace(&look, SLICE("a longer one than may be held"));
	expect_text("a longer one than may be held");
	txn_look_replace(&look, SLICE(""));
	expect_text("");
	cr_expect_eq(look.end, 0);
	txn_look_end(&look);
	expect_text("d");
	txn_look_replace(&look, SLICE("x"));
	expect_text("x");
	cr_expect_eq(look.end, TXN_LOOK_NO_END);
}
