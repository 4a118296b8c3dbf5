/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_read.h"

#include "conf_unit.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define VSERVER CONF_UNIT_VSERVER
#define POOL CONF_UNIT_POOL

Test(conf_read, an_empty_file_has_every_default)
{
	struct conf *c = conf_unit_read("");
	cpu_set_t set;
	char rules[256];
	sched_getaffinity(0, sizeof set, &set);
	cr_expect_eq(c->workers, (uint64_t)CPU_COUNT(&set));
	if (geteuid() == 0)
		cr_expect_str_eq(c->user, "nobody");
	else
		cr_expect_null(c->user);
	snprintf(rules, sizeof rules, "%.*s/../rules", (int)(strlen(c->path) - 10), c->path);
	cr_expect_str_eq(c->rules_dir, rules);
	cr_expect_str_eq(c->control, "/run/weir/control.sock");
	cr_expect_eq(c->log_level, CONF_LOG_INFO);
	cr_expect_eq(c->log_format, CONF_LOG_TEXT);
	cr_expect_eq(c->log_rule_rate, 100);
	cr_expect_str_eq(c->access_log, "stderr");
	cr_expect_eq(c->shutdown_milliseconds, 30000);
	cr_expect_eq(c->watchdog_milliseconds, 5000);
	cr_expect_eq(c->idle_milliseconds, 10000);
	cr_expect_eq(c->rule_limits.budget, 1000000);
	cr_expect_eq(c->rule_limits.total_budget, 10000000);
	cr_expect_eq(c->rule_limits.memory, 16 << 20);
	cr_expect_eq(c->rule_limits.wall_milliseconds, 30000);
	cr_expect_eq(c->rule_limits.on_error, CONF_ON_ERROR_FAIL);
	cr_expect_eq(c->vserver_count + c->pool_count + c->rule_count, 0);
	conf_free(c);
}

static void check_vserver_defaults(const struct conf_vserver *v)
{
	cr_expect_eq(v->protocol, CONF_PROTOCOL_HTTP);
	cr_expect_eq(v->capture, CONF_CAPTURE_NONE);
	cr_expect_null(v->capture_interface);
	cr_expect_eq(v->capture_to.count + v->capture_port_count, 0);
	cr_expect_eq(v->request_rules.count + v->response_rules.count + v->completion_rules.count,
		     0);
	cr_expect_eq(v->pool, CONF_POOL_DISCARD);
	cr_expect(v->enabled);
	cr_expect_eq(v->connect_milliseconds, 10000);
	cr_expect_eq(v->idle_milliseconds, 300000);
	cr_expect_eq(v->keepalive_milliseconds, 10000);
	cr_expect_eq(v->transaction_milliseconds, 0);
	cr_expect(v->keepalive);
	cr_expect_eq(v->max_client_buffer, 65536);
	cr_expect_eq(v->max_server_buffer, 65536);
	cr_expect_eq(v->max_concurrent_connections, 0);
	cr_expect_eq(v->max_connections_per_client + v->body_milliseconds + v->age_milliseconds, 0);
	cr_expect_eq(v->max_requests + v->max_pipelined, 0);
	cr_expect(v->min_upload_rate == 250 && v->min_download_rate == 250);
	cr_expect(v->max_chunk_extension == 1024 && v->max_informational == 16);
	cr_expect(v->add_cluster_ip && v->strip_x_forwarded_proto && v->add_via);
	cr_expect(!v->add_x_forwarded_for && !v->add_x_forwarded_proto);
	cr_expect_eq(v->max_request_line, 8192);
	cr_expect_eq(v->max_head, 32768);
	cr_expect_eq(v->max_fields, 100);
	cr_expect(v->rate_grace_milliseconds == 60000 && v->max_trailer == 8192 && !v->nagle);
}

