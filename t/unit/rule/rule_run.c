/* It is long because everything that a run can do ends here: verdicts, waits, budgets, memory. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

TestSuite(rule_run, .init = fixture_open, .fini = fixture_close);

/* ---- verdicts -------------------------------------------------------------------------------- */

Test(rule_run, ends_without_a_verdict)
{
	cr_assert_str_eq(fixture_say("test.say('a', 1)"), "a 1\n");
	cr_assert_str_eq(fixture_say(""), "");
	cr_assert_eq(fixture_run("test.decideIf(false) return 7"), RULE_RESULT_FINISHED);
}

static const struct {
	const char *text;
	unsigned line;
} verdicts[] = {
	{ "test.decide('x') test.say('no')", 1 },
	{ "\ntest.decide 'x' test.say('no')", 2 },
	{ "if true then\n\n\ttest.decide(\n'x') end test.say('no')", 3 },
	{ "test.decideIf(false)\ntest.decideIf(true) test.say('no')", 2 },
	{ "for i = 1, 3 do test.decideIf(i == 2) if i == 3 then test.say('no') end end", 1 },
	{ "local d = test.decide\nlocal x = d('x') test.say('no')", 2 },
	{ "return test.decide('x')", 0 }, /* a tail call leaves no line behind */
	{ "local function f()\n test.decide('x') end\nf() test.say('no')", 2 },
	{ "pcall(test.decide, 'x') test.say('no')", 1 },
	{ "pcall(function() pcall(function() test.decide('x') end) test.say('no') end) test.say('no')",
	  1 },
	{ "xpcall(test.decide, function() test.say('no') end, 'x') test.say('no')", 1 },
	{ "xpcall(error, function() test.decide('x') end) test.say('no')", 1 },
	{ "coroutine.wrap(function() test.decide('x') test.say('no') end)() test.say('no')", 1 },
	{ "coroutine.resume(coroutine.create(test.decide), 'x') test.say('no')", 1 },
	{ "local c = coroutine.wrap(function() coroutine.wrap(function() test.decide('x') end)() end) c() test.say('no')",
	  1 },
	{ "local t = setmetatable({}, {__index = function() test.decide('x') end}) local y = t.z test.say('no')",
	  1 },
	{ "local t = setmetatable({}, {__concat = function() test.decide('x') end}) local y = t .. 'z' test.say('no')",
	  1 },
	{ "for _ in test.decide, 'x' do end test.say('no')", 1 },
	{ "table.sort({2, 1}, function() test.decide('x') end) test.say('no')", 1 },
	{ "local s = ('a'):gsub('.', test.decide) test.say('no')", 1 },
	{ "load('test.decide(\"x\")')() test.say('no')", 1 },
	{ "test.wait.deciding() test.say('no')", 1 },
	{ "pcall(test.wait.deciding) test.say('no')", 1 },
};

Test(rule_run, verdict_does_not_return)
{
	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
		cr_expect_eq(fixture_run(verdicts[i].text), RULE_RESULT_VERDICT, "%s",
			     verdicts[i].text);
		cr_expect_str_eq(subject.said, "", "%s", verdicts[i].text);
		cr_expect_eq(rule_verdict_line(vm), verdicts[i].line, "%s: line %u",
			     verdicts[i].text, rule_verdict_line(vm));
	}
}

/* A coroutine that outlives the run in which it decided must not go on in the next one. */
Test(rule_run, decided_coroutine_stays_where_it_is)
{
	cr_assert_eq(
		fixture_run(
			"local c = coroutine.create(function() test.decide('x') test.say('no') end) "
			"test.keep(c) coroutine.resume(c)"),
		RULE_RESULT_VERDICT);
	struct rule_run *run;
	struct rule *next = fixture_load("test.say(tostring(coroutine.resume(test.kept())))");
	cr_assert_eq(rule_start(vm, next, RULE_REQUEST, &limits, &subject, &run),
		     RULE_RESULT_FINISHED);
	cr_assert_str_eq(subject.said, "false\n");
}

/* ---- waits ----------------------------------------------------------------------------------- */

