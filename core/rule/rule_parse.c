/* It is long because it is one grammar: its parts call each other in circles. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_parse.h"

#include "rule/rule_lexer.h"

#include "base/memory.h"

#include <stdlib.h>

/* LuaJIT stops at 200 levels; every level takes a few of our own calls. */
#define DEPTH_MOST 1000

struct parser {
	struct rule_parsed *out;
	struct rule_lexer lexer;
	struct rule_word word, next; /* the one at hand and the one behind it */
	size_t last_end;             /* where the word before `word` ended */
	const char *path;
	struct complaints *complaints;
	struct slice *locals; /* in scope, innermost last */
	size_t local_count, local_room;
	struct slice *labels; /* seen so far in the file */
	size_t label_count;
	unsigned function_depth, depth;
	bool is_bad;
	bool allows_any_name; /* our own code uses hidden names */
};

/* An expression that may be no more than a global path. */
struct suffixed {
	size_t use;        /* index of the use, if is_use */
	bool is_use;       /* starts with a global */
	bool is_path;      /* and nothing but dots followed so far */
	bool is_call;      /* the last suffix was a call */
	bool is_bare_call; /* exactly path and one call */
};

static void block(struct parser *p);
static void expression(struct parser *p);

/* ---- words ----------------------------------------------------------------------------------- */

static void judge(struct parser *p, const struct rule_word *word)
{
	if (word->kind == LEX_BAD)
		p->is_bad = true;
	if (p->allows_any_name)
		return;
	if (word->kind == LEX_NAME) {
		for (size_t i = 0; i < word->text.len; i++)
			if ((unsigned char)word->text.at[i] >= 0x80) {
				complaints_add(p->complaints, p->path, word->line, word->column,
					       "a name may hold letters, digits and '_' only");
				return;
			}
	} else if (word->kind == LEX_NUMBER) {
		for (size_t i = 0; i < word->text.len; i++)
			if (strchr("lLuUiI", word->text.at[i]) != NULL) {
				complaints_add(
					p->complaints, p->path, word->line, word->column,
					"number '%.*s': 64-bit and imaginary numbers are not available",
					SLICE_PRINT(word->text));
				return;
			}
	}
}

static void advance(struct parser *p)
{
	p->last_end = p->word.end;
	p->word = p->next;
	if (p->word.kind == LEX_BAD)
		p->word.kind = LEX_END;
	if (p->next.kind != LEX_END && p->next.kind != LEX_BAD) {
		p->next = rule_lexer_next(&p->lexer);
		judge(p, &p->next);
	}
}

static bool take(struct parser *p, int kind)
{
	if (p->word.kind != kind)
		return false;
	advance(p);
	return true;
}

static void expect(struct parser *p, int kind)
{
	if (!take(p, kind)) {
		p->is_bad = true;
		p->word.kind = p->next.kind = LEX_END;
	}
}

static bool enter(struct parser *p)
{
	if (++p->depth <= DEPTH_MOST)
		return true;
	p->is_bad = true;
	p->word.kind = p->next.kind = LEX_END;
	return false;
}

/* ---- what is noted --------------------------------------------------------------------------- */

static void mark(struct parser *p, enum rule_spot_kind kind, size_t offset)
{
	struct rule_parsed *out = p->out;
	if ((out->spot_count & (out->spot_count + 1)) == 0) /* room for 2, 4, 8 ... */
		out->spots = memory_resize(out->spots,
					   (out->spot_count * 2 + 2) * sizeof *out->spots);
	out->spots[out->spot_count++] = (struct rule_spot){ offset, kind };
}

static void add_local(struct parser *p, struct slice name)
{
	if (p->local_count == p->local_room) {
		p->local_room = p->local_room == 0 ? 32 : p->local_room * 2;
		p->locals = memory_resize(p->locals, p->local_room * sizeof *p->locals);
	}
	p->locals[p->local_count++] = name;
}

static bool is_local(const struct parser *p, struct slice name)
{
	for (size_t i = p->local_count; i-- > 0;)
		if (slice_is_equal(p->locals[i], name))
			return true;
	return false;
}

static size_t add_use(struct parser *p)
{
	struct rule_parsed *out = p->out;
	if ((out->use_count & (out->use_count + 1)) == 0) /* room for 2, 4, 8 ... */
		out->uses = memory_resize(out->uses, (out->use_count * 2 + 2) * sizeof *out->uses);
	out->uses[out->use_count] = (struct rule_use){
		.path = arena_copy(out->arena, p->word.text).at,
		.start = p->word.start,
		.end = p->word.end,
		.line = p->word.line,
		.column = p->word.column,
		.is_on_one_line = true,
	};
	return out->use_count++;
}

static struct rule_use *use_of(struct parser *p, const struct suffixed *s)
{
	return &p->out->uses[s->use];
}

