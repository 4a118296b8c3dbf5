/* SPDX-License-Identifier: Apache-2.0 */
#include "http/http_session.h"

#include "http_unit.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct arena arena;

/* The sessions of a request or an answer, with a blank between them. */
static const char *all(enum http_session_kind kind, bool is_given, const char *message)
{
	static char text[1024];
	struct http_session_search s = { .kind = kind, .cookie = SLICE("sid") };
	struct http_head_scan scan = { 0 };
	struct http_request request;
	struct http_response response;
	struct slice in = http_unit_at_edge(slice_of_string(message)), session;
	enum http_reason why;
	size_t used, len = 0;
	arena_init(&arena);
	if (is_given)
		cr_assert_eq(http_response_parse(in, &http_unit_limits, &arena, &scan,
						 HTTP_METHOD_GET, &response, &used, &why),
			     HTTP_DONE);
	else
		cr_assert_eq(http_request_parse(in, &http_unit_limits, &arena, &scan, &request,
						&used, &why),
			     HTTP_DONE);
	text[0] = '\0';
	while (is_given ? http_session_next_given(&s, &response, &session)
			: http_session_next(&s, &request, &session)) {
		cr_expect_gt(session.len, 0);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", len > 0 ? " " : "",
					SLICE_PRINT(session));
	}
	cr_expect_not(is_given ? http_session_next_given(&s, &response, &session)
			       : http_session_next(&s, &request, &session));
	arena_release(&arena);
	arena_drop_spares();
	return text;
}

#define GET(target, lines) "GET " target " HTTP/1.1\r\nHost: a\r\n" lines "\r\n"
#define OK(lines) "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" lines "\r\n"

static const struct {
	enum http_session_kind kind;
	bool is_given;
	const char *message, *sessions;
} rows[] = {
	{ HTTP_SESSION_COOKIE, false, GET("/", ""), "" },
	{ HTTP_SESSION_COOKIE, false, GET("/", "Cookie: a=b; sid=1\r\nCookie: sid=2; Sid=3\r\n"),
	  "1 2" },
	{ HTTP_SESSION_COOKIE, false, GET("/", "Cookie: sid=; sid; xsid=4; sid2=5\r\n"), "" },
	{ HTTP_SESSION_COOKIE, false, GET("/x;jsessionid=1/(S(2))/", ""), "" },
	{ HTTP_SESSION_COOKIE, true, OK("Set-Cookie: a=b\r\n"), "" },
	{ HTTP_SESSION_COOKIE, true,
	  OK("Set-Cookie: sid=1; Path=/\r\nSet-Cookie: sid=\r\nSet-Cookie: sid=2\r\n"), "1 2" },
	{ HTTP_SESSION_J2EE, false, GET("/", "Cookie: JSESSIONID=1.node\r\n"), "1.node" },
	{ HTTP_SESSION_J2EE, false, GET("/", "Cookie: jsessionid=1; sid=2\r\n"), "" },
	{ HTTP_SESSION_J2EE, false, GET("/a;jsessionid=12?b=;jsessionid=3", ""), "12" },
	{ HTTP_SESSION_J2EE, false, GET("/a;x=1;jsessionid=12;y=2/b", ""), "12" },
	{ HTTP_SESSION_J2EE, false, GET("/a;jsessionid=", ""), "" },
	{ HTTP_SESSION_J2EE, false, GET("/a?b=;jsessionid=3", ""), "" },
	{ HTTP_SESSION_J2EE, false, GET("/a;jsessionid=2", "Cookie: JSESSIONID=1\r\n"), "1 2" },
	{ HTTP_SESSION_J2EE, true, OK("Set-Cookie: JSESSIONID=1; Path=/a; HttpOnly\r\n"), "1" },
	{ HTTP_SESSION_J2EE, true, OK("Location: https://b/c;jsessionid=4#d\r\n"), "4" },
	{ HTTP_SESSION_J2EE, true, OK("Location: /?x=;jsessionid=4\r\n"), "" },
	{ HTTP_SESSION_ASP, false,
	  GET("/", "Cookie: ASPSESSIONIDABCDEFGH=1; ASP.NET_SessionId=2; ASPSESSION=3\r\n"),
	  "1 2" },
	{ HTTP_SESSION_ASP, false, GET("/app/(S(lit3py55t21z5v55vlm25s55))/a.aspx", ""),
	  "lit3py55t21z5v55vlm25s55" },
	{ HTTP_SESSION_ASP, false, GET("/app/(A(1)S(2)F(3))/a.aspx", ""), "2" },
	{ HTTP_SESSION_ASP, false, GET("/(lit3py55t21z5v55vlm25s55)/a.aspx", ""),
	  "lit3py55t21z5v55vlm25s55" },
	{ HTTP_SESSION_ASP, false, GET("/(A(1)F(3))/a.aspx", ""), "" },
	{ HTTP_SESSION_ASP, false, GET("/(a", ""), "" },
	{ HTTP_SESSION_ASP, false, GET("/(", ""), "" },
	{ HTTP_SESSION_ASP, false, GET("/()/", ""), "" },
	{ HTTP_SESSION_ASP, false, GET("/(S(/", ""), "" },
	{ HTTP_SESSION_ASP, false, GET("/a(b)/", ""), "" },
	{ HTTP_SESSION_ASP, true, OK("Location: /(S(5))/x\r\nSet-Cookie: ASP.NET_SessionId=6\r\n"),
	  "6 5" },
};

Test(http_session, all_that_a_message_tells)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *found = all(rows[i].kind, rows[i].is_given, rows[i].message);
		cr_expect_str_eq(found, rows[i].sessions, "%s: '%s'", rows[i].message, found);
	}
}
