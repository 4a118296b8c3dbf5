/* tcp.*: sockets of a rule's own, which live no longer than the client's connection. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/check.h"
#include "base/memory.h"
#include "fetch/wire.h"
#include "txn/txn_rules.h"

#include <stdlib.h>

#define MILLISECONDS_MOST 86400000
#define MILLISECONDS_PRESET 30000
#define READ_MOST (1 << 20)

/* What a rule waits for at one of its sockets. Freed when the rule goes on, or is given up. */
struct tcp_wait {
	struct txn_wait wait;
	struct wire_wait wire;
	bool is_connecting;
	size_t size; /* to read at most, or that are written */
};

static void on_done(struct wire_wait *w)
{
	txn_rules_ready(&container_of(w, struct tcp_wait, wire)->wait);
}

static void give_up(struct txn_wait *w)
{
	struct tcp_wait *tw = container_of(w, struct tcp_wait, wait);
	if (tw->is_connecting)
		wire_close(tw->wire.wire); /* nobody would ever know of it */
	else
		wire_stop(tw->wire.wire);
	free(tw);
}

static struct tcp_wait *new_wait(size_t size)
{
	struct tcp_wait *tw = memory_new(1, sizeof *tw);
	tw->wire.on_done = on_done;
	tw->size = size;
	return tw;
}

static enum rule_answer wait_for(struct rule_call *call, struct tcp_wait *tw,
				 rule_function_run finish)
{
	txn_rules_wait(api_txn(call), &tw->wait, give_up);
	rule_wait(call, finish);
	return RULE_WAIT;
}

/* What it came to; the operation is gone. */
static struct tcp_wait take(struct rule_call *call)
{
	struct tcp_wait *tw = container_of(txn_rules_waited(api_txn(call)), struct tcp_wait, wait);
	struct tcp_wait copy = *tw;
	free(tw);
	return copy;
}

static uint64_t milliseconds(struct rule_call *call, unsigned n)
{
	if (rule_argument_is_absent(call, n))
		return MILLISECONDS_PRESET;
	return (uint64_t)rule_argument_integer(call, n, 1, MILLISECONDS_MOST);
}

/* Argument 1 as a socket; NULL: there is none of that number, and the rule is told. */
static struct wire *find(struct rule_call *call)
{
	int64_t number = rule_argument_integer(call, 1, 1, INT32_MAX);
	struct wire *wire = wires_find(api_txn(call)->session->wires, number);
	if (wire == NULL)
		api_warn(call, "there is no socket %lld: it was closed, or never opened",
			 (long long)number);
	return wire;
}

/* ---- tcp.connect ------------------------------------------------------------------------------------ */

static enum rule_answer connected(struct rule_call *call)
{
	struct tcp_wait tw = take(call);
	if (tw.wire.reason != NULL)
		return api_fail(call, tw.wire.reason);
	rule_push_integer(call, wires_number(api_txn(call)->session->wires, tw.wire.wire));
	return RULE_RETURN;
}

static enum rule_answer connect_to(struct rule_call *call)
{
	struct session *s = api_txn(call)->session;
	struct slice ip = api_text(call, 1);
	struct addr to;
	uint16_t port = (uint16_t)rule_argument_integer(call, 2, 1, 65535);
	uint64_t patience = milliseconds(call, 3);
	const char *reason;
	if (!addr_parse_ip(ip, &to)) {
		api_warn(call, "'%.*s' is no address", (int)(ip.len < 100 ? ip.len : 100), ip.at);
		return api_fail(call, "it is no address");
	}
	to.port = port;
	if (world_is_own_listener(api_world(call), &to, false))
		return api_fail(call, "it is a listener of weir itself");
	if (s->wires == NULL)
		s->wires = wires_new();
	struct tcp_wait *tw = new_wait(0);
	tw->is_connecting = true;
	if (!wire_connect(s->wires, &tw->wire, &to, patience, &reason)) {
		free(tw);
		return api_fail(call, reason);
	}
	return wait_for(call, tw, connected);
}

/* ---- tcp.read --------------------------------------------------------------------------------------- */

