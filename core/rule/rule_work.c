/*
 * Long work in pieces. A function that answers RULE_GO_ON gives its whole stack to the Lua function
 * that stands around it (lua/sandbox.lua), which takes a step, where the run is put off like at any
 * other, and calls the next piece with that stack. So pcall, coroutines and budgets need to know
 * nothing of it, and where a run cannot be put off the pieces just follow each other.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include "base/check.h"
#include "base/memory.h"

#include <stdlib.h>

/* Between two looks at the clock: some microseconds of the slowest work. */
#define UNSEEN_BYTES 4096

static const char mark;

void *rule_work_mark(void)
{
	return (void *)(uintptr_t)&mark;
}

void rule_work_end(struct rule_run *run)
{
	struct rule_work *work = run->work;
	run->work = NULL;
	if (work != NULL && work->release != NULL)
		work->release(work->state);
	free(work);
}

void *rule_work_begin(struct rule_call *call, size_t size, void (*release)(void *state))
{
	struct rule_run *run = call->run;
	check((call->function->phases & RULE_IN_PIECES) != 0 && !call->is_going_on);
	rule_work_end(run); /* one that an error has ended */
	run->work = memory_new(1, sizeof *run->work + size);
	run->work->release = release;
	run->work->function = call->function;
	run->work->argument_count = call->argument_count;
	return run->work->state;
}

void *rule_work(const struct rule_call *call)
{
	return call->is_going_on ? call->run->work->state : NULL;
}

bool rule_turn_is_over(struct rule_call *call, size_t bytes)
{
	call->unseen += bytes;
	if (call->unseen < UNSEEN_BYTES)
		return false;
	call->unseen = 0;
	return rule_budget_is_turn_over(call->run, call->lua);
}

int rule_work_pause(struct rule_call *call, bool is_statement)
{
	check(call->run->work != NULL);
	call->run->work->is_statement = is_statement;
	rule_budget_look(call->run->vm);
	luaL_checkstack(call->lua, 1, NULL);
	lua_pushlightuserdata(call->lua, rule_work_mark());
	lua_insert(call->lua, 1);
	return lua_gettop(call->lua);
}

int rule_work_go_on(lua_State *lua)
{
	struct rule_run *run = rule_vm_of(lua)->running;
	struct rule_work *work = run->work;
	struct rule_call call = { .lua = lua,
				  .run = run,
				  .function = work->function,
				  .argument_count = work->argument_count,
				  .is_going_on = true };
	rule_budget_return_step(run);
	run->finish = NULL;
	return rule_call_answer(&call, work->function->run(&call), work->is_statement);
}
