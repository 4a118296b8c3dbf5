/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

static void open_with_request(void)
{
	api_unit_open();
	api_unit_request("GET /a%20b?q=1 HTTP/1.1\r\nHost: Shop.example:8080\r\n\r\n");
}

TestSuite(api_http_answer, .init = open_with_request, .fini = api_unit_close);

/* The answer that the last verdict gave. */
static const char *answer(void)
{
	cr_assert_not(slice_is_absent(api_unit_txn->answer));
	return arena_copy(&api_unit_txn->arena, api_unit_txn->answer).at;
}

/* The rule ends with an answer of that status line, with that part in it. */
static void answers(const char *rule, const char *line, const char *part)
{
	api_unit_txn->answer = SLICE_ABSENT;
	api_unit_txn->rule_end = TXN_END_NONE;
	api_unit_decides(RULE_REQUEST, rule);
	cr_expect_eq(api_unit_txn->rule_end, TXN_END_ANSWERED);
	cr_expect(strncmp(answer(), line, strlen(line)) == 0, "%s: %s", rule, answer());
	cr_expect_not_null(strstr(answer(), part), "%s: '%s' is not in %s", rule, part, answer());
}

static void expect_has(const char *part)
{
	cr_expect_not_null(strstr(answer(), part), "'%s' is not in %s", part, answer());
}

static void expect_lacks(const char *part)
{
	cr_expect_null(strstr(answer(), part), "'%s' is in %s", part, answer());
}

Test(api_http_answer, send_response)
{
	answers("http.sendResponse(403, 'text/plain', 'go away') error('went on')",
		"HTTP/1.1 403 Forbidden\r\n", "\r\nContent-Type: text/plain\r\n");
	expect_has("\r\nContent-Length: 7\r\n");
	expect_has("\r\n\r\ngo away");
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("http.sendResponse 403")));
	cr_expect_eq(api_unit_txn->answer_status, 403);
	answers("http.sendResponse('503', 'a/b', '')", "HTTP/1.1 503 Service Unavailable\r\n",
		"a/b");
	answers("http.sendResponse('404 Not Here', 'a/b', '')", "HTTP/1.1 404 Not Here\r\n", "a/b");
	answers("http.sendResponse('404 ', 'a/b', '')", "HTTP/1.1 404 Not Found\r\n", "a/b");
	answers("http.sendResponse(200, nil, 'x')", "HTTP/1.1 200 OK\r\n", "\r\n\r\nx");
	expect_lacks("Content-Type");
	answers("http.sendResponse(200, '', 'a\\0b')", "HTTP/1.1 200 OK\r\n",
		"\r\nContent-Length: 3\r\n");
	expect_lacks("Content-Type");
	answers("http.sendResponse(204, nil, 'dropped')", "HTTP/1.1 204 No Content\r\n", "\r\n");
	expect_lacks("dropped");
}

Test(api_http_answer, headers_of_send_response)
{
	answers("http.sendResponse(200, 'a/b', '', 'X-One: 1\\r\\nX-Two:2 \\nX-Empty:')",
		"HTTP/1.1 200", "\r\nX-One: 1\r\nX-Two: 2\r\nX-Empty: \r\n");
	answers("http.sendResponse(200, 'a/b', '', 'X-One: 1\\r\\n')", "HTTP/1.1 200",
		"\r\nX-One: 1\r\n");
	answers("http.sendResponse(200, 'a/b', '', '')", "HTTP/1.1 200", "\r\n");
	answers("http.sendResponse(200, 'a/b', '', {})", "HTTP/1.1 200", "\r\n");
	answers("http.sendResponse(200, 'a/b', '', {['X-One'] = {'1', 2}, ['X-Two'] = ' 3 '})",
		"HTTP/1.1 200", "\r\nX-One: 1\r\n");
	expect_has("\r\nX-One: 2\r\n");
	expect_has("\r\nX-Two: 3\r\n");
	answers("http.sendResponse(200, nil, '', {['Content-Type'] = 'c/d'})", "HTTP/1.1 200",
		"\r\nContent-Type: c/d\r\n");
}

