# SPDX-License-Identifier: Apache-2.0
"""Each limit on the bytes of a message: at the limit all is well, one more is refused."""
import threading
import time

import pytest

from lab.http1 import Closed

CHUNKED = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def asked(bench, weir, request):
    """The status of the answer; after a refusal nothing more is heard."""
    client = bench.connect(weir)
    client.send(request)
    status = client.response().status
    if status != 200:
        assert client.ending() in ("end", "reset")
    return status


def limits(bench, **http):
    node = bench.node()
    return node, bench.weir([node], vserver={"http": {"add_cluster_ip": False, **http}})


@pytest.mark.parametrize("more,status", [(-1, 200), (0, 200), (1, 414)])
def test_request_line(bench, more, status):
    node, weir = limits(bench, max_request_line=100)
    line = "GET /" + "a" * (100 - len("GET / HTTP/1.1") + more) + " HTTP/1.1\r\n"
    assert asked(bench, weir, line + "Host: a\r\n\r\n") == status
    assert len(node.requests) == (status == 200)


@pytest.mark.parametrize("more,status", [(-1, 200), (0, 200), (1, 431)])
def test_head(bench, more, status):
    node, weir = limits(bench, max_request_line=100, max_head=1000)
    begin = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    assert asked(bench, weir, begin + "x" * (1000 - len(begin) - 4 + more) + "\r\n\r\n") == status
    assert len(node.requests) == (status == 200)


@pytest.mark.parametrize("more,status", [(-1, 200), (0, 200), (1, 431)])
def test_fields(bench, more, status):
    _, weir = limits(bench, max_fields=10)
    assert asked(bench, weir, "GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * (9 + more) + "\r\n") == status


@pytest.mark.parametrize("more,status", [(-1, 200), (0, 200), (1, 431)])
def test_trailer(bench, more, status):
    """Bytes of the trailer's lines, their CRLFs too."""
    node, weir = limits(bench, max_trailer=64)
    lines = "X: " + "x" * (64 - len("X: \r\n") + more) + "\r\n"
    assert asked(bench, weir, CHUNKED + "3\r\nabc\r\n0\r\n" + lines + "\r\n") == status
    assert len(node.requests) == (status == 200)


@pytest.mark.parametrize("more,status", [(-1, 200), (0, 200), (1, 400)])
def test_extension_of_a_chunk(bench, more, status):
    """From the semicolon to the end of the line."""
    _, weir = limits(bench, max_chunk_extension=20)
    extension = ";" + "x" * (19 + more)
    assert asked(bench, weir, CHUNKED + f"3{extension}\r\nabc\r\n0\r\n\r\n") == status


@pytest.mark.parametrize("more,status", [(0, 200), (1, 400)])
def test_extensions_of_a_body(bench, more, status):
    """Sixteen times the limit, and as many as the body has bytes."""
    node, weir = limits(bench, max_chunk_extension=20)
    chunks = "1;" + "x" * 19 + "\r\na\r\n"
    assert 20 * 16 + 16 < 20 * 17
    last = "1;" + "x" * (15 + more) + "\r\na\r\n"  # 16 bytes of data came before it
    assert asked(bench, weir, CHUNKED + chunks * 16 + last + "0\r\n\r\n") == status
    assert len(node.requests) == (status == 200)


def test_dust_with_long_extensions_ends_early(bench):
    """One byte of body in 8 KiB: refused at the first chunk; where that much is allowed, soon."""
    client, body = bench.connect(bench.weir([bench.node()])), "1;" + "x" * 8191 + "\r\na\r\n"
    client.send(CHUNKED + body)
    assert client.response().status == 400
    _, weir = limits(bench, max_chunk_extension="8k")
    client = bench.connect(weir)
    with pytest.raises((Closed, ConnectionError)):
        client.send(CHUNKED)
        for _ in range(100_000):
            client.send(body)
        client.ending()
    line = weir.wait_access(1)[0]
    assert (line["end"], line["detail"]) == ("bad_body", "chunk extensions outweigh the body")
    assert line["bytes_in"] < 400_000


@pytest.mark.parametrize("more,status", [(0, 200), (1, 502)])
def test_informational_heads(bench, more, status):
    def hint(exchange):
        for _ in range(3 + more):
            exchange.send("HTTP/1.1 103 Early Hints\r\n\r\n")
        exchange.reply()

    node = bench.node(hint)
    weir = bench.weir([node], vserver={"http": {"max_informational": 3}})
    client = bench.connect(weir)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    statuses = [client.response().status for _ in range(4)]
    assert statuses == [103, 103, 103, status]
    line = weir.wait_access(1)[0]
    assert line["end"] == ("ok" if status == 200 else "node_bad")


def test_no_informational_head_at_all(bench):
    weir = bench.weir([bench.node()], vserver={"http": {"max_informational": 0}})
    assert bench.connect(weir).get().status == 200


def test_informational_heads_do_not_prolong_the_time_to_reply(bench):
    gone = threading.Event()

    def stall(exchange):
        while not gone.wait(0.1):
            exchange.send("HTTP/1.1 102 Processing\r\n\r\n")

    node = bench.node(stall)
    weir = bench.weir([node], vserver={"http": {"max_informational": 1000}}, pool={"timeouts": {"reply": "600ms"}})
    client = bench.connect(weir)
    start = time.monotonic()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
    while (status := client.response().status) == 102:
        pass
    assert status == 504
    assert 0.5 < time.monotonic() - start < 8
    gone.set()
