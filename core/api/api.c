/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "base/memory.h"

#include <stdlib.h>

/* A scratch block bigger than this is not kept for the next, smaller result. */
#define SCRATCH_KEPT 65536

/* http.* is about a request of HTTP, but for what it asks of other machines. */
static void mark_http(struct rule_function *row)
{
	struct slice name = slice_of_string(row->name);
	if (slice_has_prefix(name, SLICE("http.")) &&
	    !slice_has_prefix(name, SLICE("http.request.")))
		row->phases |= RULE_ONLY_ON(RULE_HTTP);
}

const struct rule_function *api_functions(size_t *count)
{
	/* one to a line */
	/* clang-format off */
	static const struct api_family *const families[] = {
		&api_http_request,
		&api_http_response,
		&api_http_answer,
		&api_http_body,
		&api_http_form,
		&api_http_stream,
		&api_http_cache,
		&api_http_compress,
		&api_request,
		&api_orders,
		&api_response,
		&api_stream,
		&api_connection,
		&api_persist,
		&api_pool,
		&api_log,
		&api_string,
		&api_string_address,
		&api_string_encode,
		&api_string_number,
		&api_string_hash,
		&api_dns,
		&api_tcp,
		&api_json,
		&api_jwt,
		&api_resource,
		&api_geo,
		&api_string_regex,
		&api_string_cipher,
		&api_sys,
		&api_ssl,
		&api_data,
		&api_rate,
		&api_counter,
		&api_slm,
		&api_http_fetch,
	};
	/* clang-format on */
	static struct rule_function *all;
	static size_t all_count;
	if (all == NULL) {
		for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
			const struct api_family *f = families[i];
			all = memory_resize(all, (all_count + f->count) * sizeof *all);
			memcpy(all + all_count, f->functions, f->count * sizeof *all);
			all_count += f->count;
		}
		for (size_t i = 0; i < all_count; i++)
			mark_http(&all[i]);
	}
	*count = all_count;
	return all;
}

struct arena *api_arena(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	uint64_t most = t->vserver->rule_limits.memory;
	if (t->arena.total > most)
		rule_error(call, "the transaction holds more than rules.memory (%llu bytes)",
			   (unsigned long long)most);
	return &t->arena;
}

struct slice api_text(struct rule_call *call, unsigned n)
{
	struct slice text = rule_argument_string(call, n);
	rule_spend(call, text.len);
	return text;
}

static char *scratch;
static size_t scratch_capacity;

char *api_scratch(struct rule_call *call, size_t size)
{
	if (size > api_txn(call)->vserver->rule_limits.memory)
		rule_error(call, "the result would have %zu bytes, more than a rule may use", size);
	rule_spend(call, size);
	if (size > scratch_capacity || (scratch_capacity > SCRATCH_KEPT && size <= SCRATCH_KEPT)) {
		free(scratch);
		scratch_capacity = size > SCRATCH_KEPT ? size : SCRATCH_KEPT;
		scratch = memory_new(1, scratch_capacity);
	}
	return scratch;
}

char *api_scratch_grow(struct rule_call *call, size_t size)
{
	if (size > api_txn(call)->vserver->rule_limits.memory)
		rule_error(call, "the result would have %zu bytes, more than a rule may use", size);
	if (size <= scratch_capacity)
		return scratch;
	rule_spend(call, size);
	scratch_capacity = size + size / 2;
	scratch = memory_resize(scratch, scratch_capacity);
	return scratch;
}

/* A small one is kept for the next result. */
static char *spare;

static void grow(struct api_made *made, size_t needed)
{
	if (made->at == NULL && needed <= SCRATCH_KEPT) {
		made->at = spare == NULL ? memory_new(1, SCRATCH_KEPT) : spare;
		made->capacity = SCRATCH_KEPT;
		spare = NULL;
		return;
	}
	made->capacity = needed * 2;
	made->at = memory_resize(made->at, made->capacity);
}

char *api_made_room(struct rule_call *call, struct api_made *made, size_t more)
{
	if (made->len > api_txn(call)->vserver->rule_limits.memory)
		rule_error(call,
			   "the result would have more than %zu bytes, more than a rule may use",
			   made->len);
	if (made->at == NULL || made->len + more > made->capacity)
		grow(made, made->len + more);
	return made->at + made->len;
}

void api_made_add(struct rule_call *call, struct api_made *made, struct slice s)
{
	rule_spend(call, s.len);
	char *to = api_made_room(call, made, s.len);
	if (s.len > 0)
		memcpy(to, s.at, s.len);
	made->len += s.len;
}

void api_made_push(struct rule_call *call, const struct api_made *made)
{
	rule_push_string(call, made->at == NULL ? SLICE("") : slice_of(made->at, made->len));
}

void api_made_release(struct api_made *made)
{
	if (spare == NULL && made->capacity == SCRATCH_KEPT)
		spare = made->at;
	else
		free(made->at);
	*made = (struct api_made){ 0 };
}

void api_push_ip(struct rule_call *call, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	if (a->family == ADDR_NONE)
		rule_push_nil(call);
	else
		rule_push_string(call, slice_of_string(addr_format_ip(a, text)));
}

void api_push_port(struct rule_call *call, const struct addr *a)
{
	if (a->family == ADDR_NONE)
		rule_push_nil(call);
	else
		rule_push_integer(call, a->port);
}

enum rule_answer api_fail(struct rule_call *call, const char *reason)
{
	rule_push_nil(call);
	rule_push_string(call, slice_of_string(reason));
	return RULE_RETURN;
}

struct pool *api_named_pool(struct rule_call *call)
{
	struct slice name = rule_argument_string(call, 1);
	struct pool *p = world_find_pool(api_world(call), name);
	if (p == NULL && !slice_is_equal(name, SLICE("discard")))
		rule_argument_error(call, 1, "there is no pool '%.*s'",
				    name.len < 100 ? (int)name.len : 100, name.at);
	return p;
}
