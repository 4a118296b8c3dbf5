/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_tcp_relay.h"

#include "txn/txn_node.h"
#include "txn/txn_tcp.h"
#include "txn/txn_tcp_node.h"
#include "txn/txn_tcp_turn.h"

/*
 * A side that broke when we wrote to it may have said something before: that is read first, and its
 * reading ends in the same break.
 */
enum txn_next txn_tcp_relay_check(struct txn *t)
{
	bool up_moves = t->up.state == TXN_BODY_MOVING,
	     down_moves = t->down.state == TXN_BODY_MOVING;
	if (t->up.state == TXN_BODY_FROM_BROKEN)
		return txn_end(t, TXN_END_CLIENT_RESET, NULL);
	if (t->down.state == TXN_BODY_FROM_BROKEN && stream_flush(txn_tcp_client(t)) == IO_WAIT)
		return TXN_WAIT; /* what the node had said before goes first */
	if (t->down.state == TXN_BODY_FROM_BROKEN)
		return txn_end(t, TXN_END_NODE_RESET, NULL);
	if (t->up.state == TXN_BODY_TO_BROKEN && !down_moves)
		return txn_end(t, TXN_END_NODE_RESET, NULL);
	if (t->down.state == TXN_BODY_TO_BROKEN && !up_moves)
		return txn_end(t, TXN_END_CLIENT_RESET, NULL);
	return TXN_WAIT;
}

/* Nothing was said yet on a connection that broke: another node may do better. */
static bool is_fresh_break(const struct txn *t)
{
	const struct stream *node = txn_tcp_node(t);
	return node->error != 0 && node->bytes_in == t->node_bytes_in &&
	       !txn_tcp_node_was_sent(t) && txn_is_whole(t);
}

static enum txn_next client_ends(struct txn *t)
{
	t->tcp->is_client_over = true;
	if (t->connection == NULL)
		return txn_end(t, TXN_END_OK, NULL);
	stream_shut(txn_tcp_node(t));
	return TXN_WAIT;
}

/* Some of the node's last words is still with us: their bandwidth class lets go of them slowly. */
static bool holds_response(const struct txn *t)
{
	return t->down.state == TXN_BODY_MOVING && t->connection != NULL &&
	       (t->down.head.len > 0 || inbox_slice(&t->connection->inbox).len > 0);
}

/* Between two turns: does the client say more? TXN_WAIT: not now. */
static enum txn_next look_for_turn(struct txn *t)
{
	struct session *s = t->session;
	struct txn_look *request = &t->tcp->request;
	size_t most = (size_t)t->vserver->conf->max_client_buffer;
	bool is_idle = t->up.state == TXN_BODY_OFF || t->up.state == TXN_BODY_DONE;
	if (!is_idle || t->tcp->is_client_over || holds_response(t))
		return TXN_WAIT;
	t->up.state = TXN_BODY_OFF;
	txn_look_end(request);
	if (buf_len(&request->held) == 0 && inbox_slice(&s->inbox).len == 0) {
		if (!s->client.is_readable && !s->client.is_eof)
			return TXN_WAIT;
		switch (inbox_read(&s->inbox, &s->client, most, most)) {
		case IO_OK:
			break;
		case IO_WAIT:
			return TXN_WAIT;
		case IO_EOF:
			return client_ends(t);
		case IO_FAIL:
			return txn_end(t, TXN_END_CLIENT_RESET, NULL);
		}
	}
	/* who does not take what it was told is not asked for more */
	if (!stream_is_flushed(&s->client))
		return TXN_WAIT;
	txn_tcp_turn_begin(t);
	txn_go(t, TXN_TCP_REQUEST_RULES);
	return TXN_GO_ON;
}

/* The last rules have run: from here on nobody looks. */
static void go_on_unseen(struct txn *t)
{
	struct txn_look *request = &t->tcp->request;
	if (t->up.state != TXN_BODY_DONE || t->tcp->is_client_over)
		return;
	txn_look_end(request);
	t->tcp->has_turns = false;
	txn_tcp_node_start_up(t);
	txn_body_move(&t->up);
}

/* What rules have looked at, once it has been written and nobody can ask for it any more. */
static void forget_looks(struct txn *t)
{
	if (t->up.head.len == 0 && !t->tcp->has_turns)
		txn_look_release(&t->tcp->request);
	if (t->down.head.len == 0)
		txn_look_release(&t->tcp->response);
}

static bool is_over(const struct txn *t)
{
	bool is_client_over = t->tcp->is_client_over ||
			      (t->up.state == TXN_BODY_DONE && !t->tcp->has_turns);
	return is_client_over && t->down.state == TXN_BODY_DONE;
}

/* When one side has said all, and all was taken, both connections end with the other's last byte. */
static void foresee_end(struct txn *t)
{
	bool has_turns = t->tcp->has_turns;
	t->up.is_last = t->down.state == TXN_BODY_DONE && !has_turns &&
			stream_is_flushed(txn_tcp_client(t));
	t->down.is_last = t->up.state == TXN_BODY_DONE && !has_turns &&
			  stream_is_flushed(txn_tcp_node(t));
}

enum txn_next txn_tcp_relay_both(struct txn *t)
{
	struct txn_tcp *tcp = t->tcp;
	if (t->connection != NULL && is_fresh_break(t))
		return txn_node_lost(t);
	if (txn_tcp_relay_check(t) == TXN_GO_ON)
		return TXN_GO_ON;
	if (tcp->drops_node && t->down.state == TXN_BODY_DONE) {
		txn_tcp_node_drop(t);
		tcp->drops_node = false;
	}
	if (t->connection == NULL && (tcp->is_client_over || !txn_tcp_turn_has_more(t)))
		return txn_end(t, TXN_END_CLOSED, NULL);
	forget_looks(t);
	if (txn_tcp_turn_has_more(t)) {
		if (look_for_turn(t) == TXN_GO_ON)
			return TXN_GO_ON;
	} else if (tcp->has_turns && t->connection != NULL) {
		go_on_unseen(t);
	}
	if (!is_over(t)) {
		foresee_end(t);
		return TXN_WAIT;
	}
	if (stream_flush(txn_tcp_client(t)) == IO_WAIT || stream_flush(txn_tcp_node(t)) == IO_WAIT)
		return TXN_WAIT;
	return txn_end(t, TXN_END_OK, NULL);
}
