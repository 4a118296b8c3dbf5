/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/session_limit.h"

#include "base/clock.h"
#include "base/log.h"
#include "share/clients.h"

#include <string.h>

/* ---- how many --------------------------------------------------------------------------------------- */

void session_limit_refuse(struct session *s, enum refusal why)
{
	static struct log_limit limits[REFUSAL_COUNT];
	const struct world *w = s->vserver->world;
	char remote[ADDR_TEXT_BYTES], dest[ADDR_TEXT_BYTES];
	unsigned left_out;
	stats_add(&stats_worker_row(w->share, w->worker)->sessions_refused, 1);
	refusal_count(s->vserver, why);
	limits[why].most = 1;
	if (!log_limit_allows(&limits[why], &left_out))
		return;
	addr_format(&s->remote, remote);
	if (why == REFUSAL_NOT_CAPTURED)
		log_warn(
			"refused a connection of %s to %s: virtual server '%s' does not capture it (%u more before)",
			remote, addr_format(session_dest(s), dest), s->vserver->conf->name,
			left_out);
	else
		log_warn("virtual server '%s' refused a connection of %s: %s (%u more before)",
			 s->vserver->conf->name, remote, refusal_words(why), left_out);
}

/* Whoever commands so many addresses is not held by a limit for each: better to serve the others. */
static void tell_of_full_table(const struct session *s)
{
	static struct log_limit limit = { .most = 1 };
	unsigned left_out;
	if (log_limit_allows(&limit, &left_out))
		log_warn(
			"cannot count a connection for max_connections_per_client of virtual server '%s': too many clients (%u more before)",
			s->vserver->conf->name, left_out);
}

static bool is_datagram(const struct session *s)
{
	return s->vserver->conf->protocol == CONF_PROTOCOL_UDP;
}

static uint64_t most_of_vserver(const struct session *s)
{
	return is_datagram(s) ? s->vserver->conf->max_sessions
			      : s->vserver->conf->max_concurrent_connections;
}

/* An IPv6 client has a network of 64 bits for itself, and could come from each of its addresses. */
static bool is_over_client_limit(struct session *s)
{
	const struct world *w = s->vserver->world;
	const struct addr client = addr_unmap(&s->remote);
	struct {
		const struct conf_vserver *vserver;
		uint8_t network[8];
		uint8_t family, unused[7];
	} key = { .vserver = s->vserver->conf, .family = client.family };
	uint64_t most = is_datagram(s) ? key.vserver->max_sessions_per_client
				       : key.vserver->max_connections_per_client;
	uint64_t all;
	if (most == 0)
		return false;
	memcpy(key.network, client.ip, client.family == ADDR_IPV4 ? 4 : sizeof key.network);
	if (clients_enter(w->share, w->worker, slice_of((const char *)&key, sizeof key),
			  &s->client_row, &all))
		return all > most;
	tell_of_full_table(s);
	return false;
}

static bool is_over_vserver_limit(const struct session *s)
{
	const struct world *w = s->vserver->world;
	unsigned index = (unsigned)(s->vserver->conf - w->conf->vservers);
	uint64_t most = most_of_vserver(s);
	return most != 0 && stats_vserver_sessions(w->share, index) > most;
}

static bool is_over_limit_of_all(const struct session *s)
{
	const struct world *w = s->vserver->world;
	uint64_t most = w->conf->max_connections;
	return most != 0 && stats_sessions(w->share) > most;
}

bool session_limit_enter_client(struct session *s)
{
	bool is_over = is_over_client_limit(s);
	if (is_over)
		session_limit_refuse(s, REFUSAL_CONNECTIONS_OF_CLIENT);
	return !is_over;
}

enum refusal session_limit_look(struct session *s)
{
	const struct world *w = s->vserver->world;
	s->client_row = CLIENTS_NO_ROW;
	stats_add(&s->vserver->stats->sessions, 1);
	stats_add(&s->vserver->stats->sessions_current, 1);
	stats_add(&stats_worker_row(w->share, w->worker)->sessions_current, 1);
	/* ours is seen before we look at those of the others: else two workers could miss each other */
	if (most_of_vserver(s) != 0 || w->conf->max_connections != 0)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (is_over_limit_of_all(s))
		return REFUSAL_CONNECTIONS_OF_ALL;
	if (is_over_vserver_limit(s))
		return is_datagram(s) ? REFUSAL_SESSIONS_MOST : REFUSAL_CONNECTIONS_MOST;
	/* whom a PROXY header is still to name is counted then; a datagram has it with it */
	if ((is_datagram(s) || s->vserver->conf->proxy_from.count == 0) && is_over_client_limit(s))
		return is_datagram(s) ? REFUSAL_SESSIONS_OF_CLIENT : REFUSAL_CONNECTIONS_OF_CLIENT;
	return REFUSAL_NONE;
}

bool session_limit_enter(struct session *s)
{
	enum refusal why = session_limit_look(s);
	if (why != REFUSAL_NONE)
		session_limit_refuse(s, why);
	return why == REFUSAL_NONE;
}

void session_limit_leave(struct session *s)
{
	const struct world *w = s->vserver->world;
	stats_subtract(&s->vserver->stats->sessions_current, 1);
	stats_subtract(&stats_worker_row(w->share, w->worker)->sessions_current, 1);
	if (s->client_row != CLIENTS_NO_ROW)
		clients_leave(w->share, w->worker, s->client_row);
}

/* ---- how long one serves --------------------------------------------------------------------------- */

bool session_limit_is_reached(const struct session *s)
{
	const struct conf_vserver *conf = s->vserver->conf;
	return (conf->max_requests != 0 && s->transactions >= conf->max_requests) ||
	       (conf->max_pipelined != 0 && s->pipelined >= conf->max_pipelined) ||
	       (conf->age_milliseconds != 0 &&
		clock_milliseconds() - s->opened >= conf->age_milliseconds);
}

bool session_limit_is_over(const struct session *s)
{
	return s->close_at != 0 && s->close_at <= clock_milliseconds();
}

uint64_t session_limit_wait(const struct session *s, uint64_t milliseconds)
{
	uint64_t most = s->vserver->conf->age_milliseconds;
	uint64_t now = clock_milliseconds(), close_at = s->close_at;
	if (most != 0 && (close_at == 0 || s->opened + most < close_at))
		close_at = s->opened + most;
	if (close_at == 0)
		return milliseconds;
	uint64_t left = now < close_at ? close_at - now : 1;
	return milliseconds != 0 && milliseconds < left ? milliseconds : left;
}
