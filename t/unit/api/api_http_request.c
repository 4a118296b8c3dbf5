/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "http/http_write.h"

#include <criterion/criterion.h>

static void open_with_request(void)
{
	api_unit_open();
	api_unit_request("POST /a%20b//c?q=1&r=%41+x HTTP/1.1\r\n"
			 "Host: Shop.Example.:8080\r\n"
			 "X-One: 1\r\n"
			 "x-two: a\r\n"
			 "Content-Length: 3\r\n"
			 "X-TWO: b\r\n"
			 "X-Empty:\r\n"
			 "Cookie: id=7; lang=de\r\n"
			 "Cookie: id=8\r\n"
			 "\r\n");
}

TestSuite(api_http_request, .init = open_with_request, .fini = api_unit_close);

/* What a node would get. */
static const char *forwarded(void)
{
	struct txn *t = api_unit_txn;
	struct http_additions add = { .body = t->request.body,
				      .content_length = t->request.content_length };
	return arena_copy(&t->arena, http_write_request(&t->arena, &t->request, &add)).at;
}

static void expect_line(const char *line)
{
	size_t len = strlen(line);
	const char *head = forwarded();
	cr_expect(strncmp(head, line, len) == 0 && head[len] == '\r', "%s, not %s", head, line);
}

static void expect_has(const char *part)
{
	cr_expect_not_null(strstr(forwarded(), part), "'%s' is not in %s", part, forwarded());
}

static void expect_lacks(const char *part)
{
	cr_expect_null(strstr(forwarded(), part), "'%s' is in %s", part, forwarded());
}

Test(api_http_request, reads_the_request_line_in_every_phase)
{
	static const char rule[] = "assert(http.getMethod() == 'POST')\n"
				   "assert(http.getPath() == '/a b//c')\n"
				   "assert(http.getQueryString() == 'q=1&r=A+x')\n"
				   "assert(http.getRawQueryString() == 'q=1&r=%41+x')\n"
				   "assert(http.getRawURL() == '/a%20b//c?q=1&r=%41+x')\n"
				   "assert(http.getVersion() == '1.1')\n"
				   "assert(http.getHostHeader() == 'shop.example')\n"
				   "assert(http.getHeader('x-one') == '1')\n"
				   "assert(http.getCookie('id') == '7')\n"
				   "assert(http.normalizePath('/a/../b') == '/b')\n"
				   "assert(http.getRequest():find('^POST '))\n";
	api_unit_passes(rule);
	api_unit_response("HTTP/1.1 200 OK\r\n\r\n");
	api_unit_passes_in(RULE_RESPONSE, rule);
	api_unit_passes_in(RULE_COMPLETION, rule);
}

Test(api_http_request, without_query_host_and_headers_all_is_absent)
{
	api_unit_request("GET / HTTP/1.0\r\n\r\n");
	api_unit_passes("assert(http.getQueryString() == nil and http.getRawQueryString() == nil)\n"
			"assert(http.getHostHeader() == nil and http.getVersion() == '1.0')\n"
			"assert(http.getHeader('Host') == nil and not http.headerExists('Host'))\n"
			"assert(next(http.getHeaders()) == nil and #http.listHeaderNames() == 0)\n"
			"assert(http.getCookie('id') == nil and next(http.getCookies()) == nil)\n"
			"assert(http.getRequest() == 'GET / HTTP/1.0\\r\\n\\r\\n')\n"
			"assert(http.getRawURL() == '/')\n");
	api_unit_request("GET /? HTTP/1.0\r\n\r\n");
	api_unit_passes("assert(http.getQueryString() == '' and http.getRawURL() == '/?')");
	api_unit_request("GET http://A:81/x?y HTTP/1.1\r\nHost: a:81\r\n\r\n");
	api_unit_passes("assert(http.getPath() == '/x' and http.getRawURL() == '/x?y')\n"
			"assert(http.getHostHeader() == 'a')");
	api_unit_request("GET / HTTP/1.1\r\nHost: [FD00::1]:81\r\n\r\n");
	api_unit_passes("assert(http.getHostHeader() == '[fd00::1]')");
}

