/* test_file: runs one file of tests: a Lua program in a sandbox like a rule's, with its own budget. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_FILE_H
#define WEIR_TEST_FILE_H

#include "test/test_report.h"

/*
 * Runs the file. Rules that it names are those of `config` (NULL: none was given), or for cases that
 * make up their own configuration those of the folder that it is for: above a folder `test`, else
 * its own. An error of the file itself is told as a failed case.
 */
void test_file_run(const char *path, const char *config, struct test_report *report);

#endif
