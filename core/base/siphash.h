/*
 * siphash: a keyed hash of short byte strings (SipHash, Aumasson and Bernstein 2012): whoever does not
 * know the key can neither foresee nor steer it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_SIPHASH_H
#define WEIR_BASE_SIPHASH_H

#include "base/slice.h"

#include <stdint.h>

/* SipHash-1-3: for tables, where a collision costs time. */
uint64_t siphash_1_3(const uint64_t key[2], struct slice s);

/* SipHash-2-4: for what strangers see and may give back. */
uint64_t siphash_2_4(const uint64_t key[2], struct slice s);

#endif
