/* SPDX-License-Identifier: Apache-2.0 */
#include "dns/dns.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/table.h"
#include "dns/dns_channel.h"

#include <stdlib.h>

/* Answers kept, and questions under way, together. */
#define ENTRIES_MOST 1024
/* An answer is asked for again after this time, whatever its sender wants. */
#define TTL_MOST (24 * 3600)

/* A question that was asked, or its answer. Owned by the table below. */
struct dns_entry {
	struct dns_answer answer;         /* as of the channel; it calls back until it has come */
	uint64_t expires;                 /* milliseconds; 0: it has not come */
	TAILQ_HEAD(, dns_lookup) lookups; /* who wait for it */
	TAILQ_ENTRY(dns_entry) link;
	size_t key_len;
	char key[DNS_NAME_BYTES + 8];
};

static struct {
	struct dns_options options;
	struct table entries;                      /* by key -> struct dns_entry */
	TAILQ_HEAD(dns_entries, dns_entry) by_use; /* the one used last is the first */
} dns = { .by_use = TAILQ_HEAD_INITIALIZER(dns.by_use) };

/* ---- names ---------------------------------------------------------------------------------------- */

static bool is_label_byte(char c)
{
	c = slice_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool dns_is_host_name(struct slice text)
{
	if (text.len > 0 && text.at[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || text.len > 253)
		return false;
	size_t label = 0;
	for (size_t i = 0; i < text.len; i++) {
		bool is_end = text.at[i] == '.';
		if (is_end ? label == 0 : !is_label_byte(text.at[i]) || label == 63)
			return false;
		label = is_end ? 0 : label + 1;
	}
	return label > 0;
}

/* ---- entries -------------------------------------------------------------------------------------- */

static void forget(struct dns_entry *e)
{
	table_remove(&dns.entries, slice_of(e->key, e->key_len));
	TAILQ_REMOVE(&dns.by_use, e, link);
	free(e);
}

static bool is_pending(const struct dns_entry *e)
{
	return e->expires == 0;
}

/* Room for one more: the answer that was used longest ago goes. False when all are under way. */
static bool make_room(void)
{
	struct dns_entry *e;
	if (dns.entries.count < ENTRIES_MOST)
		return true;
	TAILQ_FOREACH_REVERSE(e, &dns.by_use, dns_entries, link)
	{
		if (is_pending(e))
			continue;
		forget(e);
		return true;
	}
	return false;
}

/* The entry of that key, whose answer is still good or under way; NULL: there is none. */
static struct dns_entry *find_entry(struct slice key)
{
	struct dns_entry *e = table_get(&dns.entries, key);
	if (e == NULL)
		return NULL;
	if (!is_pending(e) && e->expires <= clock_milliseconds()) {
		forget(e);
		return NULL;
	}
	TAILQ_REMOVE(&dns.by_use, e, link);
	TAILQ_INSERT_HEAD(&dns.by_use, e, link);
	return e;
}

/* ---- lookups -------------------------------------------------------------------------------------- */

static void call_back(struct loop_task *task)
{
	struct dns_lookup *l = container_of(task, struct dns_lookup, done);
	timer_release(&l->timer);
	l->on_done(l);
}

/* It is over: its owner hears of it in a later turn, when nobody of us is at work. */
static void finish(struct dns_lookup *l, enum dns_result result, const char *reason)
{
	l->result = result;
	l->reason = reason;
	timer_stop(&l->timer);
	loop_later(&l->done);
}

static void take_answer(struct dns_lookup *l, const struct dns_answer *answer)
{
	l->count = answer->count;
	memcpy(l->addresses, answer->addresses, answer->count * sizeof *l->addresses);
	memcpy(l->name, answer->name, sizeof l->name);
	finish(l, answer->result, answer->reason);
}

static void on_answer(struct dns_answer *answer)
{
	struct dns_entry *e = container_of(answer, struct dns_entry, answer);
	struct dns_lookup *l;
	uint64_t ttl = answer->ttl < TTL_MOST ? answer->ttl : TTL_MOST;
	e->expires = clock_milliseconds() + ttl * 1000;
	while ((l = TAILQ_FIRST(&e->lookups)) != NULL) {
		TAILQ_REMOVE(&e->lookups, l, link);
		l->entry = NULL;
		take_answer(l, answer);
	}
	if (answer->result != DNS_FOUND || ttl == 0)
		forget(e);
}

static void leave(struct dns_lookup *l)
{
	if (l->entry != NULL)
		TAILQ_REMOVE(&l->entry->lookups, l, link);
	l->entry = NULL;
}

/* The question itself goes on: its answer may still serve others. */
static void on_timeout(struct timer *timer)
{
	struct dns_lookup *l = container_of(timer, struct dns_lookup, timer);
	leave(l);
	finish(l, DNS_FAILED, "no answer in time");
}

static void begin(struct dns_lookup *l, void (*on_done)(struct dns_lookup *))
{
	*l = (struct dns_lookup){ .on_done = on_done, .done = { .run = call_back } };
	timer_init(&l->timer, on_timeout);
}

static struct dns_entry *new_entry(struct slice key)
{
	struct dns_entry *e = memory_new(1, sizeof *e);
	TAILQ_INIT(&e->lookups);
	memcpy(e->key, key.at, key.len);
	e->key_len = key.len;
	e->answer.on_answer = on_answer;
	table_set(&dns.entries, key, e);
	TAILQ_INSERT_HEAD(&dns.by_use, e, link);
	return e;
}

/* Waits for the answer of that key; *is_new: nobody has asked yet. NULL: it is over. */
static struct dns_entry *join(struct dns_lookup *l, struct slice key, bool *is_new)
{
	struct dns_entry *e = find_entry(key);
	*is_new = e == NULL;
	if (e != NULL && !is_pending(e)) {
		take_answer(l, &e->answer);
		return NULL;
	}
	if (*is_new && !make_room()) {
		finish(l, DNS_FAILED, "too many questions are under way");
		return NULL;
	}
	if (*is_new && !dns_channel_open(&dns.options)) {
		finish(l, DNS_FAILED, "the resolver cannot be opened");
		return NULL;
	}
	if (*is_new)
		e = new_entry(key);
	l->entry = e;
	TAILQ_INSERT_TAIL(&e->lookups, l, link);
	timer_set(&l->timer, dns.options.timeout_milliseconds);
	return e;
}

void dns_find(struct dns_lookup *l, struct slice host, enum dns_kind kind,
	      void (*on_done)(struct dns_lookup *))
{
	char key[DNS_NAME_BYTES + 8];
	bool is_new;
	begin(l, on_done);
	if (addr_parse_ip(host, &l->addresses[0])) {
		bool is_asked_for = kind == DNS_ANY ||
				    (kind == DNS_IPV6) == (l->addresses[0].family == ADDR_IPV6);
		l->count = is_asked_for ? 1 : 0;
		finish(l, is_asked_for ? DNS_FOUND : DNS_NO_SUCH,
		       "it is an address of the other kind");
		return;
	}
	check(dns_is_host_name(host));
	key[0] = (char)('0' + (int)kind);
	for (size_t i = 0; i < host.len; i++)
		key[i + 1] = slice_lower(host.at[i]);
	key[host.len + 1] = '\0';
	struct dns_entry *e = join(l, slice_of(key, host.len + 1), &is_new);
	if (e != NULL && is_new)
		dns_channel_find(&e->answer, key + 1, kind);
}

void dns_find_name(struct dns_lookup *l, const struct addr *a, void (*on_done)(struct dns_lookup *))
{
	char key[ADDR_TEXT_BYTES + 1] = { '0' + DNS_NAME };
	bool is_new;
	begin(l, on_done);
	struct addr plain = addr_without_port(a);
	addr_format_ip(&plain, key + 1);
	struct dns_entry *e = join(l, slice_of_string(key), &is_new);
	if (e != NULL && is_new)
		dns_channel_find_name(&e->answer, &plain);
}

void dns_cancel(struct dns_lookup *l)
{
	leave(l);
	loop_forget(&l->done);
	timer_release(&l->timer);
}

/* ---- life ----------------------------------------------------------------------------------------- */

void dns_open(const struct dns_options *options)
{
	dns.options = *options;
	table_init(&dns.entries);
}

void dns_close(void)
{
	struct dns_entry *e;
	dns_channel_close(); /* answers what is under way */
	while ((e = TAILQ_FIRST(&dns.by_use)) != NULL) {
		check(TAILQ_EMPTY(&e->lookups));
		forget(e);
	}
	table_release(&dns.entries, NULL);
}

size_t dns_cached(void)
{
	return dns.entries.count;
}
