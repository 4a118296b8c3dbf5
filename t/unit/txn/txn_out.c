/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_out.h"

#include "txn_unit.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

TestSuite(txn_out, .init = unit_open, .fini = unit_close);

static void start(unsigned status, uint64_t length)
{
	static const struct http_fields none;
	txn_out_start(unit_txn, status, SLICE_ABSENT, &none, length);
}

static bool put(const char *text)
{
	return txn_out_write(unit_txn, slice_of_string(text));
}

static void expect(const char *wanted)
{
	const char *heard = unit_client_hears();
	cr_expect_str_eq(heard, wanted);
}

static bool is_in(const char *part, const char *whole)
{
	return strstr(whole, part) != NULL;
}

/* ---- how the end is told ------------------------------------------------------------------------ */

static const struct {
	const char *request;
	unsigned status;
	uint64_t length;
	const char *line;  /* of the head, or none of this kind */
	const char *body;  /* behind the head, for "abc" and "de" */
	bool keeps_client; /* for another request */
} ends[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, UINT64_MAX, "Transfer-Encoding: chunked\r\n",
	  "5\r\nabcde\r\n0\r\n\r\n", true },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200, 5, "Content-Length: 5\r\n", "abcde", true },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, UINT64_MAX,
	  "Connection: close\r\n", "abcde", false },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, 5, "Connection: keep-alive\r\n",
	  "abcde", true },
	{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, 5, "Content-Length: 5\r\n", "", true },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 204, UINT64_MAX, "204 No Content\r\n", "", true },
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 304, 5, "Content-Length: 5\r\n", "", true },
};

Test(txn_out, the_end_is_told_as_the_client_understands_it)
{
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		unit_txn->keep_client = true;
		unit_txn->out = NULL;
		unit_txn->down.relay.is_ended = false;
		unit_request(ends[i].request);
		start(ends[i].status, ends[i].length);
		cr_expect(unit_txn->is_answer_begun && unit_txn->answer_status == ends[i].status);
		cr_expect(put("abc") && put("de"));
		cr_expect_str_empty(unit_client_hears(), "few bytes leave together");
		txn_out_end(unit_txn);
		const char *heard = unit_client_hears(), *body = strstr(heard, "\r\n\r\n");
		cr_assert_not_null(body);
		cr_expect(is_in(ends[i].line, heard), "%zu: %s", i, heard);
		cr_expect_str_eq(body + 4, ends[i].body, "%zu: %s", i, heard);
		cr_expect_eq(unit_txn->keep_client, ends[i].keeps_client, "%zu", i);
		cr_expect(unit_txn->out->is_ended);
	}
}

/* What is left of a body that nobody took would be read as a request. */
Test(txn_out, a_client_whose_body_was_not_taken_is_not_kept)
{
	unit_request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
	start(200, 0);
	cr_expect(!unit_txn->keep_client);
	txn_out_end(unit_txn);
	cr_expect(is_in("Connection: close\r\n", unit_client_hears()));
}

/* ---- lengths ------------------------------------------------------------------------------------ */

Test(txn_out, no_more_fits_than_was_announced)
{
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	start(200, 5);
	cr_expect(txn_out_is_short(unit_txn) && txn_out_fits(unit_txn, 5));
	cr_expect(!txn_out_fits(unit_txn, 6));
	put("abc");
	cr_expect(txn_out_is_short(unit_txn) && !txn_out_fits(unit_txn, 3));
	put("de");
	cr_expect(!txn_out_is_short(unit_txn) && txn_out_fits(unit_txn, 0));
	cr_expect(!txn_out_fits(unit_txn, 1));
	txn_out_end(unit_txn);
}

Test(txn_out, nobody_counts_what_a_head_alone_announces)
{
	unit_request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	start(200, 5);
	cr_expect(!txn_out_is_short(unit_txn));
	txn_out_end(unit_txn);
}

Test(txn_out, a_short_answer_is_not_ended, .signal = SIGABRT)
{
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	start(200, 5);
	txn_out_end(unit_txn);
}

/* ---- when it leaves ----------------------------------------------------------------------------- */

Test(txn_out, much_leaves_by_itself_and_the_rest_when_asked)
{
	static char much[TXN_OUT_BYTES + 1];
	memset(much, 'x', TXN_OUT_BYTES);
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	start(200, UINT64_MAX);
	txn_out_flush(unit_txn);
	cr_expect(is_in("HTTP/1.1 200 OK\r\n", unit_client_hears()), "a head alone leaves, too");
	txn_out_flush(unit_txn);
	expect("");
	cr_expect(put(much));
	cr_expect_eq(strlen(unit_client_hears()), TXN_OUT_BYTES + strlen("4000\r\n\r\n"));
	put("abc");
	expect("");
	txn_out_flush(unit_txn);
	expect("3\r\nabc\r\n");
	txn_out_end(unit_txn);
	expect("0\r\n\r\n");
}

Test(txn_out, a_client_that_takes_nothing_parks_the_rule)
{
	static char much[TXN_OUT_BYTES + 1];
	unsigned written = 0;
	memset(much, 'x', TXN_OUT_BYTES);
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	start(200, UINT64_MAX);
	while (put(much) && written < 1000)
		written++;
	cr_assert_lt(written, 1000);
	txn_out_wait(unit_txn);
	cr_expect(!unit_txn->down.is_paused, "the client is what it waits for");
	txn_out_move(unit_txn);
	cr_expect(!unit_txn->is_rule_ready);
	while (!stream_is_flushed(&unit_txn->session->client)) {
		unit_client_hears();
		stream_flush(&unit_txn->session->client);
	}
	txn_out_move(unit_txn);
	cr_expect(unit_txn->is_rule_ready && unit_txn->again);
}

/* A client that takes everything does not keep the others from their turn. */
Test(txn_out, a_quick_client_makes_way_now_and_then)
{
	static char much[TXN_OUT_BYTES + 1];
	unsigned written = 0;
	memset(much, 'x', TXN_OUT_BYTES);
	unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	start(200, UINT64_MAX);
	while (put(much) && written < 1000) {
		unit_client_hears();
		written++;
	}
	cr_assert_lt(written, 1000);
	unit_client_hears();
	cr_assert(stream_is_flushed(&unit_txn->session->client));
	txn_out_wait(unit_txn);
	cr_expect(unit_txn->down.is_paused);
	unit_txn->wait->cancel(unit_txn->wait);
	cr_expect(!unit_txn->down.is_paused);
	txn_out_move(unit_txn);
	cr_expect(unit_txn->is_rule_ready);
}
