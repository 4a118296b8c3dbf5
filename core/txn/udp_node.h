/*
 * udp_node: a session's socket towards its node. Each has its own, so that an answer cannot reach
 * another client; connected, so that the kernel drops what others send and tells of ICMP errors, unless
 * the pool accepts answers of others (udp: {accept_from}). Towards a transparent pool it has the client's
 * address and port.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_UDP_NODE_H
#define WEIR_TXN_UDP_NODE_H

#include "txn/udp_session.h"

/* The step. */
enum txn_next udp_node_connect(struct txn *t);

/* Sends it. False: the node cannot be reached, *error says why; what there is no room for is dropped. */
bool udp_node_send(struct udp_session *s, struct slice bytes, int *error);

/* Closes the socket and ends the counting at the node. Safe when there is none. */
void udp_node_release(struct udp_session *s);

/* Our end; ADDR_NONE without a socket. */
struct addr udp_node_source(const struct txn *t);

#endif
