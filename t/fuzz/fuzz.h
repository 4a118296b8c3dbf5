/* Help for fuzz targets: input at its exact size, cut in two, and limits small enough to be met. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_T_FUZZ_H
#define WEIR_T_FUZZ_H

#include "http/http_head.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A target may have more to show of what has happened. */
__attribute__((weak)) void fuzz_show(void);

_Noreturn static inline void fuzz_fail(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: '%s' does not hold\n", file, line, condition);
	if (fuzz_show != NULL)
		fuzz_show();
	abort();
}

/* Stops with a finding. */
#define fuzz_expect(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))

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

/* What LuaJIT holds is not seen by the leak checker: it packs its pointers. */
#define FUZZ_HOLDS_LUA \
	__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void); \
	const char *__lsan_default_suppressions(void) \
	{ \
		return "leak:rule_memory_allocate"; \
	} \
	__attribute__((visibility("default"))) const char *__lsan_default_options(void); \
	const char *__lsan_default_options(void) \
	{ \
		return "print_suppressions=0"; \
	}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
