/* test_cover: which lines of the rules were run by the tests, and which never. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_COVER_H
#define WEIR_TEST_COVER_H

#include "rule/rule.h"

#include <stdio.h>

/* Counts from now on, in all states given to test_cover_watch; forgets what was counted before. */
void test_cover_start(void);

/* The rules of this state count, if anything does. */
void test_cover_watch(struct rule_vm *vm);

/* One line for each file, with the lines that never ran, and the sum. */
void test_cover_print(FILE *to);

#endif