static void lengthen(struct parser *p, const struct suffixed *s, struct slice name)
{
	struct rule_use *use = use_of(p, s);
	use->path = arena_print(p->out->arena, "%s.%.*s", use->path, SLICE_PRINT(name)).at;
}

/* ---- expressions ----------------------------------------------------------------------------- */

static void expression_list(struct parser *p)
{
	do
		expression(p);
	while (take(p, ','));
}

/* Parameters and body, from the "(" on. */
static void function_body(struct parser *p, bool is_method)
{
	size_t scope = p->local_count;
	if (is_method)
		add_local(p, SLICE("self"));
	expect(p, '(');
	while (p->word.kind == LEX_NAME || p->word.kind == LEX_DOTS) {
		if (p->word.kind == LEX_NAME)
			add_local(p, p->word.text);
		advance(p);
		if (!take(p, ','))
			break;
	}
	if (p->word.kind == ')')
		mark(p, RULE_SPOT_SPEND, p->word.end);
	expect(p, ')');
	p->function_depth++;
	block(p);
	p->function_depth--;
	expect(p, LEX_LAST);
	p->local_count = scope;
}

static void table_constructor(struct parser *p)
{
	expect(p, '{');
	while (p->word.kind != '}' && p->word.kind != LEX_END) {
		if (take(p, '[')) {
			expression(p);
			expect(p, ']');
			expect(p, '=');
		} else if (p->word.kind == LEX_NAME && p->next.kind == '=') {
			advance(p);
			advance(p);
		}
		expression(p);
		if (!take(p, ',') && !take(p, ';'))
			break;
	}
	expect(p, '}');
}

/* The first argument of a call by name, where that is a text alone and no part of an expression. */
static void note_literal(struct parser *p, const struct suffixed *s, bool is_alone)
{
	if (s->is_bare_call && is_alone && p->word.kind == LEX_STRING && p->word.is_plain)
		use_of(p, s)->literal = arena_copy(p->out->arena, p->word.text).at;
}

static void arguments(struct parser *p, const struct suffixed *s)
{
	if (p->word.kind == LEX_STRING) {
		note_literal(p, s, true);
		advance(p);
	} else if (p->word.kind == '{') {
		table_constructor(p);
	} else {
		expect(p, '(');
		note_literal(p, s, p->next.kind == ')' || p->next.kind == ',');
		if (p->word.kind != ')')
			expression_list(p);
		expect(p, ')');
	}
}

static void note_call(struct parser *p, const struct suffixed *s)
{
	struct rule_use *use = use_of(p, s);
	use->kind = RULE_USE_CALL;
	use->call_line = p->word.line;
}

/* `.name` or `["name"]`: the path grows while nothing else has come. */
static void index_suffix(struct parser *p, struct suffixed *s)
{
	bool is_dot = p->word.kind == '.';
	unsigned line = p->word.line;
	advance(p);
	bool is_name = is_dot ? p->word.kind == LEX_NAME
			      : p->word.kind == LEX_STRING && p->word.is_plain &&
					p->next.kind == ']';
	if (s->is_path && is_name) {
		struct rule_use *use = use_of(p, s);
		lengthen(p, s, p->word.text);
		use->end = is_dot ? p->word.end : p->next.end;
		unsigned last = is_dot ? p->word.line : p->next.line;
		if (line != use->line || last != use->line)
			use->is_on_one_line = false;
	} else {
		s->is_path = false;
	}
	if (is_dot) {
		expect(p, LEX_NAME);
	} else {
		expression(p);
		expect(p, ']');
	}
}

static void call_suffix(struct parser *p, struct suffixed *s)
{
	bool is_method = take(p, ':');
	if (is_method && s->is_path) {
		use_of(p, s)->kind = RULE_USE_METHOD;
		use_of(p, s)->method = arena_copy(p->out->arena, p->word.text).at;
	}
	if (is_method)
		expect(p, LEX_NAME);
	s->is_bare_call = s->is_path && !is_method;
	if (s->is_bare_call)
		note_call(p, s);
	s->is_path = false;
	s->is_call = true;
	arguments(p, s);
}

static void primary(struct parser *p, struct suffixed *s)
{
	if (p->word.kind == LEX_NAME) {
		if (!is_local(p, p->word.text)) {
			s->use = add_use(p);
			s->is_use = s->is_path = true;
		}
		advance(p);
		return;
	}
	expect(p, '(');
	expression(p);
	expect(p, ')');
}

static struct suffixed suffixed_expression(struct parser *p)
{
	struct suffixed s = { 0 };
	primary(p, &s);
	for (;;) {
		switch (p->word.kind) {
		case '.':
		case '[':
			s.is_call = s.is_bare_call = false;
			index_suffix(p, &s);
			break;
		case ':':
		case '(':
		case '{':
		case LEX_STRING:
			call_suffix(p, &s);
			break;
		default:
			return s;
		}
	}
}

