/*
 * The whole exchange: the real sessions, transactions, pools and streams on a kernel in memory, with
 * up to three clients and any number of node connections whose acts are the input (exchange/script.h).
 * What comes out at both ends is judged by a second, simple reading of HTTP (exchange/judge.h): each
 * node request is the client's next one, each answer is that of its request, whole or visibly cut,
 * nothing passes behind a refusal, and in the end, all is over and closed.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz.h"

#include "exchange/judge.h"
#include "exchange/kernel.h"
#include "exchange/peers.h"
#include "exchange/script.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/loop.h"
#include "net/timer.h"
#include "pool/idle.h"
#include "share/segment.h"
#include "txn/txn.h"
#include "txn/world.h"

#include <stdio.h>
#include <string.h>

FUZZ_HOLDS_LUA

/* More turns than any input gives rise to, and than may pass while nothing moves. */
#define TURNS_MOST 100000
#define IDLE_TURNS_MOST 200
/*
 * A unit of the last of the timers' wheels: runs that begin at multiples of it find the same wheels, that one turned.
 * More of it at a time would be too much: weir counts nanoseconds, 584 years of them.
 */
#define RUN_MICROSECONDS 262144000ull

static const char configuration[] =
	"workers: 1\n"
	"rules_dir: t/fuzz/exchange\n"
	"log: {access: /dev/null}\n"
	"virtual_servers:\n"
	"  plain:\n"
	"    listen: 10.1.0.1:80\n"
	"    pool: nodes\n"
	"    connection: {max_client_buffer: 1k, max_server_buffer: 1k}\n"
	"    http: {max_head: 1k, max_request_line: 300, max_fields: 20, max_trailer: 100}\n"
	"  rules:\n"
	"    listen: 10.1.0.1:81\n"
	"    pool: nodes\n"
	"    request_rules: choose\n"
	"    response_rules: answer\n"
	"    completion_rules: done\n"
	"  clear:\n"
	"    listen: 10.1.0.1:82\n"
	"    pool: clear\n"
	"    connection: {max_client_buffer: 4k, max_server_buffer: 4k}\n"
	"  rewrite:\n"
	"    listen: 10.1.0.1:83\n"
	"    pool: nodes\n"
	"    request_rules: rewrite\n"
	"    response_rules: rewrite_answer\n"
	"    connection: {max_client_buffer: 1k, max_server_buffer: 1k}\n"
	"pools:\n"
	"  nodes: {nodes: [\"10.2.0.1:80\", \"10.2.0.2:80\"]}\n"
	"  clear: {nodes: \"10.2.0.3:80\", transparent: true}\n"
	"  once: {nodes: [\"10.2.0.4:80\", \"10.2.0.5:80\"], keepalive: false,\n"
	"         algorithm: least_connections}\n";

static struct {
	struct world world;
	struct share share;
	struct script script;
	int listen_fds[PEERS_SERVERS];
	enum { ACTING, LETTING_GO, LEAVING, OVER } stage;
	unsigned turns, idle_turns;
	uint64_t moves; /* of the kernel, when we last looked */
} run;

/* ---- the turns of the loop --------------------------------------------------------------------------------- */

static struct kernel_turn tell(uint64_t told)
{
	return (struct kernel_turn){ .told = told, .is_reversed = run.script.is_reversed };
}

/* Nobody acts any more: all that was held back comes, then the clients end, then the time passes. */
static bool go_to_end(void)
{
	switch (run.stage) {
	case ACTING:
		run.stage = LETTING_GO;
		peers_let_go();
		return true;
	case LETTING_GO:
		run.stage = LEAVING;
		for (unsigned i = 0; i < PEERS_CLIENTS; i++)
			if (peers.clients[i].wire != NULL)
				peers.clients[i].wire->is_ended = true;
		return true;
	case LEAVING:
		if (run.world.session_count > 0) {
			/* who has an open connection must have set a timer */
			fuzz_expect(timer_next() != TIMER_NEVER);
			kernel.now = timer_next() * 1000;
			return false;
		}
		run.stage = OVER;
		return false;
	case OVER:
		break;
	}
	return false;
}

