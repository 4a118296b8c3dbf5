/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to a chunk that can run: LuaJIT compiles it as it stands, for its errors; the parser
 * and the checks look at it; then it is written anew with what the engine needs and compiled again.
 * All of that stays on the lines where it was, so positions are those of the file:
 *
 *     for i = 1, n do  f(i)  end            for i = 1, n do <spend> f(i)  end
 *     function g() h() end                  function g() <spend> h() end
 *     http.getHeader("x")                   http·getHeader("x")         found at load, not per call
 *     pool.use("web")                       if pool·use·("web") then return 7 end
 *     s = s .. s                            s = (·fit(s .. s))
 *
 * where <spend> is `·left=·left-1 if ·left<0 then ·more()end`. The last form is for a call that
 * stands as a statement in the rule's main chunk: it answers true for a verdict, and the rule
 * returns the line it was given at. `·fit` looks at the length, see rule_memory.c. Counter and
 * functions are globals of an environment that rules cannot reach, not upvalues: a function may
 * use up all 60 of those itself, and compiled code pays nothing for the difference (interpreted
 * code 1.2 ns a step).
 */
#include "rule/rule_check.h"
#include "rule/rule_file.h"
#include "rule/rule_parse.h"
#include "rule/rule_private.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define SPEND " " RULE_LEFT "=" RULE_LEFT "-1 if " RULE_LEFT "<0 then " RULE_MORE "()end "

/* ---- writing anew ---------------------------------------------------------------------------- */

/* In this order at one offset. */
enum edit_kind { EDIT_FIT_END, EDIT_STATEMENT_END, EDIT_SPEND, EDIT_FIT, EDIT_NAME };

struct edit {
	size_t offset;
	enum edit_kind kind;
	const struct rule_use *use;
};

static int compare_edits(const void *a, const void *b)
{
	const struct edit *left = a, *right = b;
	if (left->offset != right->offset)
		return left->offset < right->offset ? -1 : 1;
	return (int)left->kind - (int)right->kind;
}

/* True when the use can name the function directly. */
static bool is_direct(const struct rule_vm *vm, const struct rule_use *use)
{
	const struct rule_known *known = rule_vm_known(vm, use->path);
	if (known == NULL || !known->is_function || !use->is_on_one_line ||
	    strchr(use->path, '.') == NULL)
		return false;
	/* As a value, a name that is also a family must stay the table that holds both. */
	return use->kind == RULE_USE_CALL || (use->kind == RULE_USE_READ && !known->is_family);
}

static bool is_deciding(const struct rule_vm *vm, const struct rule_source *source,
			const struct rule_use *use)
{
	const struct rule_known *known = rule_vm_known(vm, use->path);
	return source->is_main && use->is_statement && known != NULL && known->function != NULL;
}

static size_t list_edits(const struct rule_vm *vm, const struct rule_source *source,
			 const struct rule_parsed *parsed, struct edit *edits)
{
	size_t count = 0;
	static const enum edit_kind kinds[] = { [RULE_SPOT_FIT_END] = EDIT_FIT_END,
						[RULE_SPOT_SPEND] = EDIT_SPEND,
						[RULE_SPOT_FIT] = EDIT_FIT };
	for (size_t i = 0; i < parsed->spot_count; i++)
		if (!source->is_sandbox || parsed->spots[i].kind == RULE_SPOT_SPEND)
			edits[count++] = (struct edit){ parsed->spots[i].offset,
							kinds[parsed->spots[i].kind], NULL };
	for (size_t i = 0; i < parsed->use_count && !source->is_sandbox; i++) {
		const struct rule_use *use = &parsed->uses[i];
		if (!is_direct(vm, use))
			continue;
		edits[count++] = (struct edit){ use->start, EDIT_NAME, use };
		if (is_deciding(vm, source, use))
			edits[count++] = (struct edit){ use->statement_end, EDIT_STATEMENT_END,
							use };
	}
	qsort(edits, count, sizeof *edits, compare_edits);
	return count;
}

/* "http.getHeader" as the hidden name "http·getHeader". */
static void write_name(FILE *to, const char *path)
{
	for (; *path != '\0'; path++)
		if (*path == '.')
			fputs(RULE_DOT, to);
		else
			fputc(*path, to);
}

