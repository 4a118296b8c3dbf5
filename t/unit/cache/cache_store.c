/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/cache_store.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct cache_store *store;
static struct arena arena;
static struct http_fields no_fields;

static void open_store(uint64_t bytes, uint64_t entries)
{
	const struct cache_size size = { .workers = 3, .bytes = bytes, .entries = entries };
	void *memory = mmap(NULL, cache_store_bytes(&size), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(memory, MAP_FAILED);
	store = cache_store_make(memory, &size);
	arena_init(&arena);
}

static struct cache_key key_of(const char *uri)
{
	return (struct cache_key){ .uri = slice_of_string(uri),
				   .variant = SLICE("web"),
				   .fields = &no_fields };
}

static uint32_t begin(unsigned worker, const char *uri, uint64_t at)
{
	struct cache_key key = key_of(uri);
	const struct cache_new answer = { .key = &key,
					  .facts = { .stored_at = at, .status = 200 },
					  .names = SLICE(""),
					  .values = SLICE(""),
					  .head = SLICE("OK\r\n") };
	return cache_store_begin(store, worker, &answer);
}

/* Bytes that tell where they stand. */
static struct slice pattern(size_t len)
{
	static char bytes[1 << 20];
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7 % 251);
	return slice_of(bytes, len);
}

static bool put(const char *uri, size_t len)
{
	uint32_t entry = begin(0, uri, 1);
	if (entry == 0)
		return false;
	struct slice body = pattern(len);
	while (body.len > 0) {
		size_t part = body.len < 3001 ? body.len : 3001;
		if (!cache_store_append(store, entry, slice_of(body.at, part))) {
			cache_store_give_up(store, entry);
			return false;
		}
		body = slice_skip(body, part);
	}
	return cache_store_finish(store, entry);
}

static bool find(unsigned worker, const char *uri, struct cache_found *found)
{
	struct cache_key key = key_of(uri);
	return cache_store_find(store, worker, &key, &arena, found);
}

static bool has(const char *uri)
{
	struct cache_found found;
	if (!find(0, uri, &found))
		return false;
	cache_store_leave(store, 0, found.entry);
	return true;
}

static uint64_t used(void)
{
	struct cache_counts counts;
	cache_store_count(store, &counts);
	return counts.used_bytes;
}

static void expect_body(const struct cache_found *found, uint64_t from, uint64_t bytes, size_t most)
{
	struct cache_reader r;
	struct slice wanted = slice_skip(pattern(found->body_bytes), from), part;
	wanted.len = bytes;
	cache_reader_open(&r, store, found->entry, from, bytes);
	while ((part = cache_reader_next(&r, most)).len > 0) {
		cr_assert_leq(part.len, wanted.len);
		cr_assert_leq(part.len, most);
		cr_assert_eq(memcmp(part.at, wanted.at, part.len), 0);
		wanted = slice_skip(wanted, part.len);
	}
	cr_expect_eq(wanted.len, 0);
}

Test(cache_store, a_body_comes_back_from_wherever_it_is_read)
{
	static const size_t lengths[] = { 0, 1, 2047, 2048, 2049, 3001, 6002, 100000 };
	struct cache_found found;
	open_store(1 << 20, 100);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		cr_assert(put("/a", lengths[i]));
		cr_assert(find(1, "/a", &found));
		cr_expect_eq(found.body_bytes, lengths[i]);
		cr_expect_str_eq(arena_copy(&arena, found.head).at, "OK\r\n");
		expect_body(&found, 0, lengths[i], 1 << 20);
		expect_body(&found, lengths[i] / 2, lengths[i] / 3, 7);
		expect_body(&found, lengths[i], 0, 7);
		cache_store_leave(store, 1, found.entry);
	}
	arena_release(&arena);
}

Test(cache_store, nobody_finds_what_is_not_whole)
{
	open_store(1 << 20, 100);
	uint32_t entry = begin(0, "/a", 1);
	cr_expect(cache_store_append(store, entry, pattern(5000)));
	cr_expect_not(has("/a"));
	cr_expect(cache_store_finish(store, entry));
	cr_expect(has("/a"));
	entry = begin(0, "/b", 1);
	cache_store_give_up(store, entry);
	cr_expect_not(has("/b"));
}

Test(cache_store, what_takes_a_place_goes_when_nobody_sends_it)
{
	struct cache_found old, now;
	open_store(64 << 10, 4);
	cr_assert(put("/a", 20000));
	cr_assert(find(0, "/a", &old));
	cr_assert(put("/a", 100));
	expect_body(&old, 0, 20000, 4096);
	cr_assert(find(0, "/a", &now));
	cr_expect_eq(now.body_bytes, 100);
	cache_store_leave(store, 0, now.entry);
	/* the one that is still held keeps its room, whatever else wants some */
	for (int i = 0; i < 20; i++)
		put("/b", 15000);
	expect_body(&old, 0, 20000, 4096);
	cache_store_leave(store, 0, old.entry);
	cache_store_clear(store);
	cr_expect(put("/c", 60000), "all of it is free again");
}

