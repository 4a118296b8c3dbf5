/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_show.h"

#include "admin/admin_status.h"
#include "admin_unit.h"
#include "share/life.h"
#include "share/stats.h"
#include "txn/refusal.h"
#include "txn/txn.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(admin_show, .fini = unit_close);

/* What is written for that status, which is freed; freed by the caller. */
static char *show(json_t *status)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);
	admin_show_status(status, to);
	fclose(to);
	json_decref(status);
	return text;
}

Test(admin_show, lines_up_what_there_is)
{
	static const char expected[] =
		"VIRTUAL SERVER  LISTENS ON                 SESSIONS  TRANSACTIONS  TOTAL  OUTCOMES\n"
		"shop            127.0.0.1:8080 [::1]:8080         3             0   1002  ok 1000, "
		"node_cut 2\n"
		"off             127.0.0.1:8081 (disabled)         0             0      0  -\n"
		"\n"
		"POOL  NODE                  STATE   SESSIONS  TRANSACTIONS   TOTAL  FAILURES\n"
		"web   10.0.0.1:80           active         0             0       0         0\n"
		"web   [fd00::1]:80          active         0             0  123456         0\n"
		"any   original_destination  -              -             -       -         -\n"
		"\n"
		"WORKER  PROCESS  RESTARTS  SESSIONS\n"
		"0          4711         0         3\n"
		"1             0         1         0\n";
	unit_open(UNIT_CONF);
	struct stats_vserver *v = stats_vserver_row(&unit_share, 0, 0);
	v->sessions_current = 3;
	stats_worker_row(&unit_share, 0)->sessions_current = 3;
	v->outcomes[TXN_END_OK] = 1000;
	v->outcomes[TXN_END_NODE_CUT] = 2;
	unit_node_stats(1, 0, 1)->transactions = 123456;
	life_set_pid(&unit_share, 0, 4711);
	life_count_restart(&unit_share, 1);
	char *text = show(admin_status(&unit_admin));
	cr_expect_str_eq(text, expected);
	free(text);
	unit_admin.is_stopping = true;
	text = show(admin_status(&unit_admin));
	cr_expect_eq(strncmp(text, "weir is stopping\n\n", 18), 0);
	cr_expect_str_eq(text + 18, expected);
	free(text);
	stats_refusals(&unit_share, v)[refusal_of_request(HTTP_REASON_HOST)] = 12;
	text = show(admin_status(&unit_admin));
	cr_expect_not_null(strstr(text, "VIRTUAL SERVER  REFUSED FOR  COUNT\n"
					"shop            host            12\n\nPOOL"));
	free(text);
}

Test(admin_show, shows_a_dash_for_what_is_missing_and_obeys_no_control)
{
	static const char *const odd[] = {
		"{}",
		"[]",
		"7",
		"{\"virtual_servers\": 1, \"pools\": [], \"workers\": {}}",
		"{\"virtual_servers\": {\"a\": 1}, \"pools\": {\"b\": 1}, \"workers\": [1]}",
		"{\"virtual_servers\": {\"a\": {\"listen\": [1], \"outcomes\": {\"x\": \"y\"}}}}",
		"{\"pools\": {\"b\": {\"nodes\": [1, {\"address\": {}}]}}}",
	};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		char *text = show(json_loads(odd[i], JSON_DECODE_ANY, NULL));
		cr_expect_not_null(strstr(text, "WORKER"), "%s", odd[i]);
		free(text);
	}
	char *text = show(json_loads("{\"pools\": {\"\\u001b[2Ja\": {}}}", 0, NULL));
	cr_expect_null(strchr(text, '\033'));
	cr_expect_not_null(strstr(text, "?[2Ja"));
	free(text);
}
