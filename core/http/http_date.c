/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_date.h"

#include "base/check.h"

#include <string.h>

#define DAY_SECONDS 86400

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char *const long_day_names[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
					      "Thursday", "Friday", "Saturday" };
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct date {
	int year;
	int month; /* 1 to 12 */
	int day;   /* of the month, from 1 */
	int hour, minute, second;
};

/*
 * Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day
 * is the last of its year and months follow one formula.
 */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t m = month > 2 ? month - 3 : month + 9;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * m + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void date_of(int64_t days, struct date *d)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era -
			      (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t m = (5 * day_of_year + 2) / 153;
	d->day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
	d->month = (int)(m < 10 ? m + 3 : m - 9);
	d->year = (int)(year_of_era + era * 400 + (d->month <= 2));
}

static char *put_digits(char *at, int value, int count)
{
	for (int i = count - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + count;
}

void http_date_format(int64_t seconds, char out[30])
{
	struct date d;
	int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
	int rest = (int)(seconds - days * DAY_SECONDS);
	date_of(days, &d);
	check(d.year >= 0 && d.year <= 9999);
	int weekday = (int)(((days + 4) % 7 + 7) % 7);
	char *at = mempcpy(out, day_names + 3 * weekday, 3);
	at = mempcpy(at, ", ", 2);
	at = put_digits(at, d.day, 2);
	*at++ = ' ';
	at = mempcpy(at, month_names + 3 * (d.month - 1), 3);
	*at++ = ' ';
	at = put_digits(at, d.year, 4);
	*at++ = ' ';
	at = put_digits(at, rest / 3600, 2);
	*at++ = ':';
	at = put_digits(at, rest / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, rest % 60, 2);
	memcpy(at, " GMT", 5);
}

/* ---- reading: each step takes something off the front of *text, or fails ------------------------ */

static bool take(struct slice *text, struct slice what)
{
	if (!slice_has_prefix(*text, what))
		return false;
	*text = slice_skip(*text, what.len);
	return true;
}

static bool take_digits(struct slice *text, size_t count, int *value)
{
	if (text->len < count)
		return false;
	*value = 0;
	for (size_t i = 0; i < count; i++) {
		if (text->at[i] < '0' || text->at[i] > '9')
			return false;
		*value = *value * 10 + (text->at[i] - '0');
	}
	*text = slice_skip(*text, count);
	return true;
}

/* One of `count` names of three letters; *index is its place. */
static bool take_name(struct slice *text, const char *names, int count, int *index)
{
	for (*index = 0; *index < count; ++*index)
		if (take(text, slice_of(names + 3 * *index, 3)))
			return true;
	return false;
}

static bool take_time(struct slice *text, struct date *d)
{
	return take_digits(text, 2, &d->hour) && take(text, SLICE(":")) &&
	       take_digits(text, 2, &d->minute) && take(text, SLICE(":")) &&
	       take_digits(text, 2, &d->second);
}

static bool take_month(struct slice *text, struct date *d)
{
	int index;
	if (!take_name(text, month_names, 12, &index))
		return false;
	d->month = index + 1;
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", behind the name of the day */
static bool parse_fixdate(struct slice text, struct date *d)
{
	return take(&text, SLICE(", ")) && take_digits(&text, 2, &d->day) &&
	       take(&text, SLICE(" ")) && take_month(&text, d) && take(&text, SLICE(" ")) &&
	       take_digits(&text, 4, &d->year) && take(&text, SLICE(" ")) && take_time(&text, d) &&
	       take(&text, SLICE(" GMT")) && text.len == 0;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", behind the name of the day */
static bool parse_rfc850(struct slice text, struct date *d)
{
	if (!take(&text, SLICE(", ")) || !take_digits(&text, 2, &d->day) ||
	    !take(&text, SLICE("-")) || !take_month(&text, d) || !take(&text, SLICE("-")) ||
	    !take_digits(&text, 2, &d->year) || !take(&text, SLICE(" ")) || !take_time(&text, d) ||
	    !take(&text, SLICE(" GMT")) || text.len != 0)
		return false;
	d->year += d->year < 70 ? 2000 : 1900;
	return true;
}

/* "Sun Nov  6 08:49:37 1994", behind the name of the day */
static bool parse_asctime(struct slice text, struct date *d)
{
	if (!take(&text, SLICE(" ")) || !take_month(&text, d) || !take(&text, SLICE(" ")))
		return false;
	size_t digits = take(&text, SLICE(" ")) ? 1 : 2;
	return take_digits(&text, digits, &d->day) && take(&text, SLICE(" ")) &&
	       take_time(&text, d) && take(&text, SLICE(" ")) && take_digits(&text, 4, &d->year) &&
	       text.len == 0;
}

static bool parse_forms(struct slice text, struct date *d)
{
	int index;
	for (int i = 0; i < 7; i++) {
		struct slice rest = text;
		if (take(&rest, slice_of_string(long_day_names[i])))
			return parse_rfc850(rest, d);
	}
	if (!take_name(&text, day_names, 7, &index))
		return false;
	return parse_fixdate(text, d) || parse_asctime(text, d);
}

bool http_date_parse(struct slice text, int64_t *seconds)
{
	struct date d = { 0 };
	struct date back;
	if (!parse_forms(text, &d) || d.hour > 23 || d.minute > 59 || d.second > 60)
		return false;
	/* A day that the month does not have lies in another month. */
	int64_t days = days_of(d.year, d.month, d.day);
	date_of(days, &back);
	if (d.day < 1 || back.month != d.month)
		return false;
	*seconds = days * DAY_SECONDS + d.hour * 3600 + d.minute * 60 + d.second;
	return true;
}
