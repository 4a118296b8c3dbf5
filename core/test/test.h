/*
 * test: `weir test`: finds test files, runs them, and tells. The room runs rules offline, by the
 * same code that a worker runs, without root and without a network.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_H
#define WEIR_TEST_H

#include <stdbool.h>
#include <stddef.h>

struct test_options {
	const char *config; /* -c; NULL: none */
	const char *junit;  /* --junit; NULL: none */
	bool as_tap, covers, watches;
	char **paths; /* files and folders */
	size_t path_count;
};

/* Runs what is asked for. The exit status of the command: 0 all passed, 1 not, 2 a path that is none. */
int test_run(const struct test_options *options);

#endif
