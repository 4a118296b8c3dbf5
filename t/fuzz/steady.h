/*
 * steady: put before the code that asks for the wall clock, so that a target does the same with the same
 * inputs on any day.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_STEADY_H
#define WEIR_FUZZ_STEADY_H

#include <time.h>

#define STEADY_DAY 1767225600 /* the wall clock's, when the monotonic one says 0 */

static inline int steady_clock_gettime(clockid_t clock, struct timespec *to)
{
	int result = clock_gettime(CLOCK_MONOTONIC, to);
	if (clock == CLOCK_REALTIME)
		to->tv_sec += STEADY_DAY;
	return result;
}

#define clock_gettime steady_clock_gettime

#endif
