/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_trace.h"

#include "base/clock.h"
#include "rule/rule_file.h"
#include "txn/session_proxy.h"
#include "txn/txn_persist.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEPT_MOST 64 /* lines of one transaction that nobody wants yet */

struct kept_line {
	struct kept_line *next;
	struct trace_line line;
	char text[];
};

/* In the transaction's arena. */
struct txn_trace {
	uint64_t number;
	uint32_t transaction;
	bool wants_host, wants_rule; /* what has to be seen before anybody wants it */
	struct kept_line *first, **last;
	unsigned kept;
};

static const struct share *share_of(const struct txn *t)
{
	return t->vserver->world->share;
}

static const struct trace_filter *filter_of(const struct txn *t)
{
	return &share_of(t)->trace->filter;
}

/* ---- lines ---------------------------------------------------------------------------------------- */

/* Nothing of a client, node or rule that a terminal would obey; how long it is. */
static size_t escape(const char *text, char to[TRACE_TEXT_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	size_t used = 0;
	for (; *text != '\0' && used + 4 < TRACE_TEXT_BYTES; text++) {
		unsigned char c = (unsigned char)*text;
		if (c >= ' ' && c < 0x7f) {
			to[used++] = (char)c;
			continue;
		}
		to[used++] = '\\';
		to[used++] = 'x';
		to[used++] = hex[c >> 4];
		to[used++] = hex[c & 15];
	}
	return used;
}

static void write_line(struct txn *t, const struct trace_line *line, const char *text)
{
	trace_write(share_of(t), t->vserver->world->worker, line, text);
}

static void keep_line(struct txn *t, const struct trace_line *line, const char *text)
{
	struct txn_trace *trace = t->trace;
	if (trace->kept == KEPT_MOST)
		return;
	struct kept_line *kept = arena_alloc(&t->arena, sizeof *kept + line->bytes);
	kept->next = NULL;
	kept->line = *line;
	memcpy(kept->text, text, line->bytes);
	*trace->last = kept;
	trace->last = &kept->next;
	trace->kept++;
}

static bool is_wanted(const struct txn_trace *trace)
{
	return !trace->wants_host && !trace->wants_rule;
}

void txn_trace_say(struct txn *t, enum trace_kind kind, const char *format, ...)
{
	struct txn_trace *trace = t->trace;
	char text[TRACE_TEXT_BYTES], escaped[TRACE_TEXT_BYTES];
	va_list arguments;
	if (trace->number != trace_number(share_of(t)))
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	struct trace_line line = { .trace = trace->number,
				   .microseconds = clock_microseconds() - t->times.began,
				   .transaction = trace->transaction,
				   .kind = (uint16_t)kind,
				   .bytes = (uint16_t)escape(text, escaped) };
	if (is_wanted(trace))
		write_line(t, &line, escaped);
	else
		keep_line(t, &line, escaped);
}

/* All that was asked for has been seen: what was kept is said. */
static void let_out(struct txn *t)
{
	struct txn_trace *trace = t->trace;
	if (!is_wanted(trace))
		return;
	for (const struct kept_line *kept = trace->first; kept != NULL; kept = kept->next)
		write_line(t, &kept->line, kept->text);
	trace->first = NULL;
}

/* ---- its beginning -------------------------------------------------------------------------------- */

static void say_client(struct txn *t)
{
	char from[ADDR_TEXT_BYTES], dest[ADDR_TEXT_BYTES], local[ADDR_TEXT_BYTES];
	struct session *s = t->session;
	bool is_captured = s->proxy == NULL && !addr_is_equal(session_dest(s), session_local(s));
	txn_trace_say(t, TRACE_CLIENT,
		      "%s was headed for %s, accepted at %s%s, virtual server '%s'",
		      addr_format(&s->remote, from), addr_format(session_dest(s), dest),
		      addr_format(session_local(s), local), is_captured ? " (captured)" : "",
		      t->vserver->conf->name);
	if (s->proxy != NULL)
		txn_trace_say(t, TRACE_CLIENT, "so says the PROXY header of %s",
			      addr_format(session_peer(s), from));
}

void txn_trace_begin(struct txn *t)
{
	static uint32_t transactions;
	const struct share *share = share_of(t);
	uint64_t number = trace_number(share);
	char client[ADDR_TEXT_BYTES];
	if (!trace_is_read(share, number, clock_milliseconds()))
		return;
	const struct trace_filter *filter = filter_of(t);
	if (filter->client[0] != '\0' &&
	    strcmp(filter->client, addr_format_ip(&t->session->remote, client)) != 0)
		return;
	struct txn_trace *trace = arena_new(&t->arena, sizeof *trace);
	trace->number = number;
	trace->transaction = ++transactions;
	trace->wants_host = filter->host[0] != '\0';
	trace->wants_rule = filter->rule[0] != '\0';
	trace->last = &trace->first;
	t->trace = trace;
	say_client(t);
}

/* ---- its way -------------------------------------------------------------------------------------- */

/* The host that was asked for, without port. */
static struct slice host_of(const struct txn *t)
{
	struct slice host = t->request.authority;
	const char *colon = memrchr(host.at, ':', host.len);
	bool is_port = colon != NULL &&
		       memchr(colon, ']', host.len - (size_t)(colon - host.at)) == NULL;
	return is_port ? slice_of(host.at, (size_t)(colon - host.at)) : host;
}

/* What was asked for is known now: is it what somebody wants to follow? */
static void judge_host(struct txn *t, struct slice host)
{
	const char *wanted = filter_of(t)->host;
	if (!t->trace->wants_host)
		return;
	if (host.len != strlen(wanted) || strncasecmp(host.at, wanted, host.len) != 0) {
		t->trace = NULL; /* somebody else's */
		return;
	}
	t->trace->wants_host = false;
	let_out(t);
}

void txn_trace_say_request(struct txn *t)
{
	txn_trace_say(t, TRACE_REQUEST, "%.*s %.*s, host '%.*s'", SLICE_PRINT(t->request.method),
		      SLICE_PRINT(t->request.target), SLICE_PRINT(t->request.authority));
	judge_host(t, host_of(t));
}

void txn_trace_say_datagram(struct txn *t, size_t bytes)
{
	txn_trace_say(t, TRACE_REQUEST, "a datagram of %zu bytes", bytes);
	if (t->trace->wants_host)
		t->trace = NULL; /* it has none */
}

void txn_trace_say_turn(struct txn *t, unsigned turn, size_t bytes)
{
	txn_trace_say(t, TRACE_REQUEST, "turn %u, %zu bytes so far", turn, bytes);
}

void txn_trace_say_server_name(struct txn *t, struct slice name)
{
	txn_trace_say(t, TRACE_REQUEST, "TLS, server name '%.*s'", SLICE_PRINT(name));
	judge_host(t, name);
}

static const struct rule *current_rule(const struct txn *t)
{
	return t->rules[t->phase].list[t->rule_index].rule;
}

static void say_place(struct txn *t, enum trace_kind kind, const char *what, const char *path,
		      unsigned line)
{
	struct slice source = rule_file_line(path, line);
	txn_trace_say(t, kind, "'%s' %s at %s:%u: %.*s", rule_name(current_rule(t)), what, path,
		      line, SLICE_PRINT(source));
}

void txn_trace_say_rule(struct txn *t, enum rule_result result)
{
	char what[256];
	const char *name;
	const struct rule_vm *vm = t->vserver->world->vm;
	name = rule_name(current_rule(t));
	if (t->trace->wants_rule && strcmp(name, filter_of(t)->rule) == 0) {
		t->trace->wants_rule = false;
		let_out(t);
	}
	switch (result) {
	case RULE_RESULT_FINISHED:
		txn_trace_say(t, TRACE_RULE, "'%s' gave no verdict", name);
		break;
	case RULE_RESULT_VERDICT:
		snprintf(what, sizeof what, "gave the verdict '%.*s'",
			 SLICE_PRINT(slice_is_absent(t->verdict) ? SLICE("-") : t->verdict));
		say_place(t, TRACE_RULE, what, rule_verdict_path(vm), rule_verdict_line(vm));
		break;
	case RULE_RESULT_WAITING:
		if (rule_is_put_off(t->run))
			break;
		snprintf(what, sizeof what, "waits in %s", rule_wait_function(t->run));
		say_place(t, TRACE_WAIT, what, rule_wait_path(t->run), rule_wait_line(t->run));
		break;
	case RULE_RESULT_FAILED:
		txn_trace_say(t, TRACE_RULE, "'%s' failed: %s: %s", name, rule_failure_message(vm),
			      rule_failure_source_line(vm));
		break;
	}
}

static const char *reason_for_node(struct txn *t)
{
	static const char *const algorithms[] = {
		[CONF_ALGORITHM_ROUND_ROBIN] = "round_robin",
		[CONF_ALGORITHM_WEIGHTED_ROUND_ROBIN] = "weighted_round_robin",
		[CONF_ALGORITHM_LEAST_CONNECTIONS] = "least_connections",
		[CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS] = "weighted_least_connections",
		[CONF_ALGORITHM_RANDOM] = "random",
	};
	if (t->forced.family != ADDR_NONE)
		return "the rule says so";
	if (t->pool->conf->original_destination)
		return "the client was headed there";
	const char *algorithm = algorithms[t->pool->conf->algorithm];
	return t->persist == NULL ? algorithm : txn_persist_words(t, algorithm);
}

void txn_trace_say_node(struct txn *t)
{
	char node[ADDR_TEXT_BYTES];
	if (t->pool == NULL)
		return;
	const struct conf_pool *conf = t->pool->conf;
	if (t->stands_in_for != NULL && t->tried.count == 0)
		txn_trace_say(t, TRACE_POOL, "'%s': every node of '%s' has failed", conf->name,
			      t->stands_in_for->conf->name);
	else if (t->attempts == 0)
		txn_trace_say(t, TRACE_POOL, "'%s': %s", conf->name,
			      t->is_pool_default ? "the virtual server's default"
						 : "a rule chose it");
	if (t->end == TXN_END_SESSION_LOST)
		txn_trace_say(t, TRACE_NODE, "none: %s", txn_persist_words(t, "no other"));
	if (t->end != TXN_END_NONE)
		return;
	txn_trace_say(t, TRACE_NODE, "%s: %s, %zu nodes in the pool%s%s",
		      addr_format(&t->node_address, node), reason_for_node(t), conf->node_count,
		      t->attempts > 0 ? ", after " : "",
		      t->attempts > 0 ? txn_end_words(t->attempt_end) : "");
}

void txn_trace_say_connection(struct txn *t)
{
	char node[ADDR_TEXT_BYTES], source[ADDR_TEXT_BYTES] = "an address of weir's own";
	if (t->is_reused)
		addr_format(txn_source(t), source);
	else if (t->source.family != ADDR_NONE)
		addr_format_ip(&t->source, source);
	addr_format(&t->node_address, node);
	if (t->is_reused)
		txn_trace_say(t, TRACE_CONNECTION, "reused, its use number %u, to %s from %s",
			      t->connection->uses, node, source);
	else
		txn_trace_say(t, TRACE_CONNECTION, "new, to %s from %s", node, source);
}

void txn_trace_say_response(struct txn *t)
{
	char source[ADDR_TEXT_BYTES];
	txn_trace_say(t, TRACE_ANSWER, "%u from the node, to %s", t->response.status,
		      addr_format(txn_source(t), source));
}

static void add_phase(char *text, size_t size, const char *name, uint64_t from, uint64_t to)
{
	size_t used = strlen(text);
	if (from != 0 && to >= from)
		snprintf(text + used, size - used, "%s%s %llu", used > 0 ? ", " : "", name,
			 (unsigned long long)(to - from));
}

void txn_trace_say_end(struct txn *t)
{
	char phases[160] = "";
	const struct txn_times *at = &t->times;
	add_phase(phases, sizeof phases, "request", at->began, at->request);
	add_phase(phases, sizeof phases, "rules", at->request, at->rules);
	add_phase(phases, sizeof phases, "connect", at->connect, at->sent);
	add_phase(phases, sizeof phases, "reply", at->sent, at->response);
	add_phase(phases, sizeof phases, "transfer", at->response, at->ended);
	txn_trace_say(t, TRACE_END, "%s: %s%s%s; microseconds: %s", txn_end_word(t->end),
		      txn_end_words(t->end), t->end_detail == NULL ? "" : ": ",
		      t->end_detail == NULL ? "" : t->end_detail, phases);
}
