/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_hold.h"

#include "txn/txn_rules.h"
#include "txn_unit.h"

#include <criterion/criterion.h>
#include <signal.h>

TestSuite(txn_hold, .init = unit_open, .fini = unit_close);

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"
/* One byte more than may be held. */
#define X10 "xxxxxxxxxx"
#define TOO_MUCH X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 "x"

static void expect_text(const struct txn_body *b, const char *wanted)
{
	struct slice text = txn_hold_text(b->hold);
	cr_expect(slice_is_equal(text, slice_of_string(wanted)), "'%.*s' is not '%s'",
		  SLICE_PRINT(text), wanted);
}

/* The rule waits, and is told that it may go on. */
static void expect_woken(struct txn_body *b)
{
	txn_hold_move(unit_txn);
	cr_expect(unit_txn->is_rule_ready && unit_txn->again);
	unit_txn->is_rule_ready = unit_txn->again = false;
	cr_expect_eq(txn_rules_waited(unit_txn), &b->hold->wait);
}

/* ---- requests ------------------------------------------------------------------------------------- */

Test(txn_hold, what_was_asked_for_comes_in_pieces)
{
	struct txn_body *up = &unit_txn->up;
	unit_request(POST "Content-Length: 7\r\n\r\n");
	unit_client_says("ab");
	cr_assert_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_WAIT);
	cr_expect_eq(up->state, TXN_BODY_HELD);
	txn_hold_wait(unit_txn, up->hold);
	cr_expect(txn_hold_wants_read(up));
	txn_hold_move(unit_txn);
	cr_expect(!unit_txn->is_rule_ready);
	unit_client_says("c");
	expect_woken(up);
	cr_assert_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_READY);
	expect_text(up, "abc");
	cr_expect(!up->relay.in.is_done && !txn_hold_wants_read(up));
	unit_client_says("defg");
	txn_hold_move(unit_txn);
	expect_text(up, "abc"); /* nobody has asked for more */
	cr_assert_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_READY);
	expect_text(up, "abcdefg");
	cr_expect(up->relay.in.is_done && txn_hold_is_over(up->hold));
}

Test(txn_hold, less_than_was_asked_for_when_it_has_no_more)
{
	unit_request(POST CHUNKED);
	unit_client_says("2\r\nab\r\n0\r\n\r\nGET / HTTP/1.1\r\n");
	cr_assert_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_READY);
	expect_text(&unit_txn->up, "ab");
	cr_expect(unit_txn->up.relay.in.is_done);
	struct slice behind = inbox_slice(&unit_txn->session->inbox);
	cr_expect(slice_is_equal(behind, SLICE("GET / HTTP/1.1\r\n")));
}

Test(txn_hold, none_is_there_at_once)
{
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_assert_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_READY);
	expect_text(&unit_txn->up, "");
}

Test(txn_hold, more_than_may_be_held_is_left_where_it_is)
{
	struct txn_body *up = &unit_txn->up;
	unit_request(POST "Content-Length: 101\r\n\r\n");
	unit_client_says(TOO_MUCH);
	cr_expect_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_LONG);
	cr_expect_eq(txn_hold_text(up->hold).len, 0, "its length alone tells");
	cr_expect_eq(txn_hold_request(unit_txn, UNIT_RULES_BUFFER), TXN_HOLD_READY);
	cr_expect_eq(txn_hold_text(up->hold).len, UNIT_RULES_BUFFER);
	cr_expect_eq(inbox_slice(&unit_txn->session->inbox).len, 1);
	cr_expect_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_LONG);
}

Test(txn_hold, of_chunks_only_the_last_byte_tells)
{
	struct txn_body *up = &unit_txn->up;
	unit_request(POST CHUNKED);
	unit_client_says("65\r\n" TOO_MUCH "\r\n0\r\n\r\n");
	cr_expect_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_LONG);
	cr_expect_leq(txn_hold_text(up->hold).len, UNIT_RULES_BUFFER);
	cr_expect(!up->relay.in.is_done);
}

Test(txn_hold, an_expecting_client_is_told_once)
{
	unit_request(POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	cr_expect_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_WAIT);
	cr_expect_str_eq(unit_client_hears(), "HTTP/1.1 100 Continue\r\n\r\n");
	cr_expect_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_WAIT);
	cr_expect_str_empty(unit_client_hears());
}

Test(txn_hold, an_expecting_client_that_has_sent_all_is_told_nothing)
{
	unit_request(POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	unit_client_says("abc");
	cr_expect_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_READY);
	cr_expect_str_empty(unit_client_hears());
}

Test(txn_hold, a_client_that_ends_in_the_middle)
{
	unit_request(POST "Content-Length: 3\r\n\r\n");
	unit_client_says("ab");
	cr_assert_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_WAIT);
	unit_client_ends();
	txn_hold_move(unit_txn);
	cr_expect_eq(unit_txn->up.state, TXN_BODY_FROM_CUT);
}

Test(txn_hold, a_malformed_body)
{
	unit_request(POST CHUNKED);
	unit_client_says("x\r\n");
	txn_hold_request(unit_txn, 3);
	cr_expect_eq(unit_txn->up.state, TXN_BODY_BAD);
}

/* ---- another body --------------------------------------------------------------------------------- */

