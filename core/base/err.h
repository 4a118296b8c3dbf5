/*
 * err: why a set-up step failed, in words for a person: `cannot <do> '<what>': <why>`.
 * Written where the reason is known, passed up, printed once by whoever decides.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include <stdbool.h>

struct err {
	char text[512]; /* NUL-terminated; cut when longer */
};

/* Writes the reason; always returns false, so that a caller can `return err_set(..)`. */
bool err_set(struct err *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