static const struct {
	const char *text, *said;
} waits[] = {
	{ "test.say(test.wait())", "waited 1\n" },
	{ "test.wait() test.say('on')", "on\n" },
	{ "local n = 0 for i = 1, 20 do local _, c = test.wait() n = n + c end test.say(n)",
	  "210\n" },
	{ "test.say(tostring(pcall(test.wait)), select(2, pcall(test.wait)))", "true waited 2\n" },
	{ "test.say(select(2, pcall(function() return pcall(test.wait) end)) and 'yes')", "yes\n" },
	{ "local function f(n) if n == 0 then return test.wait() end return f(n - 1) end test.say(f(50))",
	  "waited 1\n" },
	{ "local function f(n) if n == 0 then return (test.wait()) end return f(n - 1) .. n end test.say(f(3))",
	  "waited123\n" },
	{ "for a, b in test.wait do test.say(a, b) if b == 2 then break end end",
	  "waited 1\nwaited 2\n" },
	{ "local t = setmetatable({}, {__index = test.wait.many}) test.say(t.x)", "0\n" },
	{ "local t = setmetatable({}, {__index = function(_, k) return test.wait() .. k end}) test.say(t.x)",
	  "waitedx\n" },
	{ "local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, test.wait() .. v) end}) t.x = 1 test.say(t.x)",
	  "waited1\n" },
	{ "local t = setmetatable({}, {__add = function() return (test.wait()) end}) test.say(t + 1)",
	  "waited\n" },
	{ "local t = setmetatable({}, {__concat = function() return (test.wait()) end}) test.say('a' .. 'b' .. t)",
	  "awaited\n" },
	{ "local t = setmetatable({}, {__lt = function() return test.wait() ~= nil end}) test.say(tostring(t < t))",
	  "true\n" },
	{ "local t = setmetatable({}, {__eq = function() return test.wait() ~= nil end}) "
	  "test.say(tostring(t == setmetatable({}, getmetatable(t))))",
	  "true\n" },
	{ "local t = setmetatable({}, {__call = function() return test.wait() end}) test.say(t())",
	  "waited 1\n" },
	{ "local t = setmetatable({}, {__tostring = function() return (test.wait()) end}) "
	  "test.say(tostring(t), string.format('<%s>', t))",
	  "waited <waited>\n" },
	{ "local t = {3, 1, 2} table.sort(t, function(a, b) test.wait() return a < b end) test.say(table.concat(t))",
	  "123\n" },
	{ "test.say((('ab'):gsub('.', function(c) return c .. test.wait() end)))",
	  "awaitedbwaited\n" },
	{ "test.say((('ab'):gsub('.', setmetatable({}, {__index = function(_, k) return k .. test.wait() end}))))",
	  "awaitedbwaited\n" },
	{ "test.say(select(2, xpcall(error, function(e) return e .. test.wait() end, 'x', 0)))",
	  "xwaited\n" },
	{ "local c = coroutine.wrap(function(a) local w = test.wait() local b = coroutine.yield(a .. w) "
	  "local w, n = test.wait() return b .. w .. n end) test.say(c('a')) test.say(c('b'))",
	  "awaited\nbwaited2\n" },
	{ "local c = coroutine.create(function() local d = coroutine.wrap(function() coroutine.yield(test.wait()) "
	  "coroutine.yield((test.wait())) end) coroutine.yield(d()) coroutine.yield(d()) end) "
	  "test.say(select(2, coroutine.resume(c))) test.say(select(2, coroutine.resume(c))) test.say(coroutine.status(c))",
	  "waited 1\nwaited\nsuspended\n" },
	{ "test.say(select('#', coroutine.wrap(test.wait.many)()))", "300\n" },
	{ "test.say(select('#', test.wait.many()), select(300, test.wait.many()))", "300 299\n" },
	{ "test.say(load('return test.wait()')())", "waited 1\n" },
	{ "local a, b = test.wait(), test.get('x') test.say(a, b)", "waited value\n" },
	{ "test.say(tostring(pcall(test.wait.badly)), select(2, pcall(test.wait.badly)))",
	  "false t.lua:1: test.wait.badly: line 1 is too much\n" },
	{ "local ok, why = pcall(function()\n local x = test.wait.badly() end) test.say(why)",
	  "t.lua:2: test.wait.badly: line 2 is too much\n" },
	{ "local c = coroutine.create(function() test.wait.badly() end) test.say(select(2, coroutine.resume(c)))",
	  "t.lua:1: test.wait.badly: line 1 is too much\n" },
};

Test(rule_run, waits_anywhere)
{
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
		cr_expect_str_eq(fixture_say(waits[i].text), waits[i].said, "%s: %s", waits[i].text,
				 subject.said);
}

