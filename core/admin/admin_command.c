/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_command.h"

#include "admin/admin_errand.h"
#include "admin/admin_show.h"
#include "base/arena.h"
#include "http/http_path.h"
#include "net/addr.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define RELOAD_LOOK_MS 20
#define RELOAD_PATIENCE_MS 90000 /* longer than the check may take */

/* ---- status --------------------------------------------------------------------------------------- */

bool admin_command_status(const char *control, bool as_json)
{
	struct errand errand;
	struct slice raw;
	admin_errand_open(&errand, control);
	errand.status = admin_errand_ask(&errand, "GET", "/api/v1/status", SLICE_ABSENT, &raw,
					 NULL);
	if (errand.status != NULL && as_json)
		fwrite(raw.at, 1, raw.len, stdout);
	else if (errand.status != NULL)
		admin_show_status(errand.status, stdout);
	return admin_errand_close(&errand, errand.status != NULL);
}

/* ---- stop ----------------------------------------------------------------------------------------- */

/* It has answered a moment ago, so the number is still its own, or nobody's. */
static bool wait_until_gone(pid_t pid)
{
	if (pid <= 0)
		return admin_complain(
			"weir was told to stop, but its process cannot be seen from here");
	int fd = pidfd_open(pid, 0);
	if (fd == -1 && errno == ESRCH)
		return true;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (fd != -1 && poll(&p, 1, -1) == -1 && errno == EINTR)
		;
	if (fd == -1 || p.revents == 0) {
		fprintf(stderr, "weir: weir was told to stop, but cannot watch process '%d': %s\n",
			(int)pid, strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

bool admin_command_stop(const char *control)
{
	struct errand errand;
	pid_t pid;
	admin_errand_open(&errand, control);
	json_t *answer = admin_errand_ask(&errand, "POST", "/api/v1/stop", SLICE_ABSENT, NULL,
					  &pid);
	bool is_told = answer != NULL;
	json_decref(answer);
	return admin_errand_close(&errand, is_told && wait_until_gone(pid));
}

/* ---- clear ---------------------------------------------------------------------------------------- */

bool admin_command_clear(const char *control)
{
	struct errand errand;
	admin_errand_open(&errand, control);
	json_t *answer = admin_errand_ask(&errand, "DELETE", "/api/v1/web-cache", SLICE_ABSENT,
					  NULL, NULL);
	bool is_done = answer != NULL;
	if (is_done)
		printf("web cache cleared: %lld answers\n",
		       (long long)json_integer_value(json_object_get(answer, "removed")));
	json_decref(answer);
	return admin_errand_close(&errand, is_done);
}

/* ---- reload --------------------------------------------------------------------------------------- */

/* What became of the question, or NULL, and said why. */
static json_t *wait_for_answer(struct errand *errand, json_int_t number)
{
	for (int waited = 0; waited < RELOAD_PATIENCE_MS; waited += RELOAD_LOOK_MS) {
		json_t *state = admin_errand_ask(errand, "GET", "/api/v1/reload", SLICE_ABSENT,
						 NULL, NULL);
		if (state == NULL ||
		    json_integer_value(json_object_get(state, "answered")) >= number)
			return state;
		json_decref(state);
		poll(NULL, 0, RELOAD_LOOK_MS);
	}
	admin_complain("weir has not said in time whether it has the rules; its log will");
	return NULL;
}

static bool say_reloaded(const json_t *state)
{
	const char *outcome = json_string_value(json_object_get(state, "outcome"));
	const char *text = json_string_value(json_object_get(state, "text"));
	if (outcome == NULL || text == NULL)
		return admin_complain("weir's answer cannot be understood");
	if (strcmp(outcome, "accepted") == 0)
		printf("rules reloaded; changed: %s\n", text);
	else if (strcmp(outcome, "unchanged") == 0)
		printf("rules are as they were\n");
	else
		fprintf(stderr, "%sweir: nothing was reloaded\n", text);
	return strcmp(outcome, "refused") != 0;
}

bool admin_command_reload(const char *control)
{
	struct errand errand;
	admin_errand_open(&errand, control);
	json_t *answer = admin_errand_ask(&errand, "POST", "/api/v1/reload", SLICE_ABSENT, NULL,
					  NULL);
	json_t *state = NULL;
	if (answer != NULL)
		state = wait_for_answer(&errand,
					json_integer_value(json_object_get(answer, "number")));
	bool is_done = state != NULL && say_reloaded(state);
	json_decref(answer);
	json_decref(state);
	return admin_errand_close(&errand, is_done);
}

/* ---- drain, enable, disable ----------------------------------------------------------------------- */

static bool has_node(const json_t *pool, const char *name)
{
	const json_t *nodes = json_object_get(pool, "nodes");
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *address = json_object_get(json_array_get(nodes, i), "address");
		const char *text = json_string_value(address);
		if (text != NULL && strcmp(text, name) == 0)
			return true;
	}
	return false;
}

static bool is_meant(const char *pool, const char *name)
{
	return pool == NULL || strcmp(pool, name) == 0;
}

/* Says which nodes there are where `node` was looked for. */
static bool complain_of_node(const struct errand *errand, const char *node, const char *pool)
{
	const char *name;
	json_t *value;
	if (pool == NULL)
		fprintf(stderr, "weir: no pool has a node '%s'; there are:\n", node);
	else
		fprintf(stderr, "weir: pool '%s' has no node '%s'; there are:\n", pool, node);
	json_object_foreach(json_object_get(errand->status, "pools"), name, value)
	{
		const json_t *nodes = json_object_get(value, "nodes");
		if (!is_meant(pool, name))
			continue;
		fprintf(stderr, "  pool '%s':", name);
		for (size_t i = 0; i < json_array_size(nodes); i++) {
			const json_t *one = json_array_get(nodes, i);
			const char *text = json_string_value(json_object_get(one, "address"));
			fprintf(stderr, " %s", text == NULL ? "-" : text);
		}
		fprintf(stderr, "%s\n", json_array_size(nodes) == 0 ? " (none)" : "");
	}
	return false;
}

/* Says which pools there are. */
static bool complain_of_pool(const struct errand *errand, const char *pool)
{
	const char *name;
	json_t *value;
	fprintf(stderr, "weir: there is no pool '%s'; there are:", pool);
	json_object_foreach(json_object_get(errand->status, "pools"), name, value)
		fprintf(stderr, " '%s'", name);
	fprintf(stderr, "\n");
	return false;
}

/* Is the node in a pool that is meant? */
static bool is_known(const struct errand *errand, const char *node, const char *pool)
{
	const char *name;
	json_t *value;
	json_object_foreach(json_object_get(errand->status, "pools"), name,
			    value) if (is_meant(pool, name) && has_node(value, node)) return true;
	return false;
}

/* The node's name as weir writes it, or as given when it is no address. */
static const char *spelling(struct arena *arena, const char *node)
{
	struct addr address;
	char text[ADDR_TEXT_BYTES];
	return addr_parse(slice_of_string(node), &address)
		       ? arena_print(arena, "%s", addr_format(&address, text)).at
		       : node;
}

static bool set_node(struct errand *errand, const char *pool, const char *node, const char *state)
{
	struct slice target = arena_print(&errand->arena, "/api/v1/pools/%s/nodes/%s", pool, node);
	struct slice body = arena_print(&errand->arena, "{\"state\": \"%s\"}", state);
	/* an IPv6 address has brackets, which may not stand in a path (RFC 3986 3.3) */
	target = http_path_encode(&errand->arena, target, true);
	struct slice text = arena_print(&errand->arena, "%.*s", SLICE_PRINT(target));
	json_t *answer = admin_errand_ask(errand, "PATCH", text.at, body, NULL, NULL);
	const char *now = json_string_value(json_object_get(answer, "state"));
	if (answer != NULL)
		printf("pool '%s': node %s is %s\n", pool, node, now == NULL ? state : now);
	json_decref(answer);
	return answer != NULL;
}

static bool set_everywhere(struct errand *errand, const char *node, const char *pool,
			   const char *state)
{
	const char *name;
	json_t *value;
	bool is_done = true;
	json_object_foreach(json_object_get(errand->status, "pools"), name,
			    value) if (is_meant(pool, name) && has_node(value, node))
		is_done = set_node(errand, name, node, state) && is_done;
	return is_done;
}

/* All of them are looked for before the first is changed. */
static bool are_known(struct errand *errand, const char *pool, char *const *nodes, size_t count)
{
	bool is_fine = true;
	if (pool != NULL && json_object_get(json_object_get(errand->status, "pools"), pool) == NULL)
		return complain_of_pool(errand, pool);
	for (size_t i = 0; i < count; i++) {
		const char *node = spelling(&errand->arena, nodes[i]);
		if (!is_known(errand, node, pool))
			is_fine = complain_of_node(errand, node, pool);
	}
	return is_fine;
}

bool admin_command_set_nodes(const char *control, const char *state, const char *pool,
			     char *const *nodes, size_t count)
{
	struct errand errand;
	admin_errand_open(&errand, control);
	errand.status = admin_errand_ask(&errand, "GET", "/api/v1/status", SLICE_ABSENT, NULL,
					 NULL);
	bool is_done = errand.status != NULL && are_known(&errand, pool, nodes, count);
	for (size_t i = 0; is_done && i < count; i++)
		is_done = set_everywhere(&errand, spelling(&errand.arena, nodes[i]), pool, state);
	return admin_errand_close(&errand, is_done);
}
