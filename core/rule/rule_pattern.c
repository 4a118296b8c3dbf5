/*
 * Lua patterns, as the Lua 5.1 manual section 5.4.1 describes them (with %f and %g, which LuaJIT
 * has), for find, match, gmatch and gsub. Written anew because LuaJIT's own cannot be stopped:
 * every comparison here is counted, and two of them cost one step of the run's budget. It is
 * long because the matcher and its four users share all of it.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/rule_private.h"

#include <ctype.h>
#include <math.h>

#define CAPTURES_MOST 32
#define DEPTH_MOST 200
#define PER_STEP 2
#define BYTES_AT_ONCE 64 /* that memchr and memcmp look at in the time of a comparison */
#define HEAD_BYTES 16    /* of a plain text, compared first: there most differences are */

#define OPEN ((size_t)-1)     /* length of a capture that has no end yet */
#define POSITION ((size_t)-2) /* of "()" */

struct matcher {
	lua_State *lua;
	struct rule_vm *vm;
	const char *start, *end; /* of the subject */
	const char *pattern_end;
	uint64_t count, most; /* comparisons */
	unsigned depth;
	unsigned captures;
	struct {
		const char *at;
		size_t len;
	} capture[CAPTURES_MOST];
};

static const char *match_here(struct matcher *m, const char *s, const char *p);

static void settle_count(struct matcher *m)
{
	uint64_t steps = m->count / PER_STEP;
	m->count = 0;
	if (steps > 0)
		rule_budget_spend(m->vm, m->lua, steps);
}

static void count_one(struct matcher *m)
{
	if (++m->count > m->most)
		rule_budget_fail(m->vm, m->lua, RULE_FAILURE_BUDGET);
}

/* ---- one character --------------------------------------------------------------------------- */

/* The end of the single-character item at `p`: "x", ".", "%a", "[a-z]". */
static const char *item_end(struct matcher *m, const char *p)
{
	if (*p == '%') {
		if (p + 1 == m->pattern_end)
			rule_call_fail(m->lua, "malformed pattern (ends with '%')");
		return p + 2;
	}
	if (*p != '[')
		return p + 1;
	p++;
	if (p < m->pattern_end && *p == '^')
		p++;
	/* A "]" that comes first stands for itself. */
	for (bool is_first = true; p < m->pattern_end; is_first = false) {
		if (*p == ']' && !is_first)
			return p + 1;
		if (*p == '%')
			p++;
		p++;
	}
	rule_call_fail(m->lua, "malformed pattern (missing ']')");
}

static bool is_in_class(unsigned char c, char class)
{
	bool is_in;
	switch (class | 0x20) {
	case 'a':
		is_in = isalpha(c) != 0;
		break;
	case 'c':
		is_in = iscntrl(c) != 0;
		break;
	case 'd':
		is_in = isdigit(c) != 0;
		break;
	case 'g':
		is_in = isgraph(c) != 0;
		break;
	case 'l':
		is_in = islower(c) != 0;
		break;
	case 'p':
		is_in = ispunct(c) != 0;
		break;
	case 's':
		is_in = isspace(c) != 0;
		break;
	case 'u':
		is_in = isupper(c) != 0;
		break;
	case 'w':
		is_in = isalnum(c) != 0;
		break;
	case 'x':
		is_in = isxdigit(c) != 0;
		break;
	case 'z':
		is_in = c == 0;
		break;
	default:
		return class == (char)c;
	}
	if (!isalpha((unsigned char)class))
		return class == (char)c;
	return is_in != (isupper((unsigned char)class) != 0);
}

/* Whether `c` is in the set from `p` (its "[") to `last` (its "]"). */
static bool is_in_set(unsigned char c, const char *p, const char *last)
{
	bool found = true;
	p++;
	if (*p == '^') {
		found = false;
		p++;
	}
	while (p < last) {
		if (*p == '%') {
			if (is_in_class(c, p[1]))
				return found;
			p += 2;
		} else if (p + 2 < last && p[1] == '-') {
			if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2])
				return found;
			p += 3;
		} else if ((unsigned char)*p++ == c) {
			return found;
		}
	}
	return !found;
}