Test(conf_read, a_virtual_server_has_every_default)
{
	struct conf *c = conf_unit_read(VSERVER(""));
	const struct conf_vserver *v = &c->vservers[0];
	cr_assert_eq(c->vserver_count, 1);
	cr_expect_str_eq(v->name, "a");
	cr_expect_eq(v->place.line, 2);
	cr_expect_eq(v->place.column, 3);
	cr_assert_eq(v->listen_count, 1);
	cr_expect_eq(v->listens[0].port, 80);
	cr_expect_eq(v->listen_places[0].line, 3);
	cr_expect_eq(v->listen_places[0].column, 13);
	check_vserver_defaults(v);
	conf_free(c);
}

Test(conf_read, a_pool_has_every_default)
{
	struct conf *c = conf_unit_read(POOL(""));
	const struct conf_pool *p = &c->pools[0];
	cr_assert_eq(c->pool_count, 1);
	cr_expect_str_eq(p->name, "p");
	cr_assert_eq(p->node_count, 1);
	cr_expect_str_eq(p->nodes[0].text, "127.0.0.1:81");
	cr_expect_eq(p->nodes[0].weight, 1);
	cr_expect_eq(p->nodes[0].priority, 1);
	cr_expect_eq(p->nodes[0].state, CONF_NODE_ACTIVE);
	cr_expect(!p->original_destination);
	cr_expect_eq(p->algorithm, CONF_ALGORITHM_ROUND_ROBIN);
	cr_expect(!p->transparent);
	cr_expect_eq(p->on_spoof_failure, CONF_ON_SPOOF_FAILURE_FAIL);
	cr_expect_eq(p->transparent_port, CONF_TRANSPARENT_PORT_ANY);
	cr_expect(p->keepalive && !p->keepalive_non_idempotent);
	cr_expect_eq(p->max_idle_connections_pernode, 50);
	cr_expect_eq(p->idle_milliseconds, 10000);
	cr_expect_eq(p->connect_milliseconds, 4000);
	cr_expect(p->reply_milliseconds == 30000 && p->max_requests + p->age_milliseconds == 0);
	cr_expect_eq(p->max_connection_attempts, 0);
	cr_expect_eq(p->max_timed_out_connection_attempts, 2);
	cr_expect(p->passive_monitoring);
	cr_expect_eq(p->node_connection_attempts, 3);
	cr_expect_eq(p->retry_fail_milliseconds, 60000);
	cr_expect(!p->nagle);
	conf_free(c);
}

Test(conf_read, top_level_keys_are_read)
{
	struct conf *c = conf_unit_read(
		"workers: 3\nrules_dir: /somewhere\ncontrol: sock\n"
		"log: {level: debug, format: json, rule_rate: 7, access: log/access}\n"
		"shutdown_timeout: 500ms\nwatchdog_timeout: 2m\n"
		"connection: {idle_timeout: 0}\nmax_connections: 5\n"
		"rules: {budget: 1, total_budget: 2, memory: 64k, wall_time: 1ms, "
		"on_error: continue}\n"
		"pools: {p: {nodes: [\"10.0.0.1:1\"]}}\n");
	cr_expect_eq(c->workers, 3);
	cr_expect_str_eq(c->rules_dir, "/somewhere");
	cr_expect_not_null(strstr(c->control, "/conf/sock"));
	cr_expect_not_null(strstr(c->access_log, "/conf/log/access"));
	cr_expect_eq(c->log_level, CONF_LOG_DEBUG);
	cr_expect_eq(c->log_format, CONF_LOG_JSON);
	cr_expect_eq(c->log_rule_rate, 7);
	cr_expect_eq(c->shutdown_milliseconds, 500);
	cr_expect_eq(c->watchdog_milliseconds, 120000);
	cr_expect_eq(c->max_connections, 5);
	cr_expect_eq(c->pools[0].idle_milliseconds, 0);
	cr_expect_eq(c->rule_limits.budget, 1);
	cr_expect_eq(c->rule_limits.total_budget, 2);
	cr_expect_eq(c->rule_limits.memory, 65536);
	cr_expect_eq(c->rule_limits.wall_milliseconds, 1);
	cr_expect_eq(c->rule_limits.on_error, CONF_ON_ERROR_CONTINUE);
	conf_free(c);
}

