/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include "conf/conf_schema.h"
#include "conf/conf_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- JSON Schema ----------------------------------------------------------------------------- */

#define NAME_PATTERN "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"
#define TEXT_SCHEMA(pattern) ("\"type\": \"string\", \"pattern\": \"" pattern "\"")
#define NAME_SCHEMA TEXT_SCHEMA(NAME_PATTERN)
#define ADDRESS_SCHEMA \
	TEXT_SCHEMA("^([0-9.]+|\\\\[[0-9A-Fa-f:.]+(%[0-9A-Za-z_.-]+)?\\\\]):[0-9]{1,5}$")
#define SERVER_SCHEMA \
	TEXT_SCHEMA( \
		"^([0-9.]+(:[0-9]{1,5})?|[0-9A-Fa-f:.]+|\\\\[[0-9A-Fa-f:.]+\\\\](:[0-9]{1,5})?)$")
#define NETWORK_SCHEMA TEXT_SCHEMA("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$")
#define MEDIA_TYPE_SCHEMA \
	TEXT_SCHEMA("^([A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+/-]+|[A-Za-z0-9!#$&^_.+/-]*\\\\*)$")
#define PORT_SCHEMA "\"type\": \"integer\", \"minimum\": 1, \"maximum\": 65535"

/* Where the schema goes, and how deep the current line is. */
struct schema_writer {
	FILE *to;
	int depth;
};

static void write_object(struct schema_writer *w, enum conf_section section);

/* Starts a line at the current depth. */
#define LINE(w, ...) (fprintf((w)->to, "\n%*s", (w)->depth * 2, ""), fprintf((w)->to, __VA_ARGS__))

static void write_json_string(FILE *to, const char *text)
{
	fputc('"', to);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
	fputc('"', to);
}

static void write_choices(FILE *to, const char *choices)
{
	struct slice rest = slice_of_string(choices), choice;
	const char *glue = "\"enum\": [";
	for (; slice_next_item(&rest, ' ', &choice); glue = ", ")
		fprintf(to, "%s\"%.*s\"", glue, SLICE_PRINT(choice));
	fputs("]", to);
}

static void write_integer(FILE *to, const struct conf_key *key)
{
	fprintf(to, "\"type\": \"integer\", \"minimum\": %" PRIu64 ", \"maximum\": %" PRIu64,
		key->least, key->most);
}

static void write_signed(FILE *to, const struct conf_key *key)
{
	fprintf(to, "\"type\": \"integer\", \"minimum\": %" PRId64 ", \"maximum\": %" PRId64,
		(int64_t)key->least, (int64_t)key->most);
}

static void write_duration(FILE *to, const struct conf_key *key)
{
	const char *number = key->least == 0 ? "{\"const\": 0}, " : "";
	fprintf(to,
		"\"anyOf\": [%s{\"type\": \"string\", \"pattern\": \"^(0|(0|[1-9][0-9]*)(ms|s|m|h))$\"}]",
		number);
}

static void write_size(FILE *to, const struct conf_key *key)
{
	fputs("\"anyOf\": [{", to);
	write_integer(to, key);
	fputs("}, {\"type\": \"string\", \"pattern\": \"^(0|[1-9][0-9]*)[kmg]?$\"}]", to);
}

/* One item, or a list of items that look the same; `item` is the inside of a schema. */
static void write_one_or_list(FILE *to, const char *item, bool may_be_empty)
{
	fprintf(to, "\"anyOf\": [{%s}, {\"type\": \"array\", \"items\": {%s}%s}]", item, item,
		may_be_empty ? "" : ", \"minItems\": 1");
}

/* The same where an item may be a mapping too; `alone` is a word that stands for all, or "". */
static void write_one_or_list_of(struct schema_writer *w, const char *alone, const char *item,
				 enum conf_section section, bool may_be_empty)
{
	fprintf(w->to, "\"anyOf\": [%s{%s}, ", alone, item);
	write_object(w, section);
	fprintf(w->to, ", {\"type\": \"array\",%s \"items\": {\"anyOf\": [{%s}, ",
		may_be_empty ? "" : " \"minItems\": 1,", item);
	write_object(w, section);
	fputs("]}}]", w->to);
}

