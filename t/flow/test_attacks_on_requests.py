# SPDX-License-Identifier: Apache-2.0
"""Requests that try to mean one thing to weir and its rules and another to a node (rows 6, 7, 9 to 11
and 13 of the catalogue of attacks), or to cost far more than they weigh (rows 22 to 24)."""
import threading
import time

import pytest

from lab.attack import CHUNKED, GET, HONEST, POST, SMUGGLED, Target, head
from lab.http1 import Closed


def test_row_06_trailers_are_never_headers(target):
    """What frames, routes or authenticates goes; what is left stays a trailer."""
    trailers = ["Content-Length: 9", "Transfer-Encoding: chunked", "Host: b", "Authorization: x",
                "Cookie: a=b", "Connection: close", "TE: trailers", "Upgrade: x", "Expect: 100-continue",
                "X-Forwarded-For: 6.6.6.6", "X-Cluster-Client-Ip: 6.6.6.6", "Content-Type: a/b",
                "Cache-Control: no-store", "If-Match: x", "Max-Forwards: 0", "Via: x", "Trailer: x",
                "Content_Length: 9", "Content.Length: 9", "Checksum: 42"]
    seen = target.forwarded(f"{POST}{CHUNKED}\r\n3\r\nabc\r\n0\r\n" + "\r\n".join(trailers) + "\r\n\r\n",
                            head("POST /up HTTP/1.1", "Host: a", framing=["Transfer-Encoding: chunked"]),
                            b"abc")
    assert seen.trailers == [("Checksum", "42")]


def test_row_06_trailers_of_a_node_are_never_headers(bench):
    weir = bench.weir([bench.node(lambda x: x.chunked(b"abc", trailers="Content-Length: 9\r\nSet-Cookie: a=b\r\n"
                                                      "Location: /\r\nChecksum: 42\r\n"))])
    answer = bench.connect(weir).get("/", "TE: trailers\r\nConnection: TE\r\n")
    assert answer.trailers == [("Checksum", "42")] and answer.get("Set-Cookie") is None


def test_row_07_names_of_headers(target):
    for line in (": x", "", " : x", "A b: x", "A\xe4: x", "A(: x", "A\": x", "A{}: x", "A", "A;B: x"):
        if line:
            reason = "header_folded" if line.startswith(" ") else "header_name"
            target.refused(f"{GET}{line}\r\n\r\n", 400, reason)
    for name in ("Content_Length", "content_length", "Content.Length", "Transfer_Encoding", "X_Forwarded_For",
                 "X-Forwarded_For", "X_Cluster_Client_Ip", "Proxy_Connection", "Keep~Alive"):
        target.refused(f"{GET}{name}: 3\r\n\r\n", 400, "header_name")
    for name in ("n" * 300, "my_header", "a_b.c~d", "!#$%&'*+-.^_`|~"):
        target.forwarded(f"{GET}{name}: x\r\n\r\n", head("GET / HTTP/1.1", "Host: a", f"{name}: x"))


def test_row_07_what_a_rule_sets_has_no_double(bench):
    rule = 'http.setHeader("X-User", "alice") http.removeHeader("X-Admin")'
    target = Target(bench, request=rule)
    target.forwarded(f"{GET}X_User: mallory\r\nX.User: eve\r\nX_Admin: 1\r\nX-admin: 1\r\n\r\n",
                     head("GET / HTTP/1.1", "Host: a", "X-User: alice"))


@pytest.mark.parametrize("bad", ["BAD\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
                                 GET + "Content-Length: x\r\n\r\n", GET + "A: b\n\r\n",
                                 POST + CHUNKED + "\r\nx\r\n", GET + "Expect: x\r\n\r\n",
                                 "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"], ids=lambda text: repr(text[:20]))
def test_row_09_nothing_behind_a_refused_request_is_read(bench, bad):
    """However the bytes come: in one piece with it, behind the answer, or one by one."""
    target = Target(bench)
    for pieces in ([bad.encode() + SMUGGLED * 20], [bad.encode(), SMUGGLED], [HONEST + bad.encode() + SMUGGLED],
                   [bytes([byte]) for byte in bad.encode() + SMUGGLED]):
        client = bench.connect(target.weir)
        begins_honest = pieces[0].startswith(HONEST)
        try:
            client.send(*pieces)
        except (BrokenPipeError, ConnectionResetError):
            pass
        if begins_honest:
            assert client.response().status == 200
            assert target.line()["uri"] == "/honest"
            target.requests += 1
        try:
            assert client.response().status >= 400
            client.send(SMUGGLED)
        except (BrokenPipeError, ConnectionResetError, Closed):
            pass
        assert target.line()["end"] in ("bad_request", "bad_body")
        target.is_quiet(pieces)


