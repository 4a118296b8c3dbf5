/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/admin_recent.h"

#include "admin/admin_errand.h"
#include "admin/admin_show.h"
#include "base/memory.h"
#include "share/recent.h"
#include "txn/txn.h"

#include <stdlib.h>
#include <time.h>

#define ANSWER_MOST 10000 /* connections in one answer */

/* ---- what weir answers ---------------------------------------------------------------------------- */

/* When one ended, to put them in order before any is written down. */
struct found {
	uint64_t ended;
	unsigned worker, age;
};

static int is_older(const void *one, const void *other)
{
	uint64_t a = ((const struct found *)one)->ended, b = ((const struct found *)other)->ended;
	return a < b ? 1 : a > b ? -1 : 0;
}

/* All that there are, newest first. Freed by the caller. */
static struct found *find_all(const struct share *s, size_t *count)
{
	struct recent_record r;
	struct found *all = memory_new((size_t)s->workers * s->recent_most + 1, sizeof *all);
	*count = 0;
	for (unsigned worker = 0; worker < s->workers; worker++)
		for (unsigned age = 0; age < s->recent_most; age++)
			if (recent_get(s, worker, age, &r))
				all[(*count)++] = (struct found){ r.ended_microseconds, worker,
								  age };
	qsort(all, *count, sizeof *all, is_older);
	return all;
}

static void put_text(json_t *o, const char *key, const char *text)
{
	json_object_set_new(o, key, *text == '\0' ? json_null() : json_string(text));
}

static void put_number(json_t *o, const char *key, uint64_t number)
{
	json_object_set_new(o, key, json_integer((json_int_t)number));
}

static void put_time(json_t *o, const char *key, uint64_t microseconds)
{
	char text[40];
	time_t seconds = (time_t)(microseconds / 1000000);
	struct tm utc;
	size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
	snprintf(text + len, sizeof text - len, ".%03uZ",
		 (unsigned)(microseconds % 1000000 / 1000));
	json_object_set_new(o, key, json_string(text));
}

static json_t *connection(const struct admin *a, unsigned worker, const struct recent_record *r)
{
	const struct conf *conf = a->conf;
	json_t *o = json_object();
	put_time(o, "ended", r->ended_microseconds);
	put_number(o, "worker", worker);
	put_text(o, "virtual_server",
		 r->vserver < conf->vserver_count ? conf->vservers[r->vserver].name : "");
	put_text(o, "client", r->client);
	put_text(o, "dest", r->dest);
	put_text(o, "method", r->method);
	put_text(o, "host", r->host);
	put_text(o, "uri", r->uri);
	json_object_set_new(o, "status", r->status == 0 ? json_null() : json_integer(r->status));
	put_text(o, "rule", r->rule);
	put_text(o, "pool", r->pool < conf->pool_count ? conf->pools[r->pool].name : "");
	put_text(o, "node", r->node);
	put_text(o, "source", r->source);
	put_number(o, "retries", r->retries);
	put_number(o, "bytes_in", r->bytes_in);
	put_number(o, "bytes_out", r->bytes_out);
	put_number(o, "duration_us", r->duration_microseconds);
	put_text(o, "end", r->end < TXN_END_COUNT ? txn_end_word((enum txn_end)r->end) : "");
	return o;
}

json_t *admin_recent(const struct admin *a)
{
	size_t count;
	struct found *all = find_all(a->share, &count);
	json_t *o = json_object(), *list = json_array();
	for (size_t i = 0; i < count && i < ANSWER_MOST; i++) {
		struct recent_record r;
		if (recent_get(a->share, all[i].worker, all[i].age, &r))
			json_array_append_new(list, connection(a, all[i].worker, &r));
	}
	free(all);
	json_object_set_new(o, "connections", list);
	return o;
}

/* ---- the command ---------------------------------------------------------------------------------- */

bool admin_command_recent(const char *control, unsigned long most, bool as_json)
{
	struct errand errand;
	admin_errand_open(&errand, control);
	json_t *answer = admin_errand_ask(&errand, "GET", "/api/v1/recent", SLICE_ABSENT, NULL,
					  NULL);
	json_t *list = json_object_get(answer, "connections");
	while (most != 0 && json_array_size(list) > most)
		json_array_remove(list, json_array_size(list) - 1);
	if (answer != NULL && as_json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		fputs("\n", stdout);
	} else if (answer != NULL) {
		admin_show_recent(answer, stdout);
	}
	bool is_done = answer != NULL;
	json_decref(answer);
	return admin_errand_close(&errand, is_done);
}
