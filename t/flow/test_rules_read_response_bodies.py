# SPDX-License-Identifier: Apache-2.0
"""Rules that look into response bodies and change them: what they see, what the client gets, and that
both connections go on in good order afterwards."""
import gzip
import hashlib
import random
import zlib

import brotli
import pytest

KIB = random.Random(2).randbytes(1024)
SAY = 'local b = http.getResponseBody() http.setResponseHeader("X-Saw", #b .. ":" .. string.hexencode(string.hashSHA256(b)))'


def saw(data):
    return f"{len(data)}:{hashlib.sha256(data).hexdigest()}"


def until_close(x, body, headers=""):
    x.send(f"HTTP/1.1 200 OK\r\n{headers}\r\n", body)
    x.close()


@pytest.mark.parametrize("size", [0, 1, 1000, 65536, 1 << 20])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_body_is_seen_and_passes(bench, size, framing):
    body = (KIB * 1024)[:size]
    node = bench.node({"length": lambda x: x.reply(200, body),
                       "chunked": lambda x: x.chunked(*([body[:7], body[7:]] if size > 7 else [body] if size else [])),
                       "close": lambda x: until_close(x, body)}[framing])
    client = bench.connect(bench.weir([node], response=SAY))
    for _ in range(3):
        response = client.get("/")
        assert (response.get("X-Saw"), response.digest.digest()) == (saw(body), hashlib.sha256(body).digest())
        assert response.framing == ("length" if framing == "length" else "chunked")
    assert len(node.connections) == (3 if framing == "close" else 1)


def test_trailers_pass_and_pieces_are_put_together(bench):
    def answer(x):
        x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        x.send(*(b"1\r\n%c\r\n" % c for c in b"hello"), "0\r\nChecksum: 1\r\n\r\n")
    node = bench.node(answer)
    client = bench.connect(bench.weir([node], response=SAY))
    response = client.get("/", "TE: trailers\r\nConnection: TE\r\n")
    assert (response.text, response.get("X-Saw"), response.trailers) == ("hello", saw(b"hello"), [("Checksum", "1")])


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("client_version", [0, 1])
def test_the_first_bytes_do_not_wait_for_the_rest(bench, framing, client_version):
    rest = KIB * 3000

    def answer(x):
        if framing == "length":
            x.send(f"HTTP/1.1 200 OK\r\nContent-Length: {3 + len(rest)}\r\n\r\nabc")
        else:
            x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        weir.wait_log("seen abc")
        x.send(rest if framing == "length" else b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))
    node = bench.node(answer)
    weir = bench.weir([node], response='log.info("seen " .. http.getResponseBody(3))')
    client = bench.connect(weir)
    client.send(f"GET / HTTP/1.{client_version}\r\nHost: a\r\n\r\n")
    response = client.response()
    assert response.digest.digest() == hashlib.sha256(b"abc" + rest).digest()
    if client_version == 1:
        assert client.get("/").size == 3 + len(rest)
        assert len(node.connections) == 1


CODED = [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress)]


@pytest.mark.parametrize("coding, pack", CODED, ids=[c for c, _ in CODED])
def test_content_codings_are_undone_for_the_rule_only(bench, coding, pack):
    data = pack(KIB * 100)
    node = bench.node(lambda x: x.reply(200, data, f"Content-Encoding: {coding}\r\n"))
    client = bench.connect(bench.weir([node], response=SAY))
    for _ in range(2):
        response = client.get("/")
        assert (response.get("Content-Encoding"), response.body) == (coding, data)
        assert response.get("X-Saw") == saw(KIB * 100)
    assert len(node.connections) == 1


def test_more_than_the_buffer_and_bombs(bench):
    bomb = gzip.compress(b"abc" + bytes(50_000_000))
    bodies = {"/long": (b"abc" + KIB * 5000, ""), "/bomb": (bomb, "Content-Encoding: gzip\r\n")}
    node = bench.node(lambda x: x.reply(200, *bodies[x.request.target]))
    client = bench.connect(bench.weir([node], response="""
        local ok, why = pcall(http.getResponseBody)
        http.setResponseHeader("X-Why", why)
        http.setResponseHeader("X-First", http.getResponseBody(3))"""))
    for target, (body, _) in bodies.items():
        response = client.get(target)
        assert "the body has more than rules.buffer (1048576 bytes)" in response.get("X-Why")
        assert response.get("X-First") == "abc"
        assert response.digest.digest() == hashlib.sha256(body).digest()
    assert len(node.connections) == 1


def test_where_there_is_no_body(bench):
    def answer(x):
        status = {"/204": 204, "/304": 304}.get(x.request.target, 200)
        x.send(f"HTTP/1.1 {status} X\r\n{'Content-Length: 6' + chr(13) + chr(10) if status != 204 else ''}\r\n")
    node = bench.node(answer)
    client = bench.connect(bench.weir([node], response="""
        http.setResponseHeader("X-Saw", "[" .. http.getResponseBody() .. "]")
        http.setResponseBody("another body")"""))
    for method, target, length in (("HEAD", "/", "12"), ("GET", "/304", "12"), ("GET", "/204", None)):
        for _ in range(2):
            response = client.get(target, method=method)
            assert (response.get("X-Saw"), response.size) == ("[]", 0)
            assert response.all("Content-Length") == ([length] if length else [])
    assert len(node.connections) == 1


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_node_that_is_cut_in_the_middle(bench, how):
    def answer(x):
        x.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        getattr(x, how)()
    weir = bench.weir([bench.node(answer)], response="pcall(http.getResponseBody)")
    client = bench.connect(weir)
    assert client.get("/").status == 502
    assert weir.wait_access(1)[0]["end"] in ("node_cut", "node_broken")
    assert client.get("/").status == 502