def test_row_09_what_comes_late_does_not_destroy_the_refusal(bench):
    """weir listens on for a while, or the kernel would answer the late bytes with a reset."""
    target = Target(bench)
    client = bench.connect(target.weir)
    client.send(GET + "A: b\n\r\n")
    assert target.line()["reason"] == "line_end"
    for _ in range(3):
        client.send(SMUGGLED)
    assert (client.response().status, client.ending()) == (400, "end")
    target.is_quiet("late")


def test_row_09_nothing_behind_an_early_answer_is_read(bench):
    """The answer comes before the body: what the client says next is not yet a request."""
    def early(exchange):
        if exchange.request.method == "POST":
            exchange.reply(403, b"no", "Connection: close\r\n")
            exchange.close()
        else:
            exchange.reply()

    node = bench.node(early, early=True)
    weir = bench.weir([node])
    client = bench.connect(weir)
    client.send(POST + "Content-Length: 10000\r\n\r\n", SMUGGLED)
    assert client.response().status == 403
    assert client.ending() in ("end", "reset")
    assert bench.connect(weir).get("/honest").status == 200
    assert [request.target for request in node.requests] == ["/up", "/honest"]
    assert [line["uri"] for line in weir.wait_access(2)] == ["/up", "/honest"]


def test_row_09_nothing_behind_an_answer_of_a_rule_to_a_body_is_read(bench):
    target = Target(bench, request='if http.getMethod() == "POST" then http.sendResponse(403, "text/plain", "no") end')
    client = bench.connect(target.weir)
    client.send((POST + "Content-Length: 100\r\n\r\n").encode() + SMUGGLED)
    assert (client.response().status, client.ending()) == (403, "end")
    assert target.line()["end"] == "answered"
    target.is_quiet("body")


WEBSOCKET = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


def test_row_10_no_tunnel_without_101(bench):
    """The node says anything but 101 (wrong version, wrong key): it stays HTTP, rules and all."""
    for status in (200, 400, 426):
        target = Target(bench, lambda x: x.reply(status if x.request.get("Upgrade") else 200),
                        request='if http.getPath() == "/smuggled" then http.sendResponse(403, "text/plain", "no") end')
        client = bench.connect(target.weir)
        client.send((GET + WEBSOCKET.replace("13", "9999") + "\r\n").encode() + SMUGGLED)
        assert [client.response().status, client.response().status] == [status, 403]
        assert len(target.node.requests) == 1


def test_row_10_no_tunnel_before_101(bench):
    """CVE-2026-2833: what follows the request waits until the node has switched."""
    switch, wait = threading.Event(), threading.Event()

    def answer(exchange):
        exchange.connection.sock.settimeout(0.3)
        try:
            exchange.early = exchange.connection.reader.sock.recv(100)
        except TimeoutError:
            exchange.early = b""
        node.early_bytes = exchange.connection.reader.held + exchange.early
        exchange.connection.sock.settimeout(10)
        exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        node.late_bytes = exchange.connection.reader.exactly(len(SMUGGLED))
        switch.set()
        wait.wait(10)
        exchange.close()

    node = bench.node(answer, early=True)
    client = bench.connect(bench.weir([node]))
    client.send((GET + WEBSOCKET + "\r\n").encode() + SMUGGLED)
    assert client.head().status == 101
    assert switch.wait(10)
    wait.set()
    assert (node.early_bytes, node.late_bytes) == (b"", SMUGGLED)


