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

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static double measure(struct rule_vm *vm, struct rule *rule, unsigned count)
{
	static const struct rule_limits limits = { 1000000, 10000000, 16u << 20 };
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
	rule_vm_free(vm);
	return 0;
}
