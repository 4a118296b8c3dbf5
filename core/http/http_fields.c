/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_fields.h"

#include "base/check.h"
#include "http/http_scan.h"

#include <string.h>

static const struct slice known_names[HTTP_FIELD_ID_COUNT] = {
#define X(name, text) [HTTP_FIELD_##name] = SLICE_INIT(text),
	HTTP_FIELDS_KNOWN(X)
#undef X
};

/* No two known names share length and first letter, so one comparison settles a name. */
#define LONGEST_KNOWN 19
static const uint8_t id_by_length_and_first[LONGEST_KNOWN + 1][32] = {
	[2] = { ['t' - 'a'] = HTTP_FIELD_TE },
	[3] = { ['v' - 'a'] = HTTP_FIELD_VIA },
	[4] = { ['d' - 'a'] = HTTP_FIELD_DATE, ['h' - 'a'] = HTTP_FIELD_HOST },
	[6] = { ['c' - 'a'] = HTTP_FIELD_COOKIE,
		['e' - 'a'] = HTTP_FIELD_EXPECT,
		['s' - 'a'] = HTTP_FIELD_SERVER },
	[7] = { ['r' - 'a'] = HTTP_FIELD_REFERER,
		['t' - 'a'] = HTTP_FIELD_TRAILER,
		['u' - 'a'] = HTTP_FIELD_UPGRADE },
	[8] = { ['l' - 'a'] = HTTP_FIELD_LOCATION },
	[10] = { ['c' - 'a'] = HTTP_FIELD_CONNECTION,
		 ['k' - 'a'] = HTTP_FIELD_KEEP_ALIVE,
		 ['s' - 'a'] = HTTP_FIELD_SET_COOKIE,
		 ['u' - 'a'] = HTTP_FIELD_USER_AGENT },
	[12] = { ['c' - 'a'] = HTTP_FIELD_CONTENT_TYPE },
	[13] = { ['a' - 'a'] = HTTP_FIELD_AUTHORIZATION },
	[14] = { ['c' - 'a'] = HTTP_FIELD_CONTENT_LENGTH },
	[15] = { ['x' - 'a'] = HTTP_FIELD_X_FORWARDED_FOR },
	[16] = { ['c' - 'a'] = HTTP_FIELD_CONTENT_ENCODING,
		 ['p' - 'a'] = HTTP_FIELD_PROXY_CONNECTION },
	[17] = { ['t' - 'a'] = HTTP_FIELD_TRANSFER_ENCODING,
		 ['x' - 'a'] = HTTP_FIELD_X_FORWARDED_PROTO },
	[18] = { ['p' - 'a'] = HTTP_FIELD_PROXY_AUTHENTICATE },
	[19] = { ['p' - 'a'] = HTTP_FIELD_PROXY_AUTHORIZATION,
		 ['x' - 'a'] = HTTP_FIELD_X_CLUSTER_CLIENT_IP },
};

/* The only known name that `name` can be. */
static inline enum http_field_id candidate(struct slice name)
{
	if (name.len == 0 || name.len > LONGEST_KNOWN)
		return HTTP_FIELD_OTHER;
	unsigned first = (unsigned)((name.at[0] | 0x20) - 'a');
	return first >= 26 ? HTTP_FIELD_OTHER : id_by_length_and_first[name.len][first];
}

inline enum http_field_id http_field_id(struct slice name)
{
	enum http_field_id id = candidate(name);
	if (id == HTTP_FIELD_OTHER)
		return HTTP_FIELD_OTHER;
	/* Most senders spell it as the standard does. */
	if (slice_is_same(name.at, known_names[id].at, name.len) ||
	    slice_is_equal_nocase(name, known_names[id]))
		return id;
	return HTTP_FIELD_OTHER;
}

/* A letter or digit of a name in lower case; every sign as one and the same. */
static char plain_byte(char byte)
{
	bool is_letter = slice_lower(byte) >= 'a' && slice_lower(byte) <= 'z';
	return is_letter ? slice_lower(byte) : http_scan_is_digit(byte) ? byte : '-';
}

/* Do they differ in nothing but case and signs? */
static bool looks_like(struct slice name, struct slice other)
{
	if (name.len != other.len)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (plain_byte(name.at[i]) != plain_byte(other.at[i]))
			return false;
	return true;
}

bool http_field_is_lookalike(struct slice name)
{
	enum http_field_id id = candidate(name);
	return id != HTTP_FIELD_OTHER && looks_like(name, known_names[id]) &&
	       !slice_is_equal_nocase(name, known_names[id]);
}

struct slice http_field_name(enum http_field_id id)
{
	check((unsigned)id < HTTP_FIELD_ID_COUNT && id != HTTP_FIELD_OTHER);
	return known_names[id];
}

inline bool http_field_is_hop_by_hop(enum http_field_id id)
{
	const uint64_t set =
		UINT64_C(1) << HTTP_FIELD_CONNECTION | UINT64_C(1) << HTTP_FIELD_KEEP_ALIVE |
		UINT64_C(1) << HTTP_FIELD_PROXY_CONNECTION | UINT64_C(1) << HTTP_FIELD_TE |
		UINT64_C(1) << HTTP_FIELD_TRANSFER_ENCODING | UINT64_C(1) << HTTP_FIELD_UPGRADE |
		UINT64_C(1) << HTTP_FIELD_PROXY_AUTHENTICATE |
		UINT64_C(1) << HTTP_FIELD_PROXY_AUTHORIZATION;
	return (set >> id & 1) != 0;
}