Test(conf_read, access_lines_can_be_off)
{
	struct conf *c = conf_unit_read("log: {access: off}\n");
	cr_expect_null(c->access_log);
	conf_free(c);
}

Test(conf_read, virtual_server_keys_are_read)
{
	struct conf *c = conf_unit_read(
		"virtual_servers:\n  a:\n    listen: [\"0.0.0.0:80\", \"[::]:80\"]\n    pool: p\n"
		"    enabled: false\n    timeouts: {connect: 1s, idle: 2s, keepalive: 3s, transaction: 4s}\n"
		"    connection: {keepalive: false, max_client_buffer: 1k, max_server_buffer: 2k}\n"
		"    max_concurrent_connections: 9\n"
		"    http: {add_cluster_ip: false, add_x_forwarded_for: true, add_x_forwarded_proto: true,\n"
		"           strip_x_forwarded_proto: false, add_via: false, max_request_line: 1k,\n"
		"           max_head: 2k, max_fields: 3, max_trailer: 4}\n"
		"    tcp: {nagle: true}\n"
		"pools: {q: {nodes: [\"10.0.0.1:1\"]}, p: {nodes: [\"10.0.0.1:1\"]}}\n");
	const struct conf_vserver *v = &c->vservers[0];
	cr_expect_eq(v->listen_count, 2);
	cr_expect_eq(v->listens[1].family, ADDR_IPV6);
	cr_expect_eq(v->pool, 1);
	cr_expect(!v->enabled && !v->keepalive && v->nagle);
	cr_expect_eq(v->connect_milliseconds, 1000);
	cr_expect_eq(v->idle_milliseconds, 2000);
	cr_expect_eq(v->keepalive_milliseconds, 3000);
	cr_expect_eq(v->transaction_milliseconds, 4000);
	cr_expect_eq(v->max_client_buffer, 1024);
	cr_expect_eq(v->max_server_buffer, 2048);
	cr_expect_eq(v->max_concurrent_connections, 9);
	cr_expect(!v->add_cluster_ip && v->add_x_forwarded_for && v->add_x_forwarded_proto);
	cr_expect(!v->strip_x_forwarded_proto && !v->add_via);
	cr_expect_eq(v->max_request_line, 1024);
	cr_expect_eq(v->max_head, 2048);
	cr_expect_eq(v->max_fields, 3);
	cr_expect_eq(v->max_trailer, 4);
	conf_free(c);
}

