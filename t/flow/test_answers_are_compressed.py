# SPDX-License-Identifier: Apache-2.0
"""gzip: of a virtual server, and http.compress.*: which answers leave compressed, what their heads
say then, and that nothing stalls or is held on the way."""
import gzip
import hashlib
import random
import re
import time
import zlib

import brotli
import pytest

from lab.http1 import Closed
from lab.weir import is_sanitized
from test_bandwidth_classes import timed

TEXT = b"".join(b"line %d of many\n" % i for i in range(500))
HTML = "Content-Type: text/html; charset=utf-8\r\n"
ON = {"gzip": {"enabled": True}}
ACCEPT = "Accept-Encoding: gzip\r\n"


def plain(response):
    """The body with its coding undone, which must be whole."""
    coding = response.get("Content-Encoding")
    if coding == "gzip":
        undo = zlib.decompressobj(31)
        data = undo.decompress(response.body)
        assert undo.eof and not undo.unused_data
        return data
    return brotli.decompress(response.body) if coding == "br" else response.body


def served(bench, headers=HTML, body=TEXT, answer=None, gzip=None, **options):
    node = bench.node(answer or (lambda x: x.reply(200, body, headers)))
    weir = bench.weir([node], vserver={"gzip": {"enabled": True, **(gzip or {})}}, **options)
    return node, weir, bench.connect(weir)


# ---- which coding ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("accept, coding", [
    ("gzip", "gzip"), ("gzip, deflate", "gzip"), ("br", "br"), ("gzip, deflate, br", "br"),
    ("br;q=0.5, gzip", "gzip"), ("*", "gzip"), ("gzip;q=0", None), ("identity", None),
    ("identity, gzip;q=0.5", None), ("deflate", None), (None, None)])
def test_the_client_chooses(bench, accept, coding):
    node, _, client = served(bench)
    for _ in range(3):
        response = client.get("/", f"Accept-Encoding: {accept}\r\n" if accept else "")
        assert response.get("Content-Encoding") == coding
        assert plain(response) == TEXT
        assert response.framing == ("chunked" if coding else "length")
        assert response.get("Vary") == "Accept-Encoding", "whoever keeps it must know"
        assert not coding or response.size < len(TEXT) / 2
    assert len(node.connections) == 1
    assert node.requests[0].get("Accept-Encoding") == accept


def test_brotli_can_be_switched_off(bench):
    client = served(bench, gzip={"brotli": False})[2]
    assert client.get("/", "Accept-Encoding: br, gzip;q=0.1\r\n").get("Content-Encoding") == "gzip"
    assert client.get("/", "Accept-Encoding: br\r\n").get("Content-Encoding") is None


@pytest.mark.parametrize("level", [1, 5, 9])
@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_levels(bench, level, coding):
    client = served(bench, gzip={"compress_level": level})[2]
    assert plain(client.get("/", f"Accept-Encoding: {coding}\r\n")) == TEXT


def test_off_by_default(bench):
    client = bench.connect(bench.weir([bench.node(lambda x: x.reply(200, TEXT, HTML))]))
    response = client.get("/", ACCEPT)
    assert response.body == TEXT and response.get("Vary") is None


# ---- which answers --------------------------------------------------------------------------------------

@pytest.mark.parametrize("headers, is_compressed", [
    ("Content-Type: text/html\r\n", True), ("Content-Type: text/plain;x=y\r\n", True),
    ("Content-Type: Text/HTML\r\n", True), ("Content-Type: text/css\r\n", False), ("", False),
    ("Content-Type: text/htmlx\r\n", False)])
def test_types_by_default(bench, headers, is_compressed):
    response = served(bench, headers)[2].get("/", ACCEPT)
    assert (response.get("Content-Encoding") == "gzip") == is_compressed
    assert response.get("Vary") == ("Accept-Encoding" if is_compressed else None)
    assert plain(response) == TEXT