Test(api_http_request, set_method)
{
	api_unit_passes("http.setMethod('PURGE') assert(http.getMethod() == 'PURGE')");
	cr_expect_eq(api_unit_txn->request.method_id, HTTP_METHOD_OTHER);
	expect_line("PURGE /a%20b//c?q=1&r=%41+x HTTP/1.1");
	api_unit_passes("http.setMethod('GET')");
	cr_expect_eq(api_unit_txn->request.method_id, HTTP_METHOD_GET);
	api_unit_fails("http.setMethod('CONNECT')",
		       "argument 1 (method): a request cannot become a CONNECT");
	api_unit_fails("http.setMethod('A B')", "expected a method, got 'A B'");
	api_unit_fails("http.setMethod('')", "expected a method");
	api_unit_fails("http.setMethod()", "expected a string, got nothing");
	api_unit_request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
	api_unit_fails("http.setMethod('GET')", "the path '*' is for OPTIONS only");
	api_unit_passes("http.setPath('/x') http.setMethod('GET')");
	expect_line("GET /x HTTP/1.1");
}

Test(api_http_request, set_path_encodes_and_raw_checks)
{
	static const struct {
		const char *call, *line;
	} rows[] = {
		{ "http.setPath('/x y')", "POST /x%20y?q=1&r=%41+x HTTP/1.1" },
		{ "http.setPath(http.getPath())", "POST /x%20y?q=1&r=%41+x HTTP/1.1" },
		{ "http.setPath('/100%')", "POST /100%25?q=1&r=%41+x HTTP/1.1" },
		{ "http.setPath(http.getPath())", "POST /100%25?q=1&r=%41+x HTTP/1.1" },
		{ "http.setEscapedPath('/\\r\\n\\0\\195\\164%41')",
		  "POST /%0D%0A%00%C3%A4%2541?q=1&r=%41+x HTTP/1.1" },
		{ "http.setPath('/a?b c?d=%41')", "POST /a?b%20c?d=%2541 HTTP/1.1" },
		{ "http.setPath('/b')", "POST /b?b%20c?d=%2541 HTTP/1.1" },
		{ "http.setRawPath('/r%41%')", "POST /r%41%?b%20c?d=%2541 HTTP/1.1" },
		{ "http.setRawPath('/r?s=%41\\\\')", "POST /r?s=%41\\ HTTP/1.1" },
		{ "http.setRawPath('/t?')", "POST /t? HTTP/1.1" },
		{ "http.setQueryString('x=a b&y=%+')", "POST /t?x=a%20b&y=%25+ HTTP/1.1" },
		{ "http.setQueryString(nil)", "POST /t HTTP/1.1" },
		{ "http.setQueryString('')", "POST /t? HTTP/1.1" },
		{ "http.setRawQueryString('%41=?/')", "POST /t?%41=?/ HTTP/1.1" },
		{ "http.setRawQueryString()", "POST /t HTTP/1.1" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		api_unit_passes(rows[i].call);
		expect_line(rows[i].line);
	}
}

Test(api_http_request, a_bad_path_changes_nothing)
{
	api_unit_fails("http.setPath('x')",
		       "argument 1 (path): expected a path that begins with '/', got 'x'");
	api_unit_fails("http.setPath('')", "expected a path that begins with '/'");
	api_unit_fails("http.setPath('?a')", "expected a path that begins with '/'");
	api_unit_fails("http.setRawPath('*')", "expected a path that begins with '/'");
	api_unit_fails("http.setRawPath('/ HTTP/1.1')", "cannot stand in a URL");
	api_unit_fails("http.setRawPath('/a\\r\\nX: y')", "cannot stand in a URL");
	api_unit_fails("http.setRawPath('/x?a#b')", "cannot stand in a URL");
	api_unit_fails("http.setRawPath('/x\\0')", "cannot stand in a URL");
	api_unit_fails("http.setRawQueryString('a b')", "argument 1 (query): ");
	api_unit_fails("http.setQueryString({})", "expected a string, got table");
	expect_line("POST /a%20b//c?q=1&r=%41+x HTTP/1.1");
}

Test(api_http_request, normalize_path)
{
	api_unit_passes(
		"assert(http.normalizePath('/a//b/./c/../d') == '/a/b/d')\n"
		"assert(http.normalizePath('/%7euser?x=/../') == '/~user?x=/../')\n"
		"assert(http.normalizePath('/a/../..') == nil)\n"
		"assert(http.normalizePath('/%2e%2e/x') == nil)\n"
		"assert(http.normalizePath('a') == nil and http.normalizePath('') == nil)\n"
		"assert(http.normalizePath('/%4') == nil and http.normalizePath('/%00') == nil)\n"
		"assert(http.normalizePath('/a/..%2fb') == nil and http.normalizePath('/<') == nil)\n");
	api_unit_fails("http.normalizePath()", "argument 1 (path): expected a string");
}

Test(api_http_request, reads_headers)
{
	api_unit_passes(
		"assert(http.getHeader('X-Two') == 'a, b')\n"
		"assert(http.getHeader('COOKIE') == 'id=7; lang=de; id=8')\n"
		"assert(http.getHeader('X-Empty') == '' and http.headerExists('x-empty') == true)\n"
		"assert(http.getHeader('X-None') == nil and http.headerExists('X-None') == false)\n"
		"local all = http.getHeaders()\n"
		"assert(all['x-two'] == 'a, b' and all['x-empty'] == '' and all['X-Two'] == nil)\n"
		"assert(all.host == 'Shop.Example.:8080' and all['content-length'] == '3')\n"
		"local names = table.concat(http.listHeaderNames(), ' ')\n"
		"assert(names == 'Host X-One x-two Content-Length X-Empty Cookie')\n"
		"assert(http.getRequest() == 'POST /a%20b//c?q=1&r=%41+x HTTP/1.1\\r\\n'\n"
		"  .. 'Host: Shop.Example.:8080\\r\\nX-One: 1\\r\\nx-two: a\\r\\nContent-Length: 3\\r\\n'\n"
		"  .. 'X-TWO: b\\r\\nX-Empty: \\r\\nCookie: id=7; lang=de\\r\\nCookie: id=8\\r\\n\\r\\n')\n");
	api_unit_fails("http.getHeader()", "argument 1 (name): expected a string");
	api_unit_fails("http.headerExists({})", "argument 1 (name): expected a string");
}

Test(api_http_request, writes_headers)
{
	api_unit_passes("http.setHeader('X-Two', ' c\\t') assert(http.getHeader('x-two') == 'c')\n"
			"http.addHeader('X-One', 2) assert(http.getHeader('x-one') == '1, 2')\n"
			"http.removeHeader('x-EMPTY') assert(not http.headerExists('X-Empty'))\n"
			"http.removeHeader('X-None')\n"
			"http.setHeader('X-New', '') assert(http.getHeader('X-New') == '')\n");
	expect_has("\r\nX-Two: c\r\n");
	expect_has("\r\nX-One: 1\r\n");
	expect_has("\r\nX-One: 2\r\n");
	expect_has("\r\nX-New: \r\n");
	expect_lacks("X-TWO");
	expect_lacks("X-Empty");
}

Test(api_http_request, what_was_set_outlives_the_rule)
{
	api_unit_passes(
		"for i = 1, 20 do http.setHeader('X-' .. i, 'value ' .. i) end\n"
		"http.setPath('/p' .. 1) http.setMethod('M' .. 2) http.setCookie('c' .. 3, 'v' .. 4)");
	api_unit_passes("local junk = {} for i = 1, 5000 do junk[i] = 'junk ' .. i end");
	expect_line("M2 /p1?q=1&r=%41+x HTTP/1.1");
	expect_has("\r\nX-17: value 17\r\n");
	expect_has("c3=v4");
}

Test(api_http_request, headers_that_nobody_may_write)
{
	static const char *const ours[] = {
		"Content-Length", "transfer-encoding", "CONNECTION", "Keep-Alive",       "TE",
		"Trailer",        "Upgrade",           "Expect",     "Proxy-Connection",
	};
	char rule[200];
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
		snprintf(rule, sizeof rule, "http.setHeader('%s', 'x')", ours[i]);
		api_unit_fails(rule, "argument 1 (name): header '");
		snprintf(rule, sizeof rule, "http.addHeader('%s', 'x')", ours[i]);
		api_unit_fails(rule, "is written by weir itself");
		snprintf(rule, sizeof rule, "http.removeHeader('%s')", ours[i]);
		api_unit_fails(rule, "is written by weir itself");
	}
	api_unit_fails("http.setHeader('Proxy-Authorization', 'x')", "would not be forwarded");
	expect_has("\r\nContent-Length: 3\r\n");
}

