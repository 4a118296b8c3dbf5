/* SPDX-License-Identifier: Apache-2.0 */
#include "test/test_report.h"

#include "base/check.h"

#include <stdlib.h>

void test_report_begin(struct test_report *r, FILE *to, bool as_tap, bool has_junit)
{
	*r = (struct test_report){ .to = to, .as_tap = as_tap };
	if (as_tap)
		fputs("TAP version 13\n", to);
	if (has_junit) {
		r->junit = open_memstream(&r->xml, &r->xml_len);
		check(r->junit != NULL);
	}
}

/* ---- text ---------------------------------------------------------------------------------------- */

/* Each line of the failure behind `margin`. A case's text may hold any byte; a terminal gets none of them. */
static void print_lines(FILE *to, const char *margin, struct slice text)
{
	bool is_start = true;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if (is_start)
			fputs(margin, to);
		is_start = c == '\n';
		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			fprintf(to, "\\x%02x", c);
		else
			fputc(c, to);
	}
	if (!is_start)
		fputc('\n', to);
}

static void print_text(struct test_report *r, const char *file, struct slice name,
		       struct slice place, struct slice failure, double milliseconds)
{
	if (r->file == NULL || strcmp(r->file, file) != 0)
		fprintf(r->to, "%s\n", file);
	fprintf(r->to, "  %-6s %8.2f ms  ", slice_is_absent(failure) ? "ok" : "FAILED",
		milliseconds);
	print_lines(r->to, "", name);
	if (slice_is_absent(failure))
		return;
	print_lines(r->to, "         ", place);
	print_lines(r->to, "             ", failure);
}

/* In a description "#" would begin a directive. */
static void print_tap(struct test_report *r, const char *file, struct slice name,
		      struct slice place, struct slice failure, double milliseconds)
{
	fprintf(r->to, "%s %zu - %s: ", slice_is_absent(failure) ? "ok" : "not ok",
		r->passed + r->failed, file);
	for (size_t i = 0; i < name.len; i++)
		fputc((unsigned char)name.at[i] < ' ' || name.at[i] == '#' ? ' ' : name.at[i],
		      r->to);
	fputc('\n', r->to);
	fprintf(r->to, "  ---\n  duration_ms: %.3f\n", milliseconds);
	if (!slice_is_absent(failure)) {
		fprintf(r->to, "  at: '%.*s'\n  message: |\n", SLICE_PRINT(place));
		print_lines(r->to, "    ", failure);
	}
	fputs("  ...\n", r->to);
}

/* ---- XML ----------------------------------------------------------------------------------------- */

/* XML 1.0 has no way to write most control characters, and nothing but UTF-8 may be in the file. */
static void put_xml(FILE *to, struct slice text)
{
	while (text.len > 0) {
		unsigned char c = (unsigned char)text.at[0];
		size_t len = slice_utf8_length(text);
		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\n')
			fprintf(to, "&#%u;", c);
		else if (len == 0 || (c < ' ' && c != '\t') || c == 0x7f)
			fprintf(to, "\\x%02x", c);
		else
			fwrite(text.at, 1, len, to);
		text = slice_skip(text, len == 0 ? 1 : len);
	}
}

static void put_case(struct test_report *r, const char *file, struct slice name, struct slice place,
		     struct slice failure, uint64_t microseconds)
{
	fputs("  <testcase classname=\"", r->junit);
	put_xml(r->junit, slice_of_string(file));
	fputs("\" name=\"", r->junit);
	put_xml(r->junit, name);
	fprintf(r->junit, "\" time=\"%.6f\"", (double)microseconds / 1e6);
	if (slice_is_absent(failure)) {
		fputs("/>\n", r->junit);
		return;
	}
	fputs(">\n    <failure message=\"", r->junit);
	put_xml(r->junit, failure);
	fputs("\">", r->junit);
	put_xml(r->junit, place);
	fputs("</failure>\n  </testcase>\n", r->junit);
}

bool test_report_write_junit(struct test_report *r, const char *path)
{
	fflush(r->junit);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		return false;
	fprintf(file,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<testsuite name=\"weir\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.6f\">\n",
		r->passed + r->failed, r->failed, (double)r->microseconds / 1e6);
	fwrite(r->xml, 1, r->xml_len, file);
	fputs("</testsuite>\n", file);
	bool is_good = ferror(file) == 0;
	return fclose(file) == 0 && is_good;
}

/* ---- cases --------------------------------------------------------------------------------------- */

void test_report_case(struct test_report *r, const char *file, struct slice name,
		      struct slice place, struct slice failure, uint64_t microseconds)
{
	double milliseconds = (double)microseconds / 1000;
	r->passed += slice_is_absent(failure);
	r->failed += !slice_is_absent(failure);
	r->microseconds += microseconds;
	if (r->as_tap)
		print_tap(r, file, name, place, failure, milliseconds);
	else
		print_text(r, file, name, place, failure, milliseconds);
	if (r->junit != NULL)
		put_case(r, file, name, place, failure, microseconds);
	r->file = file;
	fflush(r->to);
}

void test_report_end(struct test_report *r)
{
	if (r->as_tap)
		fprintf(r->to, "1..%zu\n", r->passed + r->failed);
	else
		fprintf(r->to, "%zu passed, %zu failed, %.1f ms\n", r->passed, r->failed,
			(double)r->microseconds / 1000);
	fflush(r->to);
}

void test_report_release(struct test_report *r)
{
	if (r->junit != NULL)
		fclose(r->junit);
	free(r->xml);
}
