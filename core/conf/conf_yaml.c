/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_yaml.h"

#include "base/check.h"
#include "base/table.h"

#include <string.h>
#include <yaml.h>

/* A spot in the text, counted both ways: libyaml counts characters, people's editors lines. */
struct spot {
	size_t character;
	size_t byte;
	size_t line_start; /* byte */
	unsigned line;
};

struct tree {
	const char *path;
	struct slice text;
	struct arena *arena;
	struct complaints *complaints;
	yaml_parser_t parser;
	struct table anchors; /* name -> struct conf_yaml */
	struct spot spot;     /* where the last question was about; most go forward from there */
	size_t value_count;
};

static struct conf_yaml *build(struct tree *t, yaml_event_t *event, unsigned depth);

static struct conf_place place_of(struct tree *t, yaml_mark_t mark)
{
	struct spot *s = &t->spot;
	if (mark.index < s->character)
		*s = (struct spot){ .line = 1 };
	while (s->character < mark.index && s->byte < t->text.len) {
		bool is_newline = t->text.at[s->byte] == '\n';
		s->byte += slice_utf8_length(slice_skip(t->text, s->byte));
		s->character++;
		if (is_newline) {
			s->line++;
			s->line_start = s->byte;
		}
	}
	return (struct conf_place){ s->line, (unsigned)(s->byte - s->line_start + 1) };
}

#define COMPLAIN(t, place, ...) \
	complaints_add((t)->complaints, (t)->path, (place).line, (place).column, __VA_ARGS__)

/* ---- the text as such ------------------------------------------------------------------------ */

/* What is wrong with the character at the start of `s`, or NULL. */
static const char *character_fault(struct slice s, size_t len)
{
	unsigned char first = (unsigned char)s.at[0], second = len > 1 ? (unsigned char)s.at[1] : 0;
	if (len == 0)
		return "not UTF-8";
	if (first == 0)
		return "a NUL byte";
	if (first == '\r')
		return s.len > 1 && s.at[1] == '\n' ? NULL : "a carriage return without a newline";
	if ((first < 0x20 && first != '\t' && first != '\n') || first == 0x7f)
		return "a control character";
	if (first == 0xc2 && second < 0xa0)
		return "a control character";
	/* line ends for YAML 1.1 but for no editor: line numbers would mean two things */
	if (len == 3 &&
	    (memcmp(s.at, "\xe2\x80\xa8", 3) == 0 || memcmp(s.at, "\xe2\x80\xa9", 3) == 0))
		return "a Unicode line separator";
	if (len == 3 && memcmp(s.at, "\xef\xbb\xbf", 3) == 0)
		return "a byte order mark";
	if (len == 3 && first == 0xef && second == 0xbf && (unsigned char)s.at[2] >= 0xbe)
		return "not a character";
	return NULL;
}

static bool check_characters(struct tree *t)
{
	struct conf_place place = { 1, 1 };
	struct slice rest = t->text;
	if (rest.len >= 2 &&
	    (memcmp(rest.at, "\xff\xfe", 2) == 0 || memcmp(rest.at, "\xfe\xff", 2) == 0)) {
		COMPLAIN(t, place, "the file is UTF-16; it must be UTF-8");
		return false;
	}
	while (rest.len > 0) {
		size_t len = slice_utf8_length(rest);
		const char *fault = character_fault(rest, len);
		if (fault != NULL) {
			COMPLAIN(t, place, "the file must be plain UTF-8 text, but here is %s",
				 fault);
			return false;
		}
		place.column += (unsigned)len;
		if (rest.at[0] == '\n')
			place = (struct conf_place){ place.line + 1, 1 };
		rest = slice_skip(rest, len);
	}
	return true;
}

/* ---- events ---------------------------------------------------------------------------------- */

/* The character that the scanner stumbled over, if it says no more than that. */
static void complain_of_token(struct tree *t, struct conf_place place)
{
	struct slice rest = slice_skip(t->text, t->spot.byte);
	size_t len = rest.len == 0 ? 0 : slice_utf8_length(rest);
	if (len > 0 && rest.at[0] == '\t')
		COMPLAIN(t, place, "a tab cannot indent; use spaces");
	else
		COMPLAIN(t, place, "a value cannot start with '%.*s'; put it in quotes", (int)len,
			 rest.at);
}