def test_a_malformed_body_of_a_node(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"))
    client = bench.connect(bench.weir([node], response="pcall(http.getResponseBody)"))
    assert client.get("/").status == 502


def test_a_client_that_goes_while_a_rule_waits(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))
    weir = bench.weir([node], response='log.info("waits") http.getResponseBody()')
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    weir.wait_log("waits")
    client.reset()
    assert weir.wait_access(1)[0]["end"] == "client_gone"
    assert node.wait_ended(0) in ("end", "reset")


def test_a_completion_rule_reads_what_was_read(bench):
    node = bench.node(lambda x: x.reply(200, b"abc"))
    weir = bench.weir([node], response='if http.getPath() == "/read" then http.getResponseBody() end',
                      completion='log.info("had " .. tostring(http.getResponseBody()) .. ".")')
    client = bench.connect(weir)
    client.get("/read")
    weir.wait_log("had abc\\.")
    client.get("/")
    weir.wait_log("had nil\\.")


def test_lines(bench):
    node = bench.node(lambda x: x.reply(200, b"one\r\ntwo\nthree"))
    client = bench.connect(bench.weir([node], response="""
        http.setResponseHeader("X-Lines", table.concat(http.getResponseBodyLines(), "|"))
        http.setResponseHeader("X-Two", table.concat(http.getResponseBodyLines(6), "|"))"""))
    response = client.get("/")
    assert (response.get("X-Lines"), response.get("X-Two")) == ("one|two|three", "one|t")


# ---- setResponseBody --------------------------------------------------------------------------------

@pytest.mark.parametrize("read", ["", "http.getResponseBody()", "http.getResponseBody(1)"])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("size", [3, 500_000])
def test_another_body_in_its_place(bench, read, framing, size):
    body = (KIB * 1000)[:size]
    node = bench.node({"length": lambda x: x.reply(200, body), "chunked": lambda x: x.chunked(body),
                       "close": lambda x: until_close(x, body)}[framing])
    client = bench.connect(bench.weir([node], response=read + """
        http.setResponseBody(string.rep("new", 50000)) http.removeResponseHeader("Server")"""))
    for _ in range(3):
        response = client.get("/")
        assert (response.framing, response.body) == ("length", b"new" * 50000)
        assert response.all("Content-Length") == ["150000"]
    if read == "http.getResponseBody()" and framing != "close":
        assert len(node.connections) == 1


def test_a_coded_body_is_replaced_by_a_plain_one(bench):
    node = bench.node(lambda x: x.reply(200, gzip.compress(b"hello node"), "Content-Encoding: gzip\r\nVary: x\r\n"))
    client = bench.connect(bench.weir([node], response="""
        http.setResponseBody((http.getResponseBody():gsub("node", "client")))"""))
    for _ in range(2):
        response = client.get("/")
        assert (response.text, response.get("Content-Encoding"), response.get("Vary")) == ("hello client", None, "x")
    assert len(node.connections) == 1


@pytest.mark.parametrize("version, coding, framing", [(1, "chunked", "chunked"), (1, "identity", "length"),
                                                      (1, "", "length"), (0, "chunked", "close")])
def test_how_the_end_is_told(bench, version, coding, framing):
    client = bench.connect(bench.weir([bench.node()], response=f'http.setResponseBody("abc", "{coding}")'))
    client.send(f"GET / HTTP/1.{version}\r\nHost: a\r\n\r\n")
    response = client.response()
    assert response.text == "abc"
    assert response.get("Transfer-Encoding") == ("chunked" if framing == "chunked" else None)
    assert response.get("Content-Length") == ("3" if framing == "length" else None)


def test_a_rule_that_replaces_an_endless_body(bench):
    """What the node still sends is dropped, with its connection."""
    def answer(x):
        x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            x.send(b"400\r\n%s\r\n" % KIB)
    node = bench.node(answer)
    client = bench.connect(bench.weir([node], response='http.setResponseBody("short")'))
    for _ in range(2):
        assert client.get("/").text == "short"
    assert len(node.connections) == 2
    node.wait_ended(0)


def test_an_empty_body(bench):
    client = bench.connect(bench.weir([bench.node()], response='http.setResponseBody("")'))
    for _ in range(2):
        response = client.get("/")
        assert (response.get("Content-Length"), response.size) == ("0", 0)


@pytest.mark.parametrize("call, message", [
    ("http.getResponseBody(1.5)", "http.getResponseBody: argument 1 (count): expected a whole number, got 1.5"),
    ("http.getResponseBodyLines('x')", "http.getResponseBodyLines: argument 1 (count): expected a number, got string"),
    ("http.setResponseBody()", "http.setResponseBody: argument 1 (body): expected a string, got nothing"),
    ("http.setResponseBody('a', 'gzip')",
     "http.setResponseBody: argument 2 (coding): expected 'chunked' or 'identity', got 'gzip'"),
    ("http.setResponseBody('a', {})", "http.setResponseBody: argument 2 (coding): expected a string, got table"),
])
def test_wrong_arguments(bench, call, message):
    weir = bench.weir([bench.node()], response="\n" + call)
    assert bench.connect(weir).get("/").status == 500
    assert f"response.lua:2: {message}" in weir.wait_log("failed")


def test_a_switch_of_protocols_has_no_body(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"))
    weir = bench.weir([node], response="http.getResponseBody()")
    client = bench.connect(weir)
    assert client.get("/", "Connection: upgrade\r\nUpgrade: x\r\n").status == 500
    weir.wait_log("http.getResponseBody: the response switches protocols: it has no body")
