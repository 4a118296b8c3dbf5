/* One table after the other. It is long because there is one for each thing that weir counts. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_show.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MOST 12
#define CELL_BYTES 512

/* Cells, row by row; the first row is the head. Columns are as wide as their widest cell. */
struct table_of_cells {
	unsigned columns;
	unsigned right; /* bit i: column i holds numbers */
	char **cells;
	size_t count;
};

/* ---- cells ---------------------------------------------------------------------------------------- */

static void add_text(struct table_of_cells *t, const char *text)
{
	t->cells = memory_resize(t->cells, (t->count + 1) * sizeof *t->cells);
	char *cell = memory_copy_string(text, strlen(text));
	for (char *c = cell; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?'; /* a terminal would obey it */
	t->cells[t->count++] = cell;
}

/* The value as it stands: a number, a string, or "-". */
static void add_value(struct table_of_cells *t, const json_t *value)
{
	char text[32];
	if (json_is_integer(value)) {
		snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
		add_text(t, text);
	} else {
		add_text(t, json_is_string(value) ? json_string_value(value) : "-");
	}
}

static void add_key(struct table_of_cells *t, const json_t *object, const char *key)
{
	add_value(t, json_object_get(object, key));
}

static void open_table(struct table_of_cells *t, unsigned right, const char *const *heads)
{
	*t = (struct table_of_cells){ .right = right };
	for (; heads[t->columns] != NULL; t->columns++)
		add_text(t, heads[t->columns]);
}

/* ---- layout --------------------------------------------------------------------------------------- */

static void measure(const struct table_of_cells *t, size_t widths[COLUMNS_MOST])
{
	memset(widths, 0, COLUMNS_MOST * sizeof *widths);
	for (size_t i = 0; i < t->count; i++) {
		size_t len = strlen(t->cells[i]);
		if (len > widths[i % t->columns])
			widths[i % t->columns] = len;
	}
}

static void write_cell(const struct table_of_cells *t, size_t at, size_t width, FILE *to)
{
	unsigned column = (unsigned)(at % t->columns);
	bool is_last = column + 1 == t->columns;
	if ((t->right >> column & 1) != 0)
		fprintf(to, "%*s", (int)width, t->cells[at]);
	else
		fprintf(to, "%-*s", is_last ? 0 : (int)width, t->cells[at]);
	fputs(is_last ? "\n" : "  ", to);
}

/* Writes the table, unless `to` is NULL, and frees it. */
static void close_table(struct table_of_cells *t, FILE *to)
{
	size_t widths[COLUMNS_MOST];
	measure(t, widths);
	for (size_t i = 0; i < t->count; i++) {
		if (to != NULL)
			write_cell(t, i, widths[i % t->columns], to);
		free(t->cells[i]);
	}
	free(t->cells);
}

/* A table that is left out where it has nothing but its heads; else with an empty line behind it. */
static void close_if_any(struct table_of_cells *t, FILE *to)
{
	bool is_empty = t->count == t->columns;
	close_table(t, is_empty ? NULL : to);
	if (!is_empty)
		fputs("\n", to);
}

/* ---- the tables ----------------------------------------------------------------------------------- */

/* A time as a person likes it: "310 ns", "4.2 us", "1.3 s". */
static void add_time(struct table_of_cells *t, double seconds)
{
	static const struct {
		double least, factor;
		const char *unit;
	} units[] = { { 1, 1, "s" }, { 1e-3, 1e3, "ms" }, { 1e-6, 1e6, "us" }, { 0, 1e9, "ns" } };
	char text[32];
	size_t i = 0;
	while (seconds < units[i].least)
		i++;
	double value = seconds * units[i].factor;
	snprintf(text, sizeof text, value < 10 ? "%.1f %s" : "%.0f %s", value, units[i].unit);
	add_text(t, text);
}

/* Appends to a text of CELL_BYTES what fits. */
static void join(char text[CELL_BYTES], const char *separator, const char *word, const char *behind)
{
	size_t len = strlen(text);
	snprintf(text + len, CELL_BYTES - len, "%s%s%s", len == 0 ? "" : separator, word, behind);
}

static void add_listens(struct table_of_cells *t, const json_t *vserver)
{
	char text[CELL_BYTES] = "";
	const json_t *listens = json_object_get(vserver, "listen");
	for (size_t i = 0; i < json_array_size(listens); i++) {
		const char *address = json_string_value(json_array_get(listens, i));
		join(text, " ", address == NULL ? "-" : address, "");
	}
	if (json_is_false(json_object_get(vserver, "enabled")))
		join(text, " ", "(disabled)", "");
	add_text(t, text[0] == '\0' ? "-" : text);
}

/* Those that there were. */
static void add_outcomes(struct table_of_cells *t, json_t *vserver)
{
	char text[CELL_BYTES] = "", count[32];
	const char *word;
	json_t *value;
	json_object_foreach(json_object_get(vserver, "outcomes"), word, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		snprintf(count, sizeof count, " %lld", (long long)json_integer_value(value));
		join(text, ", ", word, count);
	}
	add_text(t, text[0] == '\0' ? "-" : text);
}

static void show_vservers(const json_t *status, FILE *to)
{
	static const char *const heads[] = {
		"VIRTUAL SERVER", "LISTENS ON", "SESSIONS", "TRANSACTIONS",
		"TOTAL",          "OUTCOMES",   NULL
	};
	struct table_of_cells t;
	const char *name;
	json_t *vserver;
	open_table(&t, 1u << 2 | 1u << 3 | 1u << 4, heads);
	json_object_foreach(json_object_get(status, "virtual_servers"), name, vserver)
	{
		add_text(&t, name);
		add_listens(&t, vserver);
		add_key(&t, vserver, "sessions");
		add_key(&t, vserver, "transactions");
		add_key(&t, vserver, "transactions_total");
		add_outcomes(&t, vserver);
	}
	close_table(&t, to);
}

/* Left out while nothing was refused. */
static void show_refusals(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "VIRTUAL SERVER", "REFUSED FOR", "COUNT", NULL };
	struct table_of_cells t;
	const char *name, *word;
	json_t *vserver, *count;
	open_table(&t, 1u << 2, heads);
	json_object_foreach(json_object_get(status, "virtual_servers"), name, vserver)
	{
		json_object_foreach(json_object_get(vserver, "refusals"), word, count)
		{
			add_text(&t, name);
			add_text(&t, word);
			add_value(&t, count);
		}
	}
	close_if_any(&t, to);
}

