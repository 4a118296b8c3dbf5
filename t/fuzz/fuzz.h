/* Help for fuzz targets: input at its exact size, cut in two, and limits small enough to be met. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_T_FUZZ_H
#define WEIR_T_FUZZ_H

#include "http/http_head.h"

#include <stdint.h>
#include <stdlib.h>

/* Stops with a finding. */
#define fuzz_expect(condition) ((condition) ? (void)0 : abort())

static const struct http_limits fuzz_limits = {
	.line_bytes = 256,
	.head_bytes = 1024,
	.fields = 20,
	.trailer_bytes = 128,
	.chunk_extension_bytes = 64,
};

/* For what the room itself wrote from something within the limits above: blanks may have grown. */
static const struct http_limits fuzz_wide_limits = {
	.line_bytes = 4096,
	.head_bytes = 8192,
	.fields = 50,
	.trailer_bytes = 1024,
	.chunk_extension_bytes = 0,
};

/* A copy of its own size, so that the sanitizer sees a read behind it. Free `at`. */
static inline struct slice fuzz_copy(const uint8_t *bytes, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	if (len > 0)
		memcpy(copy, bytes, len);
	return slice_of(copy, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
