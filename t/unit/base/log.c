/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Standard error becomes a pipe that does not block; `log_text` reads what is in it. */
static int reading_end = -1;

static void catch_errors(void)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_neq(dup2(ends[1], STDERR_FILENO), -1);
	close(ends[1]);
	reading_end = ends[0];
}

static const char *log_text(void)
{
	static char text[256 * 1024];
	size_t len = 0;
	ssize_t more;
	while ((more = read(reading_end, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)more;
	text[len] = '\0';
	return text;
}

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

static void expect_match(const char *text, const char *pattern)
{
	regex_t compiled;
	cr_assert_eq(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0);
	cr_expect_eq(regexec(&compiled, text, 0, NULL, 0), 0, "'%s' does not match '%s'", text,
		     pattern);
	regfree(&compiled);
}

Test(log, text_lines, .init = catch_errors)
{
	log_set_process("worker 1");
	log_warn("cannot open '%s'", "x");
	expect_match(log_text(), "^" TIME " warn worker 1: cannot open 'x'\n$");
}

Test(log, json_lines, .init = catch_errors)
{
	log_open(LOG_INFO, LOG_JSON);
	log_error("a \"b\" \\ \n\xc3\xa4");
	expect_match(log_text(),
		     "^\\{\"time\":\"" TIME "\",\"level\":\"error\",\"process\":\"weir\","
		     "\"message\":\"a \\\\\"b\\\\\" \\\\\\\\ \\\\u000a\xc3\xa4\"\\}\n$");
}

Test(log, levels, .init = catch_errors)
{
	log_debug("not shown");
	cr_expect(!log_is_on(LOG_DEBUG) && log_is_on(LOG_INFO));
	cr_expect_str_eq(log_text(), "");
	log_open(LOG_ERROR, LOG_TEXT);
	log_warn("not shown");
	cr_expect_str_eq(log_text(), "");
	log_write(LOG_AUDIT, "always");
	expect_match(log_text(), " audit weir: always\n$");
}

static char sunk[256];

static void sink(enum log_level level, const char *message)
{
	snprintf(sunk, sizeof sunk, "%d %s", level, message);
}

Test(log, a_sink_gets_what_would_be_written, .init = catch_errors)
{
	log_set_sink(sink);
	log_warn("%d lines", 7);
	cr_expect_str_eq(sunk, "2 7 lines");
	log_debug("not shown");
	cr_expect_str_eq(sunk, "2 7 lines");
	cr_expect_str_eq(log_text(), "");
	log_set_sink(NULL);
	log_info("as ever");
	expect_match(log_text(), " info weir: as ever\n$");
}

/* A name from the network must not forge a line or steer a terminal. */
Test(log, hostile_bytes_are_escaped, .init = catch_errors)
{
	log_info("%s", "a\nb\x1b[31m\xff\x7f");
	expect_match(log_text(), " info weir: a\\\\x0ab\\\\x1b\\[31m\\\\xff\\\\x7f\n$");
}

Test(log, a_line_that_nobody_takes_is_dropped_and_counted, .init = catch_errors)
{
	char filler[1000];
	memset(filler, 'x', sizeof filler);
	for (int i = 0; i < 200; i++)
		log_info("%.*s", (int)sizeof filler, filler);
	uint64_t dropped = log_access_take_dropped();
	cr_expect_gt(dropped, 100);
	cr_expect_lt(dropped, 200);
	cr_expect_eq(log_access_take_dropped(), 0);
	log_text();
	log_info("again");
	expect_match(log_text(), "again\n$");
}

Test(log, limits_count_what_they_leave_out)
{
	struct log_limit l = { .most = 2 };
	unsigned left_out = 9;
	clock_update();
	uint64_t second = clock_milliseconds() / 1000;
	cr_expect(log_limit_allows(&l, &left_out) && left_out == 0);
	cr_expect(log_limit_allows(&l, &left_out));
	cr_expect(!log_limit_allows(&l, &left_out));
	cr_expect(!log_limit_allows(&l, &left_out));
	l.second = second - 1;
	cr_expect(log_limit_allows(&l, &left_out));
	cr_expect_eq(left_out, 2);
	cr_expect(log_limit_allows(&l, &left_out) && left_out == 0);
}

/* ---- access lines ---------------------------------------------------------------------------- */

static const char *access_text(const char *path)
{
	static char text[256 * 1024];
	FILE *file = fopen(path, "re");
	cr_assert_not_null(file);
	text[fread(text, 1, sizeof text - 1, file)] = '\0';
	fclose(file);
	return text;
}

static char access_path[] = "/tmp/weir-unit-log-XXXXXX";

static void open_access(void)
{
	int fd = mkstemp(access_path);
	cr_assert_neq(fd, -1);
	close(fd);
	cr_assert(log_access_open(access_path));
}

static void remove_access(void)
{
	unlink(access_path);
}

static void add_line(struct slice value)
{
	struct log_line l;
	log_line_start(&l);
	log_line_string(&l, "key", value);
	log_line_number(&l, "n", 18446744073709551615u);
	log_access_add(&l);
}

Test(log, access_lines_as_text, .init = open_access, .fini = remove_access)
{
	cr_expect(log_access_is_on());
	add_line(SLICE("plain"));
	add_line(SLICE("two words"));
	add_line(SLICE(""));
	add_line(SLICE("-"));
	add_line(SLICE("a=\"b\"\n"));
	add_line(SLICE_ABSENT);
	cr_expect_str_eq(access_text(access_path), "", "lines are written in batches");
	log_access_flush();
	expect_match(access_text(access_path),
		     "^" TIME " key=plain n=18446744073709551615\n" TIME
		     " key=\"two words\" n=18446744073709551615\n" TIME
		     " key=\"\" n=18446744073709551615\n" TIME
		     " key=\"-\" n=18446744073709551615\n" TIME
		     " key=\"a=\\\\\"b\\\\\"\\\\x0a\" n=18446744073709551615\n" TIME
		     " key=- n=18446744073709551615\n$");
}

Test(log, access_lines_as_json, .init = open_access, .fini = remove_access)
{
	log_open(LOG_INFO, LOG_JSON);
	add_line(SLICE("a\"b"));
	add_line(SLICE_ABSENT);
	log_access_flush();
	expect_match(access_text(access_path),
		     "^\\{\"time\":\"" TIME
		     "\",\"key\":\"a\\\\\"b\",\"n\":18446744073709551615\\}\n"
		     "\\{\"time\":\"" TIME "\",\"key\":null,\"n\":18446744073709551615\\}\n$");
}

/* Whatever is in it and however much: a line ends as a line, and as one JSON object. */
Test(log, long_values_are_cut_and_lines_stay_whole, .init = open_access, .fini = remove_access)
{
	static char value[100000];
	static const char bytes[] = { 'a', '\n', '"', '\xff', '\xc3' };
	log_open(LOG_INFO, LOG_JSON);
	for (size_t i = 0; i < sizeof bytes; i++) {
		struct log_line l;
		memset(value, bytes[i], sizeof value);
		log_line_start(&l);
		for (int field = 0; field < 3; field++)
			log_line_string(&l, "key", slice_of(value, sizeof value));
		log_line_number(&l, "n", 7);
		log_access_add(&l);
	}
	log_access_flush();
	const char *line = access_text(access_path);
	for (size_t i = 0; i < sizeof bytes; i++) {
		const char *end = strchr(line, '\n');
		cr_assert_not_null(end);
		cr_expect_leq(end + 1 - line, 4096);
		cr_expect_eq(strncmp(end - 8, "\",\"n\":7}", 8), 0, "line %zu ends '%.20s'", i,
			     end - 20);
		line = end + 1;
	}
	cr_expect_str_eq(line, "");
}

Test(log, a_full_batch_is_written_by_itself, .init = open_access, .fini = remove_access)
{
	for (int i = 0; i < 2000; i++)
		add_line(SLICE("value"));
	cr_expect_gt(strlen(access_text(access_path)), 0);
	log_access_flush();
	const char *text = access_text(access_path);
	size_t lines = 0;
	for (; *text != '\0'; text++)
		lines += *text == '\n';
	cr_expect_eq(lines, 2000);
	cr_expect_eq(log_access_take_dropped(), 0);
}

Test(log, access_lines_can_be_off)
{
	cr_expect(log_access_open(NULL));
	cr_expect(!log_access_is_on());
	cr_expect(!log_access_open("/nowhere/access"));
	cr_expect(!log_access_is_on());
}

/* A pipe that nobody reads: nothing waits, nothing grows, and what is lost is counted. */
Test(log, a_full_pipe_drops_access_lines, .init = catch_errors)
{
	cr_assert(log_access_open("stderr"));
	for (int i = 0; i < 20000; i++)
		add_line(SLICE("a value that takes some room, so that the pipe is full soon"));
	log_access_flush();
	uint64_t dropped = log_access_take_dropped();
	cr_expect_gt(dropped, 10000);
	const char *text = log_text();
	cr_expect_eq(text[strlen(text) - 1], '\n');
}

/* A full disk: a write that fails loses every line of its piece, and each is counted. */
Test(log, a_full_disk_counts_each_line_it_loses)
{
	cr_assert(log_access_open("/dev/full"));
	for (int i = 0; i < 500; i++)
		add_line(SLICE("value"));
	log_access_flush();
	cr_expect_eq(log_access_take_dropped(), 500);
}
