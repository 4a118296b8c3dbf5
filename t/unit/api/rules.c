/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that weir comes with, each doing its job. The program runs where the Makefile is. */
#include "api_unit.h"

#include <criterion/criterion.h>
#include <glob.h>

TestSuite(rules, .init = api_unit_open, .fini = api_unit_close);

static const struct {
	const char *path;
	unsigned phases;
} all[] = {
	{ "rules/block-by-network.lua", RULE_IN_REQUEST },
	{ "rules/canary-by-cookie.lua", RULE_IN_REQUEST },
	{ "rules/choose-pool.lua", RULE_IN_REQUEST },
	{ "rules/header-hygiene.lua", RULE_IN_REQUEST },
	{ "rules/log-node-errors.lua", RULE_IN_COMPLETION },
	{ "rules/log-slow-nodes.lua", RULE_IN_REQUEST | RULE_IN_RESPONSE },
	{ "rules/maintenance.lua", RULE_IN_REQUEST },
	{ "rules/redirect-to-site.lua", RULE_IN_REQUEST },
	{ "rules/security-headers.lua", RULE_IN_RESPONSE },
	{ "rules/spoof-forwarded-client.lua", RULE_IN_REQUEST },
};

static void set_remote(const char *ip)
{
	cr_assert(addr_parse_ip(slice_of_string(ip), &api_unit_txn->remote));
}

/* Runs the file; it must not fail. */
static enum rule_result run(const char *path, enum rule_phase phase)
{
	enum rule_result result = api_unit_run_loaded(api_unit_load(path, 1u << phase), phase);
	cr_assert_neq(result, RULE_RESULT_FAILED, "%s", path);
	return result;
}

static bool is_answer(unsigned status)
{
	return api_unit_txn->answer_status == status && api_unit_txn->rule_end == TXN_END_ANSWERED;
}

static bool answer_has(const char *part)
{
	return memmem(api_unit_txn->answer.at, api_unit_txn->answer.len, part, strlen(part)) !=
	       NULL;
}

static struct slice header(const char *name)
{
	return http_fields_joined(&api_unit_txn->request.fields, slice_of_string(name),
				  &api_unit_txn->arena);
}

static struct slice response_header(const char *name)
{
	return http_fields_joined(&api_unit_txn->response.fields, slice_of_string(name),
				  &api_unit_txn->arena);
}

Test(rules, all_are_known_here_and_compile)
{
	glob_t found;
	cr_assert_eq(glob("rules/*.lua", 0, NULL, &found), 0);
	cr_expect_eq(found.gl_pathc, sizeof all / sizeof *all, "a rule has no test");
	globfree(&found);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		api_unit_load(all[i].path, all[i].phases);
}

