/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_status.h"

#include "admin_unit.h"
#include "share/life.h"
#include "share/state.h"
#include "share/stats.h"
#include "txn/refusal.h"
#include "txn/txn.h"

#include <criterion/criterion.h>

static void open_unit(void)
{
	unit_open(UNIT_CONF);
}

TestSuite(admin_status, .init = open_unit, .fini = unit_close);

Test(admin_status, adds_up_what_workers_counted)
{
	for (unsigned worker = 0; worker < 2; worker++) {
		struct stats_vserver *v = stats_vserver_row(&unit_share, worker, 0);
		v->sessions = 10 + worker;
		v->sessions_current = 1 + worker;
		stats_worker_row(&unit_share, worker)->sessions_current = 1 + 6 * worker;
		v->transactions_current = 1;
		v->outcomes[TXN_END_OK] = 5;
		v->outcomes[TXN_END_NODE_CUT] = worker;
		stats_refusals(&unit_share, v)[refusal_of_request(HTTP_REASON_HOST)] = 2;
		stats_refusals(&unit_share, v)[refusal_of_answer(HTTP_REASON_VERSION)] = 1;
		stats_refusals(&unit_share, v)[REFUSAL_COUNT - 1] = worker;
		unit_node_stats(worker, 0, 1)->sessions_current = 3;
		unit_node_stats(worker, 0, 1)->sessions = 30;
		unit_node_stats(worker, 0, 1)->transactions = 7;
		unit_node_stats(worker, 0, 1)->transactions_current = 2;
		unit_node_stats(worker, 0, 1)->failures = worker;
	}
	stats_vserver_row(&unit_share, 1, 1)->sessions_current = 5;
	life_set_pid(&unit_share, 0, 4711);
	life_count_restart(&unit_share, 1);

	json_t *s = admin_status(&unit_admin);
	cr_expect_str_eq(unit_text(s, "state"), "running");
	cr_expect_eq(unit_number(s, "generation"), 1);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/sessions"), 3);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/sessions_total"), 21);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/transactions"), 2);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/transactions_total"), 13);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/outcomes/ok"), 10);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/outcomes/node_cut"), 1);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/outcomes/client_gone"), 0);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/refusals/host"), 4);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/refusals/node_version"), 2);
	cr_expect_eq(json_object_size(unit_at(s, "virtual_servers/shop/refusals")), 3);
	cr_expect_eq(json_object_size(unit_at(s, "virtual_servers/off/refusals")), 0);
	cr_expect_str_eq(unit_text(s, "virtual_servers/shop/listen/1"), "[::1]:8080");
	cr_expect_str_eq(unit_text(s, "virtual_servers/shop/pool"), "web");
	cr_expect_str_eq(unit_text(s, "virtual_servers/off/pool"), "discard");
	cr_expect(json_is_false(unit_at(s, "virtual_servers/off/enabled")));
	cr_expect_str_eq(unit_text(s, "pools/web/nodes/0/address"), "10.0.0.1:80");
	cr_expect_eq(unit_number(s, "pools/web/nodes/0/transactions_total"), 0);
	cr_expect_str_eq(unit_text(s, "pools/web/nodes/1/address"), "[fd00::1]:80");
	cr_expect_eq(unit_number(s, "pools/web/nodes/1/sessions"), 6);
	cr_expect_eq(unit_number(s, "pools/web/nodes/1/sessions_total"), 60);
	cr_expect_eq(unit_number(s, "pools/web/nodes/1/transactions"), 4);
	cr_expect_eq(unit_number(s, "pools/web/nodes/1/transactions_total"), 14);
	cr_expect_eq(unit_number(s, "pools/web/nodes/1/failures_total"), 1);
	cr_expect(json_is_true(unit_at(s, "pools/any/original_destination")));
	cr_expect_eq(json_array_size(unit_at(s, "pools/any/nodes")), 0);
	cr_expect_eq(json_array_size(unit_at(s, "workers")), 2);
	cr_expect_eq(unit_number(s, "workers/0/pid"), 4711);
	cr_expect_eq(unit_number(s, "workers/0/sessions"), 1);
	cr_expect_eq(unit_number(s, "workers/1/restarts"), 1);
	cr_expect_eq(unit_number(s, "workers/1/sessions"), 7);
	json_decref(s);
}

Test(admin_status, tells_of_each_rule)
{
	struct conf_vserver *v = &unit_admin.conf->vservers[0];
	struct conf_rule rule = { .name = "choose" };
	struct conf_rule_use use = { .rule = 0, .row = 0 };
	((struct conf *)(uintptr_t)unit_admin.conf)->rules = &rule;
	v->response_rules = (struct conf_rule_uses){ &use, 1 };
	for (unsigned worker = 0; worker < 2; worker++) {
		struct stats_rule *row = stats_rule_row(&unit_share, worker, 0);
		stats_rule_ended(row, STATS_RULE_VERDICT, 300);
		stats_rule_ended(row, STATS_RULE_MEMORY, 1ull << 40);
		row->waits = 3;
	}
	json_t *s = admin_status(&unit_admin);
	cr_expect_str_eq(unit_text(s, "virtual_servers/shop/rules/0/rule"), "choose");
	cr_expect_str_eq(unit_text(s, "virtual_servers/shop/rules/0/phase"), "response");
	cr_expect_eq(unit_number(s, "virtual_servers/shop/rules/0/runs_total"), 4);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/rules/0/outcomes/verdict"), 2);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/rules/0/outcomes/memory"), 2);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/rules/0/outcomes/error"), 0);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/rules/0/waits_total"), 6);
	cr_expect_eq(unit_number(s, "virtual_servers/shop/rules/0/times/0/runs"), 2);
	cr_expect_float_eq(
		json_real_value(unit_at(s, "virtual_servers/shop/rules/0/times/0/below")), 512e-9,
		1e-12);
	cr_expect(json_is_null(unit_at(s, "virtual_servers/shop/rules/0/times/1/below")));
	json_decref(s);
}

Test(admin_status, every_outcome_has_a_word_of_its_own)
{
	json_t *s = admin_status(&unit_admin);
	cr_expect_eq(json_object_size(unit_at(s, "virtual_servers/shop/outcomes")),
		     TXN_END_COUNT - 1);
	json_decref(s);
}

Test(admin_status, a_node_is_failed_only_when_it_would_be_used)
{
	struct share_node *n = share_node(&unit_share, segment_node_row(&unit_share, 0, 1));
	const struct share_failing failing = { .attempts = 1, .retry_ms = 1000 };
	cr_expect_str_eq(admin_status_state(&unit_admin, 0, 1), "active");
	share_node_failed(n, 1, &failing);
	cr_expect_str_eq(admin_status_state(&unit_admin, 0, 1), "failed");
	cr_expect_str_eq(admin_status_state(&unit_admin, 0, 0), "active");
	share_node_set_state(n, SHARE_NODE_DRAINING);
	cr_expect_str_eq(admin_status_state(&unit_admin, 0, 1), "draining");
	share_node_set_state(n, SHARE_NODE_DISABLED);
	cr_expect_str_eq(admin_status_state(&unit_admin, 0, 1), "disabled");
}
