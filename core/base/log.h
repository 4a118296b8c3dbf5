/*
 * log: what a person should know, one line each, on standard error; and the access lines of
 * transactions, collected and written in batches. Never blocks: a line that the other end does
 * not take in time is dropped and the number of dropped lines is said later.
 * Control characters and broken UTF-8 never reach the log as they are.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_AUDIT };
enum log_format { LOG_TEXT, LOG_JSON };

/* Sets what is written and how; before it, level info and text. */
void log_open(enum log_level level, enum log_format format);

/* The name that lines of this process carry, such as "worker 1"; copied. */
void log_set_process(const char *name);

bool log_is_on(enum log_level level);

/* Lines go to `sink` from now on, without their level, process and time; NULL: to standard error. */
void log_set_sink(void (*sink)(enum log_level level, const char *message));

/* Writes one line at once, when the level is on. No newline, no full stop in the message. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

/*
 * A bound on one kind of line: at most `most` in each second. Zero-initialise all but `most`.
 * When a later second begins, the number left out is known in `left_out`.
 */
struct log_limit {
	unsigned most;
	unsigned count;
	uint64_t second;
	unsigned left_out; /* in seconds before this one, not yet said */
};

/*
 * May a line be written now? Returns true if so; then *left_out is how many were refused since
 * the last line that was let through (say it when it is not 0).
 */
bool log_limit_allows(struct log_limit *l, unsigned *left_out);

/* One line being built, in the format of log_open. Lines longer than the buffer are cut. */
struct log_line {
	size_t len;
	bool is_json;
	char text[4096]; /* PIPE_BUF: a pipe takes such a line whole, never mixed with another's */
};

/* Starts a line: its time; in JSON the opening brace. */
void log_line_start(struct log_line *l);

/* Adds ` key=value` or `"key":"value"`; an absent value is `-` or null. */
void log_line_string(struct log_line *l, const char *key, struct slice value);
void log_line_number(struct log_line *l, const char *key, uint64_t value);

/* Where access lines go: NULL means nowhere, "stderr" there, otherwise a file to append to. */
bool log_access_open(const char *where);

bool log_access_is_on(void);

/* Ends the line and puts it in the batch. */
void log_access_add(struct log_line *l);

/* Writes the batch as far as the other end takes it; call often, and before the process ends. */
void log_access_flush(void);

/* Lines dropped since the last call, because nobody took them. */
uint64_t log_access_take_dropped(void);

#endif
