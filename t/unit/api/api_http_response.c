/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include "http/http_write.h"

#include <criterion/criterion.h>

static void open_with_response(void)
{
	api_unit_open();
	api_unit_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	api_unit_response("HTTP/1.0 404 Nowhere To Be Seen\r\n"
			  "Content-Length: 3\r\n"
			  "X-One: 1\r\n"
			  "x-two: a\r\n"
			  "X-TWO: b\r\n"
			  "Set-Cookie: id=7; Path=/; Secure\r\n"
			  "Set-Cookie: id=8; Path=/x\r\n"
			  "Set-Cookie: lang=de\r\n"
			  "\r\n");
}

TestSuite(api_http_response, .init = open_with_response, .fini = api_unit_close);

/* What the client would get. */
static const char *forwarded(void)
{
	struct txn *t = api_unit_txn;
	struct http_additions add = { .body = t->response.body,
				      .content_length = t->response.content_length };
	return arena_copy(&t->arena, http_write_response(&t->arena, &t->response, &add)).at;
}

static void expect_has(const char *part)
{
	cr_expect_not_null(strstr(forwarded(), part), "'%s' is not in %s", part, forwarded());
}

static void expect_lacks(const char *part)
{
	cr_expect_null(strstr(forwarded(), part), "'%s' is in %s", part, forwarded());
}

static void passes(const char *text)
{
	api_unit_passes_in(RULE_RESPONSE, text);
}

static void fails(const char *text, const char *part)
{
	api_unit_fails_in(RULE_RESPONSE, text, part);
}

static const char reading[] =
	"assert(http.getResponseCode() == 404 and http.getResponseVersion() == '1.0')\n"
	"assert(http.getResponseHeader('X-Two') == 'a, b')\n"
	"assert(http.getResponseHeader('X-None') == nil)\n"
	"assert(http.getResponseHeader('set-cookie') == 'id=7; Path=/; Secure')\n"
	"assert(http.responseHeaderExists('x-one') == true)\n"
	"assert(http.responseHeaderExists('x-none') == false)\n"
	"local all = http.getResponseHeaders()\n"
	"assert(all['x-two'] == 'a, b' and all['set-cookie'] == 'id=7; Path=/; Secure')\n"
	"local names = table.concat(http.listResponseHeaderNames(), ' ')\n"
	"assert(names == 'Content-Length X-One x-two Set-Cookie', names)\n"
	"assert(http.getResponse() == 'HTTP/1.0 404 Nowhere To Be Seen\\r\\nContent-Length: 3\\r\\n'\n"
	"  .. 'X-One: 1\\r\\nx-two: a\\r\\nX-TWO: b\\r\\nSet-Cookie: id=7; Path=/; Secure\\r\\n'\n"
	"  .. 'Set-Cookie: id=8; Path=/x\\r\\nSet-Cookie: lang=de\\r\\n\\r\\n')\n"
	"assert(http.getResponseCookie('id') == '7' and http.getResponseCookie('none') == nil)\n"
	"local cookies = http.getResponseCookies()\n"
	"assert(cookies.id == '7' and cookies.lang == 'de')\n";

Test(api_http_response, reads_in_response_and_completion_rules)
{
	passes(reading);
	api_unit_passes_in(RULE_COMPLETION, reading);
	fails("http.getResponseHeader()", "argument 1 (name): expected a string, got nothing");
	fails("http.getResponseCookie({})", "argument 1 (name): expected a string, got table");
	api_unit_fails("local f = http f['getResponseCode']()", "makes no sense in a request rule");
}

Test(api_http_response, without_a_response_all_is_absent)
{
	api_unit_txn->has_response = false;
	api_unit_passes_in(
		RULE_COMPLETION,
		"assert(http.getResponseCode() == nil and http.getResponseVersion() == nil)\n"
		"assert(http.getResponse() == nil and http.getResponseHeader('a') == nil)\n"
		"assert(http.responseHeaderExists('a') == false)\n"
		"assert(http.getResponseHeaders() == nil)\n"
		"assert(http.listResponseHeaderNames() == nil)\n"
		"assert(http.getResponseCookie('a') == nil and http.getResponseCookies() == nil)");
}

Test(api_http_response, the_code_of_our_own_answer_is_seen_at_completion)
{
	api_unit_decides(RULE_RESPONSE, "http.sendResponse(418, nil, '')");
	api_unit_passes_in(RULE_COMPLETION, "assert(http.getResponseCode() == 418)");
}

Test(api_http_response, set_response_code)
{
	passes("http.setResponseCode(500) assert(http.getResponseCode() == 500)");
	expect_has("HTTP/1.1 500 Internal Server Error\r\n");
	passes("http.setResponseCode('201', 'Done ' .. 1)");
	expect_has("HTTP/1.1 201 Done 1\r\n");
	passes("http.setResponseCode(599)");
	expect_has("HTTP/1.1 599 Unknown\r\n");
	fails("http.setResponseCode(199)",
	      "argument 1 (code): expected a number from 200 to 599, got 199");
	fails("http.setResponseCode(600)", "expected a number from 200 to 599");
	fails("http.setResponseCode('x')", "argument 1 (code): expected a number");
	fails("http.setResponseCode(200, 'a\\r\\nb')",
	      "argument 2 (message): expected text without CR");
	expect_has("HTTP/1.1 599 Unknown\r\n");
}