/* Whether the character at `s` is one of the item from `p` to `next`. */
static bool is_match(struct matcher *m, const char *s, const char *p, const char *next)
{
	if (s >= m->end)
		return false;
	count_one(m);
	switch (*p) {
	case '.':
		return true;
	case '%':
		return is_in_class((unsigned char)*s, p[1]);
	case '[':
		/* A set costs what it is long. */
		m->count += (uint64_t)(next - p) / 8;
		return is_in_set((unsigned char)*s, p, next - 1);
	default:
		return *p == *s;
	}
}

/* ---- repetitions ----------------------------------------------------------------------------- */

static const char *match_most(struct matcher *m, const char *s, const char *p, const char *next,
			      bool needs_one)
{
	const char *at = s;
	while (is_match(m, at, p, next))
		at++;
	for (const char *least = needs_one ? s + 1 : s; at >= least; at--) {
		const char *rest = match_here(m, at, next + 1);
		if (rest != NULL)
			return rest;
	}
	return NULL;
}

static const char *match_least(struct matcher *m, const char *s, const char *p, const char *next)
{
	for (;;) {
		const char *rest = match_here(m, s, next + 1);
		if (rest != NULL || !is_match(m, s, p, next))
			return rest;
		s++;
	}
}

/* "%bxy" at `p`. */
static const char *match_balanced(struct matcher *m, const char *s, const char *p)
{
	if (p + 4 > m->pattern_end)
		rule_call_fail(m->lua, "unbalanced pattern");
	if (s >= m->end || *s != p[2])
		return NULL;
	size_t open = 1;
	for (s++; s < m->end; s++) {
		count_one(m);
		if (*s == p[3]) {
			if (--open == 0)
				return s + 1;
		} else if (*s == p[2]) {
			open++;
		}
	}
	return NULL;
}

/* ---- captures -------------------------------------------------------------------------------- */

static const char *open_capture(struct matcher *m, const char *s, const char *p)
{
	bool is_position = p + 1 < m->pattern_end && p[1] == ')';
	if (m->captures >= CAPTURES_MOST)
		rule_call_fail(m->lua, "too many captures");
	m->capture[m->captures].at = s;
	m->capture[m->captures].len = is_position ? POSITION : OPEN;
	m->captures++;
	const char *rest = match_here(m, s, p + (is_position ? 2 : 1));
	if (rest == NULL)
		m->captures--;
	return rest;
}

static const char *close_capture(struct matcher *m, const char *s, const char *p)
{
	unsigned at = m->captures;
	while (at > 0 && m->capture[at - 1].len != OPEN)
		at--;
	if (at == 0)
		rule_call_fail(m->lua, "invalid pattern capture");
	m->capture[at - 1].len = (size_t)(s - m->capture[at - 1].at);
	const char *rest = match_here(m, s, p + 1);
	if (rest == NULL)
		m->capture[at - 1].len = OPEN;
	return rest;
}

/* "%1": what was captured, again. NULL if it is not there. */
static const char *match_again(struct matcher *m, const char *s, char digit)
{
	unsigned at = (unsigned)(digit - '1');
	if (digit == '0' || at >= m->captures || m->capture[at].len == OPEN)
		rule_call_fail(m->lua, "invalid capture index");
	size_t len = m->capture[at].len;
	if (len == POSITION) /* no text: in Lua it is nowhere again */
		return NULL;
	m->count += len / BYTES_AT_ONCE;
	count_one(m);
	if ((size_t)(m->end - s) < len || memcmp(s, m->capture[at].at, len) != 0)
		return NULL;
	return s + len;
}

/* ---- the pattern ----------------------------------------------------------------------------- */

