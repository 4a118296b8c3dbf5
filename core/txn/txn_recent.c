/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/txn_recent.h"

#include "base/clock.h"
#include "share/recent.h"
#include "txn/txn_log.h"

#include <stdio.h>

_Static_assert(RECENT_ADDRESS_BYTES >= ADDR_TEXT_BYTES, "an address fits");

/* Nothing where there is no address; without a port where that is 0. */
static void put_address(char *to, const struct addr *a)
{
	if (a->family != ADDR_NONE && a->port != 0)
		addr_format(a, to);
	else if (a->family != ADDR_NONE)
		addr_format_ip(a, to);
}

static void put_request(struct recent_record *r, const struct txn *t)
{
	if (!t->has_request) {
		recent_put_text(r->uri, sizeof r->uri, t->refused_line);
		return;
	}
	recent_put_text(r->method, sizeof r->method, t->request.method);
	recent_put_text(r->host, sizeof r->host, t->request.authority);
	recent_put_text(r->uri, sizeof r->uri, t->request.target);
}

void txn_recent_add(struct txn *t)
{
	const struct world *w = t->vserver->world;
	const struct session *s = t->session;
	struct recent_record r = {
		.ended_microseconds = clock_wall_microseconds(),
		.duration_microseconds = t->times.ended - t->times.began,
		.bytes_in = txn_log_bytes_in(t),
		.bytes_out = s->client.bytes_out - t->client_bytes_out,
		.vserver = (uint32_t)(t->vserver - w->vservers),
		.pool = t->pool == NULL ? RECENT_NONE : (uint32_t)(t->pool - w->pools),
		.status = txn_log_status(t),
		.retries = t->tries > 1 ? t->tries - 1 : 0,
		.end = (uint32_t)t->end,
	};
	put_address(r.client, &s->remote);
	put_address(r.dest, session_dest(t->session));
	put_address(r.node, &t->node_address);
	put_address(r.source, txn_source(t));
	put_request(&r, t);
	if (t->verdict_rule != NULL)
		snprintf(r.rule, sizeof r.rule, "%s:%u", t->verdict_rule, t->verdict_line);
	recent_add(w->share, w->worker, &r);
}
