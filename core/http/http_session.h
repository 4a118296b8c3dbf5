/*
 * http_session: by what an application tells its sessions: a cookie, and for some a part of the URL. As
 * the request brings it, and as the answer gives it. Names are compared exactly, values are as sent.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_SESSION_H
#define WEIR_HTTP_SESSION_H

#include "http/http_cookie.h"
#include "http/http_head.h"

enum http_session_kind {
	HTTP_SESSION_COOKIE, /* that of the name given */
	HTTP_SESSION_J2EE,   /* the cookie JSESSIONID, ";jsessionid=" in a path (Servlet 7.1) */
	HTTP_SESSION_ASP, /* cookies ASPSESSIONID... and ASP.NET_SessionId, "/(S(...))/" in a path */
};

/* What to look for, and where that stands. Zero-initialise all but kind and cookie. */
struct http_session_search {
	enum http_session_kind kind;
	struct slice cookie; /* a name, for HTTP_SESSION_COOKIE */
	struct http_cookie_position position;
	bool are_cookies_over, is_url_over;
};

/* The next session that the request tells, cookies first; false when there is none. Never an empty one. */
bool http_session_next(struct http_session_search *s, const struct http_request *r,
		       struct slice *session);

/* The next session that the answer gives the client, cookies first, then that in Location. */
bool http_session_next_given(struct http_session_search *s, const struct http_response *r,
			     struct slice *session);

#endif