Test(api_http_request, names_and_values_are_checked)
{
	static const char *const names[] = { "", "a b", "a:", "a\\n", "a\\0", "\\195\\164" };
	static const char *const values[] = { "a\\rb", "a\\nX: y", "a\\0", "\\1", "\\127" };
	char rule[200];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(rule, sizeof rule, "http.setHeader('%s', 'x')", names[i]);
		api_unit_fails(rule, "argument 1 (name): expected a header name");
	}
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		snprintf(rule, sizeof rule, "http.addHeader('X-One', '%s')", values[i]);
		api_unit_fails(rule, "argument 2 (value): expected text without CR, LF, NUL");
	}
	api_unit_fails("http.setHeader('X-One')",
		       "argument 2 (value): expected a string, got nothing");
	api_unit_fails("http.setHeader('X-One', true)",
		       "argument 2 (value): expected a string, got boolean");
	api_unit_passes(
		"http.setHeader('X-One', '\\195\\164') assert(http.getHeader('x-one') == '\\195\\164')");
}

Test(api_http_request, host_is_one_and_valid)
{
	api_unit_passes(
		"http.setHeader('Host', 'other:81') assert(http.getHostHeader() == 'other')");
	cr_expect(slice_is_equal(api_unit_txn->request.authority, SLICE("other:81")));
	expect_has("\r\nHost: other:81\r\n");
	expect_lacks("Shop");
	api_unit_fails("http.setHeader('host', 'a b')",
		       "argument 2 (value): expected a host or host:port, got 'a b'");
	api_unit_fails("http.setHeader('host', 'u@a')", "expected a host or host:port");
	api_unit_fails("http.setHeader('host', '')", "expected a host or host:port");
	api_unit_fails("http.addHeader('Host', 'b')", "a request has one Host");
	api_unit_fails("http.removeHeader('host')", "a request needs its Host");
	expect_has("\r\nHost: other:81\r\n");
	api_unit_request("GET / HTTP/1.0\r\n\r\n");
	api_unit_fails("http.addHeader('Host', '/')", "expected a host or host:port");
	api_unit_passes("http.addHeader('Host', 'b') assert(http.getHostHeader() == 'b')");
	expect_has("\r\nHost: b\r\n");
}

