/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define BATCH_BYTES (64 * 1024)
#define ESCAPE_BYTES 6 /* the longest: \u001b */

static enum log_level least_level = LOG_INFO;
static enum log_format line_format = LOG_TEXT;
static char process_name[32] = "weir";
static void (*line_sink)(enum log_level level, const char *message);

static int access_fd = -1;
static char batch[BATCH_BYTES];
static size_t batch_len;
static uint64_t dropped;

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info",   [LOG_WARN] = "warn",
	[LOG_ERROR] = "error", [LOG_AUDIT] = "audit",
};

void log_open(enum log_level level, enum log_format format)
{
	least_level = level;
	line_format = format;
}

void log_set_process(const char *name)
{
	snprintf(process_name, sizeof process_name, "%s", name);
}

void log_set_sink(void (*sink)(enum log_level level, const char *message))
{
	line_sink = sink;
}

bool log_is_on(enum log_level level)
{
	return level >= least_level;
}

/* ---- building a line; one byte is always kept for the newline -------------------------------- */

/* Bytes that still fit, with the closing brace and the newline behind them. */
static size_t room_of(const struct log_line *l)
{
	return sizeof l->text - 2 - l->len;
}

static void put(struct log_line *l, const char *at, size_t len)
{
	size_t room = room_of(l);
	if (len > room)
		len = room;
	memcpy(l->text + l->len, at, len);
	l->len += len;
}

static void put_string(struct log_line *l, const char *string)
{
	put(l, string, strlen(string));
}

/* Bytes that may not stand as they are, written so that both formats stay one readable line. */
static void put_escaped_byte(struct log_line *l, unsigned char c)
{
	char text[8];
	if (c == '"' || c == '\\')
		snprintf(text, sizeof text, "\\%c", c);
	else
		snprintf(text, sizeof text, l->is_json ? "\\u%04x" : "\\x%02x", c);
	put_string(l, text);
}

/* Writes `s` until it would take more than `most` bytes: whole characters, whole escapes. */
static void put_escaped(struct log_line *l, struct slice s, bool escape_quotes, size_t most)
{
	size_t end = l->len + most;
	while (s.len > 0 && l->len + ESCAPE_BYTES <= end) {
		unsigned char c = (unsigned char)s.at[0];
		size_t len = slice_utf8_length(s);
		bool plain = len > 0 && c >= 0x20 && c != 0x7f &&
			     !(escape_quotes && (c == '"' || c == '\\'));
		if (plain)
			put(l, s.at, len);
		else
			put_escaped_byte(l, c);
		s = slice_skip(s, plain ? len : 1);
	}
}

/* The second's text is made once a second: formatting a date costs more than the rest of a line. */
static void put_time(struct log_line *l)
{
	static time_t known = -1;
	static char second_text[32];
	uint64_t now = clock_wall_microseconds();
	if (now == 0) {
		clock_update();
		now = clock_wall_microseconds();
	}
	time_t second = (time_t)(now / 1000000);
	if (second != known) {
		struct tm parts;
		gmtime_r(&second, &parts);
		strftime(second_text, sizeof second_text, "%Y-%m-%dT%H:%M:%S", &parts);
		known = second;
	}
	unsigned milliseconds = (unsigned)(now / 1000 % 1000);
	char fraction[] = { '.', (char)('0' + milliseconds / 100),
			    (char)('0' + milliseconds / 10 % 10), (char)('0' + milliseconds % 10),
			    'Z' };
	put_string(l, second_text);
	put(l, fraction, sizeof fraction);
}

void log_line_start(struct log_line *l)
{
	l->len = 0;
	l->is_json = line_format == LOG_JSON;
	if (l->is_json)
		put_string(l, "{\"time\":\"");
	put_time(l);
	if (l->is_json)
		put_string(l, "\"");
}

static void put_key(struct log_line *l, const char *key)
{
	put_string(l, l->is_json ? ",\"" : " ");
	put_string(l, key);
	put_string(l, l->is_json ? "\":" : "=");
}

/* A text value stands bare when nobody could mistake where it ends. */
static bool needs_quotes(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] <= ' ' || s.at[i] == '"' || s.at[i] == '=' ||
		    s.at[i] == '\\')
			return true;
	return s.len == 0 || (s.len == 1 && s.at[0] == '-');
}

/*
 * A field stands whole in a line or not at all. A value takes at most a third of what room there
 * is, so a hostile one is cut, those behind it still fit, and the line stays well-formed.
 */