static void write_edit(FILE *to, const struct rule_vm *vm, const struct rule_source *source,
		       const struct edit *edit)
{
	switch (edit->kind) {
	case EDIT_SPEND:
		fputs(SPEND, to);
		break;
	case EDIT_FIT:
		/* The outer brackets keep `return a .. b` from becoming a tail call. */
		fputs("(" RULE_FIT "(", to);
		break;
	case EDIT_FIT_END:
		fputs("))", to);
		break;
	case EDIT_NAME:
		if (is_deciding(vm, source, edit->use))
			fputs("if ", to);
		write_name(to, edit->use->path);
		if (is_deciding(vm, source, edit->use))
			fputs(RULE_DOT, to);
		break;
	case EDIT_STATEMENT_END:
		fprintf(to, " then return %u end ", edit->use->call_line);
		break;
	}
}

/* The text with its edits; to be freed. */
static char *write_anew(const struct rule_vm *vm, const struct rule_source *source,
			const struct rule_parsed *parsed, size_t *len)
{
	char *text;
	FILE *to = open_memstream(&text, len);
	check(to != NULL);
	struct edit *edits = memory_new(parsed->spot_count + 2 * parsed->use_count + 1,
					sizeof *edits);
	size_t count = list_edits(vm, source, parsed, edits);
	size_t done = 0;
	for (size_t i = 0; i < count; i++) {
		fwrite(source->text.at + done, 1, edits[i].offset - done, to);
		write_edit(to, vm, source, &edits[i]);
		done = edits[i].kind == EDIT_NAME ? edits[i].use->end : edits[i].offset;
	}
	fwrite(source->text.at + done, 1, source->text.len - done, to);
	free(edits);
	check(fclose(to) == 0);
	return text;
}

/* ---- compiling ------------------------------------------------------------------------------- */

/*
 * LuaJIT tells the line only. The column is that of the word that the message says it is "near 'word'"
 * of, or where the line begins when that word stands there more than once, or not at all.
 */
static unsigned column_of(struct slice text, unsigned long line, const char *message)
{
	for (; line > 1 && slice_find(text, '\n') < text.len; line--)
		text = slice_skip(text, slice_find(text, '\n') + 1);
	text.len = slice_find(text, '\n');
	unsigned start = 1;
	while (start < text.len && (text.at[start - 1] == ' ' || text.at[start - 1] == '\t'))
		start++;
	const char *word = strstr(message, "near '");
	size_t len = word == NULL ? 0 : strlen(word) - strlen("near ''");
	if (len == 0)
		return start;
	word += strlen("near '");
	const char *at = memmem(text.at, text.len, word, len);
	if (at == NULL || memmem(at + 1, text.len - (size_t)(at + 1 - text.at), word, len) != NULL)
		return start;
	return (unsigned)(at - text.at) + 1;
}

/* The chunk is pushed, or what is wrong with it is complained about. */
static bool compile(lua_State *lua, const struct rule_source *source, struct slice text,
		    const char *chunk, struct complaints *complaints)
{
	if (luaL_loadbuffer(lua, text.at, text.len, chunk) == 0)
		return true;
	/* The chunk was named "=" for this: "=:12: unexpected symbol near 'x'". */
	const char *message = lua_tostring(lua, -1);
	unsigned long line = 0;
	if (message == NULL)
		message = "cannot compile";
	if (strncmp(message, "?:", 2) == 0) {
		char *end;
		line = strtoul(message + 2, &end, 10);
		message = strncmp(end, ": ", 2) == 0 ? end + 2 : end;
	}
	complaints_add(complaints, source->path, (unsigned)line, column_of(text, line, message),
		       "%s", message);
	lua_pop(lua, 1);
	return false;
}

static void add_literal(struct rule *rule, const struct rule_source *source,
			const struct rule_use *use)
{
	rule->literals = memory_resize(rule->literals,
				       (rule->literal_count + 1) * sizeof *rule->literals);
	rule->literals[rule->literal_count++] = (struct rule_literal){
		.function = rule_vm_known(rule->vm, use->path)->name,
		.text = arena_copy(&rule->arena, slice_of_string(use->literal)).at,
		.path = arena_copy(&rule->arena, slice_of_string(source->path)).at,
		.line = use->line,
		.column = use->column,
	};
}

