/* txn_tcp_time: how long each step of a TCP session may wait (txn_tcp.h), and what happens then. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TXN_TXN_TCP_TIME_H
#define WEIR_TXN_TXN_TCP_TIME_H

#include "txn/txn.h"

/* Until when, in milliseconds, or TIMER_NEVER: the client's bytes, for the first time and in each turn. */
uint64_t txn_tcp_time_until_client(const struct txn *t);
uint64_t txn_tcp_time_until_rules(const struct txn *t);
uint64_t txn_tcp_time_until_request_rules(const struct txn *t);
uint64_t txn_tcp_time_until_connected(const struct txn *t);
uint64_t txn_tcp_time_until_reply(const struct txn *t);
uint64_t txn_tcp_time_until_response(const struct txn *t);
uint64_t txn_tcp_time_until_idle(const struct txn *t);
uint64_t txn_tcp_time_until_probed(const struct txn *t);

/* That time is over. */
enum txn_next txn_tcp_time_on_client(struct txn *t);
enum txn_next txn_tcp_time_on_rules(struct txn *t);
enum txn_next txn_tcp_time_on_request_rules(struct txn *t);
enum txn_next txn_tcp_time_on_response(struct txn *t);
enum txn_next txn_tcp_time_on_idle(struct txn *t);
enum txn_next txn_tcp_time_on_relay(struct txn *t);

#endif
