/*
 * capture: where a client was headed before its connection was brought to us.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_CAPTURE_H
#define WEIR_NET_CAPTURE_H

#include "net/addr.h"

enum capture { CAPTURE_NONE, CAPTURE_REDIRECT, CAPTURE_TPROXY };

/*
 * The address on this machine that accepted (`local`), and the one the client was headed to
 * (`dest`). They differ only for redirected connections. REDIRECT asks connection tracking
 * (SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST); TPROXY does not, because a stale entry there can answer
 * wrongly: the socket's own address is the truth. False when the connection is already gone.
 */
bool capture_origin(int fd, enum capture how, struct addr *local, struct addr *dest);

#endif
