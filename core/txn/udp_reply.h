/*
 * udp_reply: how a session's answers reach its client, or the front that speaks for it: from the address,
 * and port, that was written to. They leave by the listener's socket where the port is its own; a captured client may have written
 * to another one, then the session has a socket of its own, on which the kernel also gives us what the
 * client sends from then on.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_UDP_REPLY_H
#define WEIR_TXN_UDP_REPLY_H

#include "txn/udp_session.h"

/* Sends it. False: the client is gone; what the system would not send is dropped and counted. */
bool udp_reply_send(struct udp_session *s, struct slice bytes);

/*
 * No node takes what the client sends: it is told by ICMP, where we may. Not a front, whose socket is
 * that of others too, and not who wrote to many at once (RFC 1122 3.2.2).
 */
void udp_reply_unreachable(struct udp_session *s);

/* Closes its own socket. Safe when there is none. */
void udp_reply_release(struct udp_session *s);

#endif
