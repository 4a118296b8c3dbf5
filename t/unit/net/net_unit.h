/* net_unit: what the tests of net/ share: sockets on loopback, and turns of the loop. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_NET_UNIT_H
#define WEIR_NET_UNIT_H

#include "net/addr.h"

#include <stdbool.h>
#include <stdint.h>

/* Ends the test by SIGALRM when it hangs; the time-outs of Criterion leak. */
void unit_set_limit(void);

struct addr unit_address(const char *text);

/* A socket that listens on that address, on a port of the kernel's choice when it names none. */
int unit_listen(const struct addr *at, int backlog, struct addr *bound);

/* A connected socket; blocking. */
int unit_dial(const struct addr *to);

/* A TCP connection on loopback; `ours` does not block. */
void unit_pair(int *ours, int *theirs);

/* Closes with a reset. */
void unit_reset(int fd);

/* Turns the loop until is_done() says so; the test fails when that takes seconds. */
void unit_turn_until(bool (*is_done)(void));

/* Turns the loop for that long and says how many turns that were. */
unsigned unit_turns(uint64_t milliseconds);

#endif
