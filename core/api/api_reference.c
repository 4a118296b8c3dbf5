/*
 * The editor stubs and the reference, written from the rows of the function table alone: what they
 * say is what runs. Families come in the table's order, sorted by nothing.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api.h"

#include <stdbool.h>
#include <string.h>

#define LINE_BYTES 98

/* ---- taking rows apart ---------------------------------------------------------------------------- */

/* "connection.data" of "connection.data.get" */
static struct slice family_of(const struct rule_function *f)
{
	const char *last = strrchr(f->name, '.');
	return slice_of(f->name, (size_t)(last - f->name));
}

/*
 * Takes the next item off a list: a comma inside brackets is not one between items, as in
 * "headers: table<string, string>".
 */
static bool next_item(struct slice *rest, struct slice *item)
{
	int depth = 0;
	size_t end = 0;
	if (rest->len == 0)
		return false;
	for (; end < rest->len && (depth > 0 || rest->at[end] != ','); end++) {
		depth += strchr("<({[", rest->at[end]) != NULL;
		depth -= strchr(">)}]", rest->at[end]) != NULL;
	}
	*item = slice_trim(slice_of(rest->at, end));
	*rest = end < rest->len ? slice_skip(*rest, end + 1) : slice_of(rest->at, 0);
	return true;
}

/* "extra?: table" as name and type; the mark that it may be left out goes to is_optional. */
static void split_argument(struct slice item, struct slice *name, struct slice *type,
			   bool *is_optional)
{
	size_t colon = slice_find(item, ':');
	*name = slice_of(item.at, colon);
	*type = colon < item.len ? slice_trim(slice_skip(item, colon + 1)) : SLICE("any");
	*is_optional = name->len > 0 && name->at[name->len - 1] == '?';
	if (*is_optional)
		name->len--;
}

/* ---- stubs ------------------------------------------------------------------------------------------ */

/* Words in comment lines of bounded length. */
static void write_words(FILE *to, const char *words)
{
	struct slice rest = slice_of_string(words), word;
	size_t column = 0;
	while (slice_next_item(&rest, ' ', &word)) {
		if (column > 0 && column + 1 + word.len > LINE_BYTES) {
			fprintf(to, "\n");
			column = 0;
		}
		column += (size_t)fprintf(to, column == 0 ? "---%.*s" : " %.*s", SLICE_PRINT(word));
	}
	fprintf(to, "\n");
}

static void write_names(FILE *to, const struct rule_function *f)
{
	struct slice rest = slice_of_string(f->arguments), item, name, type;
	bool is_optional;
	const char *between = "";
	while (next_item(&rest, &item)) {
		split_argument(item, &name, &type, &is_optional);
		fprintf(to, "%s%.*s", between, SLICE_PRINT(name));
		between = ", ";
	}
}

static void write_stub(FILE *to, const struct rule_function *f)
{
	struct slice rest = slice_of_string(f->arguments), item, name, type;
	bool is_optional;
	fprintf(to, "\n");
	write_words(to, f->words);
	while (next_item(&rest, &item)) {
		split_argument(item, &name, &type, &is_optional);
		fprintf(to, "---@param %.*s%s %.*s\n", SLICE_PRINT(name), is_optional ? "?" : "",
			SLICE_PRINT(type));
	}
	rest = slice_of_string(f->results);
	while (next_item(&rest, &item))
		fprintf(to, "---@return %.*s\n", SLICE_PRINT(item));
	fprintf(to, "function %s(", f->name);
	write_names(to, f);
	fprintf(to, ") end\n");
}

/* Is the row the first of its family in the table? */
static bool opens_family(const struct rule_function *all, size_t at)
{
	struct slice family = family_of(&all[at]);
	for (size_t i = 0; i < at; i++)
		if (slice_is_equal(family_of(&all[i]), family))
			return false;
	return true;
}

static void write_family_table(FILE *to, struct slice family)
{
	if (slice_is_equal(family, SLICE("string")))
		return; /* Lua's own: its functions are added to */
	fprintf(to, "\n%.*s = {}\n", SLICE_PRINT(family));
}

void api_write_stubs(FILE *to)
{
	size_t count;
	const struct rule_function *all = api_functions(&count);
	fprintf(to, "---@meta\n"
		    "-- SPDX-License-Identifier: Apache-2.0\n"
		    "-- What rules can call, for editors that know LuaLS annotations.\n"
		    "-- Written by `weir reference stubs`: change the rows in core/api instead.\n");
	for (size_t i = 0; i < count; i++) {
		if (opens_family(all, i))
			write_family_table(to, family_of(&all[i]));
		write_stub(to, &all[i]);
	}
}

/* ---- reference --------------------------------------------------------------------------------------- */

static void write_phases(FILE *to, unsigned phases)
{
	static const char *const names[] = { "request", "response", "completion" };
	const char *between = "";
	if ((phases & RULE_IN_ANY) == RULE_IN_ANY) {
		fprintf(to, "any rule");
	} else {
		for (unsigned i = 0; i < 3; i++)
			if ((phases & 1u << i) != 0) {
				fprintf(to, "%s%s", between, names[i]);
				between = " and ";
			}
		fprintf(to, " rules");
	}
	if ((phases & RULE_WAITS) != 0)
		fprintf(to, "; it waits");
}

static void write_function(FILE *to, const struct rule_function *f)
{
	fprintf(to, "\n### %s\n\n`%s(%s)%s%s`\n\n%s\n\n", f->name, f->name, f->arguments,
		f->results[0] == '\0' ? "" : ": ", f->results, f->words);
	fprintf(to, "For ");
	write_phases(to, f->phases);
	fprintf(to, ". From: %s.\n",
		strcmp(f->source, f->name) == 0 ? "the original, same name" : f->source);
}

void api_write_reference(FILE *to)
{
	size_t count;
	const struct rule_function *all = api_functions(&count);
	fprintf(to,
		"# What rules can call\n\n"
		"Written by `weir reference rules` from the function table: change the rows in "
		"core/api instead.\n\n"
		"A name with `?` may be left out. A wrong argument is an error that names it; a "
		"function that makes no\nsense in a phase is an error there, too. Positions are "
		"1-based and inclusive, -1 is the last.\n\n"
		"Of Lua's own library there is what computes: string, table, math, bit, coroutine and the "
		"times of os.\nIn it `tonumber` is nil for a text of over 1000 bytes, and a text that "
		"tells `string.format` what to do,\nor that it quotes by `%%q`, has at most 65536.\n");
	for (size_t i = 0; i < count; i++) {
		struct slice family = family_of(&all[i]);
		if (!opens_family(all, i))
			continue;
		fprintf(to, "\n## %.*s\n", SLICE_PRINT(family));
		for (size_t j = i; j < count; j++)
			if (slice_is_equal(family_of(&all[j]), family))
				write_function(to, &all[j]);
	}
}
