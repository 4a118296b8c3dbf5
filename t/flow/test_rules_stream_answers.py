# SPDX-License-Identifier: Apache-2.0
"""http.stream.*: answers that rules write piece by piece, and rewrite out of what a node says."""
import gzip
import hashlib
import random
import zlib

import brotli
import pytest

from lab.http1 import Closed

KIB = random.Random(3).randbytes(1024)


def rss(weir):
    with open(f"/proc/{max(weir.children)}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def chunked_size(client):
    total, size = 0, 1
    while size > 0:
        size = int(client.reader.until(b"\r\n"), 16)
        total += size
        client.reader.exactly(size + 2)
    return total


def cut(client):
    """How an answer ends that is not whole."""
    with pytest.raises(Closed) as closed:
        client.response()
    return closed.value.how


# ---- from request rules -------------------------------------------------------------------------------

WRITE = """
    http.setResponseCookie("id", "7")
    http.stream.startResponse("201 Made So", "text/plain", %s, "X-Of: rule\\nX-Of: two")
    http.stream.writeResponse("hello ")
    %s
    http.stream.finishResponse("world")
"""


@pytest.mark.parametrize("wait", ["", "connection.sleep(20)"])
@pytest.mark.parametrize("length", ["nil", "11"])
@pytest.mark.parametrize("version", [0, 1])
def test_an_answer_without_a_node(bench, wait, length, version):
    node = bench.node()
    weir = bench.weir([node], request=WRITE % (length, wait))
    client = bench.connect(weir)
    for _ in range(3):
        client.send(f"GET / HTTP/1.{version}\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        response = client.response()
        assert (response.status, response.reason, response.text) == (201, "Made So", "hello world")
        assert response.all("X-Of") == ["rule", "two"] and response.all("Set-Cookie") == ["id=7"]
        assert response.get("Content-Type") == "text/plain" and response.get("Date")
        assert response.framing == ("length" if length == "11" else "chunked" if version == 1 else "close")
        if response.framing == "close":
            client = bench.connect(weir)
    assert node.requests == []
    assert [line["status"] for line in weir.wait_access(3)] == [201] * 3
    assert {line["end"] for line in weir.access} == {"answered"}


def test_what_was_written_leaves_at_the_next_wait(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request="""
        http.stream.startResponse(200, "text/plain")
        http.stream.writeResponse("first")
        http.getBody()
        http.stream.finishResponse("last")"""))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
    assert client.head().status == 200
    assert client.reader.until(b"first\r\n") == b"5\r\nfirst\r\n"
    client.send("abc")
    assert client.reader.until(b"0\r\n\r\n") == b"4\r\nlast\r\n0\r\n\r\n"


@pytest.mark.parametrize("code, method", [(200, "HEAD"), (204, "GET"), (304, "GET")])
def test_where_no_body_may_be(bench, code, method):
    client = bench.connect(bench.weir([bench.node()], request=f"""
        if http.getPath() == "/x" then
            http.stream.startResponse({code}, nil, 5)
            http.stream.writeResponse("hel") http.stream.finishResponse("lo")
        end"""))
    for _ in range(2):
        response = client.get("/x", method=method)
        assert (response.status, response.size) == (code, 0)
        assert response.get("Content-Length") == (None if code == 204 else "5")
        assert client.get("/").text == "ok"


def test_an_answer_that_no_rule_finished_is_finished(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request='http.stream.startResponse(200) http.stream.writeResponse("a")'))
    for _ in range(2):
        assert client.get("/").text == "a"
    assert node.requests == []


def test_the_next_request_is_answered_too(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request="""
        if http.getPath() == "/x" then http.stream.startResponse(200) http.stream.finishResponse("rule") end"""))
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.response().text for _ in range(3)] == ["rule", "ok", "rule"]


