/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_tcp_node.h"

#include "base/clock.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_node.h"
#include "txn/txn_tcp.h"
#include "txn/txn_tcp_turn.h"
#include "txn/txn_trace.h"

/* ---- to the node ------------------------------------------------------------------------------ */

static void start_tunnel(struct txn_body *b, struct stream *from, struct inbox *inbox,
			 struct stream *to, struct slice head, size_t limit)
{
	*b = (struct txn_body){ .is_tunnel = true };
	txn_body_start(b, from, inbox, to, head, limit);
}

/* Nothing of what the client has said so far lies behind the request. */
static bool is_last_request(const struct txn *t)
{
	const struct txn_look *request = &t->tcp->request;
	return buf_len(&request->held) <= request->end && inbox_slice(&t->session->inbox).len == 0;
}

/* The request: what rules have looked at, and unless it ends there all that comes. */
void txn_tcp_node_start_up(struct txn *t)
{
	struct txn_look *request = &t->tcp->request;
	struct session *s = t->session;
	start_tunnel(&t->up, &s->client, &s->inbox, txn_tcp_node(t), txn_look_text(request),
		     (size_t)t->vserver->conf->max_client_buffer);
	/* the end of a client behind its request goes on with it */
	t->up.ends_held = txn_tcp_is_request_ended(t) && !(s->client.is_eof && is_last_request(t));
	txn_bandwidth_of_request(t);
}

/* The response, and all that follows it. */
void txn_tcp_node_start_down(struct txn *t)
{
	struct node_connection *c = t->connection;
	start_tunnel(&t->down, &c->stream, &c->inbox, txn_tcp_client(t),
		     txn_look_text(&t->tcp->response), (size_t)t->vserver->conf->max_server_buffer);
	txn_bandwidth_of_response(t);
	if (t->tcp->has_answered)
		txn_answer_begins(t);
	t->is_answer_begun = true;
}

/* The connection's first bytes; whose it is comes before the request, where the pool wants that said. */
static void start_first(struct txn *t)
{
	txn_tcp_node_start_up(t);
	size_t len = t->up.head.len;
	t->up.head = txn_node_announce(t, t->up.head);
	t->tcp->announced = t->up.head.len - len;
}

/* Where the node greets first nothing else is said to it before. False: it broke. */
static bool announce_alone(struct txn *t)
{
	struct slice header = txn_node_announce(t, SLICE(""));
	t->tcp->announced = header.len;
	return header.len == 0 || stream_write_slice(txn_tcp_node(t), header) == IO_OK;
}

/* Its greeting was to be seen before anything is said to it. */
static bool awaits_greeting(const struct txn *t)
{
	return t->vserver->conf->banner != NULL;
}

/* Bytes that are here already ask by being written; without any an empty write does. */
static enum io try_node(struct txn *t)
{
	struct stream *node = txn_tcp_node(t);
	if (awaits_greeting(t))
		return stream_await(node);
	txn_body_move(&t->up);
	if (t->up.state == TXN_BODY_TO_BROKEN)
		return IO_FAIL;
	bool has_asked = t->up.head.len > 0 ||
			 (!t->up.ends_held && inbox_slice(&t->session->inbox).len > 0);
	if (!has_asked)
		return stream_await(node);
	return node->is_connecting ? IO_WAIT : IO_OK;
}

enum txn_next txn_tcp_node_reach(struct txn *t)
{
	struct txn_tcp *tcp = t->tcp;
	if (t->up.state == TXN_BODY_OFF && !awaits_greeting(t))
		start_first(t);
	switch (try_node(t)) {
	case IO_OK:
		break;
	case IO_WAIT:
		return txn_tcp_client(t)->error != 0 ? txn_end(t, TXN_END_CLIENT_RESET, NULL)
						     : TXN_WAIT;
	case IO_EOF:
	case IO_FAIL:
		return txn_node_lost(t);
	}
	if (awaits_greeting(t) && !announce_alone(t))
		return txn_node_lost(t);
	tcp->pool = t->pool;
	tcp->forced = t->forced;
	tcp->drops_node = tcp->is_probed = false;
	t->times.sent = clock_microseconds();
	if (!txn_tcp_is_request_ended(t))
		node_succeeded(t->node);
	txn_go(t, awaits_greeting(t) ? TXN_TCP_AWAIT_GREETING : TXN_TCP_SEND_REQUEST);
	return TXN_GO_ON;
}

/* Where the node's own greeting ends; 0: not yet. "220-" says that another line follows (RFC 5321 4.2). */
static size_t greeting_end(struct slice text)
{
	size_t end = 0;
	for (;;) {
		struct slice line = slice_skip(text, end);
		size_t len = slice_find(line, '\n');
		if (len == line.len)
			return 0;
		end += len + 1;
		bool goes_on = len > 3 && line.at[3] == '-';
		for (size_t i = 0; goes_on && i < 3; i++)
			goes_on = line.at[i] >= '0' && line.at[i] <= '9';
		if (!goes_on)
			return end;
	}
}

