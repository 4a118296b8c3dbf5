/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_schema.h"

#include <string.h>

static const struct conf_key keys[] = {
#define ROW(section, key, type, offset, preset, least, most, choices, below, flags, words) \
	{ key, offset, preset, least, most, choices, words, CONF_IN_##section, type, below, flags },
#include "conf/conf_schema.def"
};

static const struct {
	const char *where;
	const char *words;
} sections[] = {
#define SECTION(section, structure, where, words) [CONF_IN_##section] = { where, words },
#include "conf/conf_schema.def"
};

#define KEY_COUNT (sizeof keys / sizeof keys[0])

const struct conf_key *conf_schema_keys(enum conf_section section, size_t *count)
{
	size_t first = 0;
	while (first < KEY_COUNT && keys[first].section != section)
		first++;
	*count = 0;
	while (first + *count < KEY_COUNT && keys[first + *count].section == section)
		(*count)++;
	return &keys[first];
}

const char *conf_schema_where(enum conf_section section)
{
	return sections[section].where;
}

const char *conf_schema_words(enum conf_section section)
{
	return sections[section].words;
}

const struct conf_key *conf_schema_find(enum conf_section section, struct slice name)
{
	size_t count;
	const struct conf_key *list = conf_schema_keys(section, &count);
	for (size_t i = 0; i < count; i++)
		if (slice_is_equal(name, slice_of_string(list[i].name)))
			return &list[i];
	return NULL;
}

const struct conf_key *conf_schema_find_home(enum conf_section section, struct slice name)
{
	size_t count;
	const struct conf_key *list = conf_schema_keys(section, &count);
	for (size_t i = 0; i < count; i++)
		if (list[i].type == CONF_MAPPING && conf_schema_find(list[i].below, name) != NULL)
			return &list[i];
	return NULL;
}

const char *conf_schema_nearest(enum conf_section section, const char *name)
{
	const char *names[CONF_KEYS_MOST];
	size_t count;
	const struct conf_key *list = conf_schema_keys(section, &count);
	for (size_t i = 0; i < count; i++)
		names[i] = list[i].name;
	return complaint_nearest(name, names, count);
}

bool conf_schema_find_choice(const struct conf_key *key, struct slice word, unsigned *number)
{
	struct slice rest = slice_of_string(key->choices), choice;
	for (*number = 0; slice_next_item(&rest, ' ', &choice); (*number)++)
		if (slice_is_equal(choice, word))
			return true;
	return false;
}

struct slice conf_schema_nearest_choice(const struct conf_key *key, const char *word)
{
	char copy[256];
	const char *words[16];
	size_t count = 0;
	struct slice rest = slice_of_string(key->choices), choice;
	char *end = copy;
	while (count < 16 && slice_next_item(&rest, ' ', &choice) &&
	       choice.len < sizeof copy - (size_t)(end - copy)) {
		words[count++] = end;
		memcpy(end, choice.at, choice.len);
		end[choice.len] = '\0';
		end += choice.len + 1;
	}
	const char *nearest = complaint_nearest(word, words, count);
	if (nearest == NULL)
		return SLICE_ABSENT;
	return slice_of(key->choices + (nearest - copy), strlen(nearest));
}

/* ---- names that weir does not take ----------------------------------------------------------- */

static const struct {
	enum conf_section section;
	const char *name;
	const char *instead; /* NULL: not there yet */
} others[] = {
#define LATER(section, name) { CONF_IN_##section, name, NULL },
#define INSTEAD(section, name, instead) { CONF_IN_##section, name, instead },
#include "conf/conf_later.def"
};

enum conf_familiarity conf_schema_recognise(enum conf_section section, const char *name,
					    const char **instead)
{
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (others[i].section != section || strcmp(others[i].name, name) != 0)
			continue;
		*instead = others[i].instead;
		return *instead == NULL ? CONF_LATER : CONF_INSTEAD;
	}
	return CONF_UNKNOWN;
}
