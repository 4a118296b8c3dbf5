/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_log.h"

#include "base/log.h"
#include "txn/session_proxy.h"
#include "txn/txn_cache.h"
#include "txn/txn_queue.h"
#include "txn/txn_recent.h"
#include "txn/txn_trace.h"

static void put_address(struct log_line *l, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	if (a->family == ADDR_NONE)
		log_line_string(l, key, SLICE_ABSENT);
	else
		log_line_string(l, key,
				slice_of_string(a->port != 0 ? addr_format(a, text)
							     : addr_format_ip(a, text)));
}

static void put_who(struct log_line *l, const struct txn *t)
{
	struct session *s = t->session;
	log_line_string(l, "virtual_server", slice_of_string(t->vserver->conf->name));
	put_address(l, "client", &s->remote);
	if (s->proxy != NULL)
		put_address(l, "peer", session_peer(s));
	if (!addr_is_same_ip(&t->remote, &s->remote))
		put_address(l, "client_by_rule", &t->remote);
	put_address(l, "dest", session_dest(s));
	put_address(l, "local", session_local(s));
}

uint64_t txn_log_bytes_in(const struct txn *t)
{
	return t->session->client.bytes_in - inbox_slice(&t->session->inbox).len -
	       t->client_bytes_in;
}

unsigned txn_log_status(const struct txn *t)
{
	if (t->answer_status != 0)
		return t->answer_status;
	return t->has_response && t->is_answer_begun ? t->response.status : 0;
}

static void put_request(struct log_line *l, const struct txn *t)
{
	const struct http_request *r = &t->request;
	log_line_string(l, "method", t->has_request ? r->method : SLICE_ABSENT);
	log_line_string(l, "host", t->has_request ? r->authority : SLICE_ABSENT);
	log_line_string(l, "uri", t->has_request ? r->target : SLICE_ABSENT);
	log_line_string(l, "version",
			!t->has_request         ? SLICE_ABSENT
			: r->version_minor == 0 ? SLICE("1.0")
						: SLICE("1.1"));
	if (!slice_is_absent(t->refused_line))
		log_line_string(l, "refused", t->refused_line);
	if (txn_log_status(t) != 0)
		log_line_number(l, "status", txn_log_status(t));
	else
		log_line_string(l, "status", SLICE_ABSENT);
}

static struct slice pool_name(const struct txn *t)
{
	if (t->pool != NULL)
		return slice_of_string(t->pool->conf->name);
	return t->end == TXN_END_DISCARDED ? SLICE("discard") : SLICE_ABSENT;
}

static void put_verdict(struct log_line *l, struct txn *t)
{
	struct slice rule = SLICE_ABSENT;
	if (t->verdict_rule != NULL)
		rule = arena_print(&t->arena, "%s:%u", t->verdict_rule, t->verdict_line);
	log_line_string(l, "rule", rule);
	log_line_string(l, "verdict", t->verdict);
}

static void put_node(struct log_line *l, struct txn *t)
{
	log_line_string(l, "pool", pool_name(t));
	put_address(l, "node", &t->node_address);
	put_address(l, "source", txn_source(t));
	log_line_number(l, "reused", t->is_reused);
	log_line_number(l, "retries", t->tries > 1 ? t->tries - 1 : 0);
	if (t->orders != NULL && t->orders->retries > 0)
		log_line_number(l, "retries_by_rule", t->orders->retries);
}

/* A phase's share of the time: from the moment before it that was reached. */
static void put_phase(struct log_line *l, const char *key, uint64_t from, uint64_t to)
{
	if (from != 0 && to >= from)
		log_line_number(l, key, to - from);
}

static void put_times(struct log_line *l, const struct txn *t)
{
	const struct txn_times *at = &t->times;
	log_line_number(l, "duration_us", at->ended - at->began);
	put_phase(l, "request_us", at->began, at->request);
	put_phase(l, "rules_us", at->request, at->rules);
	if (t->queue != NULL)
		log_line_number(l, "queue_us", t->queue->waited);
	put_phase(l, "connect_us", at->connect, at->sent);
	put_phase(l, "reply_us", at->sent, at->response);
	put_phase(l, "transfer_us", at->response, at->ended);
}

static void write_line(struct txn *t)
{
	struct log_line l;
	log_line_start(&l);
	put_who(&l, t);
	if (t->protocol->log != NULL)
		t->protocol->log(&l, t);
	else
		put_request(&l, t);
	put_verdict(&l, t);
	put_node(&l, t);
	if (t->cache != NULL && t->cache->part != TXN_CACHE_NONE)
		log_line_string(&l, "cache", txn_cache_word(t));
	log_line_number(&l, "bytes_in", txn_log_bytes_in(t));
	log_line_number(&l, "bytes_out", t->session->client.bytes_out - t->client_bytes_out);
	put_times(&l, t);
	log_line_string(&l, "end", slice_of_string(txn_end_word(t->end)));
	if (t->refusal != REFUSAL_NONE)
		log_line_string(&l, "reason", slice_of_string(refusal_word(t->refusal)));
	if (t->end_detail != NULL)
		log_line_string(&l, "detail", slice_of_string(t->end_detail));
	log_access_add(&l);
}

void txn_log_write(struct txn *t)
{
	stats_add(&t->vserver->stats->outcomes[t->end], 1);
	txn_trace_end(t);
	if (txn_recent_is_wanted(t))
		txn_recent_add(t);
	if (t->refusal != REFUSAL_NONE)
		refusal_count(t->vserver, t->refusal);
	if (log_access_is_on() && (t->orders == NULL || !t->orders->is_not_logged))
		write_line(t);
}