Test(txn_hold, another_body_waits_until_the_old_one_has_gone)
{
	struct txn_body *up = &unit_txn->up;
	unit_request(POST "Content-Length: 7\r\n\r\n");
	unit_client_says("abc");
	cr_assert_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_READY);
	txn_hold_replace_request(unit_txn, SLICE("new"));
	expect_text(up, "new");
	cr_assert_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_WAIT);
	txn_hold_wait(unit_txn, up->hold);
	unit_client_says("defg");
	expect_woken(up);
	cr_assert_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_READY);
	expect_text(up, "new");
	cr_expect(up->relay.in.is_done && up->ends_held);
	txn_hold_replace_request(unit_txn, SLICE("newer"));
	cr_assert_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_READY);
	expect_text(up, "newer");
}

/* What is thrown away takes no room, however much it is. */
Test(txn_hold, a_long_body_can_be_replaced)
{
	unit_request(POST "Content-Length: 404\r\n\r\n");
	txn_hold_replace_request(unit_txn, SLICE("new"));
	cr_assert_eq(txn_hold_request(unit_txn, TXN_HOLD_ALL), TXN_HOLD_WAIT);
	for (int i = 0; i < 4; i++) {
		unit_client_says(TOO_MUCH);
		enum txn_hold_result result = txn_hold_request(unit_txn, TXN_HOLD_ALL);
		cr_assert_eq(result, i < 3 ? TXN_HOLD_WAIT : TXN_HOLD_READY);
	}
	expect_text(&unit_txn->up, "new");
}

Test(txn_hold, a_response_whose_rest_is_there_leaves_its_node_free)
{
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	unit_response(OK "Content-Length: 7\r\n\r\n");
	unit_node_says("abcdefg");
	cr_assert_eq(txn_hold_response(unit_txn, 3), TXN_HOLD_READY);
	txn_hold_replace_response(unit_txn, SLICE("new"));
	cr_expect(unit_txn->response.keep_alive);
	expect_text(&unit_txn->down, "new");
}

Test(txn_hold, a_response_that_is_still_coming_costs_the_connection)
{
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	unit_response(OK "Content-Length: 7\r\n\r\n");
	unit_node_says("abcdef");
	txn_hold_replace_response(unit_txn, SLICE("new"));
	cr_expect(!unit_txn->response.keep_alive);
	cr_expect_eq(unit_txn->down.state, TXN_BODY_HELD);
	expect_text(&unit_txn->down, "new");
}

/* ---- codings ------------------------------------------------------------------------------------ */

Test(txn_hold, a_coding_that_is_none)
{
	unit_request(POST "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n");
	unit_client_says("abc");
	cr_assert_eq(txn_hold_request(unit_txn, 2), TXN_HOLD_READY);
	cr_expect_not_null(unit_txn->up.hold->trouble);
	cr_expect_eq(buf_len(&unit_txn->up.hold->raw), 3, "it is kept as it came");
}

Test(txn_hold, a_coding_that_nobody_knows)
{
	unit_request(POST "Content-Encoding: zstd\r\nContent-Length: 3\r\n\r\n");
	cr_assert_eq(txn_hold_request(unit_txn, 2), TXN_HOLD_READY, "there is nothing to wait for");
	cr_expect_not_null(unit_txn->up.hold->trouble);
	txn_hold_replace_request(unit_txn, SLICE("new"));
	cr_expect_null(unit_txn->up.hold->trouble);
}

/* ---- bit by bit --------------------------------------------------------------------------------- */

Test(txn_hold, what_was_read_bit_by_bit_is_gone)
{
	struct txn_body *down = &unit_txn->down;
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	unit_response(OK CHUNKED);
	unit_node_says("65\r\n" TOO_MUCH "\r\n");
	for (int i = 0; i < 10; i++) {
		cr_assert_eq(txn_hold_stream(unit_txn, 10), TXN_HOLD_READY, "%d", i);
		cr_expect_leq(txn_hold_text(down->hold).len, UNIT_RULES_BUFFER);
		txn_hold_consume(down->hold, 10);
	}
	cr_assert_eq(txn_hold_stream(unit_txn, 10), TXN_HOLD_WAIT);
	expect_text(down, "x");
	cr_expect(!txn_hold_is_over(down->hold));
	txn_hold_wait(unit_txn, down->hold);
	unit_node_says("0\r\n\r\n");
	expect_woken(down);
	cr_assert_eq(txn_hold_stream(unit_txn, 10), TXN_HOLD_READY);
	expect_text(down, "x");
	cr_expect(txn_hold_is_over(down->hold));
}

Test(txn_hold, no_more_at_a_time_than_may_be_held, .signal = SIGABRT)
{
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	unit_response(OK CHUNKED);
	txn_hold_stream(unit_txn, UNIT_RULES_BUFFER + 1);
}

Test(txn_hold, a_rule_that_is_given_up_wants_nothing)
{
	unit_request(POST "Content-Length: 7\r\n\r\n");
	cr_assert_eq(txn_hold_request(unit_txn, 3), TXN_HOLD_WAIT);
	txn_hold_wait(unit_txn, unit_txn->up.hold);
	cr_expect(txn_hold_wants_read(&unit_txn->up));
	unit_txn->wait->cancel(unit_txn->wait);
	unit_txn->wait = NULL;
	cr_expect(!txn_hold_wants_read(&unit_txn->up));
	unit_client_says("abcdefg");
	txn_hold_move(unit_txn);
	cr_expect_eq(txn_hold_text(unit_txn->up.hold).len, 0);
}
