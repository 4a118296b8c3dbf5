/* http.cache.*: what a rule says to the web cache about its request and the answer to it. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "txn/txn_cache.h"

#define KEY_MOST 4096

static enum rule_answer disable(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	txn_cache_for(t)->wish = TXN_CACHE_DISABLED;
	txn_cache_reconsider(t);
	return RULE_RETURN;
}

static enum rule_answer enable(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	txn_cache_for(t)->wish = TXN_CACHE_ENABLED;
	bool is_in_time = txn_cache_reconsider(t);
	if (!is_in_time)
		api_warn(call,
			 "http.cache.enable: it is too late: the request was not looked up, or "
			 "its answer has been looked into");
	rule_push_boolean(call, is_in_time);
	return RULE_RETURN;
}

static enum rule_answer set_key(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	struct slice key = api_text(call, 1);
	if (key.len > KEY_MOST)
		rule_argument_error(call, 1, "expected at most %d bytes, got %zu", KEY_MOST,
				    key.len);
	struct txn_cache *c = txn_cache_for(t);
	bool is_too_late = t->phase == RULE_RESPONSE && c->is_tapped;
	if (is_too_late)
		api_warn(call,
			 "http.cache.setkey: it is too late: the answer has been looked into");
	else
		c->extra = arena_copy(api_arena(call), key);
	rule_push_boolean(call, !is_too_late);
	return RULE_RETURN;
}

/* Argument 1 as a pool; NULL without one. *is_discard: it is the built-in one, of which nothing is stored. */
static struct pool *pool_argument(struct rule_call *call, bool *is_discard)
{
	*is_discard = false;
	if (rule_argument_is_absent(call, 1))
		return NULL;
	struct slice name = rule_argument_string(call, 1);
	struct pool *pool = world_find_pool(api_world(call), name);
	*is_discard = slice_is_equal(name, SLICE("discard"));
	if (pool == NULL && !*is_discard)
		rule_argument_error(call, 1, "there is no pool '%.*s'",
				    name.len < 100 ? (int)name.len : 100, name.at);
	return pool;
}

static enum rule_answer exists(struct rule_call *call)
{
	bool is_discard;
	struct pool *pool = pool_argument(call, &is_discard);
	rule_push_boolean(call, !is_discard && txn_cache_has(api_txn(call), pool, false));
	return RULE_RETURN;
}

static enum rule_answer respond_if_cached(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	bool is_discard;
	struct pool *pool = pool_argument(call, &is_discard);
	if (t->phase != RULE_REQUEST || is_discard || t->out != NULL ||
	    !txn_cache_has(t, pool, true))
		return RULE_RETURN;
	if (pool != NULL) {
		t->pool = pool;
		t->is_pool_default = false;
	}
	t->verdict = SLICE("http.cache.respondIfCached");
	return RULE_VERDICT;
}

#define BOTH (RULE_IN_REQUEST | RULE_IN_RESPONSE)

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.cache.disable", disable, BOTH, "", "",
	  "The answer is not stored; in a request rule no stored one is looked for either.",
	  "http.cache.disable" },
	{ "http.cache.enable", enable, BOTH, "", "boolean",
	  "In a request rule the web cache has its part, whatever `web_cache: {enabled}` of the virtual "
	  "server or an earlier http.cache.disable say. In a response rule it takes back an http.cache.disable "
	  "of a response rule. What may be stored the answer says (docs/caching.md). `false` and a warning in "
	  "the log when it is too late: the request was not looked up, or rules have looked into the body.",
	  "http.cache.enable" },
	{ "http.cache.exists", exists, RULE_IN_ANY, "pool?: string", "boolean",
	  "Is there a stored answer that could be given now? Of that pool, or of the one that the request goes "
	  "to as things are: answers of different pools are kept apart. A pool that does not exist is an "
	  "error.", "http.cache.exists" },
	{ "http.cache.respondIfCached", respond_if_cached, BOTH, "pool?: string", "",
	  "Gives the stored answer of that pool, or of the one that the request goes to as things are. A "
	  "verdict when there is one: it does not return, no node is asked; response rules run on the stored "
	  "answer. Otherwise, and in response rules, it returns and does nothing. A pool that does not exist "
	  "is an error.", "http.cache.respondIfCached" },
	{ "http.cache.setkey", set_key, BOTH, "key: string", "boolean",
	  "Stored answers with another key are not for this request, nor is its answer for those with another "
	  "one: a group of users, a language. The last call counts; at most 4,096 bytes. A key set in a "
	  "response rule alone is never found: request rules have to set the same. `false` and a warning in the "
	  "log in a response rule when rules have looked into the body before.", "http.cache.setkey" },
};
/* clang-format on */

API_FAMILY(api_http_cache, functions);