/* "%f[set]" at `p`: true between a character outside of the set and one inside. */
static bool is_frontier(struct matcher *m, const char *s, const char *p, const char **next)
{
	if (p + 2 >= m->pattern_end || p[2] != '[')
		rule_call_fail(m->lua, "missing '[' after '%f' in pattern");
	*next = item_end(m, p + 2);
	count_one(m);
	unsigned char before = s == m->start ? 0 : (unsigned char)s[-1];
	unsigned char here = s == m->end ? 0 : (unsigned char)*s;
	return !is_in_set(before, p + 2, *next - 1) && is_in_set(here, p + 2, *next - 1);
}

/* The special items behind a "%". Returns false if it is none and an ordinary item follows. */
static bool match_special(struct matcher *m, const char **s, const char **p)
{
	const char *next;
	if (*p + 1 >= m->pattern_end)
		return false;
	char what = (*p)[1];
	if (what == 'b') {
		*s = match_balanced(m, *s, *p);
		*p += 4;
	} else if (what == 'f') {
		if (!is_frontier(m, *s, *p, &next))
			*s = NULL;
		*p = next;
	} else if (isdigit((unsigned char)what)) {
		*s = match_again(m, *s, what);
		*p += 2;
	} else {
		return false;
	}
	return true;
}

/* A single-character item with what stands behind it; *done when `s` is the answer. */
static const char *match_item(struct matcher *m, const char *s, const char **p, bool *done)
{
	const char *next = item_end(m, *p);
	char repeat = next < m->pattern_end ? *next : '\0';
	*done = true;
	switch (repeat) {
	case '*':
	case '+':
		return match_most(m, s, *p, next, repeat == '+');
	case '-':
		return match_least(m, s, *p, next);
	case '?':
		if (is_match(m, s, *p, next)) {
			const char *rest = match_here(m, s + 1, next + 1);
			if (rest != NULL)
				return rest;
		}
		*done = false;
		*p = next + 1;
		return s;
	default:
		if (!is_match(m, s, *p, next))
			return NULL;
		*done = false;
		*p = next;
		return s + 1;
	}
}

/* The end of the match of the pattern from `p` on at `s`, or NULL. */
static const char *match_here(struct matcher *m, const char *s, const char *p)
{
	bool done = false;
	if (++m->depth > DEPTH_MOST)
		rule_call_fail(m->lua, "pattern too complex");
	count_one(m);
	while (s != NULL && !done && p < m->pattern_end) {
		if (*p == '(' || *p == ')') {
			s = *p == '(' ? open_capture(m, s, p) : close_capture(m, s, p);
			done = true;
		} else if (*p == '$' && p + 1 == m->pattern_end) {
			s = s == m->end ? s : NULL;
			done = true;
		} else if (*p != '%' || !match_special(m, &s, &p)) {
			s = match_item(m, s, &p, &done);
		}
	}
	m->depth--;
	return s;
}

/* ---- results --------------------------------------------------------------------------------- */

static void push_capture(struct matcher *m, unsigned n, const char *first, const char *last)
{
	if (n >= m->captures) {
		if (n > 0)
			rule_call_fail(m->lua, "invalid capture index");
		lua_pushlstring(m->lua, first, (size_t)(last - first));
	} else if (m->capture[n].len == OPEN) {
		rule_call_fail(m->lua, "unfinished capture");
	} else if (m->capture[n].len == POSITION) {
		lua_pushinteger(m->lua, m->capture[n].at - m->start + 1);
	} else {
		lua_pushlstring(m->lua, m->capture[n].at, m->capture[n].len);
	}
}

/* All captures, or the whole match when there are none and `first` is given. */
static int push_captures(struct matcher *m, const char *first, const char *last)
{
	unsigned count = m->captures == 0 && first != NULL ? 1 : m->captures;
	luaL_checkstack(m->lua, (int)count + 2, "too many captures");
	for (unsigned i = 0; i < count; i++)
		push_capture(m, i, first, last);
	return (int)count;
}