Test(api_http_request, scrub_keeps_what_is_named)
{
	api_unit_passes("http.scrubRequestHeaders('X-two', 'X-None')\n"
			"local names = table.concat(http.listHeaderNames(), ' ')\n"
			"assert(names == 'Host x-two Content-Length', names)\n"
			"assert(http.getHeader('x-two') == 'a, b')");
	api_unit_fails("http.scrubRequestHeaders()",
		       "argument 1 (name): expected a string, got nothing");
	api_unit_fails("http.scrubRequestHeaders('X-One', {})", "expected a string, got table");
	api_unit_passes("assert(http.getHeader('x-two') == 'a, b')");
}

Test(api_http_request, cookies)
{
	api_unit_passes("local all = http.getCookies()\n"
			"assert(all.id == '7' and all.lang == 'de')\n"
			"assert(http.getCookie('ID') == nil)\n"
			"http.setCookie('id', '9') assert(http.getCookie('id') == '9')\n"
			"assert(http.getHeader('Cookie') == 'id=9; lang=de')\n"
			"http.setCookie('new', '\"q\"')\n"
			"http.removeCookie('lang') http.removeCookie('none')\n"
			"assert(http.getHeader('Cookie') == 'id=9; new=\"q\"')\n"
			"http.removeCookie('id') http.removeCookie('new')\n"
			"assert(not http.headerExists('Cookie'))\n");
	expect_lacks("Cookie");
	api_unit_fails("http.setCookie('a b', 'x')",
		       "argument 1 (name): expected a cookie name, got 'a b'");
	api_unit_fails("http.setCookie('a', 'x; y')", "argument 2 (value): expected text without");
	api_unit_fails("http.setCookie('a', 'x\\n')", "argument 2 (value): expected text without");
	api_unit_fails("http.setCookie('a')", "argument 2 (value): expected a string");
	api_unit_fails("http.getCookie()", "argument 1 (name): expected a string");
}