Test(conf_read, pool_and_node_keys_are_read)
{
	struct conf *c = conf_unit_read(
		"pools:\n  p:\n    nodes:\n"
		"      - {address: \"10.0.0.1:80\", weight: 100, priority: 7, state: draining}\n"
		"      - address: \"[fd00::1]:80\"\n        state: disabled\n"
		"    algorithm: weighted_least_connections\n    transparent: true\n"
		"    on_spoof_failure: plain\n    transparent_port: client\n    keepalive: false\n"
		"    http: {keepalive_non_idempotent: true}\n    max_idle_connections_pernode: 0\n"
		"    timeouts: {connect: 1s, reply: 2s}\n    max_connection_attempts: 4\n"
		"    connection: {max_requests: 8, max_age: 9s}\n"
		"    max_timed_out_connection_attempts: 5\n    passive_monitoring: false\n"
		"    node_connection_attempts: 6\n    node: {retry_fail_time: 7s}\n"
		"    tcp: {nagle: true}\n  anywhere: {nodes: original_destination}\n");
	const struct conf_pool *p = &c->pools[0];
	cr_assert_eq(p->node_count, 2);
	cr_expect_eq(p->nodes[0].weight, 100);
	cr_expect_eq(p->nodes[0].priority, 7);
	cr_expect_eq(p->nodes[0].state, CONF_NODE_DRAINING);
	cr_expect_str_eq(p->nodes[1].text, "[fd00::1]:80");
	cr_expect_eq(p->nodes[1].state, CONF_NODE_DISABLED);
	cr_expect_eq(p->algorithm, CONF_ALGORITHM_WEIGHTED_LEAST_CONNECTIONS);
	cr_expect(p->transparent && !p->keepalive && p->keepalive_non_idempotent && p->nagle);
	cr_expect_eq(p->on_spoof_failure, CONF_ON_SPOOF_FAILURE_PLAIN);
	cr_expect_eq(p->transparent_port, CONF_TRANSPARENT_PORT_CLIENT);
	cr_expect_eq(p->max_idle_connections_pernode, 0);
	cr_expect_eq(p->connect_milliseconds, 1000);
	cr_expect_eq(p->reply_milliseconds, 2000);
	cr_expect_eq(p->max_connection_attempts, 4);
	cr_expect_eq(p->max_timed_out_connection_attempts, 5);
	cr_expect(!p->passive_monitoring);
	cr_expect_eq(p->node_connection_attempts, 6);
	cr_expect_eq(p->retry_fail_milliseconds, 7000);
	cr_expect(p->max_requests == 8 && p->age_milliseconds == 9000);
	cr_expect(c->pools[1].original_destination);
	cr_expect_eq(c->pools[1].node_count, 0);
	conf_free(c);
}

/* The words of a choice stand for the values of the enum, in its order. */
Test(conf_read, every_algorithm_is_itself)
{
	static const char *const words[] = { "round_robin", "weighted_round_robin",
					     "least_connections", "weighted_least_connections",
					     "random" };
	for (unsigned i = 0; i < 5; i++) {
		char text[256];
		snprintf(text, sizeof text, POOL("algorithm: %s"), words[i]);
		struct conf *c = conf_unit_read(text);
		cr_expect_eq(c->pools[0].algorithm, i);
		conf_free(c);
	}
}

Test(conf_read, capture_is_a_word_or_a_mapping)
{
	struct conf *c = conf_unit_read(VSERVER("capture: tproxy"));
	cr_expect_eq(c->vservers[0].capture, CONF_CAPTURE_TPROXY);
	conf_free(c);
	c = conf_unit_read(VSERVER("capture: {mode: redirect, interface: eth1, ports: [80, 443], "
				   "to: [10.0.0.0/8, \"::/0\", 192.0.2.1]}"));
	const struct conf_vserver *v = &c->vservers[0];
	cr_expect_eq(v->capture, CONF_CAPTURE_REDIRECT);
	cr_expect_str_eq(v->capture_interface, "eth1");
	cr_assert_eq(v->capture_port_count, 2);
	cr_expect_eq(v->capture_ports[1], 443);
	cr_assert_eq(v->capture_to.count, 3);
	cr_expect_eq(v->capture_to.list[0].prefix_bits, 8);
	cr_expect_eq(v->capture_to.list[1].base.family, ADDR_IPV6);
	cr_expect_eq(v->capture_to.list[2].prefix_bits, 32);
	conf_free(c);
}

