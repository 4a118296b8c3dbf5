/*
 * check: our own mistakes stop the process, in release builds too.
 * What a peer, a file or the kernel does wrong is never a check(): it is handled.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

#include <stddef.h>

/* Stops the process, naming the broken assumption, when `condition` is false. */
#define check(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

/* What a broken check() does: says where, and aborts. */
_Noreturn void check_failed(const char *condition, const char *file, int line);

/* The struct that embeds `member`, from a pointer to that member. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
