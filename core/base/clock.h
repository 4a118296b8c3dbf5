/*
 * clock: one reading per turn of the loop, shared by all that happens in that turn.
 * Reading the clock costs more than most of what a transaction does with it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>

/* Reads the clocks anew; the loop calls it when it wakes. */
void clock_update(void);

/* Milliseconds that never jump (CLOCK_MONOTONIC), as of the last clock_update. */
uint64_t clock_milliseconds(void);

/* Microseconds that never jump, as of the last clock_update. */
uint64_t clock_microseconds(void);

/* The same clock, as of the last clock_update, for what takes less than a microsecond. */
uint64_t clock_nanoseconds(void);

/* Microseconds since 1970 (CLOCK_REALTIME; when somebody sets it, a tenth of a second late). */
uint64_t clock_wall_microseconds(void);

/* Microseconds that never jump, read now: for what must be measured within one turn. */
uint64_t clock_read_microseconds(void);

/* Microseconds since 1970, read now. */
uint64_t clock_read_wall_microseconds(void);

/*
 * For tests of rules alone. From the next clock_update on all clocks are further on by so many
 * milliseconds. And the wall clock stands at this time, until that is changed or skipped; 0: it goes.
 */
void clock_skip(uint64_t milliseconds);
void clock_stop_wall(uint64_t microseconds);

#endif