Test(rule_run, finish_may_wait_again)
{
	subject.finishes = 3;
	struct rule_run *run;
	struct rule *rule = fixture_load("test.say(test.wait())");
	cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
		     RULE_RESULT_WAITING);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(rule_resume(run), RULE_RESULT_WAITING);
	cr_assert_eq(rule_resume(run), RULE_RESULT_FINISHED);
	cr_assert_str_eq(subject.said, "waited 1\n");
}

Test(rule_run, unmarked_wait_fails_for_good)
{
	cr_assert_eq(fixture_run("\npcall(test.wait.unmarked) test.say('no')"), RULE_RESULT_FAILED);
	cr_assert_str_eq(rule_failure_message(vm),
			 "t.lua:2: test.wait.unmarked: line 2 is too much");
	cr_assert_str_eq(subject.said, "");
}

Test(rule_run, cancelled_run_does_not_go_on)
{
	struct rule_run *run;
	struct rule *rule = fixture_load(
		"test.keep(coroutine.running()) pcall(test.wait) test.say('no')");
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
			     RULE_RESULT_WAITING);
		rule_cancel(run);
	}
	cr_assert_str_eq(subject.said, "");
	cr_assert_str_eq(fixture_say("test.say('next')"), "next\n");
	cr_assert_lt(rule_vm_memory(vm), 4u << 20);
}

/* ---- many runs at once ----------------------------------------------------------------------- */

Test(rule_run, interleaved_runs_have_budgets_of_their_own)
{
	enum { COUNT = 100, ROUNDS = 9 };
	static struct subject subjects[COUNT];
	static struct rule_run *runs[COUNT];
	struct rule *rule = fixture_load(
		"for i = 1, 9 do for j = 1, 9000 do end test.wait() end test.say('done')");
	limits = (struct rule_limits){ 10000, 95000, 1u << 20, RULE_HTTP };
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subjects[i], &runs[i]),
			     RULE_RESULT_WAITING);
	for (int round = 1; round <= ROUNDS; round++)
		for (int i = 0; i < COUNT; i++) {
			/* 100 runs of 81,000 steps: one counter for all would have ended long ago. */
			enum rule_result result = rule_resume(runs[(i * 37) % COUNT]);
			cr_assert_eq(result,
				     round == ROUNDS ? RULE_RESULT_FINISHED : RULE_RESULT_WAITING,
				     "%s", rule_failure_message(vm));
		}
	for (int i = 0; i < COUNT; i++)
		cr_assert_str_eq(subjects[i].said, "done\n");
}

Test(rule_run, total_budget_counts_over_waits)
{
	limits = (struct rule_limits){ 10000, 50000, 1u << 20, RULE_HTTP };
	cr_assert_eq(
		fixture_run("for i = 1, 9 do for j = 1, 9000 do end test.wait() test.say(i) end"),
		RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_BUDGET);
	cr_assert_str_eq(subject.said, "1\n2\n3\n4\n5\n");
}

/* Steps that were handed out but not used before a wait are not lost. */
Test(rule_run, waiting_costs_no_steps)
{
	limits = (struct rule_limits){ 10000, 20000, 1u << 20, RULE_HTTP };
	cr_assert_eq(fixture_run("for i = 1, 1000 do test.wait() end"), RULE_RESULT_FINISHED, "%s",
		     rule_failure_message(vm));
}

/* What was charged for big operations counts for the whole run, too. */
Test(rule_run, charges_count_over_waits)
{
	limits = (struct rule_limits){ 10000, 20000, 1u << 20, RULE_HTTP };
	cr_assert_eq(fixture_run("for i = 1, 100 do local s = ('x'):rep(1e5) test.wait() end"),
		     RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_BUDGET);
}

Test(rule_run, budget_is_exact)
{
	char text[64];
	limits.budget = 5000;
	/* the chunk is a step, and so is each turn */
	for (int turns = 4997; turns <= 5001; turns++) {
		sprintf(text, "for i = 1, %d do end", turns);
		cr_expect_eq(fixture_run(text),
			     turns <= 4999 ? RULE_RESULT_FINISHED : RULE_RESULT_FAILED, "%d",
			     turns);
	}
	limits.budget = 0;
	cr_assert_eq(fixture_run(""), RULE_RESULT_FAILED);
	cr_assert_eq(fixture_run("#!/usr/bin/lua\n"), RULE_RESULT_FAILED);
}

/* ---- what never ends ------------------------------------------------------------------------- */