@pytest.mark.parametrize("headers, is_compressed", [
    ("Content-Type: text/html\r\n", False), ("Content-Type: text/css\r\n", True),
    ("Content-Type: application/json\r\n", True), ("Content-Type: application/jsonp\r\n", False),
    ("Content-Type: image/svg+xml\r\n", True)])
def test_types_that_are_listed(bench, headers, is_compressed):
    types = ["text/c*", "application/json", "image/svg+xml"]
    response = served(bench, headers, gzip={"include_mime": types})[2].get("/", ACCEPT)
    assert (response.get("Content-Encoding") == "gzip") == is_compressed
    assert plain(response) == TEXT


@pytest.mark.parametrize("size, is_compressed", [(999, False), (1000, True), (5000, True), (5001, False)])
def test_sizes(bench, size, is_compressed):
    client = served(bench, body=b"x" * size, gzip={"max_size": 5000})[2]
    response = client.get("/", ACCEPT)
    assert (response.get("Content-Encoding") == "gzip") == is_compressed
    assert plain(response) == b"x" * size


@pytest.mark.parametrize("no_size", [True, False])
@pytest.mark.parametrize("kind", ["chunked", "until_close"])
def test_bodies_of_unknown_size(bench, no_size, kind):
    def answer(x):
        if kind == "chunked":
            x.chunked(TEXT[:10], TEXT[10:], headers=HTML)
        else:
            x.send(f"HTTP/1.1 200 OK\r\n{HTML}\r\n", TEXT)
            x.close()
    client = served(bench, answer=answer, gzip={"no_size": no_size})[2]
    for _ in range(2):
        response = client.get("/", ACCEPT)
        assert (response.get("Content-Encoding") == "gzip") == no_size
        assert plain(response) == TEXT and response.framing == "chunked"


@pytest.mark.parametrize("headers", [
    "Content-Encoding: br\r\n", "Content-Encoding: x\r\n", "Cache-Control: public, no-transform\r\n",
    "Content-Digest: sha-256=:AAAA:\r\n", "Repr-Digest: sha-256=:AAAA:\r\n", "Content-MD5: AAAA\r\n",
    "Digest: sha-256=AAAA\r\n"])
def test_answers_that_stay_as_they_are(bench, headers):
    response = served(bench, HTML + headers + 'ETag: "x"\r\nAccept-Ranges: bytes\r\n')[2].get("/", ACCEPT)
    assert response.body == TEXT and response.framing == "length"
    assert response.all("Content-Encoding") == re.findall("Encoding: (.*)\r", headers)
    assert (response.get("ETag"), response.get("Accept-Ranges")) == ('"x"', "bytes")


def test_identity_is_no_coding(bench):
    response = served(bench, HTML + "Content-Encoding: identity\r\n")[2].get("/", ACCEPT)
    assert response.get("Content-Encoding") == "gzip" and plain(response) == TEXT


def test_a_request_that_wants_no_change(bench):
    response = served(bench)[2].get("/", ACCEPT + "Cache-Control: no-transform\r\n")
    assert response.body == TEXT


def test_a_part_of_a_whole(bench):
    def answer(x):
        part = f"{HTML}Content-Range: bytes 0-1999/9999\r\n"
        x.reply(206 if x.request.get("Range") else 416, TEXT[:2000], part)
    client = served(bench, answer=answer)[2]
    for headers in ("Range: bytes=0-1999\r\n", ""):
        response = client.get("/", ACCEPT + headers)
        assert response.body == TEXT[:2000] and response.get("Content-Encoding") is None


def test_several_parts_of_a_whole(bench):
    parts = "Content-Type: multipart/byteranges; boundary=x\r\n"
    client = served(bench, answer=lambda x: x.reply(206, TEXT, parts), gzip={"include_mime": "*"})[2]
    assert client.get("/", ACCEPT + "Range: bytes=0-9,20-29\r\n").body == TEXT


@pytest.mark.parametrize("code", [200, 201, 404, 500])
def test_answers_of_any_code(bench, code):
    response = served(bench, answer=lambda x: x.reply(code, TEXT, HTML))[2].get("/", ACCEPT)
    assert (response.status, response.get("Content-Encoding")) == (code, "gzip")
    assert plain(response) == TEXT


