# SPDX-License-Identifier: Apache-2.0
"""A node that answers nonsense costs the client a 502, never nonsense."""
import threading

import pytest

GARBAGE = [
    b"\x16\x03\x01\x00\x05hello", b"hello world\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 099 OK\r\n\r\n", b"HTTP/2 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000 + b"\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\n\r\nhello",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda g: repr(g[:50])[2:-1])
def test_garbage(bench, garbage):
    def answer(exchange):
        if exchange.request.target == "/good":
            exchange.reply()
        else:
            exchange.send(garbage)

    node = bench.node(answer)
    weir = bench.weir([node], pool={"passive_monitoring": False})
    client = bench.connect(weir)
    response = client.get("/")
    assert response.status == 502
    assert b"hello" not in response.body
    assert node.wait_ended(0)
    client = client if response.get("Connection") is None else bench.connect(weir)
    assert client.get("/good").text == "ok"
    assert weir.wait_access(1)[0]["status"] == 502


def test_a_chunk_that_is_none_in_the_first_bytes(bench):
    node = bench.node(lambda x: x.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "3\r\nabc\r\nnonsense\r\n0\r\n\r\n"))
    client = bench.connect(bench.weir([node]))
    assert client.get("/").status == 502


def test_a_chunk_that_is_none_later_cuts_the_response(bench):
    """The head has gone out: all that can still be said is that the body is not whole."""
    has_begun = threading.Event()

    def answer(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        has_begun.wait(10)
        exchange.send("nonsense\r\n0\r\n\r\n")

    client = bench.connect(bench.weir([bench.node(answer)]))
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.head().status == 200
    assert client.reader.exactly(8) == b"3\r\nabc\r\n"
    has_begun.set()
    assert client.ending() in ("end", "reset")