Test(conf_read, rules_are_listed_once_and_disabled_ones_left_out)
{
	struct conf *c = conf_unit_read(
		VSERVER("request_rules: [two, {rule: one, run: once_per_connection}, "
			"{rule: missing, enabled: false}]\n    response_rules: two\n"
			"    completion_rules: {rule: one}"));
	const struct conf_vserver *v = &c->vservers[0];
	cr_assert_eq(c->rule_count, 2);
	cr_expect_str_eq(c->rules[0].name, "two");
	cr_expect_not_null(strstr(c->rules[0].path, "/conf/../rules/two.lua"));
	cr_expect_eq(c->rules[0].place.line, 5);
	cr_expect_eq(c->rules[0].place.column, 21);
	cr_expect_str_eq(c->rules[1].name, "one");
	cr_assert_eq(v->request_rules.count, 2);
	cr_expect_eq(v->request_rules.list[0].rule, 0);
	cr_expect(!v->request_rules.list[0].once_per_connection);
	cr_expect_eq(v->request_rules.list[1].rule, 1);
	cr_expect(v->request_rules.list[1].once_per_connection);
	cr_expect_eq(v->response_rules.count, 1);
	cr_expect_eq(v->response_rules.list[0].rule, 0);
	cr_expect_eq(v->completion_rules.list[0].rule, 1);
	conf_free(c);
}

/* The order of the file does not matter: `rules:` stands below the virtual server here. */
Test(conf_read, rule_limits_are_inherited)
{
	struct conf *c = conf_unit_read(VSERVER(
		"rules: {memory: 1m}") "rules: {budget: 5, memory: 2m, on_error: continue}\n");
	cr_expect_eq(c->rule_limits.memory, 2 << 20);
	cr_expect_eq(c->vservers[0].rules.memory, 1 << 20);
	cr_expect_eq(c->vservers[0].rules.budget, 5);
	cr_expect_eq(c->vservers[0].rules.total_budget, 10000000);
	cr_expect_eq(c->vservers[0].rules.on_error, CONF_ON_ERROR_CONTINUE);
	conf_free(c);
}

Test(conf_read, merge_keys_copy_a_pool)
{
	struct conf *c = conf_unit_read(
		"pools:\n  p: &p {nodes: [\"10.0.0.1:1\"], algorithm: random}\n"
		"  q: {<<: *p, transparent: true}\n");
	cr_expect_eq(c->pools[1].algorithm, CONF_ALGORITHM_RANDOM);
	cr_expect(c->pools[1].transparent && !c->pools[0].transparent);
	cr_expect_eq(c->pools[1].node_count, 1);
	conf_free(c);
}

/* ---- complaints ------------------------------------------------------------------------------ */

struct row {
	const char *text, *expected;
};

static const struct row top_rows[] = {
	{ "wrokers: 1\n", "1:1: unknown key 'wrokers'; did you mean 'workers'?" },
	{ "zzz: 1\n", "1:1: unknown key 'zzz'" },
	{ "[]\n", "1:1: the file takes a mapping, not a list" },
	{ "3\n", "1:1: the file takes a mapping, not '3'" },
	{ "workers: 0\n", "1:10: 'workers' takes auto or a number from 1 to 1024, not '0'" },
	{ "workers: \"4\"\n",
	  "1:10: 'workers' takes auto or a number from 1 to 1024, not '4' in quotes" },
	{ "workers: 010\n", "1:10: 'workers' takes auto or a number from 1 to 1024, not '010'" },
	{ "workers: 99999999999999999999\n",
	  "1:10: 'workers' takes auto or a number from 1 to 1024, not "
	  "'99999999999999999999'" },
	{ "workers:\n", "1:1: 'workers' has no value; it takes auto or a number from 1 to 1024" },
	{ "workers: [1]\n", "1:10: 'workers' takes auto or a number from 1 to 1024, not a list" },
	{ "user: a b\n", "1:7: 'user' takes a word, not 'a b'" },
	{ "rules_dir: \"\"\n", "1:12: 'rules_dir' takes a path, not '' in quotes" },
	{ "log: text\n", "1:6: 'log' takes a mapping, not 'text'" },
	{ "log: {format: josn}\n", "1:15: unknown format 'josn'; did you mean 'json'?" },
	{ "log: {level: loud}\n", "1:14: 'level' takes debug, info, warn or error, not 'loud'" },
	{ "log: {lvel: info}\n", "1:7: unknown key 'lvel' in 'log'; did you mean 'level'?" },
	{ "shutdown_timeout: 10\n", "1:19: 'shutdown_timeout' needs a unit: 10s, 10ms or 10m" },
	{ "shutdown_timeout: 10d\n",
	  "1:19: 'shutdown_timeout' takes a duration such as 10s, 500ms or 2m, from 0s to "
	  "99999s, not '10d'" },
	{ "watchdog_timeout: 500ms\n",
	  "1:19: 'watchdog_timeout' takes a duration such as 10s, 500ms or 2m, from 1s to "
	  "3600s, not '500ms'" },
	{ "shutdown_timeout: 9999999999999999999h\n",
	  "1:19: 'shutdown_timeout' takes a duration such as 10s, 500ms or 2m, from 0s to "
	  "99999s, not '9999999999999999999h'" },
	{ "rules: {memory: 1k}\n",
	  "1:17: 'memory' takes a size such as 64k or 1m, from 64k to 1g, not '1k'" },
	{ "rules: {memory: 1x}\n",
	  "1:17: 'memory' takes a size such as 64k or 1m, from 64k to 1g, not '1x'" },
	{ "admin: {listen: x}\n", "1:1: weir does not have 'admin' yet" },
	{ "trafficscript: {max_instr: 1}\n",
	  "1:17: weir does not have 'trafficscript.max_instr'; it has rules: {budget: "
	  "1000000}" },
	{ "watchdog.timeout: 5\n",
	  "1:1: weir does not have 'watchdog.timeout'; it has watchdog_timeout: 5s" },
	{ "virtual_servers: [a]\n",
	  "1:18: 'virtual_servers' takes a mapping of names to virtual servers, not a list" },
};