static const char *const endless[] = {
	/* the eleven of the measurements */
	"while true do end",
	"for i = 1, 1e15 do end",
	"local t = {} while true do t.x = (t.x or 0) + 1 end",
	"local function f() end while true do f() end",
	"local s = 'abc' while true do local x = s:sub(1, 2) end",
	"local function f() return f() end f()",
	"local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
	"while true do pcall(function() while true do end end) end",
	"while true do local s = ('x'):rep(1000) end",
	"while true do pcall(string.rep, 'x', 1e5) end",
	"local s = ('a'):rep(1000) s:find(('a-'):rep(20) .. 'b')",
	/* and more */
	"repeat until false",
	"::again:: goto again",
	"do local i = 0 ::again:: i = i + 1 if i then goto again end end",
	"while true do xpcall(function() while true do end end, function() while true do end end) end",
	"local function f() pcall(f) pcall(f) end while true do f() end",
	"local function f() pcall(f) f() end f()",
	"local function f() xpcall(f, f) f() end f()",
	"while true do coroutine.wrap(function() while true do end end)() end",
	"while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
	"local t = setmetatable({}, {__index = function(t, k) while true do end end}) pcall(function() return t.x end)",
	"local t = setmetatable({}, {__tostring = function() while true do end end}) while true do pcall(tostring, t) end",
	"for _ in function() return 1 end do end",
	"local t = {2, 1} while true do table.sort(t) end",
	"local t = {} for i = 1, 100 do t[i] = i end while true do pcall(table.sort, t, function() error() end) end",
	"while true do load('local x = 1')() end",
	"load('while true do end')()",
	"pcall(load, function() while true do end end)",
	"while true do pcall(error) end",
	"local s = ('x'):rep(1e6) while true do s:upper() s:lower() s:reverse() end",
	"local s = ('x'):rep(1e6) while true do s:gsub('x', 'yy') end",
	"local s = ('x'):rep(1e6) while true do s:gsub('x', {}) end",
	"local s = ('x'):rep(1e6) while true do for w in s:gmatch('y') do end end",
	"local s = ('x'):rep(1e6) while true do s:find('y', 1, true) end",
	"local s = ('('):rep(1e5) while true do s:match('%b()') end",
	"local s = ('x'):rep(1e6) while true do local t = s .. 'y' end",
	"local t = {} for i = 1, 1e5 do t[i] = i end while true do table.insert(t, 1, 1) table.remove(t, 1) end",
	"local t = {} for i = 1, 7000 do t[i] = 'x' end while true do local s = table.concat(t) end",
	"local t = {} for i = 1, 7000 do t[i] = 'x' end while true do local n = select('#', unpack(t)) end",
	"local s = ('\\1'):rep(6e4) while true do local a = ('%q'):format(s) end",
	"while true do test.get('x') end",
	"test.work(1e12)",
	"while true do test.work(1e6) end",
	"pcall(test.work, 1e12) while true do end",
};

static double seconds(void)
{
	struct timespec at;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

Test(rule_run, endless_rules_end)
{
	for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
		double start = seconds();
		cr_expect_eq(fixture_run(endless[i]), RULE_RESULT_FAILED, "%s", endless[i]);
		cr_expect_eq(rule_failure_kind(vm), RULE_FAILURE_BUDGET, "%s: %s", endless[i],
			     rule_failure_message(vm));
		cr_expect_not_null(strstr(rule_failure_message(vm), ":1: budget"), "%s",
				   rule_failure_message(vm));
		/* steps stop it, not the clock; but a sanitizer can make those as slow as the clock */
		cr_expect(strstr(rule_failure_message(vm), "processor time") == NULL ||
				  seconds() - start > 0.25,
			  "%s", endless[i]);
		/* far from what it takes, sanitizers and all; far below what an endless one takes */
		cr_expect_lt(seconds() - start, 8.0, "%s took %f s", endless[i], seconds() - start);
	}
	cr_assert_str_eq(fixture_say("test.say('alive')"), "alive\n");
}

/* Steps that nothing charges for are stopped by the clock. */
Test(rule_run, slow_steps_end)
{
	cr_assert_eq(fixture_run("local s = ('1'):rep(1e6) while true do local a = s + 1 end"),
		     RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_BUDGET);
	cr_assert_not_null(strstr(rule_failure_message(vm), "processor time"));
}

/* An error that is caught costs far more than a call. */
Test(rule_run, catching_costs_steps)
{
	limits.budget = 5000;
	cr_expect_eq(fixture_run("for i = 1, 250 do pcall(error) end"), RULE_RESULT_FINISHED, "%s",
		     rule_failure_message(vm));
	cr_expect_eq(fixture_run("for i = 1, 500 do pcall(error) end"), RULE_RESULT_FAILED);
	cr_expect_eq(fixture_run("for i = 1, 500 do xpcall(error, function() end) end"),
		     RULE_RESULT_FAILED);
}

