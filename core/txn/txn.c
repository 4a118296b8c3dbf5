/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "pool/idle.h"
#include "txn/session_limit.h"
#include "txn/txn_bandwidth.h"
#include "txn/txn_cache.h"
#include "txn/txn_compress.h"
#include "txn/txn_hold.h"
#include "txn/txn_log.h"
#include "txn/txn_out.h"
#include "txn/txn_queue.h"
#include "txn/txn_rules.h"
#include "txn/txn_tcp.h"
#include "txn/txn_trace.h"

/*
 * A new connection usually brings its request along (TCP_DEFER_ACCEPT) and often ends with the answer:
 * watching it in between costs a twentieth of what it costs in all. After this time we do, to notice a
 * client who goes away.
 */
#define CLIENT_UNWATCHED_MILLISECONDS 20

/* ---- the ends ------------------------------------------------------------------------------------ */

static const struct {
	const char *word, *words;
	unsigned status;
	bool is_failure;
} ends[] = {
	[TXN_END_NONE] = { "none", "it goes on", 0, false },
#define TXN_END(name, word, status, is_failure, words) \
	[TXN_END_##name] = { word, words, status, is_failure },
#include "txn/txn_end.def"
#undef TXN_END
};

const char *txn_end_word(enum txn_end end)
{
	return ends[end].word;
}

const char *txn_end_words(enum txn_end end)
{
	return ends[end].words;
}

unsigned txn_end_status(enum txn_end end)
{
	return ends[end].status;
}

bool txn_end_is_failure(enum txn_end end)
{
	return ends[end].is_failure;
}

/* ---- waiting --------------------------------------------------------------------------------------- */

static const struct txn_step *current(const struct txn *t)
{
	return &t->protocol->steps[t->step];
}

uint64_t txn_deadline(const struct txn *t)
{
	uint64_t limit = txn_orders_transaction_milliseconds(t);
	uint64_t deadline = limit == 0 ? TIMER_NEVER : t->times.began / 1000 + limit;
	uint64_t age = t->vserver->conf->age_milliseconds;
	if (t->tcp == NULL || age == 0)
		return deadline;
	/* no answer tells this client that its connection has grown too old */
	uint64_t old_at = t->session->opened + age;
	return old_at < deadline ? old_at : deadline;
}

/* When the client of a young transaction, of whom nothing is wanted, must be watched all the same. */
static uint64_t client_watched_at(const struct txn *t)
{
	return t->times.began / 1000 + CLIENT_UNWATCHED_MILLISECONDS;
}

static uint64_t before_rest_is_over(const struct txn_body *b, uint64_t deadline, bool is_moving)
{
	if (b->bandwidth == NULL || !is_moving || b->bandwidth->resume_at == 0)
		return deadline;
	return b->bandwidth->resume_at < deadline ? b->bandwidth->resume_at : deadline;
}

/* The session's timer serves the transaction too: one deadline at a time, the nearest. */
static void arm(struct txn *t)
{
	bool may_wait_for_client = t->up.state == TXN_BODY_MOVING || t->up.state == TXN_BODY_HELD ||
				   !stream_is_flushed(&t->session->client);
	if (may_wait_for_client || t->waits_for_client)
		txn_pace_note(t);
	uint64_t deadline = current(t)->deadline == NULL ? TIMER_NEVER : current(t)->deadline(t);
	uint64_t whole = t->end == TXN_END_NONE ? txn_deadline(t) : TIMER_NEVER;
	deadline = deadline < whole ? deadline : whole;
	if (t->session->close_at != 0 && t->session->close_at < deadline)
		deadline = t->session->close_at;
	bool is_written = t->down.state == TXN_BODY_MOVING || (t->out != NULL && txn_out_waits(t));
	deadline = before_rest_is_over(&t->up, deadline, t->up.state == TXN_BODY_MOVING);
	deadline = before_rest_is_over(&t->down, deadline, is_written);
	if (t->down.compress != NULL)
		deadline = txn_compress_deadline(&t->down, deadline);
	uint64_t look = client_watched_at(t);
	if (look > clock_milliseconds() && look < deadline &&
	    !stream_is_watched(&t->session->client))
		deadline = look;
	timer_set_at(&t->session->timer, deadline);
}

static void on_session_timer(struct timer *timer)
{
	struct txn *t = container_of(timer, struct session, timer)->txn;
	uint64_t now = clock_milliseconds();
	check(t->magic == TXN_MAGIC);
	if (session_limit_is_over(t->session)) {
		if (t->end != TXN_END_NONE) { /* nor does an answer of ours get more time */
			stream_reset(&t->session->client);
			txn_abort(t, t->end);
			return;
		}
		txn_end(t, TXN_END_CLIENT_TIMEOUT, NULL);
	} else if (t->end == TXN_END_NONE && txn_deadline(t) <= now)
		txn_end(t, TXN_END_TRANSACTION_TIMEOUT, NULL);
	else if (current(t)->deadline != NULL && current(t)->deadline(t) <= now)
		current(t)->on_deadline(t);
	txn_run(t);
}

static bool may_leave_client(const struct txn *t, bool wants_read)
{
	const struct stream *client = &t->session->client;
	return !stream_is_watched(client) && !wants_read && stream_is_flushed(client) &&
	       !t->down.is_paused && clock_milliseconds() < client_watched_at(t);
}

static bool step_reads_client(const struct txn *t)
{
	const struct txn_protocol *p = t->protocol;
	return p->reads_client == NULL ? t->step == p->first_step : p->reads_client(t);
}

static bool step_reads_node(const struct txn *t)
{
	const struct txn_protocol *p = t->protocol;
	return p->reads_node == NULL ? !t->has_response : p->reads_node(t);
}

/* Asks the streams for what the bodies and the step need. False: a connection turned out broken. */
static bool watch(struct txn *t)
{
	struct stream *client = &t->session->client;
	bool wants_read = step_reads_client(t) || txn_body_wants_read(&t->up);
	bool wants_write = !stream_is_flushed(client) || t->down.is_paused;
	bool whole = may_leave_client(t, wants_read) ||
		     stream_watch(client, wants_read, wants_write);
	if (!whole)
		txn_end(t, TXN_END_CLIENT_GONE, NULL);
	if (t->connection == NULL)
		return whole;
	struct stream *node = &t->connection->stream;
	bool reads_step = !node->is_connecting && step_reads_node(t);
	return stream_watch(node, reads_step || txn_body_wants_read(&t->down),
			    node->is_connecting || !stream_is_flushed(node)) &&
	       whole;
}

/* ---- life ---------------------------------------------------------------------------------------- */

struct txn *txn_new(struct session *s)
{
	struct arena arena;
	arena_init(&arena);
	struct txn *t = arena_new(&arena, sizeof *t);
	t->magic = TXN_MAGIC;
	t->arena = arena;
	t->session = s;
	t->vserver = s->vserver;
	t->world_rules = world_rules_use(s->vserver->world);
	t->rules = s->vserver->rules;
	t->protocol = s->vserver->protocol;
	t->step = t->protocol->first_step;
	t->remote = s->remote;
	t->keep_client = true;
	t->client_bytes_in = s->client.bytes_in - inbox_slice(&s->inbox).len;
	t->client_bytes_out = s->client.bytes_out;
	t->times.began = clock_microseconds();
	t->step_since = t->moved_at = clock_milliseconds();
	txn_rules_init(t);
	s->txn = t;
	s->transactions++;
	s->timer.on_fire = on_session_timer;
	stats_add(&s->vserver->stats->transactions_current, 1);
	if (trace_number(s->vserver->world->share) != 0)
		txn_trace_begin(t);
	if (t->protocol->begin != NULL)
		t->protocol->begin(t);
	return t;
}

void txn_start(struct session *s)
{
	check(!s->is_lingering);
	txn_run(txn_new(s));
}

void txn_go(struct txn *t, unsigned step)
{
	if (t->end != TXN_END_NONE && step < t->step)
		return;
	t->step = step;
	t->step_since = clock_milliseconds();
}

void txn_answer_begins(struct txn *t)
{
	const struct world *w = t->vserver->world;
	uint32_t level = t->session->service_level;
	if (!t->is_answer_begun && level != 0 && t->has_request) {
		uint64_t took = clock_microseconds() - t->times.request;
		slm_count(&w->share->slm, w->worker, level - 1, clock_milliseconds(),
			  took <= w->conf->slm_classes[level - 1].response_milliseconds * 1000);
	}
	t->is_answer_begun = true;
}

enum txn_next txn_end(struct txn *t, enum txn_end end, const char *detail)
{
	if (t->end != TXN_END_NONE)
		return TXN_GO_ON;
	if (t->queue != NULL)
		txn_queue_leave(t);
	if (t->cache != NULL && txn_cache_rescue(t, end))
		return TXN_GO_ON;
	txn_rules_cancel(t);
	t->end = end;
	t->end_detail = detail;
	t->step = t->protocol->step_after_end(t);
	t->step_since = clock_milliseconds();
	return TXN_GO_ON;
}

enum txn_next txn_refuse(struct txn *t, enum txn_end end, enum refusal refusal)
{
	if (t->end == TXN_END_NONE)
		t->refusal = refusal;
	return txn_end(t, end, refusal_words(refusal));
}

bool txn_is_idempotent(const struct txn *t)
{
	return t->protocol->is_idempotent(t);
}

bool txn_is_whole(const struct txn *t)
{
	return t->protocol->is_whole(t);
}

bool txn_took_request(const struct txn *t)
{
	/* what goes to the node may be another body than the client's */
	if (t->up.hold != NULL)
		return t->up.relay.in.is_done && t->up.state != TXN_BODY_BAD;
	return t->request.body == HTTP_BODY_NONE || t->up.state == TXN_BODY_DONE;
}

const struct addr *txn_source(struct txn *t)
{
	if (t->protocol->source != NULL)
		t->source_local = t->protocol->source(t);
	if (t->connection != NULL && !t->connection->stream.is_connecting)
		t->source_local = *node_connection_local(t->connection);
	return &t->source_local;
}

/*
 * Is the node's connection used up in good order? Not after a request with a body: its answer does not
 * prove that the node has read it all.
 */
static bool has_node_finished(const struct txn *t)
{
	bool will_end = !t->response.keep_alive || !t->pool->conf->keepalive;
	return t->has_response && will_end && !t->down.is_tunnel &&
	       t->down.state == TXN_BODY_DONE && t->request.body == HTTP_BODY_NONE;
}

void txn_release_node(struct txn *t, bool reusable)
{
	struct node_connection *c = t->connection;
	if (c == NULL)
		return;
	if (log_access_is_on() || t->vserver->rules[RULE_COMPLETION].count > 0)
		txn_source(t);
	if (t->is_node_begun)
		node_end(c->node, c->stream.bytes_out - t->node_bytes_out,
			 c->stream.bytes_in - t->node_bytes_in);
	t->is_node_begun = false;
	stats_add(&t->vserver->stats->to_node_bytes, c->stream.bytes_out - t->node_bytes_out);
	stats_add(&t->vserver->stats->from_node_bytes, c->stream.bytes_in - t->node_bytes_in);
	t->node_received = c->stream.bytes_in - t->node_bytes_in;
	t->connection = NULL;
	/* what speaks for this client alone is of no use to anybody once it is gone */
	reusable = reusable && (t->keep_client || c->announced.client.family == ADDR_NONE);
	bool is_finished = has_node_finished(t);
	/* nothing may move to or from it any more */
	if (t->up.state == TXN_BODY_MOVING)
		t->up.state = TXN_BODY_TO_BROKEN;
	if (t->down.state == TXN_BODY_MOVING)
		t->down.state = TXN_BODY_FROM_BROKEN;
	if (is_finished)
		node_finish(c);
	else if (reusable)
		idle_give_back(c);
	else
		node_disconnect(c);
}

static void leave_session(struct session *s, enum txn_parting parting)
{
	if (parting == TXN_PARTING_CUT)
		session_cut(s);
	else if (parting == TXN_PARTING_KEEP)
		session_go_on(s);
	else
		session_end(s, parting == TXN_PARTING_LINGER);
}

void txn_free(struct txn *t)
{
	struct session *s = t->session;
	struct arena arena = t->arena;
	txn_rules_cancel(t);
	timer_release(&t->sleep_timer);
	txn_release_node(t, false);
	if (t->queue != NULL)
		txn_queue_leave(t);
	if (t->cache != NULL)
		txn_cache_release(t);
	txn_body_release(&t->up);
	txn_body_release(&t->down);
	if (t->out != NULL)
		txn_out_release(t->out);
	if (t->compress != NULL)
		txn_compress_release(t);
	if (t->tcp != NULL)
		txn_tcp_release(t);
	stats_subtract(&s->vserver->stats->transactions_current, 1);
	world_rules_leave(s->vserver->world, t->world_rules);
	t->magic = 0;
	s->txn = NULL;
	arena_release(&arena);
}

static void finish(struct txn *t)
{
	struct session *s = t->session;
	enum txn_parting parting = t->protocol->part(t);
	bool is_silent = t->end == TXN_END_CLIENT_GONE && !t->has_request;
	t->times.ended = clock_microseconds();
	if (!is_silent)
		txn_log_write(t);
	txn_free(t);
	leave_session(s, parting);
}

/*
 * Moves what can be moved. What waits in our memory leaves at any step: an informational answer, the
 * tail of a body that is done. A stream that breaks at it tells so when it is read or written next.
 * Bodies come last: if what waits left behind their backs, no event would tell them to go on.
 */
static void move(struct txn *t)
{
	stream_flush(&t->session->client);
	if (t->connection != NULL)
		stream_flush(&t->connection->stream);
	if (t->up.state == TXN_BODY_HELD || t->down.state == TXN_BODY_HELD)
		txn_hold_move(t);
	if (t->out != NULL)
		txn_out_move(t);
	txn_body_move(&t->up);
	txn_body_move(&t->down);
}

/* A slow reader takes what is written in small bites: each of them counts. */
static void note_movement(struct txn *t)
{
	uint64_t to_client = t->session->client.bytes_out, to_node = 0;
	if (t->connection != NULL)
		to_node = t->connection->stream.bytes_out;
	if (to_node != t->written_to_node)
		t->moved_at = t->sent_at = clock_milliseconds();
	if (t->up.has_moved || t->down.has_moved || to_client != t->written_to_client)
		t->moved_at = clock_milliseconds();
	t->up.has_moved = t->down.has_moved = false;
	t->written_to_client = to_client;
	t->written_to_node = to_node;
}

void txn_run(struct txn *t)
{
	check(t->magic == TXN_MAGIC);
	if (t->is_running) {
		t->again = true;
		return;
	}
	if (t->protocol->run != NULL) {
		t->protocol->run(t);
		return;
	}
	t->is_running = true;
	enum txn_next next;
	do {
		t->again = false;
		move(t);
		do
			next = current(t)->run(t);
		while (next == TXN_GO_ON);
		note_movement(t);
	} while (next == TXN_WAIT && (t->again || !watch(t)));
	t->is_running = false;
	if (next == TXN_DONE)
		finish(t);
	else
		arm(t);
}

void txn_abort(struct txn *t, enum txn_end end)
{
	struct session *s = t->session;
	if (t->end == TXN_END_NONE)
		t->end = end;
	t->times.ended = clock_microseconds();
	if (t->has_request)
		txn_log_write(t);
	txn_free(t);
	session_close(s);
}