static const struct row vserver_rows[] = {
	{ VSERVER("lissten: 1"),
	  "5:5: unknown key 'lissten' in virtual server 'a'; did you mean 'listen'?" },
	{ VSERVER("protocol: stream"),
	  "5:15: weir does not have 'protocol: stream'; it has protocol: tcp" },
	{ VSERVER("protocol: smtp"), "5:15: weir does not have 'protocol: smtp' yet" },
	{ VSERVER("protocol: htp"), "5:15: unknown protocol 'htp'; did you mean 'http'?" },
	{ VSERVER("port: 80"), "5:5: weir does not have 'port'; it has listen: [\"0.0.0.0:80\"]" },
	{ VSERVER("connect_timeout: 10"),
	  "5:5: weir does not have 'connect_timeout'; it has timeouts: {connect: 10s}" },
	{ VSERVER("connection: {timeout: 10}"),
	  "5:18: weir does not have 'timeout'; it has timeouts: {idle: 300s}" },
	{ VSERVER("connection.timeout: 10"),
	  "5:5: weir does not have 'timeout'; it has timeouts: {idle: 300s}" },
	{ VSERVER("http.add_via: true"), "5:5: 'http.add_via' is written 'http: {add_via: ...}'" },
	{ VSERVER("ssl: {cipher_suites: x}"), "5:5: weir does not have 'ssl' yet" },
	{ VSERVER("http: {mime_detect: true}"), "5:12: weir does not have 'mime_detect' yet" },
	{ VSERVER("http: {add_via: yes}"), "5:21: 'add_via' takes true or false, not 'yes'" },
	{ VSERVER("http: {add_vai: true}"),
	  "5:12: unknown key 'add_vai' in 'http' of virtual server 'a'; did you mean 'add_via'?" },
	{ VSERVER("enabled: \"true\""),
	  "5:14: 'enabled' takes true or false, not 'true' in quotes" },
	{ VSERVER("capture: nat"), "5:14: 'capture' takes none, redirect or tproxy, not 'nat'" },
	{ VSERVER("capture: [redirect]"),
	  "5:14: 'capture' takes none, redirect, tproxy or a mapping, not a list" },
	{ VSERVER("capture: {ports: 80}"), "5:5: 'capture' of virtual server 'a' needs 'mode'" },
	{ VSERVER("capture: {mode: tproxy, ports: [0]}"), "5:37: '0' is no port from 1 to 65535" },
	{ VSERVER("capture: {mode: tproxy, ports: [\"80\"]}"),
	  "5:37: '80' is no port from 1 to 65535" },
	{ VSERVER("capture: {mode: tproxy, to: x}"),
	  "5:33: 'x' is no network such as 10.0.0.0/8 or fd00::/8" },
	{ VSERVER("capture: {mode: tproxy, to: 10.1.0.0/8}"),
	  "5:33: '10.1.0.0/8' has bits behind its prefix; did you mean '10.0.0.0/8'?" },
	{ VSERVER("capture: {mode: tproxy, to: [[]]}"), "5:34: here stands a network, not a list" },
	{ VSERVER("request_rules: ../one"),
	  "5:20: '../one' cannot be the name of a rule: letters, digits, '.', '_' and '-', at most 64" },
	{ VSERVER("request_rules: one.lua"),
	  "5:20: the name of a rule goes without '.lua': 'one'" },
	{ VSERVER("request_rules: [[one]]"), "5:21: 'rule' takes the name of a rule, not a list" },
	{ VSERVER("request_rules: [{run: every}]"),
	  "5:21: an entry of 'request_rules' needs 'rule'" },
	{ VSERVER("request_rules: [{rule: one, run: once}]"),
	  "5:38: 'run' takes every or once_per_connection, not 'once'" },
	{ "virtual_servers: {a: {}}\n",
	  "1:19: virtual server 'a' needs 'listen'\n1:19: virtual server 'a' needs 'pool'" },
	{ "virtual_servers:\n  a:\n",
	  "2:3: virtual server 'a' needs 'listen'\n2:3: virtual server 'a' needs 'pool'" },
	{ "virtual_servers: {\"a b\": {}}\n",
	  "1:19: 'a b' cannot be the name of a virtual server: letters, digits, '.', '_' and "
	  "'-', at most 64" },
	{ "virtual_servers: {a: {pool: discard, listen: []}}\n",
	  "1:46: 'listen' is empty; it takes an address such as \"0.0.0.0:80\"" },
	{ "virtual_servers: {a: {pool: discard, listen: localhost:80}}\n",
	  "1:46: 'localhost:80' is a host name; weir needs an address here, it does not look up names "
	  "yet" },
	{ "virtual_servers: {a: {pool: discard, listen: 80}}\n",
	  "1:46: '80' is no address with a port such as '10.0.0.1:80' or '[fd00::1]:80'" },
	{ "virtual_servers: {a: {pool: discard, listen: \"[::1]\"}}\n",
	  "1:46: '[::1]' needs a port: '[::1]:80'" },
	{ "virtual_servers: {a: {pool: discard, listen: \"::1:80\"}}\n",
	  "1:46: an IPv6 address stands in brackets, with its port behind: '[fd00::1]:80', not "
	  "'::1:80'" },
	{ "virtual_servers: {a: {pool: discard, listen: 1.2.3.4:0}}\n",
	  "1:46: '1.2.3.4:0' is no address with a port such as '10.0.0.1:80' or '[fd00::1]:80'" },
	{ "virtual_servers: {a: {pool: discard, listen: \"[::ffff:1.2.3.4]:80\"}}\n",
	  "1:46: '[::ffff:1.2.3.4]:80' is an IPv4 address in IPv6 form; write '1.2.3.4:80'" },
	{ "virtual_servers: {a: {pool: discard, listen: 224.0.0.1:80}}\n",
	  "1:46: '224.0.0.1:80' is a multicast address" },
	{ "virtual_servers: {a: {listen: \"1.2.3.4:80\", pool: webb}}\n"
	  "pools: {web: {nodes: \"1.2.3.4:80\"}}\n",
	  "1:51: no pool is named 'webb'; did you mean 'web'?" },
	{ "virtual_servers: {a: {listen: \"1.2.3.4:80\", pool: [x]}}\n",
	  "1:51: 'pool' takes the name of a pool, or discard, not a list" },
};

