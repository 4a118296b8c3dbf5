/*
 * steady: put before the code that asks for chance or the wall clock, so that a target does the same with
 * the same inputs in every run, on any day.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FUZZ_STEADY_H
#define WEIR_FUZZ_STEADY_H

#include <string.h>
#include <sys/random.h>
#include <time.h>

#define STEADY_DAY 1767225600 /* the wall clock's, when the monotonic one says 0 */

static inline ssize_t steady_getrandom(void *to, size_t len, unsigned flags)
{
	(void)flags;
	memset(to, 'w', len);
	return (ssize_t)len;
}

static inline int steady_clock_gettime(clockid_t clock, struct timespec *to)
{
	int result = clock_gettime(CLOCK_MONOTONIC, to);
	if (clock == CLOCK_REALTIME)
		to->tv_sec += STEADY_DAY;
	return result;
}

#define getrandom steady_getrandom
#define clock_gettime steady_clock_gettime

#endif
