/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include "base/memory.h"
#include "conf_unit.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file in memory, with a name to open it by. */
static int file_of(struct slice text, char path[64])
{
	int fd = memfd_create("conf", MFD_CLOEXEC);
	cr_assert_neq(fd, -1);
	cr_assert_eq(write(fd, text.at, text.len), (ssize_t)text.len);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

Test(conf, the_shipped_configuration_is_good)
{
	struct complaints complaints = { 0 };
	struct conf *c = conf_read("conf/weir.yaml", &complaints);
	cr_assert_not_null(c, "%s", conf_unit_join(&complaints));
	cr_expect_eq(complaints.count, 0);
	cr_assert_eq(c->vserver_count, 1);
	cr_assert_eq(c->pool_count, 1);
	cr_expect_eq(c->vservers[0].listens[0].port, 8080);
	cr_expect_eq(addr_kind(&c->vservers[0].listens[0]), ADDR_LOOPBACK);
	conf_free(c);
}

Test(conf, a_file_is_read_whole)
{
	char path[64];
	size_t len = (size_t)1 << 20;
	char *text = memory_new(len + 16, 1);
	memset(text, '#', len);
	memcpy(text + len, "\nworkers: 9\n", 12);
	int fd = file_of(slice_of(text, len + 12), path);
	struct complaints complaints = { 0 };
	struct conf *c = conf_read(path, &complaints);
	cr_assert_not_null(c);
	cr_expect_eq(c->workers, 9);
	cr_expect_str_eq(c->path, path);
	conf_free(c);
	complaints_release(&complaints);
	close(fd);
	free(text);
}

static void expect_failure(const char *path, const char *expected)
{
	struct complaints complaints = { 0 };
	cr_expect_null(conf_read(path, &complaints));
	cr_expect_str_eq(conf_unit_join(&complaints), expected);
	complaints_release(&complaints);
}

Test(conf, files_that_cannot_be_read_are_complained_of)
{
	expect_failure("/nowhere/weir.yaml",
		       "0:0: cannot open '/nowhere/weir.yaml': No such file or directory");
	expect_failure("/tmp", "0:0: cannot read '/tmp': Is a directory");
	expect_failure("/dev/zero", "0:0: cannot read '/dev/zero': it is larger than 16 MiB");
}

Test(conf, a_file_may_have_16_mib_and_no_more)
{
	char path[64];
	size_t most = (size_t)16 << 20;
	char *text = memory_new(most + 1, 1);
	memset(text, '\n', most + 1);
	int fd = file_of(slice_of(text, most), path);
	struct complaints complaints = { 0 };
	struct conf *c = conf_read(path, &complaints);
	cr_expect_not_null(c);
	conf_free(c);
	complaints_release(&complaints);
	cr_assert_eq(write(fd, "\n", 1), 1);
	char expected[128];
	snprintf(expected, sizeof expected, "0:0: cannot read '%s': it is larger than 16 MiB",
		 path);
	expect_failure(path, expected);
	close(fd);
	free(text);
}

Test(conf, pools_are_found_by_name)
{
	struct conf *c = conf_unit_read(
		"pools: {a: {nodes: \"1.2.3.4:5\"}, b: {nodes: \"1.2.3.4:5\"}}\n");
	cr_expect_eq(conf_find_pool(c, SLICE("a")), 0);
	cr_expect_eq(conf_find_pool(c, SLICE("b")), 1);
	cr_expect_eq(conf_find_pool(c, SLICE("c")), 2);
	cr_expect_eq(conf_find_pool(c, SLICE("discard")), CONF_POOL_DISCARD);
	conf_free(c);
}

Test(conf, nothing_can_be_freed)
{
	conf_free(NULL);
}

/* ---- hostile files --------------------------------------------------------------------------- */

static const char whole[] =
	"workers: 2\nlog: {level: info, format: text, access: off}\nrules: {budget: 5, memory: 1m}\n"
	"virtual_servers:\n  shop: &shop\n    listen: [\"0.0.0.0:8080\", \"[::]:8080\"]\n"
	"    capture: {mode: redirect, interface: eth1, ports: [80], to: [\"0.0.0.0/0\"]}\n"
	"    request_rules: [one, {rule: two, run: once_per_connection, enabled: true}]\n"
	"    pool: web\n    timeouts: {connect: 10s, idle: 300s, keepalive: 10s}\n"
	"  other: {<<: *shop, listen: 127.0.0.1:9}\n"
	"pools:\n  web: &web\n    nodes: [\"10.0.0.11:80\", {address: \"10.0.0.12:80\", weight: 3}]\n"
	"    algorithm: round_robin\n  web-transparent: {<<: *web, transparent: true}\n"
	"  anywhere: {nodes: original_destination}\n";

static void read_and_forget(struct slice text)
{
	struct complaints complaints = { 0 };
	struct conf *c = conf_read_text(conf_unit_path(), text, &complaints);
	cr_assert_eq(c == NULL, complaints.errors > 0);
	conf_free(c);
	complaints_release(&complaints);
}

Test(conf, every_beginning_of_a_file_is_read_or_refused)
{
	conf_free(conf_unit_read(whole));
	for (size_t len = 0; len < sizeof whole; len++)
		read_and_forget(slice_of(whole, len));
}

Test(conf, any_changed_byte_is_read_or_refused)
{
	static const char likely[] = "\0\t\n\r :-[]{}#&*!|>'\"%@`,?<\xff\xc3~0";
	uint64_t state = 7;
	for (int i = 0; i < 3000; i++) {
		char text[sizeof whole];
		memcpy(text, whole, sizeof whole);
		for (unsigned n = 1 + conf_unit_random(&state) % 3; n > 0; n--)
			text[conf_unit_random(&state) % (sizeof whole - 1)] =
				likely[conf_unit_random(&state) % (sizeof likely - 1)];
		read_and_forget(slice_of(text, sizeof whole - 1));
	}
}

/* ---- has anything changed? ------------------------------------------------------------------------- */

static struct conf *read_for_change(const char *text)
{
	struct complaints complaints = { 0 };
	struct conf *c = conf_read_text("weir.yaml", slice_of_string(text), &complaints);
	complaints_print(&complaints, stderr);
	complaints_release(&complaints);
	cr_assert_not_null(c, "%s", text);
	return c;
}

Test(conf, tells_a_change_from_a_comment)
{
#define SERVER "virtual_servers: {a: {listen: \"127.0.0.1:80\", protocol: http, pool: discard}}\n"
	static const struct {
		const char *before, *now;
		bool is_same;
		unsigned line, column;
	} pairs[] = {
		{ SERVER, SERVER, true, 0, 0 },
		{ SERVER, "# new\n\n" SERVER "# newer\n", true, 0, 0 },
		{ SERVER,
		  "virtual_servers:\n  a:\n    listen: \"127.0.0.1:80\"\n    protocol: http\n"
		  "    pool: discard\n",
		  true, 0, 0 },
		{ SERVER "workers: 1\n", SERVER "workers: 2\n", false, 2, 10 },
		{ SERVER, SERVER "workers: 1\n", false, 1, 1 },
		{ SERVER "workers: 1\n", SERVER "user: a\n", false, 2, 1 },
		{ "", "", true, 0, 0 },
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct conf *before = read_for_change(pairs[i].before);
		struct conf *now = read_for_change(pairs[i].now);
		struct conf_place place;
		cr_expect_eq(conf_is_same(before, now, &place), pairs[i].is_same, "%s",
			     pairs[i].now);
		if (!pairs[i].is_same)
			cr_expect(place.line == pairs[i].line && place.column == pairs[i].column,
				  "%s: %u:%u", pairs[i].now, place.line, place.column);
		conf_free(before);
		conf_free(now);
	}
}

Test(conf, persistence_classes)
{
	struct conf *c = conf_unit_read(
		"persistence_classes:\n"
		"  plain: {}\n"
		"  shop: {type: transparent, failure_mode: url, url: /sorry, delete: false,\n"
		"    transparent: {directives: \"Secure; HttpOnly\", always_set_cookie: true}}\n"
		"  net: {subnet_prefix_length_v4: 24, subnet_prefix_length_v6: 64}\n"
		"  php: {type: cookie, cookie: PHPSESSID}\n"
		"session: {ip_cache_size: 7, j2ee_cache_expiry: 90s, secret_file: s}\n" CONF_UNIT_POOL(
			"persistence_class: shop"));
	const struct conf_persistence_class *list = c->persistence_classes;
	cr_assert_eq(c->persistence_class_count, 4);
	cr_expect_eq(list[0].type, CONF_PERSISTENCE_IP);
	cr_expect_eq(list[0].failure_mode, CONF_FAILURE_NEW_NODE);
	cr_expect(list[0].deletes && !list[0].always_sets_cookie);
	cr_expect_str_eq(list[0].directives, "");
	cr_expect_eq(list[0].prefix_length_v4, 0);
	cr_expect_eq(list[1].type, CONF_PERSISTENCE_TRANSPARENT);
	cr_expect_eq(list[1].failure_mode, CONF_FAILURE_URL);
	cr_expect_str_eq(list[1].url, "/sorry");
	cr_expect_str_eq(list[1].directives, "Secure; HttpOnly");
	cr_expect(list[1].always_sets_cookie && !list[1].deletes);
	cr_expect_eq(list[2].prefix_length_v4, 24);
	cr_expect_eq(list[2].prefix_length_v6, 64);
	cr_expect_str_eq(list[3].cookie, "PHPSESSID");
	cr_expect_eq(c->pools[0].persistence, 2);
	cr_expect_eq(conf_find_persistence_class(c, SLICE("php")), 4);
	cr_expect_eq(conf_find_persistence_class(c, SLICE("phpx")), 0);
	cr_expect_eq(c->session.cache_sizes[CONF_SESSIONS_IP], 7);
	cr_expect_eq(c->session.cache_sizes[CONF_SESSIONS_ASP], 32768);
	cr_expect_eq(c->session.cache_expiries[CONF_SESSIONS_J2EE], 90000);
	cr_expect_eq(c->session.cache_expiries[CONF_SESSIONS_IP], 0);
	cr_expect_not_null(strstr(c->session.secret_file, "/s"));
	cr_expect_gt(c->secret_place.line, 0);
	conf_free(c);
}

Test(conf, bandwidth_classes)
{
	struct conf *c = conf_unit_read("bandwidth_classes:\n"
					"  gold: {maximum: 1250k, sharing: connection}\n"
					"  tin: {}\n" CONF_UNIT_VSERVER("bandwidth_class: tin"));
	cr_assert_eq(c->bandwidth_class_count, 2);
	cr_expect_eq(c->bandwidth_classes[0].maximum, 1250u * 1024);
	cr_expect_eq(c->bandwidth_classes[0].sharing, CONF_SHARING_CONNECTION);
	cr_expect_eq(c->bandwidth_classes[1].maximum, 1250000);
	cr_expect_eq(c->bandwidth_classes[1].sharing, CONF_SHARING_MACHINE);
	cr_expect_eq(c->vservers[0].bandwidth, 2);
	cr_expect_eq(conf_find_bandwidth_class(c, SLICE("gold")), 1);
	cr_expect_eq(conf_find_bandwidth_class(c, SLICE("goldx")), 0);
	conf_free(c);
	cr_expect_str_eq(conf_unit_complaints(CONF_UNIT_POOL("bandwidth_class: gold")),
			 "4:22: there is no bandwidth class 'gold'");
	cr_expect_not_null(
		strstr(conf_unit_complaints(
			       "bandwidth_classes: {gold: {maximum: 99}}\n" CONF_UNIT_VSERVER("")),
		       "maximum"));
	cr_expect_not_null(strstr(
		conf_unit_complaints(
			"bandwidth_classes: {gold: {sharing: cluster}}\n" CONF_UNIT_VSERVER("")),
		"cluster"));
}

Test(conf, what_rules_share_has_defaults)
{
	struct conf *c = conf_unit_read("rate_classes: {login: {}}\nslm_classes: {api: {}}\n");
	cr_expect_eq(c->data_size, 64 << 20);
	cr_expect_eq(c->data_local_size, 16 << 20);
	cr_assert_eq(c->rate_class_count, 1);
	cr_expect_str_eq(c->rate_classes[0].named.name, "login");
	cr_expect_eq(c->rate_classes[0].max_rate_per_second, 0);
	cr_expect_eq(c->rate_classes[0].max_rate_per_minute, 0);
	cr_expect_eq(c->rate_classes[0].max_queue, 10000);
	cr_assert_eq(c->slm_class_count, 1);
	cr_expect_eq(c->slm_classes[0].response_milliseconds, 1000);
	cr_expect_eq(c->slm_classes[0].warning_threshold, 50);
	cr_expect_eq(c->slm_classes[0].serious_threshold, 0);
	conf_free(c);
}

Test(conf, classes_are_found_by_name)
{
	struct conf *c = conf_unit_read(
		"data: {size: 1g, local_size: 64k}\n"
		"rate_classes: {a: {max_rate_per_minute: 30}, b: {max_rate_per_second: 2}}\n"
		"slm_classes: {x: {}, y: {response_time: 200ms}}\n"
		"virtual_servers: {v: {listen: \"127.0.0.1:80\", pool: discard, slm_class: y}}\n");
	cr_expect_eq(c->data_size, 1 << 30);
	cr_expect_eq(conf_find_rate_class(c, SLICE("a"))->max_rate_per_minute, 30);
	cr_expect_eq(conf_find_rate_class(c, SLICE("b")), &c->rate_classes[1]);
	cr_expect_null(conf_find_rate_class(c, SLICE("x")));
	cr_expect_eq(conf_find_slm_class(c, SLICE("y"))->response_milliseconds, 200);
	cr_expect_null(conf_find_slm_class(c, SLICE("")));
	cr_expect_eq(c->vservers[0].service_level, 2);
	conf_free(c);
}

Test(conf, complains_of_classes)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "slm_classes: {api: {}}\n"
		  "virtual_servers: {a: {listen: \"1.2.3.4:80\", pool: discard, slm_class: apy}}\n",
		  "2:71: no service level class is named 'apy'" },
		{ "rate_classes: {\"a b\": {}}\n",
		  "1:16: 'a b' cannot be the name of a rate class: letters, digits, '.', '_' and '-', at most 64" },
		{ "rate_classes: {a: {max_rate: 1}}\n",
		  "1:20: unknown key 'max_rate' in rate class 'a'" },
		{ "slm_classes: [a]\n",
		  "1:14: 'slm_classes' takes a mapping of names to service level classes, not a list" },
		{ "slm_classes: {a: {serious_threshold: 101}}\n",
		  "1:38: 'serious_threshold' takes a number from 0 to 100, not '101'" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		cr_expect_not_null(strstr(conf_unit_complaints(rows[i].text), rows[i].wanted), "%s",
				   conf_unit_complaints(rows[i].text));
}
