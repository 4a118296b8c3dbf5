/*
 * What a rule costs, in nanoseconds of this thread's own time per run:
 *
 *     cc -O2 -Icore $(pkg-config --cflags luajit) -o /tmp/rule_cost t/bench/rule_cost.c \
 *         core/rule/(all).c core/base/(all).c -lluajit-5.1 -lm
 *
 * Not a test: figures differ from machine to machine. Each is the best of several rounds.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule.h"

#include <stdio.h>
#include <time.h>

static enum rule_answer get_header(struct rule_call *call)
{
	rule_argument_string(call, 1);
	rule_push_string(call, SLICE("b"));
	return RULE_RETURN;
}

static enum rule_answer use(struct rule_call *call)
{
	rule_argument_string(call, 1);
	return RULE_VERDICT;
}

static enum rule_answer nothing(struct rule_call *call)
{
	(void)call;
	return RULE_RETURN;
}

static enum rule_answer sleep_a_bit(struct rule_call *call)
{
	rule_wait(call, nothing);
	return RULE_WAIT;
}

static const struct rule_function functions[] = {
	{ "http.getHeader", get_header, RULE_IN_ANY, "name: string", "string|nil", "", "" },
	{ "pool.use", use, RULE_IN_ANY, "name: string", "", "", "" },
	{ "connection.sleep", sleep_a_bit, RULE_IN_ANY | RULE_WAITS, "milliseconds: number", "", "",
	  "" },
};

static const struct {
	const char *name, *text;
} rules[] = {
	{ "empty", "" },
	{ "header, no verdict",
	  "local h = http.getHeader('x-route') if h == 'a' then pool.use('b') end" },
	{ "header, verdict in the main chunk",
	  "if http.getHeader('x-route') == 'b' then pool.use('web') end" },
	{ "header, verdict in a function",
	  "local function choose(h) if h == 'b' then pool.use('web') end end choose(http.getHeader('x-route'))" },
	{ "ten headers", "local n = 0 for i = 1, 10 do n = n + #http.getHeader('x-route') end" },
	{ "loop of 1000", "local n = 0 for i = 1, 1000 do n = n + i % 7 end" },
	{ "loop of 1000, not compiled",
	  "local n = 0 for i = 1, 1000 do n = n + i % 7 local f = function() end end" },
	{ "find", "if http.getHeader('x-route'):find('^/legacy/') then pool.use('web') end" },
	{ "one wait", "connection.sleep(1)" },
};

/* What may hold a worker: each run ends by its budget or its memory, but others must have turns. */
static const struct {
	const char *name, *text;
} hostile[] = {
	{ "endless", "while true do end" },
	{ "endless, not compiled", "while true do local f = function() end end" },
	{ "pcall", "while true do pcall(function() while true do end end) end" },
	{ "error in error handler", "while true do xpcall(error, function() error('x') end) end" },
	{ "coroutines", "while true do coroutine.wrap(function() coroutine.yield() end)() end" },
	{ "tables", "local t = {} while true do t[#t + 1] = {} end" },
	{ "a table of a million", "local t = {} for i = 1, 1e6 do t[i] = i end" },
	{ "keys of a million", "local t = {} for i = 1, 1e6 do t['k' .. i] = i end" },
	{ "string.rep 1e9", "local s = string.rep('x', 1e9)" },
	{ "strings", "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(1000) .. i end" },
	{ "concat", "local s = 'x' while true do s = s .. s end" },
	{ "catastrophic pattern", "local s = ('a'):rep(10000) s:find(('a-'):rep(1000) .. 'b')" },
	{ "catastrophic gsub", "local s = ('a'):rep(3000) s:gsub('.-.-.-b', '')" },
	{ "plain find",
	  "local s = ('a'):rep(1e6) while true do s:find(('a'):rep(500) .. 'b', 1, true) end" },
	{ "sort", "local t = {} for i = 1, 5e4 do t[i] = -i end table.sort(t)" },
	{ "deep recursion", "local function f() return 1 + f() end f()" },
	{ "deep recursion in pcall",
	  "local function f() return 1 + f() end while true do pcall(f) end" },
	{ "load", "while true do load(('local a = 1 '):rep(1000)) end" },
	{ "format", "local s = ('x'):rep(1e6) while true do string.format('%s%s', s, s) end" },
};

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static double measure(struct rule_vm *vm, struct rule *rule, unsigned count)
{
	static const struct rule_limits limits = { 1000000, 10000000, 16u << 20, RULE_HTTP };
	double start = now();
	for (unsigned i = 0; i < count; i++) {
		struct rule_run *run;
		enum rule_result result = rule_start(vm, rule, RULE_REQUEST, &limits, NULL, &run);
		while (result == RULE_RESULT_WAITING)
			result = rule_resume(run);
		if (result == RULE_RESULT_FAILED)
			printf("%s\n", rule_failure_message(vm));
	}
	return (now() - start) / count;
}

/* The longest stretch, and how many there were, in turns of half a millisecond as workers have them. */
static void measure_hostile(struct rule_vm *vm)
{
	static const struct rule_limits limits = { 1000000, 10000000, 16u << 20, RULE_HTTP };
	rule_vm_set_turn(vm, 500000);
	for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		struct complaints complaints = { 0 };
		struct rule_run *run;
		struct rule *rule = rule_load_text(vm, hostile[i].name, "bench.lua",
						   slice_of_string(hostile[i].text),
						   RULE_IN_REQUEST, &complaints);
		complaints_print(&complaints, stderr);
		unsigned turns = 1;
		double start = now(), longest = 0, whole;
		enum rule_result result = rule_start(vm, rule, RULE_REQUEST, &limits, NULL, &run);
		for (whole = now() - start;; turns++) {
			double stretch = now() - start;
			longest = stretch > longest ? stretch : longest;
			if (result != RULE_RESULT_WAITING)
				break;
			start = now();
			result = rule_resume(run);
			whole += now() - start;
		}
		printf("%-36s %8.2f ms at a time, %8.2f ms in %u turns\n", hostile[i].name,
		       longest / 1e6, whole / 1e6, turns);
	}
}

int main(void)
{
	struct rule_vm *vm = rule_vm_new("rules", functions, sizeof functions / sizeof *functions);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct complaints complaints = { 0 };
		struct rule *rule = rule_load_text(vm, rules[i].name, "bench.lua",
						   slice_of_string(rules[i].text), RULE_IN_REQUEST,
						   &complaints);
		complaints_print(&complaints, stderr);
		double best = 1e18;
		for (int round = 0; round < 7 && rule != NULL; round++) {
			double each = measure(vm, rule, 30000);
			best = each < best ? each : best;
		}
		uint64_t before = rule_vm_allocations(vm);
		measure(vm, rule, 1000);
		printf("%-36s %8.0f ns  %6.2f allocations\n", rules[i].name, best,
		       (double)(rule_vm_allocations(vm) - before) / 1000);
	}
	measure_hostile(vm);
	rule_vm_free(vm);
	return 0;
}
