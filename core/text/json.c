/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define NUMBER_BYTES 1000
#define SPACE_AT_ONCE 4096

/* The byte that comes next, 0 at the end: no place in the grammar takes a NUL. */
static char peek(const struct json_parser *p)
{
	return p->at < p->end ? *p->at : '\0';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* False: there is more than fits into one step. */
static bool skip_space(struct json_parser *p)
{
	for (unsigned i = 0; i < SPACE_AT_ONCE; i++, p->at++)
		if (p->at == p->end || !is_space(*p->at))
			return true;
	return p->at == p->end || !is_space(*p->at);
}

static const char *expected(const struct json_parser *p, const char *what)
{
	return p->at == p->end ? "the text ends too early" : what;
}

/* ---- strings ------------------------------------------------------------------------------------ */

/* Four hexadecimal digits behind "\u". */
static bool read_unit(struct json_parser *p, uint32_t *unit)
{
	*unit = 0;
	if (p->end - p->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		int digit = slice_hex_digit(*p->at++);
		if (digit < 0)
			return false;
		*unit = *unit << 4 | (uint32_t)digit;
	}
	return true;
}

/* What "\uXXXX" means, or two of them; at is behind the first "\u". */
static const char *read_escaped_unit(struct json_parser *p, char **to)
{
	uint32_t c, low;
	if (!read_unit(p, &c))
		return "\\u without four hexadecimal digits";
	if (c >= 0xd800 && c <= 0xdfff) {
		bool has_second = p->end - p->at > 1 && p->at[0] == '\\' && p->at[1] == 'u';
		p->at += has_second ? 2 : 0;
		if (c > 0xdbff || !has_second || !read_unit(p, &low) || low < 0xdc00 ||
		    low > 0xdfff)
			return "half of a surrogate pair";
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = slice_put_utf8(*to, c);
	return NULL;
}

/* An escape is never shorter than what it stands for. */
static const char *read_escape(struct json_parser *p, char **to)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = peek(p);
	const char *found = c == '\0' ? NULL : strchr(names, c);
	if (p->at == p->end)
		return expected(p, "");
	p->at++;
	if (c == 'u')
		return read_escaped_unit(p, to);
	if (found == NULL)
		return "an escape that there is not";
	*(*to)++ = values[found - names];
	return NULL;
}

/* As many bytes as need no look at their neighbours. */
static size_t plain_length(const struct json_parser *p)
{
	const char *at = p->at;
	while (at < p->end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 &&
	       *at != '"' && *at != '\\')
		at++;
	return (size_t)(at - p->at);
}

/* `at` is behind the opening quote. Without escapes the value is where it stands in the text. */
static const char *read_string(struct json_parser *p, struct slice *value)
{
	const char *from = p->at;
	char *to = p->room;
	bool is_copied = false;
	while (peek(p) != '"') {
		const char *why = NULL;
		size_t len = plain_length(p);
		if (len == 0 && (unsigned char)peek(p) >= 0x80) {
			len = slice_utf8_length(slice_of(p->at, (size_t)(p->end - p->at)));
			why = len == 0 ? "invalid UTF-8" : NULL;
		}
		if (len > 0 && is_copied) {
			memcpy(to, p->at, len);
			to += len;
		}
		p->at += len;
		if (len == 0 && why == NULL) {
			if (peek(p) != '\\')
				return expected(p, "a control character in a string");
			if (!is_copied) {
				memcpy(to, from, (size_t)(p->at - from));
				to += p->at - from;
				is_copied = true;
			}
			p->at++;
			why = read_escape(p, &to);
		}
		if (why != NULL)
			return why;
	}
	*value = is_copied ? slice_of(p->room, (size_t)(to - p->room))
			   : slice_of(from, (size_t)(p->at - from));
	p->at++;
	return NULL;
}

/* ---- numbers and words ---------------------------------------------------------------------------- */

static bool skip_digits(struct json_parser *p)
{
	const char *from = p->at;
	while (peek(p) >= '0' && peek(p) <= '9')
		p->at++;
	return p->at > from;
}

static const char *parse_number(struct json_parser *p)
{
	char text[NUMBER_BYTES + 1];
	const char *from = p->at;
	p->at += peek(p) == '-' ? 1 : 0;
	if (peek(p) == '0')
		p->at++;
	else if (!skip_digits(p))
		return expected(p, "not a value");
	if (peek(p) == '.') {
		p->at++;
		if (!skip_digits(p))
			return expected(p, "a number without digits behind its point");
	}
	if (peek(p) == 'e' || peek(p) == 'E') {
		p->at++;
		p->at += peek(p) == '+' || peek(p) == '-' ? 1 : 0;
		if (!skip_digits(p))
			return expected(p, "a number without digits in its exponent");
	}
	size_t len = (size_t)(p->at - from);
	if (len > NUMBER_BYTES)
		return "a number of too many characters";
	memcpy(text, from, len);
	text[len] = '\0';
	double value = strtod(text, NULL);
	return isfinite(value) ? p->events->number(p->extra, value) : "a number out of range";
}

static bool take_word(struct json_parser *p, struct slice word)
{
	if (!slice_has_prefix(slice_of(p->at, (size_t)(p->end - p->at)), word))
		return false;
	p->at += word.len;
	return true;
}

/* ---- arrays, objects, any value --------------------------------------------------------------------- */

static const char *parse_string(struct json_parser *p)
{
	struct slice value = SLICE_ABSENT;
	p->at++;
	const char *why = read_string(p, &value);
	return why != NULL ? why : p->events->string(p->extra, value);
}

static const char *open_nested(struct json_parser *p)
{
	bool is_array = peek(p) == '[';
	if (p->depth == JSON_DEPTH)
		return "too many arrays and objects in each other";
	p->at++;
	p->is_array[p->depth++] = is_array;
	p->expects = JSON_FIRST;
	return p->events->open(p->extra, is_array);
}

static const char *close_nested(struct json_parser *p)
{
	p->at++;
	p->expects = JSON_BEHIND;
	return p->events->close(p->extra, p->is_array[--p->depth]);
}

static const char *parse_value(struct json_parser *p)
{
	if (peek(p) == '[' || peek(p) == '{')
		return open_nested(p);
	p->expects = JSON_BEHIND;
	if (peek(p) == '"')
		return parse_string(p);
	if (take_word(p, SLICE("true")))
		return p->events->boolean(p->extra, true);
	if (take_word(p, SLICE("false")))
		return p->events->boolean(p->extra, false);
	if (take_word(p, SLICE("null")))
		return p->events->null(p->extra);
	return parse_number(p);
}

static const char *parse_name(struct json_parser *p)
{
	struct slice key;
	if (peek(p) != '"')
		return expected(p, "not a name");
	p->at++;
	const char *why = read_string(p, &key);
	p->expects = JSON_COLON;
	return why != NULL ? why : p->events->key(p->extra, key);
}

/* A comma, or the end of the array or object that is open. */
static const char *parse_behind(struct json_parser *p)
{
	bool is_array = p->depth > 0 && p->is_array[p->depth - 1];
	if (p->depth == 0)
		return "something behind the value";
	if (peek(p) == (is_array ? ']' : '}'))
		return close_nested(p);
	if (peek(p) != ',')
		return expected(p,
				is_array ? "no comma between items" : "no comma between members");
	p->at++;
	p->expects = is_array ? JSON_VALUE : JSON_NAME;
	return NULL;
}

/* One token, and the white space before it. */
static const char *parse_token(struct json_parser *p)
{
	if (!skip_space(p))
		return NULL;
	switch (p->expects) {
	case JSON_FIRST:
		if (peek(p) == (p->is_array[p->depth - 1] ? ']' : '}'))
			return close_nested(p);
		return p->is_array[p->depth - 1] ? parse_value(p) : parse_name(p);
	case JSON_VALUE:
		return parse_value(p);
	case JSON_NAME:
		return parse_name(p);
	case JSON_COLON:
		if (peek(p) != ':')
			return expected(p, "no colon behind a name");
		p->at++;
		p->expects = JSON_VALUE;
		return NULL;
	case JSON_BEHIND:
		if (p->depth == 0 && p->at == p->end)
			p->is_done = true;
		return p->is_done ? NULL : parse_behind(p);
	}
	return NULL;
}

void json_open(struct json_parser *p, struct slice text, char *room,
	       const struct json_events *events, void *extra)
{
	*p = (struct json_parser){ .start = text.at,
				   .at = text.at,
				   .end = text.at + text.len,
				   .room = room,
				   .events = events,
				   .extra = extra };
}

const char *json_go_on(struct json_parser *p, size_t bytes)
{
	const char *why = NULL, *from = p->at;
	while (why == NULL && !p->is_done && (size_t)(p->at - from) < bytes)
		why = parse_token(p);
	return why;
}

const char *json_parse(struct slice text, char *room, const struct json_events *events, void *extra,
		       size_t *at)
{
	struct json_parser p;
	json_open(&p, text, room, events, extra);
	const char *why = json_go_on(&p, SIZE_MAX);
	*at = (size_t)(p.at - text.at);
	return why;
}
