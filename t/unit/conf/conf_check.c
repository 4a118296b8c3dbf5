/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf_check.h"

#include "conf_unit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define VSERVER CONF_UNIT_VSERVER

struct row {
	const char *text, *expected;
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

#define TWO(first, second) \
	"virtual_servers:\n  a: {pool: discard, listen: [" first "]}\n" \
	"  b: {pool: discard, listen: [" second "]}\n"

Test(conf_check, listeners_must_not_collide)
{
	static const struct row rows[] = {
		{ TWO("\"1.2.3.4:80\"", "\"1.2.3.4:81\""), "" },
		{ TWO("\"0.0.0.0:80\"", "\"[::]:80\""), "" },
		{ TWO("\"0.0.0.0:80\"", "\"[::1]:80\""), "" },
		{ TWO("\"1.2.3.4:80\"", "\"1.2.3.4:80\""),
		  "3:31: virtual server 'a' listens on '1.2.3.4:80' already (line 2)" },
		{ TWO("\"1.2.3.4:80\",\"1.2.3.4:80\"", "\"1.2.3.4:81\""),
		  "2:44: virtual server 'a' listens on '1.2.3.4:80' already (line 2)" },
		{ TWO("\"[::1]:80\"", "\"[0:0::1]:80\""),
		  "3:31: virtual server 'a' listens on '[::1]:80' already (line 2)" },
		{ TWO("\"0.0.0.0:80\"", "\"1.2.3.4:80\""),
		  "3:31: '1.2.3.4:80' is part of '0.0.0.0:80', on which virtual server 'a' listens "
		  "(line 2)" },
		{ TWO("\"[::1]:80\"", "\"[::]:80\""),
		  "2:31: '[::1]:80' is part of '[::]:80', on which virtual server 'b' listens (line 3)" },
		{ "virtual_servers:\n  a: {pool: discard, listen: 1.2.3.4:80}\n"
		  "  b: {pool: discard, listen: 1.2.3.4:80, enabled: false}\n",
		  "" },
	};
	CHECK_ROWS(rows);
}

Test(conf_check, rule_files_must_be_there)
{
	const char *joined = conf_unit_complaints(VSERVER("request_rules: [one, tow]"));
	cr_expect_not_null(strstr(joined, "5:26: no rule 'tow': there is no file '"), "%s", joined);
	cr_expect_not_null(strstr(joined, "/rules/tow.lua'; did you mean 'two'?"), "%s", joined);
	joined = conf_unit_complaints(VSERVER("response_rules: quite-other"));
	cr_expect_not_null(strstr(joined, "/rules/quite-other.lua'"), "%s", joined);
	cr_expect_null(strstr(joined, "did you mean"), "%s", joined);
	joined = conf_unit_complaints(VSERVER("response_rules: three"));
	cr_expect_not_null(strstr(joined, "5:21: rule 'three' is not a file"), "%s", joined);
	joined = conf_unit_complaints("rules_dir: /nowhere\n" VSERVER("request_rules: one"));
	cr_expect_not_null(strstr(joined, "there is no file '/nowhere/one.lua'"), "%s", joined);
}

#define SENDING(listen, vserver, pool) \
	"virtual_servers:\n  a: {pool: p, listen: \"" listen "\"" vserver "}\n" \
	"pools: {p: {" pool "}}\n"

Test(conf_check, pools_and_virtual_servers_must_fit)
{
	static const struct row rows[] = {
		{ "pools:\n  p: {nodes: [\"1.2.3.4:5\", \"1.2.3.4:6\", \"1.2.3.4:5\"]}\n"
		  "virtual_servers: {a: {listen: \"1.2.3.4:1\", pool: p}}\n",
		  "2:41: node '1.2.3.4:5' is in pool 'p' already (line 2)" },
		{ SENDING("[::]:80", "", "nodes: \"1.2.3.4:5\""), "" },
		{ SENDING("[::]:80", "", "transparent: true, nodes: \"1.2.3.4:5\""),
		  "2:24: ~clients of '[::]:80' will be refused: transparent pool 'p' has no IPv6 node" },
		{ SENDING("1.2.3.4:80", "", "transparent: true, nodes: \"[::1]:5\""),
		  "2:24: ~clients of '1.2.3.4:80' will be refused: transparent pool 'p' has no IPv4 "
		  "node" },
		{ SENDING("[::]:80", "",
			  "transparent: true, on_spoof_failure: plain, nodes: \"1.2.3.4:5\""),
		  "" },
		{ SENDING("[::]:80", "",
			  "transparent: true, nodes: [\"1.2.3.4:5\", \"[fd00::1]:5\"]"),
		  "" },
		{ SENDING("[::]:80", "", "nodes: original_destination"),
		  "2:3: ~virtual server 'a' captures nothing, so the original destination of pool 'p' "
		  "is weir itself" },
		{ SENDING("[::]:80", ", capture: redirect", "nodes: original_destination"), "" },
		{ SENDING("[::]:80", ", proxy_protocol: {from: \"::1\"}",
			  "nodes: original_destination"),
		  "" },
		{ SENDING("[::]:80", ", proxy_protocol: {from: \"::1\"}",
			  "transparent: true, nodes: \"1.2.3.4:5\""),
		  "" },
		{ VSERVER("http: {max_request_line: 2k, max_head: 1k}"),
		  "2:3: in virtual server 'a', http: max_request_line (2048) is more than max_head "
		  "(1024)" },
		{ VSERVER("http: {max_head: 1k}"),
		  "2:3: in virtual server 'a', http: max_request_line (8192) is more than max_head "
		  "(1024)" },
		{ VSERVER("rules: {budget: 3, total_budget: 2}"),
		  "2:3: in virtual server 'a', rules: budget (3) is more than total_budget (2)" },
		{ VSERVER("connection: {max_requests: 2, max_pipelined: 3}"),
		  "2:3: in virtual server 'a', connection: max_pipelined (3) is more than "
		  "max_requests (2)" },
		{ VSERVER("connection: {max_requests: 3, max_pipelined: 3}"), "" },
		{ VSERVER("connection: {max_pipelined: 3}"), "" },
		{ VSERVER("timeouts: {body: 3s, transaction: 2s}"),
		  "2:3: in virtual server 'a', timeouts: body (3000ms) is more than transaction (2000ms)" },
		{ VSERVER("timeouts: {body: 3s}"), "" },
		{ VSERVER("max_connections_per_client: 3\n    max_concurrent_connections: 2"),
		  "2:3: in virtual server 'a', max_connections_per_client (3) is more than "
		  "max_concurrent_connections (2)" },
		{ "max_connections: 2\n" VSERVER("max_concurrent_connections: 3"),
		  "3:3: in virtual server 'a', max_concurrent_connections is more than "
		  "max_connections at the top level" },
		{ "max_connections: 2\n" VSERVER("max_connections_per_client: 3"),
		  "3:3: in virtual server 'a', max_connections_per_client is more than "
		  "max_connections at the top level" },
		{ "max_connections: 2\n" VSERVER("max_concurrent_connections: 2"), "" },
		{ "workers: 1\n", "0:0: ~no virtual server: nothing will listen" },
	};
	CHECK_ROWS(rows);
}

Test(conf_check, limits_of_client_connections_are_read)
{
	struct conf *c = conf_unit_read(VSERVER(
		"timeouts: {body: 5s}\n    max_connections_per_client: 8\n"
		"    connection: {max_requests: 4, max_age: 6s, max_pipelined: 3,\n"
		"                 min_upload_rate: 1k, min_download_rate: 0, min_rate_grace: 2s}\n"
		"    http: {max_chunk_extension: 5, max_informational: 6}"));
	const struct conf_vserver *v = &c->vservers[0];
	cr_expect_eq(v->body_milliseconds, 5000);
	cr_expect_eq(v->max_connections_per_client, 8);
	cr_expect(v->max_requests == 4 && v->max_pipelined == 3);
	cr_expect_eq(v->age_milliseconds, 6000);
	cr_expect(v->min_upload_rate == 1024 && v->min_download_rate == 0);
	cr_expect_eq(v->rate_grace_milliseconds, 2000);
	cr_expect(v->max_chunk_extension == 5 && v->max_informational == 6);
	conf_free(c);
}

#define CLASS(keys) \
	"persistence_classes: {x: {" keys "}}\nvirtual_servers: {a: {listen: \"1.2.3.4:80\", " \
	"pool: discard}}\n"

static const struct row class_rows[] = {
	{ CLASS(""), "" },
	{ CLASS("type: ssl"), "1:33: weir does not have 'type: ssl' yet" },
	{ CLASS("type: sardine"),
	  "1:33: weir does not have 'type: sardine'; it has type: transparent" },
	{ CLASS("type: kipper"), "1:33: weir does not have 'type: kipper'; it has type: cookie" },
	{ CLASS("type: uni"), "1:33: 'type' takes ip, universal, named, transparent, cookie, j2ee, "
			      "asp or x_zeus, not 'uni'" },
	{ CLASS("type: cookie"), "1:23: persistence class 'x' of type cookie needs 'cookie'" },
	{ CLASS("type: cookie, cookie: PHPSESSID"), "" },
	{ CLASS("type: cookie, cookie: \"a b\""),
	  "1:23: persistence class 'x' of type cookie needs 'cookie'\n"
	  "1:49: 'cookie' takes a name such as PHPSESSID, not 'a b' in quotes" },
	{ CLASS("cookie: a"),
	  "1:23: persistence class 'x' is not of type cookie and has no use for 'cookie'" },
	{ CLASS("failure_mode: url"),
	  "1:23: persistence class 'x' with failure_mode url needs 'url'" },
	{ CLASS("failure_mode: url, url: /sorry"), "" },
	{ CLASS("failure_mode: url, url: \"/a b\""),
	  "1:23: persistence class 'x' with failure_mode url needs 'url'\n"
	  "1:51: 'url' takes a URL such as \"https://www.example.com/sorry\" or \"/sorry\", not "
	  "'/a b' in quotes" },
	{ CLASS("failure_mode: close, url: /sorry"),
	  "1:23: persistence class 'x' has another failure_mode than url and no use for 'url'" },
	{ CLASS("failure_mode: newnode"),
	  "1:41: unknown failure_mode 'newnode'; did you mean 'new_node'?" },
	{ CLASS("subnet_prefix_length_v4: 32"),
	  "1:52: 'subnet_prefix_length_v4' takes a number from 0 to 31, not '32'" },
	{ CLASS("type: named, subnet_prefix_length_v6: 64"),
	  "1:23: persistence class 'x' is not of type ip and has no use for networks" },
	{ CLASS("transparent: {always_set_cookie: true}"),
	  "1:23: persistence class 'x' is not of type transparent and has no use for "
	  "'transparent'" },
	{ CLASS("type: transparent, transparent: {directives: \"a\\nb\"}"),
	  "1:72: 'directives' takes a line of text, not 'a\\x0ab' in quotes" },
	{ CLASS("transparent_directives: Secure"),
	  "1:27: weir does not have 'transparent_directives'; it has transparent: {directives: ...}" },
	{ "session: {ssl_cache_size: 1}\n", "1:11: weir does not have 'ssl_cache_size' yet" },
	{ "session: {ip_cache_size: 0}\n",
	  "1:26: 'ip_cache_size' takes a number from 1 to 100000000, not '0'" },
	{ "persistence_classes: [x]\n", "1:22: 'persistence_classes' takes a mapping of names to "
					"persistence classes, not a list" },
};

Test(conf_check, complains_of_persistence_classes)
{
	CHECK_ROWS(class_rows);
}
