/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/clock.h"

#include <criterion/criterion.h>
#include <time.h>

TestSuite(api_data, .init = api_unit_open, .fini = api_unit_close);

/* A rule for both families, which it knows as `store`. */
static void passes_in_both(const char *text)
{
	static const char *const stores[] = { "data", "data.local_" };
	char whole[4096];
	for (int i = 0; i < 2; i++) {
		snprintf(whole, sizeof whole, "local store = %s\n%s", stores[i], text);
		api_unit_passes(whole);
		api_unit_passes_in(RULE_RESPONSE, whole);
		api_unit_passes_in(RULE_COMPLETION, whole);
	}
}

Test(api_data, values_keep_their_types)
{
	passes_in_both("local function same(v) store.set('k', v) assert(store.get('k') == v) end\n"
		       "same('') same('text') same('\\0\\255') same('12')\n"
		       "same(0) same(-1.5) same(1e300) same(1/0) same(true) same(false)\n"
		       "same(('x'):rep(10000))\n"
		       "store.set('k', 0/0) local n = store.get('k') assert(n ~= n)\n"
		       "assert(store.get('other') == nil)\n"
		       "store.reset()\n");
}

Test(api_data, tables_are_copied_with_all_that_is_in_them)
{
	passes_in_both("local t = {1, 'two', {three = {true, false}, [4] = 'four', [1.5] = 'x'},\n"
		       "  {}, {{{}}}}\n"
		       "assert(store.set('t', t))\n"
		       "t[1] = 'changed'\n"
		       "local got = store.get('t')\n"
		       "assert(#got == 5 and got[1] == 1 and got[2] == 'two')\n"
		       "assert(got[3].three[1] == true and got[3].three[2] == false)\n"
		       "assert(got[3][4] == 'four' and got[3][1.5] == 'x')\n"
		       "assert(next(got[4]) == nil and next(got[5][1][1]) == nil)\n"
		       "got[1] = 'mine' assert(store.get('t')[1] == 1)\n"
		       "store.set('e', {json.deserialize('[]'), {}})\n"
		       "assert(json.serialize(store.get('e')) == '[[],{}]')\n"
		       "store.set('h', {a = {b = {c = 1}}, [true] = 'yes'})\n"
		       "assert(store.get('h').a.b.c == 1 and store.get('h')[true] == 'yes')\n"
		       "store.reset()\n");
}

Test(api_data, add_only_where_there_is_nothing)
{
	passes_in_both("assert(store.add('k', 1) == true and store.add('k', 2) == false)\n"
		       "assert(store.get('k') == 1)\n"
		       "assert(store.remove('k') == true and store.remove('k') == false)\n"
		       "assert(store.add('k', 2) == true)\n"
		       "store.reset()\n");
}

Test(api_data, increment_counts_from_nothing)
{
	passes_in_both("assert(store.increment('n') == 1 and store.increment('n', 4) == 5)\n"
		       "assert(store.increment('n', -0.5) == 4.5 and store.get('n') == 4.5)\n"
		       "store.set('n', 10) assert(store.increment('n') == 11)\n"
		       "store.set('s', '5')\n"
		       "local n, why = store.increment('s')\n"
		       "assert(n == nil and why == 'the value is not a number')\n"
		       "assert(store.get('s') == '5')\n"
		       "store.reset()\n");
}

Test(api_data, compare_and_set_wants_the_value_that_is_there)
{
	passes_in_both("assert(store.compareAndSet('k', 1, 2) == false)\n"
		       "assert(store.compareAndSet('k', nil, 1) == true)\n"
		       "assert(store.compareAndSet('k', nil, 2) == false)\n"
		       "assert(store.compareAndSet('k', '1', 2) == false)\n"
		       "assert(store.compareAndSet('k', 1, 'x') == true)\n"
		       "assert(store.compareAndSet('k', 'x', false) == true)\n"
		       "assert(store.compareAndSet('k', false, {1}) == true)\n"
		       "assert(store.compareAndSet('k', {2}, 3) == false)\n"
		       "assert(store.compareAndSet('k', {1}, 3) == true and store.get('k') == 3)\n"
		       "store.reset()\n");
}

