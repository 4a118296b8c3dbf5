# SPDX-License-Identifier: Apache-2.0
"""Rules that look into request bodies and change them: what they see, what the node gets, and that
nothing of it touches the next request."""
import gzip
import hashlib
import os
import random
import signal
import threading
import zlib
from functools import partial

import brotli
import pytest

from lab.wait import until

KIB = random.Random(1).randbytes(1024)
SAY = 'http.setHeader("X-Saw", #http.getBody() .. ":" .. string.hexencode(string.hashSHA256(http.getBody())))'


def saw(data):
    return f"{len(data)}:{hashlib.sha256(data).hexdigest()}"


def chunks(*pieces, end="0\r\n\r\n"):
    return [*(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces), end]


def post(body=b"", headers=""):
    return f"POST / HTTP/1.1\r\nHost: a\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("size", [0, 1, 1000, 65536, 1 << 20])
def test_a_counted_body_is_seen_and_passes(bench, size):
    body = (KIB * 1024)[:size]
    node = bench.node()
    client = bench.connect(bench.weir([node], request=SAY))
    for _ in range(2):
        assert client.get("/", method="PUT", body=body).status == 200
    for request in node.requests:
        assert (request.framing, request.get("X-Saw")) == ("length", saw(body))
        assert request.digest.digest() == hashlib.sha256(body).digest()
    assert client.get("/").status == 200
    assert node.requests[-1].get("X-Saw") == saw(b"")
    assert len(node.connections) == 1


