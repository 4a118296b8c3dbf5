/*
 * rule_private: what the files of this room share. Nobody outside includes it.
 *
 * Hidden names: the engine puts names into a rule's code that a rule cannot write, because they
 * hold the two bytes of a middle dot and the loader refuses such bytes in names. `·left` is the
 * step counter, `·more` asks for more steps, `·fit` looks at the length of a new string,
 * `http·getHeader` is a function found at load.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RULE_PRIVATE_H
#define WEIR_RULE_PRIVATE_H

#include "rule/rule.h"

#include "base/arena.h"
#include "base/table.h"
#include "net/loop.h"

#include <lauxlib.h>
#include <lua.h>

#define RULE_DOT "\xc2\xb7"
#define RULE_LEFT RULE_DOT "left"
#define RULE_MORE RULE_DOT "more"
#define RULE_FIT RULE_DOT "fit"
/* The chunk name of our own Lua: its frames are left out of positions and tracebacks. */
#define RULE_SANDBOX "=weir"

/* Steps handed out at a time, at most: how often the slow path of the budget looks at the clock. */
#define RULE_SLICE 256
/* One step pays for so many bytes of a big allocation or a big string operation. */
#define RULE_BYTES_PER_STEP 256
#define RULE_FILE_MOST (4u << 20)
/* No string of a rule is longer; five of them are far from what LuaJIT cannot hold (2 GiB). */
#define RULE_STRING_MOST (64u << 20)

/* What is known of one dotted name that rules may use. Owned by the vm's `names`. */
struct rule_known {
	const struct rule_function *function; /* NULL for Lua's own */
	bool is_family;                       /* has names below it */
	bool is_function;
	char name[];
};

/* The upvalue of a C closure that calls one function for rules. Owned by the vm. */
struct rule_binding {
	struct rule_vm *vm;
	const struct rule_function *function;
};

/* A file that was `require`d: the compiled chunk. Owned by its set. */
struct rule_module {
	int chunk; /* registry reference; LUA_NOREF when it has errors or is being loaded */
	bool is_loading;
};

/* Owned by the vm. */
struct rule_set {
	struct rule_set *next;
	struct rule_vm *vm;
	struct rule *rules;
	struct table modules; /* "a.b" to struct rule_module */
	int loaded, loading; /* registry references: tables of what modules gave, see sandbox.lua */
};

struct rule {
	struct rule *next;
	struct rule_vm *vm;
	struct rule_set *set;
	char *name;
	char *path;
	int chunk;          /* registry reference */
	struct arena arena; /* of literals and their text */
	struct rule_literal *literals;
	size_t literal_count;
};

/* One execution of a rule. Owned by the vm: running, waiting (its caller holds it) or idle. */
struct rule_run {
	struct rule_run *next;                    /* in the idle list */
	struct rule_run *next_run, *previous_run; /* in the list of all */
	struct rule_vm *vm;
	lua_State *thread;
	int thread_ref;
	struct rule *rule;
	void *subject;
	const struct rule_limits *limits;
	enum rule_phase phase;
	unsigned place;  /* what a function must be for: the bits of phase and protocol */
	uint64_t number; /* of the run: tells it from an earlier one in the same memory */

	uint64_t wait_left;      /* steps until the next wait, not counting the slice handed out */
	uint64_t total_left;     /* the same for the whole run */
	uint64_t charged;        /* steps owed for big operations, settled with the next slice */
	uint64_t slice;          /* steps handed out last */
	uint64_t pace;           /* so many are handed out at a time */
	uint64_t looked_ns;      /* at the clock, since wall_start_ns */
	uint64_t wall_start_ns;  /* of this stretch, taken with its second slice; 0 before */
	uint64_t cpu_start_ns;   /* taken with it */
	uint64_t wall_before_ns; /* of this stretch, before it was put off; and */
	uint64_t cpu_before_ns;
	bool is_slow;  /* out of time, not of steps */
	size_t memory; /* bytes kept from earlier stretches of this run */

	bool has_failed; /* budget or memory: raised again until the top is reached */
	enum rule_failure failure;
	bool is_waiting, has_verdict;
	bool is_put_off;   /* it waits for nothing: others have a turn */
	bool has_no_room;  /* too much is left after a collection */
	unsigned rest;     /* turns that pass before it goes on */
	uint64_t room_at;  /* it is put off until so many cycles are over; 0: for a turn only */
	size_t room_base;  /* vm->base at that time */
	unsigned line;     /* of the call that waits */
	const char *path;  /* the same; Lua's, and there as long as it waits */
	bool is_statement; /* that call: its results go nowhere, and `true` would mean a verdict */
	const struct rule_function *function; /* that waits */
	rule_function_run finish;
	struct rule_work *work; /* under way, or left behind by an error */
};