Test(api_http_response, the_code_of_a_switch_of_protocols_stays)
{
	api_unit_response(
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	fails("http.setResponseCode(200)", "the response switches protocols");
	cr_expect_eq(api_unit_txn->response.status, 101);
}

Test(api_http_response, a_request_rule_wishes_a_code)
{
	api_unit_passes("http.setResponseCode(201)");
	cr_expect_eq(api_unit_txn->wishes.status, 201);
	cr_expect(slice_is_equal(api_unit_txn->wishes.reason, SLICE("Created")));
	cr_expect_eq(api_unit_txn->response.status, 404);
}

Test(api_http_response, writes_headers)
{
	passes("http.setResponseHeader('x-two', 'c') http.setResponseHeader('X-New', 5)\n"
	       "http.removeResponseHeader('X-ONE') http.removeResponseHeader('x-none')\n"
	       "assert(http.getResponseHeader('X-Two') == 'c')");
	expect_has("\r\nx-two: c\r\n");
	expect_has("\r\nX-New: 5\r\n");
	expect_lacks("X-TWO");
	expect_lacks("X-One");
	fails("http.setResponseHeader('Content-Length', '5')", "is written by weir itself");
	fails("http.addResponseHeader('Connection', 'close')", "is written by weir itself");
	fails("http.removeResponseHeader('transfer-encoding')", "is written by weir itself");
	fails("http.setResponseHeader('a b', '5')", "argument 1 (name): expected a header name");
	fails("http.setResponseHeader('a', '5\\n')",
	      "argument 2 (value): expected text without CR");
	fails("http.setResponseHeader('a')", "argument 2 (value): expected a string");
}

Test(api_http_response, add_goes_into_the_line_that_is_there)
{
	passes("http.addResponseHeader('X-Two', 'c') assert(http.getResponseHeader('x-two') == 'a, b, c')\n"
	       "http.addResponseHeader('X-New', '1') assert(http.getResponseHeader('x-new') == '1')\n"
	       "http.setResponseHeader('X-Empty', '') http.addResponseHeader('X-Empty', '2')\n"
	       "http.addResponseHeader('Set-Cookie', 'third=3')");
	expect_has("\r\nX-Two: a, b, c\r\n");
	expect_has("\r\nX-Empty: 2\r\n");
	expect_has("\r\nSet-Cookie: lang=de\r\n");
	expect_has("\r\nSet-Cookie: third=3\r\n");
}

Test(api_http_response, scrub_keeps_what_is_named)
{
	passes("http.scrubResponseHeaders('x-one', 'set-cookie')\n"
	       "local names = table.concat(http.listResponseHeaderNames(), ' ')\n"
	       "assert(names == 'Content-Length X-One Set-Cookie', names)");
	fails("http.scrubResponseHeaders()", "argument 1 (name): expected a string, got nothing");
}

Test(api_http_response, cookies)
{
	passes("http.setResponseCookie('id', '9') http.setResponseCookie('lang', 'en', '; Max-Age=5 ')\n"
	       "http.setResponseCookie('new', '1', 'HttpOnly')\n"
	       "assert(http.getResponseCookie('id') == '9' and http.getResponseCookie('new') == '1')");
	expect_has("\r\nSet-Cookie: id=9; Path=/; Secure\r\n");
	expect_lacks("id=8");
	expect_has("\r\nSet-Cookie: lang=en; Max-Age=5\r\n");
	expect_has("\r\nSet-Cookie: new=1; HttpOnly\r\n");
	passes("http.removeResponseCookie('id') assert(http.getResponseCookie('id') == nil)\n"
	       "http.removeResponseCookie('none') assert(http.getResponseCookie('lang') == 'en')");
	fails("http.setResponseCookie('a b', '1')", "argument 1 (name): expected a cookie name");
	fails("http.setResponseCookie('a', '1;')", "argument 2 (value): expected text without");
	fails("http.setResponseCookie('a', '1', 'Path=/\\r\\n')",
	      "argument 3 (options): expected text without CR");
}

Test(api_http_response, a_request_rule_wishes_cookies)
{
	api_unit_passes(
		"http.setResponseCookie('id', '1', 'Secure') http.setResponseCookie('id', '2')\n"
		"http.setResponseCookie('b', '3')");
	struct http_fields *wishes = &api_unit_txn->wishes.cookies;
	cr_assert_eq(wishes->count, 2);
	cr_expect(slice_is_equal(wishes->at[0].value, SLICE("id=2; Secure")));
	cr_expect(slice_is_equal(wishes->at[1].value, SLICE("b=3")));
	passes("assert(http.getResponseCookie('id') == '7')");
}

Test(api_http_response, changes_come_too_early_or_too_late_in_other_phases)
{
	static const char *const names[] = {
		"setResponseHeader",    "addResponseHeader",    "removeResponseHeader",
		"scrubResponseHeaders", "removeResponseCookie",
	};
	char rule[100];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(rule, sizeof rule, "local f = http f['%s']('a', 'b')", names[i]);
		api_unit_fails(rule, "makes no sense in a request rule");
		api_unit_fails_in(RULE_COMPLETION, rule, "makes no sense in a completion rule");
	}
	api_unit_fails_in(RULE_COMPLETION, "local f = http f['setResponseCode'](200)",
			  "makes no sense in a completion rule");
}
