/*
 * rule: one Lua state of a worker and the rules compiled in it. This room is the only one that
 * knows LuaJIT: functions for rules are written against `struct rule_call`, and a transaction is a
 * `void *subject` here. A rule cannot stall the worker (budgets), read a file, start a process or
 * load bytecode; its errors and waits come out as values of enum rule_result.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RULE_H
#define WEIR_RULE_H

#include "base/complaint.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rule_phase { RULE_REQUEST, RULE_RESPONSE, RULE_COMPLETION };
#define RULE_IN_REQUEST (1u << RULE_REQUEST)
#define RULE_IN_RESPONSE (1u << RULE_RESPONSE)
#define RULE_IN_COMPLETION (1u << RULE_COMPLETION)
#define RULE_IN_ANY (RULE_IN_REQUEST | RULE_IN_RESPONSE | RULE_IN_COMPLETION)
/*
 * Beside the phases of a function: it may answer RULE_WAIT. Without it a function can wait too,
 * but an error that its `finish` raises ends the run: pcall in the rule does not see it.
 */
#define RULE_WAITS (1u << 8)
/* Beside the phases of a function: it may answer RULE_GO_ON. */
#define RULE_IN_PIECES (1u << 9)
/*
 * What the transaction of a run is: a request of HTTP, a TCP session that is one stream both ways or
 * goes in turns of requests and responses, or a session of UDP.
 */
enum rule_protocol { RULE_HTTP, RULE_STREAM, RULE_TURNS, RULE_UDP, RULE_PROTOCOL_COUNT };
/*
 * Beside the phases where a rule is attached: to virtual servers of this protocol. Beside those of a
 * function: it is not for this protocol. Of one that is not for HTTP the first sentence of its `words`
 * says what HTTP has in its place.
 */
#define RULE_OF(protocol) (1u << (10 + (protocol)))
#define RULE_NOT_ON(protocol) RULE_OF(protocol)
#define RULE_OF_ANY (((1u << RULE_PROTOCOL_COUNT) - 1) << 10)
#define RULE_ONLY_ON(protocol) (RULE_OF_ANY & ~RULE_OF(protocol))
_Static_assert(((RULE_IN_ANY | RULE_WAITS | RULE_IN_PIECES) & RULE_OF_ANY) == 0,
	       "each bit of a function's phases means one thing");

struct rule_vm;
struct rule_set;
struct rule;
struct rule_run;
struct rule_call;

/* ---- functions for rules --------------------------------------------------------------------- */

enum rule_answer {
	RULE_RETURN,  /* the results pushed so far go back to the rule */
	RULE_WAIT,    /* park the run; rule_resume goes on with it (set the end by rule_wait) */
	RULE_GO_ON,   /* others may have a turn; then it runs again, see rule_work */
	RULE_VERDICT, /* the run and the phase's remaining rules are over: it does not return */
};

typedef enum rule_answer (*rule_function_run)(struct rule_call *call);

/* One row of the function table: everything that is known of a function stands here. */
struct rule_function {
	const char *name; /* "http.getHeader", "connection.data.get" */
	rule_function_run run;
	unsigned phases;       /* RULE_IN_ bits (elsewhere a call is an error), RULE_WAITS */
	const char *arguments; /* LuaLS style: "name: string, value: string, extra?: table" */
	const char *results;   /* LuaLS style: "string|nil" or "" */
	const char *words;     /* one or two sentences: meaning, errors */
	const char *source;    /* the original's function, an RFC section, or "weir" */
};

/* The transaction that the rule runs for. */
void *rule_call_subject(const struct rule_call *call);
enum rule_phase rule_call_phase(const struct rule_call *call);
/* Its row: one of those given to rule_vm_new. */
const struct rule_function *rule_call_function(const struct rule_call *call);
/* Writes "rules/x.lua:3": where the call stands. */
void rule_call_place(const struct rule_call *call, char *to, size_t size);
/* "choose-pool", and the line of the rule that is calling (0 if unknown). */
const char *rule_call_rule_name(const struct rule_call *call);
unsigned rule_call_line(const struct rule_call *call);

/*
 * Arguments, from 1. A wrong type raises the error in the rule and does not return here: hold
 * nothing that must be freed. A slice is valid until the function returns: copy it to keep it.
 */
