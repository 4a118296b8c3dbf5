/*
 * slm: how many answers of each service level class came in time, over all workers. Each worker has
 * words of its own for the last seconds, a second and its two counts in one word, so that nobody
 * ever reads half of one; no lock.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_SLM_H
#define WEIR_SHARE_SLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What counts is what came in so many seconds, the one that is not over included. */
#define SLM_SECONDS 10

/* Of one class in one worker, and summed up. */
struct slm_counts {
	uint64_t answers, late; /* since weir was started */
};

struct slm_row {
	struct slm_counts counts;
	uint64_t seconds[16];
	char apart[112]; /* workers out of each other's cache lines */
};

struct share_slm {
	unsigned workers, classes;
	struct slm_row *rows; /* workers by classes */
};

size_t slm_bytes(unsigned workers, unsigned classes);

/* Counts an answer, in time or not, at `now` (milliseconds of CLOCK_MONOTONIC); for its worker. */
void slm_count(const struct share_slm *s, unsigned worker, unsigned class_number, uint64_t now,
	       bool is_in_time);

/* The percentage in time of the last seconds, over all workers; 100 when there was no answer. */
double slm_conforming(const struct share_slm *s, unsigned class_number, uint64_t now);

/* What all workers counted since weir was started. */
void slm_sum(const struct share_slm *s, unsigned class_number, struct slm_counts *sum);

#endif
