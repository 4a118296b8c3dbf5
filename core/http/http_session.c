/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_session.h"

/* ---- in a URL -------------------------------------------------------------------------------------- */

/* The bytes of `s` up to the first that is one of `ends`. */
static struct slice until(struct slice s, const char *ends)
{
	size_t len = 0;
	while (len < s.len && strchr(ends, s.at[len]) == NULL)
		len++;
	return slice_of(s.at, len);
}

/* What stands behind the first `mark`, and before one of `ends`; absent when there is no mark. */
static struct slice behind(struct slice s, struct slice mark, const char *ends)
{
	const char *found = memmem(s.at, s.len, mark.at, mark.len);
	if (found == NULL)
		return SLICE_ABSENT;
	return until(slice_skip(s, (size_t)(found - s.at) + mark.len), ends);
}

/* "/(S(id))/", with other letters' "A(..)" and "F(..)" around it, or the older "/(id)/". */
static struct slice in_parentheses(struct slice path)
{
	struct slice all = behind(path, SLICE("/("), "/?#");
	if (all.len == 0 || all.at[all.len - 1] != ')')
		return SLICE_ABSENT;
	struct slice inside = slice_of(all.at, all.len - 1);
	if (memchr(inside.at, '(', inside.len) == NULL)
		return inside;
	struct slice first = slice_has_prefix(inside, SLICE("S("))
				     ? until(slice_skip(inside, 2), ")")
				     : behind(inside, SLICE(")S("), ")");
	return first;
}

static struct slice session_in_url(enum http_session_kind kind, struct slice url)
{
	if (slice_is_absent(url) || kind == HTTP_SESSION_COOKIE)
		return SLICE_ABSENT;
	struct slice path = until(url, "?#");
	return kind == HTTP_SESSION_J2EE ? behind(path, SLICE(";jsessionid="), ";/")
					 : in_parentheses(path);
}

/* Once; false when the URL tells none, or did. */
static bool next_in_url(struct http_session_search *s, struct slice url, struct slice *session)
{
	if (s->is_url_over)
		return false;
	s->is_url_over = true;
	*session = session_in_url(s->kind, url);
	return session->len > 0;
}

/* ---- in a cookie ----------------------------------------------------------------------------------- */

static bool is_session_cookie(const struct http_session_search *s, struct slice name)
{
	switch (s->kind) {
	case HTTP_SESSION_COOKIE:
		return slice_is_equal(name, s->cookie);
	case HTTP_SESSION_J2EE:
		return slice_is_equal(name, SLICE("JSESSIONID"));
	case HTTP_SESSION_ASP:
		break;
	}
	return slice_is_equal(name, SLICE("ASP.NET_SessionId")) ||
	       slice_has_prefix(name, SLICE("ASPSESSIONID"));
}

bool http_session_next(struct http_session_search *s, const struct http_request *r,
		       struct slice *session)
{
	struct slice name;
	while (!s->are_cookies_over && http_cookie_next(&r->fields, &s->position, &name, session))
		if (session->len > 0 && is_session_cookie(s, name))
			return true;
	s->are_cookies_over = true;
	return next_in_url(s, r->path, session);
}

bool http_session_next_given(struct http_session_search *s, const struct http_response *r,
			     struct slice *session)
{
	struct slice name, attributes;
	while (!s->are_cookies_over &&
	       http_set_cookie_next(&r->fields, &s->position, &name, session, &attributes))
		if (session->len > 0 && is_session_cookie(s, name))
			return true;
	s->are_cookies_over = true;
	const struct http_field *location = http_fields_find_id(&r->fields, HTTP_FIELD_LOCATION);
	return next_in_url(s, location == NULL ? SLICE_ABSENT : location->value, session);
}
