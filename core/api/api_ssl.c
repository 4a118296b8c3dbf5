/* ssl.*: TLS that is passed on as it is: what the client's first message says. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "tls/client_hello.h"
#include "txn/txn_rules.h"
#include "txn/txn_tcp.h"
#include "txn/txn_trace.h"

/* What looking at the beginning of a hello costs, in bytes of work. */
#define LOOK_BYTES 256

static enum rule_answer is_ssl(struct rule_call *call)
{
	rule_push_boolean(call, false);
	return RULE_RETURN;
}

/* ---- the client's hello ---------------------------------------------------------------------------- */

typedef void (*answer_hello)(struct rule_call *call, const struct client_hello *hello);

static enum rule_answer ask_hello(struct rule_call *call, answer_hello answer);

static void push_server_name(struct rule_call *call, const struct client_hello *hello)
{
	rule_push_string(call, hello->server_name);
}

static void push_protocols(struct rule_call *call, const struct client_hello *hello)
{
	struct slice rest = hello->protocols, protocol;
	rule_push_table(call);
	while (client_hello_next_protocol(&rest, &protocol))
		rule_table_append(call, protocol);
}

static enum rule_answer go_on_with_name(struct rule_call *call)
{
	txn_rules_waited(api_txn(call));
	return ask_hello(call, push_server_name);
}

static enum rule_answer go_on_with_protocols(struct rule_call *call)
{
	txn_rules_waited(api_txn(call));
	return ask_hello(call, push_protocols);
}

/* What there is of it cannot become one any more, or it is read: then it stays so. */
static void keep(struct txn *t, const struct client_hello *hello, bool is_hello)
{
	t->tcp->hello = arena_new(&t->arena, sizeof *t->tcp->hello);
	*t->tcp->hello = *hello;
	t->tcp->has_hello = is_hello;
	if (is_hello && !slice_is_absent(hello->protocols))
		t->tcp->hello->protocols = arena_copy(&t->arena, hello->protocols);
	if (is_hello && t->trace != NULL)
		txn_trace_say_server_name(t, hello->server_name);
}

/* True: it is known whether there is one, and what it says. */
static bool read_hello(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct txn_look *look = &t->tcp->request;
	struct client_hello hello = { 0 };
	if (look->limit < CLIENT_HELLO_MOST)
		look->limit = CLIENT_HELLO_MOST;
	for (;;) {
		size_t has = txn_look_text(look).len;
		enum txn_look_result result = txn_look_ask(look, has + 1);
		rule_spend(call, LOOK_BYTES);
		switch (client_hello_parse(txn_look_text(look), &t->arena, &hello)) {
		case CLIENT_HELLO_DONE:
			keep(t, &hello, true);
			return true;
		case CLIENT_HELLO_NONE:
			keep(t, &hello, false);
			return true;
		case CLIENT_HELLO_MORE:
			break;
		}
		if (result == TXN_LOOK_WAIT)
			return false;
		if (txn_look_text(look).len == has) {
			keep(t, &hello, false); /* it has ended in the middle */
			return true;
		}
	}
}

static enum rule_answer ask_hello(struct rule_call *call, answer_hello answer)
{
	struct txn *t = api_txn(call);
	bool can_read = t->tcp != NULL && rule_call_phase(call) == RULE_REQUEST &&
			t->tcp->turn == 1;
	if (can_read && t->tcp->hello == NULL && !read_hello(call)) {
		txn_look_wait(t, &t->tcp->request, txn_look_text(&t->tcp->request).len + 1);
		rule_wait(call,
			  answer == push_server_name ? go_on_with_name : go_on_with_protocols);
		return RULE_WAIT;
	}
	if (t->tcp == NULL || t->tcp->hello == NULL || !t->tcp->has_hello)
		rule_push_nil(call);
	else
		answer(call, t->tcp->hello);
	return RULE_RETURN;
}

static enum rule_answer get_server_name(struct rule_call *call)
{
	return ask_hello(call, push_server_name);
}

static enum rule_answer get_protocols(struct rule_call *call)
{
	return ask_hello(call, push_protocols);
}

#define HELLO \
	" On TCP a request rule waits for the client's hello, at most 64 KiB in any pieces and records, within " \
	"`timeouts: {connect}`; it goes on to the node as it came. Something else than a hello gives nil at once. " \
	"Later turns and later rules are told what was read then."

/* clang-format off */
static const struct rule_function functions[] = {
	{ "ssl.isSSL", is_ssl, RULE_IN_ANY, "", "boolean",
	  "Is the client's connection encrypted? Virtual servers do not end TLS, so it is always `false`: also "
	  "where TLS is passed on to the node.", "ssl.isSSL" },
	{ "ssl.getTLSServerName", get_server_name, RULE_IN_ANY | RULE_WAITS | RULE_NOT_ON(RULE_UDP), "", "string|nil",
	  "The name of the server that a client of TLS asks for (SNI, RFC 6066), in lower case and without a dot "
	  "behind it; nil when it names none." HELLO, "ssl.getTLSServerName" },
	{ "ssl.getALPN", get_protocols, RULE_IN_ANY | RULE_WAITS | RULE_NOT_ON(RULE_UDP), "", "string[]|nil",
	  "The protocols that a client of TLS offers (ALPN, RFC 7301), in its order; an empty table when it "
	  "offers none." HELLO, "weir" },
};
/* clang-format on */

API_FAMILY(api_ssl, functions);
