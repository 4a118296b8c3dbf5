/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/session_proxy.h"

#include "base/memory.h"
#include "txn/session_limit.h"

/* Read at a time; the request may be in it as well. */
#define READ_BYTES (64 * 1024)

bool session_proxy_is_trusted(struct session *s)
{
	const struct addr peer = addr_unmap(&s->remote);
	bool is_trusted = conf_networks_hold(&s->vserver->conf->proxy_from, &peer);
	if (!is_trusted)
		session_limit_refuse(s, REFUSAL_PROXY_UNTRUSTED);
	return is_trusted;
}

enum refusal session_proxy_refusal(enum proxy_fault fault)
{
	static const enum refusal reasons[] = {
		[PROXY_FAULT_MISSING] = REFUSAL_PROXY_MISSING,
		[PROXY_FAULT_MALFORMED] = REFUSAL_PROXY_MALFORMED,
		[PROXY_FAULT_LONG] = REFUSAL_PROXY_LONG,
		[PROXY_FAULT_CHECKSUM] = REFUSAL_PROXY_CHECKSUM,
		[PROXY_FAULT_CUT] = REFUSAL_PROXY_CUT,
	};
	return reasons[fault];
}

/* A front that listens on IPv6 alone names its IPv4 clients in IPv6: they are who they are. */
void session_proxy_take(struct session *s, const struct proxy_header *h)
{
	bool has_addresses = h->source.family != ADDR_NONE;
	if (!has_addresses && h->tlvs.len == 0)
		return;
	s->proxy = memory_new(1, sizeof *s->proxy + h->tlvs.len);
	s->proxy->peer = s->remote;
	s->proxy->tlv_bytes = h->tlvs.len;
	if (h->tlvs.len > 0)
		memcpy(s->proxy->tlvs, h->tlvs.at, h->tlvs.len);
	if (!has_addresses)
		return;
	s->remote = addr_unmap(&h->source);
	session_set_dest(s, addr_unmap(&h->dest));
}

/* What has ended: a visitor who said nothing is no news. */
static enum session_proxy_result ended(struct session *s)
{
	if (inbox_slice(&s->inbox).len == 0)
		return SESSION_PROXY_GONE;
	session_limit_refuse(s, REFUSAL_PROXY_CUT);
	return SESSION_PROXY_REFUSED;
}

enum session_proxy_result session_proxy_read(struct session *s)
{
	for (;;) {
		struct proxy_header header;
		enum proxy_fault fault;
		size_t used;
		switch (proxy_header_parse(inbox_slice(&s->inbox), &header, &used, &fault)) {
		case PROXY_DONE:
			session_proxy_take(s, &header);
			inbox_use(&s->inbox, used);
			return SESSION_PROXY_DONE;
		case PROXY_BAD:
			session_limit_refuse(s, session_proxy_refusal(fault));
			return SESSION_PROXY_REFUSED;
		case PROXY_MORE:
			break;
		}
		/* a header is never as long as that, so there is always room for more */
		switch (inbox_read(&s->inbox, &s->client, READ_BYTES, READ_BYTES)) {
		case IO_OK:
			break;
		case IO_WAIT:
			return SESSION_PROXY_WAIT;
		case IO_EOF:
		case IO_FAIL:
			return ended(s);
		}
	}
}