Test(rules, choose_pool)
{
	api_unit_request("GET /x/legacy/ HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect_eq(run("rules/choose-pool.lua", RULE_REQUEST), RULE_RESULT_FINISHED);
	api_unit_request("GET /legacy/x HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_expect_eq(run("rules/choose-pool.lua", RULE_REQUEST), RULE_RESULT_VERDICT);
	cr_expect_str_eq(api_unit_txn->pool->conf->name, "web-transparent");
}

Test(rules, maintenance)
{
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	set_remote("10.1.2.3");
	cr_expect_eq(run("rules/maintenance.lua", RULE_REQUEST), RULE_RESULT_FINISHED);
	set_remote("192.0.2.7");
	cr_expect_eq(run("rules/maintenance.lua", RULE_REQUEST), RULE_RESULT_VERDICT);
	cr_expect(is_answer(503));
	cr_expect(answer_has("\r\nRetry-After: 600\r\nCache-Control: no-store\r\n"));
}

Test(rules, block_by_network)
{
	static const struct {
		const char *request, *ip;
		enum rule_result wanted;
	} rows[] = {
		{ "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n", "192.0.2.7", RULE_RESULT_FINISHED },
		{ "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n", "fd00:5::9", RULE_RESULT_FINISHED },
		{ "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n", "203.0.113.5", RULE_RESULT_VERDICT },
		{ "GET /x/..//%61dmin?a HTTP/1.1\r\nHost: a\r\n\r\n", "fd00:6::9",
		  RULE_RESULT_VERDICT },
		{ "GET /?/admin HTTP/1.1\r\nHost: a\r\n\r\n", "203.0.113.5", RULE_RESULT_FINISHED },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		api_unit_request(rows[i].request);
		set_remote(rows[i].ip);
		api_unit_txn->answer_status = 0;
		cr_expect_eq(run("rules/block-by-network.lua", RULE_REQUEST), rows[i].wanted, "%zu",
			     i);
		cr_expect_eq(is_answer(404), rows[i].wanted == RULE_RESULT_VERDICT, "%zu", i);
	}
}

Test(rules, header_hygiene)
{
	api_unit_request(
		"GET / HTTP/1.1\r\nHost: a\r\nForwarded: 1\r\nProxy: 1\r\nX-Forwarded-For: 1\r\n"
		"X-Forwarded-Host: 1\r\nX-Forwarded-Proto: 1\r\nX-Original-URL: 1\r\nX-Real-IP: 1\r\n"
		"X-Rewrite-URL: 1\r\nAccept: 1\r\nx-real-ip: 2\r\n\r\n");
	cr_expect_eq(run("rules/header-hygiene.lua", RULE_REQUEST), RULE_RESULT_FINISHED);
	cr_expect_eq(api_unit_txn->request.fields.count, 2);
	cr_expect(slice_is_equal(header("accept"), SLICE("1")));
}

Test(rules, canary_keeps_its_visitors)
{
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\nCookie: canary=yes\r\n\r\n");
	cr_expect_eq(run("rules/canary-by-cookie.lua", RULE_REQUEST), RULE_RESULT_VERDICT);
	cr_expect_str_eq(api_unit_txn->pool->conf->name, "canary");
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\nCookie: canary=no\r\n\r\n");
	cr_expect_eq(run("rules/canary-by-cookie.lua", RULE_REQUEST), RULE_RESULT_FINISHED);
	cr_expect_eq(api_unit_txn->wishes.cookies.count, 0);
}

Test(rules, canary_gets_one_in_twenty)
{
	unsigned chosen = 0;
	struct rule *rule = api_unit_load("rules/canary-by-cookie.lua", RULE_IN_REQUEST);
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\nCookie: canary=maybe\r\n\r\n");
	for (int i = 0; i < 2000; i++) {
		api_unit_txn->wishes = (struct txn_wishes){ 0 };
		bool is_chosen = api_unit_run_loaded(rule, RULE_REQUEST) == RULE_RESULT_VERDICT;
		struct slice cookie = is_chosen ? SLICE("canary=yes; Path=/;")
						: SLICE("canary=no; Path=/;");
		cr_assert_eq(api_unit_txn->wishes.cookies.count, 1);
		cr_assert(slice_has_prefix(api_unit_txn->wishes.cookies.at[0].value, cookie));
		chosen += is_chosen;
	}
	cr_expect(chosen > 50 && chosen < 150, "%u of 2000", chosen);
}

Test(rules, redirect_to_site)
{
	static const struct {
		const char *request, *location; /* NULL: goes on */
	} rows[] = {
		{ "GET /a?b HTTP/1.1\r\nHost: Example.com\r\n\r\n",
		  "\r\nLocation: http://www.example.com/a?b\r\n" },
		{ "GET /a HTTP/1.1\r\nHost: x.example.net:80\r\n\r\n",
		  "\r\nLocation: http://www.example.com/a\r\n" },
		{ "GET /a HTTP/1.1\r\nHost: www.example.com\r\n\r\n", NULL },
		{ "GET /a HTTP/1.1\r\nHost: badexample.net\r\n\r\n", NULL },
		{ "GET /a HTTP/1.0\r\n\r\n", NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		api_unit_request(rows[i].request);
		enum rule_result result = run("rules/redirect-to-site.lua", RULE_REQUEST);
		cr_assert_eq(result,
			     rows[i].location == NULL ? RULE_RESULT_FINISHED : RULE_RESULT_VERDICT,
			     "%zu", i);
		cr_expect(rows[i].location == NULL || answer_has(rows[i].location), "%zu", i);
	}
}

Test(rules, spoof_forwarded_client)
{
	static const struct {
		const char *peer, *forwarded, *wanted;
	} rows[] = {
		{ "10.0.0.9", "X-Forwarded-For: 198.51.100.1, 203.0.113.9", "203.0.113.9" },
		{ "10.0.0.9", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For:fd00::7", "fd00::7" },
		{ "10.0.0.9", "X-Forwarded-For: unknown", "10.0.0.9" },
		{ "10.0.0.9", "X-Other: 203.0.113.9", "10.0.0.9" },
		{ "192.0.2.7", "X-Forwarded-For: 203.0.113.9", "192.0.2.7" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[ADDR_TEXT_BYTES], head[200];
		snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n",
			 rows[i].forwarded);
		api_unit_request(head);
		set_remote(rows[i].peer);
		cr_expect_eq(run("rules/spoof-forwarded-client.lua", RULE_REQUEST),
			     RULE_RESULT_FINISHED);
		cr_expect_str_eq(addr_format_ip(&api_unit_txn->remote, text), rows[i].wanted);
	}
}

Test(rules, log_slow_nodes)
{
	struct rule *rule = api_unit_load("rules/log-slow-nodes.lua",
					  RULE_IN_REQUEST | RULE_IN_RESPONSE);
	api_unit_keep_log();
	api_unit_request("GET /slow?x HTTP/1.1\r\nHost: a\r\n\r\n");
	api_unit_response("HTTP/1.1 200 OK\r\n\r\n");
	cr_expect_eq(api_unit_run_loaded(rule, RULE_RESPONSE), RULE_RESULT_FINISHED);
	cr_expect_eq(api_unit_run_loaded(rule, RULE_REQUEST), RULE_RESULT_FINISHED);
	cr_expect_eq(api_unit_run_loaded(rule, RULE_RESPONSE), RULE_RESULT_FINISHED);
	cr_expect_str_empty(api_unit_log());
	api_unit_passes("connection.data.set('log-slow-nodes', os.time() - 3)");
	api_unit_txn->pool = NULL;
	cr_assert(addr_parse(SLICE("10.0.0.1:80"), &api_unit_txn->node_address));
	cr_expect_eq(api_unit_run_loaded(rule, RULE_RESPONSE), RULE_RESULT_FINISHED);
	cr_expect_not_null(strstr(api_unit_log(), " s for GET /slow?x"), "%s", api_unit_log());
}

Test(rules, log_node_errors)
{
	api_unit_keep_log();
	api_unit_request("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
	run("rules/log-node-errors.lua", RULE_COMPLETION);
	api_unit_response("HTTP/1.1 404 Not Found\r\n\r\n");
	run("rules/log-node-errors.lua", RULE_COMPLETION);
	cr_expect_str_empty(api_unit_log());
	api_unit_response("HTTP/1.1 503 Service Unavailable\r\n\r\n");
	run("rules/log-node-errors.lua", RULE_COMPLETION);
	cr_expect_not_null(strstr(api_unit_log(), "503 for GET /x from no node"), "%s",
			   api_unit_log());
}

Test(rules, security_headers)
{
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	api_unit_response(
		"HTTP/1.1 200 OK\r\nServer: x/1.2\r\nX-Powered-By: y\r\nReferrer-Policy: origin\r\n\r\n");
	cr_expect_eq(run("rules/security-headers.lua", RULE_RESPONSE), RULE_RESULT_FINISHED);
	cr_expect(slice_is_absent(response_header("server")));
	cr_expect(slice_is_absent(response_header("x-powered-by")));
	cr_expect(slice_is_equal(response_header("referrer-policy"), SLICE("origin")));
	cr_expect(slice_is_equal(response_header("x-content-type-options"), SLICE("nosniff")));
	cr_expect(slice_is_equal(response_header("content-security-policy"),
				 SLICE("frame-ancestors 'self'")));
}