/* Entries in another order are the same table. */
Test(api_data, tables_compare_by_what_is_in_them)
{
	passes_in_both("local a, b = {}, {}\n"
		       "for i = 1, 60 do a['k' .. i] = {x = i, y = {i}} end\n"
		       "for i = 60, 1, -1 do b['k' .. i] = {y = {i}, x = i} end\n"
		       "store.set('k', a)\n"
		       "assert(store.compareAndSet('k', b, 'same'))\n"
		       "store.set('k', a) b.k7.y[1] = 8\n"
		       "assert(not store.compareAndSet('k', b, 'same'))\n"
		       "local got = store.get('k')\n"
		       "assert(store.compareAndSet('k', got, 'again'))\n"
		       "store.set('k', {{}}) got = store.get('k')\n"
		       "assert(store.compareAndSet('k', got, 1))\n"
		       "store.reset()\n");
}

Test(api_data, list_and_reset_take_a_prefix)
{
	passes_in_both("for i = 1, 30 do store.set('a' .. i, i) store.set('b' .. i, i) end\n"
		       "assert(#store.list() == 60 and #store.list('a') == 30)\n"
		       "assert(#store.list('a', 7) == 7 and #store.list('none') == 0)\n"
		       "local found = {}\n"
		       "for _, key in ipairs(store.list('b')) do found[key] = true end\n"
		       "for i = 1, 30 do assert(found['b' .. i]) end\n"
		       "store.reset('a') assert(#store.list() == 30 and store.get('b3') == 3)\n"
		       "store.reset() assert(#store.list() == 0)\n");
}

Test(api_data, memory_is_told_and_bounded)
{
	api_unit_keep_log();
	passes_in_both("local all = store.getMemoryFree()\n"
		       "assert(store.getMemoryUsage() == 0 and all == 65536)\n"
		       "store.set('k', ('x'):rep(1000))\n"
		       "local used = store.getMemoryUsage()\n"
		       "assert(used >= 1000 and used < 2000)\n"
		       "assert(store.getMemoryFree() == all - used)\n"
		       "local i = 0\n"
		       "while store.set('x' .. i, ('x'):rep(500)) do i = i + 1 end\n"
		       "assert(i > 50 and i < 128)\n"
		       "assert(store.set('k', ('x'):rep(70000)) == false)\n"
		       "assert(store.add('new', ('x'):rep(70000)) == false)\n"
		       "assert(#store.get('k') == 1000)\n"
		       "while store.add('y' .. i, 1) do i = i + 1 end\n"
		       "local n, why = store.increment('z')\n"
		       "assert(n == nil and why == 'there is no room for the value')\n"
		       "store.reset() assert(store.getMemoryUsage() == 0)\n");
	cr_expect_not_null(strstr(api_unit_log(), "line 9: there is no room for the value of 'x"),
			   "%s", api_unit_log());
}

static void pass_time(long milliseconds)
{
	struct timespec pause = { 0, milliseconds * 1000000 };
	nanosleep(&pause, NULL);
	clock_update();
}

Test(api_data, what_has_a_time_to_live_goes)
{
	api_unit_passes("for _, s in ipairs{data, data.local_} do\n"
			"  s.set('k', 1, 0.05) s.add('a', 1, 0.05) s.increment('n', 5, 0.05)\n"
			"  s.compareAndSet('c', nil, 1, 0.05) s.set('long', 1, 1000)\n"
			"  assert(s.get('k') == 1 and s.get('a') == 1 and s.get('n') == 5)\n"
			"  assert(s.get('c') == 1)\n"
			"end\n");
	pass_time(60);
	api_unit_passes(
		"for _, s in ipairs{data, data.local_} do\n"
		"  assert(not (s.get('k') or s.get('a') or s.get('n') or s.get('c')))\n"
		"  assert(s.get('long') == 1 and #s.list() == 1 and s.increment('n') == 1)\n"
		"end\n");
}

