/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

/* A wall clock that somebody sets is noticed so much later; until then it runs with the other. */
#define COMPARE_MICROSECONDS 100000

static uint64_t nanoseconds, monotonic, milliseconds;
static uint64_t wall_ahead; /* of the monotonic clock, when they were compared */
static uint64_t compared;

/* Of tests: what was skipped, and where the wall clock stands (0: it goes). */
static uint64_t skipped, stopped_wall;

static uint64_t read_nanoseconds(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t read_microseconds(clockid_t id)
{
	return read_nanoseconds(id) / 1000;
}

void clock_update(void)
{
	nanoseconds = read_nanoseconds(CLOCK_MONOTONIC) + skipped;
	monotonic = nanoseconds / 1000;
	milliseconds = monotonic / 1000; /* it is asked for more often than the clock is read */
	if (compared != 0 && monotonic - compared < COMPARE_MICROSECONDS)
		return;
	wall_ahead = clock_read_wall_microseconds() - monotonic;
	compared = monotonic;
}

uint64_t clock_microseconds(void)
{
	return monotonic;
}

uint64_t clock_nanoseconds(void)
{
	return nanoseconds;
}

uint64_t clock_milliseconds(void)
{
	return milliseconds;
}

uint64_t clock_wall_microseconds(void)
{
	return stopped_wall != 0 ? stopped_wall : monotonic + wall_ahead;
}

uint64_t clock_read_microseconds(void)
{
	return read_microseconds(CLOCK_MONOTONIC) + skipped / 1000;
}

uint64_t clock_read_wall_microseconds(void)
{
	return stopped_wall != 0 ? stopped_wall
				 : read_microseconds(CLOCK_REALTIME) + skipped / 1000;
}

void clock_skip(uint64_t how_many_milliseconds)
{
	skipped += how_many_milliseconds * 1000000;
	if (stopped_wall != 0)
		stopped_wall += how_many_milliseconds * 1000;
	compared = 0;
}

void clock_stop_wall(uint64_t microseconds)
{
	stopped_wall = microseconds;
	compared = 0;
}