@pytest.mark.parametrize("asked, answered", [
    ("", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    ("Upgrade: websocket\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
    (WEBSOCKET, "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    (WEBSOCKET, "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"),
    (WEBSOCKET, ""),
    ("Connection: Upgrade\r\nUpgrade: h2c\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n"),
    (WEBSOCKET + "Content-Length: 0\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
], ids=range(7))
def test_row_10_a_switch_that_was_not_asked_for(bench, asked, answered):
    def answer(exchange):
        exchange.send(f"HTTP/1.1 101 Switching Protocols\r\n{answered}\r\nraw bytes")

    node = bench.node(answer)
    weir = bench.weir([node], pool={"passive_monitoring": False})
    client = bench.connect(weir)
    client.send(f"{GET}{asked}\r\n")
    response = client.response()
    assert response.status == 502 and b"raw" not in response.raw + response.body
    line = weir.wait_access(1)[0]
    assert (line["end"], line["reason"]) == ("node_bad", "node_switch_unasked")
    assert node.wait_ended(0) in ("end", "reset")


def test_row_10_another_shape_of_http_is_not_offered_to_a_node(target):
    """Its requests would pass in the tunnel without a rule (h2c smuggling)."""
    for protocol in ("h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0"):
        target.forwarded(f"{GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\n"
                         "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", head("GET / HTTP/1.1", "Host: a"))


def test_row_11_hosts(target):
    for value in ("", "a b", "a,b", "u@a", "a@b", "a/b", "a?b", "a#b", "a\\b", "a:99999", "a:0", "a:-1",
                  "a:80:80", "a:8o", ":80", "[::1", "[1.2.3.4]", "[::g]", "[::1]x", "a%00", "a%2f", "a;b", "\xe4"):
        target.refused(f"GET / HTTP/1.1\r\nHost: {value}\r\n\r\n", 400, "host")
    target.refused("GET / HTTP/1.1\r\n\r\n", 400, "host_missing")
    for other in ("a", "b"):
        target.refused(f"{GET}Host: {other}\r\n\r\n", 400, "host_duplicate")
        target.refused(f"GET / HTTP/1.0\r\nHost: a\r\nhost: {other}\r\n\r\n", 400, "host_duplicate")


def test_row_11_absolute_targets_and_host(target):
    for line, reason in (("GET http://b/", "host_mismatch"), ("GET http://a:81/", "host_mismatch"),
                         ("GET https://a:80/", "host_mismatch"), ("GET http://u@a/", "target"),
                         ("GET http://a:99999/", "target"), ("GET http:///", "target"),
                         ("GET http://a\\@b/", "target"), ("GET //a@b/", None), ("GET a/b", "target"),
                         ("GET ftp://a/", "target"), ("GET http:a", "target"), ("GET http://a b/", "request_line")):
        if reason:
            target.refused(f"{line} HTTP/1.1\r\nHost: a\r\n\r\n", 400, reason)
    target.refused("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501, "connect")
    target.forwarded("GET HTTP://A:80/x HTTP/1.1\r\nHost: a\r\n\r\n", head("GET /x HTTP/1.1", "Host: A:80"))
    target.forwarded("GET http://a?x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                     head("GET /?x HTTP/1.1", "Host: a", via="1.0"))


def test_row_13_http_2_is_refused_with_its_preface(target):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    target.refused(preface, 505, "version")
    target.refused("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "method")


@pytest.mark.parametrize("call, words", [
    ('http.setHeader("X-A", "b\\r\\nHost: c")', "CR, LF"), ('http.setHeader("X-A", "b\\nc")', "CR, LF"),
    ('http.setHeader("X-A", "b\\0")', "CR, LF"), ('http.addHeader("X-A\\r\\nHost", "c")', "header name"),
    ('http.setHeader("X:A", "b")', "header name"), ('http.setHeader("Host", "a\\r\\nX: y")', "argument 2"),
    ('http.setHeader("Transfer-Encoding", "chunked")', "weir itself"),
    ('http.setHeader("Connection", "close")', "weir itself"),
    ('http.setHeader("Upgrade", "h2c")', "weir itself"),
    ('http.setRawPath("/a HTTP/1.1\\r\\nHost: c\\r\\n\\r\\n")', "percent-encode"),
    ('http.setRawQueryString("a b\\r\\n")', "percent-encode"), ('http.setMethod("GET /\\r\\n")', "method"),
    ('http.setCookie("a", "b\\r\\nHost: c")', "controls"),
    ('http.redirect("http://a/\\r\\nSet-Cookie: a=b")', "CR, LF"),
    ('http.sendResponse(200, "text/plain", "x", "A: b\\0")', "controls"),
], ids=lambda value: value[:40])
def test_row_13_rules_cannot_write_what_a_client_may_not(bench, call, words):
    node = bench.node()
    weir = bench.weir([node], request=call)
    assert bench.connect(weir).get().status == 500
    assert words in weir.wait_log("rule 'request'.*(expected|argument|header)")
    assert node.connections == []


def test_row_13_what_rules_write_is_encoded(bench):
    target = Target(bench, request='if http.getPath() == "/" then http.setPath("/a b\\r\\nc\\0?d\\r\\n e") end')
    target.forwarded(f"{GET}\r\n", head("GET /a%20b%0D%0Ac%00?d%0D%0A%20e HTTP/1.1", "Host: a"))


def test_row_22_a_head_that_dribbles_has_one_deadline(bench):
    """Not one for each byte; a connection that has served before has it too."""
    weir = bench.weir([bench.node()], vserver={"timeouts": {"connect": "500ms"}})
    for has_served in (False, True):
        client = bench.connect(weir)
        if has_served:
            client.get()
        start = time.monotonic()
        try:
            for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 200:
                client.send(bytes([byte]))
                time.sleep(0.05)  # the pace of this client: 5 s and more for all of it
            raise AssertionError("weir never lost patience")
        except (BrokenPipeError, ConnectionResetError):
            assert time.monotonic() - start < 5
    ends = [line["end"] for line in weir.wait_access(3)]
    assert ends == ["request_timeout", "ok", "request_timeout"]


def test_row_22_a_body_or_an_answer_that_does_not_move(bench):
    """Bytes that neither come nor are taken end the transaction; the node is free again."""
    node = bench.node(lambda x: x.reply(200, bytes(8_000_000) if x.request.method == "GET" else b"ok"))
    weir = bench.weir([node], vserver={"timeouts": {"idle": "400ms"}})
    client = bench.connect(weir, receive_buffer=4096)
    client.send(f"{GET}\r\n")
    line = weir.wait_access(1)[0]
    assert line["end"] == "idle_timeout" and line["bytes_out"] < 8_000_000
    assert node.wait_ended(0) in ("end", "reset")
    client = bench.connect(weir)
    client.send(f"{POST}Content-Length: 9\r\n\r\nhalf")
    assert weir.wait_access(2)[1]["end"] == "idle_timeout"
    assert client.response().status == 408
    assert node.wait_ended(1) in ("end", "reset")


def test_row_23_heads_that_are_too_large(bench):
    target = Target(bench, vserver={"http": {"max_request_line": "8k", "max_head": "64k", "max_fields": 100}})
    target.refused("GET /" + "a" * 100_000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "line_too_long")
    target.refused("G" * 100_000, 414, "line_too_long")
    target.refused(f"{GET}X: {'y' * 1_000_000}\r\n\r\n", 431, "head_too_large")
    target.refused(GET + "X" * 1_000_000, 431, "head_too_large")
    target.refused(GET + "X: y\r\n" * 10_000 + "\r\n", 431, "too_many_headers")
    target.refused(GET + "X:\r\n" * 100 + "\r\n", 431, "too_many_headers")
    target.refused(f"{POST}{CHUNKED}\r\n0\r\nX: {'y' * 1_000_000}\r\n\r\n", 431, "trailer_too_large")


COUNT = 3000  # of cookies or parameters; as many as a head may hold here


def test_row_24_very_many_cookies_and_parameters_cost_linear_time(bench):
    """Reading one of n, or all of n, costs n. That the budget of steps suffices is the proof."""
    ask = ('http.getCookie("none") http.getCookies() http.getQueryString() http.getHeaders() '
           'http.listHeaderNames() http.getRawURL() http.getHeader("Cookie")')
    weir = bench.weir([bench.node()], request=ask,
                      vserver={"http": {"max_request_line": "256k", "max_head": "256k"},
                               "rules": {"budget": 200_000, "total_budget": 200_000, "wall_time": "2s"}})
    client = bench.connect(weir)
    cookies = "; ".join(f"c{i}=v" for i in range(COUNT * 3))
    query = "&".join(f"p{i}=v" for i in range(COUNT))
    assert client.get("/?" + query, f"Cookie: {cookies}\r\n").status == 200
    lines = weir.wait_access(1)
    assert lines[0]["end"] == "ok" and lines[0]["duration_us"] < 2_000_000
