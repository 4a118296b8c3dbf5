/*
 * rule_parse: walks through a Lua file that is known to compile and notes what the loader needs:
 * where steps must be spent, where strings are joined, and every use of a global name with the
 * dotted path behind it. Scopes are followed, so a local that hides a global is no use of it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RULE_PARSE_H
#define WEIR_RULE_PARSE_H

#include "base/arena.h"
#include "base/complaint.h"
#include "base/slice.h"

enum rule_use_kind { RULE_USE_READ, RULE_USE_CALL, RULE_USE_METHOD, RULE_USE_WRITE };

/* `http.getHeader("x")`: path "http.getHeader", kind CALL, literal "x". */
struct rule_use {
	const char *path; /* in the arena */
	enum rule_use_kind kind;
	const char *method;  /* of METHOD */
	const char *literal; /* the first argument of CALL if it is a plain string, else NULL */
	size_t start, end;   /* of the path in the text */
	unsigned line, column;
	bool is_on_one_line;
	/* A CALL that is a whole statement of the main chunk: where it ends, and its line. */
	bool is_statement;
	size_t statement_end;
	unsigned call_line;
};

enum rule_spot_kind {
	RULE_SPOT_FIT_END, /* behind an expression with `..` */
	RULE_SPOT_SPEND,   /* where a step is spent */
	RULE_SPOT_FIT,     /* before an expression with `..` */
};

struct rule_spot {
	size_t offset;
	enum rule_spot_kind kind;
};

struct rule_parsed {
	struct arena *arena;
	struct rule_use *uses; /* in the order of the text */
	size_t use_count;
	struct rule_spot *spots; /* in no order */
	size_t spot_count;
};

/* What is wrong with single words (names with bytes beyond ASCII, 1LL) goes to `complaints`. */
bool rule_parse(struct rule_parsed *parsed, struct arena *arena, const char *path,
		struct slice text, struct complaints *complaints);
void rule_parsed_release(struct rule_parsed *parsed);

#endif
