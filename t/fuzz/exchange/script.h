/*
 * script: an input of the exchange target, read as what clients and nodes do, one act after the
 * other: t/fuzz/README.md lists the acts. Any bytes are a script.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_SCRIPT_H
#define WEIR_FUZZ_SCRIPT_H

#include "kernel.h"

struct script {
	const uint8_t *at;
	size_t len;
	const int *listen_fds; /* of the virtual servers */
	bool runs_till_quiet;  /* weir does all it can between two acts */
	bool is_reversed;      /* events come in the opposite order */
	uint64_t told;         /* of which descriptors weir hears in the turns that it has */
	unsigned turns;        /* that it has before the next act */
	bool has_time_passed;
	uint64_t calm_until; /* microseconds */
	unsigned serial;     /* of requests made up, so that they differ */
};

/* `listen_fds`: one for each enum peers_server. */
void script_start(struct script *s, const uint8_t *bytes, size_t len, const int *listen_fds);

/* The next act; false: there is none. */
bool script_step(struct script *s);

#endif
