/* SPDX-License-Identifier: Apache-2.0 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/table.h"

#include <pcre2.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

/* What the cache holds at most: how many, and how many bytes of code. */
#define KEPT_MOST 256
#define KEPT_BYTES (8u << 20)

#define NESTING_MOST 100
#define HEAP_KIB 4096
#define DEPTH_MOST 10000
#define MATCH_MOST 10000000
#define JIT_STACK_BYTES (256u << 10)

/* One step goes over so many bytes that an item of an expression takes at once. */
#define BYTES_PER_STEP 16
/* The last guard: how often it looks, and what one try may take. */
#define LOOK_EVERY 1024
#define GUARD_NS 100000000u

struct regex {
	TAILQ_ENTRY(regex) in_order; /* of use, the last used first */
	pcre2_code *code;
	pcre2_match_data *data;
	size_t bytes;
	unsigned groups;
	bool compares_groups; /* it refers back to what a group took: as long as that */
	bool is_utf;
	bool is_whole; /* a search in it cannot be cut: going on would not be the same */
	struct slice key;
};

static struct {
	TAILQ_HEAD(regex_order, regex) order;
	struct table table; /* flags and expression -> struct regex */
	size_t bytes;
	pcre2_compile_context *compiling;
	pcre2_match_context *matching;
} cache;

/* Of the try that runs. */
static struct {
	uint64_t steps, most;
	uint64_t looks;
	uint64_t start_ns;
	size_t at; /* where the last callout was */
	bool compares_groups;
} run;

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* the machine may be busy with others */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Before each item of the expression. An item may have gone over many bytes, forwards or back. */
static int on_callout(pcre2_callout_block *block, void *extra)
{
	(void)extra;
	size_t at = block->current_position;
	size_t moved = at > run.at ? at - run.at : run.at - at;
	if (run.compares_groups && at > block->start_match)
		moved += at - block->start_match;
	run.at = at;
	run.steps += 1 + moved / BYTES_PER_STEP;
	if (run.steps > run.most)
		return PCRE2_ERROR_MATCHLIMIT;
	if (++run.looks % LOOK_EVERY == 0) {
		if (run.start_ns == 0)
			run.start_ns = now_ns();
		else if (now_ns() - run.start_ns > GUARD_NS)
			return PCRE2_ERROR_MATCHLIMIT;
	}
	return 0;
}

static void open_cache(void)
{
	TAILQ_INIT(&cache.order);
	table_init(&cache.table);
	cache.compiling = pcre2_compile_context_create(NULL);
	cache.matching = pcre2_match_context_create(NULL);
	pcre2_jit_stack *stack = pcre2_jit_stack_create(32768, JIT_STACK_BYTES, NULL);
	check(cache.compiling != NULL && cache.matching != NULL && stack != NULL);
	pcre2_set_max_pattern_length(cache.compiling, REGEX_PATTERN_BYTES);
	pcre2_set_parens_nest_limit(cache.compiling, NESTING_MOST);
	pcre2_set_match_limit(cache.matching, MATCH_MOST);
	pcre2_set_depth_limit(cache.matching, DEPTH_MOST);
	pcre2_set_heap_limit(cache.matching, HEAP_KIB);
	pcre2_set_callout(cache.matching, on_callout, NULL);
	pcre2_jit_stack_assign(cache.matching, NULL, stack);
}

static void drop(struct regex *regex)
{
	TAILQ_REMOVE(&cache.order, regex, in_order);
	table_remove(&cache.table, regex->key);
	cache.bytes -= regex->bytes;
	pcre2_code_free(regex->code);
	pcre2_match_data_free(regex->data);
	free((char *)(uintptr_t)regex->key.at);
	free(regex);
}

static pcre2_code *compile(struct slice pattern, unsigned flags, struct err *why)
{
	uint32_t options = PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
	int number;
	size_t at;
	PCRE2_UCHAR text[256];
	options |= (flags & REGEX_NO_CASE) != 0 ? PCRE2_CASELESS : 0;
	options |= (flags & REGEX_LINES) != 0 ? PCRE2_MULTILINE : 0;
	options |= (flags & REGEX_DOT_ALL) != 0 ? PCRE2_DOTALL : 0;
	options |= (flags & REGEX_EXTENDED) != 0 ? PCRE2_EXTENDED : 0;
	options |= (flags & REGEX_UTF) != 0 ? PCRE2_UTF | PCRE2_MATCH_INVALID_UTF : PCRE2_NEVER_UTF;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len, options, &number, &at,
					 cache.compiling);
	if (code != NULL) {
		/* where it cannot be, matching goes on without it */
		pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
		return code;
	}
	pcre2_get_error_message(number, text, sizeof text);
	err_set(why, "%s at position %zu", (const char *)text, at + 1);
	return NULL;
}