def test_an_empty_body(bench):
    client = served(bench, body=b"", gzip={"min_size": 0})[2]
    response = client.get("/", ACCEPT)
    assert (response.get("Content-Length"), response.get("Content-Encoding")) == ("0", None)


def test_an_informational_answer_goes_before(bench):
    def answer(x):
        x.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        x.reply(200, TEXT, HTML)
    client = served(bench, answer=answer)[2]
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
    early, response = client.response(), client.response()
    assert (early.status, early.get("Vary")) == (103, None)
    assert plain(response) == TEXT


def test_a_client_of_http_1_0_gets_it_as_it_is(bench):
    client = served(bench)[2]
    for _ in range(2):
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\nAccept-Encoding: gzip\r\n\r\n")
        response = client.response()
        assert response.body == TEXT and response.framing == "length"


def test_head_says_what_get_would(bench):
    client = served(bench, HTML + 'ETag: "x"\r\nAccept-Ranges: bytes\r\n')[2]
    got, headers = client.get("/", ACCEPT), []
    for _ in range(2):
        headers = client.get("/", ACCEPT, method="HEAD").headers
    names = ("Content-Encoding", "ETag", "Vary", "Content-Length", "Accept-Ranges")
    assert [got.all(name) for name in names] == [["gzip"], ['W/"x;gzip"'], ["Accept-Encoding"], [], []]
    assert [[v for n, v in headers if n == name] for name in names] == [got.all(name) for name in names]


def test_trailers_are_kept(bench):
    client = served(bench, answer=lambda x: x.chunked(TEXT, headers=HTML, trailers="X-Sum: 1\r\n"))[2]
    response = client.get("/", ACCEPT + "TE: trailers\r\nConnection: TE\r\n")
    assert plain(response) == TEXT and response.trailers == [("X-Sum", "1")]


# ---- validators -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("how, tag", [("wrap", 'W/"x;gzip"'), ("weaken", 'W/"x"'), ("ignore", '"x"'),
                                      ("delete", None)])
def test_etags(bench, how, tag):
    client = served(bench, HTML + 'ETag: "x"\r\n', gzip={"etag_rewrite": how})[2]
    assert client.get("/", ACCEPT).get("ETag") == tag
    assert client.get("/").get("ETag") == '"x"', "the body as it was"


def conditional(x):
    """A node that knows its tag."""
    tags = x.request.all("If-None-Match") + x.request.all("If-Match")
    if any('"x"' in tag for tag in tags):
        x.send('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n')
    else:
        x.reply(200, TEXT, HTML + 'ETag: "x"\r\n')


@pytest.mark.parametrize("how", ["wrap", "weaken"])
def test_what_the_client_has_may_be_valid_still(bench, how):
    node, _, client = served(bench, answer=conditional, gzip={"etag_rewrite": how})
    tag = client.get("/", ACCEPT).get("ETag")
    response = client.get("/", ACCEPT + f'If-None-Match: "y", {tag}\r\n')
    assert (response.status, response.get("ETag"), response.get("Vary")) == (304, tag, "Accept-Encoding")
    response = client.get("/", ACCEPT + 'If-None-Match: "x"\r\n')
    assert (response.status, response.get("ETag")) == (304, '"x"'), "the body as it was"
    assert client.get("/", ACCEPT).status == 200
    if how == "wrap":
        assert node.requests[1].get("If-None-Match") == '"y", "x"'


@pytest.mark.parametrize("accept", ["", "Accept-Encoding: br\r\n"])
def test_what_is_valid_in_another_coding_is_sent(bench, accept):
    """A 304 with a tag that the client, or a cache on its way, has not seen would say nothing to it."""
    node, _, client = served(bench, answer=conditional)
    response = client.get("/", accept + 'If-None-Match: W/"x;gzip"\r\n')
    assert response.status == 200 and plain(response) == TEXT
    assert node.requests[0].get("If-None-Match") == 'W/"x;gzip"'