/* What a function that works in pieces knows between them. Owned by its run: one at a time works. */
struct rule_work {
	const struct rule_function *function;
	unsigned argument_count;
	bool is_statement;
	void (*release)(void *state);
	_Alignas(max_align_t) char state[];
};

struct rule_call {
	lua_State *lua;
	struct rule_run *run;
	const struct rule_function *function;
	unsigned argument_count;
	bool is_finishing; /* called by rule_resume: no frame of the rule below us */
	bool is_going_on;  /* not the first piece of its work */
	size_t unseen;     /* bytes worked on since it looked at the clock */
};

/* What lies on the anchor's stack for ever: a thread that never runs, so it is quick to reach. */
enum {
	RULE_ANCHOR_ENV = 1,
	RULE_ANCHOR_LEFT,
	RULE_ANCHOR_FINISH,
	RULE_ANCHOR_XPCALL,
	RULE_ANCHOR_CATCH,
	RULE_ANCHOR_MODULES,
	RULE_ANCHOR_TOP = RULE_ANCHOR_MODULES
};

struct rule_vm {
	lua_State *lua;
	lua_State *anchor;
	char *rules_dir;
	const struct rule_function *functions;
	size_t function_count;
	struct rule_binding *bindings;
	struct table names; /* "http.getHeader" to struct rule_known */
	const char **name_list;
	size_t name_count;
	struct rule_set *sets;          /* the newest first */
	struct rule_set *shown;         /* whose modules `require` sees */
	const struct rule_cover *cover; /* NULL: nobody wants to know */

	struct rule_run *running;
	struct rule_run *idle;
	size_t idle_count;
	struct rule_run *runs; /* all of them */
	uint64_t run_count;

	uint64_t turn_ns;      /* see rule_vm_set_turn */
	uint64_t turn;         /* the loop's, in which runs have computed */
	uint64_t turn_used_ns; /* for so long, in that turn */

	size_t used;    /* bytes */
	size_t base;    /* `used` when the stretch began, less what the run holds already */
	size_t ceiling; /* the running run may let `used` grow to here, see rule_memory.c */
	size_t cap;     /* of the running run */
	size_t kept; /* all runs and what they keep may hold this and one run's cap: rule_vm_set_kept */
	uint64_t full_until; /* microseconds: until then a collection would find no room again */
	uint64_t allocations;
	uint64_t cycles;        /* that the collector has gone through, bit by bit */
	uint64_t collect_until; /* so many */
	struct loop_task collect;

	/* of the last failure */
	enum rule_failure failure;
	bool is_caught; /* it has been looked at, in this stretch */
	char message[1024];
	char place[512]; /* "rules/x.lua:3: "; "" when it is not known */
	char traceback[4096];
	char source_line[256];
	char locals[2048];

	unsigned verdict_line;
	char verdict_path[256];
};

/* ---- rule_vm.c ---- */
struct rule_known *rule_vm_known(const struct rule_vm *vm, const char *name);
struct rule_vm *rule_vm_of(lua_State *lua);
/* Pushes what lies at `position` of the anchor. */
void rule_vm_push_anchored(struct rule_vm *vm, lua_State *lua, int position);

/* ---- rule_memory.c ---- */
/* The allocator of the Lua state; `owner` is the vm. */
void *rule_memory_allocate(void *owner, void *old, size_t old_size, size_t size);
/* Whether the run may have `more` bytes, if need be after a full collection. */
bool rule_memory_fits(struct rule_vm *vm, lua_State *lua, size_t more);
void rule_memory_begin(struct rule_vm *vm, struct rule_run *run);
void rule_memory_end(struct rule_vm *vm, struct rule_run *run);
/* After the end of the whole run, when nothing of it can be reached any more. */
void rule_memory_over(struct rule_vm *vm, struct rule_run *run);
void rule_memory_init(struct rule_vm *vm);
void rule_memory_release(struct rule_vm *vm);
/* True: the run holds too much, and is to be put off while garbage is collected. */
bool rule_memory_wants_room(struct rule_run *run);
/* Of a run that was put off: collects some, and says whether it may go on now. */
bool rule_memory_has_room(struct rule_run *run);

/* May a run leave something behind? If not, room is looked for, bit by bit. */
bool rule_memory_may_keep(struct rule_vm *vm, lua_State *lua);

