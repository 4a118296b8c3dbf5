/*
 * The bytes: a string is 's', a uint32_t of its length and its text; a number as share/store.h has it;
 * 't' and 'f'; an array '[', its items, ']'; any other table '{', its entries, each a key and a value,
 * in the order of their bytes, '}'. Numbers lie as in memory: no other machine ever reads them.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_pack.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>

#define MOST_ENTRIES 1000000
#define KEPT_BYTES ((size_t)256 << 10) /* a bigger block goes when a smaller value comes */

/* An entry of a hash that is open. */
struct span {
	size_t start, end;
};

/* One for the process: an error may unwind at any time, and nothing is left to free. */
static struct {
	char *at;
	size_t len, capacity;
	struct span *spans; /* of all hashes that are open, the innermost last */
	size_t span_count, span_capacity;
	size_t first_span[RULE_VALUE_DEPTH]; /* of each table that is open */
	unsigned depth;
} pack;

/* ---- in ------------------------------------------------------------------------------------------------- */

static char *grow(struct rule_call *call, size_t more)
{
	if (pack.len + more > api_txn(call)->vserver->rule_limits.memory)
		rule_error(call, "the value has more bytes than a rule may use (%llu)",
			   (unsigned long long)api_txn(call)->vserver->rule_limits.memory);
	rule_spend(call, more);
	if (pack.len + more > pack.capacity) {
		pack.capacity = (pack.len + more) * 2;
		pack.at = memory_resize(pack.at, pack.capacity);
	}
	char *at = pack.at + pack.len;
	pack.len += more;
	return at;
}

static void put_byte(struct rule_call *call, char byte)
{
	*grow(call, 1) = byte;
}

static void put_string(struct rule_call *call, struct slice s)
{
	uint32_t len = (uint32_t)s.len;
	char *at = grow(call, 1 + sizeof len + s.len);
	*at = 's';
	memcpy(at + 1, &len, sizeof len);
	if (s.len > 0)
		memcpy(at + 1 + sizeof len, s.at, s.len);
}

static void put_value(struct rule_call *call, const struct rule_value *value, void *extra)
{
	(void)extra;
	if (value->type == RULE_VALUE_STRING) {
		put_string(call, value->string);
	} else if (value->type == RULE_VALUE_BOOLEAN) {
		put_byte(call, value->boolean ? 't' : 'f');
	} else {
		char *at = grow(call, STORE_NUMBER_BYTES);
		*at = STORE_NUMBER;
		memcpy(at + 1, &value->number, sizeof value->number);
	}
}

static void put_open(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)extra;
	put_byte(call, table == RULE_TABLE_ARRAY ? '[' : '{');
	pack.first_span[pack.depth++] = pack.span_count;
}

static void put_key(struct rule_call *call, const struct rule_value *key, void *extra)
{
	size_t start = pack.len;
	if (pack.span_count == pack.span_capacity) {
		pack.span_capacity = pack.span_capacity * 2 + 16;
		pack.spans = memory_resize(pack.spans, pack.span_capacity * sizeof *pack.spans);
	}
	put_value(call, key, extra);
	pack.spans[pack.span_count++] = (struct span){ start, start };
}

/* They differ within their keys: none of a table is the beginning of another. */
static int compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;
	size_t a_len = a->end - a->start, b_len = b->end - b->start;
	return memcmp(pack.at + a->start, pack.at + b->start, a_len < b_len ? a_len : b_len);
}

/* The entries of the hash that ends here, in order. */
static void sort_entries(struct rule_call *call, struct span *spans, size_t count)
{
	size_t begin = spans[0].start, size = pack.len - begin, used = 0;
	for (size_t i = 0; i < count; i++)
		spans[i].end = i + 1 < count ? spans[i + 1].start : pack.len;
	rule_spend(call, size + count * 256);
	grow(call, size); /* room to write them anew, behind */
	pack.len -= size;
	qsort(spans, count, sizeof *spans, compare_spans);
	for (size_t i = 0; i < count; i++) {
		size_t len = spans[i].end - spans[i].start;
		memcpy(pack.at + pack.len + used, pack.at + spans[i].start, len);
		used += len;
	}
	memcpy(pack.at + begin, pack.at + pack.len, size);
}

static void put_close(struct rule_call *call, enum rule_table table, void *extra)
{
	(void)extra;
	size_t first = pack.first_span[--pack.depth];
	if (pack.span_count - first > 1)
		sort_entries(call, &pack.spans[first], pack.span_count - first);
	pack.span_count = first;
	put_byte(call, table == RULE_TABLE_ARRAY ? ']' : '}');
}

size_t api_pack(struct rule_call *call, unsigned n, bool is_first)
{
	static const struct rule_visitor visitor = { .value = put_value,
						     .open = put_open,
						     .key = put_key,
						     .close = put_close,
						     .most_entries = MOST_ENTRIES };
	if (is_first) {
		pack.len = 0;
		if (pack.capacity > KEPT_BYTES) {
			pack.capacity = KEPT_BYTES;
			pack.at = memory_resize(pack.at, KEPT_BYTES);
		}
	}
	pack.depth = 0;
	pack.span_count = 0;
	size_t from = pack.len;
	rule_argument_walk(call, n, &visitor, NULL);
	return from;
}

size_t api_pack_end(void)
{
	return pack.len;
}

struct slice api_packed(size_t from, size_t end)
{
	return slice_of(pack.at + from, end - from);
}

/* ---- out ------------------------------------------------------------------------------------------------ */

/* Takes a string, number or boolean off the bytes. */
static struct rule_value take_value(struct slice *rest, char kind)
{
	struct rule_value value = { .type = RULE_VALUE_BOOLEAN, .boolean = kind == 't' };
	uint32_t len;
	if (kind == STORE_NUMBER) {
		value.type = RULE_VALUE_NUMBER;
		memcpy(&value.number, rest->at, sizeof value.number);
		*rest = slice_skip(*rest, sizeof value.number);
	} else if (kind == 's') {
		value.type = RULE_VALUE_STRING;
		memcpy(&len, rest->at, sizeof len);
		value.string = slice_of(rest->at + sizeof len, len);
		*rest = slice_skip(*rest, sizeof len + len);
	}
	return value;
}

void api_unpack(struct rule_call *call, struct slice rest)
{
	struct rule_build build;
	struct {
		bool is_hash, wants_value;
	} open[RULE_VALUE_DEPTH + 1] = { { false, false } };
	rule_spend(call, rest.len);
	rule_build_start(&build, call);
	while (rest.len > 0) {
		char kind = *rest.at;
		rest = slice_skip(rest, 1);
		unsigned depth = build.depth;
		if (kind == ']' || kind == '}') {
			rule_build_close(&build);
			continue;
		}
		bool is_key = open[depth].is_hash && !open[depth].wants_value;
		open[depth].wants_value = is_key;
		if (kind == '[' || kind == '{') {
			check(rule_build_open(&build,
					      kind == '[' ? RULE_TABLE_ARRAY : RULE_TABLE_HASH));
			open[depth + 1].is_hash = kind == '{';
			open[depth + 1].wants_value = false;
			if (rest.len > 0 && kind == '[' && *rest.at == ']')
				rule_build_mark_array(
					&build); /* else nothing would tell what it is */
			continue;
		}
		struct rule_value value = take_value(&rest, kind);
		if (is_key)
			rule_build_key(&build, &value);
		else
			rule_build_value(&build, &value);
	}
}
