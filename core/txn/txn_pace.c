/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_pace.h"

#include "base/clock.h"
#include "txn/txn.h"

/* ---- one direction ------------------------------------------------------------------------------- */

static void start(struct txn_pace *p, uint64_t grace, uint64_t bytes)
{
	if (!p->has_begun) {
		p->has_begun = true;
		p->left = (int64_t)grace;
		p->bytes = bytes;
	}
	p->since = clock_milliseconds();
}

static void stop(struct txn_pace *p)
{
	p->left -= (int64_t)(clock_milliseconds() - p->since);
	p->since = 0;
}

/* Spends and earns. True: nothing is left. `bytes` is what has moved in all. */
static bool is_too_slow(struct txn_pace *p, uint64_t rate, uint64_t grace, uint64_t bytes)
{
	uint64_t now = clock_milliseconds();
	uint64_t moved = bytes > p->bytes ? bytes - p->bytes : 0;
	p->left += (int64_t)(moved * 1000 / rate) - (int64_t)(now - p->since);
	if (p->left > (int64_t)grace)
		p->left = (int64_t)grace;
	p->bytes = bytes;
	p->since = now;
	return p->left <= 0;
}

static uint64_t deadline_of(const struct txn_pace *p)
{
	if (p->since == 0)
		return TIMER_NEVER;
	return p->since + (p->left > 0 ? (uint64_t)p->left : 1);
}

/* ---- what we wait for ------------------------------------------------------------------------------ */

/* The next bytes of the request body. Who asked with Expect first waits for the node's word. */
static bool waits_for_upload(const struct txn *t)
{
	const struct stream *client = &t->session->client;
	bool is_nodes_turn = t->request.expects_continue && t->informational == 0 &&
			     !t->up.has_consumed;
	return txn_body_wants_read(&t->up) && !t->up.is_tunnel && !client->is_readable &&
	       !client->is_eof && !is_nodes_turn;
}

static bool waits_for_download(const struct txn *t)
{
	return !stream_is_flushed(&t->session->client) && !t->down.is_tunnel;
}

static void note(struct txn_pace *p, bool waits, uint64_t grace, uint64_t bytes)
{
	if (waits && p->since == 0)
		start(p, grace, bytes);
	else if (!waits && p->since != 0)
		stop(p);
}

/* What the client's own kernel has confirmed: ours may hold megabytes that nobody takes. */
static uint64_t taken_by_client(const struct txn *t)
{
	const struct stream *client = &t->session->client;
	return client->bytes_out - stream_unconfirmed(client);
}

void txn_pace_note(struct txn *t)
{
	const struct conf_vserver *conf = t->vserver->conf;
	note(&t->upload, conf->min_upload_rate != 0 && waits_for_upload(t),
	     conf->rate_grace_milliseconds, t->client_bytes_in);
	note(&t->download, conf->min_download_rate != 0 && waits_for_download(t),
	     conf->rate_grace_milliseconds, t->client_bytes_out);
	t->waits_for_client = t->upload.since != 0 || t->download.since != 0;
}

/* ---- deadlines -------------------------------------------------------------------------------------- */

/* Of the whole request body. */
static uint64_t body_deadline(const struct txn *t)
{
	uint64_t most = t->vserver->conf->body_milliseconds;
	bool is_awaited = t->up.state == TXN_BODY_MOVING || txn_body_wants_read(&t->up);
	if (most == 0 || !is_awaited || t->up.is_tunnel)
		return TIMER_NEVER;
	return t->body_since + most;
}

uint64_t txn_pace_deadline(const struct txn *t)
{
	uint64_t deadline = body_deadline(t);
	const struct txn_pace *const both[] = { &t->upload, &t->download };
	for (size_t i = 0; t->waits_for_client && i < 2; i++)
		if (deadline_of(both[i]) < deadline)
			deadline = deadline_of(both[i]);
	return deadline;
}

enum txn_pace_result txn_pace_check(struct txn *t)
{
	const struct conf_vserver *conf = t->vserver->conf;
	uint64_t grace = conf->rate_grace_milliseconds, before = t->download.bytes;
	if (body_deadline(t) <= clock_milliseconds())
		return TXN_PACE_BODY_LATE;
	if (t->upload.since != 0 &&
	    is_too_slow(&t->upload, conf->min_upload_rate, grace, t->session->client.bytes_in))
		return TXN_PACE_UPLOAD_SLOW;
	if (t->download.since == 0)
		return TXN_PACE_FINE;
	bool is_slow = is_too_slow(&t->download, conf->min_download_rate, grace,
				   taken_by_client(t));
	if (t->download.bytes > before)
		t->moved_at = clock_milliseconds();
	return is_slow ? TXN_PACE_DOWNLOAD_SLOW : TXN_PACE_FINE;
}
