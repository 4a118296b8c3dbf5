# SPDX-License-Identifier: Apache-2.0
"""http.*, function by function: what rules read of requests and answers, and what node and client get of
what they write."""
import pytest

from lab.caller import Caller, Failed

HEADERS = ("X-One: 1\r\nx-two: 2\r\nX-ONE: 3\r\nX-Empty:\r\nCookie: a=1; b=\"2\"; a=3\r\nCookie: c=%20\r\n")


@pytest.fixture
def call(bench):
    return Caller(bench)


def ask(call, *wanted, **request):
    """One result of each function of that name, called without arguments."""
    return [found[0] for found in call.all([(name,) for name in wanted], **request)]


def test_the_request_line(call):
    names = ("http.getMethod", "http.getPath", "http.getQueryString", "http.getRawQueryString", "http.getRawURL",
             "http.getVersion", "http.getHostHeader")
    for target, path, query, raw_query, url in [
            ("/a%20b/../%7Ec?x=%41+b&y", "/~c", "x=A+b&y", "x=%41+b&y", "/~c?x=%41+b&y"),
            ("/a%2Fb//c", "/a/b//c", None, None, "/a%2Fb//c"), ("/?", "/", "", "", "/?"),
            ("http://test/x?a?b", "/x", "a?b", "a?b", "/x?a?b")]:
        assert ask(call, *names, target=target, method="PUT") == ["PUT", path, query, raw_query, url, "1.1", "test"]
    assert ask(call, "http.getHostHeader", host="WWW.Example.com.:8080") == ["www.example.com"]
    assert ask(call, "http.getHostHeader", host="[FD00::1]:8080") == ["[fd00::1]"]
    call.client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n"
                     'X-Call-REQUEST: [{"f": "http.getHostHeader", "a": []}, {"f": "http.getVersion", "a": []}]\r\n\r\n')
    assert call.client.response().status == 200
    assert call.node.requests[-1].get("X-Answer") == '[[true,null],[true,{"s":"312e30"}]]'


@pytest.mark.parametrize("calls, target", [
    ([("http.setPath", "/a b%?c=d e%&é")], "/a%20b%25?c=d%20e%25&%E9"),
    ([("http.setEscapedPath", "/a b%")], "/a%20b%25?old=1"),
    ([("http.setRawPath", "/a%20b/../c?x=%zz")], "/a%20b/../c?x=%zz"),
    ([("http.setRawPath", "/a")], "/a?old=1"),
    ([("http.setQueryString", "a=b c%+&d")], "/old?a=b%20c%25+&d"),
    ([("http.setQueryString",)], "/old"), ([("http.setQueryString", "")], "/old?"),
    ([("http.setRawQueryString", "a=%41+b")], "/old?a=%41+b"), ([("http.setRawQueryString", None)], "/old"),
])
def test_another_target(call, calls, target):
    results = call.all([*calls, ("http.getRawURL",)], target="/old?old=1")
    assert results[-1] == [target] and call.request.target == target


def test_targets_that_are_none(call):
    for name, text in [("http.setPath", "a"), ("http.setPath", ""), ("http.setEscapedPath", "?a"), ("http.setRawPath", "/a b"),
                       ("http.setRawPath", "/a\0"), ("http.setRawPath", "/\xe9"), ("http.setRawPath", "/a#b"),
                       ("http.setRawPath", "/a?b c"), ("http.setRawQueryString", "a b"), ("http.setRawQueryString", "#")]:
        with pytest.raises(Failed, match=rf"{name}: argument 1 \(\w+\): "):
            call(name, text, target="/old?x")
        assert call.request.target == "/old?x"


def test_paths_in_normal_form(call):
    table = {"/a//b/./c/../d": "/a/b/d", "/%7e%2f%2F": "/~%2F%2F", "/a?b//c": "/a?b//c", "/..": None, "/a/../../b": None,
             "a": None, "": None, "/%": None, "/%zz": None, "/a\n": None, "/a/%2e%2e/b": "/b", "/%00": None}
    for path, normal in table.items():
        assert call("http.normalizePath", path) == [normal], path


def test_another_method(call):
    assert call.all([("http.setMethod", "OPTIONS"), ("http.getMethod",)]) == [[], ["OPTIONS"]]
    assert call.request.method == "OPTIONS"
    for method in ("CONNECT", "A B", ""):
        with pytest.raises(Failed, match=r"http.setMethod: argument 1 \(method\): "):
            call("http.setMethod", method)


