/*
 * Patterns: weir's own matcher against LuaJIT's. The input is subject, pattern and replacement, with a
 * NUL behind each of the first two; the first byte is the place where the search begins.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "rule/pair.h"

FUZZ_HOLDS_LUA

static const char text[] =
	"local s, p, r, i = t.input(1), t.input(2), t.input(3), #t.input(4)\n"
	"t.say(pcall(string.find, s, p, i) and s:find(p, i))\n"
	"t.say(pcall(string.match, s, p) and s:match(p))\n"
	"t.say(s:find(p, i, true))\n"
	"if pcall(string.find, s, p) then\n"
	"  for a, b in s:gmatch(p) do t.say(a, b) end\n"
	"end\n"
	"if pcall(string.gsub, s, p, r) then t.say(s:gsub(p, r)) end\n"
	"if pcall(string.gsub, s, p, '<%0>') then t.say(s:gsub(p, '<%0>', 3)) end\n";

static struct slice take(struct slice *rest)
{
	size_t end = slice_find(*rest, '\0');
	struct slice taken = slice_of(rest->at, end);
	*rest = slice_skip(*rest, end < rest->len ? end + 1 : end);
	return taken;
}

static struct rule *rule_of(struct rule_vm *vm)
{
	static unsigned generation;
	static struct rule *rule;
	struct complaints complaints = { 0 };
	if (generation != pair_generation())
		rule = rule_load_text(vm, "pattern", "pattern.lua", slice_of_string(text),
				      RULE_IN_ANY, &complaints);
	generation = pair_generation();
	fuzz_expect(rule != NULL);
	complaints_release(&complaints);
	return rule;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const struct rule_limits limits = { 20000, 20000, 1024 * 1024, RULE_HTTP };
	static struct pair_said said, plain_said;
	static const char blanks[] = "                ";
	if (len == 0)
		return 0;
	struct slice input = fuzz_copy(bytes + 1, len - 1), rest = input;
	pair_inputs[0] = take(&rest);
	pair_inputs[1] = take(&rest);
	/* a "%" with nothing behind it is a "%" to weir, and a NUL to LuaJIT */
	pair_inputs[2] = rest.len > 0 && rest.at[rest.len - 1] == '%' ? SLICE("%%") : rest;
	pair_inputs[3] = slice_of(blanks, bytes[0] % 16);
	/* the vm may be made anew by this call alone */
	struct rule *rule = rule_of(pair_vm());
	if (pair_run(rule, RULE_REQUEST, &limits, 0, &said) == RULE_RESULT_FINISHED) {
		fuzz_expect(pair_run_plain(slice_of_string(text), &plain_said));
		fuzz_expect(pair_is_same(&said, &plain_said));
	}
	free((char *)(uintptr_t)input.at);
	return 0;
}