def test_a_body_that_nobody_has_read_is_no_request(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request='http.stream.startResponse(200) http.stream.finishResponse("a")'))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\n")
    response = client.response()
    assert (response.text, response.get("Connection")) == ("a", "close")
    client.send("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.ending() == "end"
    assert node.requests == []


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize("version, length, ending", [(1, "nil", "end"), (1, 10, "end"), (0, "nil", "reset")])
def test_a_rule_that_fails_in_the_middle_shows(bench, on_error, version, length, ending):
    """The client must not take what it got for the whole."""
    node = bench.node()
    weir = bench.weir([node], request=f"""
        http.stream.startResponse(200, nil, {length})
        http.stream.writeResponse("abc")
        connection.sleep(1)
        error("oops")""", vserver={"rules": {"on_error": on_error}})
    client = bench.connect(weir)
    client.send(f"GET / HTTP/1.{version}\r\nHost: a\r\n\r\n")
    assert cut(client) == ending
    assert weir.wait_access(1)[0]["end"] == "rule_failed"
    assert node.requests == []


@pytest.mark.parametrize("rest", ['http.stream.finishResponse("a")', "", 'http.stream.writeResponse("abcd")'])
def test_a_length_that_is_not_kept(bench, rest):
    weir = bench.weir([bench.node()], request=f"http.stream.startResponse(200, nil, 3)\n{rest}")
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    cut(client)
    assert weir.wait_access(1)[0]["end"] == "rule_failed"


def test_a_slow_client_parks_the_rule(bench):
    piece, count = 100_000, 1000
    weir = bench.weir([bench.node()], request=f"""
        if http.getPath() == "/" then return end
        http.stream.startResponse(200)
        for i = 1, {count} do http.stream.writeResponse(string.rep("x", {piece})) end
        http.stream.finishResponse()""", rules={}, vserver={"rules": {"wall_time": "60s"}})
    slow = bench.connect(weir, receive_buffer=4096)
    other = bench.connect(weir)
    other.get("/")
    before = rss(weir)
    slow.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    slow.head()
    for _ in range(50):
        assert other.get("/").status == 200
    assert rss(weir) - before < 30_000
    assert chunked_size(slow) == piece * count


def test_a_client_that_goes_while_it_is_written_to(bench):
    weir = bench.weir([bench.node()], request="""
        http.stream.startResponse(200)
        while true do http.stream.writeResponse(string.rep("x", 100000)) end""")
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.head()
    client.reset()
    assert weir.wait_access(1)[0]["end"] == "client_gone"


# ---- from response rules ------------------------------------------------------------------------------

REWRITE = """
    http.stream.startResponse(http.getResponseCode(), http.getResponseHeader("Content-Type"))
    while true do
        local data = assert(http.stream.readBulkResponse(%d, %s))
        if data == "" then break end
        http.stream.writeResponse((data:gsub("node", "client")))
    end
    http.stream.finishResponse("end")
"""
LINES = b"".join(b"line %d of the node\n" % i for i in range(60_000))
REWRITTEN = LINES.replace(b"node", b"client") + b"end"


def until_close(x, body, headers=""):
    x.send(f"HTTP/1.1 200 OK\r\n{headers}\r\n", body)
    x.close()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("coding, pack", [("identity", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress),
                                          ("br", lambda data: brotli.compress(data, quality=1))],
                         ids=["identity", "gzip", "deflate", "br"])
def test_a_body_is_rewritten(bench, framing, coding, pack):
    data = pack(LINES)
    headers = f"Content-Encoding: {coding}\r\n"
    node = bench.node({"length": lambda x: x.reply(200, data, headers),
                       "chunked": lambda x: x.chunked(data[:99], data[99:], headers=headers),
                       "close": lambda x: until_close(x, data, headers)}[framing])
    client = bench.connect(bench.weir([node], response=REWRITE % (10_000, '"\\n"'),
                                      vserver={"rules": {"buffer": "16k"}}))
    for _ in range(2):
        response = client.get("/")
        assert (response.framing, response.get("Content-Encoding")) == ("chunked", None)
        assert response.digest.digest() == hashlib.sha256(REWRITTEN).digest()
    assert len(node.connections) == (2 if framing == "close" else 1)


def test_reading_up_to_a_delimiter(bench):
    node = bench.node(lambda x: x.chunked(b"a--b", b"-", b"-c--d--", b"e"))
    client = bench.connect(bench.weir([node], response="""
        local got = {}
        local function read(f, ...) got[#got + 1] = f(...) end
        read(http.stream.readResponse, 100, "--") read(http.stream.readResponse, 100, "--")
        read(http.stream.readResponse, 2) read(http.stream.readResponse, 2, "--")
        read(http.stream.readBulkResponse, 100, "-") read(http.stream.readResponse, 100, "--")
        read(http.stream.readResponse, 100)
        http.setResponseBody(table.concat(got, "|"))"""))
    for _ in range(2):
        response = client.get("/")
        assert (response.text, response.framing) == ("a--|b--|c-|-d|--|e|", "length")
    assert len(node.connections) == 1


def test_a_line_is_given_as_soon_as_it_is_there(bench):
    def answer(x):
        x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for word in ("one", "two"):
            x.send(f"4\r\n{word}\n\r\n")
            weir.wait_log(f"saw {word}")
        x.send("0\r\n\r\n")
    node = bench.node(answer)
    weir = bench.weir([node], response="""
        http.stream.startResponse(200)
        for line in function() return http.stream.readResponse(1000, "\\n") end do
            if line == "" then break end
            http.stream.writeResponse(line:upper())
            log.info("saw " .. line:sub(1, 3))
        end
        http.stream.finishResponse()""")
    assert bench.connect(weir).get("/").text == "ONE\nTWO\n"


@pytest.mark.parametrize("read", [0, 5, 5000])
@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("coding, pack", [("identity", bytes), ("gzip", gzip.compress)], ids=["identity", "gzip"])
def test_the_rest_follows_from_the_node(bench, read, version, coding, pack):
    data = pack(LINES * 3)
    node = bench.node(lambda x: x.chunked(data[:50], data[50:], headers=f"Content-Encoding: {coding}\r\n"))
    weir = bench.weir([node], response=f"""
        http.stream.startResponse(200)
        local first = {read} > 0 and http.stream.readResponse({read} + 0) or ""
        http.stream.writeResponse("<" .. first)
        http.stream.continueFromBackend(">")""")
    client = bench.connect(weir)
    for _ in range(2):
        client.send(f"GET / HTTP/1.{version}\r\nHost: a\r\n\r\n")
        response = client.response()
        expected = b"<" + LINES[:read] + b">" + (LINES * 3)[read:]
        assert response.digest.digest() == hashlib.sha256(expected).digest()
        if version == 0:
            client = bench.connect(weir)
    assert len(node.connections) == 1
    assert {line["end"] for line in weir.wait_access(2)} == {"ok"}


def test_memory_is_bounded_and_nobody_waits_for_a_bomb(bench):
    bomb = gzip.compress(bytes(200_000_000))
    node = bench.node(lambda x: x.reply(200, bomb, "Content-Encoding: gzip\r\n")
                      if x.request.target == "/bomb" else x.reply())
    weir = bench.weir([node], response="""
        if http.getPath() == "/" then return end
        http.stream.startResponse(200) http.stream.continueFromBackend("x")""")
    slow, other = bench.connect(weir), bench.connect(weir)
    other.get("/")
    before = rss(weir)
    slow.send("GET /bomb HTTP/1.1\r\nHost: a\r\n\r\n")
    slow.head()
    for _ in range(50):
        assert other.get("/").status == 200
    assert rss(weir) - before < 20_000
    assert chunked_size(slow) == 200_000_001
    assert slow.get("/").text == "ok"


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("rule", ["http.stream.continueFromBackend()",
                                  "repeat local d = http.stream.readResponse(5) http.stream.writeResponse(d) until d == ''"])
def test_a_node_that_is_cut_in_the_middle(bench, how, rule):
    def answer(x):
        x.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        getattr(x, how)()
    weir = bench.weir([bench.node(answer)], response="http.stream.startResponse(200)\n" + rule)
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert cut(client) == "end"
    assert weir.wait_access(1)[0]["end"] == "node_cut"


def test_a_malformed_coding_in_the_middle(bench):
    data = gzip.compress(KIB * 20, 0)[:20_000] + b"\xff" * 100_000
    node = bench.node(lambda x: x.reply(200, data, "Content-Encoding: gzip\r\n"))
    weir = bench.weir([node], response="""
        if http.getPath() == "/read" then
            local data, why
            repeat data, why = http.stream.readResponse(1000) until data == nil
            http.sendResponse(200, nil, why)
        end
        http.stream.startResponse(200) http.stream.continueFromBackend()""")
    client = bench.connect(weir)
    assert "malformed" in client.get("/read").text
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert cut(client) == "end"
    assert weir.wait_access(2)[1]["end"] == "node_cut"


def test_bytes_that_were_read_must_be_answered_for(bench):
    weir = bench.weir([bench.node()], response="http.stream.readResponse(1)")
    assert bench.connect(weir).get("/").status == 500
    assert weir.wait_access(1)[0]["end"] == "rule_failed"


def test_a_node_that_has_more_is_given_up(bench):
    def answer(x):
        x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            x.send(b"400\r\n%s\r\n" % KIB)
    node = bench.node(answer)
    client = bench.connect(bench.weir([node], response="""
        http.stream.startResponse(200) http.stream.finishResponse(http.stream.readResponse(10))"""))
    for _ in range(2):
        assert client.get("/").body == KIB[:10]
    assert len(node.connections) == 2
    node.wait_ended(0)


@pytest.mark.parametrize("phase, rule, message", [
    ("request", "http.stream.startResponse()", "http.stream.startResponse: argument 1 (code): expected a string"),
    ("request", "http.stream.startResponse(99)",
     "http.stream.startResponse: argument 1 (code): expected a number from 200 to 599, got 99"),
    ("request", "http.stream.startResponse(200, nil, -1)",
     "http.stream.startResponse: argument 3 (length): expected a number from 0"),
    ("request", "http.stream.startResponse(200, nil, nil, 'x')",
     "http.stream.startResponse: argument 4 (headers): expected lines 'name: value', got 'x'"),
    ("request", "http.stream.startResponse(200, nil, nil, {['Content-Length'] = '1'})",
     "http.stream.startResponse: argument 4 (headers): header 'Content-Length' is written by weir itself"),
    ("request", "http.stream.writeResponse('x')",
     "http.stream.writeResponse: no response was started: http.stream.startResponse comes first"),
    ("request", "http.stream.finishResponse()", "http.stream.finishResponse: no response was started"),
    ("response", "http.stream.continueFromBackend()", "http.stream.continueFromBackend: no response was started"),
    ("response", "http.stream.readResponse(0)", "http.stream.readResponse: argument 1 (count): expected a number from 1 to 1048576"),
    ("response", "http.stream.readResponse()", "http.stream.readResponse: argument 1 (count): expected a number, got nothing"),
    ("response", "http.stream.readBulkResponse(9, '')",
     "http.stream.readBulkResponse: argument 2 (delimiter): expected at least one byte"),
    ("response", "http.stream.readResponse(1) http.getResponseBody()",
     "http.getResponseBody: the body is being read by http.stream"),
])
def test_wrong_arguments(bench, phase, rule, message):
    weir = bench.weir([bench.node()], **{phase: "\n" + rule})
    assert bench.connect(weir).get("/").status == 500
    assert f"{phase}.lua:2: {message}" in weir.wait_log("failed")


@pytest.mark.parametrize("rule, message", [
    ("http.stream.startResponse(200)", "http.stream.startResponse: a response was started already"),
    ("http.sendResponse(200, nil, 'x')", "http.sendResponse: a response was started already"),
    ("http.stream.writeResponse()", "http.stream.writeResponse: argument 1 (data): expected a string, got nothing"),
    ("http.stream.writeResponse('12345')", "http.stream.writeResponse: expected at most 3 bytes more, as announced, got 5"),
    ("http.stream.finishResponse('1')", "http.stream.finishResponse: expected 2 bytes more, as announced"),
])
def test_wrong_order(bench, rule, message):
    weir = bench.weir([bench.node()], request="http.stream.startResponse(200, nil, 3)\n" + rule)
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    cut(client)
    assert f"request.lua:2: {message}" in weir.wait_log("failed")


def test_the_rest_cannot_follow_where_a_length_was_announced(bench):
    weir = bench.weir([bench.node()], response="http.stream.startResponse(200, nil, 3)\nhttp.stream.continueFromBackend('1')")
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    cut(client)
    assert ("response.lua:2: http.stream.continueFromBackend: how much the node sends is not known: "
            "start the response without a length") in weir.wait_log("failed")


def test_a_later_rule_cannot_read_what_a_stream_took(bench):
    node = bench.node(lambda x: x.reply(200, b"abc"))
    weir = bench.weir([node], response="""
        http.stream.startResponse(200)
        http.stream.finishResponse(http.stream.readResponse(10))""",
                      completion='log.info("had " .. tostring(http.getResponseBody()) .. ".")')
    assert bench.connect(weir).get("/").text == "abc"
    weir.wait_log("had nil\\.")