void log_line_string(struct log_line *l, const char *key, struct slice value)
{
	size_t room = room_of(l), frame = strlen(key) + sizeof ",\"\":null";
	if (room < frame)
		return;
	put_key(l, key);
	if (slice_is_absent(value)) {
		put_string(l, l->is_json ? "null" : "-");
		return;
	}
	bool quoted = l->is_json || needs_quotes(value);
	if (quoted)
		put(l, "\"", 1);
	put_escaped(l, value, quoted, (room - frame) / 3);
	if (quoted)
		put(l, "\"", 1);
}

void log_line_number(struct log_line *l, const char *key, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	if (room_of(l) < strlen(key) + sizeof ",\"\":" + sizeof digits)
		return;
	put_key(l, key);
	put(l, digits + at, sizeof digits - at);
}

static void line_end(struct log_line *l)
{
	if (l->is_json)
		l->text[l->len++] = '}';
	l->text[l->len++] = '\n';
}

/* ---- lines for a person ----------------------------------------------------------------------- */

/* poll first: a pipe that can be written takes PIPE_BUF bytes without making us wait. */
static bool is_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

void log_write(enum log_level level, const char *format, ...)
{
	if (!log_is_on(level))
		return;
	char message[2048];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	if (line_sink != NULL) {
		line_sink(level, message);
		return;
	}

	struct log_line l;
	log_line_start(&l);
	struct slice text = slice_of_string(message);
	if (l.is_json) {
		log_line_string(&l, "level", slice_of_string(level_names[level]));
		log_line_string(&l, "process", slice_of_string(process_name));
		log_line_string(&l, "message", text);
	} else {
		put_string(&l, " ");
		put_string(&l, level_names[level]);
		put_string(&l, " ");
		put_string(&l, process_name);
		put_string(&l, ": ");
		put_escaped(&l, text, false, room_of(&l));
	}
	line_end(&l);
	if (!is_writable(STDERR_FILENO) || write(STDERR_FILENO, l.text, l.len) == -1)
		dropped++;
}

bool log_limit_allows(struct log_limit *l, unsigned *left_out)
{
	uint64_t second = clock_milliseconds() / 1000;
	if (second != l->second) {
		l->second = second;
		l->count = 0;
	}
	if (l->count >= l->most) {
		l->left_out++;
		return false;
	}
	l->count++;
	*left_out = l->left_out;
	l->left_out = 0;
	return true;
}

/* ---- access lines ------------------------------------------------------------------------------ */

bool log_access_open(const char *where)
{
	if (access_fd > STDERR_FILENO)
		close(access_fd);
	access_fd = -1;
	if (where == NULL)
		return true;
	if (strcmp(where, "stderr") == 0)
		access_fd = STDERR_FILENO;
	else
		access_fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	return access_fd != -1;
}

bool log_access_is_on(void)
{
	return access_fd != -1;
}

/* How much of `rest` leaves in one write: whole lines, and what a pipe takes in one piece. */
static size_t piece_length(const char *rest, size_t len)
{
	size_t most = len < 4096 ? len : 4096;
	while (most > 0 && rest[most - 1] != '\n')
		most--;
	return most;
}

static uint64_t count_lines(const char *text, size_t len)
{
	uint64_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += text[i] == '\n';
	return count;
}

void log_access_flush(void)
{
	size_t done = 0;
	while (done < batch_len && is_writable(access_fd)) {
		size_t len = piece_length(batch + done, batch_len - done);
		ssize_t written = write(access_fd, batch + done, len);
		if (written == -1 && (errno == EAGAIN || errno == EINTR))
			break;
		/* a full disk or a closed pipe takes nothing: those lines are gone, traffic goes on */
		size_t kept = written == -1 ? 0 : (size_t)written;
		dropped += count_lines(batch + done + kept, len - kept);
		done += len;
	}
	batch_len -= done;
	memmove(batch, batch + done, batch_len);
}

void log_access_add(struct log_line *l)
{
	line_end(l);
	if (batch_len + l->len > sizeof batch)
		log_access_flush();
	if (batch_len + l->len > sizeof batch) {
		dropped++;
		return;
	}
	memcpy(batch + batch_len, l->text, l->len);
	batch_len += l->len;
}

uint64_t log_access_take_dropped(void)
{
	uint64_t count = dropped;
	dropped = 0;
	return count;
}
