/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_resource.h"

#include "admin_unit.h"
#include "share/state.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

static struct arena arena;

static void open_unit(void)
{
	cr_redirect_stderr();
	unit_open(UNIT_CONF);
	arena_init(&arena);
}

static void close_unit(void)
{
	arena_release(&arena);
	arena_drop_spares();
	unit_close();
}

TestSuite(admin_resource, .init = open_unit, .fini = close_unit);

static struct admin_answer ask(const char *method, const char *path, const char *body)
{
	struct admin_answer answer;
	struct admin_question q = { .admin = &unit_admin,
				    .peer = { .uid = 42, .pid = 4711 },
				    .method = slice_of_string(method),
				    .path = slice_of_string(path),
				    .body = slice_of_string(body) };
	admin_resource_answer(&q, &arena, &answer);
	return answer;
}

/* Asks, expects that status, and gives the answer; the caller's to json_decref. */
static json_t *expect(unsigned status, const char *method, const char *path, const char *body)
{
	struct admin_answer answer = ask(method, path, body);
	cr_expect_eq(answer.status, status, "%s %s %s: %u %.*s", method, path, body, answer.status,
		     SLICE_PRINT(answer.body));
	json_t *value = json_loadb(answer.body.at, answer.body.len, 0, NULL);
	cr_assert_not_null(value, "%s %s", method, path);
	return value;
}

static void expect_refusal(unsigned status, const char *method, const char *path, const char *body)
{
	json_t *value = expect(status, method, path, body);
	cr_expect_gt(strlen(unit_text(value, "error")), 0);
	json_decref(value);
}

static enum share_node_state state_of(unsigned node)
{
	return share_node_state(share_node(&unit_share, segment_node_row(&unit_share, 0, node)));
}

Test(admin_resource, gives_the_status)
{
	json_t *value = expect(200, "GET", "/api/v1/status", "");
	cr_expect_str_eq(unit_text(value, "pools/web/nodes/0/state"), "active");
	json_decref(value);
}

Test(admin_resource, sets_the_state_of_one_node_and_says_who_did)
{
	static const char log[] = "audit weir: user 42 (process 4711): node '[fd00::1]:80' of pool "
				  "'web': active -> draining\n";
	const char *path = "/api/v1/pools/web/nodes/%5Bfd00::1%5d:80";
	char said[1024] = "";
	json_t *value = expect(200, "PATCH", path, "{\"state\": \"draining\"}");
	cr_expect_str_eq(unit_text(value, "state"), "draining");
	cr_expect_str_eq(unit_text(value, "address"), "[fd00::1]:80");
	json_decref(value);
	cr_expect_eq(state_of(0), SHARE_NODE_ACTIVE);
	cr_expect_eq(state_of(1), SHARE_NODE_DRAINING);
	json_decref(expect(200, "PATCH", path, "{\"state\": \"draining\"}"));
	fflush(stderr);
	size_t len = fread(said, 1, sizeof said - 1, cr_get_redirected_stderr());
	cr_expect_gt(len, sizeof log);
	cr_expect_str_eq(strchr(said, ' ') + 1, log, "%s", said);
	json_decref(expect(200, "PATCH", path, "{\"state\": \"disabled\"}"));
	cr_expect_eq(state_of(1), SHARE_NODE_DISABLED);
	json_decref(expect(200, "PATCH", path, "{\"state\": \"active\"}"));
	cr_expect_eq(state_of(1), SHARE_NODE_ACTIVE);
}

Test(admin_resource, an_unknown_node_or_state_changes_nothing)
{
	static const char *const bodies[] = { "",
					      "{",
					      "[]",
					      "{}",
					      "{\"state\": 1}",
					      "{\"state\": \"failed\"}",
					      "{\"state\": \"drainin\"}",
					      "{\"state\": \"draining\", \"weight\": 1}",
					      "{\"state\": \"active\", \"state\": \"draining\"}" };
	const char *body = "{\"state\": \"draining\"}";
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		expect_refusal(400, "PATCH", "/api/v1/pools/web/nodes/10.0.0.1:80", bodies[i]);
	expect_refusal(404, "PATCH", "/api/v1/pools/web/nodes/10.0.0.1:81", body);
	expect_refusal(404, "PATCH", "/api/v1/pools/any/nodes/10.0.0.1:80", body);
	expect_refusal(404, "PATCH", "/api/v1/pools/nowhere/nodes/10.0.0.1:80", body);
	expect_refusal(404, "PATCH", "/api/v1/pools/discard/nodes/10.0.0.1:80", body);
	expect_refusal(400, "PATCH", "/api/v1/pools/web/nodes/10.0.0.1", body);
	cr_expect_eq(state_of(0), SHARE_NODE_ACTIVE);
	cr_expect_eq(state_of(1), SHARE_NODE_ACTIVE);
}

Test(admin_resource, paths_match_part_by_part)
{
	static const char *const paths[] = { "/",
					     "*",
					     "",
					     "/api/v1",
					     "/api/v1/status/",
					     "/api/v1/statusx",
					     "/api//v1/status",
					     "/api/v1/pools/web/nodes/",
					     "/api/v1/pools//nodes/10.0.0.1:80",
					     "/api/v1/pools/web/nodes/10.0.0.1:80/x",
					     "/api/v1/pools/web%2Fnodes/10.0.0.1:80",
					     "/api/v1/\xff\xfe" };
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		expect_refusal(404, "GET", paths[i], "");
	json_decref(expect(200, "GET", "/api/v1/st%61tus", ""));
}

Test(admin_resource, another_method_is_told_which_is_right)
{
	struct admin_answer answer = ask("DELETE", "/api/v1/pools/web/nodes/10.0.0.1:80", "");
	cr_expect_eq(answer.status, 405);
	cr_expect(slice_is_equal(answer.extra, SLICE("Allow: PATCH\r\n")));
	expect_refusal(405, "HEAD", "/api/v1/status", "");
	expect_refusal(405, "GET", "/api/v1/stop", "");
	cr_expect_eq(unit_stops, 0);
}

Test(admin_resource, passes_on_the_order_to_stop)
{
	json_t *value = expect(202, "POST", "/api/v1/stop", "");
	cr_expect_str_eq(unit_text(value, "state"), "stopping");
	cr_expect_eq(unit_stops, 1);
	json_decref(value);
	value = expect(200, "GET", "/api/v1/status", "");
	cr_expect_str_eq(unit_text(value, "state"), "stopping");
	json_decref(value);
}

Test(admin_resource, says_when_nobody_hears_the_order)
{
	unit_can_stop = false;
	expect_refusal(503, "POST", "/api/v1/stop", "");
}