static long long whole(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Time below which so many of a hundred runs stayed, "-" without runs. */
static void add_percentile(struct table_of_cells *t, const json_t *rule, unsigned percent)
{
	const json_t *times = json_object_get(rule, "times");
	long long runs = whole(rule, "runs_total"), seen = 0;
	for (size_t i = 0; i < json_array_size(times); i++) {
		const json_t *place = json_array_get(times, i);
		const json_t *below = json_object_get(place, "below");
		seen += whole(place, "runs");
		if (seen * 100 < runs * percent)
			continue;
		if (json_is_number(below))
			add_time(t, json_number_value(below));
		else
			add_text(t, "long");
		return;
	}
	add_text(t, "-");
}

static void add_rule(struct table_of_cells *t, const char *vserver, const json_t *rule)
{
	const json_t *outcomes = json_object_get(rule, "outcomes");
	long long runs = whole(rule, "runs_total");
	char stops[32];
	add_text(t, vserver);
	add_key(t, rule, "rule");
	add_key(t, rule, "phase");
	add_key(t, rule, "runs_total");
	add_key(t, outcomes, "verdict");
	add_key(t, outcomes, "error");
	snprintf(stops, sizeof stops, "%lld",
		 whole(outcomes, "budget") + whole(outcomes, "memory") +
			 whole(outcomes, "wall_time"));
	add_text(t, stops);
	add_key(t, rule, "waits_total");
	if (runs > 0)
		add_time(t,
			 json_number_value(json_object_get(rule, "seconds_total")) / (double)runs);
	else
		add_text(t, "-");
	add_percentile(t, rule, 99);
}

/* Left out where there are no rules. */
static void show_rules(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "VIRTUAL SERVER", "RULE",       "PHASE",   "RUNS",
					     "VERDICTS",       "ERRORS",     "STOPPED", "WAITS",
					     "MEAN",           "99 % BELOW", NULL };
	struct table_of_cells t;
	const char *name;
	json_t *vserver;
	open_table(&t, 0x3f8, heads);
	json_object_foreach(json_object_get(status, "virtual_servers"), name, vserver)
	{
		const json_t *rules = json_object_get(vserver, "rules");
		for (size_t i = 0; i < json_array_size(rules); i++)
			add_rule(&t, name, json_array_get(rules, i));
	}
	close_if_any(&t, to);
}

static void add_node(struct table_of_cells *t, const char *pool, const json_t *node)
{
	add_text(t, pool);
	add_key(t, node, "address");
	add_key(t, node, "state");
	add_key(t, node, "sessions");
	add_key(t, node, "transactions");
	add_key(t, node, "transactions_total");
	add_key(t, node, "failures_total");
}

/* A pool without nodes has a row too, or one would look for it. */
static void add_nodeless(struct table_of_cells *t, const char *pool, const json_t *value)
{
	bool is_original = json_is_true(json_object_get(value, "original_destination"));
	add_text(t, pool);
	add_text(t, is_original ? "original_destination" : "-");
	for (unsigned i = 2; i < t->columns; i++)
		add_text(t, "-");
}

