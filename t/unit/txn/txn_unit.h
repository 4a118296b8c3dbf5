/*
 * txn_unit: what tests of this room share: a transaction built by hand whose client and node are at the
 * other ends of socket pairs. It is marked as running, so what would run its steps only notes that they
 * should (`again`).
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_UNIT_H
#define WEIR_TXN_UNIT_H

#include "txn/txn.h"

#define UNIT_RULES_BUFFER 100 /* rules: {buffer}, less than a configuration may say */

extern struct txn *unit_txn;

/* For .init and .fini of a suite. */
void unit_open(void);
void unit_close(void);

/* Gives the transaction this request, or the node's response, as if its head had been received. */
void unit_request(const char *head);
void unit_response(const char *head);

/* Bytes that are there to be read from now on. */
void unit_client_says(const char *text);
void unit_node_says(const char *text);

/* The client, or the node, has said all. */
void unit_client_ends(void);
void unit_node_ends(void);

/* All that has come at the client, or the node, since the last time; valid until the next call. */
const char *unit_client_hears(void);
const char *unit_node_hears(void);

#endif
