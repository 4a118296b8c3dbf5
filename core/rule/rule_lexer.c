/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_lexer.h"

#include <string.h>

static const char *const keywords[] = {
	"and", "break",    "do",     "else", "elseif", "end",   "false",
	"for", "function", "if",     "in",   "local",  "nil",   "not",
	"or",  "repeat",   "return", "then", "true",   "until", "while",
};

static int peek(const struct rule_lexer *lexer, size_t ahead)
{
	size_t at = lexer->at + ahead;
	return at < lexer->text.len ? (unsigned char)lexer->text.at[at] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* LuaJIT takes every byte from 0x80 on as part of a name; the parser refuses those. */
static bool is_name_byte(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       c >= 0x80;
}

/* Steps over a line end; \r\n and \n\r are one. */
static void skip_line_end(struct rule_lexer *lexer)
{
	int first = peek(lexer, 0), second = peek(lexer, 1);
	lexer->at += (second == '\n' || second == '\r') && second != first ? 2 : 1;
	lexer->line++;
	lexer->line_start = lexer->at;
}

void rule_lexer_init(struct rule_lexer *lexer, struct slice text)
{
	*lexer = (struct rule_lexer){ .text = text, .line = 1 };
	if (slice_has_prefix(text, SLICE("\xef\xbb\xbf")))
		lexer->at = lexer->line_start = 3;
	if (peek(lexer, 0) != '#')
		return;
	while (peek(lexer, 0) != -1 && peek(lexer, 0) != '\n' && peek(lexer, 0) != '\r')
		lexer->at++;
	if (peek(lexer, 0) != -1)
		skip_line_end(lexer);
}

/* Counts a "[==[" at `ahead`: the number of '=', or -1 if it is none. */
static int bracket_level(const struct rule_lexer *lexer, size_t ahead)
{
	if (peek(lexer, ahead) != '[')
		return -1;
	size_t level = 0;
	while (peek(lexer, ahead + 1 + level) == '=')
		level++;
	return peek(lexer, ahead + 1 + level) == '[' ? (int)level : -1;
}

/* Steps over a long bracket; *inside gets what it holds. False if it does not end. */
static bool skip_long_bracket(struct rule_lexer *lexer, int level, struct slice *inside)
{
	lexer->at += (size_t)level + 2;
	size_t start = lexer->at;
	for (int c = peek(lexer, 0); c != -1; c = peek(lexer, 0)) {
		if (c == '\n' || c == '\r') {
			skip_line_end(lexer);
			continue;
		}
		int equals = 0;
		while (c == ']' && equals < level && peek(lexer, 1 + (size_t)equals) == '=')
			equals++;
		if (c == ']' && equals == level && peek(lexer, 1 + (size_t)level) == ']') {
			*inside = slice_of(lexer->text.at + start, lexer->at - start);
			lexer->at += (size_t)level + 2;
			return true;
		}
		lexer->at++;
	}
	return false;
}

/* Steps over blanks and comments. False if a comment does not end. */
static bool skip_blanks(struct rule_lexer *lexer)
{
	for (;;) {
		int c = peek(lexer, 0);
		if (c == '\n' || c == '\r') {
			skip_line_end(lexer);
		} else if (c == ' ' || c == '\t' || c == '\v' || c == '\f') {
			lexer->at++;
		} else if (c == '-' && peek(lexer, 1) == '-') {
			struct slice inside;
			lexer->at += 2;
			int level = bracket_level(lexer, 0);
			if (level >= 0) {
				if (!skip_long_bracket(lexer, level, &inside))
					return false;
				continue;
			}
			while (peek(lexer, 0) != -1 && peek(lexer, 0) != '\n' &&
			       peek(lexer, 0) != '\r')
				lexer->at++;
		} else {
			return true;
		}
	}
}

/* A string in quotes. False if it does not end on its line. */
static bool skip_string(struct rule_lexer *lexer, struct rule_word *word)
{
	int quote = peek(lexer, 0);
	size_t start = ++lexer->at;
	word->is_plain = true;
	for (int c = peek(lexer, 0); c != quote; c = peek(lexer, 0)) {
		if (c == -1 || c == '\n' || c == '\r')
			return false;
		lexer->at++;
		if (c != '\\')
			continue;
		word->is_plain = false;
		bool skips_blanks = peek(lexer, 0) == 'z';
		if (peek(lexer, 0) == '\n' || peek(lexer, 0) == '\r')
			skip_line_end(lexer);
		else if (peek(lexer, 0) != -1)
			lexer->at++;
		while (skips_blanks && peek(lexer, 0) != -1 &&
		       strchr(" \t\v\f\n\r", peek(lexer, 0)) != NULL && peek(lexer, 0) != 0) {
			if (peek(lexer, 0) == '\n' || peek(lexer, 0) == '\r')
				skip_line_end(lexer);
			else
				lexer->at++;
		}
	}
	word->text = slice_of(lexer->text.at + start, lexer->at - start);
	lexer->at++;
	return true;
}

static void skip_number(struct rule_lexer *lexer)
{
	char exponent = peek(lexer, 0) == '0' && (peek(lexer, 1) | 0x20) == 'x' ? 'p' : 'e';
	int last = 0;
	for (int c = peek(lexer, 0);
	     is_name_byte(c) || c == '.' || ((c == '-' || c == '+') && last == exponent);
	     c = peek(lexer, 0)) {
		last = c | 0x20;
		lexer->at++;
	}
}

static int keyword_or_name(struct slice text)
{
	for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
		if (slice_is_equal(text, slice_of_string(keywords[i])))
			return LEX_AND + (int)i;
	return LEX_NAME;
}

/* Operators of more than one byte. */
static int operator_of(struct rule_lexer *lexer)
{
	int c = peek(lexer, 0), next = peek(lexer, 1);
	size_t len = 1;
	int kind = c;
	if (c == '.' && next == '.') {
		len = peek(lexer, 2) == '.' ? 3 : 2;
		kind = len == 3 ? LEX_DOTS : LEX_OTHER;
	} else if (c == ':' && next == ':') {
		len = 2;
		kind = LEX_LABEL;
	} else if ((c == '=' || c == '~' || c == '<' || c == '>') && next == '=') {
		len = 2;
		kind = LEX_OTHER;
	}
	lexer->at += len;
	return kind;
}

struct rule_word rule_lexer_next(struct rule_lexer *lexer)
{
	struct rule_word word = { .kind = LEX_BAD };
	bool is_fine = skip_blanks(lexer);
	word.start = lexer->at;
	word.line = lexer->line;
	word.column = (unsigned)(lexer->at - lexer->line_start) + 1;
	int c = peek(lexer, 0);
	int level = bracket_level(lexer, 0);
	if (!is_fine) {
		return word;
	} else if (c == -1) {
		word.kind = LEX_END;
	} else if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1)))) {
		skip_number(lexer);
		word.kind = LEX_NUMBER;
	} else if (is_name_byte(c)) {
		while (is_name_byte(peek(lexer, 0)))
			lexer->at++;
		word.kind = keyword_or_name(
			slice_of(lexer->text.at + word.start, lexer->at - word.start));
	} else if (c == '"' || c == '\'') {
		word.kind = skip_string(lexer, &word) ? LEX_STRING : LEX_BAD;
	} else if (level >= 0) {
		word.is_plain = true;
		word.kind = skip_long_bracket(lexer, level, &word.text) ? LEX_STRING : LEX_BAD;
	} else {
		word.kind = operator_of(lexer);
	}
	word.end = lexer->at;
	if (word.kind != LEX_STRING)
		word.text = slice_of(lexer->text.at + word.start, word.end - word.start);
	return word;
}
