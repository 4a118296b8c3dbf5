/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "base/clock.h"
#include "base/log.h"
#include "txn/txn_http.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct txn *api_unit_txn;

static struct conf *conf;
static struct share share;
static struct world world;
static struct vserver vserver;
static struct session session;
static struct session_origin origin;
static struct rule *rule;
static struct log_limit lines, errors;
static int log_fd = -1;

static const char conf_text[] =
	"bandwidth_classes: {gold: {maximum: 1000}}\n"
	"virtual_servers:\n"
	"  shop: {listen: [\"127.0.0.1:8080\"], protocol: http, pool: web}\n"
	"pools:\n"
	"  web: {nodes: [\"10.0.0.1:80\", \"10.0.0.2:80\", \"10.0.0.3:80\","
	" \"10.0.0.4:80\"]}\n"
	"  other: {nodes: [\"[fd00::1]:80\"], persistence_class: sticky}\n"
	"  canary: {nodes: [\"10.0.1.1:80\"]}\n"
	"  web-transparent: {nodes: [\"10.0.0.1:80\"], transparent: true}\n"
	"rate_classes: {second: {max_rate_per_second: 3}, minute: {max_rate_per_minute: 2},\n"
	"  free: {}, closed: {max_rate_per_minute: 1, max_queue: 0}}\n"
	"persistence_classes: {sticky: {}, named: {type: named},\n"
	"  users: {type: universal}}\n"
	"slm_classes: {api: {response_time: 100ms, serious_threshold: 20}, other: {}}\n";

static void open_world(void)
{
	static struct conf_rule rules[] = { { .name = "test", .path = "rules/test.lua" } };
	static const unsigned nodes[] = { 4, 1, 1, 1 };
	struct share_counts counts = { .workers = 1,
				       .vservers = 1,
				       .outcomes = TXN_END_COUNT,
				       .refusals = REFUSAL_COUNT,
				       .pools = 4,
				       .pool_nodes = nodes,
				       .rate_classes = 4,
				       .slm_classes = 2,
				       .data_size = 65536,
				       .persistence_classes = 3,
				       .buckets = 1 };
	struct complaints complaints = { 0 };
	struct err e;
	size_t count;
	conf = conf_read_text("weir.yaml", slice_of_string(conf_text), &complaints);
	complaints_print(&complaints, stderr);
	cr_assert_not_null(conf);
	conf->rules = rules;
	conf->rule_count = 1;
	cr_assert(segment_open(&share, &counts, &e), "%s", e.text);
	const struct rule_function *functions = api_functions(&count);
	lines = (struct log_limit){ .most = 100 };
	errors = (struct log_limit){ .most = 1 };
	world = (struct world){
		.conf = conf, .share = &share, .rule_lines = &lines, .rule_errors = &errors
	};
	world.data = share.data;
	world.local_data = store_open(65536, &e);
	cr_assert_not_null(world.local_data);
	TAILQ_INIT(&world.sessions);
	world.vm = rule_vm_new("rules", functions, count);
	world.pools = pools_open(conf, &share, 0);
	world.vservers = &vserver;
	vserver = (struct vserver){ .world = &world,
				    .conf = &conf->vservers[0],
				    .stats = stats_vserver_row(&share, 0, 0),
				    .rule_limits = { 1000000, 10000000, 16u << 20, RULE_HTTP } };
}

static void set_address(const char *text, struct addr *a)
{
	cr_assert(addr_parse(slice_of_string(text), a));
}

void api_unit_open(void)
{
	struct arena arena;
	clock_update();
	open_world();
	session = (struct session){ .vserver = &vserver, .transactions = 1 };
	session.client.fd = -1;
	session.origin = &origin;
	set_address("192.0.2.7:4321", &session.remote);
	set_address("10.9.0.1:8080", &origin.local);
	set_address("203.0.113.5:80", &origin.dest);
	arena_init(&arena);
	api_unit_txn = arena_new(&arena, sizeof *api_unit_txn);
	api_unit_txn->arena = arena;
	api_unit_txn->magic = TXN_MAGIC;
	api_unit_txn->session = &session;
	api_unit_txn->vserver = &vserver;
	api_unit_txn->protocol = &txn_http;
	api_unit_txn->remote = session.remote;
	api_unit_txn->keep_client = true;
	session.txn = api_unit_txn;
}

