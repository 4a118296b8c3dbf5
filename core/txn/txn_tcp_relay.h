/* txn_tcp_relay: a TCP session while bytes move both ways, up to the next turn or the end of both sides. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_TXN_TCP_RELAY_H
#define WEIR_TXN_TXN_TCP_RELAY_H

#include "txn/txn.h"

/* The step. */
enum txn_next txn_tcp_relay_both(struct txn *t);

/*
 * What became of the bytes that moved. TXN_GO_ON: a side broke, and the session is ending; else TXN_WAIT.
 */
enum txn_next txn_tcp_relay_check(struct txn *t);

#endif
