/* SPDX-License-Identifier: Apache-2.0 */
#include "base/complaint.h"

#include "base/memory.h"
#include "base/slice.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEPT_MOST 200
#define TEXT_MOST 1024      /* bytes of a message */
#define EXCERPT_COLUMNS 100 /* of a line that is shown */
#define TAB_COLUMNS 8
#define FILE_MOST (64l << 20) /* larger files are not read again for their lines */
#define NAME_MOST 48          /* longer names have no near neighbour */

/* ---- collecting ------------------------------------------------------------------------------ */

/* How one character of somebody else's text is shown; returns how many bytes of `s` it took. */
static size_t show_character(struct slice s, char out[8])
{
	size_t len = slice_utf8_length(s);
	unsigned char first = (unsigned char)s.at[0];
	/* C1 controls (U+0080 to U+009F) can steer a terminal too */
	bool is_c1 = len == 2 && first == 0xc2 && (unsigned char)s.at[1] < 0xa0;
	if (len == 0 || first < 0x20 || first == 0x7f || is_c1) {
		snprintf(out, 8, "\\x%02x", first);
		return 1;
	}
	memcpy(out, s.at, len);
	out[len] = '\0';
	return len;
}

static char *escaped(struct slice s)
{
	char *text = memory_new(s.len * 4 + 1, 1);
	char *end = text;
	while (s.len > 0) {
		char shown[8];
		s = slice_skip(s, show_character(s, shown));
		end = stpcpy(end, shown);
	}
	return text;
}

static void keep(struct complaints *c, const char *file, unsigned line, unsigned column,
		 const char *text, bool is_warning)
{
	c->list = memory_resize(c->list, (c->count + 1) * sizeof *c->list);
	c->list[c->count++] = (struct complaint){
		.file = memory_copy_string(file, strlen(file)),
		.line = line,
		.column = column,
		.text = escaped(slice_of_string(text)),
		.is_warning = is_warning,
	};
}

static void add(struct complaints *c, const char *file, unsigned line, unsigned column,
		bool is_warning, const char *format, va_list arguments)
{
	char text[TEXT_MOST];
	if (!is_warning)
		c->errors++;
	if (c->count > KEPT_MOST)
		return;
	if (c->count == KEPT_MOST) {
		keep(c, file, 0, 0, "there are more complaints; the first 200 are shown",
		     is_warning);
		return;
	}
	vsnprintf(text, sizeof text, format, arguments);
	keep(c, file, line, column, text, is_warning);
}

void complaints_add(struct complaints *c, const char *file, unsigned line, unsigned column,
		    const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add(c, file, line, column, false, format, arguments);
	va_end(arguments);
}

void complaints_warn(struct complaints *c, const char *file, unsigned line, unsigned column,
		     const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add(c, file, line, column, true, format, arguments);
	va_end(arguments);
}

void complaints_release(struct complaints *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->list[i].file);
		free(c->list[i].text);
	}
	free(c->list);
	*c = (struct complaints){ 0 };
}

/* ---- order ----------------------------------------------------------------------------------- */

/* A complaint with what it is sorted by. */
struct ranked {
	const struct complaint *complaint;
	size_t file;  /* the first complaint of the same file */
	size_t given; /* its own number */
};

static int compare_numbers(size_t left, size_t right)
{
	return (left > right) - (left < right);
}

static int compare_ranked(const void *left, const void *right)
{
	const struct ranked *one = left, *other = right;
	int order = compare_numbers(one->file, other->file);
	if (order == 0)
		order = compare_numbers(one->complaint->line, other->complaint->line);
	if (order == 0)
		order = compare_numbers(one->complaint->column, other->complaint->column);
	return order != 0 ? order : compare_numbers(one->given, other->given);
}

static struct ranked *ranked_new(const struct complaints *c)
{
	struct ranked *list = memory_new(c->count + 1, sizeof *list);
	for (size_t i = 0; i < c->count; i++) {
		size_t first = 0;
		while (strcmp(c->list[first].file, c->list[i].file) != 0)
			first++;
		list[i] = (struct ranked){ &c->list[i], first, i };
	}
	/* the one that says "there are more" stays last */
	qsort(list, c->count > KEPT_MOST ? KEPT_MOST : c->count, sizeof *list, compare_ranked);
	return list;
}

/* ---- the line and the caret ------------------------------------------------------------------ */

/* A file that is read on from line to line. */
struct source {
	FILE *file; /* NULL: it cannot be shown */
	char *text; /* of the line last read; getline's */
	size_t capacity;
	struct slice line;
	unsigned number; /* of that line; 0 before the first */
};