/* So does a big string, whatever makes it: of 100,000 bytes each is some 390 steps. */
Test(rule_run, big_strings_cost_steps)
{
	static const char *const makers[] = { "s .. i", "s:upper()", "('%s%d'):format(s, i)",
					      "table.concat({s, i})", "s:sub(2)" };
	char text[256];
	for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
		limits.budget = 1000000;
		snprintf(text, sizeof text,
			 "local s = ('x'):rep(1e5) for i = 1, 100 do local t = %s end", makers[i]);
		cr_expect_eq(fixture_run(text), RULE_RESULT_FINISHED, "%s: %s", makers[i],
			     rule_failure_message(vm));
		limits.budget = 10000;
		cr_expect_eq(fixture_run(text), RULE_RESULT_FAILED, "%s", makers[i]);
		cr_expect_not_null(strstr(rule_failure_message(vm), "more than 10000 steps"),
				   "%s: %s", makers[i], rule_failure_message(vm));
	}
}

static const char *const big[] = {
	"local s = 'x' while true do s = s .. s end",
	"local s = ('x'):rep(1e9)",
	"pcall(string.rep, 'x', 1e9) while true do end",
	"local s = ('x'):rep(1e6, ('y'):rep(1000))",
	"local t = {} for i = 1, 1e6 do t[i] = {} end",
	"local t = {} for i = 1, 1e6 do t['k' .. i] = i end",
	"local t = {} while true do pcall(function() for i = 1, 1e6 do t[#t + 1] = ('x'):rep(100) .. i end end) end",
	"local t = {} for i = 1, 1e6 do t[i] = coroutine.create(function() end) end",
	"local t = {} for i = 1, 1e6 do t[i] = function() return i end end",
	"local s = ('x'):rep(1e6) local t = {} for i = 1, 100 do t[i] = s end local x = table.concat(t)",
	"local c = coroutine.wrap(function() local t = {} for i = 1, 1e6 do t[i] = {} end end) pcall(c) while true do end",
};

Test(rule_run, memory_is_capped)
{
	for (size_t i = 0; i < sizeof big / sizeof *big; i++) {
		cr_expect_eq(fixture_run(big[i]), RULE_RESULT_FAILED, "%s", big[i]);
		/* A table that grows pays for each copy, too: both ends are fine, both are bounded. */
		cr_expect_neq(rule_failure_kind(vm), RULE_FAILURE_ERROR, "%s: %s", big[i],
			      rule_failure_message(vm));
		cr_expect_lt(rule_vm_memory(vm), 40u << 20, "%s: %zu", big[i], rule_vm_memory(vm));
	}
	cr_assert_eq(fixture_run(big[1]), RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_MEMORY);
	cr_assert_str_eq(rule_failure_message(vm),
			 "t.lua:1: memory exhausted: more than 16777216 bytes");
	cr_assert_str_eq(fixture_say("test.say('alive')"), "alive\n");
}

/* Room that the garbage of others gives back is not this run's. */
Test(rule_run, no_piece_is_bigger_than_the_limit)
{
	limits.memory = 64 << 20;
	cr_assert_eq(fixture_run("for i = 1, 4 do local t = ('x'):rep(1e6 + i) end"),
		     RULE_RESULT_FINISHED);
	cr_assert_gt(rule_vm_memory(vm), 2u << 20, "there is garbage");
	limits.memory = 1 << 20;
	cr_assert_eq(fixture_run("local s = ('x'):rep(1200000)"), RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_MEMORY);
}

static const char *const hungry[] = {
	"local t = {} for i = 1, 1e5 do t[i] = {} end",
	"local t = {} for i = 1, 1e5 do t['k' .. i] = i end",
	"local t = {} for i = 1, 1e5 do t[i] = function() return i end end",
	"local t = {} for i = 1, 1e5 do t[i] = coroutine.create(function() end) end",
	"local s = 'x' for i = 1, 1e5 do s = s .. s end",
	"local s = ('x'):rep(1e4) for i = 1, 1e5 do s = s:gsub('x', 'xx') end",
	"local s = ('x'):rep(1e4) for i = 1, 1e5 do s = s:gsub('x', function() return 'xx' end) end",
	"local s = ('x'):rep(1e4) for i = 1, 1e5 do s = string.format('%s%s', s, s) end",
	"local s = ('x'):rep(1e4) for i = 1, 1e5 do s = table.concat({s, s}) end",
	"local s = ('x'):rep(2e6)",
	"local t = {} for i = 1, 1e5 do t[i] = test.get('x'):rep(99) .. i end",
};