/* \\G means where a search began, and verbs such as (*COMMIT) end it as a whole. */
static bool is_whole(const pcre2_code *code, struct slice pattern)
{
	uint32_t options = 0;
	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	return (options & PCRE2_ANCHORED) != 0 ||
	       memmem(pattern.at, pattern.len, "\\G", 2) != NULL ||
	       memmem(pattern.at, pattern.len, "(*", 2) != NULL;
}

static struct regex *add(pcre2_code *code, struct slice key)
{
	struct regex *regex = memory_new(1, sizeof *regex);
	size_t size = 0, jit_size = 0;
	uint32_t groups = 0, references = 0;
	pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
	pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_size);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	pcre2_pattern_info(code, PCRE2_INFO_BACKREFMAX, &references);
	regex->code = code;
	regex->data = pcre2_match_data_create_from_pattern(code, NULL);
	check(regex->data != NULL);
	regex->groups = groups;
	regex->is_utf = ((unsigned char)key.at[0] & REGEX_UTF) != 0;
	regex->is_whole = is_whole(code, slice_skip(key, 1));
	regex->compares_groups = references > 0;
	regex->bytes = size + jit_size + key.len + groups * 2 * sizeof(size_t);
	regex->key = slice_of(memory_copy_string(key.at, key.len), key.len);
	struct regex *last;
	while ((last = TAILQ_LAST(&cache.order, regex_order)) != NULL &&
	       (cache.table.count >= KEPT_MOST || cache.bytes + regex->bytes > KEPT_BYTES))
		drop(last);
	cache.bytes += regex->bytes;
	table_set(&cache.table, regex->key, regex);
	TAILQ_INSERT_HEAD(&cache.order, regex, in_order);
	return regex;
}

const struct regex *regex_find(struct slice pattern, unsigned flags, bool *is_new, struct err *why)
{
	char key_bytes[REGEX_PATTERN_BYTES + 1];
	*is_new = false;
	if (cache.compiling == NULL)
		open_cache();
	if (pattern.len > REGEX_PATTERN_BYTES) {
		err_set(why, "longer than %d bytes", REGEX_PATTERN_BYTES);
		return NULL;
	}
	key_bytes[0] = (char)flags;
	memcpy(key_bytes + 1, pattern.at, pattern.len);
	struct slice key = slice_of(key_bytes, pattern.len + 1);
	struct regex *regex = table_get(&cache.table, key);
	if (regex != NULL) {
		TAILQ_REMOVE(&cache.order, regex, in_order);
		TAILQ_INSERT_HEAD(&cache.order, regex, in_order);
		return regex;
	}
	*is_new = true;
	pcre2_code *code = compile(pattern, flags, why);
	return code == NULL ? NULL : add(code, key);
}

unsigned regex_groups(const struct regex *regex)
{
	return regex->groups;
}

unsigned regex_group_named(const struct regex *regex, struct slice name)
{
	char text[64];
	if (name.len >= sizeof text)
		return 0;
	memcpy(text, name.at, name.len);
	text[name.len] = '\0';
	int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)text);
	return number > 0 ? (unsigned)number : 0;
}

/* The offset behind the places that are looked at; between characters, where there are any. */
static size_t end_of_places(const struct regex *regex, const struct regex_try *try)
{
	if (try->places == 0 || regex->is_whole || try->places >= try->text.len - try->from)
		return try->text.len + 1;
	size_t end = try->from + try->places;
	while (regex->is_utf && end < try->text.len && (try->text.at[end] & 0xc0) == 0x80)
		end++;
	return end;
}

enum regex_result regex_match(const struct regex *regex, struct regex_try *try)
{
	uint32_t options = try->not_empty_here ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
	size_t end = end_of_places(regex, try);
	pcre2_set_offset_limit(cache.matching, end - 1);
	run.steps = run.looks = run.start_ns = 0;
	run.most = try->steps;
	run.at = try->from;
	run.compares_groups = regex->compares_groups;
	int result = pcre2_match(regex->code, (PCRE2_SPTR)try->text.at, try->text.len, try->from,
				 options, regex->data, cache.matching);
	try->steps = run.steps;
	if (result == PCRE2_ERROR_NOMATCH && end <= try->text.len && !try->not_empty_here) {
		try->from = end;
		return REGEX_FURTHER;
	}
	if (result == PCRE2_ERROR_NOMATCH)
		return REGEX_DIFFERS;
	return result < 0 ? REGEX_GIVEN_UP : REGEX_MATCHES;
}

struct slice regex_group(const struct regex *regex, struct slice text, unsigned n)
{
	const size_t *ends = pcre2_get_ovector_pointer(regex->data);
	if (n > regex->groups || ends[2 * n] == PCRE2_UNSET || ends[2 * n] > ends[2 * n + 1])
		return SLICE_ABSENT;
	return slice_of(text.at + ends[2 * n], ends[2 * n + 1] - ends[2 * n]);
}