void api_unit_close(void)
{
	struct arena arena = api_unit_txn->arena;
	if (session.data != NULL)
		table_release(session.data, NULL);
	free(session.data);
	arena_release(&arena);
	arena_drop_spares();
	rule_vm_free(world.vm);
	pools_free(world.pools, conf);
	store_close(world.local_data);
	segment_close(&share);
	conf_free(conf);
}

static const struct http_limits limits = { 8192, 32768, 100, 8192, 4096, false };

void api_unit_request(const char *head)
{
	struct txn *t = api_unit_txn;
	struct http_head_scan scan = { 0 };
	struct slice in = arena_copy(&t->arena, slice_of_string(head));
	enum http_reason why;
	size_t used;
	t->request = (struct http_request){ 0 };
	cr_assert_eq(http_request_parse(in, &limits, &t->arena, &scan, &t->request, &used, &why),
		     HTTP_DONE);
	t->has_request = true;
	t->wants_head_only = t->request.method_id == HTTP_METHOD_HEAD;
}

void api_unit_response(const char *head)
{
	struct txn *t = api_unit_txn;
	struct http_head_scan scan = { 0 };
	struct slice in = arena_copy(&t->arena, slice_of_string(head));
	enum http_reason why;
	size_t used;
	t->response = (struct http_response){ 0 };
	cr_assert_eq(http_response_parse(in, &limits, &t->arena, &scan, t->request.method_id,
					 &t->response, &used, &why),
		     HTTP_DONE);
	t->has_response = true;
}

enum rule_result api_unit_run(enum rule_phase phase, const char *text)
{
	struct complaints complaints = { 0 };
	rule = rule_load_text(world.vm, "test", "rules/test.lua", slice_of_string(text),
			      1u << phase, &complaints);
	complaints_print(&complaints, stderr);
	cr_assert_not_null(rule, "the rule does not compile: %s", text);
	complaints_release(&complaints);
	api_unit_txn->phase = phase;
	return rule_start(world.vm, rule, phase, &vserver.rule_limits, api_unit_txn,
			  &api_unit_txn->run);
}

struct rule *api_unit_load(const char *path, unsigned phases)
{
	struct complaints complaints = { 0 };
	struct rule *loaded = rule_load(world.vm, "test", path, phases, &complaints);
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	cr_assert_not_null(loaded, "%s does not compile", path);
	return loaded;
}

enum rule_result api_unit_run_loaded(struct rule *loaded, enum rule_phase phase)
{
	api_unit_txn->phase = phase;
	return rule_start(world.vm, loaded, phase, &vserver.rule_limits, api_unit_txn,
			  &api_unit_txn->run);
}

void api_unit_passes_in(enum rule_phase phase, const char *text)
{
	enum rule_result result = api_unit_run(phase, text);
	cr_expect_eq(result, RULE_RESULT_FINISHED, "%s: %s", text,
		     result == RULE_RESULT_FAILED ? rule_failure_message(world.vm) : "did not end");
}

void api_unit_passes(const char *text)
{
	api_unit_passes_in(RULE_REQUEST, text);
}

void api_unit_fails_in(enum rule_phase phase, const char *text, const char *part)
{
	enum rule_result result = api_unit_run(phase, text);
	cr_expect_eq(result, RULE_RESULT_FAILED, "%s: no error", text);
	cr_expect_not_null(strstr(rule_failure_message(world.vm), part), "%s: %s", text,
			   rule_failure_message(world.vm));
}

void api_unit_fails(const char *text, const char *part)
{
	api_unit_fails_in(RULE_REQUEST, text, part);
}

void api_unit_decides(enum rule_phase phase, const char *text)
{
	enum rule_result result = api_unit_run(phase, text);
	cr_expect_eq(result, RULE_RESULT_VERDICT, "%s: %s", text,
		     result == RULE_RESULT_FAILED ? rule_failure_message(world.vm) : "no verdict");
}

void api_unit_keep_log(void)
{
	log_fd = memfd_create("log", MFD_CLOEXEC);
	cr_assert(log_fd != -1 && dup2(log_fd, STDERR_FILENO) != -1);
}

const char *api_unit_log(void)
{
	static char text[65536];
	ssize_t got = pread(log_fd, text, sizeof text - 1, 0);
	cr_assert(got >= 0);
	text[got] = '\0';
	return text;
}