Test(rule_run, memory_is_what_fails)
{
	limits = (struct rule_limits){ 100000000, 100000000, 1u << 20, RULE_HTTP };
	for (size_t i = 0; i < sizeof hungry / sizeof *hungry; i++) {
		cr_expect_eq(fixture_run(hungry[i]), RULE_RESULT_FAILED, "%s", hungry[i]);
		cr_expect_eq(rule_failure_kind(vm), RULE_FAILURE_MEMORY, "%s: %s", hungry[i],
			     rule_failure_message(vm));
		cr_expect_lt(rule_vm_memory(vm), 8u << 20, "%s: %zu", hungry[i],
			     rule_vm_memory(vm));
	}
}

/* Not even code without loops and calls goes on behind a pcall. */
static const char *const stopped[] = {
	"pcall(string.rep, 'x', 1e9) test.say('no')",
	"pcall(function() while true do end end) test.say('no')",
	"xpcall(function() while true do end end, test.say) test.say('no')",
	"xpcall(string.rep, test.say, 'x', 1e9) test.say('no')",
	"coroutine.resume(coroutine.create(function() while true do end end)) test.say('no')",
	"pcall(coroutine.wrap(function() while true do end end)) test.say('no')",
	"pcall(pcall, pcall, string.rep, 'x', 1e9) test.say('no')",
	"pcall(load, function() while true do end end) test.say('no')",
	"pcall(function() local t = {} for i = 1, 1e6 do t[i] = {} end end) test.say('no')",
	"pcall(('x').gsub, 'x', 'x', function() while true do end end) test.say('no')",
};

Test(rule_run, nothing_runs_behind_a_spent_limit)
{
	for (size_t i = 0; i < sizeof stopped / sizeof *stopped; i++) {
		cr_expect_eq(fixture_run(stopped[i]), RULE_RESULT_FAILED, "%s", stopped[i]);
		cr_expect_neq(rule_failure_kind(vm), RULE_FAILURE_ERROR, "%s", stopped[i]);
		cr_expect_str_eq(subject.said, "", "%s", stopped[i]);
	}
}

/* Garbage is collected before a run is told that there is no memory. */
Test(rule_run, garbage_does_not_count)
{
	limits.budget = limits.total_budget = 100000000;
	cr_assert_eq(fixture_run("local s = ('x'):rep(3e6) for i = 1, 500 do local t = s .. i end"),
		     RULE_RESULT_FINISHED, "%s", rule_failure_message(vm));
	cr_assert_eq(
		fixture_run("for i = 1, 300 do local t = {} for j = 1, 20000 do t[j] = {} end end"),
		RULE_RESULT_FINISHED, "%s", rule_failure_message(vm));
	cr_assert_eq(fixture_run("for i = 1, 2000 do local s = ('x'):rep(1e6 + i) end"),
		     RULE_RESULT_FINISHED, "%s", rule_failure_message(vm));
}

Test(rule_run, memory_is_counted_over_waits)
{
	cr_assert_eq(
		fixture_run(
			"local t = {} for i = 1, 30 do t[i] = ('x'):rep(1e6) .. i test.wait() test.say(i) end"),
		RULE_RESULT_FAILED);
	cr_assert_eq(rule_failure_kind(vm), RULE_FAILURE_MEMORY);
}

static const char *const deep[] = {
	"local function f() return 1 + f() end f()",
	"local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) local x = t[1]",
	"local x x = setmetatable({}, {__tostring = function() return string.format('%s', x) end}) tostring(x)",
	"local function f() coroutine.wrap(f)() end f()",
	"local function f(...) return f(1, ...) end f()",
	"local function f() local t = setmetatable({}, {__concat = f}) return t .. t end f()",
};

Test(rule_run, deep_recursion_ends)
{
	for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
		cr_expect_eq(fixture_run(deep[i]), RULE_RESULT_FAILED, "%s", deep[i]);
		cr_expect_eq(rule_failure_kind(vm), RULE_FAILURE_ERROR, "%s: %s", deep[i],
			     rule_failure_message(vm));
	}
	cr_assert_str_eq(fixture_say("test.say('alive')"), "alive\n");
}