static void write_named(struct schema_writer *w, enum conf_section section)
{
	fputs("\"type\": \"object\", \"additionalProperties\": false, \"patternProperties\": {",
	      w->to);
	w->depth++;
	LINE(w, "\"%s\": ", NAME_PATTERN);
	write_object(w, section);
	w->depth--;
	LINE(w, "}");
}

/* The inside of the schema of types that need nothing from the row; NULL for the others. */
static const char *const plain_schemas[] = {
	[CONF_BOOLEAN] = "\"type\": \"boolean\"",
	[CONF_TEXT] = "\"type\": \"string\", \"pattern\": \"^[^\\\\s/]{1,64}$\"",
	[CONF_PATH] = "\"type\": \"string\", \"minLength\": 1",
	/* `off` without quotes is false to readers of YAML 1.1 */
	[CONF_BYTES] = "\"type\": \"string\", \"minLength\": 1, \"maxLength\": 1024",
	[CONF_TARGET] = "\"anyOf\": [{\"const\": false}, {\"type\": \"string\", \"minLength\": 1}]",
	[CONF_POOL_NAME] = NAME_SCHEMA,
	[CONF_LATER_POOL_NAME] = NAME_SCHEMA,
	[CONF_RULE_NAME] = NAME_SCHEMA,
	[CONF_ADDRESS] = ADDRESS_SCHEMA,
	[CONF_BANDWIDTH_NAME] = NAME_SCHEMA,
	[CONF_SLM_NAME] = NAME_SCHEMA,
	[CONF_PERSISTENCE_NAME] = NAME_SCHEMA,
	[CONF_TOKEN] = TEXT_SCHEMA("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"),
	[CONF_URL] = TEXT_SCHEMA("^[!-~]+$"),
	[CONF_LINE] = TEXT_SCHEMA("^[ -~]*$"),
	[CONF_NETWORK] = NETWORK_SCHEMA,
};

static void write_workers(FILE *to, const struct conf_key *key)
{
	fputs("\"anyOf\": [{\"const\": \"auto\"}, {", to);
	write_integer(to, key);
	fputs("}]", to);
}

static void write_capture(struct schema_writer *w, const struct conf_key *key)
{
	fputs("\"anyOf\": [{", w->to);
	write_choices(w->to, conf_schema_find(key->below, SLICE("mode"))->choices);
	fputs("}, ", w->to);
	write_object(w, key->below);
	fputs("]", w->to);
}

/* Types that a row says more about. */
static void write_ranged_type(FILE *to, const struct conf_key *key)
{
	if (key->type == CONF_SIZE)
		write_size(to, key);
	else if (key->type == CONF_SIGNED)
		write_signed(to, key);
	else if (key->type == CONF_DURATION)
		write_duration(to, key);
	else if (key->type == CONF_CHOICE)
		write_choices(to, key->choices);
	else if (key->type == CONF_WORKERS)
		write_workers(to, key);
	else
		write_integer(to, key);
}

/* What each type looks like: the inside of its schema. */
static void write_type(struct schema_writer *w, const struct conf_key *key)
{
	FILE *to = w->to;
	if (plain_schemas[key->type] != NULL)
		fputs(plain_schemas[key->type], to);
	else if (key->type == CONF_LISTENS)
		write_one_or_list(to, ADDRESS_SCHEMA, false);
	else if (key->type == CONF_NETWORKS)
		write_one_or_list(to, NETWORK_SCHEMA, false);
	else if (key->type == CONF_PORTS)
		write_one_or_list(to, PORT_SCHEMA, true);
	else if (key->type == CONF_MEDIA_TYPES)
		write_one_or_list(to, MEDIA_TYPE_SCHEMA, true);
	else if (key->type == CONF_SERVERS)
		write_one_or_list(to, SERVER_SCHEMA, true);
	else if (key->type == CONF_RULE_USES)
		write_one_or_list_of(w, "", NAME_SCHEMA, CONF_IN_RULE_USE, true);
	else if (key->type == CONF_NODES)
		write_one_or_list_of(w, "{\"const\": \"original_destination\"}, ", ADDRESS_SCHEMA,
				     CONF_IN_NODE, false);
	else if (key->type == CONF_CAPTURE)
		write_capture(w, key);
	else if (key->type == CONF_VSERVERS || key->type == CONF_POOLS ||
		 key->type == CONF_BANDWIDTH_CLASSES || key->type == CONF_RATE_CLASSES ||
		 key->type == CONF_SLM_CLASSES || key->type == CONF_PERSISTENCE_CLASSES)
		write_named(w, key->below);
	else
		write_ranged_type(to, key);
}

