# SPDX-License-Identifier: Apache-2.0
"""A request whose end or meaning two readers could see differently is refused and the connection
closed; nothing of it, and nothing behind it, reaches a node."""
import pytest

from lab.http1 import Closed

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
BAD = {
    "length twice": ("Content-Length: 3\r\nContent-Length: 4\r\n", "abc", 400),
    "length list": ("Content-Length: 3, 4\r\n", "abc", 400),
    "length signed": ("Content-Length: +3\r\n", "abc", 400),
    "length negative": ("Content-Length: -1\r\n", "abc", 400),
    "length hex": ("Content-Length: 0x3\r\n", "abc", 400),
    "length empty": ("Content-Length:\r\n", "abc", 400),
    "length huge": ("Content-Length: 99999999999999999999\r\n", "abc", 400),
    "length and chunked": ("Content-Length: 3\r\n" + CHUNKED, "0\r\n\r\n", 400),
    "chunked and length": (CHUNKED + "Content-Length: 3\r\n", "0\r\n\r\n", 400),
    "coding unknown": ("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n", 501),
    "coding gzip": ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 501),
    "coding twice": (CHUNKED + CHUNKED, "0\r\n\r\n", 501),
    "coding identity": ("Transfer-Encoding: identity\r\n", "", 501),
    "blank before colon": ("Content-Length : 3\r\n", "abc", 400),
    "folded": ("X: a\r\n b\r\n", "", 400),
    "bare line feed": ("X: a\nY: b\r\n", "", 400),
    "bare carriage return": ("X: a\rY: b\r\n", "", 400),
    "nul": ("X: a\0b\r\n", "", 400),
    "no colon": ("X\r\n", "", 400),
    "empty name": (": x\r\n", "", 400),
    "second host": ("Host: b\r\n", "", 400),
    "unknown expectation": ("Expect: a-miracle\r\n", "", 417),
}


@pytest.fixture
def proxy(bench):
    node = bench.node()
    return node, bench.weir([node])


def refused(proxy, bench, request, status):
    node, weir = proxy
    client = bench.connect(weir)
    try:
        client.send(request)
        response = client.response()
        assert response.status == status
        assert response.get("Connection") == "close"
        assert client.ending() in ("end", "reset")
    except (Closed, BrokenPipeError, ConnectionResetError) as closed:
        pytest.fail(f"no answer but {closed}")
    assert bench.connect(weir).get("/after").status == 200
    assert [r.target for r in node.requests] == ["/after"]


@pytest.mark.parametrize("name", BAD)
def test_header(bench, proxy, name):
    lines, body, status = BAD[name]
    refused(proxy, bench, f"POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n{body}{SMUGGLED}", status)


@pytest.mark.parametrize("line,status", [
    ("GET /", 400), ("GET  / HTTP/1.1", 400), ("GET / HTTP/1.1 ", 400), ("GET / HTTP/2.0", 505),
    ("GET / http/1.1", 400), ("G@T / HTTP/1.1", 400), ("GET /a b HTTP/1.1", 400),
    ("GET a HTTP/1.1", 400), ("CONNECT a:80 HTTP/1.1", 501), ("GET http://b/ HTTP/1.1", 400),
    ("GET /" + "a" * 100_000 + " HTTP/1.1", 414),
], ids=lambda value: value[:20] if isinstance(value, str) else value)
def test_request_line(bench, proxy, line, status):
    node, weir = proxy
    client = bench.connect(weir)
    client.send(f"{line}\r\nHost: a\r\n\r\n{SMUGGLED}")
    assert client.response().status in (status, 400)
    assert client.ending() in ("end", "reset")
    assert node.requests == []


def test_a_missing_host(bench, proxy):
    refused(proxy, bench, "GET / HTTP/1.1\r\n\r\n" + SMUGGLED, 400)


def test_too_many_headers(bench, proxy):
    refused(proxy, bench, "GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 5000 + "\r\n", 431)


def test_too_large_a_header(bench, proxy):
    refused(proxy, bench, "GET / HTTP/1.1\r\nHost: a\r\nX: " + "y" * 300_000 + "\r\n\r\n", 431)


def test_length_and_coding_of_http_1_0(bench, proxy):
    refused(proxy, bench, f"POST / HTTP/1.0\r\n{CHUNKED}\r\n0\r\n\r\n", 400)


@pytest.mark.parametrize("chunks", [
    "x\r\nabc\r\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "-3\r\nabc\r\n0\r\n\r\n",
    "0x3\r\nabc\r\n0\r\n\r\n", "3 \r\nabc\n0\r\n\r\n", "fffffffffffffffff\r\n", "\r\nabc\r\n0\r\n\r\n",
    "3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
], ids=repr)
def test_chunk_framing(bench, proxy, chunks):
    """The node may have seen the good beginning, but never an end, nor what is behind."""
    node, weir = proxy
    client = bench.connect(weir)
    client.send(f"POST / HTTP/1.1\r\nHost: a\r\n{CHUNKED}\r\n{chunks}{SMUGGLED}")
    assert client.response().status == 400
    assert client.ending() in ("end", "reset")
    assert bench.connect(weir).get("/after").status == 200
    assert [r.target for r in node.requests] == ["/after"]