/* LuaJIT's own read what an earlier call left on the stack: a number of another rule, say. */
Test(rule_run, rounding_nothing_is_an_error)
{
	cr_expect_str_eq(fixture_say("local function fill() local a, b, c, d, e, f = 1.5, 2.5, 3.5,"
				     " 4.5, 5.5, 6.5 return a end\n"
				     "for _, name in ipairs({'floor', 'ceil'}) do\n"
				     "local f = math[name] fill()\n"
				     "test.say(tostring(pcall(function() fill() return (f()) end)))"
				     " fill() test.say(tostring(pcall(f)), tostring(f(-1.5)))\n"
				     "end"),
			 "false\nfalse -2\nfalse\nfalse -1\n");
}

/* ---- letting others have a turn --------------------------------------------------------------- */

static const struct {
	const char *text;
	bool ends_by_budget;
} long_ones[] = {
	{ "local n = 0 for i = 1, 300000 do n = n + i % 3 end test.say(tostring(n))", false },
	{ "local ok, n = pcall(function() local n = 0 while n < 300000 do n = n + 1 end return n end)"
	  " test.say(tostring(ok), tostring(n))",
	  false },
	{ "local w = coroutine.wrap(function() for i = 1, 3 do for k = 1, 90000 do end"
	  " coroutine.yield(i) end return 'end' end) test.say(w(), w(), w(), w())",
	  false },
	{ "local t = {} for i = 1, 3000 do t[i] = (i * 7919) % 3001 end"
	  " table.sort(t, function(a, b) return a < b end) test.say(tostring(t[1]), tostring(t[3000]))",
	  false },
	{ "local s = ('ab'):rep(3000):gsub('.', function(c) for i = 1, 20 do end return c:upper() end)"
	  " test.say(s:sub(1, 4))",
	  false },
	{ "while true do end", true },
	{ "while true do pcall(function() while true do end end) end", true },
	{ "coroutine.wrap(function() while true do end end)()", true },
};

static enum rule_result run_in_turns(const char *text, uint64_t turn, unsigned *turns)
{
	struct rule_run *run;
	subject = (struct subject){ 0 };
	*turns = 0;
	rule_vm_set_turn(vm, turn);
	enum rule_result result = rule_start(vm, fixture_load(text), RULE_REQUEST, &limits,
					     &subject, &run);
	for (; result == RULE_RESULT_WAITING; ++*turns) {
		cr_assert(rule_is_put_off(run));
		result = rule_resume(run);
	}
	return result;
}

/* What a rule says, and whether its budget is enough, does not depend on how often it was put off. */
Test(rule_run, lets_others_have_a_turn)
{
	for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++) {
		static struct subject alone;
		unsigned turns;
		enum rule_result result = run_in_turns(long_ones[i].text, 0, &turns);
		cr_expect_eq(turns, 0);
		alone = subject;
		cr_expect_eq(run_in_turns(long_ones[i].text, 1, &turns), result, "%s: %s",
			     long_ones[i].text, rule_failure_message(vm));
		cr_expect_gt(turns, 100, "%s: %u turns", long_ones[i].text, turns);
		cr_expect_str_eq(subject.said, alone.said, "%s", long_ones[i].text);
		cr_expect_eq(result == RULE_RESULT_FAILED, long_ones[i].ends_by_budget);
	}
}

/* The time of all turns counts, where no step explains it. */
Test(rule_run, slow_steps_end_in_turns_too)
{
	unsigned turns;
	limits.budget = 40000;
	cr_assert_eq(
		run_in_turns(
			"local s = ('1'):rep(3e4) while true do test.get('x') local a = s + 1 end",
			1, &turns),
		RULE_RESULT_FAILED);
	cr_expect_not_null(strstr(rule_failure_message(vm), "processor time"), "%s",
			   rule_failure_message(vm));
	cr_expect_gt(turns, 0u);
}

/* However few its steps are, what does big things is put off between them. */
Test(rule_run, big_operations_end_a_turn)
{
	unsigned turns;
	cr_assert_eq(run_in_turns("for i = 1, 100 do test.work(100000) end", 1, &turns),
		     RULE_RESULT_FINISHED, "%s", rule_failure_message(vm));
	cr_expect_gt(turns, 40u, "%u turns", turns);
}

/* Tables of LuaJIT's own grow now and then, charged to whoever runs then: never twice in a row. */
static bool ends_alike_in_turns(const char *text)
{
	unsigned turns;
	for (unsigned tries = 0; tries < 2; tries++)
		if (run_in_turns(text, 1, &turns) == run_in_turns(text, 0, &turns))
			return true;
	return false;
}