Test(api_http_answer, send_response_refuses)
{
	static const struct {
		const char *arguments, *part;
	} rows[] = {
		{ "", "argument 1 (code): expected a string, got nothing" },
		{ "199, 'a/b', ''",
		  "argument 1 (code): expected a number from 200 to 599, got 199" },
		{ "600, 'a/b', ''", "argument 1 (code): " },
		{ "200.5, 'a/b', ''", "argument 1 (code): expected a whole number" },
		{ "'20', 'a/b', ''", "argument 1 (code): expected a code from 200 to 599" },
		{ "'101 Switching Protocols', nil, ''", "argument 1 (code): expected a code" },
		{ "'2000', 'a/b', ''", "argument 1 (code): expected a code" },
		{ "'2x0', 'a/b', ''", "argument 1 (code): expected a code" },
		{ "'200 OK\\r\\nX: y', 'a/b', ''", "argument 1 (code): expected text without CR" },
		{ "200, 'a/b\\r\\nX: y', ''", "argument 2 (type): expected text without CR" },
		{ "200, {}, ''", "argument 2 (type): expected a string, got table" },
		{ "200, 'a/b'", "argument 3 (body): expected a string, got nothing" },
		{ "200, 'a/b', '', 'X'",
		  "argument 4 (headers): expected lines 'name: value', got 'X'" },
		{ "200, 'a/b', '', 'X: 1\\n\\nY: 2'", "argument 4 (headers): expected lines" },
		{ "200, 'a/b', '', 'X: 1\\n Y: 2'",
		  "argument 4 (headers): expected a header name, got ' Y'" },
		{ "200, 'a/b', '', 'X: a\\rb'",
		  "argument 4 (headers): header 'X': expected text without CR" },
		{ "200, 'a/b', '', {X = 'a\\nb'}",
		  "argument 4 (headers): header 'X': expected text without CR" },
		{ "200, 'a/b', '', {['X Y'] = 'a'}",
		  "argument 4 (headers): expected a header name" },
		{ "200, 'a/b', '', {'X: a'}", "argument 4 (headers): expected names as keys" },
		{ "200, 'a/b', '', {X = true}", "argument 4 (headers): " },
		{ "200, 'a/b', '', true", "argument 4 (headers): " },
		{ "200, 'a/b', '', {['content-length'] = '5'}",
		  "header 'content-length' is written by weir" },
		{ "200, 'a/b', '', 'Transfer-Encoding: chunked'",
		  "header 'Transfer-Encoding' is written by" },
		{ "200, 'a/b', '', 'Connection: close'", "header 'Connection' is written by weir" },
		{ "200, 'a/b', '', 'Date: today'", "header 'Date' is written by weir" },
		{ "200, 'a/b', '', 'Content-Type: c/d'",
		  "header 'Content-Type' is argument 2 already" },
	};
	char rule[200];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(rule, sizeof rule, "http.sendResponse(%s)", rows[i].arguments);
		api_unit_fails(rule, rows[i].part);
		cr_expect(slice_is_absent(api_unit_txn->answer), "%s", rule);
	}
}

Test(api_http_answer, phases)
{
	api_unit_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
	api_unit_decides(RULE_RESPONSE, "http.sendResponse(502, 'a/b', 'no')");
	api_unit_decides(RULE_RESPONSE, "pcall(http.redirect, '/x')");
	api_unit_decides(RULE_RESPONSE, "http.changeSite('other')");
	api_unit_fails_in(RULE_COMPLETION, "local f = http f['sendResponse'](502, 'a/b', 'no')",
			  "makes no sense in a completion rule");
}

