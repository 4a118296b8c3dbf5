/*
 * udp_looks: a session's first datagram, and where there are rules its first answer, as rules see and
 * leave them. Where there are none the datagram lies where it was read for as long as that goes.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_UDP_LOOKS_H
#define WEIR_TXN_UDP_LOOKS_H

#include "txn/udp_session.h"

/* Begins with it. */
void udp_looks_open(struct udp_session *s, struct slice first);

/* The first datagram, to be sent to a node; whether it is still there. */
struct slice udp_looks_first(const struct udp_session *s);
bool udp_looks_has_first(const struct udp_session *s);

/* Counts what rules see as held (udp_hold.h). False: it is too much. */
bool udp_looks_count(struct udp_session *s);

/* No rule will look at them any more. Safe when there are none. */
void udp_looks_close(struct udp_session *s);

#endif