/* To the step. */
Test(rule_run, turns_change_no_budget)
{
	char text[64];
	for (uint64_t steps = 2000; steps < 2600; steps += 7) {
		snprintf(text, sizeof text, "for i = 1, %llu do end", (unsigned long long)steps);
		for (uint64_t budget = steps - 3; budget < steps + 4; budget++) {
			limits.budget = budget;
			cr_expect(ends_alike_in_turns(text), "%s, budget %llu", text,
				  (unsigned long long)budget);
			limits.budget = 1000000;
			limits.total_budget = budget;
			cr_expect(ends_alike_in_turns(text), "%s, whole budget %llu", text,
				  (unsigned long long)budget);
			limits.total_budget = 10000000;
		}
	}
}

/* Only when all that can be collected is, bit by bit, a run is told that there is no memory. */
Test(rule_run, collects_in_turns)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "local t for i = 1, 90000 do t = {i, {}} end test.say('fine')", "fine\n" },
		{ "for k = 1, 3 do local t = {} for i = 1, 8000 do t[i] = {i} end t = nil end"
		  " test.say('fine')",
		  "fine\n" },
		{ "local t = {} for i = 1, 90000 do t[i] = {i} end test.say('never')", NULL },
		{ "pcall(function() local t = {} for i = 1, 90000 do t[i] = {i} end end)"
		  " test.say('never')",
		  NULL },
		{ "coroutine.wrap(function() local t = {} for i = 1, 90000 do t[i] = {i} end end)()"
		  " test.say('never')",
		  NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned turns;
		limits.memory = 1 << 20;
		size_t before = rule_vm_memory(vm);
		enum rule_result result = run_in_turns(rows[i].text, 1000000000, &turns);
		if (rows[i].said != NULL) {
			cr_expect_eq(result, RULE_RESULT_FINISHED, "%s: %s", rows[i].text,
				     rule_failure_message(vm));
			cr_expect_str_eq(subject.said, rows[i].said);
		} else {
			cr_expect_eq(result, RULE_RESULT_FAILED, "%s", rows[i].text);
			cr_expect_gt(turns, 1, "%s", rows[i].text);
			cr_expect(strstr(rule_failure_message(vm), "memory exhausted") != NULL,
				  "%s", rule_failure_message(vm));
		}
		cr_expect_lt(rule_vm_memory(vm), before + (3 << 20), "%s: %zu bytes", rows[i].text,
			     rule_vm_memory(vm) - before);
	}
}

/* ---- what a run costs ------------------------------------------------------------------------ */

static const char *const frugal[] = {
	"",
	"local h = test.get('x-route') if h == 'a' then test.decide('b') end",
	"if test.get('x-route') == 'value' then test.decide('web') end",
	"local n = 0 for i = 1, 100 do n = n + i end",
	"test.wait()",
	"if test.get('x'):find('^/legacy/') then test.decide('web') end",
	"local ok, h = pcall(test.get, 'x')",
	"local s = test.get('x'):sub(1, 1):upper()",
};

Test(rule_run, allocates_nothing_once_warm)
{
	struct rule_run *run;
	for (size_t i = 0; i < sizeof frugal / sizeof *frugal; i++) {
		struct rule *rule = fixture_load(frugal[i]);
		uint64_t before = 0;
		for (int k = 0; k < 3000; k++) {
			if (k == 2000)
				before = rule_vm_allocations(vm);
			enum rule_result result = rule_start(vm, rule, RULE_REQUEST, &limits,
							     &subject, &run);
			while (result == RULE_RESULT_WAITING)
				result = rule_resume(run);
			cr_assert_neq(result, RULE_RESULT_FAILED, "%s", rule_failure_message(vm));
		}
		cr_expect_eq(rule_vm_allocations(vm), before, "%s: %llu allocations in 1000 runs",
			     frugal[i], (unsigned long long)(rule_vm_allocations(vm) - before));
	}
}

/* Runs that are given up inside leave garbage, and it is collected. */
Test(rule_run, given_up_runs_are_collected)
{
	struct rule_run *run;
	struct rule *rule = fixture_load("local function f() test.decide('x') end f()");
	for (int i = 0; i < 20000; i++)
		cr_assert_eq(rule_start(vm, rule, RULE_REQUEST, &limits, &subject, &run),
			     RULE_RESULT_VERDICT);
	cr_assert_lt(rule_vm_memory(vm), 4u << 20);
}