Test(api_http_answer, a_client_that_asked_with_head_gets_no_body)
{
	api_unit_request("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
	answers("http.setMethod('GET') http.sendResponse(200, 'a/b', 'body')", "HTTP/1.1 200",
		"\r\nContent-Length: 4\r\n");
	expect_lacks("body");
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	answers("http.setMethod('HEAD') http.sendResponse(200, 'a/b', 'body')", "HTTP/1.1 200",
		"\r\n\r\nbody");
}

Test(api_http_answer, cookies_of_request_rules_go_along)
{
	answers("http.setResponseCookie('id', '7', 'Secure') http.redirect('/login')",
		"HTTP/1.1 302 Found\r\n", "\r\nSet-Cookie: id=7; Secure\r\n");
	expect_has("\r\nLocation: /login\r\n");
}

Test(api_http_answer, redirect)
{
	answers("http.redirect('http://other.example/x?y#z')", "HTTP/1.1 302 Found\r\n",
		"\r\nLocation: http://other.example/x?y#z\r\n");
	expect_has("\r\nContent-Length: 0\r\n");
	expect_lacks("Content-Type");
	cr_expect(slice_is_equal(api_unit_txn->verdict, SLICE("http.redirect 302")));
	answers("http.redirect('/a b\\t\\195\\164%20\\127')", "HTTP/1.1 302",
		"\r\nLocation: /a%20b%09%C3%A4%20%7F\r\n");
	api_unit_fails("http.redirect('/\\r\\nX: y')",
		       "argument 1 (url): expected a URL without CR");
	api_unit_fails("http.redirect('/\\r')", "without CR, LF and NUL");
	api_unit_fails("http.redirect('/\\0')", "without CR, LF and NUL");
	api_unit_fails("http.redirect('')", "argument 1 (url): expected a URL, got none");
	api_unit_fails("http.redirect()", "argument 1 (url): expected a string");
}

Test(api_http_answer, change_site)
{
	static const struct {
		const char *site, *location;
	} rows[] = {
		{ "www.example", "http://www.example:8080/a%20b?q=1" },
		{ "www.example:81", "http://www.example:81/a%20b?q=1" },
		{ "shop.example:81", "http://shop.example:81/a%20b?q=1" },
		{ "http://www.example", "http://www.example/a%20b?q=1" },
		{ "http://shop.example", "http://shop.example/a%20b?q=1" },
		{ "https://shop.example:8080", "https://shop.example:8080/a%20b?q=1" },
		{ "https://www.example/", "https://www.example/a%20b?q=1" },
		{ "https://www.example:444/new/", "https://www.example:444/new/a%20b?q=1" },
		{ "http://shop.example:8080/new", "http://shop.example:8080/new/a%20b?q=1" },
		{ "http://shop.example:8080/a", "http://shop.example:8080/a/a%20b?q=1" },
		{ "[fd00::1]", "http://[fd00::1]:8080/a%20b?q=1" },
	};
	char rule[100], line[200];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(rule, sizeof rule, "http.changeSite('%s')", rows[i].site);
		snprintf(line, sizeof line, "\r\nLocation: %s\r\n", rows[i].location);
		answers(rule, "HTTP/1.1 301 Moved Permanently\r\n", line);
	}
	expect_has("\r\nContent-Length: 0\r\n");
}

Test(api_http_answer, change_site_does_nothing_where_the_request_is_there)
{
	api_unit_passes("http.changeSite('shop.EXAMPLE') http.changeSite('shop.example:8080')\n"
			"http.changeSite('HTTP://shop.example:8080/')\n"
			"http.changeSite('http://shop.example:8080/a%20b')\n"
			"http.changeSite('http://shop.example:8080/a%20b/')");
	api_unit_request("GET /shop/x HTTP/1.1\r\nHost: a\r\n\r\n");
	api_unit_passes("http.changeSite('http://a:80/shop') http.changeSite('http://a')");
	cr_expect(slice_is_absent(api_unit_txn->answer));
	api_unit_request("GET /x HTTP/1.0\r\n\r\n");
	answers("http.changeSite('a')", "HTTP/1.1 301", "\r\nLocation: http://a/x\r\n");
	api_unit_request("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n");
	answers("http.changeSite('a')", "HTTP/1.1 301", "\r\nLocation: http://a/\r\n");
}

Test(api_http_answer, change_site_refuses)
{
	static const char *const sites[] = {
		"",        "a b",         "a:0",          "a:99999",
		"http://", "http:///x",   "http://a/x y", "http://a/x?y",
		"u@a",     "a\\r\\nX: y", "://a",
	};
	char rule[100];
	for (size_t i = 0; i < sizeof sites / sizeof *sites; i++) {
		snprintf(rule, sizeof rule, "http.changeSite('%s')", sites[i]);
		api_unit_fails(rule, "http.changeSite: argument 1 (site): expected ");
	}
	api_unit_fails("http.changeSite('ftp://a')",
		       "expected the scheme http or https, got 'ftp'");
	api_unit_fails("http.changeSite()", "argument 1 (site): expected a string");
}