/* However short its time, it is there now. */
Test(api_data, the_shortest_time_to_live_is_a_millisecond)
{
	passes_in_both("assert(store.set('k', 1, 1e-9) and store.get('k') == 1)\n");
	pass_time(2);
	passes_in_both("assert(store.get('k') == nil)\n");
}

Test(api_data, the_two_stores_are_two)
{
	api_unit_passes("data.set('k', 1) data.local_.set('k', 2)\n"
			"assert(data.get('k') == 1 and data.local_.get('k') == 2)\n"
			"data.local_.reset() assert(data.get('k') == 1)\n");
}

Test(api_data, wrong_arguments)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
		{ "get()", "get: argument 1 (key): expected a string" },
		{ "get({})", "get: argument 1 (key): expected a string" },
		{ "get(('k'):rep(1025))",
		  "argument 1 (key): expected at most 1024 bytes, got 1025" },
		{ "set({}, 1)", "set: argument 1 (key): expected a string" },
		{ "set('k')", "set: argument 2 (value): expected a value, got nothing" },
		{ "set('k', nil)", "argument 2 (value): expected strings, numbers, booleans" },
		{ "set('k', print)", "argument 2 (value): expected strings, numbers, booleans" },
		{ "set('k', {string.sub})", "argument 2 (value): expected strings" },
		{ "set('k', 1, 0)", "argument 3 (ttl): expected seconds, more than 0" },
		{ "set('k', 1, -1)", "argument 3 (ttl): expected seconds" },
		{ "set('k', 1, 0/0)", "argument 3 (ttl): expected " },
		{ "set('k', 1, 1e10)", "argument 3 (ttl): expected seconds" },
		{ "set('k', 1, 'x')", "argument 3 (ttl): expected a number" },
		{ "add({}, 1)", "add: argument 1 (key): expected a string" },
		{ "add('k')", "add: argument 2 (value): expected a value, got nothing" },
		{ "add('k', 1, 0)", "add: argument 3 (ttl): expected seconds" },
		{ "increment()", "increment: argument 1 (key): expected a string" },
		{ "increment('k', 'x')", "argument 2 (by): expected a number" },
		{ "increment('k', 1, {})", "argument 3 (ttl): expected a number" },
		{ "compareAndSet({})", "compareAndSet: argument 1 (key): expected a string" },
		{ "compareAndSet('k', 1)", "argument 3 (new): expected a value, got nothing" },
		{ "compareAndSet('k', string.sub, 1)", "argument 2 (old): expected strings" },
		{ "compareAndSet('k', 1, 2, 0)", "argument 4 (ttl): expected seconds" },
		{ "list({})", "list: argument 1 (prefix): expected a string" },
		{ "list('', 0)", "argument 2 (limit): expected a number from 1" },
		{ "remove()", "remove: argument 1 (key): expected a string" },
		{ "reset({})", "reset: argument 1 (prefix): expected a string" },
	};
	char text[256];
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(text, sizeof text, "local print = pairs data.%s", cases[i].text);
		api_unit_fails(text, cases[i].part);
		snprintf(text, sizeof text, "local print = pairs data.local_.%s", cases[i].text);
		api_unit_fails(text, cases[i].part);
	}
	api_unit_passes("assert(#data.list() == 0 and #data.local_.list() == 0)");
}

/* A rule that fills it or walks through it again and again is stopped by its budget. */
Test(api_data, all_is_paid_for)
{
	api_unit_fails("while true do data.list() end", "budget");
	api_unit_fails("while true do data.reset() end", "budget");
	api_unit_fails("local t = {} for i = 1, 1000 do t['k' .. i] = i end\n"
		       "while true do data.set('k', t) end",
		       "budget");
}
