/* data.* and data.local_.*: values that live longer than a connection, of the machine and of one worker. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_pack.h"

#include "base/clock.h"

#define TTL_MOST 315360000.0 /* ten years */
#define LIST_BYTES 65536
#define LIST_LIMIT_MOST 1000000

/* Looking at one bucket costs as much as going through so many bytes. */
#define BUCKET_BYTES 64

/* ---- arguments ------------------------------------------------------------------------------------------ */

static struct slice key_argument(struct rule_call *call)
{
	struct slice key = rule_argument_string(call, 1);
	if (key.len > STORE_KEY_MOST)
		rule_argument_error(call, 1, "expected at most %d bytes, got %zu", STORE_KEY_MOST,
				    key.len);
	return key;
}

/* When what is written now expires. */
static uint64_t ttl_argument(struct rule_call *call, unsigned n)
{
	if (rule_argument_is_absent(call, n))
		return 0;
	double ttl = rule_argument_number(call, n);
	if (!(ttl > 0 && ttl <= TTL_MOST))
		rule_argument_error(call, n, "expected seconds, more than 0 and at most %.0f",
				    TTL_MOST);
	uint64_t milliseconds = (uint64_t)(ttl * 1000);
	return clock_milliseconds() + (milliseconds == 0 ? 1 : milliseconds);
}

static struct slice prefix_argument(struct rule_call *call)
{
	return rule_argument_is_absent(call, 1) ? SLICE("") : rule_argument_string(call, 1);
}

static void warn_of_room(struct rule_call *call, struct slice key)
{
	api_warn(call, "there is no room for the value of '%.*s'", key.len < 60 ? (int)key.len : 60,
		 key.at);
}

/* Gives whether it was written; that there is no room is said in the log too. */
static enum rule_answer written(struct rule_call *call, struct slice key, enum store_result result)
{
	if (result == STORE_FULL)
		warn_of_room(call, key);
	rule_push_boolean(call, result == STORE_DONE);
	return RULE_RETURN;
}

/* ---- values --------------------------------------------------------------------------------------------- */

static enum rule_answer get(struct rule_call *call, struct share_store *s)
{
	struct slice key = key_argument(call);
	size_t most = 4096, len = 0;
	for (;;) {
		char *to = api_scratch(call, most);
		if (!store_get(s, key, clock_milliseconds(), to, most, &len)) {
			rule_push_nil(call);
			return RULE_RETURN;
		}
		if (len <= most) {
			api_unpack(call, slice_of(to, len));
			return RULE_RETURN;
		}
		most = len;
	}
}

/* data.set and data.add */
static enum rule_answer write_when(struct rule_call *call, struct share_store *s,
				   enum store_when when)
{
	struct store_write write = { .key = key_argument(call), .when = when };
	write.expires = ttl_argument(call, 3);
	size_t from = api_pack(call, 2, true);
	write.value = api_packed(from, api_pack_end());
	write.now = clock_milliseconds();
	return written(call, write.key, store_set(s, &write));
}

static enum rule_answer set(struct rule_call *call, struct share_store *s)
{
	return write_when(call, s, STORE_ALWAYS);
}

static enum rule_answer add(struct rule_call *call, struct share_store *s)
{
	return write_when(call, s, STORE_IF_ABSENT);
}

static enum rule_answer compare_and_set(struct rule_call *call, struct share_store *s)
{
	struct store_write write = { .key = key_argument(call), .when = STORE_IF_ABSENT };
	bool has_old = !rule_argument_is_absent(call, 2);
	write.expires = ttl_argument(call, 4);
	size_t old = has_old ? api_pack(call, 2, true) : 0;
	size_t old_end = has_old ? api_pack_end() : 0;
	size_t from = api_pack(call, 3, !has_old);
	write.value = api_packed(from, api_pack_end());
	if (has_old) {
		write.when = STORE_IF_EQUAL;
		write.old = api_packed(old, old_end);
	}
	write.now = clock_milliseconds();
	return written(call, write.key, store_set(s, &write));
}

static enum rule_answer increment(struct rule_call *call, struct share_store *s)
{
	double sum = 0;
	struct slice key = key_argument(call);
	double by = rule_argument_is_absent(call, 2) ? 1 : rule_argument_number(call, 2);
	uint64_t expires = ttl_argument(call, 3);
	switch (store_increment(s, key, by, clock_milliseconds(), expires, &sum)) {
	case STORE_DONE:
		rule_push_number(call, sum);
		return RULE_RETURN;
	case STORE_FULL:
		warn_of_room(call, key);
		return api_fail(call, "there is no room for the value");
	case STORE_REFUSED:
		break;
	}
	api_warn(call, "the value of '%.*s' is not a number", key.len < 60 ? (int)key.len : 60,
		 key.at);
	return api_fail(call, "the value is not a number");
}

static enum rule_answer remove_key(struct rule_call *call, struct share_store *s)
{
	rule_push_boolean(call, store_remove(s, key_argument(call), clock_milliseconds()));
	return RULE_RETURN;
}

/* ---- all of them ---------------------------------------------------------------------------------------- */

/* Appends the keys that store_list wrote, until there are `left` of them. */
static int64_t append_keys(struct rule_call *call, const char *at, size_t size, int64_t left)
{
	uint16_t len;
	for (; size > 0 && left > 0; left--) {
		memcpy(&len, at, sizeof len);
		rule_spend(call, 256 + len);
		rule_table_append(call, slice_of(at + sizeof len, len));
		at += sizeof len + len;
		size -= sizeof len + len;
	}
	return left;
}

