/* test_report: what a person or a machine is told of the cases: lines of text, TAP, and JUnit's XML. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_REPORT_H
#define WEIR_TEST_REPORT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct test_report {
	FILE *to;
	bool as_tap;
	size_t passed, failed;
	uint64_t microseconds; /* of all cases */
	const char *file;      /* of the last case that was told */
	char *xml;             /* the <testcase> elements so far; made in memory by `junit` */
	size_t xml_len;
	FILE *junit; /* NULL: nobody wants it */
};

/* Begins a report to `to`; `has_junit`: test_report_write_junit will be called. */
void test_report_begin(struct test_report *r, FILE *to, bool as_tap, bool has_junit);

/* One case of `file`; `failure` (lines of text) is absent when it passed. */
void test_report_case(struct test_report *r, const char *file, struct slice name,
		      struct slice place, struct slice failure, uint64_t microseconds);

/* The sum of all. */
void test_report_end(struct test_report *r);

/* Writes the XML file; false with errno when that cannot be done. */
bool test_report_write_junit(struct test_report *r, const char *path);

void test_report_release(struct test_report *r);

#endif