/* Keeps the literals and loads the modules that the text names. */
static void follow_uses(struct rule_vm *vm, lua_State *lua, const struct rule_source *source,
			const struct rule_parsed *parsed, struct complaints *complaints)
{
	for (size_t i = 0; i < parsed->use_count; i++) {
		const struct rule_use *use = &parsed->uses[i];
		if (use->kind != RULE_USE_CALL || use->literal == NULL || source->rule == NULL)
			continue;
		const struct rule_known *known = rule_vm_known(vm, use->path);
		if (known != NULL && known->function != NULL)
			add_literal(source->rule, source, use);
		if (strcmp(use->path, "require") != 0)
			continue;
		struct complaints in_module = { 0 };
		if (rule_load_module(source->set, lua, source->rule, use->literal, &in_module) ==
			    NULL &&
		    in_module.count == 0)
			complaints_add(&in_module, source->path, use->line, use->column,
				       "cannot load module '%s'", use->literal);
		for (size_t k = 0; k < in_module.count; k++)
			complaints_add(
				complaints,
				in_module.list[k].line > 0 ? in_module.list[k].file : source->path,
				in_module.list[k].line > 0 ? in_module.list[k].line : use->line,
				in_module.list[k].line > 0 ? in_module.list[k].column : use->column,
				"%s", in_module.list[k].text);
		complaints_release(&in_module);
	}
}

/* The second half of rule_load_chunk: `parsed` is what the text holds. */
static bool instrument(struct rule_vm *vm, lua_State *lua, const struct rule_source *source,
		       const struct rule_parsed *parsed, struct complaints *complaints)
{
	size_t len;
	char *text = write_anew(vm, source, parsed, &len);
	char chunk[4200] = RULE_SANDBOX;
	if (!source->is_sandbox)
		snprintf(chunk, sizeof chunk, "@%s", source->path);
	bool is_fine = luaL_loadbuffer(lua, text, len, chunk) == 0;
	free(text);
	if (!is_fine) {
		complaints_add(complaints, source->path, 0, 0, "too large for a rule: %s",
			       lua_tostring(lua, -1));
		lua_pop(lua, 1);
		return false;
	}
	rule_vm_push_anchored(vm, lua, RULE_ANCHOR_ENV);
	lua_setfenv(lua, -2);
	return true;
}

bool rule_load_chunk(struct rule_vm *vm, lua_State *lua, const struct rule_source *source,
		     struct complaints *complaints)
{
	size_t errors = complaints->errors;
	if (source->text.len > 0 && source->text.at[0] == '\x1b') {
		complaints_add(complaints, source->path, 0, 0, "bytecode is never loaded");
		return false;
	}
	if (!source->is_sandbox) {
		if (!compile(lua, source, source->text, "=?", complaints))
			return false;
		lua_pop(lua, 1);
	}
	struct arena arena;
	struct rule_parsed parsed;
	arena_init(&arena);
	bool is_parsed = rule_parse(&parsed, &arena, source->path, source->text,
				    source->is_sandbox ? NULL : complaints);
	if (!is_parsed)
		complaints_add(complaints, source->path, 0, 0, "cannot be read as a rule");
	if (is_parsed && !source->is_sandbox) {
		rule_check(vm, &parsed, source->path, source->phases, complaints);
		follow_uses(vm, lua, source, &parsed, complaints);
	}
	bool is_fine = complaints->errors == errors &&
		       instrument(vm, lua, source, &parsed, complaints);
	rule_parsed_release(&parsed);
	arena_release(&arena);
	return is_fine;
}

/* ---- files ----------------------------------------------------------------------------------- */

struct rule *rule_load_text(struct rule_vm *vm, const char *name, const char *path,
			    struct slice text, unsigned phases, struct complaints *complaints)
{
	struct rule *rule = memory_new(1, sizeof *rule);
	rule->vm = vm;
	rule->set = vm->sets;
	rule->name = memory_copy_string(name, strlen(name));
	rule->path = memory_copy_string(path, strlen(path));
	arena_init(&rule->arena);
	struct rule_source source = { .rule = rule,
				      .set = rule->set,
				      .path = path,
				      .text = text,
				      .phases = phases & (RULE_IN_ANY | RULE_OF_ANY),
				      .is_main = true };
	if (!rule_load_chunk(vm, vm->lua, &source, complaints)) {
		rule_free(rule);
		return NULL;
	}
	rule->chunk = luaL_ref(vm->lua, LUA_REGISTRYINDEX);
	rule->next = rule->set->rules;
	rule->set->rules = rule;
	return rule;
}