static const struct row pool_rows[] = {
	{ POOL("algorithm: roundrobin"),
	  "4:16: unknown algorithm 'roundrobin'; did you mean 'round_robin'?" },
	{ POOL("algorithm: perceptive"), "4:16: weir does not have 'algorithm: perceptive' yet" },
	{ POOL("persistence_class: x"), "4:24: there is no persistence class 'x'" },
	{ POOL("connection: {queue_timeout: 1, max_reply_time: 2}"),
	  "4:18: weir does not have 'queue_timeout'; it has timeouts: {queue: 10s}\n"
	  "4:36: weir does not have 'max_reply_time'; it has timeouts: {reply: 30s}" },
	{ POOL("node_connection_attempts: 101"),
	  "4:31: 'node_connection_attempts' takes a number from 1 to 100, not '101'" },
	{ "pools: {p: {nodes: []}}\n", "1:20: pool 'p' has no nodes" },
	{ "pools: {p: {}}\n", "1:9: pool 'p' needs 'nodes'" },
	{ "pools: {p: 1}\n", "1:12: pool 'p' takes a mapping with 'nodes', not '1'" },
	{ "pools: {discard: {nodes: \"1.2.3.4:5\"}}\n",
	  "1:9: the pool 'discard' is built in; give this one another name" },
	{ "pools: {p: {nodes: web.example:80}}\n",
	  "1:20: 'web.example:80' is a host name; weir needs an address here, it does not "
	  "look up names yet" },
	{ "pools: {p: {nodes: 1.2.3.4}}\n", "1:20: '1.2.3.4' needs a port: '1.2.3.4:80'" },
	{ "pools: {p: {nodes: 0.0.0.0:80}}\n",
	  "1:20: '0.0.0.0:80' is every address; a node has one" },
	{ "pools: {p: {nodes: 255.255.255.255:80}}\n",
	  "1:20: '255.255.255.255:80' is a broadcast address" },
	{ "pools: {p: {nodes: [{address: 1.2.3.4:5, weight: 101}]}}\n",
	  "1:50: 'weight' takes a number from 1 to 100, not '101'" },
	{ "pools: {p: {nodes: [{address: 1.2.3.4:5, weihgt: 1}]}}\n",
	  "1:42: unknown key 'weihgt' in a node of pool 'p'; did you mean 'weight'?" },
	{ "pools: {p: {nodes: [{weight: 1}]}}\n", "1:21: a node of pool 'p' needs 'address'" },
	{ "pools: {p: {nodes: [[]]}}\n",
	  "1:21: 'address' takes an address with a port such as \"10.0.0.1:80\" or "
	  "\"[fd00::1]:80\", not a list" },
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *found = conf_unit_complaints(rows[i].text);
		cr_expect_str_eq(found, rows[i].expected, "%s\ngives    %s\nexpected %s",
				 rows[i].text, found, rows[i].expected);
	}
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof rows / sizeof rows[0])

Test(conf_read, complains_of_the_top_level)
{
	CHECK_ROWS(top_rows);
}

Test(conf_read, complains_of_virtual_servers)
{
	CHECK_ROWS(vserver_rows);
}

Test(conf_read, complains_of_pools)
{
	CHECK_ROWS(pool_rows);
}

Test(conf_read, all_complaints_come_at_once)
{
	cr_expect_str_eq(conf_unit_complaints("workers: 0\nwrokers: 1\n" VSERVER("enabled: 2")),
			 "1:10: 'workers' takes auto or a number from 1 to 1024, not '0'\n"
			 "2:1: unknown key 'wrokers'; did you mean 'workers'?\n"
			 "7:14: 'enabled' takes true or false, not '2'");
}