def test_a_body_in_pieces_and_the_request_behind_it(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request=SAY))
    whole = post(KIB * 50)
    client.send(*(whole[i:i + 997] for i in range(0, len(whole), 997)), "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [client.response().status for _ in range(2)] == [200, 200]
    assert [(r.target, r.get("X-Saw")) for r in node.requests] == [("/", saw(KIB * 50)), ("/next", saw(b""))]


def test_chunks_stay_chunks_with_their_trailers(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request=SAY))
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                *chunks(b"abc", b"defg", end="0\r\nChecksum: 42\r\n\r\n"))
    assert client.response().status == 200
    request = node.requests[0]
    assert (request.framing, request.body, request.trailers) == ("chunked", b"abcdefg", [("Checksum", "42")])
    assert request.get("X-Saw") == saw(b"abcdefg")
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks())
    assert client.response().status == 200
    assert (node.requests[1].framing, node.requests[1].body) == ("chunked", b"")


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("count", [1, 5, 1000])
def test_the_first_bytes_do_not_wait_for_the_rest(bench, framing, count):
    node = bench.node(lambda x: (x.read_body(), x.reply()), early=True)
    client = bench.connect(bench.weir([node], request=f'http.setHeader("X-Saw", http.getBody({count}))'))
    first, rest = b"x" * count, KIB * 300
    if framing == "length":
        client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {count + len(rest)}\r\n\r\n", first)
    else:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks(first, end=b""))
    assert node.wait_for(1)[0].get("X-Saw") == first.decode()
    client.send(rest if framing == "length" else b"".join(p if isinstance(p, bytes) else p.encode()
                                                          for p in chunks(rest)))
    assert client.response().status == 200
    assert node.requests[0].framing == framing
    assert node.requests[0].digest.digest() == hashlib.sha256(first + rest).digest()
    assert client.get("/").status == 200


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_more_than_the_buffer_is_an_error_that_can_be_caught(bench, framing):
    node = bench.node()
    weir = bench.weir([node], request="""
        local ok, why = pcall(http.getBody)
        if http.getPath() == "/fatal" then http.getBody() end
        http.setHeader("X-Why", ok and "fine" or why)
        http.setHeader("X-First", http.getBody(3))
    """, vserver={"rules": {"buffer": "4k"}})
    body = (KIB * 5)[:4097]

    def send(client, target, body):
        if framing == "length":
            return client.get(target, method="POST", body=b"abc" + body[3:])
        client.send(f"POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                    *chunks(b"abc" + body[3:1000], body[1000:]))
        return client.response()

    client = bench.connect(weir)
    assert send(client, "/", body).status == 200
    assert "http.getBody: the body has more than rules.buffer (4096 bytes)" in node.requests[0].get("X-Why")
    assert "request.lua:2:" in node.requests[0].get("X-Why")
    assert node.requests[0].get("X-First") == "abc"
    assert node.requests[0].body == b"abc" + body[3:]
    assert send(client, "/", body[:4096]).status == 200
    assert (node.requests[1].get("X-Why"), node.requests[1].body[3:]) == ("fine", body[3:4096])
    assert send(client, "/fatal", body).status == 500
    assert len(node.requests) == 2


@pytest.mark.parametrize("coding, data", [
    ("gzip", gzip.compress(KIB * 100)),
    ("gzip", gzip.compress(KIB * 60) + gzip.compress(KIB * 40)),
    ("deflate", zlib.compress(KIB * 100)),
    ("deflate", zlib.compress(KIB * 100)[2:-4]),
    ("br", brotli.compress(KIB * 100)),
], ids=["gzip", "two members", "deflate", "bare deflate", "br"])
def test_content_codings_are_undone_for_the_rule_only(bench, coding, data):
    node = bench.node()
    client = bench.connect(bench.weir([node], request=SAY))
    head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {coding}\r\nContent-Length: {len(data)}\r\n\r\n"
    client.send(head, *(data[i:i + 5000] for i in range(0, len(data), 5000)))
    assert client.response().status == 200
    request = node.requests[0]
    assert (request.get("Content-Encoding"), request.get("X-Saw")) == (coding, saw(KIB * 100))
    assert request.body == data


@pytest.mark.parametrize("coding, data, why", [
    ("gzip", b"not gzip at all", "malformed"),
    ("gzip", gzip.compress(KIB)[:-9], "ends in the middle"),
    ("br", b"\xff" * 50, "malformed"),
    ("zstd", b"anything", "not gzip, deflate or br"),
    ("gzip, br", b"anything", "not gzip, deflate or br"),
], ids=["gzip", "cut gzip", "br", "zstd", "two"])
def test_codings_that_cannot_be_undone(bench, coding, data, why):
    node = bench.node()
    client = bench.connect(bench.weir([node], request="""
        local body, why = http.getBody()
        http.setHeader("X-Why", tostring(body) .. ": " .. why)"""))
    assert client.get("/", f"Content-Encoding: {coding}\r\n", method="POST", body=data).status == 200
    assert node.requests[0].get("X-Why").startswith("nil: ") and why in node.requests[0].get("X-Why")
    assert node.requests[0].body == data


@pytest.mark.parametrize("coding, pack", [("gzip", gzip.compress), ("br", partial(brotli.compress, quality=4))],
                         ids=["gzip", "br"])
def test_a_bomb_is_bounded(bench, coding, pack):
    node, bomb = bench.node(), pack(b"abc" + bytes(100_000_000))  # takes its time: who connects must speak
    client = bench.connect(bench.weir([node], request="""
        http.setHeader("X-First", http.getBody(3))
        http.setHeader("X-Why", select(2, pcall(http.getBody)))"""))
    assert client.get("/", f"Content-Encoding: {coding}\r\n", method="POST", body=bomb).status == 200
    assert node.requests[0].get("X-First") == "abc"
    assert "more than rules.buffer (1048576 bytes)" in node.requests[0].get("X-Why")
    assert node.requests[0].body == bomb


def test_lines(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request="""
        local lines = http.getBodyLines()
        http.setHeader("X-Lines", #lines .. ":" .. table.concat(lines, "|"))
        http.setHeader("X-First", table.concat(http.getBodyLines(4), "|"))"""))
    assert client.get("/", method="POST", body=b"one\r\ntwo\n\nfour").status == 200
    assert node.requests[0].get("X-Lines") == "4:one|two||four"
    assert node.requests[0].get("X-First") == "one"
    client.get("/", method="POST", body=b"\n")
    assert node.requests[1].get("X-Lines") == "1:"
    client.get("/")
    assert node.requests[2].get("X-Lines") == "0:"