static void complain_of_syntax(struct tree *t)
{
	const yaml_parser_t *p = &t->parser;
	const char *problem = p->problem == NULL ? "out of memory" : p->problem;
	if (p->error == YAML_READER_ERROR || p->error == YAML_MEMORY_ERROR) {
		complaints_add(t->complaints, t->path, 0, 0, "cannot read the YAML: %s", problem);
		return;
	}
	struct conf_place context = { 0, 0 };
	if (p->context != NULL)
		context = place_of(t, p->context_mark);
	struct conf_place place = place_of(t, p->problem_mark);
	if (strcmp(problem, "found character that cannot start any token") == 0)
		complain_of_token(t, place);
	else if (p->context != NULL)
		COMPLAIN(t, place, "not valid YAML: %s, %s that began in line %u", problem,
			 p->context, context.line);
	else
		COMPLAIN(t, place, "not valid YAML: %s", problem);
}

/* The next event, to be deleted by the caller; false after a complaint. */
static bool next_event(struct tree *t, yaml_event_t *event)
{
	if (yaml_parser_parse(&t->parser, event) == 1)
		return true;
	complain_of_syntax(t);
	return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Counts values that now exist once more; false after a complaint when they are too many. */
static bool count_values(struct tree *t, struct conf_place place, size_t more)
{
	if (more > CONF_YAML_VALUES_MOST - t->value_count) {
		COMPLAIN(t, place, "more than %d values, aliases counted as often as they are used",
			 CONF_YAML_VALUES_MOST);
		return false;
	}
	t->value_count += more;
	return true;
}

static bool check_depth(struct tree *t, struct conf_place place, unsigned depth)
{
	if (depth <= CONF_YAML_DEPTH_MOST)
		return true;
	COMPLAIN(t, place, "nested more than %d levels deep", CONF_YAML_DEPTH_MOST);
	return false;
}

static struct conf_yaml *new_value(struct tree *t, enum conf_yaml_kind kind,
				   struct conf_place place)
{
	struct conf_yaml *value = arena_new(t->arena, sizeof *value);
	value->kind = kind;
	value->place = place;
	value->size = 1;
	return value;
}

static void append(struct tree *t, struct conf_yaml *to, const struct conf_yaml *key,
		   const struct conf_yaml *value)
{
	struct conf_yaml_entry *entry = arena_new(t->arena, sizeof *entry);
	*entry = (struct conf_yaml_entry){ NULL, key, value };
	struct conf_yaml_entry **link = to->last == NULL ? &to->entries : &to->last->next;
	*link = entry;
	to->last = entry;
	to->count++;
	to->size += value->size + (key != NULL);
	if (value->height + 1 > to->height)
		to->height = value->height + 1;
}

static struct conf_yaml *build_scalar(struct tree *t, const yaml_event_t *event)
{
	struct conf_place place = place_of(t, event->start_mark);
	struct slice text = slice_of((const char *)event->data.scalar.value,
				     event->data.scalar.length);
	if (slice_find(text, '\0') < text.len) {
		COMPLAIN(t, place, "a NUL byte in a text");
		return NULL;
	}
	struct conf_yaml *value = new_value(t, CONF_YAML_SCALAR, place);
	value->text = arena_copy(t->arena, text);
	value->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return value;
}

static struct conf_yaml *build_list(struct tree *t, const yaml_event_t *start, unsigned depth)
{
	struct conf_yaml *list = new_value(t, CONF_YAML_LIST, place_of(t, start->start_mark));
	for (;;) {
		yaml_event_t event;
		if (!next_event(t, &event))
			return NULL;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return list;
		}
		struct conf_yaml *item = build(t, &event, depth + 1);
		if (item == NULL)
			return NULL;
		append(t, list, NULL, item);
	}
}

/* ---- mappings, with merge keys --------------------------------------------------------------- */

/* A mapping that is being read. */
struct mapping {
	struct conf_yaml *value;
	struct conf_yaml *merges; /* a list: what its `<<` keys stand for */
	struct table keys;        /* text -> struct conf_yaml */
};

static bool is_merge(const struct conf_yaml *key)
{
	return !key->is_quoted && slice_is_equal(key->text, SLICE("<<"));
}