Test(api_http_request, set_idempotent)
{
	cr_expect_not(txn_is_idempotent(api_unit_txn));
	api_unit_passes("http.setIdempotent(true)");
	cr_expect(txn_is_idempotent(api_unit_txn));
	api_unit_passes("http.setMethod('GET') http.setIdempotent(false)");
	cr_expect_not(txn_is_idempotent(api_unit_txn));
	api_unit_fails("http.setIdempotent(1)",
		       "argument 1 (resend): expected a boolean, got number");
}

Test(api_http_request, changes_come_too_late_in_other_phases)
{
	static const char *const rules[] = {
		"http.setMethod('GET')",    "http.setPath('/')",
		"http.setEscapedPath('/')", "http.setRawPath('/')",
		"http.setQueryString('a')", "http.setRawQueryString('a')",
		"http.setHeader('a', 'b')", "http.addHeader('a', 'b')",
		"http.removeHeader('a')",   "http.scrubRequestHeaders('a')",
		"http.setCookie('a', 'b')", "http.removeCookie('a')",
	};
	char rule[200];
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		/* the name is made up at run time, or it would not even load */
		char name[60];
		size_t len = strcspn(rules[i] + 5, "(");
		snprintf(name, sizeof name, "%.*s", (int)len, rules[i] + 5);
		snprintf(rule, sizeof rule, "local f = http f['%s']%s", name, rules[i] + 5 + len);
		api_unit_fails_in(RULE_RESPONSE, rule, "makes no sense in a response rule");
		api_unit_fails_in(RULE_COMPLETION, rule, "makes no sense in a completion rule");
	}
}

Test(api_http_request, a_rule_cannot_fill_the_machine)
{
	api_unit_fails("local big = ('x'):rep(1000000)\n"
		       "for i = 1, 100000 do http.setHeader('X-One', big) end",
		       "http.setHeader: ");
	cr_expect_leq(api_unit_txn->arena.total, 32u << 20);
}

/* What CGI would take for the same header goes with the one that a rule sets or removes. */
Test(api_http_request, headers_that_look_alike_go_with_those_that_rules_write)
{
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\nX_User: mallory\r\nx.user: mallory\r\n"
			 "X-Group: a\r\nX_Group: b\r\nX_Other: c\r\n\r\n");
	api_unit_passes("http.setHeader('X-User', 'alice') http.removeHeader('x-group')");
	expect_has("\r\nX-User: alice\r\n");
	expect_lacks("mallory");
	expect_lacks("roup");
	expect_has("\r\nX_Other: c\r\n");
	api_unit_passes("http.addHeader('X-Other', 'd')");
	expect_lacks("X_Other");
}
