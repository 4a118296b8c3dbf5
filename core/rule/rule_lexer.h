/*
 * rule_lexer: the words of a Lua file (Lua 5.1 with LuaJIT's additions). It knows positions, which
 * LuaJIT keeps to itself, and nothing of meaning. The file is known to compile when it gets here;
 * should the two still disagree, the word is LEX_BAD and the file is refused.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RULE_LEXER_H
#define WEIR_RULE_LEXER_H

#include "base/slice.h"

/* Beside these, a word of one byte is that byte. */
enum rule_lex {
	LEX_END = 256,
	LEX_BAD,
	LEX_NAME,
	LEX_NUMBER,
	LEX_STRING,
	LEX_DOTS,  /* ... */
	LEX_OTHER, /* == ~= <= >= .. :: */
	LEX_LABEL, /* :: */
	/* keywords, in the order of the table in rule_lexer.c */
	LEX_AND,
	LEX_BREAK,
	LEX_DO,
	LEX_ELSE,
	LEX_ELSEIF,
	LEX_LAST, /* end */
	LEX_FALSE,
	LEX_FOR,
	LEX_FUNCTION,
	LEX_IF,
	LEX_IN,
	LEX_LOCAL,
	LEX_NIL,
	LEX_NOT,
	LEX_OR,
	LEX_REPEAT,
	LEX_RETURN,
	LEX_THEN,
	LEX_TRUE,
	LEX_UNTIL,
	LEX_WHILE,
};

struct rule_word {
	int kind;          /* enum rule_lex, or a byte */
	size_t start, end; /* in the text */
	unsigned line, column;
	struct slice
		text;  /* as it stands there; of a string, what is between the quotes or brackets */
	bool is_plain; /* a string without escapes */
};

struct rule_lexer {
	struct slice text;
	size_t at;
	unsigned line;
	size_t line_start;
};

/* Skips a byte order mark and a first line that starts with '#', as LuaJIT does. */
void rule_lexer_init(struct rule_lexer *lexer, struct slice text);
struct rule_word rule_lexer_next(struct rule_lexer *lexer);

#endif