static void simple_expression(struct parser *p)
{
	switch (p->word.kind) {
	case LEX_NUMBER:
	case LEX_STRING:
	case LEX_NIL:
	case LEX_TRUE:
	case LEX_FALSE:
	case LEX_DOTS:
		advance(p);
		break;
	case '{':
		table_constructor(p);
		break;
	case LEX_FUNCTION:
		advance(p);
		function_body(p, false);
		break;
	default:
		suffixed_expression(p);
	}
}

/* Operators that bind no tighter than `..` end an operand of a comparison, `and`, `or`. */
static bool is_loose_operator(const struct rule_word *word)
{
	if (word->kind == LEX_OTHER)
		return !slice_is_equal(word->text, SLICE(".."));
	return word->kind == LEX_AND || word->kind == LEX_OR || word->kind == '<' ||
	       word->kind == '>';
}

static bool is_tight_operator(const struct rule_word *word)
{
	if (word->kind == LEX_OTHER)
		return slice_is_equal(word->text, SLICE(".."));
	return word->kind > 0 && word->kind < 128 && strchr("+-*/%^", word->kind) != NULL;
}

/*
 * Operands with operators that bind as tight as `..` or tighter. If there is a `..`, the whole is
 * marked, and again what is right of every fourth one (`..` groups to the right): so one step
 * makes a string at most five times as long as the longest there is.
 */
static void joined_expression(struct parser *p)
{
	size_t start = p->word.start, joins = 0;
	for (;;) {
		while (p->word.kind == LEX_NOT || p->word.kind == '-' || p->word.kind == '#')
			advance(p);
		simple_expression(p);
		if (!is_tight_operator(&p->word))
			break;
		bool is_join = p->word.kind == LEX_OTHER;
		advance(p);
		if (is_join && joins++ % 4 == 0)
			mark(p, RULE_SPOT_FIT, joins == 1 ? start : p->word.start);
	}
	for (size_t i = 0; i < joins; i += 4)
		mark(p, RULE_SPOT_FIT_END, p->last_end);
}

static void expression(struct parser *p)
{
	if (!enter(p))
		return;
	joined_expression(p);
	while (is_loose_operator(&p->word)) {
		advance(p);
		joined_expression(p);
	}
	p->depth--;
}

/* ---- statements ------------------------------------------------------------------------------ */

/* A block with a scope of its own, that ends at `end`. */
static void scoped_block(struct parser *p, int end)
{
	size_t scope = p->local_count;
	block(p);
	p->local_count = scope;
	expect(p, end);
}

/* The word at hand opens a loop's body: the step is spent behind it. */
static void open_body(struct parser *p, int kind)
{
	if (p->word.kind == kind)
		mark(p, RULE_SPOT_SPEND, p->word.end);
	expect(p, kind);
}

static void if_statement(struct parser *p)
{
	size_t scope = p->local_count;
	do {
		advance(p);
		expression(p);
		expect(p, LEX_THEN);
		block(p);
		p->local_count = scope;
	} while (p->word.kind == LEX_ELSEIF);
	if (take(p, LEX_ELSE))
		block(p);
	p->local_count = scope;
	expect(p, LEX_LAST);
}

/* Names, then `=` or `in` and their values: the names are not in scope in their own values. */
static void names_and_values(struct parser *p)
{
	size_t first = p->local_count;
	do {
		if (p->word.kind == LEX_NAME)
			add_local(p, p->word.text);
		expect(p, LEX_NAME);
	} while (take(p, ','));
	if (!take(p, '=') && !take(p, LEX_IN))
		return;
	size_t count = p->local_count - first;
	struct slice *kept = memory_new(count + 1, sizeof *kept);
	if (count > 0)
		memcpy(kept, p->locals + first, count * sizeof *kept);
	p->local_count = first;
	expression_list(p);
	for (size_t i = 0; i < count; i++)
		add_local(p, kept[i]);
	free(kept);
}

static void for_statement(struct parser *p)
{
	size_t scope = p->local_count;
	advance(p);
	names_and_values(p);
	open_body(p, LEX_DO);
	block(p);
	p->local_count = scope;
	expect(p, LEX_LAST);
}

static void repeat_statement(struct parser *p)
{
	size_t scope = p->local_count;
	open_body(p, LEX_REPEAT);
	block(p);
	expect(p, LEX_UNTIL);
	expression(p); /* sees the locals of the body */
	p->local_count = scope;
}

static void local_statement(struct parser *p)
{
	advance(p);
	if (take(p, LEX_FUNCTION)) {
		add_local(p, p->word.text);
		expect(p, LEX_NAME);
		function_body(p, false);
		return;
	}
	names_and_values(p);
}