/* ---- what Lua calls -------------------------------------------------------------------------- */

static void begin(struct matcher *m, lua_State *lua, struct slice subject, struct slice pattern)
{
	m->lua = lua;
	m->vm = rule_vm_of(lua);
	m->start = subject.at;
	m->end = subject.at + subject.len;
	m->pattern_end = pattern.at + pattern.len;
	m->count = 0;
	m->depth = 0;
	uint64_t left = rule_budget_left(m->vm);
	m->most = left > UINT64_MAX / PER_STEP ? UINT64_MAX : left * PER_STEP;
}

static struct slice text_argument(lua_State *lua, int n)
{
	size_t len;
	const char *at = luaL_checklstring(lua, n, &len);
	return slice_of(at, len);
}

/*
 * The offset that Lua's `init` means; behind the end counts as the end, and what no int holds as the
 * beginning, as in LuaJIT.
 */
static size_t start_offset(lua_State *lua, int n, size_t len)
{
	lua_Number init = trunc(luaL_optnumber(lua, n, 1));
	if (init < 0)
		init += (lua_Number)len + 1;
	if (!(init >= 1 && init <= INT32_MAX))
		return 0;
	return init > (lua_Number)len ? len : (size_t)init - 1;
}

/* The first match at or behind *s; *s moves there. */
static const char *search(struct matcher *m, const char **s, struct slice pattern, bool may_anchor)
{
	bool is_anchored = may_anchor && pattern.len > 0 && *pattern.at == '^';
	for (;; (*s)++) {
		m->captures = 0;
		const char *last = match_here(m, *s, pattern.at + is_anchored);
		if (last != NULL)
			return last;
		if (is_anchored || *s >= m->end)
			return NULL;
	}
}

static bool has_specials(struct slice pattern)
{
	for (size_t i = 0; i < pattern.len; i++)
		if (strchr("^$*+?.([%-", pattern.at[i]) != NULL && pattern.at[i] != '\0')
			return true;
	return false;
}

/*
 * `text` as it is, from `s` on, or NULL. Not memmem(3): where the text nearly fits everywhere that
 * takes ten nanoseconds a byte, in others a tenth of one, and does not say which it was.
 */
static const char *find_text(struct matcher *m, const char *s, struct slice text)
{
	size_t head = text.len < HEAD_BYTES ? text.len : HEAD_BYTES;
	if (text.len == 0)
		return s;
	while ((size_t)(m->end - s) >= text.len) {
		size_t places = (size_t)(m->end - s) - text.len + 1;
		const char *at = memchr(s, *text.at, places);
		m->count += (at == NULL ? places : (size_t)(at - s)) / BYTES_AT_ONCE;
		count_one(m);
		if (at == NULL)
			break;
		bool is_near = memcmp(at, text.at, head) == 0;
		m->count += is_near ? text.len / BYTES_AT_ONCE : 0;
		if (is_near && memcmp(at, text.at, text.len) == 0)
			return at;
		s = at + 1;
	}
	return NULL;
}

static int find_plain(struct matcher *m, size_t from, struct slice text)
{
	const char *at = find_text(m, m->start + from, text);
	settle_count(m);
	if (at == NULL) {
		lua_pushnil(m->lua);
		return 1;
	}
	lua_pushinteger(m->lua, at - m->start + 1);
	lua_pushinteger(m->lua, at - m->start + (ptrdiff_t)text.len);
	return 2;
}