/* Takes what is there; IO_WAIT: nothing, and no result. */
static enum io read_now(struct rule_call *call, struct wire *wire, size_t size)
{
	const char *reason;
	size_t got = 0;
	char *into = api_scratch(call, size);
	enum io result = wire_take(wire, into, size, &got, &reason);
	if (result == IO_OK)
		rule_push_string(call, slice_of(into, got));
	else if (result == IO_EOF)
		api_fail(call, "closed");
	else if (result == IO_FAIL)
		api_fail(call, reason);
	return result;
}

static enum rule_answer readable(struct rule_call *call)
{
	struct tcp_wait tw = take(call);
	if (tw.wire.reason != NULL)
		return api_fail(call, tw.wire.reason);
	if (read_now(call, tw.wire.wire, tw.size) == IO_WAIT)
		rule_push_string(call, SLICE("")); /* the kernel took it back: a wrong checksum */
	return RULE_RETURN;
}

static enum rule_answer read_from(struct rule_call *call)
{
	size_t size = (size_t)rule_argument_integer(call, 2, 1, READ_MOST);
	uint64_t patience = milliseconds(call, 3);
	struct wire *wire = find(call);
	if (wire == NULL)
		return api_fail(call, "there is no such socket");
	if (read_now(call, wire, size) != IO_WAIT)
		return RULE_RETURN;
	struct tcp_wait *tw = new_wait(size);
	wire_wait_read(wire, &tw->wire, patience);
	return wait_for(call, tw, readable);
}

/* ---- tcp.write and tcp.close ------------------------------------------------------------------------ */

static enum rule_answer written(struct rule_call *call)
{
	struct tcp_wait tw = take(call);
	if (tw.wire.reason != NULL)
		return api_fail(call, tw.wire.reason);
	rule_push_integer(call, (int64_t)tw.size);
	return RULE_RETURN;
}

static enum rule_answer write_to(struct rule_call *call)
{
	struct slice data = api_text(call, 2);
	uint64_t patience = milliseconds(call, 3);
	struct wire *wire = find(call);
	if (wire == NULL)
		return api_fail(call, "there is no such socket");
	if (data.len == 0) {
		rule_push_integer(call, 0);
		return RULE_RETURN;
	}
	struct tcp_wait *tw = new_wait(data.len);
	wire_write(wire, &tw->wire, data, patience);
	return wait_for(call, tw, written);
}

static enum rule_answer close_socket(struct rule_call *call)
{
	struct wire *wire = find(call);
	if (wire != NULL)
		wire_close(wire);
	rule_push_boolean(call, wire != NULL);
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "tcp.connect", connect_to, RULE_IN_ANY | RULE_WAITS,
	  "ip: string, port: integer, milliseconds?: integer", "integer|nil socket, string|nil reason",
	  "Connects to an address, within 30,000 milliseconds by default, and gives a socket; nil and a reason "
	  "when that fails. A client's connection has at most 16 sockets at a time, and they are closed with "
	  "it. Weir's own listeners are not connected to.", "tcp.connect" },
	{ "tcp.read", read_from, RULE_IN_ANY | RULE_WAITS,
	  "socket: integer, max: integer, milliseconds?: integer", "string|nil data, string|nil reason",
	  "Waits until something has come and gives it, up to `max` bytes (a mebibyte at most). Nil and "
	  "`\"closed\"` when the other side has ended, nil and a reason when the connection broke or, after "
	  "30,000 milliseconds by default, the time is over; the socket can still be used then.", "tcp.read" },
	{ "tcp.write", write_to, RULE_IN_ANY | RULE_WAITS,
	  "socket: integer, data: string, milliseconds?: integer", "integer|nil written, string|nil reason",
	  "Writes all of the data and gives the number of bytes. Nil and a reason when the connection broke or, "
	  "after 30,000 milliseconds by default, the time is over; the socket is closed then.", "tcp.write" },
	{ "tcp.close", close_socket, RULE_IN_ANY, "socket: integer", "boolean",
	  "Closes a socket; false and a warning in the log when there is none of that number.", "tcp.close" },
};
/* clang-format on */

API_FAMILY(api_tcp, functions);