static void show_pools(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "POOL",         "NODE",  "STATE",    "SESSIONS",
					     "TRANSACTIONS", "TOTAL", "FAILURES", NULL };
	struct table_of_cells t;
	const char *name;
	json_t *pool;
	open_table(&t, 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6, heads);
	json_object_foreach(json_object_get(status, "pools"), name, pool)
	{
		const json_t *nodes = json_object_get(pool, "nodes");
		if (json_array_size(nodes) == 0)
			add_nodeless(&t, name, pool);
		for (size_t i = 0; i < json_array_size(nodes); i++)
			add_node(&t, name, json_array_get(nodes, i));
	}
	close_table(&t, to);
}

/* Of pools with limits. */
static void show_queues(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "LIMITS OF POOL",
					     "CONNECTIONS PER NODE",
					     "TRANSACTIONS PER NODE",
					     "QUEUE",
					     "WAITING",
					     "WAITED",
					     "REFUSED",
					     "TIMED OUT",
					     NULL };
	struct table_of_cells t;
	const char *name;
	json_t *pool;
	open_table(&t, ~1u, heads);
	json_object_foreach(json_object_get(status, "pools"), name, pool)
	{
		const json_t *limits = json_object_get(pool, "limits");
		const json_t *queue = json_object_get(pool, "queue");
		const json_t *connections = json_object_get(limits, "max_connections_per_node");
		const json_t *transactions = json_object_get(limits, "max_transactions_per_node");
		if (json_integer_value(connections) == 0 && json_integer_value(transactions) == 0)
			continue;
		add_text(&t, name);
		add_value(&t, connections);
		add_value(&t, transactions);
		add_key(&t, limits, "max_queue_size");
		add_key(&t, queue, "waiting");
		add_key(&t, queue, "queued_total");
		add_key(&t, queue, "refused_total");
		add_key(&t, queue, "timed_out_total");
	}
	close_if_any(&t, to);
}

static void show_workers(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "WORKER", "PROCESS", "RESTARTS", "SESSIONS", NULL };
	struct table_of_cells t;
	const json_t *workers = json_object_get(status, "workers");
	char number[32];
	open_table(&t, 1u << 1 | 1u << 2 | 1u << 3, heads);
	for (size_t i = 0; i < json_array_size(workers); i++) {
		const json_t *worker = json_array_get(workers, i);
		snprintf(number, sizeof number, "%zu", i);
		add_text(&t, number);
		add_key(&t, worker, "pid");
		add_key(&t, worker, "restarts");
		add_key(&t, worker, "sessions");
	}
	close_table(&t, to);
}

/* A row for each name of that section, with those keys of it; left out where the section is empty. */
static void show_section(const json_t *status, FILE *to, const char *section,
			 const char *const *heads, unsigned to_right, const char *const *keys)
{
	struct table_of_cells t;
	const char *name;
	json_t *one;
	open_table(&t, to_right, heads);
	json_object_foreach(json_object_get(status, section), name, one)
	{
		add_text(&t, name);
		for (const char *const *key = keys; *key != NULL; key++)
			add_key(&t, one, *key);
	}
	close_if_any(&t, to);
}

static void show_rate_classes(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "RATE CLASS", "BACKLOG",  "PASSED",
					     "REFUSED",    "GIVEN UP", NULL };
	static const char *const keys[] = { "backlog", "passed_total", "refused_total",
					    "given_up_total", NULL };
	show_section(status, to, "rate_classes", heads, 0x1e, keys);
}

static void show_slm_classes(const json_t *status, FILE *to)
{
	static const char *const heads[] = {
		"SERVICE LEVEL CLASS", "STATE", "CONFORMING", "ANSWERS", "LATE", NULL
	};
	struct table_of_cells t;
	const char *name;
	json_t *one;
	open_table(&t, 0x1c, heads);
	json_object_foreach(json_object_get(status, "slm_classes"), name, one)
	{
		char percent[32];
		snprintf(percent, sizeof percent, "%.1f %%",
			 json_number_value(json_object_get(one, "conforming")));
		add_text(&t, name);
		add_key(&t, one, "state");
		add_text(&t, percent);
		add_key(&t, one, "answers_total");
		add_key(&t, one, "late_total");
	}
	close_if_any(&t, to);
}

static void show_persistence_classes(const json_t *status, FILE *to)
{
	static const char *const heads[] = {
		"PERSISTENCE CLASS", "TYPE", "KEPT", "BEGUN", "LOST", "WITHOUT", "DISPLACED", NULL
	};
	static const char *const keys[] = { "type",       "kept_total",    "begun_total",
					    "lost_total", "without_total", "displaced_total",
					    NULL };
	show_section(status, to, "persistence_classes", heads, 0x7c, keys);
}