int rule_pattern_find(lua_State *lua)
{
	struct matcher m;
	struct slice subject = text_argument(lua, 1), pattern = text_argument(lua, 2);
	size_t from = start_offset(lua, 3, subject.len);
	begin(&m, lua, subject, pattern);
	if (lua_toboolean(lua, 4) || !has_specials(pattern))
		return find_plain(&m, from, pattern);
	const char *first = m.start + from;
	const char *last = search(&m, &first, pattern, true);
	settle_count(&m);
	if (last == NULL) {
		lua_pushnil(lua);
		return 1;
	}
	lua_pushinteger(lua, first - m.start + 1);
	lua_pushinteger(lua, last - m.start);
	return 2 + push_captures(&m, NULL, NULL);
}

int rule_pattern_match(lua_State *lua)
{
	struct matcher m;
	struct slice subject = text_argument(lua, 1), pattern = text_argument(lua, 2);
	size_t from = start_offset(lua, 3, subject.len);
	begin(&m, lua, subject, pattern);
	const char *first = m.start + from;
	const char *last = search(&m, &first, pattern, true);
	settle_count(&m);
	if (last == NULL) {
		lua_pushnil(lua);
		return 1;
	}
	return push_captures(&m, first, last);
}

int rule_pattern_scan(lua_State *lua)
{
	struct matcher m;
	struct slice subject = text_argument(lua, 1), pattern = text_argument(lua, 2);
	lua_Number from = luaL_checknumber(lua, 3);
	if (from > (lua_Number)subject.len + 1) {
		lua_pushnil(lua);
		return 1;
	}
	begin(&m, lua, subject, pattern);
	const char *first = m.start + (size_t)from - 1;
	const char *last = search(&m, &first, pattern, lua_toboolean(lua, 4));
	settle_count(&m);
	if (last == NULL) {
		lua_pushnil(lua);
		return 1;
	}
	lua_pushinteger(lua, first - m.start + 1);
	lua_pushinteger(lua, last - m.start);
	return 2 + push_captures(&m, first, last);
}

/* Appends the replacement text: "%0" the match, "%1" a capture, "%%" a "%". */
static void add_replacement(struct matcher *m, luaL_Buffer *out, struct slice with,
			    const char *first, const char *last)
{
	for (size_t i = 0; i < with.len; i++) {
		if (with.at[i] != '%' || i + 1 == with.len) {
			luaL_addchar(out, with.at[i]);
			continue;
		}
		char what = with.at[++i];
		if (!isdigit((unsigned char)what)) {
			luaL_addchar(out, what);
		} else if (what == '0') {
			luaL_addlstring(out, first, (size_t)(last - first));
		} else {
			push_capture(m, (unsigned)(what - '1'), first, last);
			luaL_addvalue(out);
		}
	}
	m->count += with.len / PER_STEP;
}

int rule_pattern_gsub_text(lua_State *lua)
{
	struct matcher m;
	struct slice subject = text_argument(lua, 1), pattern = text_argument(lua, 2);
	if (lua_type(lua, 3) != LUA_TSTRING && lua_type(lua, 3) != LUA_TNUMBER)
		return luaL_argerror(lua, 3, "string/function/table expected");
	struct slice with = text_argument(lua, 3);
	lua_Number most = luaL_optnumber(lua, 4, (lua_Number)subject.len + 1);
	bool is_anchored = pattern.len > 0 && *pattern.at == '^';
	luaL_Buffer out;
	begin(&m, lua, subject, pattern);
	luaL_buffinit(lua, &out);
	lua_Number count = 0;
	const char *s = m.start;
	while (count < most) {
		m.captures = 0;
		const char *last = match_here(&m, s, pattern.at + is_anchored);
		if (last != NULL) {
			count++;
			rule_budget_check(m.vm, lua);
			add_replacement(&m, &out, with, s, last);
		}
		if (last != NULL && last > s)
			s = last;
		else if (s < m.end)
			luaL_addchar(&out, *s++);
		else
			break;
		if (is_anchored)
			break;
	}
	luaL_addlstring(&out, s, (size_t)(m.end - s));
	settle_count(&m);
	luaL_pushresult(&out);
	lua_pushnumber(lua, count);
	return 2;
}
