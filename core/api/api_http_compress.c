/* http.compress.*: whether an answer leaves compressed, whatever the virtual server's gzip: says. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "txn/txn_compress.h"

static struct txn *txn_before_answer(struct rule_call *call)
{
	struct txn *t = api_txn(call);
	if (t->out != NULL)
		rule_error(call, "a response was started already");
	return t;
}

static enum rule_answer enable(struct rule_call *call)
{
	struct txn_compress *c = txn_compress_for(txn_before_answer(call));
	c->order = TXN_COMPRESS_ENABLED;
	rule_push_boolean(call, c->coding != HTTP_CODING_NONE);
	return RULE_RETURN;
}

static enum rule_answer disable(struct rule_call *call)
{
	txn_compress_for(txn_before_answer(call))->order = TXN_COMPRESS_DISABLED;
	return RULE_RETURN;
}

/* clang-format off */
static const struct rule_function functions[] = {
	{ "http.compress.enable", enable, RULE_IN_REQUEST | RULE_IN_RESPONSE, "", "boolean",
	  "The answer is to be compressed, whatever its type and whether or not the virtual server has "
	  "`gzip: {enabled}`; its other keys hold. True if the client takes a coding of ours. What is compressed already, "
	  "a part of a whole (206), has a digest or says no-transform stays as it is. Answers of "
	  "http.sendResponse are not compressed, those of http.stream.startResponse are.",
	  "http.compress.enable" },
	{ "http.compress.disable", disable, RULE_IN_REQUEST | RULE_IN_RESPONSE, "", "",
	  "The answer is not to be compressed. Of both functions the last call counts.",
	  "http.compress.disable" },
};
/* clang-format on */

API_FAMILY(api_http_compress, functions);