def test_a_change_is_made_to_what_the_client_has_seen(bench):
    node, _, client = served(bench, answer=conditional)
    client.get("/", ACCEPT + 'If-Match: W/"x;br"\r\n', method="PUT", body=b"new")
    client.get("/", ACCEPT + 'If-Range: W/"x;br"\r\nRange: bytes=5-\r\n')
    assert node.requests[0].get("If-Match") == '"x"'
    assert node.requests[1].get("If-Range") == 'W/"x;br"', "parts of compressed bytes nobody has"


# ---- rules ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("phase", ["request", "response"])
def test_a_rule_enables(bench, phase):
    node = bench.node(lambda x: x.reply(200, TEXT, "Content-Type: a/b\r\n"))
    weir = bench.weir([node], **{phase: "log.info(tostring(http.compress.enable()))"})
    client = bench.connect(weir)
    assert plain(client.get("/", ACCEPT)) == TEXT
    assert client.get("/", ACCEPT).get("Content-Encoding") == "gzip"
    weir.wait_log("true")
    assert client.get("/").get("Content-Encoding") is None
    weir.wait_log("false")


def test_sizes_hold_for_rules_too(bench):
    weir = bench.weir([bench.node(lambda x: x.reply(200, b"x" * 999))], response="http.compress.enable()")
    assert bench.connect(weir).get("/", ACCEPT).get("Content-Encoding") is None


@pytest.mark.parametrize("phase", ["request", "response"])
def test_a_rule_disables(bench, phase):
    weir = bench.weir([bench.node(lambda x: x.reply(200, TEXT, HTML))], vserver=ON, **{
        phase: 'if http.getPath() == "/no" then http.compress.enable() http.compress.disable() end'})
    client = bench.connect(weir)
    for _ in range(2):
        assert client.get("/", ACCEPT).get("Content-Encoding") == "gzip"
        response = client.get("/no", ACCEPT)
        assert response.body == TEXT and response.get("Vary") is None


def test_what_the_client_said_counts_and_not_what_rules_made_of_it(bench):
    weir = bench.weir([bench.node(lambda x: x.reply(200, TEXT, HTML))], vserver=ON,
                      request='http.removeHeader("Accept-Encoding")')
    assert bench.connect(weir).get("/", ACCEPT).get("Content-Encoding") == "gzip"


def test_wrong_uses(bench):
    with pytest.raises(RuntimeError, match="http.compress.enable"):
        bench.weir([bench.node()], completion="http.compress.enable()")
    weir = bench.weir([bench.node()], request="""
        if http.getPath() == "/x" then http.stream.startResponse(200) http.compress.disable() end""")
    client = bench.connect(weir)
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    with pytest.raises(Closed):
        client.response()
    weir.wait_log("http.compress.disable.*a response was started already")


def test_a_body_that_a_rule_has_read(bench):
    weir = bench.weir([bench.node(lambda x: x.reply(200, TEXT, HTML))], vserver=ON, response="""
        local n = tonumber(http.getPath():sub(2)) http.getResponseBody(n > 0 and n or nil)""")
    client = bench.connect(weir)
    for count in (0, 1, 100, len(TEXT)):
        response = client.get(f"/{count}", ACCEPT)
        assert response.get("Content-Encoding") == "gzip" and plain(response) == TEXT


@pytest.mark.parametrize("chunked", ["", ', "chunked"'])
def test_a_body_that_a_rule_has_put_there(bench, chunked):
    packed = gzip.compress(TEXT)
    node = bench.node(lambda x: x.reply(200, packed, HTML + "Content-Encoding: gzip\r\n"))
    weir = bench.weir([node], vserver=ON, response=f"""
        http.setResponseBody((http.getResponseBody():gsub("line", "row")){chunked})""")
    client = bench.connect(weir)
    for accept in (ACCEPT, "", ACCEPT):
        assert plain(client.get("/", accept)) == TEXT.replace(b"line", b"row")
    assert len(node.connections) == 1


