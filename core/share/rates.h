/*
 * rates: how much of each rate class was used lately, and how many wait, over all workers. What is
 * used lies in rows that all change, each found by a hash that stands for the class and a context;
 * their locks are robust (lock.h), and a row is right again by itself within a minute whatever its
 * last writer left. A class passes no more than its limit in any second or minute: a slot of time
 * counts until it is over as a whole, so at the limit it passes up to 5 % less.
 *
 * Rows are in sets of eight. When all of a set are in use the one that was used longest ago goes, and
 * what it had counted is forgotten: memory is bounded, whatever contexts clients think of.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_RATES_H
#define WEIR_SHARE_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct share_rates;

/* 0: no such limit. */
struct rates_limits {
	uint64_t per_second, per_minute;
};

/* What becomes of those who ask; of one worker, or of all. */
struct rates_counts {
	uint64_t passed;
	uint64_t refused; /* over the limit, or no room to wait */
	uint64_t given_up;
	uint64_t waiting; /* now */
};

size_t rates_bytes(unsigned workers, unsigned classes);
/* In zeroed memory. */
struct share_rates *rates_make(void *memory, unsigned workers, unsigned classes);

/*
 * May one more pass at `now` (milliseconds of CLOCK_MONOTONIC)? 0: it may, and is counted. Otherwise
 * so many milliseconds go by before it is worth asking again. `name` is not 0.
 */
uint64_t rates_take(struct share_rates *r, uint64_t name, const struct rates_limits *limits,
		    uint64_t now);

/* The counts of a class in one worker, for that worker to write with stats_add; and of all together. */
struct rates_counts *rates_counts_of(struct share_rates *r, unsigned worker, unsigned class_number);
void rates_sum(struct share_rates *r, unsigned class_number, struct rates_counts *sum);

/* One more of this worker waits for `name`, or one less; false: too many wait, nothing was counted. */
bool rates_wait(struct share_rates *r, unsigned worker, uint64_t name);
void rates_wait_over(struct share_rates *r, unsigned worker, uint64_t name);

/* How many wait for `name`, in all workers. */
uint64_t rates_backlog(struct share_rates *r, uint64_t name);

/* For segment_give_back: nobody of this worker waits any more. */
void rates_give_back(struct share_rates *r, unsigned worker);

#endif