/* The client has been greeted in the node's place: it must not hear it twice. */
enum txn_next txn_tcp_node_await_greeting(struct txn *t)
{
	struct node_connection *c = t->connection;
	size_t most = (size_t)t->vserver->conf->max_server_buffer;
	for (;;) {
		size_t end = greeting_end(inbox_slice(&c->inbox));
		if (end > 0) {
			inbox_use(&c->inbox, end);
			txn_go(t, TXN_TCP_SEND_REQUEST);
			return TXN_GO_ON;
		}
		if (inbox_slice(&c->inbox).len >= most)
			return txn_end(t, TXN_END_NODE_BAD, "its greeting is too long");
		if (!c->stream.is_readable && !c->stream.is_eof)
			return TXN_WAIT;
		switch (inbox_read(&c->inbox, &c->stream, most, most)) {
		case IO_OK:
			break;
		case IO_WAIT:
			return TXN_WAIT;
		case IO_EOF:
		case IO_FAIL:
			return txn_node_lost(t);
		}
	}
}

/* Must the node's first bytes be seen before they go on? */
static bool awaits_response(const struct txn *t)
{
	return txn_tcp_turn_has_more(t) || txn_tcp_is_request_ended(t) ||
	       (t->is_later_turn ? txn_tcp_turn_has_rules(t, RULE_RESPONSE)
				 : t->rules[RULE_RESPONSE].count > 0);
}

enum txn_next txn_tcp_node_send_request(struct txn *t)
{
	struct node_connection *c = t->connection;
	if (t->up.state != TXN_BODY_MOVING && t->up.state != TXN_BODY_DONE)
		txn_tcp_node_start_up(t);
	txn_body_move(&t->up);
	t->down.state = TXN_BODY_OFF;
	txn_look_release(&t->tcp->response);
	txn_look_open(&t->tcp->response, &c->stream, &c->inbox,
		      (size_t)t->vserver->conf->rules.buffer);
	if (awaits_response(t)) {
		txn_go(t, TXN_TCP_AWAIT_RESPONSE);
		return TXN_GO_ON;
	}
	txn_tcp_node_start_down(t);
	txn_body_move(&t->down);
	txn_go(t, TXN_TCP_RELAY);
	return TXN_GO_ON;
}

/* Has the connection carried anything of the client's? */
bool txn_tcp_node_was_sent(const struct txn *t)
{
	return txn_tcp_node(t)->bytes_out > t->node_bytes_out + t->tcp->announced;
}

void txn_tcp_node_drop(struct txn *t)
{
	t->up.state = t->down.state = TXN_BODY_OFF;
	txn_release_node(t, false);
}

/* ---- from the node ---------------------------------------------------------------------------- */

static enum txn_next response_begins(struct txn *t)
{
	t->tcp->has_answered = true;
	t->times.response = clock_microseconds();
	TXN_TRACE(t, TRACE_ANSWER, "%zu bytes from the node so far",
		  inbox_slice(&t->connection->inbox).len);
	node_succeeded(t->node);
	/* what the client says from now on belongs to the next turn */
	if (txn_tcp_turn_has_more(t) && t->up.state == TXN_BODY_MOVING)
		t->up.ends_held = true;
	txn_go(t, TXN_TCP_RESPONSE_RULES);
	return TXN_GO_ON;
}

/* A client that ends behind a request of its own: the node may wait for that before it answers. */
static void pass_client_end(struct txn *t)
{
	struct stream *client = txn_tcp_client(t);
	if (t->tcp->is_client_over || !is_last_request(t))
		return;
	stream_peek(client);
	if (!client->is_eof)
		return;
	t->tcp->is_client_over = true;
	stream_shut(txn_tcp_node(t));
}

/* The node ended without a word. Where it owed one, that is a failure. */
static enum txn_next node_ends(struct txn *t)
{
	if (txn_tcp_is_request_ended(t))
		return txn_node_lost(t);
	txn_tcp_node_start_down(t);
	txn_body_move(&t->down);
	txn_go(t, TXN_TCP_RELAY);
	return TXN_GO_ON;
}

enum txn_next txn_tcp_node_await_response(struct txn *t)
{
	struct node_connection *c = t->connection;
	if (t->up.state == TXN_BODY_FROM_BROKEN || txn_tcp_client(t)->error != 0)
		return txn_end(t, TXN_END_CLIENT_RESET, NULL);
	if (t->up.state == TXN_BODY_DONE && txn_tcp_is_request_ended(t))
		pass_client_end(t);
	if (inbox_slice(&c->inbox).len > 0)
		return response_begins(t);
	if (!c->stream.is_readable && !c->stream.is_eof && c->stream.error == 0)
		return TXN_WAIT;
	switch (inbox_read(&c->inbox, &c->stream, (size_t)t->vserver->conf->max_server_buffer,
			   INBOX_SHARED_BYTES)) {
	case IO_OK:
		return response_begins(t);
	case IO_WAIT:
		return TXN_WAIT;
	case IO_EOF:
		return node_ends(t);
	case IO_FAIL:
		break;
	}
	return txn_node_lost(t);
}