struct rule *rule_load(struct rule_vm *vm, const char *name, const char *path, unsigned phases,
		       struct complaints *complaints)
{
	struct slice text;
	struct err why;
	if (!rule_file_read(path, &text, &why)) {
		complaints_add(complaints, path, 0, 0, "cannot read rule '%s': %s", name, why.text);
		return NULL;
	}
	return rule_load_text(vm, name, path, text, phases, complaints);
}

void rule_free(struct rule *rule)
{
	arena_release(&rule->arena);
	free(rule->literals);
	free(rule->name);
	free(rule->path);
	free(rule);
}

const char *rule_name(const struct rule *rule)
{
	return rule->name;
}

size_t rule_literals(const struct rule *rule, const struct rule_literal **list)
{
	*list = rule->literals;
	return rule->literal_count;
}

/* ---- modules --------------------------------------------------------------------------------- */

/* "a.b" but no "a/b", "..", "a." or anything else that could lead out of the folder. */
static bool is_module_name(const char *name)
{
	bool was_dot = true;
	for (; *name != '\0'; name++) {
		bool is_word = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
			       (*name >= '0' && *name <= '9') || *name == '_' || *name == '-';
		if (!is_word && (*name != '.' || was_dot))
			return false;
		was_dot = *name == '.';
	}
	return !was_dot;
}

static void module_path(const struct rule_vm *vm, const char *name, char *to, size_t size)
{
	int start = snprintf(to, size, "%s/", vm->rules_dir);
	snprintf(to + start, size - (size_t)start, "%s.lua", name);
	for (char *at = to + start; at < to + start + strlen(name); at++)
		if (*at == '.')
			*at = '/';
}

struct rule_module *rule_load_module(struct rule_set *set, lua_State *lua, struct rule *rule,
				     const char *name, struct complaints *complaints)
{
	struct rule_vm *vm = set->vm;
	if (!is_module_name(name) || strlen(name) > 200 || strlen(vm->rules_dir) > 3800) {
		complaints_add(complaints, "", 0, 0,
			       "'%s' is no module name: it names a file as in \"folder.file\"",
			       name);
		return NULL;
	}
	struct rule_module *module = table_get(&set->modules, slice_of_string(name));
	if (module != NULL && module->chunk != LUA_NOREF)
		return module;
	char path[4096];
	struct slice text;
	struct err why;
	module_path(vm, name, path, sizeof path);
	if (module != NULL && module->is_loading)
		return module; /* a circle; running it says so, if it ever comes to that */
	if (!rule_file_read(path, &text, &why)) {
		complaints_add(complaints, "", 0, 0, "cannot load module '%s' from '%s': %s", name,
			       path, why.text);
		return NULL;
	}
	if (module == NULL) {
		module = memory_new(1, sizeof *module);
		module->chunk = LUA_NOREF;
		table_set(&set->modules, slice_of_string(name), module);
	}
	struct rule_source source = { .rule = rule, .set = set, .path = path, .text = text };
	module->is_loading = true;
	bool is_fine = rule_load_chunk(vm, lua, &source, complaints);
	module->is_loading = false;
	if (!is_fine)
		return NULL;
	module->chunk = luaL_ref(lua, LUA_REGISTRYINDEX);
	return module;
}

bool rule_add_module(struct rule_vm *vm, const char *name, struct slice text,
		     struct complaints *complaints)
{
	struct rule_set *set = vm->sets;
	struct rule_source source = { .set = set, .path = name, .text = text, .is_sandbox = true };
	if (!rule_load_chunk(vm, vm->lua, &source, complaints))
		return false;
	struct rule_module *module = memory_new(1, sizeof *module);
	module->chunk = luaL_ref(vm->lua, LUA_REGISTRYINDEX);
	check(table_set(&set->modules, slice_of_string(name), module) == NULL);
	return true;
}