static bool is_json_literal(const struct conf_key *key)
{
	return key->type == CONF_BOOLEAN || key->type == CONF_INTEGER ||
	       key->type == CONF_UNSIGNED || key->type == CONF_SIGNED;
}

static void write_property(struct schema_writer *w, const struct conf_key *key)
{
	LINE(w, "\"%s\": ", key->name);
	if (key->type == CONF_MAPPING) {
		write_object(w, key->below);
		return;
	}
	fputs("{", w->to);
	write_type(w, key);
	if (key->preset != NULL && (key->flags & CONF_REQUIRED) == 0) {
		fputs(", \"default\": ", w->to);
		if (is_json_literal(key))
			fputs(key->preset, w->to);
		else
			write_json_string(w->to, key->preset);
	}
	fputs(", \"description\": ", w->to);
	write_json_string(w->to, key->words);
	fputs("}", w->to);
}

static void write_required(struct schema_writer *w, const struct conf_key *keys, size_t count)
{
	const char *glue = "\"required\": [";
	bool is_any = false;
	for (size_t i = 0; i < count; i++) {
		if ((keys[i].flags & CONF_REQUIRED) == 0)
			continue;
		if (!is_any)
			LINE(w, "%s", "");
		fprintf(w->to, "%s\"%s\"", glue, keys[i].name);
		glue = ", ";
		is_any = true;
	}
	if (is_any)
		fputs("],", w->to);
}

/* The keys of a section, between braces that the caller may add to. */
static void write_members(struct schema_writer *w, enum conf_section section)
{
	size_t count;
	const struct conf_key *keys = conf_schema_keys(section, &count);
	LINE(w, "\"description\": ");
	write_json_string(w->to, conf_schema_words(section));
	fputs(",", w->to);
	LINE(w, "\"type\": \"object\", \"additionalProperties\": false,");
	write_required(w, keys, count);
	LINE(w, "\"properties\": {");
	w->depth++;
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			fputs(",", w->to);
		write_property(w, &keys[i]);
	}
	w->depth--;
	LINE(w, "}");
}

static void write_object(struct schema_writer *w, enum conf_section section)
{
	fputs("{", w->to);
	w->depth++;
	write_members(w, section);
	w->depth--;
	LINE(w, "}");
}

void conf_write_schema(FILE *to)
{
	struct schema_writer w = { to, 1 };
	fputs("{\n  \"$schema\": \"http://json-schema.org/draft-07/schema#\",", to);
	LINE(&w, "\"title\": \"weir.yaml\",");
	write_members(&w, CONF_IN_TOP);
	fputs("\n}\n", to);
}

/* ---- reference in Markdown ------------------------------------------------------------------- */

static void write_row(FILE *to, const struct conf_key *key)
{
	char expected[CONF_EXPECTED_BYTES];
	const char *preset = key->preset;
	fprintf(to, "| `%s` | %s | ", key->name, conf_value_expected(key, expected));
	if ((key->flags & CONF_REQUIRED) != 0)
		fputs("required", to);
	else if ((key->flags & CONF_INHERITS) != 0)
		fputs("as at the top level", to);
	else if (preset != NULL)
		fprintf(to, "`%s`", preset);
	fprintf(to, " | %s |\n", key->words);
}

void conf_write_reference(FILE *to)
{
	fputs("# Configuration keys\n\n"
	      "Durations take `10s`, `500ms`, `2m`, `1h`; sizes `64k`, `1m`, `1g` or bytes. Whatever takes a list "
	      "takes one value\nalone too. Relative paths are relative to the file.\n",
	      to);
	for (unsigned section = 0; section < CONF_IN_COUNT; section++) {
		size_t count;
		const struct conf_key *keys = conf_schema_keys(section, &count);
		fprintf(to,
			"\n## %s\n\n%s\n\n| key | takes | default | meaning |\n|---|---|---|---|\n",
			conf_schema_where(section), conf_schema_words(section));
		for (size_t i = 0; i < count; i++)
			write_row(to, &keys[i]);
	}
}