def test_an_expecting_client_is_told_to_send(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request='if http.getPath() == "/read" then http.getBody() end'))
    client.send("POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.head().status == 100
    client.send("abc")
    assert client.response().status == 200
    assert (node.requests[0].get("Expect"), node.requests[0].body) == (None, b"abc")
    client.send("POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    assert client.response().status == 200  # nothing to ask for any more
    assert client.get("/").status == 200


def test_a_response_rule_reads_what_a_request_rule_has_read(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request="""
        if http.getPath() == "/read" then http.getBody() end
        if http.getPath() == "/some" then http.getBody(2) end
    """, response="""
        http.setResponseHeader("X-Body", tostring(http.getBody()))
        http.setResponseHeader("X-Two", tostring(http.getBody(2)))"""))
    expected = {"/read": ("abc", "ab"), "/": ("nil", "nil"), "/some": ("abc", "ab")}
    for target, values in expected.items():
        response = client.get(target, method="POST", body=b"abc")
        assert (response.get("X-Body"), response.get("X-Two")) == values, target
    response = client.get("/some")
    assert (response.get("X-Body"), response.get("X-Two")) == ("", "")
    client.send("POST /some HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nab")
    client.send(b"x" * 99998)
    response = client.response()
    assert (response.get("X-Body"), response.get("X-Two")) == ("nil", "ab")


@pytest.mark.parametrize("end", ["half_close", "reset"])
def test_a_client_that_goes_in_the_middle(bench, end):
    node = bench.node()
    weir = bench.weir([node], request="http.getBody()")
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    getattr(client, end)()
    assert weir.wait_access(1)[0]["end"] in ("client_cut", "client_gone")
    assert node.requests == []
    assert bench.connect(weir).get("/").status == 200


def test_a_malformed_body_is_refused_while_a_rule_waits(bench):
    node = bench.node()
    weir = bench.weir([node], request="pcall(http.getBody)")
    for pieces in (["3\r\nabc\r\n", "zz\r\n"], ["zz\r\n"]):
        client = bench.connect(weir)
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.send(*pieces)
        response = client.response()
        assert (response.status, response.get("Connection")) == (400, "close")
        assert client.ending() == "end"
    assert node.requests == []


def test_a_slow_client_has_its_deadlines(bench):
    node = bench.node()
    weir = bench.weir([node], request="http.getBody()", vserver={"timeouts": {"body": "500ms"}})
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    assert client.response().status == 408
    assert weir.wait_access(1)[0]["end"] == "body_timeout"
    weir = bench.weir([node], request="http.getBody()",
                      vserver={"connection": {"min_upload_rate": 1000, "min_rate_grace": "1s"}})
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    assert client.response().status == 408
    assert weir.wait_access(1)[0]["end"] == "slow_upload"
    weir = bench.weir([node], request="http.getBody()", vserver={"rules": {"wall_time": "500ms"}})
    client = bench.connect(weir)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
    assert client.response().status == 500
    assert node.requests == []


def test_others_go_on_while_one_rule_waits(bench):
    node = bench.node()
    weir = bench.weir([node], request=SAY)
    slow, quick = bench.connect(weir), bench.connect(weir)
    slow.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
    for i in range(20):
        assert quick.get("/", method="POST", body=b"%d" % i).status == 200
    slow.send("def")
    assert slow.response().status == 200
    assert node.requests[-1].body == b"abcdef"
    assert [r.body for r in node.requests[:-1]] == [b"%d" % i for i in range(20)]


def test_a_body_that_was_read_is_sent_again_to_another_node(bench):
    bad, good = bench.node(lambda x: x.close()), bench.node()
    client = bench.connect(bench.weir([bad, good], request="http.getBody() http.setIdempotent(true)"))
    body = KIB * 500
    for _ in range(4):
        assert client.get("/", method="POST", body=body).status == 200
    assert all(r.digest.digest() == hashlib.sha256(body).digest() for r in good.requests)
    assert len(good.requests) == 4 and len(bad.requests) >= 1


def stop(worker):
    os.kill(worker, signal.SIGSTOP)

    def is_stopped():
        with open(f"/proc/{worker}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    until(is_stopped, f"process {worker} to stop")


@pytest.mark.parametrize("first", ["client", "node"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_node_breaks_at_the_rest_of_a_body_that_was_read_in_part(bench, method, framing, first):
    """weir hears of the rest and of the break in the same turn, so it writes to a connection that is
    broken. Another node gets all of the body, or none does and the rest is no request."""
    may_break, broken = threading.Event(), threading.Event()

    def answer(x):
        if broken.is_set():
            x.read_body()
            return x.reply()
        assert may_break.wait(10)
        x.reset()
        broken.set()
    nodes = [bench.node(answer, early=True) for _ in range(2)]
    weir = bench.weir(nodes, request="http.getBody(3)")
    client, worker = bench.connect(weir), weir.children[0]
    rest = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    if framing == "length":
        client.send(f"{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(rest) + 3}\r\n\r\nabc")
        pieces = [rest]
    else:
        client.send(f"{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks(b"abc", end=""))
        pieces = chunks(rest)
    until(lambda: any(node.requests for node in nodes), "the request at a node")
    stop(worker)
    for who in ("client", "node") if first == "client" else ("node", "client"):
        if who == "client":
            client.send(*pieces)
        else:
            may_break.set()
            assert broken.wait(10)
    os.kill(worker, signal.SIGCONT)
    response = client.response()
    requests = [request for node in nodes for request in node.requests]
    assert {request.target for request in requests} == {"/"}
    if method == "PUT":
        assert response.status == 200
        assert [request.body for request in requests if request.connection.ended is None] == [b"abc" + rest]
        assert client.get("/next").status == 200
    else:
        assert response.status == 502 and len(requests) == 1
        assert client.ending() in ("end", "reset")
        assert [request.target for node in nodes for request in node.requests] == ["/"]


# ---- setBody --------------------------------------------------------------------------------------

@pytest.mark.parametrize("read", ["", "http.getBody()", "http.getBody(1)"])
@pytest.mark.parametrize("framing", ["none", "length", "chunked"])
def test_another_body_in_its_place(bench, read, framing):
    node = bench.node()
    client = bench.connect(bench.weir([node], request=read + """
        if http.getPath() ~= "/plain" then http.setBody(string.rep("new", 50000)) end
    """, pool={"http": {"keepalive_non_idempotent": True}}))
    for number in range(2):
        if framing == "none":
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        elif framing == "length":
            client.send(post(KIB * 200, "Content-Encoding: identity\r\n"))
        else:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
                        *chunks(KIB * 100, KIB * 100, end="0\r\nChecksum: 1\r\n\r\n"))
        assert client.response().status == 200
        request = node.requests[number]
        assert (request.framing, request.body) == ("length", b"new" * 50000)
        assert request.all("Content-Length") == ["150000"] and request.get("Content-Encoding") is None
    assert client.get("/plain", method="POST", body=b"old").status == 200
    assert node.requests[2].body == b"old"
    assert len(node.connections) == 1


def test_an_empty_body_and_one_that_is_set_twice(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request="""
        http.setBody("longer than the other") http.setBody(http.getHeader("X-Body") or "")
        http.setHeader("X-Saw", http.getBody())"""))
    assert client.get("/", method="POST", body=b"abc").status == 200
    assert (node.requests[0].body, node.requests[0].get("Content-Length")) == (b"", "0")
    assert client.get("/", "X-Body: short\r\n").status == 200
    assert (node.requests[1].body, node.requests[1].get("X-Saw")) == (b"short", "short")


def test_a_rule_given_up_while_it_drops_the_body_leaves_no_second_request(bench):
    """What the client still sends of the old body must never be read as a request."""
    node = bench.node()
    weir = bench.weir([node], request='http.setBody("new")',
                      vserver={"rules": {"wall_time": "300ms", "on_error": "continue"}})
    client = bench.connect(weir)
    smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(smuggled) + 3}\r\n\r\nabc")
    assert node.wait_for(1)[0].body == b"new"
    response = client.response()
    assert (response.status, response.get("Connection")) == (200, "close")
    client.send(smuggled)
    assert client.ending() == "end"
    assert [r.target for r in node.requests] == ["/"]


def test_an_answer_of_the_rule_after_the_body(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request='http.sendResponse(200, nil, http.getBody())'))
    for body in (b"abc", b"", KIB * 300):
        response = client.get("/", method="POST", body=body)
        assert (response.body, response.get("Connection")) == (body, None)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks(b"abc"))
    assert client.response().body == b"abc"