static enum rule_answer list(struct rule_call *call, struct share_store *s)
{
	struct store_walk walk = { 0 };
	struct slice prefix = prefix_argument(call);
	int64_t left = LIST_LIMIT_MOST;
	if (!rule_argument_is_absent(call, 2))
		left = rule_argument_integer(call, 2, 1, LIST_LIMIT_MOST);
	rule_push_table(call);
	while (!walk.is_over && left > 0) {
		rule_spend(call, (size_t)STORE_WALK_BUCKETS * BUCKET_BYTES);
		char *keys = api_scratch(call, LIST_BYTES);
		size_t size = store_list(s, prefix, clock_milliseconds(), &walk, keys, LIST_BYTES);
		left = append_keys(call, keys, size, left);
	}
	return RULE_RETURN;
}

static enum rule_answer reset(struct rule_call *call, struct share_store *s)
{
	struct store_walk walk = { 0 };
	struct slice prefix = prefix_argument(call);
	while (!walk.is_over) {
		rule_spend(call, (size_t)STORE_WALK_BUCKETS * BUCKET_BYTES);
		size_t removed = store_reset(s, prefix, &walk);
		rule_spend(call, removed * 256);
	}
	return RULE_RETURN;
}

static enum rule_answer get_usage(struct rule_call *call, struct share_store *s)
{
	rule_push_integer(call, (int64_t)store_used(s, clock_milliseconds()));
	return RULE_RETURN;
}

static enum rule_answer get_free(struct rule_call *call, struct share_store *s)
{
	rule_push_integer(call, (int64_t)store_free(s, clock_milliseconds()));
	return RULE_RETURN;
}

/* ---- the two families: the same functions for two stores ----------------------------------------------- */

#define IN_BOTH_STORES(function) \
	static enum rule_answer shared_##function(struct rule_call *call) \
	{ \
		return function(call, api_world(call)->data); \
	} \
	static enum rule_answer local_##function(struct rule_call *call) \
	{ \
		return function(call, api_world(call)->local_data); \
	}

IN_BOTH_STORES(get)
IN_BOTH_STORES(set)
IN_BOTH_STORES(add)
IN_BOTH_STORES(increment)
IN_BOTH_STORES(compare_and_set)
IN_BOTH_STORES(list)
IN_BOTH_STORES(remove_key)
IN_BOTH_STORES(reset)
IN_BOTH_STORES(get_usage)
IN_BOTH_STORES(get_free)

#define ROWS(family, store, size, of, original_rest) \
	{ family "get", \
	  store##_get, \
	  RULE_IN_ANY, \
	  "key: string", \
	  "string|number|boolean|table|nil", \
	  "The value, as it was set" of "; nil when there is none, or its time is over.", \
	  original_rest "get" }, \
		{ family "set", \
		  store##_set, \
		  RULE_IN_ANY, \
		  "key: string, value: string|number|boolean|table, ttl?: number", \
		  "boolean", \
		  "Sets the value" of \
		  ", for `ttl` seconds or for good. Tables may hold strings, numbers, " \
		  "booleans and tables; they are copied. A key has at most 1,024 bytes. False and a warning " \
		  "when all of `data: {" size "}` is in use: the old value stays.", \
		  original_rest "set" }, \
		{ family "add", \
		  store##_add, \
		  RULE_IN_ANY, \
		  "key: string, value: string|number|boolean|table, ttl?: number", \
		  "boolean", \
		  "As " family "set, but only if there is no value; false if there is one.", \
		  "weir" }, \
		{ family "increment", \
		  store##_increment, \
		  RULE_IN_ANY, \
		  "key: string, by?: number, ttl?: number", \
		  "number|nil, string|nil", \
		  "Adds to a number, 1 without `by`, and gives the new one. A key without a value begins at " \
		  "0, and only then `ttl` (seconds) counts: a counter expires that long after its beginning. " \
		  "Nil and the reason, with a warning, when the value is no number or there is no room.", \
		  "weir" }, \
		{ family "compareAndSet", \
		  store##_compare_and_set, \
		  RULE_IN_ANY, \
		  "key: string, old: string|number|boolean|table|nil, new: string|number|boolean|table, " \
		  "ttl?: number", \
		  "boolean", \
		  "As " family \
		  "set, but only if the value is `old`; nil: if there is none. Tables are the " \
		  "same when all in them is.", \
		  "weir" }, \
		{ family "list", \
		  store##_list, \
		  RULE_IN_ANY, \
		  "prefix?: string, limit?: integer", \
		  "string[]", \
		  "The keys that begin with the prefix, at most `limit`, in no certain order. Its cost grows " \
		  "with `data: {" size "}`.", \
		  "weir" }, \
		{ family "remove", \
		  store##_remove_key, \
		  RULE_IN_ANY, \
		  "key: string", \
		  "boolean", \
		  "Removes the value; false when there was none.", \
		  original_rest "remove" }, \
		{ family "reset", \
		  store##_reset, \
		  RULE_IN_ANY, \
		  "prefix?: string", \
		  "", \
		  "Removes all values whose keys begin with the prefix; all there are without one. Its cost " \
		  "grows with `data: {" size "}`.", \
		  original_rest "reset" }, \
		{ family "getMemoryUsage", \
		  store##_get_usage, \
		  RULE_IN_ANY, \
		  "", \
		  "integer", \
		  "Bytes that the values take, their keys and what keeps them together.", \
		  original_rest "getMemoryUsage" }, \
		{ family "getMemoryFree", \
		  store##_get_free, \
		  RULE_IN_ANY, \
		  "", \
		  "integer", \
		  "Bytes that are left.", \
		  original_rest "getMemoryFree" },

/* clang-format off */
static const struct rule_function functions[] = {
	ROWS("data.", shared, "size", " by any worker", "data.")
	ROWS("data.local_.", local, "local_size", " in this worker", "data.local.")
};
/* clang-format on */

API_FAMILY(api_data, functions);