unsigned rule_argument_count(const struct rule_call *call);
bool rule_argument_is_absent(const struct rule_call *call, unsigned n); /* nil or not given */
/* Numbers count as text, as in Lua. */
struct slice rule_argument_string(struct rule_call *call, unsigned n);
int64_t rule_argument_integer(struct rule_call *call, unsigned n, int64_t least, int64_t most);
double rule_argument_number(struct rule_call *call, unsigned n);
bool rule_argument_boolean(struct rule_call *call, unsigned n);
bool rule_argument_is_table(struct rule_call *call, unsigned n);
bool rule_argument_is_boolean(struct rule_call *call, unsigned n);
bool rule_argument_is_number(struct rule_call *call, unsigned n);

/*
 * Walks the table that is argument `n`: each string key with its value, or each item of an array
 * value under the same key. Keys or values that are no text raise an error. Order is not defined.
 */
void rule_argument_pairs(struct rule_call *call, unsigned n,
			 void (*each)(struct rule_call *call, struct slice key, struct slice value,
				      void *extra),
			 void *extra);

/* Raises "rules/x.lua:3: http.setHeader: argument 1 (name): ..." in the rule. Does not return. */
_Noreturn void rule_argument_error(struct rule_call *call, unsigned n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
_Noreturn void rule_error(struct rule_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Pays for work on `bytes` bytes, which no step of the rule shows; raises the budget's error when
 * the rule cannot afford it. Before the work; in pieces when it is not known beforehand.
 */
void rule_spend(struct rule_call *call, size_t bytes);

/* ---- long work in pieces: rule_work.c ---- */

/*
 * A function RULE_IN_PIECES does its work piece by piece, pays for each before it (rule_spend), and
 * asks after each whether its turn is over. If it is, it answers RULE_GO_ON, and runs again when
 * others had a turn: arguments, and what it has pushed, are as they were; slices of arguments are
 * still valid; what else it must know is in its state. An error may be raised at any time.
 *
 * rule_work_begin makes the state, zeroed; `release` (may be NULL) frees what is in it when the work
 * is over, given up or failed. rule_work is the state in the pieces after the first; NULL in that.
 */
void *rule_work(const struct rule_call *call);
void *rule_work_begin(struct rule_call *call, size_t size, void (*release)(void *state));

/*
 * `bytes` have been worked on since it was last asked: the clock is looked at for some thousand.
 * Never true where the rule cannot be put off: there the work runs on, and the budget bounds it.
 */
bool rule_turn_is_over(struct rule_call *call, size_t bytes);

/*
 * Results, in order. An absent slice is nil. Pushing raises no error for want of memory: a run that
 * has too much of it ends behind the function. (More results than Lua's stack takes do raise one.)
 */
void rule_push_string(struct rule_call *call, struct slice s);
void rule_push_integer(struct rule_call *call, int64_t value);
void rule_push_number(struct rule_call *call, double value);
void rule_push_boolean(struct rule_call *call, bool value);
void rule_push_nil(struct rule_call *call);
/* A new table on top; then set its entries; it is the next result. */
void rule_push_table(struct rule_call *call);
void rule_table_set(struct rule_call *call, struct slice key, struct slice value);
void rule_table_append(struct rule_call *call, struct slice value);

/* ---- values of any depth: rule_value.c ---- */

/* Tables in tables: no deeper than this, going in and coming out. */
#define RULE_VALUE_DEPTH 100

enum rule_value_type { RULE_VALUE_STRING, RULE_VALUE_NUMBER, RULE_VALUE_BOOLEAN };
struct rule_value {
	enum rule_value_type type;
	struct slice string;
	double number;
	bool boolean;
};

/* RULE_TABLE_ARRAY: its keys are 1 to n, and it was given or marked as one if n is 0. */
enum rule_table { RULE_TABLE_ARRAY, RULE_TABLE_HASH, RULE_TABLE_EMPTY };

/*
 * What rule_argument_walk finds, in order: for a table `open`, its entries, `close`. An entry of a
 * hash begins with its key, and they come in no certain order; items of an array come from the
 * first to the last. A callback may raise an error; it pushes nothing.
 */
struct rule_visitor {
	void (*value)(struct rule_call *call, const struct rule_value *value, void *extra);
	void (*open)(struct rule_call *call, enum rule_table table, void *extra);
	void (*key)(struct rule_call *call, const struct rule_value *key, void *extra);
	void (*close)(struct rule_call *call, enum rule_table table, void *extra);
	/* A function for rules that stands for a value of its own (json.null); NULL: an error. */
	void (*function)(struct rule_call *call, const char *name, void *extra);
	size_t most_entries; /* of all its tables together */
};

/*
 * Walks argument `n`, whatever it is; metatables do not count. Raises an error for nil, functions,
 * coroutines and such as values or keys, a table in itself, one deeper than RULE_VALUE_DEPTH, and
 * too many entries. An entry costs a step of the budget; going through the bytes of strings is the
 * callback's to pay for.
 */
void rule_argument_walk(struct rule_call *call, unsigned n, const struct rule_visitor *visitor,
			void *extra);

/*
 * The same in pieces, for a function RULE_IN_PIECES; `walk` is part of its state. False: the turn is
 * over. It stands on Lua's stack, so nothing else may be pushed before it is done.
 */
enum rule_walk_phase { RULE_WALK_LOOKS, RULE_WALK_ARRAY, RULE_WALK_HASH };
struct rule_walk {
	struct rule_call *call;
	unsigned argument;
	const struct rule_visitor *visitor;
	void *extra;
	size_t entries;
	unsigned depth;
	struct rule_walk_level {
		const void *self; /* the table, to know a circle */
		enum rule_walk_phase phase;
		enum rule_table table;
		size_t at, length;
	} levels[RULE_VALUE_DEPTH];
};
void rule_walk_start(struct rule_walk *walk, struct rule_call *call, unsigned n,
		     const struct rule_visitor *visitor, void *extra);
bool rule_walk_on(struct rule_walk *walk, struct rule_call *call);

/*
 * Builds the next result: one value, or a table opened, filled and closed. In a hash each entry
 * begins with its key (a NaN is none). Each step may raise the error of the budget or of memory:
 * hold nothing that must be freed. Given up by rule_build_undo, which takes all back that was
 * pushed since rule_build_start.
 */
struct rule_build {
	struct rule_call *call;
	int base;                   /* of Lua's stack */
	unsigned depth;             /* tables that are open */
	int next[RULE_VALUE_DEPTH]; /* position of the next item; 0 in a hash */
};
void rule_build_start(struct rule_build *build, struct rule_call *call);
/* False when RULE_VALUE_DEPTH tables are open. RULE_TABLE_EMPTY is a hash without entries. */
bool rule_build_open(struct rule_build *build, enum rule_table table);
void rule_build_key(struct rule_build *build, const struct rule_value *key);
void rule_build_value(struct rule_build *build, const struct rule_value *value);
/* The function for rules of that name, as a value. */
void rule_build_function(struct rule_build *build, const char *name);
void rule_build_close(struct rule_build *build);
void rule_build_undo(struct rule_build *build);
/* Does the hash that is open have an entry with this key? */
bool rule_build_has(struct rule_build *build, struct slice key);
/*
 * Marks the array that was opened last as one, so that a walk knows it even when it is empty. The
 * mark is a metatable that rules cannot reach. rule_argument_mark_array does so with a table that
 * is an argument, and pushes it as the next result.
 */
void rule_build_mark_array(struct rule_build *build);
void rule_argument_mark_array(struct rule_call *call, unsigned n);

/*
 * Any Lua value kept as it is, for connection.data: a handle to it, 0 for nil; and back. Ask first
 * whether there is room (rule_vm_set_kept). rule_kept_bytes: of a string that is kept, else 0.
 */
bool rule_may_keep(struct rule_call *call);
int rule_keep_argument(struct rule_call *call, unsigned n);
size_t rule_kept_bytes(struct rule_vm *vm, int handle);
void rule_push_kept(struct rule_call *call, int handle);
void rule_drop_kept(struct rule_vm *vm, int handle);

/*
 * To wait: start the operation, call this, return RULE_WAIT. When rule_resume is called later,
 * `finish` runs with the same subject and pushes the results; it may answer RULE_WAIT again.
 */
void rule_wait(struct rule_call *call, rule_function_run finish);

/* ---- the state ------------------------------------------------------------------------------- */

/* What one run may use; 0 is not "no limit" but nothing. And what it runs for. */
struct rule_limits {
	uint64_t budget;
	uint64_t total_budget;
	uint64_t memory;
	enum rule_protocol protocol;
};

/* A new state with these functions (kept, not copied) beside what stays Lua's own. */
struct rule_vm *rule_vm_new(const char *rules_dir, const struct rule_function *functions,
			    size_t count);
void rule_vm_free(struct rule_vm *vm);

/*
 * Compiles a rule file; NULL when it has errors. Everything that can be known is checked here:
 * syntax, unknown and assigned globals, unknown functions ("did you mean"), functions that make no
 * sense in one of `phases` (RULE_IN_ bits, where it is attached).
 */
struct rule *rule_load(struct rule_vm *vm, const char *name, const char *path, unsigned phases,
		       struct complaints *complaints);
/* The same from memory, for tests. */
struct rule *rule_load_text(struct rule_vm *vm, const char *name, const char *path,
			    struct slice text, unsigned phases, struct complaints *complaints);

/*
 * A module of ours that rules of the newest set may `require`, before any is loaded: its frames are left out
 * of positions, so errors and lines are those of whoever called it. False when it does not compile.
 */
bool rule_add_module(struct rule_vm *vm, const char *name, struct slice text,
		     struct complaints *complaints);

const char *rule_name(const struct rule *rule);

/*
 * Rules are loaded in sets, each with modules of its own: a set is replaced as a whole. From now on
 * rules are loaded into the new set that this gives; there is one from the beginning. What lives
 * longer than a run (connection.data) is seen from all sets.
 */
struct rule_set *rule_set_new(struct rule_vm *vm);
/* Frees the set's rules and modules, none of which runs or waits; sets that are left go with the vm. */
void rule_set_free(struct rule_set *set);

/*
 * Tells which lines of the rules and modules loaded so far can run (with code on them; a line may be
 * told more than once) and, from now on, each that runs. Without compiled code: slower.
 */
struct rule_cover {
	void (*can_run)(void *extra, const char *path, unsigned line);
	void (*has_run)(void *extra, const char *path, unsigned line);
	void *extra;
};
void rule_vm_cover(struct rule_vm *vm, const struct rule_cover *cover);

/*
 * The calls in a rule and its modules whose first argument is a plain string literal, for checks
 * that need the configuration (is there such a pool?). Owned by the rule.
 */
struct rule_literal {
	const char *function; /* "pool.use" */
	const char *text;
	const char *path; /* the file it stands in */
	unsigned line;
	unsigned column;
};
size_t rule_literals(const struct rule *rule, const struct rule_literal **list);

/* ---- runs ------------------------------------------------------------------------------------ */

enum rule_result {
	RULE_RESULT_FINISHED, /* ran to its end, no verdict */
	RULE_RESULT_VERDICT,  /* ended by a function that decides */
	RULE_RESULT_WAITING,  /* parked: call rule_resume or rule_cancel */
	RULE_RESULT_FAILED,   /* error, budget or memory: see rule_run_failure */
};

/* Why a run failed. */
enum rule_failure { RULE_FAILURE_ERROR, RULE_FAILURE_BUDGET, RULE_FAILURE_MEMORY };

/*
 * Runs a rule for `subject`. Unless it is WAITING, *run needs no care. `limits` must live as long.
 * May be called while other runs wait; not from inside a rule function.
 */
enum rule_result rule_start(struct rule_vm *vm, struct rule *rule, enum rule_phase phase,
			    const struct rule_limits *limits, void *subject, struct rule_run **run);

/* Of a waiting run: the function that it waits in, and where it was called. */
const char *rule_wait_function(const struct rule_run *run);
const char *rule_wait_path(const struct rule_run *run);
unsigned rule_wait_line(const struct rule_run *run);

/*
 * From now on all runs together compute for about so long in a turn of the loop. Who has come to the
 * end of it is put off at its next step (where it may wait): it is WAITING, and goes on as if nothing
 * had been with rule_resume, after others had a turn. 0: never.
 */
void rule_vm_set_turn(struct rule_vm *vm, uint64_t nanoseconds);

/*
 * From now on all that is held while no run executes (by runs that wait, by modules, by values that are
 * kept) may be so many bytes: beyond that, runs find no memory. A new state has no such limit.
 */
void rule_vm_set_kept(struct rule_vm *vm, size_t bytes);

/* Does the waiting run only let others have a turn? */
bool rule_is_put_off(const struct rule_run *run);

/* Goes on with a waiting run, whose wait is over. */
enum rule_result rule_resume(struct rule_run *run);

/* Gives up a waiting run; its rule does not continue. */
void rule_cancel(struct rule_run *run);

/*
 * After FAILED, until the next run: kind, message with file:line, and the Lua traceback; the text
 * of the line, and the locals there with their values, cut and escaped: `host = "a", n = nil`.
 * "" where nothing is known.
 */
enum rule_failure rule_failure_kind(const struct rule_vm *vm);
const char *rule_failure_message(const struct rule_vm *vm);
const char *rule_failure_traceback(const struct rule_vm *vm);
const char *rule_failure_source_line(const struct rule_vm *vm);
const char *rule_failure_locals(const struct rule_vm *vm);

/* The file (a rule or a module) and line at which the last VERDICT was given (0 if unknown). */
const char *rule_verdict_path(const struct rule_vm *vm);
unsigned rule_verdict_line(const struct rule_vm *vm);

/* Lua memory in use, bytes; and how often memory was asked for since the start. */
size_t rule_vm_memory(const struct rule_vm *vm);
uint64_t rule_vm_allocations(const struct rule_vm *vm);

#endif