def test_headers_of_the_request(call):
    results = call.all([
        ("http.getHeader", "x-one"), ("http.getHeader", "X-Empty"), ("http.getHeader", "X-None"), ("http.getHeader", "Cookie"),
        ("http.headerExists", "X-EMPTY"), ("http.headerExists", "X-None"), ("http.getHeaders",), ("http.listHeaderNames",),
        ("http.getRequest",)], headers=HEADERS, target="/a?b")
    one, empty, none, cookie, exists, misses, [every], [names], [text] = results
    assert (one, empty, none) == (["1, 3"], [""], [None])
    assert cookie == ['a=1; b="2"; a=3; c=%20'] and (exists, misses) == ([True], [False])
    assert every["x-one"] == "1, 3" and every["x-empty"] == "" and every["host"] == "test" and every["cookie"] == cookie[0]
    assert names == ["Host", "X-One", "x-two", "X-Empty", "Cookie", "X-Call-REQUEST"] and set(every) == {
        name.lower() for name in names}
    assert text.startswith("GET /a?b HTTP/1.1\r\nHost: test\r\nX-One: 1\r\nx-two: 2\r\nX-ONE: 3\r\n")
    assert text.endswith("\r\n\r\n")


def test_other_headers_for_the_node(call):
    call.all([("http.setHeader", "X-One", " new "), ("http.addHeader", "x-two", "more"), ("http.addHeader", "X-New", "n"),
              ("http.removeHeader", "x-EMPTY"), ("http.setHeader", "Host", "other.example:81")],
             headers=HEADERS + "X_One: fake\r\n")
    sent = call.request
    assert sent.all("X-One") == ["new"] and sent.all("X-Two") == ["2", "more"] and sent.all("X-New") == ["n"]
    assert not sent.all("X-Empty") and not sent.all("X_One") and sent.all("Host") == ["other.example:81"]
    call.all([("http.scrubRequestHeaders", "x-two", "X-Call-REQUEST")], headers=HEADERS)
    names = {name.lower() for name, _ in call.request.headers}
    assert "x-two" in names and "host" in names and not names & {"x-one", "x-empty", "cookie"}


OURS = ["Content-Length", "Transfer-Encoding", "Connection", "connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Expect",
        "Proxy-Connection"]


@pytest.mark.parametrize("phase, set_, add, remove", [
    ("request", "http.setHeader", "http.addHeader", "http.removeHeader"),
    ("response", "http.setResponseHeader", "http.addResponseHeader", "http.removeResponseHeader")])
def test_headers_that_are_not_the_rules_to_write(call, phase, set_, add, remove):
    names = [*OURS, "", "a b", "a:", "a\r\n", "\xe9"]
    for name in (set_, add):
        for header, found in zip(names, call.all([(name, header, "v") for header in names], phase=phase)):
            assert isinstance(found, Failed) and f"{name}: argument 1 (name): " in str(found), header
        for value in ("a\r\nb", "a\nb", "a\0", "\x7f", "\x01"):
            with pytest.raises(Failed, match=rf"{name}: argument 2 \(value\): expected text without CR, LF, NUL"):
                call(name, "X-A", value, phase=phase)
    for header in ("Content-Length", "Transfer-Encoding", "Connection"):
        with pytest.raises(Failed, match=rf"{remove}: argument 1 \(name\): header '{header}' is written by weir itself"):
            call(remove, header, phase=phase)
    if phase == "request":
        with pytest.raises(Failed, match="argument 1 .name.: a request has one Host"):
            call("http.addHeader", "Host", "a")
        with pytest.raises(Failed, match="argument 1 .name.: a request needs its Host"):
            call("http.removeHeader", "Host")
        for host in ("", "a b", "a:x", "user@host", "a/b"):
            with pytest.raises(Failed, match="argument 2 .value.: expected a host or host:port"):
                call("http.setHeader", "Host", host)


def test_cookies_of_the_request(call):
    assert call.all([("http.getCookie", "a"), ("http.getCookie", "b"), ("http.getCookie", "c"), ("http.getCookie", "A"),
                     ("http.getCookies",)], headers=HEADERS) == [
        ["1"], ['"2"'], ["%20"], [None], [{"a": "1", "b": '"2"', "c": "%20"}]]
    call.all([("http.setCookie", "a", "new"), ("http.setCookie", "d", "4"), ("http.removeCookie", "b")], headers=HEADERS)
    sent = "; ".join(call.request.all("Cookie"))
    assert sorted(sent.split("; ")) == ["a=new", "c=%20", "d=4"]
    for name, value in [("a b", "1"), ("", "1"), ("a=", "1")]:
        with pytest.raises(Failed, match=r"http.setCookie: argument 1 \(name\): expected a cookie name"):
            call("http.setCookie", name, value)
    for value in ("a b", 'a"', "a,b", "a;b", "a\\", "\x01", "\xe9"):
        with pytest.raises(Failed, match=r"http.setCookie: argument 2 \(value\): expected text without"):
            call("http.setCookie", "a", value)


ANSWER = ("X-One: 1\r\nx-two: 2\r\nX-ONE: 3\r\nSet-Cookie: a=1; Path=/x; Secure\r\nSet-Cookie: b=2\r\n"
          "Set-Cookie: a=3\r\n")


@pytest.fixture
def answered(bench):
    return Caller(bench, lambda x: x.reply(203, b"body", ANSWER))