static void source_open(struct source *s, const char *path)
{
	struct stat about;
	*s = (struct source){ 0 };
	if (stat(path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size <= FILE_MOST)
		s->file = fopen(path, "re");
}

static void source_close(struct source *s)
{
	if (s->file != NULL)
		fclose(s->file);
	free(s->text);
}

static bool source_go_to(struct source *s, unsigned line)
{
	while (s->file != NULL && s->number < line) {
		ssize_t len = getline(&s->text, &s->capacity, s->file);
		if (len == -1)
			return false;
		s->line = slice_of(s->text, (size_t)len);
		while (s->line.len > 0 && strchr("\r\n", s->line.at[s->line.len - 1]) != NULL)
			s->line.len--;
		if (++s->number == 1 && slice_has_prefix(s->line, SLICE("\xef\xbb\xbf")))
			s->line = slice_skip(s->line, 3);
	}
	return s->file != NULL;
}

/*
 * Shows the character at the start of `rest`, which stands in screen column `at` (from 0);
 * returns how many columns it takes. `out` NULL only measures.
 */
static size_t put_character(struct slice *rest, size_t at, FILE *out)
{
	char shown[8];
	size_t columns;
	if (rest->at[0] == '\t') {
		columns = TAB_COLUMNS - at % TAB_COLUMNS;
		*rest = slice_skip(*rest, 1);
		if (out != NULL)
			fprintf(out, "%*s", (int)columns, "");
		return columns;
	}
	size_t len = show_character(*rest, shown);
	columns = len > 1 ? 1 : strlen(shown);
	*rest = slice_skip(*rest, len);
	if (out != NULL)
		fputs(shown, out);
	return columns;
}

/* The screen column of byte `column` (from 1) of the line. */
static size_t caret_of(struct slice line, size_t column)
{
	size_t at = 0;
	struct slice rest = line;
	while (rest.len > 0 && line.len - rest.len < column - 1)
		at += put_character(&rest, at, NULL);
	return at;
}

static void print_excerpt(struct slice line, unsigned column, FILE *to)
{
	size_t caret = column == 0 ? 0 : caret_of(line, column);
	size_t from = caret > EXCERPT_COLUMNS * 3 / 4 ? caret - EXCERPT_COLUMNS / 2 : 0;
	size_t at = 0;
	struct slice rest = line;
	while (rest.len > 0 && at < from)
		at += put_character(&rest, at, NULL);
	from = at;
	fprintf(to, "    %s", from > 0 ? "..." : "");
	while (rest.len > 0 && at < from + EXCERPT_COLUMNS)
		at += put_character(&rest, at, to);
	fputs(rest.len > 0 ? "...\n" : "\n", to);
	if (column > 0)
		fprintf(to, "    %*s^\n", (int)(caret - from + (from > 0 ? 3 : 0)), "");
}

static void print_message(const struct complaint *one, FILE *to)
{
	char *file = escaped(slice_of_string(one->file));
	fprintf(to, "%s:", file);
	if (one->line > 0)
		fprintf(to, "%u:", one->line);
	if (one->line > 0 && one->column > 0)
		fprintf(to, "%u:", one->column);
	fprintf(to, " %s%s\n", one->is_warning ? "warning: " : "", one->text);
	free(file);
}

void complaints_print(struct complaints *c, FILE *to)
{
	struct ranked *list = ranked_new(c);
	struct source source = { 0 };
	for (size_t i = 0; i < c->count; i++) {
		const struct complaint *one = list[i].complaint;
		if (i == 0 || list[i].file != list[i - 1].file) {
			source_close(&source);
			source_open(&source, one->file);
		}
		print_message(one, to);
		if (one->line > 0 && source_go_to(&source, one->line))
			print_excerpt(source.line, one->column, to);
	}
	source_close(&source);
	free(list);
}

/* ---- did you mean ---------------------------------------------------------------------------- */

static size_t least_of(size_t left, size_t right)
{
	return left < right ? left : right;
}

/*
 * How many letters must be changed, added, left out or swapped with their neighbour. Three rows
 * of the usual matrix are enough: the one being made and the two before it.
 */
static size_t distance(const char *given, size_t given_len, const char *known, size_t known_len)
{
	size_t rows[3][NAME_MOST + 1];
	for (size_t j = 0; j <= known_len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= given_len; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		char a = slice_lower(given[i - 1]);
		now[0] = i;
		for (size_t j = 1; j <= known_len; j++) {
			char b = slice_lower(known[j - 1]);
			now[j] = least_of(least_of(last[j], now[j - 1]) + 1,
					  last[j - 1] + (a != b));
			if (i > 1 && j > 1 && a == slice_lower(known[j - 2]) &&
			    b == slice_lower(given[i - 2]))
				now[j] = least_of(now[j], before[j - 2] + 1);
		}
	}
	return rows[given_len % 3][known_len];
}

const char *complaint_nearest(const char *given, const char *const *known, size_t count)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX, given_len = strlen(given);
	if (given_len > NAME_MOST)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t known_len = strlen(known[i]);
		size_t longest = given_len > known_len ? given_len : known_len;
		if (known_len > NAME_MOST)
			continue;
		size_t steps = distance(given, given_len, known[i], known_len);
		if (steps <= longest / 3 && steps < least) {
			least = steps;
			nearest = known[i];
		}
	}
	return nearest;
}