/* What is ready must be dealt with some day. */
static void check_progress(void)
{
	const struct rule_vm *vm = run.world.vm;
	run.idle_turns = kernel.moves == run.moves ? run.idle_turns + 1 : 0;
	run.moves = kernel.moves;
	if (++run.turns < TURNS_MOST && run.idle_turns < IDLE_TURNS_MOST)
		return;
	fprintf(stderr,
		"turn %u, the %uth without a move, in stage %d; rules hold %zu bytes, '%s'\n",
		run.turns, run.idle_turns, (int)run.stage, rule_vm_memory(vm),
		rule_failure_message(vm));
	fuzz_expect(!"it goes on");
}

static struct kernel_turn on_wait(int timeout)
{
	struct script *s = &run.script;
	check_progress();
	for (;;) {
		peers_act();
		uint64_t ready = kernel_ready();
		if (s->turns > 0 && run.stage == ACTING) {
			s->turns--;
			return tell(ready & s->told);
		}
		if (timeout == 0 || (ready != 0 && (s->runs_till_quiet || run.stage != ACTING)))
			return tell(ready);
		s->has_time_passed = false;
		if (run.stage == ACTING && script_step(s)) {
			run.idle_turns = 0;
			if (s->has_time_passed)
				return tell(0);
			continue;
		}
		if (!go_to_end())
			return tell(0);
	}
}

static void on_turn(void)
{
	if (run.stage == OVER)
		loop_stop();
}

/* ---- once ------------------------------------------------------------------------------------------------- */

static void open_share(const struct conf *conf)
{
	unsigned nodes[8];
	struct err e;
	for (size_t i = 0; i < conf->pool_count; i++)
		nodes[i] = (unsigned)conf->pools[i].node_count;
	struct share_counts counts = {
		.workers = 1,
		.vservers = (unsigned)conf->vserver_count,
		.outcomes = TXN_END_COUNT,
		.refusals = REFUSAL_COUNT,
		.rules = (unsigned)conf->rule_use_count,
		.pools = (unsigned)conf->pool_count,
		.pool_nodes = nodes,
	};
	fuzz_expect(segment_open(&run.share, &counts, &e));
}

static void open_world(void)
{
	struct complaints complaints = { 0 };
	size_t count;
	kernel.is_on = true;
	kernel.now = RUN_MICROSECONDS;
	kernel.on_wait = on_wait;
	kernel.on_written = peers_look;
	kernel.on_dial = peers_dial;
	log_open(LOG_AUDIT, LOG_TEXT);
	loop_open();
	const struct rule_function *functions = api_functions(&count);
	struct conf *conf = conf_read_text("weir.yaml", slice_of_string(configuration),
					   &complaints);
	if (conf != NULL) {
		open_share(conf);
		for (unsigned i = 0; i < PEERS_SERVERS; i++)
			run.listen_fds[i] = kernel_listen(&conf->vservers[i].listens[0]);
		log_access_open(conf->access_log);
	}
	if (conf == NULL || !world_open(&run.world, conf, &run.share, 0, functions, count,
					run.listen_fds, &complaints)) {
		complaints_print(&complaints, stderr);
		fuzz_expect(!"the configuration of this target");
	}
	complaints_release(&complaints);
}

/* ---- each time ---------------------------------------------------------------------------------------------- */

/* As if the worker had just begun. */
static void forget(void)
{
	for (size_t i = 0; i < run.world.conf->pool_count; i++) {
		struct pool *p = &run.world.pools[i];
		for (size_t j = 0; j < p->conf->node_count; j++) {
			idle_close_all(&p->nodes[j]);
			p->nodes[j].balance = 0;
		}
		idle_close_all(&p->others);
	}
	memset(run.share.memory, 0, run.share.bytes);
	kernel_forget();
	arena_drop_spares();
	kernel.now += RUN_MICROSECONDS - kernel.now % RUN_MICROSECONDS;
	fuzz_expect(kernel.now <
		    UINT64_MAX / 1000 / 2); /* so many inputs are for several processes */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (run.world.conf == NULL)
		open_world();
	kernel.is_on = true;
	clock_update();
	timer_advance(clock_milliseconds());
	run.stage = ACTING;
	run.turns = run.idle_turns = 0;
	peers_reset();
	script_start(&run.script, bytes, len, run.listen_fds);
	loop_run(on_turn);
	judge_end();
	forget();
	kernel.is_on = false;
	return 0;
}