bool http_field_is_framing(enum http_field_id id)
{
	switch (id) {
	case HTTP_FIELD_CONTENT_LENGTH:
	case HTTP_FIELD_TRANSFER_ENCODING:
	case HTTP_FIELD_CONNECTION:
	case HTTP_FIELD_KEEP_ALIVE:
	case HTTP_FIELD_PROXY_CONNECTION:
	case HTTP_FIELD_TE:
	case HTTP_FIELD_TRAILER:
	case HTTP_FIELD_UPGRADE:
		return true;
	default:
		return false;
	}
}

bool http_field_name_is_valid(struct slice name)
{
	return name.len > 0 && http_scan_is_all(name, HTTP_BYTE_TOKEN);
}

bool http_field_value_is_valid(struct slice value)
{
	return http_scan_is_all(value, HTTP_BYTE_VALUE);
}

static bool is_named(const struct http_field *field, enum http_field_id id, struct slice name)
{
	return field->id == id &&
	       (id != HTTP_FIELD_OTHER || slice_is_equal_nocase(field->name, name));
}

static const struct http_field *find_from(const struct http_fields *f, unsigned from,
					  enum http_field_id id, struct slice name)
{
	for (unsigned i = from; i < f->count; i++)
		if (is_named(&f->at[i], id, name))
			return &f->at[i];
	return NULL;
}

const struct http_field *http_fields_find(const struct http_fields *f, struct slice name)
{
	return find_from(f, 0, http_field_id(name), name);
}

const struct http_field *http_fields_find_id(const struct http_fields *f, enum http_field_id id)
{
	check(id != HTTP_FIELD_OTHER);
	return find_from(f, 0, id, SLICE_ABSENT);
}

const struct http_field *http_fields_find_next(const struct http_fields *f,
					       const struct http_field *after)
{
	unsigned from = (unsigned)(after - f->at) + 1;
	return find_from(f, from, after->id, after->name);
}

/* Copies all lines from `first` on into `out` (or only counts, if NULL); gives the length. */
static size_t join(const struct http_fields *f, const struct http_field *first, char separator,
		   char *out)
{
	size_t len = 0;
	for (const struct http_field *x = first; x != NULL; x = http_fields_find_next(f, x)) {
		if (x != first) {
			if (out != NULL) {
				out[len] = separator;
				out[len + 1] = ' ';
			}
			len += 2;
		}
		if (out != NULL && x->value.len > 0)
			memcpy(out + len, x->value.at, x->value.len);
		len += x->value.len;
	}
	return len;
}

struct slice http_fields_joined(const struct http_fields *f, struct slice name, struct arena *arena)
{
	const struct http_field *first = http_fields_find(f, name);
	if (first == NULL)
		return SLICE_ABSENT;
	if (first->id == HTTP_FIELD_SET_COOKIE || http_fields_find_next(f, first) == NULL)
		return first->value;
	char separator = first->id == HTTP_FIELD_COOKIE ? ';' : ',';
	char *text = arena_alloc(arena, join(f, first, separator, NULL) + 1);
	size_t len = join(f, first, separator, text);
	text[len] = '\0';
	return slice_of(text, len);
}

void http_fields_add(struct http_fields *f, struct arena *arena, struct slice name,
		     struct slice value)
{
	if (f->count == f->capacity) {
		/* The old array stays in the arena; doubling bounds the waste by the array itself. */
		unsigned capacity = f->capacity < 8 ? 8 : f->capacity * 2;
		struct http_field *at = arena_alloc(arena, capacity * sizeof *at);
		if (f->count > 0)
			memcpy(at, f->at, f->count * sizeof *at);
		f->at = at;
		f->capacity = capacity;
	}
	enum http_field_id id = http_field_id(name);
	f->at[f->count++] = (struct http_field){ name, value, id, http_field_is_hop_by_hop(id) };
}

/* Drops the lines of that name from index `from` on; gives their number. */
static unsigned remove_from(struct http_fields *f, unsigned from, enum http_field_id id,
			    struct slice name)
{
	unsigned kept = from;
	for (unsigned i = from; i < f->count; i++)
		if (!is_named(&f->at[i], id, name))
			f->at[kept++] = f->at[i];
	unsigned removed = f->count - kept;
	f->count = kept;
	return removed;
}

void http_fields_set(struct http_fields *f, struct arena *arena, struct slice name,
		     struct slice value)
{
	const struct http_field *first = http_fields_find(f, name);
	if (first == NULL) {
		http_fields_add(f, arena, name, value);
		return;
	}
	unsigned index = (unsigned)(first - f->at);
	enum http_field_id id = first->id;
	remove_from(f, index + 1, id, name);
	f->at[index] = (struct http_field){ name, value, id, http_field_is_hop_by_hop(id) };
}

unsigned http_fields_remove(struct http_fields *f, struct slice name)
{
	return remove_from(f, 0, http_field_id(name), name);
}

void http_fields_remove_lookalikes(struct http_fields *f, struct slice name)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < f->count; i++)
		if (!looks_like(f->at[i].name, name) || slice_is_equal_nocase(f->at[i].name, name))
			f->at[kept++] = f->at[i];
	f->count = kept;
}