# ---- forms ----------------------------------------------------------------------------------------

FORM = """
    local function show(value) return value == nil and "nil" or (tostring(value):gsub("[\\r\\n]", "~")) end
    http.setHeader("X-A", show(http.getFormParam("a")))
    http.setHeader("X-All", show(http.getFormParam("a", ",")))
    http.setHeader("X-Names", table.concat(http.listFormParamNames(), ","))
    http.setHeader("X-Has", show(http.doesFormParamExist("b c")) .. show(http.doesFormParamExist("z")))
    local params = http.getFormParams()
    http.setHeader("X-Table", show(params.a) .. show(params["b c"]) .. show(params.z))
"""
URLENCODED = "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\n"
MULTIPART = (b"preamble\r\n--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n2\r\n"
             b"--XX  \r\nContent-Disposition: form-data; name=\"up;load\"; filename=\"x.txt\"\r\n"
             b"Content-Type: text/plain\r\nX-Of: it\r\n\r\nline\r\n--XXno\r\nline\r\n"
             b"--XX\r\nContent-Disposition: form-data; name=\"b c\"\r\n\r\n\r\n--XX--\r\nepilogue")


def seen(request):
    return [request.get(f"X-{name}") for name in ("A", "All", "Names", "Has", "Table")]


def test_forms(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request=FORM))
    client.get("/?a=1&b+c=%41+%zz&&a=2&d")
    assert seen(node.requests[-1]) == ["1", "1,2", "a,b c,d", "truefalse", "1A %zznil"]
    client.get("/?a=1", URLENCODED, method="POST", body=b"a=2&b%20c=x%3Dy&e=")
    assert seen(node.requests[-1]) == ["1", "1,2", "a,b c,e", "truefalse", "1x=ynil"]
    assert node.requests[-1].body == b"a=2&b%20c=x%3Dy&e="
    client.get("/?a=1", URLENCODED, method="PUT", body=b"a=2&b%20c=x%3Dy&e=")
    assert seen(node.requests[-1]) == ["1", "1", "a", "falsefalse", "1nilnil"]
    client.get("/", 'Content-Type: multipart/form-data; boundary="XX"\r\n', method="POST", body=MULTIPART)
    assert seen(node.requests[-1]) == ["2", "2", "a,b c", "truefalse", "2nil"]
    client.get("/")
    assert seen(node.requests[-1]) == ["nil", "nil", "", "falsefalse", "nilnilnil"]


