/*
 * Rules: any text is loaded or complained of; what is loaded runs within a small budget, and says the
 * same as in plain LuaJIT, which knows nothing of budgets. The first byte chooses phase, limits, and
 * whether others have a turn all the time.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "rule/pair.h"

FUZZ_HOLDS_LUA

/* What may differ: addresses, time, chance, texts of errors, what the sandbox has made its own. */
static const char *const differing[] = {
	"tostring",
	"format",
	"os",
	"random",
	"load",
	"require",
	"coroutine",
	"pcall",
	"meta",
	"raw",
	"error",
	"concat",
	"type",
	"sort",
	"deep",
	"gsub",
	"wrap",
	"next",
	"pairs",
	/* a NUL ends a pattern of LuaJIT's */
	"char",
	"\\0",
	"\\x0",
	"\\u",
};

static bool may_differ(struct slice text)
{
	for (size_t i = 0; i < sizeof differing / sizeof differing[0]; i++)
		if (memmem(text.at, text.len, differing[i], strlen(differing[i])) != NULL)
			return true;
	/* as a value, a function that is also a family is a table that can be called: it has a length */
	bool has_length = slice_find(text, '#') < text.len &&
			  memmem(text.at, text.len, "t.get", 5) != NULL;
	return has_length || slice_find(text, '\0') < text.len;
}

/* Our reader of Lua must take what LuaJIT takes, and what it writes anew must compile. */
static void check_complaints(const struct complaints *complaints)
{
	for (size_t i = 0; i < complaints->count; i++) {
		struct slice text = slice_of_string(complaints->list[i].text);
		fuzz_expect(!slice_is_equal(text, SLICE("cannot be read as a rule")));
		fuzz_expect(!slice_has_prefix(text, SLICE("too large for a rule:")));
	}
}

static void run(struct rule *rule, struct slice text, uint8_t choice)
{
	static struct pair_said said, plain_said;
	struct rule_limits limits = {
		.budget = choice & 4 ? 100 : 3000,
		.total_budget = 6000,
		.memory = choice & 8 ? 64 * 1024 : 1024 * 1024,
	};
	enum rule_result result = pair_run(rule, choice % 3, &limits, choice & 16 ? 1 : 20, &said);
	bool is_over = result == RULE_RESULT_FINISHED || result == RULE_RESULT_VERDICT;
	if (!is_over || may_differ(text))
		return;
	fuzz_expect(pair_run_plain(text, &plain_said));
	fuzz_expect(pair_is_same(&said, &plain_said));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return 0;
	struct complaints complaints = { 0 };
	struct slice text = fuzz_copy(bytes + 1, len - 1);
	unsigned phases = bytes[0] & 32 ? 1u << bytes[0] % 3 : RULE_IN_ANY;
	struct rule_vm *vm = pair_vm();
	/* put off wherever it may be, it must say the same */
	rule_vm_set_turn(vm, bytes[0] & 64 ? 1 : 0);
	struct rule *rule = rule_load_text(vm, "fuzz", "fuzz.lua", text, phases, &complaints);
	fuzz_expect((rule == NULL) == (complaints.errors > 0));
	check_complaints(&complaints);
	complaints_release(&complaints);
	if (rule != NULL)
		run(rule, text, bytes[0]);
	free((char *)(uintptr_t)text.at);
	return 0;
}
