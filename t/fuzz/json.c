/*
 * JSON: weir's parser takes what jansson takes, and finds as many values in it. The input is a text.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "text/json.h"

#include <jansson.h>

struct counts {
	unsigned values, keys, depth;
};

static const char *count_value(struct counts *c)
{
	c->values++;
	return NULL;
}

static const char *on_open(void *extra, bool is_array)
{
	struct counts *c = extra;
	(void)is_array;
	c->depth++;
	return count_value(c);
}

static const char *on_key(void *extra, struct slice key)
{
	struct counts *c = extra;
	fuzz_expect(c->depth > 0 && key.at != NULL);
	c->keys++;
	return NULL;
}

static const char *on_string(void *extra, struct slice value)
{
	for (size_t at = 0, len; at < value.len; at += len) {
		len = slice_utf8_length(slice_skip(value, at));
		fuzz_expect(len > 0);
	}
	return count_value(extra);
}

static const char *on_number(void *extra, double value)
{
	fuzz_expect(value - value == 0);
	return count_value(extra);
}

static const char *on_boolean(void *extra, bool value)
{
	(void)value;
	return count_value(extra);
}

static const char *on_null(void *extra)
{
	return count_value(extra);
}

static const char *on_close(void *extra, bool is_array)
{
	struct counts *c = extra;
	(void)is_array;
	c->depth--;
	return NULL;
}

/* Values in a tree; of members that come twice jansson keeps the last, so there may be fewer. */
static unsigned count_in(json_t *value)
{
	unsigned count = 1;
	size_t i;
	const char *key;
	json_t *item;
	if (json_is_array(value))
		json_array_foreach(value, i, item) count += count_in(item);
	if (json_is_object(value))
		json_object_foreach(value, key, item) count += count_in(item);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct json_events events = { on_open,    on_key,  on_string, on_number,
						   on_boolean, on_null, on_close };
	struct slice text = fuzz_copy(bytes, len);
	struct counts counts = { 0 };
	size_t at;
	json_error_t error;
	char *room = malloc(len + 1);
	const char *why = json_parse(text, room, &events, &counts, &at);
	fuzz_expect(at <= len);
	if (len > 0 && memchr(bytes, '\0', len) != NULL) { /* jansson takes it for the end */
		fuzz_expect(why != NULL);
		free(room);
		free((char *)(uintptr_t)text.at);
		return 0;
	}
	json_t *model = json_loadb(text.at, len,
				   JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL |
					   JSON_REJECT_DUPLICATES,
				   &error);
	enum json_error_code code = model == NULL ? json_error_code(&error) : json_error_unknown;
	if (why == NULL) {
		fuzz_expect(counts.depth == 0);
		/* a name twice is for who builds something to refuse, and jansson knows no NUL in a name */
		fuzz_expect(model != NULL || code == json_error_duplicate_key ||
			    code == json_error_null_byte_in_key);
		fuzz_expect(model == NULL || count_in(model) == counts.values);
	} else {
		fuzz_expect(model == NULL || strncmp(why, "too many arrays", 15) == 0 ||
			    strcmp(why, "a number of too many characters") == 0);
	}
	json_decref(model);
	free(room);
	free((char *)(uintptr_t)text.at);
	return 0;
}