def test_attachments(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request="""
        local part = http.getHeader("X-Part")
        local body, kind, headers = http.getMultipartAttachment(tonumber(part) or part)
        if body == nil then return http.setHeader("X-Got", "nil " .. kind) end
        http.setHeader("X-Got", string.hexencode(body) .. " " .. tostring(kind) .. " " .. tostring(headers["x-of"]))
    """))
    multi = "Content-Type: multipart/form-data; boundary=XX\r\n"
    file = b"line\r\n--XXno\r\nline".hex()
    for part, expected in {"1": b"2".hex() + " nil nil", "2": file + " text/plain it", "3": " nil nil",
                           "4": "nil the request has no such part", "a": b"2".hex() + " nil nil",
                           "up;load": file + " text/plain it", "up": "nil the request has no such part"}.items():
        client.get("/", f"X-Part: {part}\r\n{multi}", method="POST", body=MULTIPART)
        assert node.requests[-1].get("X-Got") == expected.strip(), part
        assert node.requests[-1].body == MULTIPART
    client.get("/", "X-Part: 1\r\nContent-Type: text/plain\r\n", method="POST", body=MULTIPART)
    assert node.requests[-1].get("X-Got") == "nil the request has no multipart body"


def test_a_form_that_comes_in_pieces(bench):
    node = bench.node()
    client = bench.connect(bench.weir([node], request=FORM))
    body = b"a=1&b+c=2&a=3"
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{URLENCODED}Content-Length: {len(body)}\r\n\r\n")
    client.send(*(body[i:i + 1] for i in range(len(body))))
    assert client.response().status == 200
    assert seen(node.requests[-1]) == ["1", "1,3", "a,b c", "truefalse", "12nil"]


@pytest.mark.parametrize("call, message", [
    ("http.getBody(-1)", "http.getBody: argument 1 (count): expected a number from 0"),
    ("http.getBody('x')", "http.getBody: argument 1 (count): expected a number, got string"),
    ("http.getBodyLines({})", "http.getBodyLines: argument 1 (count): expected a number, got table"),
    ("http.setBody()", "http.setBody: argument 1 (body): expected a string, got nothing"),
    ("http.setBody({})", "http.setBody: argument 1 (body): expected a string, got table"),
    ("http.getFormParam()", "http.getFormParam: argument 1 (name): expected a string, got nothing"),
    ("http.getFormParam('a', {})", "http.getFormParam: argument 2 (separator): expected a string, got table"),
    ("http.doesFormParamExist()", "http.doesFormParamExist: argument 1 (name): expected a string"),
    ("http.getMultipartAttachment(0)", "http.getMultipartAttachment: argument 1 (part): expected a number from 1"),
    ("http.getMultipartAttachment()", "http.getMultipartAttachment: argument 1 (part): expected a string"),
])
def test_wrong_arguments(bench, call, message):
    weir = bench.weir([bench.node()], request="\n" + call)
    assert bench.connect(weir).get("/", method="POST", body=b"abc").status == 500
    assert f"request.lua:2: {message}" in weir.wait_log("failed")