@pytest.mark.parametrize("phase", ["response", "completion"])
def test_what_a_node_answered(answered, phase):
    code, version, [text], one, none, exists, misses, [every], [names], a, c, cookies = answered.all([
        ("http.getResponseCode",), ("http.getResponseVersion",), ("http.getResponse",), ("http.getResponseHeader", "x-one"),
        ("http.getResponseHeader", "x-none"), ("http.responseHeaderExists", "X-Two"), ("http.responseHeaderExists", "x"),
        ("http.getResponseHeaders",), ("http.listResponseHeaderNames",), ("http.getResponseCookie", "a"),
        ("http.getResponseCookie", "c"), ("http.getResponseCookies",)], phase=phase)
    assert (code, version, one, none, exists, misses) == ([203], ["1.1"], ["1, 3"], [None], [True], [False])
    assert text.startswith("HTTP/1.1 203 Said So\r\nX-One: 1\r\nx-two: 2\r\n") and text.endswith("\r\n\r\n")
    assert every["x-one"] == "1, 3" and every["set-cookie"] == "a=1; Path=/x; Secure"
    assert names[:3] == ["X-One", "x-two", "Set-Cookie"] and a == ["1"] and c == [None] and cookies == [{"a": "1", "b": "2"}]


def test_completion_rules_where_no_node_answered(bench):
    call = Caller(bench, rules={"own": 'http.sendResponse(418, "text/plain", "no")'},
                  vserver={"request_rules": ["own"]})
    assert ask(call, "http.getResponseCode", "http.getResponseVersion", "http.getResponse", "http.getResponseHeaders",
               "http.listResponseHeaderNames", "http.getResponseCookies", phase="completion") == [418, *[None] * 5]
    assert call.all([("http.getResponseHeader", "a"), ("http.responseHeaderExists", "a"), ("http.getResponseCookie", "a"),
                     ("http.getResponseBody",)], phase="completion") == [[None], [False], [None], [None]]
    assert call.response.status == 418


def test_another_answer_for_the_client(answered):
    answered.all([("http.setResponseHeader", "X-One", "new"), ("http.addResponseHeader", "x-two", "more"),
                  ("http.addResponseHeader", "X-New", "n"), ("http.addResponseHeader", "Set-Cookie", "e=5"),
                  ("http.setResponseCookie", "b", "22", "Path=/; Secure"), ("http.setResponseCookie", "a", "11"),
                  ("http.setResponseCode", 404)], phase="response")
    got = answered.response
    assert (got.status, got.reason) == (404, "Not Found")
    assert got.all("X-One") == ["new"] and got.all("X-Two") == ["2, more"] and got.all("X-New") == ["n"]
    cookies = got.all("Set-Cookie")
    assert "a=11; Path=/x; Secure" in cookies and "b=22; Path=/; Secure" in cookies and "e=5" in cookies
    answered.all([("http.removeResponseHeader", "x-ONE"), ("http.removeResponseCookie", "a"),
                  ("http.setResponseCode", 299, "As It Is")], phase="response")
    got = answered.response
    assert (got.status, got.reason, got.all("X-One"), got.all("Set-Cookie")) == (299, "As It Is", [], ["b=2"])
    answered.all([("http.scrubResponseHeaders", "X-two")], phase="response")
    assert {name.lower() for name, _ in answered.response.headers} <= {"x-two", "x-answer", "content-length", "date", "via"}
    assert answered.response.body == b"body"


def test_codes_that_are_none(call):
    for phase in ("request", "response"):
        for code in (199, 600, 0):
            with pytest.raises(Failed, match=r"http.setResponseCode: argument 1 \(code\): expected a number from 200 to 599"):
                call("http.setResponseCode", code, phase=phase)
        with pytest.raises(Failed, match=r"http.setResponseCode: argument 2 \(message\): expected text without CR"):
            call("http.setResponseCode", 200, "a\r\nb", phase=phase)
        for options in ("a\n", "a\0"):
            with pytest.raises(Failed, match=r"http.setResponseCookie: argument 3 \(options\): expected text without CR"):
                call("http.setResponseCookie", "a", "b", options, phase=phase)


# What a function for streams says on HTTP, which has another in its place.
STREAMS = {"request.get": "http.getBody(), http.getRequest() for the head", "request.getLine": "http.getBodyLines()",
           "request.endsAt": "nothing: the head says where a request ends",
           "request.endsWith": "nothing: the head says where a request ends", "request.set": "http.setBody(body)",
           "request.skip": "http.setBody(body)",
           "request.sendResponse": "http.sendResponse(code, type, body, headers)",
           "response.get": "http.getResponseBody(), http.getResponse() for the head",
           "response.getLine": "http.getResponseBodyLines()", "response.set": "http.setResponseBody(body)",
           "response.append": "http.setResponseBody(body)", "response.flush": "http.stream.writeResponse(data)",
           "response.close": "nothing: weir ends a node's connection when the answer says so"}


@pytest.mark.parametrize("phase", ["request", "response"])
def test_streams_have_other_functions(call, phase):
    for (name, instead), found in zip(STREAMS.items(), call.all([(name,) for name in STREAMS], phase=phase)):
        assert isinstance(found, Failed) and f"{name}: " in str(found)
        assert str(found).endswith(f"on HTTP write {instead}")
