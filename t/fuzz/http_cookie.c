/*
 * Cookies: what is set is found, what is removed is gone, and the others stay as they were. The input
 * is a name and a value, each ended by a line end, and then Cookie or Set-Cookie lines.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "http/http_cookie.h"

#define COOKIES_MOST 64

struct others {
	struct slice names[COOKIES_MOST], values[COOKIES_MOST];
	unsigned count;
};

static struct slice take_line(struct slice *rest)
{
	size_t end = slice_find(*rest, '\n');
	struct slice line = slice_of(rest->at, end);
	*rest = slice_skip(*rest, end < rest->len ? end + 1 : end);
	return line;
}

/* All cookies that are not of that name. */
static void list_others(const struct http_fields *f, struct slice name, struct others *others)
{
	struct http_cookie_position position = { 0 };
	struct slice found, value;
	others->count = 0;
	while (others->count < COOKIES_MOST && http_cookie_next(f, &position, &found, &value)) {
		if (slice_is_equal(found, name))
			continue;
		others->names[others->count] = found;
		others->values[others->count++] = value;
	}
}

static void list_other_answers(const struct http_fields *f, struct slice name,
			       struct others *others)
{
	struct http_cookie_position position = { 0 };
	struct slice found, value, attributes;
	others->count = 0;
	while (others->count < COOKIES_MOST &&
	       http_set_cookie_next(f, &position, &found, &value, &attributes)) {
		if (slice_is_equal(found, name))
			continue;
		others->names[others->count] = found;
		others->values[others->count++] = value;
	}
}

static void expect_same(const struct others *before, const struct others *after)
{
	fuzz_expect(before->count == after->count);
	for (unsigned i = 0; i < before->count; i++)
		fuzz_expect(slice_is_equal(before->names[i], after->names[i]) &&
			    slice_is_equal(before->values[i], after->values[i]));
}

static void use_request(struct http_fields *f, struct arena *arena, struct slice name,
			struct slice value)
{
	static struct others before, after;
	list_others(f, name, &before);
	http_cookie_set(f, arena, name, value);
	fuzz_expect(slice_is_equal(http_cookie_get(f, name), value));
	list_others(f, name, &after);
	expect_same(&before, &after);
	fuzz_expect(http_cookie_remove(f, arena, name) == 1);
	fuzz_expect(slice_is_absent(http_cookie_get(f, name)));
	list_others(f, name, &after);
	expect_same(&before, &after);
}

static void use_response(struct http_fields *f, struct arena *arena, struct slice name,
			 struct slice value)
{
	static struct others before, after;
	list_other_answers(f, name, &before);
	http_set_cookie_set(f, arena, name, value, SLICE_ABSENT);
	list_other_answers(f, name, &after);
	expect_same(&before, &after);
	fuzz_expect(http_set_cookie_remove(f, name) == 1);
	list_other_answers(f, name, &after);
	expect_same(&before, &after);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct slice input = fuzz_copy(bytes, len), rest = input;
	struct slice name = take_line(&rest), value = take_line(&rest);
	struct http_fields cookies = { 0 }, set_cookies = { 0 };
	struct arena arena;
	arena_init(&arena);
	while (rest.len > 0) {
		struct slice line = take_line(&rest);
		http_fields_add(&cookies, &arena, SLICE("Cookie"), line);
		http_fields_add(&set_cookies, &arena, SLICE("Set-Cookie"), line);
	}
	if (http_cookie_name_is_valid(name) && http_cookie_value_is_valid(value)) {
		use_request(&cookies, &arena, name, value);
		use_response(&set_cookies, &arena, name, value);
	}
	arena_release(&arena);
	arena_drop_spares();
	free((char *)(uintptr_t)input.at);
	return 0;
}