static void show_session_caches(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "SESSIONS OF TYPE", "HELD", "ROOM FOR", NULL };
	static const char *const keys[] = { "used", "size", NULL };
	show_section(status, to, "session_caches", heads, 0x6, keys);
}

/* How much of it is used, and how well it serves; left out while nobody has asked it. */
static void show_cache(const json_t *status, FILE *to)
{
	static const char *const heads[] = { "VIRTUAL SERVER", "CACHE LOOKUPS", "HITS",
					     "UPDATES",        "HIT RATE",      NULL };
	const json_t *cache = json_object_get(status, "web_cache");
	struct table_of_cells t;
	const char *name;
	char rate[32];
	json_t *one;
	open_table(&t, 0x1e, heads);
	json_object_foreach(json_object_get(status, "virtual_servers"), name, one)
	{
		long long lookups = whole(one, "cache_lookups_total");
		if (lookups == 0)
			continue;
		snprintf(rate, sizeof rate, "%.1f %%",
			 100.0 * (double)whole(one, "cache_hits_total") / (double)lookups);
		add_text(&t, name);
		add_key(&t, one, "cache_lookups_total");
		add_key(&t, one, "cache_hits_total");
		add_key(&t, one, "cache_updates_total");
		add_text(&t, rate);
	}
	bool is_used = t.count > t.columns;
	close_table(&t, is_used ? to : NULL);
	if (is_used)
		fprintf(to, "%lld answers, %lld of %lld bytes\n\n", whole(cache, "entries"),
			whole(cache, "used_bytes"), whole(cache, "size_bytes"));
}

/* Those that were ever counted in. */
static void show_counters(const json_t *status, FILE *to)
{
	static const char *const keys[] = { "user_counters", "user_counters_64" };
	static const char *const heads[] = { "USER COUNTER", "VALUE", NULL };
	struct table_of_cells t;
	char name[32];
	open_table(&t, 0x2, heads);
	for (unsigned kind = 0; kind < 2; kind++) {
		const json_t *list = json_object_get(status, keys[kind]);
		for (size_t i = 0; i < json_array_size(list); i++) {
			if (json_integer_value(json_array_get(list, i)) == 0)
				continue;
			snprintf(name, sizeof name, kind == 0 ? "%zu" : "%zu (64 bits)", i + 1);
			add_text(&t, name);
			add_value(&t, json_array_get(list, i));
		}
	}
	close_if_any(&t, to);
}

void admin_show_status(const json_t *status, FILE *to)
{
	const char *state = json_string_value(json_object_get(status, "state"));
	if (state != NULL && strcmp(state, "stopping") == 0)
		fputs("weir is stopping\n\n", to);
	show_vservers(status, to);
	fputs("\n", to);
	show_refusals(status, to);
	show_rules(status, to);
	show_pools(status, to);
	fputs("\n", to);
	show_queues(status, to);
	show_rate_classes(status, to);
	show_slm_classes(status, to);
	show_persistence_classes(status, to);
	show_session_caches(status, to);
	show_cache(status, to);
	show_counters(status, to);
	show_workers(status, to);
}

/* ---- recent connections --------------------------------------------------------------------------- */

static void add_request(struct table_of_cells *t, const json_t *one)
{
	char text[CELL_BYTES] = "";
	static const char *const keys[] = { "method", "host", "uri" };
	for (unsigned i = 0; i < 3; i++) {
		const char *part = json_string_value(json_object_get(one, keys[i]));
		if (part != NULL)
			join(text, i == 2 ? "" : " ", part, "");
	}
	add_text(t, text[0] == '\0' ? "-" : text);
}

void admin_show_recent(const json_t *recent, FILE *to)
{
	static const char *const heads[] = { "ENDED", "VIRTUAL SERVER", "CLIENT",
					     "POOL",  "NODE",           "IN",
					     "OUT",   "TIME",           "STATUS",
					     "END",   "REQUEST",        NULL };
	const json_t *list = json_object_get(recent, "connections");
	struct table_of_cells t;
	open_table(&t, 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8, heads);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		add_key(&t, one, "ended");
		add_key(&t, one, "virtual_server");
		add_key(&t, one, "client");
		add_key(&t, one, "pool");
		add_key(&t, one, "node");
		add_key(&t, one, "bytes_in");
		add_key(&t, one, "bytes_out");
		add_time(&t, (double)whole(one, "duration_us") / 1e6);
		add_key(&t, one, "status");
		add_key(&t, one, "end");
		add_request(&t, one);
	}
	close_table(&t, to);
}
