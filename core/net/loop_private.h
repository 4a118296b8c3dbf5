/* loop_private: what the files of net/ share about the loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_LOOP_PRIVATE_H
#define WEIR_NET_LOOP_PRIVATE_H

#include <ev.h>

struct ev_loop *loop_ev(void);

#endif