static void add_entry(struct tree *t, struct mapping *m, struct conf_yaml *key,
		      struct conf_yaml *value)
{
	const struct conf_yaml *before = table_get(&m->keys, key->text);
	if (before != NULL) {
		COMPLAIN(t, key->place, "duplicate key '%.60s'; it stands in line %u already",
			 key->text.at, before->place.line);
		return;
	}
	table_set(&m->keys, key->text, key);
	append(t, m->value, key, value);
}

/* One pair of key and value, from the event that starts the key. */
static bool build_entry(struct tree *t, struct mapping *m, yaml_event_t *event, unsigned depth)
{
	struct conf_yaml *key = build(t, event, depth + 1);
	if (key == NULL || !next_event(t, event))
		return false;
	struct conf_yaml *value = build(t, event, depth + 1);
	if (value == NULL)
		return false;
	if (key->kind != CONF_YAML_SCALAR)
		COMPLAIN(t, key->place, "a key must be a word, not a %s",
			 key->kind == CONF_YAML_LIST ? "list" : "mapping");
	else if (is_merge(key))
		append(t, m->merges, key, value);
	else
		add_entry(t, m, key, value);
	return true;
}

/* Adds the entries of `from` whose keys are not there yet; an alias has counted them already. */
static void merge_mapping(struct tree *t, struct mapping *m, const struct conf_yaml *from,
			  struct conf_place place)
{
	if (from->kind != CONF_YAML_MAPPING) {
		COMPLAIN(t, place, "'<<' takes a mapping or a list of mappings");
		return;
	}
	for (const struct conf_yaml_entry *e = from->entries; e != NULL; e = e->next) {
		if (table_get(&m->keys, e->key->text) != NULL)
			continue;
		table_set(&m->keys, e->key->text, (void *)e->key);
		append(t, m->value, e->key, e->value);
	}
}

/* What is written in the mapping itself wins; of two merged mappings, the first. */
static void merge_all(struct tree *t, struct mapping *m)
{
	for (const struct conf_yaml_entry *e = m->merges->entries; e != NULL; e = e->next) {
		if (e->value->kind != CONF_YAML_LIST) {
			merge_mapping(t, m, e->value, e->key->place);
			continue;
		}
		for (const struct conf_yaml_entry *item = e->value->entries; item != NULL;
		     item = item->next)
			merge_mapping(t, m, item->value, e->key->place);
	}
}

static bool build_entries(struct tree *t, struct mapping *m, unsigned depth)
{
	for (;;) {
		yaml_event_t event;
		if (!next_event(t, &event))
			return false;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			merge_all(t, m);
			return true;
		}
		if (!build_entry(t, m, &event, depth))
			return false;
	}
}

static struct conf_yaml *build_mapping(struct tree *t, const yaml_event_t *start, unsigned depth)
{
	struct conf_place place = place_of(t, start->start_mark);
	struct mapping m = {
		.value = new_value(t, CONF_YAML_MAPPING, place),
		.merges = new_value(t, CONF_YAML_LIST, place),
	};
	table_init(&m.keys);
	bool is_whole = build_entries(t, &m, depth);
	table_release(&m.keys, NULL);
	return is_whole ? m.value : NULL;
}

/* ---- anchors and aliases --------------------------------------------------------------------- */

static struct conf_yaml *find_alias(struct tree *t, const yaml_event_t *event, unsigned depth)
{
	struct conf_place place = place_of(t, event->start_mark);
	const char *name = (const char *)event->data.alias.anchor;
	struct conf_yaml *value = table_get(&t->anchors, slice_of_string(name));
	if (value == NULL) {
		COMPLAIN(t, place, "nothing before this is anchored as '&%.60s'", name);
		return NULL;
	}
	if (!count_values(t, place, value->size) || !check_depth(t, place, depth + value->height))
		return NULL;
	return value;
}

static bool set_anchor(struct tree *t, const yaml_char_t *anchor, struct conf_yaml *value)
{
	struct slice name = slice_of_string((const char *)anchor);
	if (slice_is_absent(name))
		return true;
	const struct conf_yaml *before = table_get(&t->anchors, name);
	if (before != NULL) {
		COMPLAIN(t, value->place, "a second anchor '&%.60s'; the first is in line %u",
			 name.at, before->place.line);
		return false;
	}
	table_set(&t->anchors, name, value);
	return true;
}