STREAM = """
    http.stream.startResponse(200, "text/html", %s)
    while true do
        local data = assert(http.stream.readResponse(1000))
        if data == "" then break end
        http.stream.writeResponse(data)
        %s
    end
    http.stream.finishResponse()
"""


@pytest.mark.parametrize("coding", ["gzip", "br"])
@pytest.mark.parametrize("length", ["nil", len(TEXT)])
@pytest.mark.parametrize("wait", ["", "connection.sleep(1)"])
def test_an_answer_that_a_rule_writes_bit_by_bit(bench, coding, length, wait):
    packed = gzip.compress(TEXT)
    node = bench.node(lambda x: x.reply(200, packed, HTML + "Content-Encoding: gzip\r\n"))
    client = bench.connect(bench.weir([node], vserver=ON, response=STREAM % (length, wait)))
    for _ in range(2):
        response = client.get("/", f"Accept-Encoding: {coding}\r\n")
        assert response.get("Content-Encoding") == coding and plain(response) == TEXT
        assert response.framing == "chunked" and response.get("Vary") == "Accept-Encoding"
    assert client.get("/").body == TEXT


def test_the_rest_from_the_node_goes_through_the_same_coder(bench):
    packed = gzip.compress(TEXT * 50)
    node = bench.node(lambda x: x.reply(200, packed, HTML + "Content-Encoding: gzip\r\n"))
    client = bench.connect(bench.weir([node], vserver=ON, response="""
        http.stream.startResponse(200, "text/html")
        http.stream.writeResponse(http.stream.readResponse(100):upper())
        http.stream.continueFromBackend("|")"""))
    for _ in range(2):
        response = client.get("/", ACCEPT)
        assert plain(response) == TEXT[:100].upper() + b"|" + (TEXT * 50)[100:]
    assert len(node.connections) == 1


def test_a_stream_that_a_rule_writes_arrives_at_each_wait(bench):
    weir = bench.weir([bench.node()], vserver=ON, request="""
        http.stream.startResponse(200, "text/html")
        http.stream.writeResponse("first")
        http.getBody()
        http.stream.finishResponse("last")""")
    client = bench.connect(weir)
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{ACCEPT}Content-Length: 3\r\n\r\n")
    undo = Undo(client)
    undo.until(b"first")
    client.send("abc")
    undo.until(b"firstlast")


def test_an_answer_that_a_rule_leaves_short_is_no_whole(bench):
    weir = bench.weir([bench.node()], vserver=ON, request="""
        http.stream.startResponse(200, "text/html", 2000) http.stream.writeResponse("abc")""")
    client = bench.connect(weir)
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{ACCEPT}\r\n")
    with pytest.raises(Closed):
        client.response()
    assert weir.wait_access(1)[0]["end"] == "rule_failed"


# ---- on its way -----------------------------------------------------------------------------------------

class Undo:
    """Reads a compressed answer as it comes."""

    def __init__(self, client):
        self.reader, self.head = client.reader, client.head()
        assert self.head.get("Content-Encoding") == "gzip"
        self.undo, self.text, self.is_over = zlib.decompressobj(31), b"", False

    def chunk(self):
        size = int(self.reader.until(b"\r\n"), 16)
        self.text += self.undo.decompress(self.reader.exactly(size))
        self.reader.exactly(2)
        self.is_over = size == 0
        return size

    def until(self, text):
        while len(self.text) < len(text):
            assert self.chunk() > 0
        assert self.text == text


def test_nothing_stalls_while_the_node_pauses(bench):
    """Each event of the node is there before its next one is said."""
    said = []

    def answer(x):
        x.send(f"HTTP/1.1 200 OK\r\n{HTML}Transfer-Encoding: chunked\r\n\r\n")
        said.append(x)
    node, weir, client = served(bench, answer=answer)
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{ACCEPT}\r\n")
    node.wait_for(1)
    undo = Undo(client)  # the head alone, too
    text = b""
    for i in range(20):
        text += b"event %d\n" % i
        said[0].send(b"8\r\nevent %d\n\r\n" % i if i < 10 else b"9\r\nevent %d\n\r\n" % i)
        undo.until(text)
    said[0].send("0\r\n\r\n")
    while not undo.is_over:
        undo.chunk()
    assert undo.text == text and undo.undo.eof
    assert client.get("/", "X: y\r\n" + ACCEPT, method="HEAD") is not None


