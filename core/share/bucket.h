/*
 * bucket: how much may pass at a rate. One word, the moment (nanoseconds of clock_nanoseconds, which
 * all processes share) at which what has passed so far will have had its time. It is only ever changed
 * as a whole, so whoever dies leaves nothing half done, and all workers may use one at once.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_SHARE_BUCKET_H
#define WEIR_SHARE_BUCKET_H

#include <stdint.h>

/* The moment from which more may pass; one that is over: now. */
uint64_t bucket_free_at(const uint64_t *bucket);

/* So many bytes have passed, at `rate` bytes a second (not 0). */
void bucket_spend(uint64_t *bucket, uint64_t rate, uint64_t bytes, uint64_t now);

#endif