/* ---- rule_budget.c ---- */
void rule_budget_begin(struct rule_vm *vm, struct rule_run *run);
void rule_budget_end(struct rule_vm *vm, struct rule_run *run);
/* Raises the error of the run if it has failed, or is over its budget or its memory. */
void rule_budget_check(struct rule_vm *vm, lua_State *lua);
/* Charges `steps`, and the same. */
void rule_budget_spend(struct rule_vm *vm, lua_State *lua, uint64_t steps);
/* The time of this thread that one stretch may take, if its steps are as slow as can be. */
uint64_t rule_budget_guard_ns(const struct rule_limits *limits);
/* How many steps could be spent now. */
uint64_t rule_budget_left(const struct rule_vm *vm);
/* The stretch goes on after others had a turn: with the steps and the time that it had. */
void rule_budget_go_on(struct rule_vm *vm, struct rule_run *run);
/* Marks the running run as failed and raises its error. */
int rule_budget_fail(struct rule_vm *vm, lua_State *lua, enum rule_failure failure);
/* Lua: `·more()`, the slow path of the counter. */
int rule_budget_more(lua_State *lua);
/* Lua: settle(value): raises again what a pcall may not keep; else the value for the rule. */
int rule_budget_settle(lua_State *lua);

/* The next step looks at the clock, and puts the run off when its turn is over. */
void rule_budget_look(struct rule_vm *vm);
bool rule_budget_is_turn_over(struct rule_run *run, lua_State *lua);
/* A step that was not the rule's. */
void rule_budget_return_step(struct rule_run *run);

/* ---- rule_work.c ---- */
/* Lua: go_on(...): the next piece of the work, with the stack as the last one left it. */
int rule_work_go_on(lua_State *lua);
/* What a function gives that answered RULE_GO_ON: the mark, and its stack. */
int rule_work_pause(struct rule_call *call, bool is_statement);
void *rule_work_mark(void);
/* Frees the work of the run, if there is any. */
void rule_work_end(struct rule_run *run);

/* ---- rule_failure.c ---- */
/* Lua: what a run's chunk is called with to catch errors: looks, and passes the error on. */
int rule_failure_catch(lua_State *lua);
/* The run fails where the frames of `lua` from `level` stand now: keeps what they show. */
void rule_failure_look(struct rule_vm *vm, lua_State *lua, int level);
/* What lua_resume left on the run's thread becomes the failure of the vm. */
void rule_failure_note(struct rule_run *run, int status);

/* ---- rule_call.c ---- */
/* Lua: a function for rules; upvalue 1 its binding, upvalue 2 whether it stands as a statement. */
int rule_call_enter(lua_State *lua);
/* What Lua gets from a function that has answered. */
int rule_call_answer(struct rule_call *call, enum rule_answer answer, bool is_statement);
/* Lua: runs `finish` of the run given as light userdata. */
int rule_call_finish(lua_State *lua);
/* The first frame of `lua` from `level` that is a rule's own; false if there is none. */
bool rule_call_where(lua_State *lua, int level, lua_Debug *frame);
/* Raises an error at the rule's line: what calls it may be Lua code of our own. */
_Noreturn void rule_call_fail(lua_State *lua, const char *what);
/* Writes `message` with hidden names as a rule knows them; false if there are none in it. */
bool rule_call_show_names(const char *message, char *to, size_t size);
/* Marks an error that `finish` raised, on its way to the wrapper that raises it in the rule. */
void *rule_call_raise_mark(void);
/* Marks a yield that is a wait of the run, not one of the rule's own coroutines. */
void *rule_call_wait_mark(void);

/* ---- rule_library.c ---- */
/* Pushes a table of the C functions that the sandbox is built with. */
void rule_library_push(struct rule_vm *vm, lua_State *lua);

/* ---- rule_pattern.c ---- */
int rule_pattern_find(lua_State *lua);
int rule_pattern_match(lua_State *lua);
/* Lua: scan(s, pattern, init): start, end, captures (or the whole match) of the next match. */
int rule_pattern_scan(lua_State *lua);
int rule_pattern_gsub_text(lua_State *lua);

/* ---- rule_load.c ---- */
void rule_free(struct rule *rule);
/*
 * Pushes the compiled, instrumented and checked chunk of `text`; false, with complaints, when it
 * has errors.
 */
struct rule_source {
	struct rule *rule; /* gets the literals; NULL for text given to load() */
	const char *path;
	struct slice text;
	unsigned phases; /* 0: not known */
	struct rule_set *set;
	bool is_main;    /* the rule itself: returning from it ends the run */
	bool is_sandbox; /* ours: not checked */
};
bool rule_load_chunk(struct rule_vm *vm, lua_State *lua, const struct rule_source *source,
		     struct complaints *complaints);
/* The module, compiled once; NULL, with complaints, when it cannot be loaded. */
struct rule_module *rule_load_module(struct rule_set *set, lua_State *lua, struct rule *rule,
				     const char *name, struct complaints *complaints);

/* ---- rule_set.c ---- */
/* Lets `require` see the modules of that set. */
void rule_set_show(struct rule_set *set);

#endif