Test(cache_store, room_is_made_by_what_was_not_asked_for_lately)
{
	open_store(64 << 10, 100);
	cr_assert(put("/hot", 5000));
	for (int i = 0; i < 100; i++) {
		char uri[16];
		snprintf(uri, sizeof uri, "/%d", i);
		cr_expect(put(uri, 5000), "%d", i);
		cr_expect(has("/hot"), "%d", i);
		cr_expect_leq(used(), 64 << 10);
	}
	cr_expect_not(has("/0"));
	cr_expect(has("/99"));
	cr_expect_not(put("/big", 70000), "more than there is");
	cr_expect(put("/other", 5000));
}

Test(cache_store, entries_are_bounded_too)
{
	struct cache_counts counts;
	open_store(1 << 20, 3);
	for (int i = 0; i < 10; i++) {
		char uri[16];
		snprintf(uri, sizeof uri, "/%d", i);
		cr_expect(put(uri, 1));
	}
	cache_store_count(store, &counts);
	cr_expect_eq(counts.entries, 3);
	cr_expect_eq(counts.evicted, 7);
}

Test(cache_store, what_is_removed_while_it_is_made_is_not_stored)
{
	open_store(1 << 20, 10);
	uint32_t entry = begin(0, "/a", 1);
	cr_expect_eq(cache_store_remove(store, SLICE("/a")), 1);
	cr_expect_not(cache_store_finish(store, entry));
	cr_expect_not(has("/a"));
	cr_assert(put("/a", 10) && put("/b", 10));
	cr_expect_eq(cache_store_remove(store, SLICE("/a")), 1);
	cr_expect_eq(cache_store_remove(store, SLICE("/a")), 0);
	cr_expect_not(has("/a"));
	cr_expect(has("/b"));
	cr_expect_eq(cache_store_clear(store), 1);
	cr_expect_eq(used(), 0);
}

Test(cache_store, a_head_is_replaced_while_others_read_the_body)
{
	struct cache_found found, now;
	struct cache_key key = key_of("/a");
	const struct cache_new fresh = { .key = &key,
					 .facts = { .stored_at = 9, .lifetime = 60 },
					 .names = SLICE(""),
					 .values = SLICE(""),
					 .head = SLICE("OK\r\nX: 1\r\n") };
	open_store(1 << 20, 10);
	cr_assert(put("/a", 5000));
	cr_assert(find(0, "/a", &found));
	uint64_t before = used();
	for (int i = 0; i < 50; i++)
		cr_assert(cache_store_freshen(store, found.entry, &fresh));
	cr_expect_eq(used(), before);
	expect_body(&found, 0, 5000, 4096);
	cr_assert(find(1, "/a", &now));
	cr_expect_eq(now.facts.lifetime, 60);
	cr_expect_eq(now.head.len, 10);
	cache_store_drop(store, now.entry);
	cr_expect_not(cache_store_freshen(store, found.entry, &fresh), "it is gone");
}

Test(cache_store, one_of_all_may_refresh_in_a_second)
{
	struct cache_found found;
	open_store(1 << 20, 10);
	cr_assert(put("/a", 1) && find(0, "/a", &found));
	cr_expect(cache_store_claim(store, found.entry, 7));
	cr_expect_not(cache_store_claim(store, found.entry, 7));
	cr_expect(cache_store_claim(store, found.entry, 8));
}

Test(cache_store, variants_are_bounded_and_the_oldest_goes)
{
	struct cache_found found;
	open_store(1 << 20, 1000);
	for (unsigned i = 0; i < CACHE_VARIANTS_MOST + 10; i++) {
		char variant[16];
		snprintf(variant, sizeof variant, "%u", i);
		struct cache_key key = key_of("/a");
		key.variant = slice_of_string(variant);
		const struct cache_new answer = { .key = &key,
						  .facts = { .stored_at = i },
						  .names = SLICE(""),
						  .values = SLICE(""),
						  .head = SLICE("") };
		cr_assert(cache_store_finish(store, cache_store_begin(store, 0, &answer)));
		cr_expect(cache_store_find(store, 0, &key, &arena, &found));
		cache_store_leave(store, 0, found.entry);
	}
	struct cache_counts counts;
	cache_store_count(store, &counts);
	cr_expect_eq(counts.entries, CACHE_VARIANTS_MOST);
}

/* A child that stores, finds, removes and dies at any moment: what is left is whole, and all room comes back. */
Test(cache_store, a_worker_that_is_killed_leaves_nothing_half_made, .timeout = 60)
{
	struct cache_found found;
	open_store(128 << 10, 40);
	for (int round = 0; round < 150; round++) {
		pid_t child = fork();
		cr_assert_neq(child, -1);
		for (int i = 0; child == 0; i++) {
			char uri[16];
			snprintf(uri, sizeof uri, "/%d", i % 17);
			put(uri, (size_t)(i * 997 % 9000));
			find(0, uri, &found);
			if (i % 5 == 0)
				cache_store_remove(store, slice_of_string(uri));
		}
		usleep((useconds_t)(200 + round * 37 % 1000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		cache_store_give_back(store, 0);
		for (int i = 0; i < 17; i++) {
			char uri[16];
			snprintf(uri, sizeof uri, "/%d", i);
			if (!find(1, uri, &found))
				continue;
			expect_body(&found, 0, found.body_bytes, 4096);
			cache_store_leave(store, 1, found.entry);
		}
	}
	cache_store_clear(store);
	cr_expect_eq(used(), 0);
	cr_expect(put("/all", 120000));
}
