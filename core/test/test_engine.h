/*
 * test_engine: the functions that lua/test.lua is built on, `engine.*`: they open a case, send its
 * request, and hand over what happened. Test files use the module, not these.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TEST_ENGINE_H
#define WEIR_TEST_ENGINE_H

#include "rule/rule.h"
#include "test/test_case.h"
#include "test/test_report.h"

/* A test file that runs: the subject of the calls. Owned by test_file_run. */
struct test_engine {
	const char *path;      /* of the test file */
	const char *rules_dir; /* where rules are that the test names */
	const char *config;    /* -c FILE; NULL: none */
	struct test_report *report;
	struct test_case *open; /* NULL between cases */
	enum test_engine_task {
		TEST_TASK_NONE,
		TEST_TASK_SEND,
		TEST_TASK_ANSWER,
		TEST_TASK_PASS
	} task;
	enum test_event event; /* what the last task led to */
	/* for TEST_TASK_SEND */
	struct slice bytes;
	struct addr client;
	struct session_origin origin;
	bool on_same_connection;
	uint64_t milliseconds; /* for TEST_TASK_PASS */
	uint64_t since;        /* microseconds: when the case was opened */
	size_t cases;          /* told to the report */
};

/* The rows of `engine.*`; their subject is a struct test_engine. */
const struct rule_function *test_engine_functions(size_t *count);

/* A call of the test file waits: does what it asked for. The file's rule can be resumed then. */
void test_engine_work(struct test_engine *e);

/* The file is over, in whatever way: closes what it left open. */
void test_engine_end(struct test_engine *e);

#endif