static void function_statement(struct parser *p)
{
	struct suffixed s = { 0 };
	bool is_method = false;
	advance(p);
	if (p->word.kind == LEX_NAME && !is_local(p, p->word.text)) {
		s.use = add_use(p);
		s.is_use = s.is_path = true;
		use_of(p, &s)->kind = RULE_USE_WRITE;
	}
	expect(p, LEX_NAME);
	while (p->word.kind == '.' || p->word.kind == ':') {
		is_method = p->word.kind == ':';
		advance(p);
		if (s.is_use)
			lengthen(p, &s, p->word.text);
		expect(p, LEX_NAME);
	}
	function_body(p, is_method);
}

static void label_statement(struct parser *p)
{
	advance(p);
	p->labels = memory_resize(p->labels, (p->label_count + 1) * sizeof *p->labels);
	p->labels[p->label_count++] = p->word.text;
	expect(p, LEX_NAME);
	expect(p, LEX_LABEL);
}

/* A goto to a label that came before may be a loop: the step is spent in front of it. */
static void goto_statement(struct parser *p)
{
	for (size_t i = 0; i < p->label_count; i++)
		if (slice_is_equal(p->labels[i], p->next.text)) {
			mark(p, RULE_SPOT_SPEND, p->word.start);
			break;
		}
	advance(p);
	expect(p, LEX_NAME);
}

static void expression_statement(struct parser *p)
{
	struct suffixed s = suffixed_expression(p);
	if (p->word.kind == '=' || p->word.kind == ',') {
		if (s.is_path)
			use_of(p, &s)->kind = RULE_USE_WRITE;
		while (take(p, ',')) {
			s = suffixed_expression(p);
			if (s.is_path)
				use_of(p, &s)->kind = RULE_USE_WRITE;
		}
		expect(p, '=');
		expression_list(p);
		return;
	}
	if (s.is_bare_call && p->function_depth == 0) {
		use_of(p, &s)->is_statement = true;
		use_of(p, &s)->statement_end = p->last_end;
	}
	if (!s.is_call)
		expect(p, -1);
}

/* False at the end of a block. */
static bool statement(struct parser *p)
{
	switch (p->word.kind) {
	case LEX_IF:
		if_statement(p);
		return true;
	case LEX_WHILE:
		advance(p);
		expression(p);
		open_body(p, LEX_DO);
		scoped_block(p, LEX_LAST);
		return true;
	case LEX_DO:
		advance(p);
		scoped_block(p, LEX_LAST);
		return true;
	case LEX_FOR:
		for_statement(p);
		return true;
	case LEX_REPEAT:
		repeat_statement(p);
		return true;
	case LEX_FUNCTION:
		function_statement(p);
		return true;
	case LEX_LOCAL:
		local_statement(p);
		return true;
	case LEX_LABEL:
		label_statement(p);
		return true;
	case LEX_BREAK:
		advance(p);
		return true;
	case LEX_RETURN:
		advance(p);
		if (p->word.kind != LEX_LAST && p->word.kind != LEX_ELSE &&
		    p->word.kind != LEX_ELSEIF && p->word.kind != LEX_UNTIL &&
		    p->word.kind != LEX_END && p->word.kind != ';')
			expression_list(p);
		take(p, ';');
		return false;
	case LEX_LAST:
	case LEX_ELSE:
	case LEX_ELSEIF:
	case LEX_UNTIL:
	case LEX_END:
		return false;
	default:
		if (p->word.kind == LEX_NAME && p->next.kind == LEX_NAME &&
		    slice_is_equal(p->word.text, SLICE("goto")))
			goto_statement(p);
		else
			expression_statement(p);
		return true;
	}
}

static void block(struct parser *p)
{
	if (!enter(p))
		return;
	while (statement(p))
		take(p, ';');
	p->depth--;
}

/* ---- the whole ------------------------------------------------------------------------------- */

bool rule_parse(struct rule_parsed *parsed, struct arena *arena, const char *path,
		struct slice text, struct complaints *complaints)
{
	struct parser p = { .out = parsed,
			    .path = path,
			    .complaints = complaints,
			    .allows_any_name = complaints == NULL };
	*parsed = (struct rule_parsed){ .arena = arena };
	rule_lexer_init(&p.lexer, text);
	p.word = (struct rule_word){ .kind = LEX_OTHER };
	mark(&p, RULE_SPOT_SPEND, p.lexer.at);
	p.next = rule_lexer_next(&p.lexer);
	judge(&p, &p.next);
	advance(&p);
	block(&p);
	if (p.word.kind != LEX_END)
		p.is_bad = true;
	free(p.locals);
	free(p.labels);
	return !p.is_bad;
}

void rule_parsed_release(struct rule_parsed *parsed)
{
	free(parsed->uses);
	free(parsed->spots);
}