/* Tag and anchor of a value that an event starts. */
static void get_properties(const yaml_event_t *event, const yaml_char_t **tag,
			   const yaml_char_t **anchor)
{
	if (event->type == YAML_SCALAR_EVENT) {
		*tag = event->data.scalar.tag;
		*anchor = event->data.scalar.anchor;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		*tag = event->data.sequence_start.tag;
		*anchor = event->data.sequence_start.anchor;
	} else {
		*tag = event->data.mapping_start.tag;
		*anchor = event->data.mapping_start.anchor;
	}
}

static struct conf_yaml *build_by_type(struct tree *t, const yaml_event_t *event, unsigned depth)
{
	if (event->type == YAML_SCALAR_EVENT)
		return build_scalar(t, event);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return build_list(t, event, depth);
	check(event->type == YAML_MAPPING_START_EVENT);
	return build_mapping(t, event, depth);
}

/* The value that `event` starts, read to its end; NULL after a complaint. Deletes the event. */
static struct conf_yaml *build(struct tree *t, yaml_event_t *event, unsigned depth)
{
	struct conf_yaml *value = NULL;
	const yaml_char_t *tag, *anchor;
	struct conf_place place = place_of(t, event->start_mark);
	if (event->type == YAML_ALIAS_EVENT) {
		value = find_alias(t, event, depth);
		goto out;
	}
	get_properties(event, &tag, &anchor);
	if (tag != NULL)
		COMPLAIN(t, place, "tags such as '%.60s' have no meaning here", tag);
	if (!check_depth(t, place, depth) || !count_values(t, place, 1))
		goto out;
	value = build_by_type(t, event, depth);
	if (value != NULL && !set_anchor(t, anchor, value))
		value = NULL;
out:
	yaml_event_delete(event);
	return value;
}

/* ---- the document ---------------------------------------------------------------------------- */

/* The next event, which is known to be of this kind if the text is good so far. */
static bool skip_event(struct tree *t, yaml_event_type_t type)
{
	yaml_event_t event;
	if (!next_event(t, &event))
		return false;
	check(event.type == type);
	yaml_event_delete(&event);
	return true;
}

/* The only document; NULL with or without a complaint as in conf_yaml_parse. */
static struct conf_yaml *build_document(struct tree *t)
{
	yaml_event_t event;
	if (!skip_event(t, YAML_STREAM_START_EVENT) || !next_event(t, &event))
		return NULL;
	yaml_event_type_t type = event.type;
	yaml_event_delete(&event);
	if (type == YAML_STREAM_END_EVENT || !next_event(t, &event))
		return NULL;
	struct conf_yaml *top = build(t, &event, 1);
	if (top == NULL || !skip_event(t, YAML_DOCUMENT_END_EVENT) || !next_event(t, &event))
		return NULL;
	struct conf_place place = place_of(t, event.start_mark);
	type = event.type;
	yaml_event_delete(&event);
	if (type == YAML_STREAM_END_EVENT)
		return top;
	COMPLAIN(t, place, "a second YAML document; a configuration is one");
	return NULL;
}

const struct conf_yaml *conf_yaml_parse(const char *path, struct slice text, struct arena *arena,
					struct complaints *complaints)
{
	struct tree t = {
		.path = path,
		.text = slice_has_prefix(text, SLICE("\xef\xbb\xbf")) ? slice_skip(text, 3) : text,
		.arena = arena,
		.complaints = complaints,
		.spot = { .line = 1 },
	};
	if (!check_characters(&t))
		return NULL;
	if (yaml_parser_initialize(&t.parser) == 0) {
		complaints_add(complaints, path, 0, 0, "cannot read the YAML: out of memory");
		return NULL;
	}
	yaml_parser_set_encoding(&t.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&t.parser, (const unsigned char *)t.text.at, t.text.len);
	table_init(&t.anchors);
	const struct conf_yaml *top = build_document(&t);
	table_release(&t.anchors, NULL);
	yaml_parser_delete(&t.parser);
	return top;
}

bool conf_yaml_is_null(const struct conf_yaml *value)
{
	if (value->kind != CONF_YAML_SCALAR || value->is_quoted)
		return false;
	return value->text.len == 0 || slice_is_equal(value->text, SLICE("~")) ||
	       slice_is_equal_nocase(value->text, SLICE("null"));
}
