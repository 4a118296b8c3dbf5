/* SPDX-License-Identifier: Apache-2.0 */
#include "txn/udp_looks.h"

void udp_looks_open(struct udp_session *s, struct slice first)
{
	struct txn *t = s->session.txn;
	size_t rules = t->rules[RULE_REQUEST].count + t->rules[RULE_RESPONSE].count +
		       t->rules[RULE_COMPLETION].count;
	if (rules == 0) {
		s->first.bytes = first;
		return;
	}
	s->looks = arena_new(&t->arena, sizeof *s->looks);
	t->request_look = &s->looks->request;
	t->response_look = &s->looks->response;
	txn_look_open(t->request_look, NULL, NULL, DATAGRAM_MOST);
	txn_look_open(t->response_look, NULL, NULL, DATAGRAM_MOST);
	buf_append(&t->request_look->held, first, SIZE_MAX);
}

struct slice udp_looks_first(const struct udp_session *s)
{
	return s->looks != NULL ? txn_look_text(&s->looks->request) : s->first.bytes;
}

bool udp_looks_has_first(const struct udp_session *s)
{
	return s->looks != NULL || !slice_is_absent(s->first.bytes);
}

bool udp_looks_count(struct udp_session *s)
{
	struct udp_looks *l = s->looks;
	return udp_hold_count(&l->counted, buf_len(&l->request.held) + buf_len(&l->response.held));
}

void udp_looks_close(struct udp_session *s)
{
	struct txn *t = s->session.txn;
	if (s->looks == NULL)
		return;
	txn_look_release(&s->looks->request);
	txn_look_release(&s->looks->response);
	udp_hold_count(&s->looks->counted, 0);
	s->looks = NULL;
	t->request_look = t->response_look = NULL;
}