def endless(x, count, piece):
    x.send(f"HTTP/1.1 200 OK\r\n{HTML}Content-Length: {count * len(piece)}\r\n\r\n")
    for _ in range(count):
        x.send(piece)


def rss(weir):
    with open(f"/proc/{max(weir.children)}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_long_answer_takes_no_memory_and_lets_others_go_first(bench, coding):
    piece, count = TEXT * 20, 100  # 16 MB of text

    def answer(x):
        if x.request.target == "/":
            x.reply()
        else:
            endless(x, count, piece)
    _, weir, slow = served(bench, answer=answer, gzip={"max_size": 0})
    other = bench.connect(weir)
    other.get("/")
    before = rss(weir)
    slow.send(f"GET /x HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {coding}\r\n\r\n")
    head = slow.head()
    most = 0
    for _ in range(50):
        most = max(most, timed(lambda: other.get("/")))
    slow.reader.response_body(head)
    assert rss(weir) - before < (100_000 if is_sanitized() else 12_000)
    undo = zlib.decompressobj(31).decompress if coding == "gzip" else brotli.Decompressor().process
    assert hashlib.sha256(undo(head.body)).digest() == hashlib.sha256(piece * count).digest()
    assert most < 2


def test_what_cannot_be_compressed(bench):
    body = random.Random(1).randbytes(600_000)
    response = served(bench, body=body)[2].get("/", ACCEPT)
    assert plain(response) == body


def test_a_bandwidth_class_counts_what_is_written(bench):
    text = b"".join(random.Random(i).randbytes(100).hex().encode() for i in range(3000))
    node = bench.node(lambda x: x.reply(200, text, HTML))
    weir = bench.weir([node], bandwidth_classes={"slow": {"maximum": "200k", "sharing": "connection"}},
                      vserver={**ON, "bandwidth_class": "slow"})
    client, got = bench.connect(weir), []
    took = timed(lambda: got.append(client.get("/", ACCEPT)))
    assert plain(got[0]) == text
    assert 0.6 * got[0].size / 204_800 < took, f"{got[0].size} bytes in {took} s"
    assert client.get("/", ACCEPT).status == 200


def test_a_node_that_breaks_off_shows(bench):
    def answer(x):
        x.send(f"HTTP/1.1 200 OK\r\n{HTML}Content-Length: 100000\r\n\r\n", TEXT)
        if x.request.target == "/later":
            for_later.append(x)
        else:
            x.close()
    for_later = []
    _, weir, client = served(bench, answer=answer)
    client.send(f"GET /later HTTP/1.1\r\nHost: a\r\n{ACCEPT}\r\n")
    undo = Undo(client)
    undo.until(TEXT)
    for_later[0].half_close()
    with pytest.raises(Closed):
        undo.chunk()
    assert weir.wait_access(1)[0]["end"] == "node_cut"
    client = bench.connect(weir)
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{ACCEPT}\r\n")
    try:
        assert client.response().status == 502, "before the answer has begun"
    except Closed:
        pass
    assert weir.wait_access(2)[1]["end"] == "node_cut"


def test_malformed_chunks_show(bench):
    def answer(x):
        x.send(f"HTTP/1.1 200 OK\r\n{HTML}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
    _, weir, client = served(bench, answer=answer)
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{ACCEPT}\r\n")
    try:
        assert client.response().status == 502
    except Closed:
        pass
    assert weir.wait_access(1)[0]["reason"] == "node_chunk_size"


def test_a_client_that_goes(bench):
    _, weir, client = served(bench, answer=lambda x: endless(x, 1000, TEXT * 20), gzip={"max_size": 0})
    client.send(f"GET / HTTP/1.1\r\nHost: a\r\n{ACCEPT}\r\n")
    client.head()
    client.reset()
    assert weir.wait_access(1)[0]["end"] == "client_gone"


def test_it_is_counted_and_traced(bench):
    _, weir, client = served(bench)
    sizes = [client.get("/", ACCEPT).size for _ in range(3)]
    client.get("/")
    main = weir.status()["virtual_servers"]["main"]
    assert main["compressed_total"] == 3
    assert main["compressed_from_bytes_total"] == 3 * len(TEXT)
    assert main["compressed_to_bytes_total"] == sum(sizes)


# ---- what does not fit together -------------------------------------------------------------------------

@pytest.mark.parametrize("code", [204, 304])
def test_answers_without_a_body(bench, code):
    def answer(x):
        x.send(f"HTTP/1.1 {code} X\r\n{HTML}" + 'ETag: "x"\r\n\r\n')
    client = served(bench, answer=answer, gzip={"min_size": 0})[2]
    for _ in range(2):
        response = client.get("/", ACCEPT)
        assert (response.status, response.body, response.get("Content-Encoding")) == (code, b"", None)
        assert response.get("ETag") == '"x"'


@pytest.mark.parametrize("accept, coding", [
    ("identity;q=0", None), ("*;q=0", None), ("gzip;q=0, *;q=1", "br"), ("br;q=0,gzip;q=0,*", None),
    ("gzip;q=1.0001", None), ("gzip;q=-1", None), ("gzip;q=0.000", None), ("gzip;q=0.001", "gzip"),
    ("gzip;q=", None), (";q=1", None), ("GZIP", "gzip"), ("x-gzip", "gzip"), ("gzip;q=1;q=0", None),
    (",,gzip,,", "gzip"), ("gzip , br;q=0", "gzip"), ("gzip\t;\tq=1", "gzip"), ("gzipped", None), ("", None)])
def test_strange_wishes(bench, accept, coding):
    response = served(bench)[2].get("/", f"Accept-Encoding: {accept}\r\n")
    assert response.status == 200 and response.get("Content-Encoding") == coding
    assert plain(response) == TEXT


def test_wishes_in_several_lines(bench):
    client = served(bench)[2]
    assert client.get("/", "Accept-Encoding: identity\r\nAccept-Encoding: gzip\r\n").get("Content-Encoding") == "gzip"
    assert client.get("/", "Accept-Encoding: gzip\r\nAccept-Encoding: gzip;q=0\r\n").get("Content-Encoding") is None


@pytest.mark.parametrize("vary, expected", [
    ("Vary: Accept-Encoding\r\n", ["Accept-Encoding"]), ("Vary: accept-encoding, X\r\n", ["accept-encoding, X"]),
    ("Vary: *\r\n", ["*"]), ("Vary: X\r\n", ["X", "Accept-Encoding"])])
def test_vary_is_added_once(bench, vary, expected):
    assert served(bench, HTML + vary)[2].get("/", ACCEPT).all("Vary") == expected


def test_a_slow_reader_costs_no_more_than_its_buffers(bench):
    """A client that asks for much and reads nothing: the node is not read either."""
    sent = []

    def answer(x):
        x.send(f"HTTP/1.1 200 OK\r\n{HTML}Transfer-Encoding: chunked\r\n\r\n")
        piece = random.Random(1).randbytes(65536)
        for _ in range(1000):
            x.send(b"10000\r\n" + piece + b"\r\n")
            sent.append(len(piece))
        x.send("0\r\n\r\n")
    _, weir, client = served(bench, answer=answer, gzip={"max_size": 0})
    slow = bench.connect(weir, receive_buffer=4096)
    client.get("/", method="HEAD", headers="Accept-Encoding: identity\r\n")
    before = rss(weir)
    slow.send(f"GET / HTTP/1.1\r\nHost: a\r\n{ACCEPT}\r\n")
    last = -1
    while len(sent) != last:
        last = len(sent)
        time.sleep(0.5)
    assert last < 900, "it is not read to its end"
    assert rss(weir) - before < (100_000 if is_sanitized() else 12_000)
